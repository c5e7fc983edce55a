//! Payment methods that customers have saved at Corefy, and the kinds that Corefy supports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    card::MaskedCard,
    clock::Timestamp,
    ids::{CustomerId, PartnerId, PaymentMethodId},
    private::Private,
    risk::subject::SubjectId,
};

/// The type code that a request means when it names none.
pub const CARD: &str = "card";

/// A saved way to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentMethod {
    /// Our id.
    pub id: PaymentMethodId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// The customer it belongs to.
    pub customer_id: CustomerId,
    /// Corefy's id, once known.
    pub upstream_id: Option<String>,
    /// Type code, for example `card`.
    pub kind: String,
    /// The card, masked, when it is one.
    pub card: Option<MaskedCard>,
    /// The card's number as a subject of risk, when the card was given to the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_subject: Option<SubjectId>,
    /// When the gateway accepted it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The number of its changes: of two copies, the one with the greater is newer.
    #[serde(default)]
    pub revision: i64,
}

impl PaymentMethod {
    /// Notes that it changed.
    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }
}

/// A payment method that is no card, as a caller describes it. Lives in memory only.
#[derive(Debug)]
pub struct OtherMethod {
    /// Type code.
    pub kind: String,
    /// The method's own fields.
    pub fields: BTreeMap<String, Private>,
}

/// A kind of payment method that the Corefy account accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportedPaymentMethod {
    /// Type code.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// ISO 4217 codes; empty means all of the account's.
    pub currencies: Vec<String>,
}
