//! The money that really moved: what every test judges the gateway by. Entries are only ever added.

use serde::{Deserialize, Serialize};

use crate::domain::{clock::Timestamp, money::Money};

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Which way it moved.
    pub kind: LedgerEntryKind,
    /// The sandbox's id of the intent.
    pub intent_id: String,
    /// The reference the intent was created with.
    pub reference: Option<String>,
    /// The reference the refund was created with; none for charges, chargebacks, and refunds made on the dashboard.
    pub refund_reference: Option<String>,
    /// How much: minor units, more than 0, and the currency.
    pub amount: Money,
    /// When.
    pub at: Timestamp,
}

/// Which way money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerEntryKind {
    /// From the payer.
    Charge,
    /// Back to the payer.
    Refund,
    /// A refund that the payer's bank returned.
    RefundReturned,
    /// Taken back by the payer's bank.
    ChargedBack,
}

/// All movements, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The movements.
    pub entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// The amount paid for intents with this reference, over all their invoices, in minor units.
    pub fn charged(&self, reference: &str) -> i64 {
        self.sum(reference, |kind| match kind {
            LedgerEntryKind::Charge => 1,
            LedgerEntryKind::Refund | LedgerEntryKind::RefundReturned | LedgerEntryKind::ChargedBack => 0,
        })
    }

    /// The amount given back, without refunds that banks returned, in minor units.
    pub fn refunded(&self, reference: &str) -> i64 {
        self.sum(reference, |kind| match kind {
            LedgerEntryKind::Charge | LedgerEntryKind::ChargedBack => 0,
            LedgerEntryKind::Refund => 1,
            LedgerEntryKind::RefundReturned => -1,
        })
    }

    /// The amount that their banks took back, in minor units.
    pub fn charged_back(&self, reference: &str) -> i64 {
        self.sum(reference, |kind| match kind {
            LedgerEntryKind::Charge | LedgerEntryKind::Refund | LedgerEntryKind::RefundReturned => 0,
            LedgerEntryKind::ChargedBack => 1,
        })
    }

    fn sum(&self, reference: &str, sign: impl Fn(LedgerEntryKind) -> i64) -> i64 {
        let is_of = |entry: &&LedgerEntry| entry.reference.as_deref().is_some_and(|own| belongs_to(own, reference));
        self.entries.iter().filter(is_of).map(|entry| sign(entry.kind) * entry.amount.minor).sum()
    }
}

/// Whether what was made with the reference `own` belongs to the intent with this one: it is the same, or that of one of the
/// intent's later invoices, as `pi_1-2` is of `pi_1`.
pub(super) fn belongs_to(own: &str, intent: &str) -> bool {
    own.strip_prefix(intent).is_some_and(|rest| match rest.strip_prefix('-') {
        Some(number) => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        None => rest.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::belongs_to;

    #[test]
    fn later_invoices_belong_to_their_intent_and_to_no_other() {
        for own in ["pi_1", "pi_1-2", "pi_1-10"] {
            assert!(belongs_to(own, "pi_1"), "{own}");
        }
        for own in ["pi_12", "pi_1-", "pi_1-x", "pi_1-2-3", "pi_", "api_1"] {
            assert!(!belongs_to(own, "pi_1"), "{own}");
        }
        assert!(!belongs_to("pi_1", "pi_1-2"), "an invoice does not own its intent");
    }
}
