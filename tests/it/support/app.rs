//! The real server on ports of its own, with the sandbox as its Corefy, a clock that the test advances, and workers
//! that the test steps.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use corefy_gateway::{
    app::{
        Checkpoint, Probe,
        key_admin::{KeyAdmin, NewKey},
    },
    config::{
        Config, DatabaseConfig, LogConfig, LogFormat, RiskConfig, UpstreamConfig,
        local::{SandboxKeys, sandbox_commerce, sandbox_upstream},
    },
    domain::{
        amount_limits::AmountLimits,
        api_key::Scope,
        clock::{Clock, Timestamp},
        environment::Environment,
        retention::Retention,
    },
    sandbox::{Sandbox, SandboxAccount, SandboxOptions},
    server::{Harness, Lock, Server},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::{
    client::Client,
    database::{BackUp, TestDatabase, master_key},
    operator::note,
};

/// Where the clock of every test begins: 2026-11-23T10:00:00Z.
pub const START: Timestamp = Timestamp(1_795_428_000_000_000);
/// How long a test waits for what must happen soon, on a machine that is busy.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// A gateway under test.
pub struct TestApp {
    /// The resources that it keeps alive.
    pub database: TestDatabase,
    /// Its Corefy.
    pub sandbox: Sandbox,
    /// Its time.
    pub clock: Clock,
    /// Its time, ids and chance.
    pub environment: Environment,
    /// Itself.
    pub server: Server,
    config: Config,
    key: SecretString,
    _stop_sandbox: DropGuard,
}

impl TestApp {
    /// Starts it on `database`.
    pub async fn start(database: TestDatabase) -> Self {
        Self::start_with(database, None, |_| {}).await
    }

    /// Starts it on `database`, with a probe and changed settings.
    pub async fn start_with(database: TestDatabase, probe: Option<Probe>, change: impl FnOnce(&mut Config)) -> Self {
        let harness =
            Harness { environment: Environment::manual(START), probe, without_workers: true, ..Harness::default() };
        Self::start_in(database, harness, change).await
    }

    /// Starts it on `database` as in production: by the time of day, with workers that run by themselves.
    pub async fn start_running(database: TestDatabase) -> Self {
        Self::start_in(database, Harness::default(), |_| {}).await
    }

    /// The same without workers.
    pub async fn start_still(database: TestDatabase) -> Self {
        Self::start_in(database, Harness { without_workers: true, ..Harness::default() }, |_| {}).await
    }

    /// Starts it on `database` with a Corefy that is spoken to in its `commerce` API.
    pub async fn start_commerce(database: TestDatabase) -> Self {
        Self::start_with(database, None, in_commerce).await
    }

    /// The same as in production: by the time of day, with workers that run by themselves.
    pub async fn start_commerce_running(database: TestDatabase) -> Self {
        Self::start_in(database, Harness::default(), in_commerce).await
    }

    async fn start_in(database: TestDatabase, harness: Harness, change: impl FnOnce(&mut Config)) -> Self {
        install_crypto();
        let environment = harness.environment.clone();
        let (sandbox, stop_sandbox) = start_sandbox(&environment).await;
        let mut config = config(&database, sandbox_upstream(&SandboxKeys::default(), sandbox.base_url()));
        change(&mut config);
        let key = create_key(&database, &environment, |_| {}).await;
        let server = start_server(&config, harness, &sandbox).await;
        let clock = environment.clock.clone();
        Self { database, sandbox, clock, environment, server, config, key, _stop_sandbox: stop_sandbox }
    }

    /// Lets the process die, and starts another on the same database.
    pub async fn crash_and_restart(self) -> Self {
        self.crash_and_restart_with(None).await
    }

    /// The same with a probe in the other.
    pub async fn crash_and_restart_with(self, probe: Option<Probe>) -> Self {
        let Self { database, sandbox, clock, environment, server, config, key, _stop_sandbox } = self;
        drop(server);
        let harness = Harness { probe, ..manual(&environment) };
        let server = start_server(&config, harness, &sandbox).await;
        Self { database, sandbox, clock, environment, server, config, key, _stop_sandbox }
    }

    /// Lets the process die, has its database go back to the copy, and starts another on it.
    pub async fn crash_and_restore(self, copy: &BackUp) -> Self {
        let Self { database, sandbox, clock, environment, server, config, key, _stop_sandbox } = self;
        drop(server);
        database.restore(copy).await;
        Self {
            server: start_server(&config, manual(&environment), &sandbox).await,
            database,
            sandbox,
            clock,
            environment,
            config,
            key,
            _stop_sandbox,
        }
    }

