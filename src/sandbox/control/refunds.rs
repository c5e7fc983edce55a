//! The events in a refund's life that nobody asks the API for.

use super::{names::refund_named, not_possible::NotPossible};
use crate::{
    sandbox::{handle::Sandbox, records::RefundStatus, state::State},
    upstream::intents::wire::WireRefund,
};

impl Sandbox {
    /// The refund of this name as it stands.
    pub fn refund(&self, refund: &str) -> Result<WireRefund, NotPossible> {
        self.on_refund(refund, |state, id| {
            let found = state.kept.refunds.get(id).ok_or(NotPossible::Missing("refund"))?;
            Ok(state.show_refund(found))
        })
    }

    /// Lets the next thing happen to a refund now that would happen to it with time. Fails when nothing would.
    pub fn settle_refund(&self, refund: &str) -> Result<(), NotPossible> {
        self.on_refund(refund, |state, id| {
            state.settle(id).then_some(()).ok_or(NotPossible::NotNow("nothing awaits this refund"))
        })
    }

    /// Has the payer's bank return a refund. Fails when the refund has not succeeded.
    pub fn return_refund(&self, refund: &str) -> Result<(), NotPossible> {
        self.on_refund(refund, |state, id| {
            if state.kept.refunds.get(id).is_none_or(|found| found.state != RefundStatus::Succeeded) {
                return Err(NotPossible::NotNow("the refund has not succeeded"));
            }
            state.kept.pending.remove(id);
            state.refund_returns(id);
            Ok(())
        })
    }

    fn on_refund<T>(
        &self,
        refund: &str,
        work: impl FnOnce(&mut State, &str) -> Result<T, NotPossible>,
    ) -> Result<T, NotPossible> {
        self.shared.with_state(|state| {
            let id = refund_named(state, refund)?;
            work(state, &id)
        })
    }
}
