//! The webhooks that wait, are held, are being delivered or are remembered, and where they go.

use std::{collections::VecDeque, mem};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    signed_webhook::SignedWebhook,
    webhook_log::{ACCEPTED, WebhookLog, WebhookState},
};

/// How many webhooks wait or are held at once; further ones are lost.
pub(super) const MAX_QUEUED: usize = 100_000;

/// A webhook with its number in the log.
pub(super) type QueuedWebhook = (u64, SignedWebhook);

/// The webhooks of a ledger.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookQueue {
    /// Where they go; `None`: nowhere.
    pub url: Option<Url>,
    pub waiting: VecDeque<QueuedWebhook>,
    pub held: Vec<QueuedWebhook>,
    pub log: WebhookLog,
    /// The ones that are being delivered. In the memory they wait, for nobody knows what came of a delivery that was broken off.
    #[serde(skip)]
    under_way: Vec<QueuedWebhook>,
    /// How often a memory was loaded: what is delivered since before then is no longer in the log.
    #[serde(skip)]
    loads: u64,
}

/// A webhook that is being delivered.
pub(super) struct Delivery {
    pub webhook: SignedWebhook,
    number: u64,
    loads: u64,
}

impl WebhookQueue {
    /// An empty one, whose webhooks go there.
    pub fn to(url: Option<Url>) -> Self {
        Self { url, ..Self::default() }
    }

    /// Whether there is room for no more.
    pub fn is_full(&self) -> bool {
        self.waiting.len() + self.held.len() >= MAX_QUEUED
    }

    /// Takes the next one to deliver it: the newest, or the oldest.
    pub fn take(&mut self, newest: bool) -> Option<Delivery> {
        let (number, webhook) = if newest { self.waiting.pop_back() } else { self.waiting.pop_front() }?;
        self.under_way.push((number, webhook.clone()));
        Some(Delivery { webhook, number, loads: self.loads })
    }

    /// Notes that a webhook was sent, and the status of the answer, if one came. Answers with whether its delivery is over.
    pub fn note_attempt(&mut self, delivery: &Delivery, status: Option<u16>, is_last: bool) -> bool {
        let is_over = status == Some(ACCEPTED) || is_last;
        if delivery.loads != self.loads {
            return is_over;
        }
        self.log.change(delivery.number, |record| record.note_attempt(status, is_last));
        if is_over {
            self.end(delivery);
        }
        is_over
    }

    /// Notes that a webhook has nowhere to go, which ends its delivery.
    pub fn lose(&mut self, delivery: &Delivery) {
        if delivery.loads == self.loads {
            self.log.change(delivery.number, |record| record.state = WebhookState::Lost);
            self.end(delivery);
        }
    }

    fn end(&mut self, delivery: &Delivery) {
        if let Some(place) = self.under_way.iter().position(|(number, _)| *number == delivery.number) {
            self.under_way.remove(place);
        }
    }

    /// Forgets all but where they go. Answers with how many waited.
    pub fn forget(&mut self) -> usize {
        self.log.forget();
        self.held.clear();
        self.under_way.clear();
        mem::take(&mut self.waiting).len()
    }

    /// All of it, as it is kept.
    pub fn kept(&self) -> Self {
        let mut kept = self.clone();
        mem::take(&mut kept.under_way).into_iter().rev().for_each(|webhook| kept.waiting.push_front(webhook));
        kept
    }

    /// Takes over what was kept. Answers with how many waited.
    pub fn load(&mut self, kept: Self) -> usize {
        let waiting = self.waiting.len();
        *self = Self { loads: self.loads + 1, ..kept };
        waiting
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;
    use crate::{
        domain::clock::Timestamp,
        sandbox::{signed_webhook::WebhookAbout, webhook_log::WebhookState},
    };

    fn with_one() -> WebhookQueue {
        let about = WebhookAbout::default();
        let webhook = SignedWebhook { body: Bytes::from("{}"), signature: String::new(), url: None, about };
        let mut queue = WebhookQueue::to(None);
        let number = queue.log.note(&webhook, Timestamp(0), WebhookState::Waiting);
        queue.waiting.push_back((number, webhook));
        queue
    }

    #[test]
    fn a_delivery_that_is_not_over_waits_in_the_memory_and_one_that_is_does_not() {
        let mut queue = with_one();
        let delivery = queue.take(false).unwrap();
        assert!(!queue.note_attempt(&delivery, Some(503), false));
        assert_eq!((queue.waiting.len(), queue.kept().waiting.len()), (0, 1));
        assert!(queue.note_attempt(&delivery, Some(200), false));
        assert_eq!(queue.kept().waiting.len(), 0);
    }

    #[test]
    fn a_delivery_from_before_a_memory_was_loaded_is_noted_of_none_of_its_webhooks() {
        let mut queue = with_one();
        let delivery = queue.take(false).unwrap();
        queue.load(with_one());
        assert!(queue.note_attempt(&delivery, Some(200), false));
        assert_eq!(queue.log.records()[0].state, WebhookState::Waiting);
        assert_eq!(queue.kept().waiting.len(), 1);
    }
}
