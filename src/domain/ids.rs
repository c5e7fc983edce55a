//! The gateway's ids: a prefix that tells the kind, then a UUID of version 7, so that ids sort by time of creation.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::id_source::Ids;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The prefix of every id of this kind.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, greater than every one of this source before.
            pub fn generate(ids: &Ids) -> Self {
                Self(format!("{}{}", $prefix, ids.uuid().simple()))
            }

            /// Reads an id of exactly this kind.
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text, $prefix).then(|| Self(text.to_owned()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(/** Id of a payment intent, `pi_…`. */ PaymentIntentId, "pi_");
id!(/** Id of an attempt to pay an intent, `att_…`. */ AttemptId, "att_");
id!(/** Id of a refund, `re_…`. */ RefundId, "re_");
id!(/** Id of a chargeback, `cb_…`. */ ChargebackId, "cb_");
id!(/** Id of a customer, `cus_…`. */ CustomerId, "cus_");
id!(/** Id of a saved payment method, `pm_…`. */ PaymentMethodId, "pm_");
id!(/** Id of an event, `evt_…`. */ EventId, "evt_");
id!(/** Id of an operation in the journal, `op_…`. */ OperationId, "op_");
id!(/** Id of an entry of the audit log, `aud_…`. */ AuditEntryId, "aud_");
id!(/** Id of a received webhook, `wh_…`. */ WebhookId, "wh_");
id!(/** Id of a decision about the risk of an attempt, `rd_…`. */ RiskDecisionId, "rd_");
id!(/** Id of an erasure, `era_…`. */ ErasureId, "era_");
id!(/** Id of a call to Corefy in the log of calls, `call_…`. */ ApiCallId, "call_");

/// The prefix of a payment's id.
const PAYMENT_PREFIX: &str = "pay_";

impl PaymentIntentId {
    /// The id of the payment this intent stands for: the same number behind `pay_`.
    pub fn payment_id(&self) -> String {
        format!("{PAYMENT_PREFIX}{}", &self.0[Self::PREFIX.len()..])
    }

    /// Reads an intent's id from `pi_…` or from its payment's `pay_…`.
    pub fn parse_any(text: &str) -> Option<Self> {
        if is_id(text, PAYMENT_PREFIX) {
            return Some(Self(format!("{}{}", Self::PREFIX, &text[PAYMENT_PREFIX.len()..])));
        }
        Self::parse(text)
    }
}

/// Whether `text` is `prefix` and 32 lower-case hexadecimal digits.
fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

/// Short name of a partner, as in its keys: 1 to 20 of `a-z0-9`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartnerId(String);

/// The longest short name of a partner, in characters.
const PARTNER_ID_LENGTH: usize = 20;

impl PartnerId {
    /// Makes a short name out of a partner's full one: `Acme GmbH` becomes `acmegmbh`. Keeps only ASCII letters and
    /// digits; `None` when there are none.
    pub fn from_name(name: &str) -> Option<Self> {
        let kept = name.chars().filter(char::is_ascii_alphanumeric).take(PARTNER_ID_LENGTH);
        Self::parse(&kept.collect::<String>().to_ascii_lowercase())
    }

    /// Reads a partner's short name.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=PARTNER_ID_LENGTH).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        fits.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_id_leads_back_to_its_intent() {
        let id = PaymentIntentId::generate(&Ids::system());
        assert_eq!(PaymentIntentId::parse_any(&id.payment_id()), Some(id.clone()));
        assert_eq!(PaymentIntentId::parse_any(id.as_str()), Some(id));
    }

    #[test]
    fn ids_of_another_kind_or_form_are_refused() {
        let refund = RefundId::generate(&Ids::system());
        assert_eq!(PaymentIntentId::parse_any(refund.as_str()), None);
        assert_eq!(PaymentIntentId::parse("pi_"), None);
        assert_eq!(PaymentIntentId::parse("pi_0000000000000000000000000000000G"), None);
    }

    #[test]
    fn a_partner_s_short_name_keeps_its_letters_and_digits() {
        let short = |name| PartnerId::from_name(name).map(|id| id.to_string());
        assert_eq!(short("Acme GmbH").as_deref(), Some("acmegmbh"));
        assert_eq!(short("Müller & Söhne 24").as_deref(), Some("mllershne24"));
        assert_eq!(short("The Very Long Name of a Company").as_deref(), Some("theverylongnameofaco"));
        assert_eq!(short("株式会社"), None);
        assert_eq!(short(" - "), None);
    }
}
