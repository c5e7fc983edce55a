//! The end of a run: nothing goes wrong any more, time goes by, and everything has to be known and true.

use std::{collections::BTreeSet, time::Duration};

use corefy_gateway::{
    domain::{
        ids::PaymentIntentId,
        list_filters::OperationFilter,
        payment_intent::PaymentIntentState,
        refund::{Refund, RefundState},
    },
    sandbox::ledger::{Ledger, LedgerEntryKind},
};

use super::{
    calls::CallAnswer,
    judge::{Judge, belongs},
    world::World,
};

/// The time after which everything is known for certain, in pieces that grow as the gateways' pauses do: how many seconds, so often.
const CALM: [(u64, u32); 3] = [(15, 10), (60, 8), (300, 3)];
/// The same in the `commerce` API, in which a lost card may be taken until its token has ended.
const CALM_IN_COMMERCE: [(u64, u32); 3] = [(15, 10), (60, 8), (600, 17)];
/// The time that repeated calls take.
const REPEATING: Duration = Duration::from_secs(60);
/// Open operations that are shown.
const SHOWN: u32 = 10;

impl World {
    /// Ends the run: with what is known, and asked again.
    pub async fn settle(&mut self, is_commerce: bool) {
        self.end_mishaps();
        self.hear_all().await;
        for (seconds, times) in if is_commerce { CALM_IN_COMMERCE } else { CALM } {
            self.pace.set(Duration::from_secs(seconds));
            for _ in 0..times {
                self.let_pass(Duration::from_secs(seconds)).await;
            }
            self.judge.look().await;
        }
        if self.has_jumped {
            self.require_looks_after_a_miss().await;
        }
        // By itself a gateway asks about what is settled only after an hour.
        if self.has_jumped || self.has_news_outside {
            self.read_all().await;
        }
        self.require_everything_known().await;
        self.pace.set(Duration::from_secs(1));
        for call in 0..self.made.len() {
            let has_been_heard =
                matches!(self.made[call].last, Some(CallAnswer::Object { .. } | CallAnswer::Cut) | None);
            if has_been_heard && self.made[call].request.is_keyed() {
                self.again(call, call);
                self.hear_all().await;
            }
        }
        self.pass(REPEATING).await;
        self.require_everything_known().await;
        let verified = self.audit_log().verify(None, |_| {}).await.unwrap();
        if verified.faults > 0 {
            self.judge.accuse(format!("the audit log has {} faults", verified.faults));
        }
    }

    /// Of what Corefy clearly did not show once, the outcome is known by now, whatever night came between.
    async fn require_looks_after_a_miss(&self) {
        let mut session = self.judge.store.read().await.unwrap();
        let open = session.operations(&OperationFilter::default(), SHOWN).await.unwrap();
        if let Some(missed) = open.into_iter().map(|stored| stored.operation).find(|operation| operation.misses > 0) {
            self.judge.accuse(format!("still open after a miss: {missed:?}"));
        }
    }

    async fn require_everything_known(&self) {
        let judge = &self.judge;
        let ledger = self.network.corefy.ledger();
        let open = judge.store.read().await.unwrap().operations(&OperationFilter::default(), SHOWN).await.unwrap();
        if !open.is_empty() {
            let open: Vec<_> = open.into_iter().map(|stored| stored.operation).collect();
            judge.accuse(format!("still open: {open:?}"));
        }
        for id in judge.intents() {
            let intent = judge.intent(&id).await;
            let (booked, moved) =
                ((intent.received, intent.refunded), (ledger.charged(id.as_str()), ledger.refunded(id.as_str())));
            if booked != moved || (moved.0 > 0) != (intent.state == PaymentIntentState::Succeeded) {
                judge.accuse(format!("{id} is {:?} with {booked:?} booked, but {moved:?} moved", intent.state));
            }
            let is_under_way = self.shows(id.as_str(), &["processing", "requires_action"]);
            if (intent.state == PaymentIntentState::Processing && !is_under_way) || intent.refund_pending > 0 {
                judge.accuse(format!("{id} is stuck: {:?}, {} pending", intent.state, intent.refund_pending));
            }
            let taken = (intent.charged_back, ledger.charged_back(id.as_str()));
            if taken.0 != taken.1 {
                judge.accuse(format!("of {id} banks took {} back, and {} is booked", taken.1, taken.0));
            }
            compare_refunds(judge, &id, &ledger).await;
        }
        judge.look_at_saved().await;
        let known = judge.intents();
        let is_known = |reference: Option<&str>| known.iter().any(|id| belongs(reference, id));
        if let Some(entry) = ledger.entries.iter().find(|entry| !is_known(entry.reference.as_deref())) {
            judge.accuse(format!("money moved for what nobody knows: {entry:?}"));
        }
    }
}

/// Every refund that was made is in the books, and no other, each once: those that a gateway made by their references, those that were made
/// elsewhere by their amounts.
async fn compare_refunds(judge: &Judge, id: &PaymentIntentId, ledger: &Ledger) {
    let (mut moved, mut references) = (Vec::new(), BTreeSet::new());
    for entry in ledger.entries.iter().filter(|entry| belongs(entry.reference.as_deref(), id)) {
        let refund = (entry.refund_reference.clone(), entry.amount.minor);
        references.extend(refund.0.clone());
        match entry.kind {
            LedgerEntryKind::Refund => moved.push(refund),
            LedgerEntryKind::RefundReturned => {
                let returned = moved.iter().rposition(|other| *other == refund);
                moved.remove(returned.expect("what is returned was given back"));
            }
            LedgerEntryKind::Charge | LedgerEntryKind::ChargedBack => {}
        }
    }
    let refunds = judge.store.read().await.unwrap().refunds_of(id).await.unwrap();
    let succeeded = refunds.iter().filter(|refund| refund.state == RefundState::Succeeded);
    let reference = |refund: &Refund| Some(refund.id.to_string()).filter(|reference| references.contains(reference));
    let mut booked: Vec<_> = succeeded.map(|refund| (reference(refund), refund.amount.minor)).collect();
    moved.sort();
    booked.sort();
    if booked != moved {
        judge.accuse(format!("refunds of {id}: booked {booked:?}, moved {moved:?}"));
    }
}
