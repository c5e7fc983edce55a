//! The parts of a sandbox that its server, its background tasks and its handle share.

use std::sync::{Arc, Mutex};

use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    catch_up::CatchUp,
    faults::Faults,
    lock::lock,
    options::{SandboxAccount, SandboxOptions},
    route::Journal,
    state::State,
    webhooks::WebhookSender,
};
use crate::{domain::environment::Environment, task};

/// The part that the server, its background tasks and the handle share.
pub(super) struct SandboxInner {
    /// Where it listens, with a path of `/`.
    pub address: Url,
    pub settings: SandboxOptions,
    pub environment: Environment,
    pub state: Mutex<State>,
    pub journal: Mutex<Journal>,
    pub faults: Arc<Faults>,
    pub webhooks: WebhookSender,
    /// Done at each step of a clock that is put ahead.
    pub catch_up: Mutex<Option<CatchUp>>,
    /// Held by whoever puts the clock ahead.
    pub turning: tokio::sync::Mutex<()>,
    pub shutdown: CancellationToken,
}

impl SandboxInner {
    /// Knows nothing yet.
    pub fn new(
        address: Url,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let public_url = settings.public_url.clone().unwrap_or_else(|| address.clone());
        let faults = Arc::new(Faults::default());
        Arc::new(Self {
            address,
            state: Mutex::new(State::new(&settings, &environment, public_url, faults.clone())),
            journal: Mutex::default(),
            faults,
            catch_up: Mutex::default(),
            turning: tokio::sync::Mutex::default(),
            webhooks: WebhookSender::new(settings.webhook_url.clone(), &environment),
            settings,
            environment,
            shutdown,
        })
    }

    /// Another of the same address and time, that keys with this name open. Its webhooks go nowhere until it is said where.
    pub fn beside(&self, name: &str) -> Arc<Self> {
        let named = |key: &SecretString| SecretString::from(format!("{}.{name}", key.expose_secret()));
        let own = &self.settings;
        let commerce = SandboxAccount { api_key: named(&own.commerce.api_key), ..own.commerce.clone() };
        let settings = SandboxOptions { api_key: named(&own.api_key), commerce, webhook_url: None, ..own.clone() };
        Self::new(self.address.clone(), settings, self.environment.clone(), self.shutdown.clone())
    }

    pub fn spawn_delivery(self: &Arc<Self>) {
        for _ in 0..self.settings.webhooks_at_a_time {
            let shared = self.clone();
            task::spawn("webhooks of the sandbox", async move {
                let deliver = shared.webhooks.run(&shared.faults);
                shared.shutdown.run_until_cancelled(deliver).await;
            });
        }
    }

    pub fn spawn_ticking(self: &Arc<Self>) {
        let Some(tick) = self.settings.tick else { return };
        let shared = self.clone();
        task::spawn("clock of the sandbox", async move {
            let ticking = async {
                loop {
                    tokio::time::sleep(tick).await;
                    shared.with_state(State::settle_due);
                }
            };
            shared.shutdown.run_until_cancelled(ticking).await;
        });
    }

    /// Works on the state, and hands the webhooks that came of it to delivery.
    pub fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let result = work(&mut state);
        let events = std::mem::take(&mut state.events);
        if !events.is_empty() {
            self.webhooks.enqueue(events, &self.faults.switches().webhooks);
        }
        result
    }
}
