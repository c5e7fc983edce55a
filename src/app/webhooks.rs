//! Webhooks: taken in when they are genuine, stored before they are answered, and processed later. A webhook is a hint:
//! what it is about is read from Corefy before anything is changed, so a webhook that is late, doubled, out of order or
//! lost changes nothing but the time at which we learn the truth.

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};
use tokio::{sync::Notify, task::JoinSet};

use super::payments::Payments;
use crate::{
    domain::{
        clock::Timestamp,
        environment::Environment,
        ids::{PaymentIntentId, RefundId, WebhookId},
        operation::WEBHOOK_LEASE,
        payment_intent::PaymentIntentState,
        proxies::{CallSource, Proxies},
    },
    error::Error,
    store::{Change, Changes, CommitError, Conflict, Store, WebhookRecord, WebhookState},
    telemetry::{
        Telemetry,
        catalogue::WEBHOOKS_RECEIVED,
        label_values::{WEBHOOK_TYPES, one_of},
    },
    upstream::{About, Priority, Scheduling, Upstream, signature::WrongSignature},
};

/// How many webhooks one step takes, all at the same time.
const BATCH: u32 = 8;
/// How often a webhook about an object we do not know is tried before it is parked: the object may be on its way.
const PARK_AFTER: i64 = 6;
/// How often a webhook is tried before it is a dead letter.
const DEAD_AFTER: i64 = 12;
/// The longest wait between two tries; waits double from one second on.
const MAX_WAIT: Duration = Duration::from_secs(600);
/// How many customers of ours that are one at Corefy are looked at for one webhook.
const MAX_SAME: u32 = 100;
/// How often a webhook is written whose row another gateway holds, which it does for as long as a commit takes.
const ROW_TRIES: u32 = 16;
/// How much of an error is kept, in characters.
const MAX_ERROR: usize = 300;

/// A webhook as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The bytes that are signed.
    pub body: &'a [u8],
    /// The signature header.
    pub signature: Option<&'a str>,
    /// The headers that matter, as JSON.
    pub headers: &'a str,
    /// Where it came from.
    pub source: CallSource,
}

/// The outcome of processing a webhook.
enum Processed {
    Done,
    /// It is about an object that we do not know, at least not yet.
    Unknown,
    /// Corefy does not show yet what it tells.
    NotYet,
    /// Its body is none that Corefy sends, and will not become one.
    Unreadable,
}

/// Corefy's webhooks, from their arrival to what they lead to.
pub struct Webhooks {
    pub(super) store: Store,
    pub(super) upstream: Arc<dyn Upstream>,
    pub(super) environment: Environment,
    pub(super) proxies: Proxies,
    pub(super) payments: Arc<Payments>,
    /// Notified when webhooks may be due.
    pub(super) wake: Notify,
    pub(super) telemetry: Telemetry,
}

impl Webhooks {
    /// The proxies before the gateway that are trusted.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Where refusals are counted.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Waits until webhooks may be due.
    pub async fn webhooks_are_due(&self) {
        self.wake.notified().await;
    }

