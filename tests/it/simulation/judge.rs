//! The judge of a run: at every step it compares what the gateways have written with what really moved at Corefy, and notes the
//! first law that is broken.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use corefy_gateway::{
    domain::{
        ids::{OperationId, PartnerId, PaymentIntentId, PaymentMethodId},
        operation::{Operation, OperationKind, OperationState},
        payment_intent::{PaymentIntent, PaymentIntentState},
        refund::RefundState,
    },
    sandbox::{
        Sandbox,
        ledger::{Ledger, LedgerEntryKind},
    },
    store::{ReadSession, Store},
};

use super::{
    calls::{CallAnswer, CallRequest, Caller},
    customer_calls::CustomerRequest,
    history::History,
    network::{Fate, Sent},
    saved::{SavedNotes, is_of_its_partner, named_method, of_its_customer},
};

/// Answers that say that nothing was sent.
const NOTHING_SENT: [&str; 4] = ["UPSTREAM_UNAVAILABLE", "UPSTREAM_RATE_LIMITED", "STORE_UNAVAILABLE", "SHUTTING_DOWN"];

/// The judge.
pub struct Judge {
    /// The database, as it is committed.
    pub store: Store,
    pub corefy: Sandbox,
    pub callers: Vec<Caller>,
    notes: Mutex<Notes>,
}

