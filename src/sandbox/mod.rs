//! A Corefy of our own for `make dev` and the tests: it speaks the `intents` dialect, keeps a ledger of the money that
//! really moved, and goes wrong in every way a real one can, on request.
//!
//! # Layout
//!
//! - [`cards`], [`test_refunds`]: the tables of test cards, and of amounts that refunds are tested with
//! - [`faults`]: what can be made to go wrong from outside
//! - [`ledger`]: what really moved
//! - `server`: one request's way, through `auth`, `route` and `state`
//! - `payment`, `intents`, `confirm`, `displays`, `refunds`, `chargebacks`, `customers`: the calls and their consequences, each a method of `state`
//! - `webhooks`: signed, queued, delivered
//! - `page`, `view`: what a browser sees
//! - `control`: what tests do to it
//!
//! It checks signatures with code of its own: a mistake shared with the client would go unseen.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{domain::environment::Environment, task};

mod answer;
mod auth;
pub mod cards;
mod chargebacks;
mod confirm;
mod connection;
mod control;
mod customers;
mod displays;
pub mod faults;
mod intents;
pub mod ledger;
mod page;
mod payment;
mod refunds;
mod route;
mod server;
mod state;
pub mod test_refunds;
#[cfg(test)]
mod tests;
mod view;
mod webhooks;

pub use chargebacks::CHARGEBACK_TIME;
pub use control::NotPossible;
pub use displays::{DISPLAY_TIME, EXPIRED};
pub use route::{MAX_SEEN_REQUESTS, SeenRequest};

/// How long a processing payment or a pending refund takes, by the sandbox's clock.
pub const PROCESSING_TIME: Duration = Duration::from_secs(5);
/// How long a request that is never answered is kept open.
pub const HANG_TIME: Duration = Duration::from_secs(120);

/// The settings of a sandbox: the keys of its merchant, its addresses, and its pace.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The merchant's API key.
    pub api_key: SecretString,
    /// The key that signs the merchant's requests.
    pub secret_key: SecretString,
    /// The merchant's client key.
    pub client_key: SecretString,
    /// The key that signs webhooks.
    pub webhook_secret: SecretString,
    /// Where webhooks go; `None` until [`Sandbox::set_webhook_url`] when they are not wanted yet.
    pub webhook_url: Option<Url>,
    /// Where a payer's browser reaches the sandbox; `None` means the address it listens on.
    pub public_url: Option<Url>,
    /// How often what is due is settled without being asked for; `None` for tests, which call
    /// [`Sandbox::settle_due`].
    pub tick: Option<Duration>,
}

/// A running sandbox. All clones are the same one.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<SandboxInner>,
    base_url: Url,
}

/// The part that the server, its background tasks and the handle share.
struct SandboxInner {
    settings: SandboxOptions,
    environment: Environment,
    state: Mutex<state::State>,
    journal: Mutex<route::Journal>,
    faults: faults::Faults,
    webhooks: webhooks::Webhooks,
    shutdown: CancellationToken,
}

impl Sandbox {
    /// Serves on `listener` until `shutdown` is cancelled. Fails when the listener has no address or no client for
    /// webhooks can be made.
    pub async fn start(
        listener: TcpListener,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        let base_url = url_of(listener.local_addr()?)?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| base_url.clone());
        let shared = Arc::new(SandboxInner {
            state: Mutex::new(state::State::new(environment.clock.clone(), environment.ids.clone(), public_url)),
            journal: Mutex::default(),
            faults: faults::Faults::default(),
            webhooks: webhooks::Webhooks::new(
                settings.webhook_secret.clone(),
                settings.webhook_url.clone(),
                environment.randomness.clone(),
            )?,
            settings,
            environment,
            shutdown,
        });
        let app = server::router(shared.clone()).into_make_service_with_connect_info::<connection::ConnectionKill>();
        let server = axum::serve(connection::KillableListener(listener), app)
            .with_graceful_shutdown(shared.shutdown.clone().cancelled_owned());
        task::spawn("sandbox", async move { server.await });
        shared.spawn_delivery();
        shared.spawn_ticking();
        Ok(Self { shared, base_url })
    }

    /// Where it listens, with a path of `/`.
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }
}

impl SandboxInner {
    fn spawn_delivery(self: &Arc<Self>) {
        let shared = self.clone();
        task::spawn("webhooks of the sandbox", async move {
            let deliver = shared.webhooks.run(&shared.faults);
            shared.shutdown.run_until_cancelled(deliver).await;
        });
    }

    fn spawn_ticking(self: &Arc<Self>) {
        let Some(tick) = self.settings.tick else { return };
        let shared = self.clone();
        task::spawn("clock of the sandbox", async move {
            let ticking = async {
                loop {
                    tokio::time::sleep(tick).await;
                    shared.with_state(state::State::settle_due);
                }
            };
            shared.shutdown.run_until_cancelled(ticking).await;
        });
    }

    /// Works on the state, and hands the webhooks that came of it to delivery.
    fn with_state<T>(&self, work: impl FnOnce(&mut state::State) -> T) -> T {
        let mut state = lock(&self.state);
        let result = work(&mut state);
        let events = std::mem::take(&mut state.events);
        if !events.is_empty() {
            self.webhooks.enqueue(&events, &self.faults.switches().webhooks);
        }
        result
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sandbox({})", self.base_url)
    }
}

/// The URL of an address; a browser reaches one that is open to all under the loopback address.
fn url_of(address: SocketAddr) -> io::Result<Url> {
    let reachable = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    Url::parse(&format!("http://{}/", SocketAddr::new(reachable, address.port()))).map_err(io::Error::other)
}

/// Locks; a panic elsewhere left nothing half done that a test should not see.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
