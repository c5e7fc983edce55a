//! The partner's books, as its events tell them: each once, in one order, with nothing between them.

use std::collections::{HashMap, HashSet};

use corefy_gateway::pb::{self, event::Object};

use super::judge::answered;
use crate::support::client::Client;

/// Events that an object has once at most.
const ONCE: [&str; 6] = [
    "payment_intent.created",
    "payment_intent.succeeded",
    "payment_intent.late_success",
    "refund.created",
    "refund.succeeded",
    "refund.late_success",
];

/// The objects of the only partner, as the last event about each shows it.
#[derive(Default)]
pub struct Books {
    /// The id and the sequence of the event that was read last.
    last: Option<(String, i64)>,
    once: HashSet<(String, String)>,
    payments: HashMap<String, pb::PaymentIntent>,
    refunds: HashMap<String, HashMap<String, pb::Refund>>,
}

impl Books {
    /// Reads all events that have come since. Fails where one is missing, or comes again.
    pub async fn read_on(&mut self, client: &Client) {
        loop {
            let request = pb::ListEventsRequest {
                after_event_id: self.last.as_ref().map(|(id, _)| id.clone()).unwrap_or_default(),
                page_size: 100,
                ..Default::default()
            };
            let page = answered(|| client.list_events(request.clone())).await;
            if page.events.is_empty() {
                return;
            }
            page.events.into_iter().for_each(|event| self.enter(event));
        }
    }

    fn enter(&mut self, event: pb::Event) {
        let before = self.last.as_ref().map_or(0, |(_, sequence)| *sequence);
        assert_eq!(event.sequence, before + 1, "an event is missing before {}", event.id);
        if ONCE.contains(&event.r#type.as_str()) {
            let is_new = self.once.insert((event.object_id.clone(), event.r#type.clone()));
            assert!(is_new, "{} comes twice for {}", event.r#type, event.object_id);
        }
        match event.object {
            Some(Object::PaymentIntent(intent)) => {
                self.payments.insert(intent.id.clone(), intent);
            }
            Some(Object::Refund(refund)) => {
                self.refunds.entry(refund.payment_intent_id.clone()).or_default().insert(refund.id.clone(), refund);
            }
            _ => {}
        }
        self.last = Some((event.id, event.sequence));
    }

    /// The payment.
    pub fn payment(&self, id: &str) -> &pb::PaymentIntent {
        self.payments.get(id).unwrap_or_else(|| panic!("no event tells of {id}"))
    }

    /// The refunds of a payment.
    pub fn refunds(&self, payment: &str) -> impl Iterator<Item = &pb::Refund> {
        self.refunds.get(payment).into_iter().flat_map(HashMap::values)
    }
}
