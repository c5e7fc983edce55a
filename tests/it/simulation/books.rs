//! The end of a run: nothing goes wrong any more, time goes by, and everything has to be known and true.

use std::{collections::BTreeMap, time::Duration};

use corefy_gateway::{
    domain::{list_filters::OperationFilter, payment_intent::PaymentIntentState, refund::RefundState},
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

/// Every refund that was made is in the books, and no other, each once.
async fn compare_refunds(judge: &Judge, id: &corefy_gateway::domain::ids::PaymentIntentId, ledger: &Ledger) {
    let of_intent = ledger
        .entries
        .iter()
        .filter(|entry| entry.kind == LedgerEntryKind::Refund && belongs(entry.reference.as_deref(), id));
    let mut moved = BTreeMap::new();
    for entry in of_intent {
        let reference = entry.refund_reference.clone().unwrap_or_default();
        moved.entry(reference).and_modify(|(times, _)| *times += 1).or_insert((1, entry.amount.minor));
    }
    let refunds = judge.store.read().await.unwrap().refunds_of(id).await.unwrap();
    let succeeded = refunds.iter().filter(|refund| refund.state == RefundState::Succeeded);
    let booked: BTreeMap<_, _> = succeeded.map(|refund| (refund.id.to_string(), (1, refund.amount.minor))).collect();
    if booked != moved {
        judge.accuse(format!("refunds of {id}: booked {booked:?}, moved {moved:?}"));
    }
}
