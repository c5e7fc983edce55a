//! Acts that no gateway asks for: payers' banks take money back or return refunds, and somebody gives money back on Corefy's own pages.

use corefy_gateway::{
    domain::{ids::PaymentIntentId, payment_intent::PaymentIntentState},
    sandbox::ledger::LedgerEntryKind,
};
use fastrand::Rng;

use super::{judge::belongs, world::World};

/// Minor units of a dollar.
const DOLLAR: i64 = 100;

/// An act of somebody outside, on a payment.
#[derive(Clone, Copy, Debug)]
pub enum OutsideAct {
    /// The payer's bank takes so many dollars back.
    TakeBack(u8),
    /// Somebody gives so many dollars back on Corefy's pages.
    GiveBack(u8),
    /// The payer's bank returns the refund that was made last.
    ReturnRefund,
}

impl OutsideAct {
    /// Any of them.
    pub fn any(rng: &mut Rng) -> Self {
        let dollars = rng.u8(5..70);
        match rng.u8(0..3) {
            0 => Self::TakeBack(dollars),
            1 => Self::GiveBack(dollars),
            _ => Self::ReturnRefund,
        }
    }
}

impl World {
    /// Has the payer of an intent do what is asked, or refuse to. Only who was sent to a page goes there.
    pub async fn payer_acts(&self, intent: &str, is_approved: bool) {
        let id = PaymentIntentId::parse(intent).unwrap();
        let is_asked = self.judge.intent(&id).await.state == PaymentIntentState::RequiresAction;
        if is_asked || self.shows(intent, &["requires_action"]) {
            let _ = self.network.corefy.complete_action(intent, is_approved);
        }
    }

    /// Has somebody do this to the payment of an intent, as far as it is possible.
    pub fn act_outside(&mut self, intent: &str, act: OutsideAct) {
        let corefy = &self.network.corefy;
        let done = match act {
            OutsideAct::TakeBack(dollars) => corefy.charge_back(intent, i64::from(dollars) * DOLLAR),
            OutsideAct::GiveBack(dollars) => {
                corefy.refund_from_dashboard(intent, i64::from(dollars) * DOLLAR).map(drop)
            }
            OutsideAct::ReturnRefund => {
                let id = PaymentIntentId::parse(intent).unwrap();
                let is_of_it = |reference: &Option<String>| belongs(reference.as_deref(), &id);
                let entries = corefy.ledger().entries.into_iter().rev();
                let mut refunds =
                    entries.filter(|entry| entry.kind == LedgerEntryKind::Refund && is_of_it(&entry.reference));
                let Some(refund) = refunds.find_map(|entry| entry.refund_reference) else { return };
                corefy.return_refund(&refund)
            }
        };
        self.judge.note(|| format!("{act:?} of {intent}: {done:?}"));
        self.has_news_outside |= done.is_ok();
    }
}