    /// The same with changed settings, from now on.
    pub async fn crash_and_restart_changed(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self.crash_and_restart().await
    }

    /// Another gateway beside this one, on the same database. Webhooks go there from now on. With SQLite it holds no lock on
    /// the file, which the first has: production has no such thing, but what it would do is right all the same.
    pub async fn replica(&self) -> Server {
        let harness = manual(&self.environment);
        let server = Server::start_with(self.config.clone(), harness, Lock::Held(None)).await.unwrap();
        set_webhooks(&self.sandbox, &server);
        server
    }

    /// A caller with a key that may do everything.
    pub async fn client(&self) -> Client {
        self.client_with(self.key.expose_secret()).await
    }

    /// A caller with this key.
    pub async fn client_with(&self, key: &str) -> Client {
        Client::connect(self.server.grpc_addr, key).await
    }

    /// A caller with another key, changed from one that may do everything for the partner Acme.
    pub async fn client_of(&self, change: impl FnOnce(&mut NewKey)) -> Client {
        self.client_with(self.new_key(change).await.expose_secret()).await
    }

    /// The key of [`Self::client`], `pk_…:sk_…`.
    pub fn key(&self) -> &str {
        self.key.expose_secret()
    }

    /// Another key, changed from one that may do everything for the partner Acme.
    pub async fn new_key(&self, change: impl FnOnce(&mut NewKey)) -> SecretString {
        create_key(&self.database, &self.environment, change).await
    }

    /// The management of keys, as the command has it.
    pub async fn keys(&self) -> KeyAdmin {
        KeyAdmin::new(self.database.store().await, self.environment.clone(), note())
    }

    /// The configuration that it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Turns the clock, and takes every step of recovery that is due then.
    pub async fn recover_after(&self, wait: Duration) {
        self.clock.advance(wait);
        while self.server.app.payments.recover().await.unwrap() > 0 {}
    }

    /// Turns the clock by `time` in small steps, each with the recovery that is due then.
    pub async fn recover_during(&self, time: Duration) {
        const STEP: Duration = Duration::from_secs(15);
        for _ in 0..time.as_secs() / STEP.as_secs() {
            self.recover_after(STEP).await;
        }
    }

    /// Waits until the sandbox has delivered its webhooks, and works them off.
    pub async fn process_webhooks(&self) {
        self.sandbox.webhooks_idle().await;
        while self.server.app.webhooks.process_webhooks().await.unwrap() > 0 {}
    }

    /// Where `path` is on the HTTP sidecar.
    pub fn http(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.server.http_addr)).unwrap()
    }
}

/// A gateway whose workers the test steps.
fn manual(environment: &Environment) -> Harness {
    Harness { environment: environment.clone(), without_workers: true, ..Harness::default() }
}

/// Waits until something that happens behind the calls has happened. Fails when it does not within [`TIME_LIMIT`].
pub async fn until(what: &str, has_happened: impl AsyncFnMut() -> bool) {
    until_within(TIME_LIMIT, what, has_happened).await;
}

/// The same of what takes many steps, which a busy machine is slow to take.
pub async fn until_within(limit: Duration, what: &str, mut has_happened: impl AsyncFnMut() -> bool) {
    let happening = async {
        while !has_happened().await {
            sleep(LOOK).await;
        }
    };
    timeout(limit, happening).await.unwrap_or_else(|_| panic!("{what}: not within {limit:?}"));
}

/// An address at which nothing listens: no test is ever given so low a port.
pub const CLOSED_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// An address at which a program can listen that must be told its port.
///
/// The kernel gives ports from 32768 on to all that ask for any, so that one of those may be gone before it is used.
pub fn free_port() -> SocketAddr {
    let ports = std::iter::repeat_with(|| SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(20_000..32_768))));
    let is_free = |port: &SocketAddr| std::net::TcpListener::bind(port).is_ok();
    ports.take(100).find(is_free).expect("some port is free")
}

