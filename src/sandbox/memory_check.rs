//! The rules that a memory keeps beside its form: those on which the sandbox relies when it counts.

use super::{
    faults::MAX_PLANS,
    kept::{KeptObjects, MAX_RECORDS},
    ledger_memory::LedgerMemory,
    memory::{MemoryProblem, SandboxMemory},
    named_ledgers::{MAX_LEDGERS, is_name},
    payment::SandboxPayment,
    webhook_queue::MAX_QUEUED,
};
use crate::domain::{
    clock::Timestamp,
    money::{MAX_DIGITS, Money},
};

/// The greatest amount, in minor units: all digits of the contract, and four decimals.
const MAX_MINOR: i64 = 10_i64.pow(MAX_DIGITS + 4);
/// The end of the year 9999: what is later cannot be written.
const LAST_MOMENT: Timestamp = Timestamp(253_402_300_799_999_999);

impl SandboxMemory {
    /// Refuses a memory that no sandbox has written.
    pub(super) fn check(&self) -> Result<(), MemoryProblem> {
        require(is_moment(self.clock.now), "clock.now", "it is not a moment of the years 1970 to 9999")?;
        require(self.named.len() <= MAX_LEDGERS, "named", "there are too many ledgers")?;
        self.ledger.check("ledger")?;
        for (name, ledger) in &self.named {
            let place = format!("named.{name}");
            require(is_name(name), &place, "it is not the name of a ledger")?;
            ledger.check(&place)?;
        }
        Ok(())
    }
}

impl LedgerMemory {
    fn check(&self, place: &str) -> Result<(), MemoryProblem> {
        self.objects.check(&format!("{place}.objects"))?;
        let plans = &self.faults.plans;
        let are_plans = plans.len() <= MAX_PLANS && plans.iter().all(|plan| plan.count > 0);
        require(are_plans, &format!("{place}.faults.plans"), "there are too many, or one of them hits nothing")?;
        let webhooks = &self.webhooks;
        let are_few = webhooks.waiting.len() + webhooks.held.len() <= MAX_QUEUED;
        require(are_few, &format!("{place}.webhooks"), "too many wait or are held")?;
        require(webhooks.log.is_sound(), &format!("{place}.webhooks.log"), "the numbers do not ascend, or are too many")
    }
}

impl KeptObjects {
    fn check(&self, place: &str) -> Result<(), MemoryProblem> {
        require(self.count() <= MAX_RECORDS, place, "there are too many objects")?;
        for (id, payment) in &self.intents {
            let place = format!("{place}.intents.{id}");
            require(payment.id == *id, &place, "it has another id")?;
            self.check_payment(payment, &place)?;
        }
        for (id, refund) in &self.refunds {
            let place = format!("{place}.refunds.{id}");
            require(refund.id == *id, &place, "it has another id")?;
            require(self.intents.contains_key(&refund.intent_id), &place, "its payment does not exist")?;
            require(is_amount(refund.amount), &place, "its amount is not one")?;
        }
        let entries = &self.ledger.entries;
        let place = format!("{place}.ledger.entries");
        require(entries.len() <= MAX_RECORDS, &place, "there are too many")?;
        require(entries.iter().all(|entry| is_amount(entry.amount)), &place, "an amount is not one")
    }

    fn check_payment(&self, payment: &SandboxPayment, place: &str) -> Result<(), MemoryProblem> {
        let is_counted = is_amount(payment.amount) && (0..=payment.amount.minor).contains(&payment.charged_back);
        require(is_counted, place, "its amount, or what was charged back, is not one")?;
        let are_moments = is_moment(payment.created_at) && is_moment(payment.updated_at);
        require(are_moments, place, "a moment is not of the years 1970 to 9999")?;
        let is_open = payment.invoice.as_ref().is_none_or(|invoice| invoice.tries_left > 0 || payment.is_over());
        require(is_open, place, "it is open, and no attempt is left")?;
        let refunds = payment.refund_ids.iter().map(|id| self.refunds.get(id));
        let are_own = refunds.into_iter().all(|refund| refund.is_some_and(|refund| refund.intent_id == payment.id));
        require(are_own, place, "one of its refunds does not exist, or is of another payment")
    }
}

fn require(holds: bool, place: &str, problem: &str) -> Result<(), MemoryProblem> {
    if holds { Ok(()) } else { Err(MemoryProblem::at(place, problem)) }
}

fn is_amount(amount: Money) -> bool {
    (1..=MAX_MINOR).contains(&amount.minor)
}

fn is_moment(moment: Timestamp) -> bool {
    (Timestamp(0)..=LAST_MOMENT).contains(&moment)
}