    /// Accepts a webhook whose signature is right.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify_webhook(&self, delivery: &Delivery<'_>) -> Result<(), WrongSignature> {
        self.upstream.webhook_verify(delivery.signature, delivery.body)
    }

    /// The header that carries a webhook's signature, lower case.
    pub fn signature_header(&self) -> &'static str {
        self.upstream.webhook_signature_header()
    }

    /// Stores a genuine webhook, redacted, and has it processed soon. A body that came before is only counted.
    pub async fn receive_webhook(&self, delivery: &Delivery<'_>) -> Result<(), Error> {
        let body = self.upstream.webhook_redact(delivery.body);
        let notice = body.as_deref().and_then(|body| self.upstream.webhook_read(body));
        let webhook = WebhookRecord {
            id: WebhookId::generate(&self.environment.ids),
            body_hash: base16ct::lower::encode_string(&Sha256::digest(delivery.body)),
            event_id: notice.as_ref().map_or_else(String::new, |notice| notice.event_id.clone()),
            event_type: notice.as_ref().map_or_else(String::new, |notice| notice.event_type.clone()),
            source_address: delivery.source.to_string(),
            headers: delivery.headers.to_owned(),
            body: body.unwrap_or_else(|| "{}".to_owned()),
            state: WebhookState::Waiting,
            attempts: 0,
            duplicates: 0,
            error: None,
            received_at: self.environment.clock.now(),
            processed_at: None,
            payment_intent_id: None,
        };
        let (event_type, sha256) = (webhook.event_type.clone(), webhook.body_hash.clone());
        self.write_webhook(Change::WebhookArrival(Box::new(webhook))).await?;
        self.telemetry.count(&WEBHOOKS_RECEIVED, [one_of(&event_type, WEBHOOK_TYPES)]);
        tracing::info!(sha256, event_type, "webhook received");
        self.wake.notify_one();
        Ok(())
    }

    /// Processes the webhooks that are due, each on its own: one that fails holds up no other. Returns how many it took.
    pub async fn process_webhooks(self: &Arc<Self>) -> Result<usize, Error> {
        let now = self.environment.clock.now();
        let webhooks = self.store.claim_due_webhooks(now, now + WEBHOOK_LEASE, BATCH).await?;
        let count = webhooks.len();
        let mut work = JoinSet::new();
        for webhook in webhooks {
            let webhooks = self.clone();
            work.spawn(async move { webhooks.try_webhook(webhook).await });
        }
        while let Some(ended) = work.join_next().await {
            match ended {
                Ok(written) => written?,
                Err(panic) => tracing::error!(%panic, "a webhook failed; it is retried when its lease ends"),
            }
        }
        Ok(count)
    }

    async fn try_webhook(&self, mut webhook: WebhookRecord) -> Result<(), Error> {
        let processed = self.process(&mut webhook).await;
        let next = conclude(&mut webhook, processed, self.environment.clock.now());
        self.write_webhook(Change::WebhookAttempt(Box::new(webhook), next)).await
    }

    /// Makes a change of a webhook durable, again where another gateway holds its row.
    async fn write_webhook(&self, change: Change) -> Result<(), Error> {
        let changes = Changes::from_iter([change]);
        for _ in 1..ROW_TRIES {
            match self.store.commit(&changes).await {
                Err(CommitError::Conflict(Conflict::Locked)) => {}
                committed => return Ok(committed?),
            }
        }
        Ok(self.store.commit(&changes).await?)
    }

    async fn process(&self, webhook: &mut WebhookRecord) -> Result<Processed, Error> {
        let Some(notice) = self.upstream.webhook_read(&webhook.body) else { return Ok(Processed::Unreadable) };
        match notice.about {
            About::Payment { upstream_ids, reference, only_success } => {
                webhook.payment_intent_id = self.payment_of(&upstream_ids, reference.as_deref()).await?;
                self.process_payment(webhook.payment_intent_id.as_ref(), only_success).await
            }
            About::PaymentMethods(customer) => self.process_payment_methods(&customer).await,
            About::Customer(customer) => self.process_customer(&customer).await,
            About::Other => Ok(Processed::Done),
        }
    }

    async fn process_payment(&self, id: Option<&PaymentIntentId>, only_success: bool) -> Result<Processed, Error> {
        let Some(id) = id else { return Ok(Processed::Unknown) };
        if only_success && self.state_of(id).await? == Some(PaymentIntentState::Succeeded) {
            return Ok(Processed::Done);
        }
        let was_shown = self.payments.refresh_payment(id, Scheduling::of(Priority::Read)).await?;
        let is_paid = self.state_of(id).await?.is_some_and(PaymentIntentState::is_paid);
        Ok(if was_shown && (is_paid || !only_success) { Processed::Done } else { Processed::NotYet })
    }

    async fn state_of(&self, id: &PaymentIntentId) -> Result<Option<PaymentIntentState>, Error> {
        let intent = self.store.read().await?.payment_intent_any(id).await?;
        Ok(intent.map(|intent| intent.state))
    }

    /// The intent that a webhook is about: by the reference it was made with, or by one of Corefy's ids.
    async fn payment_of(
        &self,
        upstream_ids: &[String],
        reference: Option<&str>,
    ) -> Result<Option<PaymentIntentId>, Error> {
        let mut session = self.store.read().await?;
        if let Some(id) = reference.and_then(PaymentIntentId::parse)
            && session.payment_intent_any(&id).await?.is_some()
        {
            return Ok(Some(id));
        }
        if let Some(id) = reference.and_then(RefundId::parse)
            && let Some(refund) = session.refund_any(&id).await?
        {
            return Ok(Some(refund.payment_intent_id));
        }
        for upstream in upstream_ids {
            if let Some(id) = session.payment_intent_id_upstream(upstream).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// A customer that was made elsewhere is none of ours. Where several of ours are one at Corefy, nobody can tell whose
    /// the change is, and it is taken over for none.
    async fn process_customer(&self, upstream_customer: &str) -> Result<Processed, Error> {
        let customers = self.store.read().await?.customers_upstream(upstream_customer, 2).await?;
        let [customer] = &customers[..] else { return Ok(Processed::Done) };
        Ok(if self.payments.refresh_customer(customer).await? { Processed::Done } else { Processed::NotYet })
    }

    async fn process_payment_methods(&self, upstream_customer: &str) -> Result<Processed, Error> {
        let customers = self.store.read().await?.customers_upstream(upstream_customer, MAX_SAME).await?;
        if customers.is_empty() {
            return Ok(Processed::Unknown);
        }
        self.payments.refresh_payment_methods(&customers).await?;
        Ok(Processed::Done)
    }
}

/// Notes what came of an attempt; answers when to try again, if at all.
fn conclude(webhook: &mut WebhookRecord, processed: Result<Processed, Error>, now: Timestamp) -> Option<Timestamp> {
    let (state_at_end, last_attempt, error) = match processed {
        Ok(Processed::Done) => {
            webhook.state = WebhookState::Processed;
            webhook.processed_at = Some(now);
            webhook.error = None;
            return None;
        }
        Ok(Processed::Unknown) => (WebhookState::Parked, PARK_AFTER, "no object of ours has these ids".to_owned()),
        Ok(Processed::NotYet) => (WebhookState::Dead, DEAD_AFTER, "Corefy does not show what this tells".to_owned()),
        Ok(Processed::Unreadable) => {
            (WebhookState::Dead, 0, "its body cannot be read as a webhook of Corefy's".to_owned())
        }
        Err(error) => (WebhookState::Dead, DEAD_AFTER, error.to_string()),
    };
    webhook.error = Some(error.chars().take(MAX_ERROR).collect());
    if webhook.attempts < last_attempt {
        return Some(now + wait_after(webhook.attempts));
    }
    tracing::error!(webhook = %webhook.id, error, state = state_at_end.as_str(), "webhook given up");
    webhook.state = state_at_end;
    None
}

/// The wait after the given number of attempts: 1, 2, 4 … seconds, up to [`MAX_WAIT`].
fn wait_after(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
    Duration::from_secs(1 << doublings).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let waits: Vec<_> = (1..=DEAD_AFTER).map(|attempts| wait_after(attempts).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }
}
