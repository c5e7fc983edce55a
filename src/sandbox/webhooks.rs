//! Delivers webhooks to the gateway: signed, queued, a few at a time, repeated when not accepted, and distorted as the
//! switches say.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::{Notify, OnceCell, watch};
use url::Url;

use super::{
    change_signal::ChangeSignal,
    faults::{Faults, WebhookSwitches},
    lock::lock,
    signed_webhook::SignedWebhook,
    webhook_log::{ACCEPTED, WebhookRecord, WebhookState},
    webhook_queue::{Delivery, QueuedWebhook, WebhookQueue},
};
use crate::domain::{clock::Clock, environment::Environment, randomness::Randomness};

/// How often one is sent before it is given up.
const MAX_ATTEMPTS: u32 = 4;
/// The pause after the first attempt that was not accepted; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long webhooks are gathered before they are delivered newest first.
const GATHERING_TIME: Duration = Duration::from_millis(50);
/// The longest delay that can be asked for.
const MAX_DELAY_MS: u64 = 60_000;
/// The most extra copies that can be asked for.
const MAX_EXTRA_COPIES: u8 = 100;

/// The queue of webhooks and its delivery.
pub(super) struct WebhookSender {
    client: OnceCell<reqwest::Client>,
    clock: Clock,
    randomness: Randomness,
    queue: Mutex<WebhookQueue>,
    changes: ChangeSignal,
    wake: Notify,
    /// How many wait or are being delivered; what is held does not count.
    outstanding: watch::Sender<usize>,
}

impl WebhookSender {
    pub fn new(url: Option<Url>, environment: &Environment, changes: ChangeSignal) -> Self {
        Self {
            client: OnceCell::new(),
            clock: environment.clock.clone(),
            randomness: environment.randomness.clone(),
            queue: Mutex::new(WebhookQueue::to(url)),
            changes,
            wake: Notify::new(),
            outstanding: watch::Sender::new(0),
        }
    }

    /// The client, made when it is first needed: it reads the certificates of all authorities.
    async fn client(&self) -> reqwest::Result<&reqwest::Client> {
        let make = async || {
            // Fails only when a provider is installed already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            reqwest::Client::builder().timeout(ATTEMPT_TIMEOUT).no_proxy().build()
        };
        self.client.get_or_try_init(make).await
    }

    /// Where webhooks go from now on; without an address they are lost.
    pub fn set_url(&self, url: Option<Url>) {
        self.change().url = url;
    }