/// An HTTP client that calls only the address it is given, past any proxy.
pub fn http_client() -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn install_crypto() {
    // Fails only when it is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A probe that lets every call die at `at`, and gives the test a permit for each.
pub fn dies_at(at: Checkpoint) -> (Probe, Arc<Semaphore>) {
    let deaths = Arc::new(Semaphore::new(0));
    let told = deaths.clone();
    let probe: Probe = Arc::new(move |checkpoint| {
        let told = told.clone();
        Box::pin(async move {
            if checkpoint == at {
                told.add_permits(1);
                std::future::pending::<()>().await;
            }
        })
    });
    (probe, deaths)
}

/// Stops every call at every checkpoint until the test lets it go on.
pub struct Steps {
    reached: Semaphore,
    go_on: Semaphore,
}

impl Steps {
    /// The steps, and the probe that takes them.
    pub fn new() -> (Arc<Self>, Probe) {
        Self::at(&[Checkpoint::Reserved, Checkpoint::Answered, Checkpoint::Settled])
    }

    /// The same at these checkpoints only.
    pub fn at(checkpoints: &'static [Checkpoint]) -> (Arc<Self>, Probe) {
        let steps = Arc::new(Self { reached: Semaphore::new(0), go_on: Semaphore::new(0) });
        let taken = steps.clone();
        let probe: Probe = Arc::new(move |checkpoint| {
            let taken = taken.clone();
            Box::pin(async move {
                if checkpoints.contains(&checkpoint) {
                    taken.reached.add_permits(1);
                    taken.go_on.acquire().await.unwrap().forget();
                }
            })
        });
        (steps, probe)
    }

    /// Waits until a call has come to its next checkpoint; of those that wait, the first goes on first.
    pub async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Lets a call go on from where it stands.
    pub fn go_on(&self) {
        self.go_on.add_permits(1);
    }
}

/// The settings of a sandbox with the keys that it has by default.
pub fn sandbox_options() -> SandboxOptions {
    let keys = SandboxKeys::default();
    SandboxOptions {
        api_key: keys.api_key,
        secret_key: keys.secret_key,
        client_key: keys.client_key,
        webhook_secret: keys.webhook_secret,
        commerce: SandboxAccount::default(),
        webhook_url: None,
        webhooks_at_a_time: 1,
        public_url: None,
        tick: None,
    }
}

/// The settings of a gateway that speaks to the sandbox in its `commerce` API.
pub fn in_commerce(config: &mut Config) {
    let UpstreamConfig { api, api_key, webhook_secret, .. } =
        sandbox_commerce(&SandboxKeys::default(), config.upstream.base_url.clone());
    config.upstream = UpstreamConfig { api, api_key, webhook_secret, ..config.upstream.clone() };
}

/// A sandbox with those settings.
pub async fn start_sandbox(environment: &Environment) -> (Sandbox, DropGuard) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let stop = CancellationToken::new();
    let sandbox = Sandbox::start(listener, sandbox_options(), environment.clone(), stop.clone()).await.unwrap();
    (sandbox, stop.drop_guard())
}

async fn start_server(config: &Config, harness: Harness, sandbox: &Sandbox) -> Server {
    let server = Server::start(config.clone(), harness).await.unwrap();
    set_webhooks(sandbox, &server);
    server
}

fn set_webhooks(sandbox: &Sandbox, server: &Server) {
    sandbox.set_webhook_url(Url::parse(&format!("http://{}/webhooks/corefy", server.http_addr)).ok());
}

/// The settings of a gateway on `database`, with any ports.
pub fn config(database: &TestDatabase, upstream: UpstreamConfig) -> Config {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Config {
        upstream: UpstreamConfig {
            // Long enough for a busy machine. A test in which Corefy is silent has to set a shorter one.
            timeout: Duration::from_secs(10),
            retry_count: 1,
            rate_limit_per_minute: NonZeroU32::new(1_000_000).unwrap(),
            ..upstream
        },
        database: DatabaseConfig { url: database.url().into(), connections: 8 },
        master_keys: master_key().into(),
        grpc_addr: any_port,
        http_addr: any_port,
        tls: None,
        max_connections: 1000,
        trusted_proxies: Vec::new(),
        proxy_protocol: Vec::new(),
        key_rate_per_minute: None,
        streams_per_key: None,
        web_origins: Vec::new(),
        currencies: Vec::new(),
        amount_limits: AmountLimits::default(),
        return_url_schemes: Vec::new(),
        raw_cards: true,
        webhook_allow: Vec::new(),
        retention: Retention::default(),
        drain: Duration::from_secs(10),
        log: LogConfig { filter: "warn".to_owned(), format: LogFormat::Text },
        traces: None,
        risk: RiskConfig::default(),
    }
}

/// A key, changed from one that may do everything for the partner Acme.
pub async fn create_key(
    database: &TestDatabase,
    environment: &Environment,
    change: impl FnOnce(&mut NewKey),
) -> SecretString {
    let mut new = NewKey {
        partner_name: "Acme".to_owned(),
        key_name: "tests".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    };
    change(&mut new);
    let store = database.store().await;
    let keys = KeyAdmin::new(store.clone(), environment.clone(), note());
    let key = keys.create(new).await.unwrap();
    store.close().await;
    key
}
