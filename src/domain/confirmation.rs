//! How a payment is confirmed: what to pay with, and what the payer's browser and bank have to say. Lives in memory only.

use secrecy::SecretString;

use super::{card::Card, payment_method::PaymentMethod, private::Private};

/// All that a confirmation brings beside the intent itself.
#[derive(Debug)]
pub struct Confirmation<S> {
    /// What to pay with.
    pub source: S,
    /// An authentication that was done elsewhere.
    pub three_d_secure: Option<ThreeDSecure>,
    /// The payer's browser.
    pub browser_info: Option<BrowserInfo>,
}

/// What to pay with.
#[derive(Debug)]
pub enum Source {
    /// A card as typed.
    Card(Card),
    /// A method the customer has saved.
    Saved(PaymentMethod),
}

/// The result of a 3-D Secure authentication. Every part may be empty.
#[derive(Debug)]
pub struct ThreeDSecure {
    /// Protocol version.
    pub version: String,
    /// Electronic commerce indicator.
    pub eci: String,
    /// Cardholder authentication value.
    pub cavv: SecretString,
    /// Transaction id of 3-D Secure 1.
    pub xid: String,
    /// The directory server's transaction id, of 3-D Secure 2.
    pub ds_transaction_id: String,
}

/// The payer's browser, as 3-D Secure 2 wants it described. Sizes are pixels; every part may be empty or
/// unknown.
#[derive(Debug)]
pub struct BrowserInfo {
    /// IPv4 or IPv6 address.
    pub ip: Private,
    /// The `user-agent` header.
    pub user_agent: String,
    /// The `accept` header.
    pub accept_header: String,
    /// BCP 47 tag.
    pub language: String,
    /// Bits a pixel.
    pub color_depth: Option<u32>,
    /// Screen height.
    pub screen_height: Option<u32>,
    /// Screen width.
    pub screen_width: Option<u32>,
    /// Window height.
    pub window_height: Option<u32>,
    /// Window width.
    pub window_width: Option<u32>,
    /// Minutes from local time to UTC.
    pub timezone_offset_minutes: Option<i32>,
    /// Whether Java is enabled.
    pub java_enabled: Option<bool>,
    /// Whether JavaScript is enabled.
    pub javascript_enabled: Option<bool>,
}
