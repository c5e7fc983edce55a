//! The calls of the dialect.

use url::form_urlencoded;

/// A call of the private API, the card gate or the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum CommerceRoute {
    InvoiceCreate,
    InvoiceRead(String),
    /// The invoices with this `reference_id`; all when none is asked for.
    InvoiceList(Option<String>),
    InvoiceRefund(String),
    Balances,
    Sale,
    Prerequest,
}

impl CommerceRoute {
    /// The call that `method` and `path` make. The private API stands at the root and below `/api`.
    pub fn find(method: &str, path: &str, query: Option<&str>) -> Option<Self> {
        let path = path.strip_prefix("/api").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let segments: Vec<&str> = path.strip_prefix('/')?.trim_end_matches('/').split('/').collect();
        Some(match (method, segments.as_slice()) {
            ("POST", ["payment-invoices"]) => Self::InvoiceCreate,
            ("GET", ["payment-invoices"]) => Self::InvoiceList(query.and_then(reference_filter)),
            ("GET", ["payment-invoices", id]) => Self::InvoiceRead((*id).to_owned()),
            ("POST", ["payment-invoices", id, "refund"]) => Self::InvoiceRefund((*id).to_owned()),
            ("GET", ["account", "balances"]) => Self::Balances,
            ("POST", ["payment", "sale"]) => Self::Sale,
            ("POST", ["public-api", "payment-prerequest"]) => Self::Prerequest,
            _ => return None,
        })
    }

    /// Its method, and its path without `/api`, with `{id}` where an id stands.
    pub fn template(&self) -> (&'static str, &'static str) {
        match self {
            Self::InvoiceCreate => ("POST", "/payment-invoices"),
            Self::InvoiceRead(_) => ("GET", "/payment-invoices/{id}"),
            Self::InvoiceList(_) => ("GET", "/payment-invoices/"),
            Self::InvoiceRefund(_) => ("POST", "/payment-invoices/{id}/refund"),
            Self::Balances => ("GET", "/account/balances"),
            Self::Sale => ("POST", "/payment/sale"),
            Self::Prerequest => ("POST", "/public-api/payment-prerequest"),
        }
    }
}

/// The reference that a list is narrowed down to.
fn reference_filter(query: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "filter[reference_id]").map(|(_, value)| value.into_owned())
}
