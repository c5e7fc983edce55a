//! The page that a payer is sent to, whatever dialect names it.

use url::Url;

use crate::domain::private::Private;

/// The longest address that a payer is sent to, in bytes: RFC 9110 wants at least 8000 understood, and signed addresses of
/// banks come near.
pub const LONGEST_URL: usize = 8192;

/// The address, when it is one of a web page.
pub fn payer_page(url: &str) -> Option<Private> {
    let address = url.trim();
    let url = Url::parse(address).ok()?;
    let leads_somewhere = matches!(url.scheme(), "http" | "https") && url.has_host();
    (leads_somewhere && address.len() <= LONGEST_URL).then(|| Private::new(address))
}
