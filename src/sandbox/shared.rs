//! The parts of a sandbox that its server, its background tasks and its handle share.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    change_signal::ChangeSignal,
    faults::Faults,
    lock::lock,
    options::{SandboxAccount, SandboxOptions},
    route::Journal,
    state::State,
    turning::Turning,
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
    /// The ledger without a name, of one that has a name.
    pub first: Option<Weak<SandboxInner>>,
    /// The ledgers with names, by them; none for one that has a name itself.
    pub ledgers: Mutex<BTreeMap<String, Arc<SandboxInner>>>,
    /// Of the memory of all ledgers.
    pub changes: ChangeSignal,
    pub turning: Arc<Turning>,
    pub shutdown: CancellationToken,
    /// Cancelled when no more webhooks are to be delivered.
    pub deliveries: CancellationToken,
}

impl SandboxInner {
    /// Knows nothing yet.
    pub fn new(
        address: Url,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self::of(address, settings, environment, shutdown, ChangeSignal::default()))
    }

    fn of(
        address: Url,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
        changes: ChangeSignal,
    ) -> Self {
        let public_url = settings.public_url.clone().unwrap_or_else(|| address.clone());
        let faults = Arc::new(Faults::new(changes.clone()));
        Self {
            address,
            state: Mutex::new(State::new(&settings, &environment, public_url, faults.clone())),
            journal: Mutex::default(),
            faults,
            webhooks: WebhookSender::new(settings.webhook_url.clone(), &environment, changes.clone()),
            first: None,
            ledgers: Mutex::default(),
            changes,
            turning: Arc::default(),
            settings,
            environment,
            deliveries: shutdown.child_token(),
            shutdown,
        }
    }

    /// Another of the same address and time, that keys with this name open. Its webhooks go nowhere until it is said where.
    pub fn beside(self: &Arc<Self>, name: &str) -> Arc<Self> {
        let named = |key: &SecretString| SecretString::from(format!("{}.{name}", key.expose_secret()));
        let own = &self.settings;
        let commerce = SandboxAccount { api_key: named(&own.commerce.api_key), ..own.commerce.clone() };
        let settings = SandboxOptions { api_key: named(&own.api_key), commerce, webhook_url: None, ..own.clone() };
        let (address, environment) = (self.address.clone(), self.environment.clone());
        let own = Self::of(address, settings, environment, self.shutdown.child_token(), self.changes.clone());
        Arc::new(Self { first: Some(Arc::downgrade(self)), turning: self.turning.clone(), ..own })
    }

    pub fn spawn_delivery(self: &Arc<Self>) {
        for _ in 0..self.settings.webhooks_at_a_time {
            let shared = self.clone();
            task::spawn("webhooks of the sandbox", async move {
                let deliver = shared.webhooks.run(&shared.faults);
                shared.deliveries.run_until_cancelled(deliver).await;
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
                    if lock(&shared.state).has_due() {
                        shared.with_state(State::settle_due);
                    }
                }
            };
            shared.shutdown.run_until_cancelled(ticking).await;
        });
    }

    /// Works on the state, and hands the webhooks that came of it to delivery.
    pub fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        self.changes.note();
        let mut state = lock(&self.state);
        let result = work(&mut state);
        let events = std::mem::take(&mut state.events);
        if !events.is_empty() {
            self.webhooks.enqueue(events, &self.faults.switches().webhooks);
        }
        result
    }
}
