//! How a payment is confirmed: what to pay with, and what the payer's browser and bank have to say. Lives in memory only.

use secrecy::SecretString;

use super::{
    capability::Capability,
    card::Card,
    ids::PaymentMethodId,
    payment_method::{OtherMethod, PaymentMethod},
    private::Private,
};

/// All that a confirmation brings beside the intent itself. `M` stands for a saved payment method: its id, as a caller names
/// it, or the method itself.
#[derive(Debug)]
pub struct Confirmation<M> {
    /// The means of payment.
    pub source: PaymentSource<M>,
    /// An authentication that was done elsewhere.
    pub three_d_secure: Option<ThreeDSecure>,
    /// The payer's browser.
    pub browser_info: Option<BrowserInfo>,
    /// Whether what is paid with is saved.
    pub save_payment_method: bool,
    /// The part in a series of payments.
    pub stored_credential: Option<StoredCredential>,
}

/// The means of payment.
#[derive(Debug)]
pub enum PaymentSource<M> {
    /// A card as typed.
    Card(Card),
    /// A method the customer has saved.
    Saved(M),
    /// A wallet or alternative method.
    Other(OtherMethod),
    /// The means that the payer chooses on Corefy's page.
    HostedPage,
}

impl<M> Confirmation<M> {
    /// The capabilities that Corefy's API must have for it.
    pub fn needs(&self) -> impl Iterator<Item = Capability> {
        let source = match &self.source {
            PaymentSource::Card(_) => Some(Capability::RawCards),
            PaymentSource::Saved(_) => None,
            PaymentSource::Other(_) => Some(Capability::ConfirmOther),
            PaymentSource::HostedPage => Some(Capability::HostedPage),
        };
        let secure = self.three_d_secure.as_ref().map(|_| Capability::ExternalThreeDSecure);
        let save = self.save_payment_method.then_some(Capability::SavePaymentMethod);
        let stored = self.stored_credential.as_ref().map(|_| Capability::StoredCredential);
        [source, secure, save, stored].into_iter().flatten()
    }

    /// Whether the merchant starts it, so that the payer takes no step.
    pub fn is_by_merchant(&self) -> bool {
        self.stored_credential.as_ref().is_some_and(|stored| stored.initiator == Initiator::Merchant)
    }
}

impl Confirmation<PaymentMethodId> {
    /// The same with the method `found` in place of its id. `None` when it names a method and none was found.
    pub fn with_method(self, found: Option<PaymentMethod>) -> Option<Confirmation<PaymentMethod>> {
        let source = match self.source {
            PaymentSource::Card(card) => PaymentSource::Card(card),
            PaymentSource::Saved(_) => PaymentSource::Saved(found?),
            PaymentSource::Other(other) => PaymentSource::Other(other),
            PaymentSource::HostedPage => PaymentSource::HostedPage,
        };
        let Self { three_d_secure, browser_info, save_payment_method, stored_credential, .. } = self;
        Some(Confirmation { source, three_d_secure, browser_info, save_payment_method, stored_credential })
    }
}

/// The part of a payment in a series of payments with the same credentials.
#[derive(Debug)]
pub struct StoredCredential {
    /// The party that starts it.
    pub initiator: Initiator,
    /// The reason for which the credentials are stored.
    pub reason: StorageReason,
    /// The card network's id of the first payment of the series; may be empty.
    pub network_transaction_id: String,
}

/// A party that starts a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// The customer, who is present.
    Customer,
    /// The merchant, by an agreement.
    Merchant,
}

/// A reason for which credentials are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageReason {
    /// A subscription.
    Recurring,
    /// A purchase that is paid in parts.
    Instalment,
    /// Payments without fixed times.
    Unscheduled,
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
