//! The money that really moved: what every test judges the gateway by. Entries are only ever added.

use serde::Serialize;

use crate::domain::{clock::Timestamp, money::Money};

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ledger {
    /// The movements.
    pub entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// The amount paid for intents with this reference, in minor units.
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
        let of_reference = self.entries.iter().filter(|entry| entry.reference.as_deref() == Some(reference));
        of_reference.map(|entry| sign(entry.kind) * entry.amount.minor).sum()
    }
}
