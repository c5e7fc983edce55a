//! The memory of webhooks: which there were, and what became of each.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::signed_webhook::SignedWebhook;
use crate::domain::clock::Timestamp;

/// How many webhooks are remembered; older ones are forgotten, though still delivered.
pub const MAX_REMEMBERED_WEBHOOKS: usize = 2_000;

/// The status by which the gateway accepts a webhook.
pub(super) const ACCEPTED: u16 = 200;

/// The prefix of a webhook's id in the sandbox.
const ID_PREFIX: &str = "wh_";

/// A webhook that was made, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookRecord {
    /// Its id in the sandbox: `wh_1` is the first.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// Its type, as `payment.succeeded`; of an invoice `callback`.
    pub event: String,
    /// The reference of the payment, refund or customer that it is about.
    pub reference: Option<String>,
    /// How far it has come.
    pub state: WebhookState,
    /// How often it was sent.
    pub attempts: u32,
    /// The HTTP status of the last answer.
    pub last_status: Option<u16>,
}

/// How far a webhook has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It waits for its delivery, or is being delivered.
    Waiting,
    /// It is kept back until it is released.
    Held,
    /// It was accepted with 200.
    Delivered,
    /// It was sent as often as allowed, and not accepted.
    GivenUp,
    /// It was never sent: it had no address, was switched off, or too many waited.
    Lost,
}

impl WebhookRecord {
    /// Notes that it was sent, and the status of the answer, if one came.
    pub(super) fn note_attempt(&mut self, status: Option<u16>, is_last: bool) {
        self.attempts += 1;
        self.last_status = status;
        self.state = match status {
            Some(ACCEPTED) => WebhookState::Delivered,
            _ if is_last => WebhookState::GivenUp,
            _ => WebhookState::Waiting,
        };
    }
}

/// The webhooks that are remembered, oldest first.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookLog {
    entries: VecDeque<(u64, WebhookRecord, SignedWebhook)>,
    made: u64,
}

impl WebhookLog {
    /// Notes a webhook; answers with its number.
    pub fn note(&mut self, webhook: &SignedWebhook, at: Timestamp, state: WebhookState) -> u64 {
        self.made += 1;
        if self.entries.len() >= MAX_REMEMBERED_WEBHOOKS {
            self.entries.pop_front();
        }
        let record = WebhookRecord {
            id: format!("{ID_PREFIX}{}", self.made),
            at,
            event: webhook.about.event.clone(),
            reference: webhook.about.reference.clone(),
            state,
            attempts: 0,
            last_status: None,
        };
        self.entries.push_back((self.made, record, webhook.clone()));
        self.made
    }

    /// Changes the record of a webhook that is still remembered.
    pub fn change(&mut self, number: u64, change: impl FnOnce(&mut WebhookRecord)) {
        if let Ok(place) = self.entries.binary_search_by_key(&number, |(number, ..)| *number) {
            change(&mut self.entries[place].1);
        }
    }

    /// The webhook with this id, and its number.
    pub fn find(&self, id: &str) -> Option<(u64, SignedWebhook)> {
        let number = id.strip_prefix(ID_PREFIX)?.parse().ok()?;
        let place = self.entries.binary_search_by_key(&number, |(number, ..)| *number).ok()?;
        Some((number, self.entries[place].2.clone()))
    }

    /// Whether it can have been written: entries ascend, none has a number that was not given, and they are not too many.
    pub fn is_sound(&self) -> bool {
        let ascends = self.entries.iter().is_sorted_by(|(one, ..), (other, ..)| one < other);
        let last = self.entries.back().map_or(0, |(number, ..)| *number);
        ascends && last <= self.made && self.made < u64::MAX && self.entries.len() <= MAX_REMEMBERED_WEBHOOKS
    }

    /// The records, oldest first.
    pub fn records(&self) -> Vec<WebhookRecord> {
        self.entries.iter().map(|(_, record, _)| record.clone()).collect()
    }

    /// Forgets all; numbers go on.
    pub fn forget(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::signed_webhook::WebhookAbout;

    #[test]
    fn the_oldest_webhooks_are_forgotten() {
        let webhook =
            SignedWebhook { body: "".into(), signature: String::new(), url: None, about: WebhookAbout::default() };
        let mut log = WebhookLog::default();
        for _ in 0..=MAX_REMEMBERED_WEBHOOKS {
            log.note(&webhook, Timestamp(0), WebhookState::Waiting);
        }
        assert_eq!(log.records().len(), MAX_REMEMBERED_WEBHOOKS);
        assert!(log.find("wh_1").is_none() && log.find("wh_2").is_some());
        log.change(1, |record| record.attempts = 1);
        log.change(2, |record| record.attempts = 1);
        assert_eq!(log.records().iter().map(|record| record.attempts).sum::<u32>(), 1);
    }
}