    /// The webhooks, to be changed.
    fn change(&self) -> MutexGuard<'_, WebhookQueue> {
        self.changes.note();
        lock(&self.queue)
    }

    /// All of them, as they are kept.
    pub fn kept(&self) -> WebhookQueue {
        lock(&self.queue).kept()
    }

    /// Takes over what was kept.
    pub fn load(&self, kept: WebhookQueue) {
        let waiting = kept.waiting.len();
        let waited = self.change().load(kept);
        self.outstanding.send_modify(|count| *count = *count + waiting - waited);
        self.wake.notify_one();
    }

    /// Takes webhooks for delivery.
    pub fn enqueue(&self, webhooks: Vec<SignedWebhook>, switches: &WebhookSwitches) {
        let mut queue = self.change();
        for webhook in webhooks {
            let state = if self.is_lost(switches.loss_percent) || queue.is_full() {
                WebhookState::Lost
            } else if switches.hold {
                WebhookState::Held
            } else {
                WebhookState::Waiting
            };
            let number = queue.log.note(&webhook, self.clock.now(), state);
            for _ in 0..=switches.extra_copies.min(MAX_EXTRA_COPIES) {
                self.put(&mut queue, (number, webhook.clone()), state);
            }
        }
        self.wake.notify_one();
    }

    /// Puts a webhook where its state has it, while there is room.
    fn put(&self, queue: &mut WebhookQueue, webhook: QueuedWebhook, state: WebhookState) {
        if queue.is_full() {
            tracing::warn!("the sandbox lost a webhook: too many wait");
            return;
        }
        match state {
            WebhookState::Held => queue.held.push(webhook),
            WebhookState::Waiting => {
                self.outstanding.send_modify(|count| *count += 1);
                queue.waiting.push_back(webhook);
            }
            WebhookState::Delivered | WebhookState::GivenUp | WebhookState::Lost => {}
        }
    }

    /// Delivers a webhook again. `false` when it is not remembered, or too many wait.
    pub fn resend(&self, id: &str) -> bool {
        let mut queue = self.change();
        let Some((number, webhook)) = queue.log.find(id).filter(|_| !queue.is_full()) else { return false };
        queue.log.change(number, |record| record.state = WebhookState::Waiting);
        self.put(&mut queue, (number, webhook), WebhookState::Waiting);
        self.wake.notify_one();
        true
    }

    /// The webhooks that are remembered, oldest first.
    pub fn records(&self) -> Vec<WebhookRecord> {
        lock(&self.queue).log.records()
    }

    /// Forgets all webhooks but those that are being delivered.
    pub fn forget(&self) {
        let waiting = self.change().forget();
        self.outstanding.send_modify(|count| *count -= waiting);
    }

    fn is_lost(&self, percent: u8) -> bool {
        percent > 0 && self.randomness.number() % 100 < u64::from(percent)
    }

    /// Lets go of what is held.
    pub fn release_held(&self) {
        let mut queue = self.change();
        let held = std::mem::take(&mut queue.held);
        held.iter().for_each(|(number, _)| queue.log.change(*number, |record| record.state = WebhookState::Waiting));
        self.outstanding.send_modify(|count| *count += held.len());
        queue.waiting.extend(held);
        self.wake.notify_one();
    }

    /// Takes what is held.
    pub fn take_held(&self) -> Vec<SignedWebhook> {
        std::mem::take(&mut self.change().held).into_iter().map(|(_, webhook)| webhook).collect()
    }

    /// Returns when nothing waits or is being delivered.
    pub async fn idle(&self) {
        let mut outstanding = self.outstanding.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = outstanding.wait_for(|count| *count == 0).await;
    }

    /// Delivers for ever, one at a time.
    pub async fn run(&self, faults: &Faults) {
        loop {
            self.wake.notified().await;
            if faults.switches().webhooks.shuffle {
                tokio::time::sleep(GATHERING_TIME).await;
            }
            while let Some((delivery, delay)) = self.next(&faults.switches().webhooks) {
                // Another task may deliver the next one meanwhile.
                self.wake.notify_one();
                tokio::time::sleep(delay).await;
                self.deliver(delivery).await;
                self.outstanding.send_modify(|count| *count -= 1);
            }
        }
    }

    fn next(&self, switches: &WebhookSwitches) -> Option<(Delivery, Duration)> {
        let delivery = lock(&self.queue).take(switches.shuffle)?;
        Some((delivery, Duration::from_millis(switches.delay_ms.min(MAX_DELAY_MS))))
    }

    async fn deliver(&self, delivery: Delivery) {
        for attempt in 0..MAX_ATTEMPTS {
            let Some(url) = self.address(&delivery.webhook) else { return self.change().lose(&delivery) };
            let status = match self.send_to(url, &delivery.webhook).await {
                Ok(status) => Some(status),
                Err(error) => {
                    tracing::debug!(error = %error.without_url(), "a webhook could not be delivered");
                    None
                }
            };
            if self.change().note_attempt(&delivery, status, attempt + 1 == MAX_ATTEMPTS) {
                return;
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
        }
    }

    /// Sends once; answers with the status. Without an address, says that it was accepted.
    pub async fn send(&self, webhook: &SignedWebhook) -> reqwest::Result<u16> {
        match self.address(webhook) {
            Some(url) => self.send_to(url, webhook).await,
            None => Ok(ACCEPTED),
        }
    }

    /// Where it goes, if it goes anywhere.
    fn address(&self, webhook: &SignedWebhook) -> Option<Url> {
        webhook.url.clone().or_else(|| lock(&self.queue).url.clone())
    }

    async fn send_to(&self, url: Url, webhook: &SignedWebhook) -> reqwest::Result<u16> {
        let request = self.client().await?.post(url).header("content-type", "application/json");
        let request = request.header("x-signature", &webhook.signature);
        request.body(webhook.body.clone()).send().await.map(|answer| answer.status().as_u16())
    }
}
