//! Delivers webhooks to the gateway: signed, queued, a few at a time, repeated when not accepted, and distorted as the
//! switches say.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use axum::body::Bytes;
use tokio::sync::{Notify, OnceCell, watch};
use url::Url;

use super::{
    faults::{Faults, WebhookSwitches},
    lock::lock,
};
use crate::domain::randomness::Randomness;

/// How many webhooks wait or are held at once; further ones are lost.
const MAX_QUEUED: usize = 100_000;
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

/// A webhook, as it is sent.
#[derive(Clone)]
pub struct SignedWebhook {
    /// The body.
    pub body: Bytes,
    /// Its signature.
    pub signature: String,
    /// Where its object wants it sent; `None` where all go.
    pub url: Option<Url>,
}

/// The queue of webhooks and its delivery.
pub(super) struct WebhookSender {
    client: OnceCell<reqwest::Client>,
    randomness: Randomness,
    url: Mutex<Option<Url>>,
    queue: Mutex<WebhookQueue>,
    wake: Notify,
    /// How many wait or are being delivered; what is held does not count.
    outstanding: watch::Sender<usize>,
}

#[derive(Default)]
struct WebhookQueue {
    waiting: VecDeque<SignedWebhook>,
    held: Vec<SignedWebhook>,
}

impl WebhookSender {
    pub fn new(url: Option<Url>, randomness: Randomness) -> Self {
        Self {
            client: OnceCell::new(),
            randomness,
            url: Mutex::new(url),
            queue: Mutex::default(),
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
        *lock(&self.url) = url;
    }

    /// Takes webhooks for delivery.
    pub fn enqueue(&self, webhooks: Vec<SignedWebhook>, switches: &WebhookSwitches) {
        let mut queue = lock(&self.queue);
        for webhook in webhooks.into_iter().filter(|_| !self.is_lost(switches.loss_percent)) {
            for _ in 0..=switches.extra_copies.min(MAX_EXTRA_COPIES) {
                if queue.waiting.len() + queue.held.len() >= MAX_QUEUED {
                    tracing::warn!("the sandbox lost a webhook: too many wait");
                } else if switches.hold {
                    queue.held.push(webhook.clone());
                } else {
                    self.outstanding.send_modify(|count| *count += 1);
                    queue.waiting.push_back(webhook.clone());
                }
            }
        }
        self.wake.notify_one();
    }

    fn is_lost(&self, percent: u8) -> bool {
        percent > 0 && self.randomness.number() % 100 < u64::from(percent)
    }

    /// Lets go of what is held.
    pub fn release_held(&self) {
        let mut queue = lock(&self.queue);
        let held = std::mem::take(&mut queue.held);
        self.outstanding.send_modify(|count| *count += held.len());
        queue.waiting.extend(held);
        self.wake.notify_one();
    }

    /// Takes what is held.
    pub fn take_held(&self) -> Vec<SignedWebhook> {
        std::mem::take(&mut lock(&self.queue).held)
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
            while let Some((webhook, delay)) = self.next(&faults.switches().webhooks) {
                // Another task may deliver the next one meanwhile.
                self.wake.notify_one();
                tokio::time::sleep(delay).await;
                self.deliver(webhook).await;
                self.outstanding.send_modify(|count| *count -= 1);
            }
        }
    }

    fn next(&self, switches: &WebhookSwitches) -> Option<(SignedWebhook, Duration)> {
        let mut queue = lock(&self.queue);
        let webhook = if switches.shuffle { queue.waiting.pop_back() } else { queue.waiting.pop_front() };
        webhook.map(|webhook| (webhook, Duration::from_millis(switches.delay_ms.min(MAX_DELAY_MS))))
    }

    async fn deliver(&self, webhook: SignedWebhook) {
        for attempt in 0..MAX_ATTEMPTS {
            match self.send(&webhook).await {
                Ok(200) => return,
                Ok(status) => tracing::debug!(status, "a webhook was not accepted"),
                Err(error) => tracing::debug!(error = %error.without_url(), "a webhook could not be delivered"),
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
        }
    }

    /// Sends once; answers with the status. Without an address, says that it was accepted.
    pub async fn send(&self, webhook: &SignedWebhook) -> reqwest::Result<u16> {
        let Some(url) = webhook.url.clone().or_else(|| lock(&self.url).clone()) else { return Ok(200) };
        let request = self.client().await?.post(url).header("content-type", "application/json");
        let request = request.header("x-signature", &webhook.signature);
        request.body(webhook.body.clone()).send().await.map(|answer| answer.status().as_u16())
    }
}