/// All that it has seen.
#[derive(Default)]
struct Notes {
    /// The run, line by line.
    trace: Vec<String>,
    violation: Option<String>,
    /// The calls that moved money, by the operations: the ids of the requests that they came with.
    sent: BTreeMap<String, String>,
    /// The requests that were answered with something final, by caller and key.
    answered: BTreeMap<(String, String), (CallRequest, String)>,
    /// The epochs of the operations that were open at the last look.
    epochs: BTreeMap<OperationId, i64>,
    history: History,
    saved: SavedNotes,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

impl Judge {
    /// Of what these write, and Corefy does.
    pub fn new(store: Store, corefy: Sandbox, callers: Vec<Caller>) -> Self {
        Self { store, corefy, callers, notes: Mutex::default() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    /// Notes something that happened.
    pub fn note(&self, line: impl FnOnce() -> String) {
        self.notes().trace.push(line());
    }

    /// Notes that a law is broken; the first counts.
    pub fn accuse(&self, violation: String) {
        let mut notes = self.notes();
        notes.trace.push(format!("BROKEN: {violation}"));
        notes.violation.get_or_insert(violation);
    }

    fn require(&self, holds: bool, violation: impl FnOnce() -> String) {
        if !holds {
            self.accuse(violation());
        }
    }

    /// The lines of the run, and the law that was broken.
    pub fn verdict(&self) -> (Vec<String>, Option<String>) {
        let mut notes = self.notes();
        (std::mem::take(&mut notes.trace), notes.violation.clone())
    }

    /// Whether a law is broken.
    pub fn has_accused(&self) -> bool {
        self.notes().violation.is_some()
    }

    /// A gateway sends a request. Nothing that moves money goes out twice, nor before it is written down.
    pub async fn note_request(&self, gateway: usize, sent: &Sent, fate: Option<Fate>) {
        self.note(|| {
            let body = String::from_utf8_lossy(&sent.body);
            format!("g{gateway} {} {} {fate:?} {body}", sent.method, sent.target)
        });
        let key = sent.header("idempotency-key").filter(|_| sent.method == "POST" && fate != Some(Fate::Unreachable));
        let Some(id) = key.and_then(OperationId::parse) else { return };
        let stored = self.store.read().await.unwrap().operation(&id).await.unwrap();
        let Some(operation) = stored.map(|stored| stored.operation) else {
            return self.accuse(format!("{} was sent before it was written down", sent.target));
        };
        if !operation.kind.moves_money() {
            return;
        }
        // One that has lost its lease may still send, for a while; one that is ended may not.
        self.require(operation.state != OperationState::Done, || format!("{id} was sent when it was done"));
        let before = self.notes().sent.insert(id.to_string(), operation.request_id.clone());
        self.require(before.is_none(), || format!("{id} was sent twice"));
        if let Some(payment) =
            operation.payment_intent_id.filter(|_| operation.kind == OperationKind::ConfirmPaymentIntent)
        {
            self.look_at_means(&payment, &operation.request_id, sent).await;
            let shown = self.corefy.payments();
            let is_live = |word: &str| ["processing", "requires_action", "succeeded"].contains(&word);
            let live = shown
                .iter()
                .find(|shown| shown.reference_id.as_deref() == Some(payment.as_str()) && is_live(&shown.status));
            self.require(live.is_none(), || format!("{payment} is {}, and is tried again", live.unwrap().status));
        }
    }

    /// An attempt is sent. A saved payment method is of the intent's customer, and had not been removed.
    async fn look_at_means(&self, payment: &PaymentIntentId, request_id: &str, sent: &Sent) {
        let Some(upstream) = named_method(&sent.body) else { return };
        let is_barred = self.notes().saved.is_barred(request_id);
        self.require(!is_barred, || format!("{payment} is paid by what had been removed, in {request_id}"));
        let own = of_its_customer(&mut self.store.read().await.unwrap(), payment, &upstream).await;
        self.require(own.is_some(), || format!("{payment} is paid by what is none of its customer's"));
    }

    /// Corefy has answered a creation.
    pub fn note_made(&self, target: &str, answer: &[u8]) {
        self.notes().saved.note_made(target, answer);
    }

    /// A caller makes a call.
    pub fn note_call(&self, request: &CallRequest, request_id: &str) {
        if let Some(method) = request.saved_method() {
            self.notes().saved.note_use(method, request_id);
        }
    }

    /// A caller hears an answer. What is final stays, and what says that nothing was sent is true.
    pub fn note_answer(
        &self,
        caller: &Caller,
        key: &str,
        request: &CallRequest,
        request_id: &str,
        answer: &CallAnswer,
    ) {
        self.note(|| format!("{request_id} {request:?} heard {answer:?}"));
        match answer {
            CallAnswer::Refused { reason, .. } if NOTHING_SENT.contains(&reason.as_str()) => {
                let was_sent = self.notes().sent.values().any(|sent_with| sent_with == request_id);
                self.require(!was_sent, || format!("{request_id} heard {reason}, but was sent"));
            }
            CallAnswer::Refused { reason, message, .. } if reason == "INTERNAL" => {
                self.accuse(format!("{request_id} heard of a fault: {message}"));
            }
            CallAnswer::Object { is_final: true, text, .. } if request.is_keyed() => {
                if let CallRequest::OfCustomer(CustomerRequest::Remove { method }) = request {
                    self.notes().saved.note_removed(method);
                }
                let place = (caller.api_key.clone(), key.to_owned());
                let said = (request.clone(), text.clone());
                let before = self.notes().answered.entry(place).or_insert_with(|| said.clone()).clone();
                self.require(before == said, || format!("{key} has two answers: {before:?} and {said:?}"));
            }
            CallAnswer::Object { .. } | CallAnswer::Refused { .. } | CallAnswer::Cut => {}
        }
    }

    /// Looks at all that is written, at one moment: nobody else gets a turn meanwhile.
    pub async fn look(&self) {
        tokio::task::unconstrained(self.look_at_once()).await;
    }

    async fn look_at_once(&self) {
        let (ledger, mut session) = (self.corefy.ledger(), self.store.read().await.unwrap());
        for caller in &self.callers {
            let after = self.notes().history.seen_until(&caller.partner);
            let events = session.events(&caller.partner, &Default::default(), (after, None), 1000).await.unwrap();
            for event in events {
                self.note(|| format!("event {} {} {}", event.sequence, event.kind, event.object.id()));
                let wrong = self.notes().history.add(&event, &ledger);
                wrong.into_iter().for_each(|wrong| self.accuse(wrong));
            }
        }
        let last = session.event_sequence().await.unwrap();
        let known = self.notes().history.count();
        self.require(known == last, || format!("{known} events are there, and {last} were counted"));
        let open = session.operations(&Default::default(), 1000).await.unwrap();
        let epochs = open.iter().map(|stored| (stored.operation.id.clone(), stored.operation.epoch)).collect();
        let earlier = std::mem::replace(&mut self.notes().epochs, epochs);
        for (id, before) in earlier {
            let now = session.operation(&id).await.unwrap().map_or(before, |stored| stored.operation.epoch);
            self.require(now >= before, || format!("{id} was held under epoch {before}, and is under {now}"));
        }
        for id in self.intents() {
            let attempts = open.iter().filter(|stored| {
                let Operation { payment_intent_id, kind, .. } = &stored.operation;
                payment_intent_id.as_ref() == Some(&id) && *kind == OperationKind::ConfirmPaymentIntent
            });
            self.require(attempts.count() <= 1, || format!("{id} has two attempts: {open:?}"));
            self.look_at(&id, &ledger, &mut session).await;
        }
    }

    /// The intents that events tell of.
    pub fn intents(&self) -> Vec<PaymentIntentId> {
        self.notes().history.intents().collect()
    }

    /// The saved payment methods that events tell of, with their partners.
    pub fn saved_methods(&self) -> Vec<(PartnerId, PaymentMethodId)> {
        self.notes().history.methods()
    }

    /// Forgets the answers that callers have heard: their keys are not kept any more.
    pub fn forget_answers(&self) {
        self.notes().answered.clear();
    }

    /// Looks at customers and what they have saved, when nothing is under way any more.
    pub async fn look_at_saved(&self) {
        let saved = self.notes().saved.clone();
        let mut session = self.store.read().await.unwrap();
        let mut wrong = saved.wrong_customers(&mut session).await;
        wrong.extend(saved.wrong_methods(&mut session).await);
        wrong.into_iter().for_each(|wrong| self.accuse(wrong));
    }

    /// The intent as it is stored.
    pub async fn intent(&self, id: &PaymentIntentId) -> PaymentIntent {
        self.store.read().await.unwrap().payment_intent_any(id).await.unwrap().unwrap()
    }

    async fn look_at(&self, id: &PaymentIntentId, ledger: &Ledger, session: &mut ReadSession) {
        let intent = session.payment_intent_any(id).await.unwrap().unwrap();
        let refunds = session.refunds_of(id).await.unwrap();
        self.require(is_of_its_partner(session, &intent).await, || {
            format!("{id} is for a customer of another partner")
        });
        let sum = |state: RefundState| -> i64 {
            refunds.iter().filter(|refund| refund.state == state).map(|refund| refund.amount.minor).sum()
        };
        let (pending, refunded) = (sum(RefundState::Pending), sum(RefundState::Succeeded));
        let PaymentIntent { received, amount, .. } = &intent;
        self.require((pending, refunded) == (intent.refund_pending, intent.refunded), || {
            format!("{id} has refunds of {pending} pending and {refunded} done, but counts {intent:?}")
        });
        self.require(pending + refunded <= *received && *received <= amount.minor, || {
            format!("{id} has received {received}, and refunds of {pending} pending and {refunded} done")
        });
        let told = self.notes().history.told_of(&intent, refunds.iter().map(|refund| &**refund));
        told.into_iter().for_each(|wrong| self.accuse(wrong));
        let charges = ledger.entries.iter().filter(|entry| entry.kind == LedgerEntryKind::Charge);
        let charges = charges.filter(|entry| belongs(entry.reference.as_deref(), id)).count();
        self.require(charges <= 1, || format!("{id} was charged {charges} times"));
        let moved = (ledger.charged(id.as_str()), ledger.refunded(id.as_str()));
        self.require(moved.1 <= moved.0, || format!("{id} was charged {}, and {} given back", moved.0, moved.1));
        self.require(intent.state != PaymentIntentState::Succeeded || moved.0 > 0, || {
            format!("{id} is paid, but nothing was charged")
        });
    }
}

/// Whether an entry of the ledger is of the intent, whichever of its invoices.
pub fn belongs(reference: Option<&str>, intent: &PaymentIntentId) -> bool {
    reference.is_some_and(|own| own.starts_with(intent.as_str()))
}
