//! The events in a payment's life that nobody asks the API for.

use super::{names::payment_named, not_possible::NotPossible};
use crate::{
    domain::money::Money,
    sandbox::{
        chargebacks::chargeable_back, handle::Sandbox, kept::PendingOutcome, payment::SandboxStatus,
        shared::SandboxInner, state::State,
    },
    upstream::intents::wire::WireIntent,
};

impl Sandbox {
    /// The payment of this name as it stands, whatever faults hide of it.
    pub fn payment(&self, payment: &str) -> Result<WireIntent, NotPossible> {
        self.on_payment(payment, |state, id| {
            let found = state.kept.intents.get(id).ok_or(NotPossible::Missing("payment"))?;
            Ok(state.show_intent(found))
        })
    }

    /// The payer's answer to a 3-D Secure challenge, or to details that they were shown. Fails when neither is open.
    pub fn complete_action(&self, payment: &str, is_approved: bool) -> Result<(), NotPossible> {
        self.on_payment(payment, |state, id| {
            let is_done = state.complete_action(id, is_approved);
            is_done.then_some(()).ok_or(NotPossible::NotNow("the payer of this payment has nothing to do"))
        })
    }

    /// Lets the next thing happen to a payment now that would happen to it with time: a processing one is charged. Fails when
    /// nothing would.
    pub fn settle_payment(&self, payment: &str) -> Result<(), NotPossible> {
        self.on_payment(payment, |state, id| {
            state.settle(id).then_some(()).ok_or(NotPossible::NotNow("nothing awaits this payment"))
        })
    }

    /// Charges a payment whose request was lost, as if it had only been slow. Fails when the payment is already paid.
    pub fn charge_late(&self, payment: &str) -> Result<(), NotPossible> {
        self.on_payment(payment, |state, id| {
            refuse_paid(state, id)?;
            state.charge(id);
            Ok(())
        })
    }

    /// Gives `minor` units of a paid payment back, as a merchant does on the dashboard: without a reference. Answers
    /// with the refund's id; fails when the payment is not paid or has less left.
    pub fn refund_from_dashboard(&self, payment: &str, minor: i64) -> Result<String, NotPossible> {
        self.on_payment(payment, |state, id| {
            let found = state.kept.intents.get(id).ok_or(NotPossible::Missing("payment"))?;
            let amount = Money::new(minor, found.amount.currency);
            if found.status != SandboxStatus::Succeeded || !(1..=state.refund_room(found)).contains(&minor) {
                return Err(NotPossible::NotNow("so much is not left of the payment"));
            }
            let refund = state.add_refund(id, amount, None, None);
            state.refund_succeeds(&refund);
            Ok(refund)
        })
    }

    /// Gives everything back that is left of a paid payment; otherwise like [`Sandbox::refund_from_dashboard`].
    pub fn refund_all_from_dashboard(&self, payment: &str) -> Result<String, NotPossible> {
        let room = self.on_payment(payment, |state, id| {
            Ok(state.kept.intents.get(id).map_or(0, |found| state.refund_room(found)))
        })?;
        self.refund_from_dashboard(payment, room)
    }

    /// Takes everything back that the payer's bank has not taken back; otherwise like [`Sandbox::charge_back`].
    pub fn charge_back_all(&self, payment: &str) -> Result<(), NotPossible> {
        let rest = self.on_payment(payment, |state, id| Ok(state.kept.intents.get(id).map_or(0, chargeable_back)))?;
        self.charge_back(payment, rest)
    }

    /// Takes `minor` units of a paid payment back, as the payer's bank does. Fails when the payment is not paid, or less is left
    /// that was not taken back; what was refunded does not count.
    pub fn charge_back(&self, payment: &str, minor: i64) -> Result<(), NotPossible> {
        self.on_payment(payment, |state, id| {
            state.charge_back(id, minor).then_some(()).ok_or(NotPossible::NotNow("not as much was paid"))
        })
    }

    /// Cancels a payment. Fails when it is paid.
    pub fn cancel(&self, payment: &str) -> Result<(), NotPossible> {
        self.on_payment(payment, |state, id| {
            refuse_paid(state, id)?;
            state.kept.pending.remove(id);
            state.move_payment(id, SandboxStatus::Canceled);
            Ok(())
        })
    }

    /// Lets the time end in which a payment can be paid: the lifetime of an invoice, or of the details that a payer was shown.
    /// Fails when neither is open.
    pub fn expire(&self, payment: &str) -> Result<(), NotPossible> {
        self.on_payment(payment, |state, id| {
            let expires = state.kept.pending.get(id).is_some_and(|(_, outcome)| *outcome == PendingOutcome::Expire);
            let is_done = (expires && state.settle(id)) || state.expire(id);
            is_done.then_some(()).ok_or(NotPossible::NotNow("the payment is not open"))
        })
    }

    fn on_payment<T>(
        &self,
        payment: &str,
        work: impl FnOnce(&mut State, &str) -> Result<T, NotPossible>,
    ) -> Result<T, NotPossible> {
        self.shared.with_state(|state| {
            let id = payment_named(state, payment)?;
            work(state, &id)
        })
    }
}

fn refuse_paid(state: &State, id: &str) -> Result<(), NotPossible> {
    let is_paid = state.kept.intents.get(id).is_some_and(|payment| payment.status == SandboxStatus::Succeeded);
    if is_paid { Err(NotPossible::NotNow("the payment is paid already")) } else { Ok(()) }
}

impl SandboxInner {
    /// The payer's answer to a challenge, or to details that they were shown. `false` when neither is open.
    pub fn complete_action(&self, id: &str, is_approved: bool) -> bool {
        self.with_state(|state| state.complete_action(id, is_approved))
    }
}
