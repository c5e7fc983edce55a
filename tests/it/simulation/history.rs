//! The history that events have told: in order without a gap, one of each change, and of no step backwards.

use std::collections::{BTreeMap, BTreeSet};

use corefy_gateway::{
    domain::{
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::{Event, EventObject, EventType},
        ids::{PartnerId, PaymentIntentId, PaymentMethodId},
        payment_intent::{PaymentIntent, PaymentIntentState},
        payment_method::PaymentMethod,
        refund::{Refund, RefundState},
    },
    sandbox::ledger::{Ledger, LedgerEntryKind},
};

use super::judge::belongs;

/// By how much clocks differ at most.
const SKEW_MICROS: i64 = 8_000_000;

/// The events of a run.
#[derive(Default)]
pub struct History {
    places: BTreeSet<i64>,
    until: BTreeMap<PartnerId, i64>,
    intents: BTreeMap<PaymentIntentId, PaymentIntentState>,
    refunds: BTreeMap<String, RefundState>,
    methods: BTreeMap<PaymentMethodId, PaymentMethod>,
    told: BTreeSet<(String, String, i64)>,
}

impl History {
    /// The place of the last event of the partner.
    pub fn seen_until(&self, partner: &PartnerId) -> i64 {
        self.until.get(partner).copied().unwrap_or_default()
    }

    /// How many events there were.
    pub fn count(&self) -> i64 {
        i64::try_from(self.places.len()).unwrap()
    }

    /// The intents that events were of.
    pub fn intents(&self) -> impl Iterator<Item = PaymentIntentId> {
        self.intents.keys().cloned()
    }

    /// Adds an event. Returns what is wrong with it.
    pub fn add(&mut self, event: &Event, ledger: &Ledger) -> Vec<String> {
        let mut wrong = Vec::new();
        self.until.insert(event.partner_id.clone(), event.sequence);
        if !self.places.insert(event.sequence) {
            wrong.push(format!("two events at place {}", event.sequence));
        }
        match &event.object {
            EventObject::PaymentIntent(intent) => self.add_intent(event, intent, ledger, &mut wrong),
            EventObject::Refund(refund) => self.add_refund(event, refund, &mut wrong),
            EventObject::PaymentMethod(method) => self.add_method(event, method, &mut wrong),
            _ => {}
        }
        wrong
    }

    fn add_intent(&mut self, event: &Event, intent: &PaymentIntent, ledger: &Ledger, wrong: &mut Vec<String>) {
        let (id, state) = (&intent.id, intent.state);
        if !self.told.insert((id.to_string(), event.kind.clone(), intent.revision)) {
            wrong.push(format!("{} of {id} was told twice", event.kind));
        }
        let before = self.intents.insert(id.clone(), state).unwrap_or(state);
        if before != state && !before.may_become(state) {
            wrong.push(format!("{id} went from {before:?} to {state:?}"));
        }
        if intent.refund_pending + intent.refunded > intent.received || intent.received > intent.amount.minor {
            wrong.push(format!("{} of {id} tells of sums that do not fit", event.kind));
        }
        let is_failure = event.kind == EventType::PaymentIntentPaymentFailed.as_str();
        if is_failure && was_charged_before(ledger, id, event.created_at) {
            let code = intent.progress.last_error.as_ref().map_or("", |error| &error.code);
            let guess = if code == UPSTREAM_NO_RECORD { "given up" } else { "told to have failed" };
            wrong.push(format!("{id} was {guess} although it had been charged"));
        }
    }

    /// The saved payment methods, with their partners.
    pub fn methods(&self) -> Vec<(PartnerId, PaymentMethodId)> {
        self.methods.values().map(|method| (method.partner_id.clone(), method.id.clone())).collect()
    }

    fn add_method(&mut self, event: &Event, method: &PaymentMethod, wrong: &mut Vec<String>) {
        if !self.told.insert((method.id.to_string(), event.kind.clone(), method.revision)) {
            wrong.push(format!("{} of {} was told twice", event.kind, method.id));
        }
        let owner = |method: &PaymentMethod| (method.partner_id.clone(), method.customer_id.clone());
        let before = self.methods.insert(method.id.clone(), method.clone());
        if before.as_ref().is_some_and(|before| owner(before) != owner(method)) {
            wrong.push(format!("{} went to another customer: {event:?}", method.id));
        }
        if before.is_some_and(|before| before.is_deleted() && !method.is_deleted()) {
            wrong.push(format!("{} had been removed, and is told of again: {}", method.id, event.kind));
        }
        let is_same = |other: &&PaymentMethod| other.id != method.id && other.upstream_id == method.upstream_id;
        let other = self.methods.values().find(is_same).filter(|_| method.upstream_id.is_some());
        wrong.extend(other.map(|other| format!("{} and {} are one at Corefy", method.id, other.id)));
    }

    fn add_refund(&mut self, event: &Event, refund: &Refund, wrong: &mut Vec<String>) {
        let (id, state) = (refund.id.to_string(), refund.state);
        if !self.told.insert((id.clone(), event.kind.clone(), refund.revision)) {
            wrong.push(format!("{} of {id} was told twice", event.kind));
        }
        let before = self.refunds.insert(id.clone(), state).unwrap_or(state);
        if before != state && !before.may_become(state) {
            wrong.push(format!("{id} went from {before:?} to {state:?}"));
        }
    }

    /// The states of the intent and its refunds that were not told. No event tells that an attempt has begun, nor that a confirmation is awaited
    /// again.
    pub fn told_of<'a>(&self, intent: &PaymentIntent, refunds: impl Iterator<Item = &'a Refund>) -> Vec<String> {
        let mut untold = Vec::new();
        let told = self.intents.get(&intent.id);
        let is_quiet = intent.is_outcome_unknown() || intent.state == PaymentIntentState::RequiresConfirmation;
        if told != Some(&intent.state) && !is_quiet {
            untold.push(format!("{} is {:?}, but {told:?} was told", intent.id, intent.state));
        }
        for refund in refunds {
            let told = self.refunds.get(refund.id.as_str());
            if told != Some(&refund.state) {
                untold.push(format!("{} is {:?}, but {told:?} was told", refund.id, refund.state));
            }
        }
        untold
    }
}

fn was_charged_before(ledger: &Ledger, id: &PaymentIntentId, time: Timestamp) -> bool {
    ledger.entries.iter().any(|entry| {
        entry.kind == LedgerEntryKind::Charge
            && belongs(entry.reference.as_deref(), id)
            && entry.at.0 + SKEW_MICROS < time.0
    })
}
