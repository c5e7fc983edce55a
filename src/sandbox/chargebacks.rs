//! Chargebacks: what a payer's bank takes back of a payment, with which neither the merchant nor the gateway has a say.

use std::time::Duration;

use super::{
    kept::PendingOutcome,
    ledger::{LedgerEntry, LedgerEntryKind},
    payment::{SandboxPayment, SandboxStatus},
    state::State,
};
use crate::{domain::money::Money, upstream::intents::wire::Amount};

/// How long after the charge the payer's bank takes it back, by the sandbox's clock.
pub const CHARGEBACK_TIME: Duration = Duration::from_secs(60);

impl State {
    /// Charges the payer; the bank will take everything back.
    pub fn charge_for_a_while(&mut self, id: &str) {
        self.charge(id);
        self.kept.pending.insert(id.to_owned(), (self.clock.now() + CHARGEBACK_TIME, PendingOutcome::ChargeBack));
    }

    /// Takes back what the payer's bank has not taken back yet.
    pub fn charge_back_the_rest(&mut self, id: &str) {
        let rest = self.kept.intents.get(id).map_or(0, chargeable_back);
        self.charge_back(id, rest);
    }

    /// Takes `minor` units back. `false`, and nothing is done, when that is not within what the payer paid.
    pub fn charge_back(&mut self, id: &str, minor: i64) -> bool {
        let now = self.clock.now();
        let Some(payment) = self.kept.intents.get_mut(id) else { return false };
        if !(1..=chargeable_back(payment)).contains(&minor) {
            return false;
        }
        let amount = Money::new(minor, payment.amount.currency);
        payment.charged_back += minor;
        payment.touch(now);
        self.kept.ledger.entries.push(LedgerEntry {
            kind: LedgerEntryKind::ChargedBack,
            intent_id: payment.id.clone(),
            reference: payment.reference.clone(),
            refund_reference: None,
            amount,
            at: now,
        });
        let amount = Some(Amount(amount.major()));
        self.tell_of_payment(id, Some("payment.charged_back"), |webhook| webhook.amount = amount);
        true
    }
}

/// The minor units that the payer's bank can still take back. It does not ask what was refunded.
pub(super) fn chargeable_back(payment: &SandboxPayment) -> i64 {
    if payment.status == SandboxStatus::Succeeded { payment.amount.minor - payment.charged_back } else { 0 }
}
