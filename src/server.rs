//! The only wiring: builds the parts, opens the ports, runs until the process is told to stop, and then drains in
//! order.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;
use tokio::{net::TcpListener, task::JoinSet, time::timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

mod corefy;
mod harness;

use corefy::capabilities;
pub use corefy::{CorefyClient, CredentialsSender, commerce_upstream, upstream};
pub use harness::Harness;

use crate::{
    app::{self, App, AppParts},
    config::{Config, DatabaseConfig, ProxiedPort, RiskConfig, TlsConfig, TraceConfig},
    domain::{acceptance::Acceptance, environment::Environment, master_key::MasterKeys, network, proxies::Proxies},
    http,
    port::{Bounds, CertificateError, CertificateFiles, Certificates, CountedAs, Port},
    reference_data::{FileFaults, ReferenceData, ReferenceFiles},
    rpc,
    store::{self, FileLock, Keyring, Store},
    telemetry::{ExportError, Telemetry},
    upstream::transport::SetupError,
    worker,
};

/// Why a gateway could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database could not be opened.
    #[error("{setting}: {0}", setting = setting_of(.0))]
    Store(#[from] store::Error),
    /// A port could not be opened; names the variable that says which.
    #[error("{variable}: cannot listen on {address}: {cause}")]
    Port {
        /// The setting.
        variable: &'static str,
        /// The address that it is set to.
        address: SocketAddr,
        /// Why not.
        cause: io::Error,
    },
    /// The certificates could not be used.
    #[error("GATEWAY_TLS_CERT, GATEWAY_TLS_KEY or GATEWAY_TLS_CLIENT_CA: {0}")]
    Certificates(#[from] CertificateError),
    /// Traces could not be exported, wherever the collector is.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Traces(#[from] ExportError),
    /// The rules of risk that are in force cannot be used.
    #[error("the risk policy: {0}")]
    Policy(#[from] crate::error::Error),
    /// Files of reference data could not be used. Names their settings.
    #[error("{0}")]
    ReferenceData(#[from] FileFaults),
    /// The client of Corefy could not be made.
    #[error("{0}")]
    Upstream(#[from] SetupError),
}

/// A running gateway. Dropping it without [`Server::stop`] ends it at once, as a crash would.
pub struct Server {
    /// Where gRPC listens.
    pub grpc_addr: SocketAddr,
    /// Where webhooks, health, readiness and metrics listen.
    pub http_addr: SocketAddr,
    /// The use cases it serves.
    pub app: App,
    /// The place of the credentials for Corefy.
    pub credentials: CredentialsSender,
    drain: CancellationToken,
    drain_limit: Duration,
    ports: JoinSet<()>,
    stop_workers: DropGuard,
    workers: TaskTracker,
    /// Held as long as the gateway runs; last, so that all else is gone when it is released.
    _lock: Option<FileLock>,
}

/// The lock on the SQLite file of a gateway that starts.
#[derive(Debug)]
pub enum Lock {
    /// It is taken once the ports are open.
    Take,
    /// The caller has taken it; `None`: it needs none.
    Held(Option<FileLock>),
}

/// Opens the database with what seals personal data in it.
pub async fn open_store(
    database: &DatabaseConfig,
    master_keys: &MasterKeys,
    environment: &Environment,
) -> Result<Store, store::Error> {
    let keys = Keyring::new(master_keys, environment.randomness.clone());
    Store::open(database.url.expose_secret(), database.connections, keys, environment.ids.clone()).await
}

/// The same in lock step.
fn open_store_in_lock_step(
    database: &DatabaseConfig,
    master_keys: &MasterKeys,
    harness: &Harness,
) -> Result<Store, store::Error> {
    let Environment { randomness, ids, .. } = harness.environment.clone();
    let (url, keys) = (database.url.expose_secret(), Keyring::new(master_keys, randomness));
    Store::open_in_lock_step(url, database.connections, keys, ids, harness.store_gate.clone())
}

/// The same without migrating it.
pub async fn open_store_as_it_is(database: &DatabaseConfig, master_keys: &MasterKeys) -> Result<Store, store::Error> {
    let Environment { randomness, ids, .. } = Environment::system();
    let keys = Keyring::new(master_keys, randomness);
    Store::open_as_it_is(database.url.expose_secret(), database.connections, keys, ids).await
}

/// The setting that is wrong where the database could not be opened.
pub(crate) fn setting_of(error: &store::Error) -> &'static str {
    match error {
        store::Error::MasterKey => "GATEWAY_MASTER_KEY",
        store::Error::OtherMasterKey => "GATEWAY_MASTER_KEY_OTHER",
        _ => "DATABASE_URL",
    }
}

impl Server {
    /// Builds the gateway and opens its ports. It serves when this returns. An SQLite file that another gateway has is
    /// refused.
    pub async fn start(config: Config, harness: Harness) -> Result<Self, StartError> {
        Self::start_with(config, harness, Lock::Take).await
    }

    /// The same with a lock that may have been taken already.
    pub async fn start_with(config: Config, harness: Harness, lock: Lock) -> Result<Self, StartError> {
        let (grpc, grpc_addr) = listen("GATEWAY_GRPC_ADDR", config.grpc_addr).await?;
        let (sidecar, http_addr) = listen("GATEWAY_HTTP_ADDR", config.http_addr).await?;
        let (grpc_certificates, http_certificates) = certificates(config.tls.as_ref())?;
        let most = config.max_connections;
        let counted_as = counted_as(Proxies::new(config.trusted_proxies.clone()));
        let timeouts = harness.rpc_idle_timeouts.unwrap_or(rpc::IDLE_TIMEOUTS);
        // On the gRPC port a connection with an admitted caller keeps its permit.
        let bounds = Bounds {
            most,
            always_on_trial: 0,
            counted_as: counted_as.clone(),
            proxied_by: config.proxied_by(ProxiedPort::Grpc),
            timeouts,
        };
        let grpc = Port::new(grpc, grpc_certificates, bounds);
        let always_on_trial = http::always_on_trial(most);
        let bounds = Bounds {
            most,
            always_on_trial,
            counted_as,
            proxied_by: config.proxied_by(ProxiedPort::Http),
            timeouts: http::IDLE_TIMEOUTS,
        };
        let sidecar = Port::new(sidecar, http_certificates, bounds);
        let takes_webhooks = config.upstream.webhook_secret.is_some();
        let lock = match lock {
            Lock::Take => FileLock::take(config.database.url.expose_secret())?,
            Lock::Held(lock) => lock,
        };
        let (app, credentials) = build_with_credentials(&config, &harness).await?;

        let drain = CancellationToken::new();
        let (rpc_app, rpc_drain, web_origins) = (app.clone(), drain.clone(), config.web_origins);
        let rpc = async move { rpc::serve(grpc, rpc_app, &web_origins, rpc_drain).await };
        let http = http::serve(sidecar, app.clone(), config.webhook_allow, takes_webhooks, drain.clone());
        let mut ports = JoinSet::new();
        ports.spawn(async { log_end("gRPC", rpc.await) });
        ports.spawn(http);
        let stop_workers = CancellationToken::new();
        let workers = if harness.without_workers { closed_tracker() } else { worker::start(&app, &stop_workers) };
        let stop_workers = stop_workers.drop_guard();
        Ok(Self {
            grpc_addr,
            http_addr,
            app,
            credentials,
            drain,
            drain_limit: config.drain,
            ports,
            stop_workers,
            workers,
            _lock: lock,
        })
    }

    /// Stops: takes no more calls, lets those under way end, stops the workers, and closes the database, all within the
    /// configured time. Unfinished operations are found by recovery at the next start.
    pub async fn stop(mut self) {
        self.drain.cancel();
        let telemetry = self.app.diagnostics.telemetry().clone();
        let drained = timeout(self.drain_limit, async {
            while self.ports.join_next().await.is_some() {}
            drop(self.stop_workers);
            self.workers.wait().await;
            self.app.drain().await;
        });
        if drained.await.is_err() {
            tracing::warn!("some calls did not finish in time; recovery continues them at the next start");
        }
        telemetry.flush_spans().await;
    }
}

/// Counts a connection by its customer's address; one of a trusted proxy, which stands for many, by none.
fn counted_as(trusted: Proxies) -> CountedAs {
    Arc::new(move |address| (!trusted.include(address)).then(|| network::of_customer(address)))
}

/// Opens the port that `variable` names; answers with its true address, which differs when any port may be taken.
async fn listen(variable: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let opened = async {
        let listener = TcpListener::bind(address).await?;
        let opened_at = listener.local_addr()?;
        Ok((listener, opened_at))
    };
    opened.await.map_err(|cause| StartError::Port { variable, address, cause })
}

/// The certificates of the gRPC port and of the HTTP port, from the same files. The HTTP port requires none of clients:
/// Corefy, which sends webhooks there, signs them and has no certificate.
fn certificates(tls: Option<&TlsConfig>) -> Result<(Option<Certificates>, Option<Certificates>), CertificateError> {
    let Some(TlsConfig { certificate, key, client_ca }) = tls.cloned() else { return Ok((None, None)) };
    let files = CertificateFiles { certificate, key, client_ca, protocols: &["h2", "http/1.1"] };
    let http_files = CertificateFiles { client_ca: None, protocols: &["http/1.1"], ..files.clone() };
    Ok((Some(Certificates::load(files)?), Some(Certificates::load(http_files)?)))
}

/// Builds the use cases, with no port and no worker yet.
pub async fn build(config: &Config, harness: &Harness) -> Result<App, StartError> {
    build_with_credentials(config, harness).await.map(|(app, _)| app)
}

async fn build_with_credentials(config: &Config, harness: &Harness) -> Result<(App, CredentialsSender), StartError> {
    let telemetry = telemetry(config.traces.as_ref())?;
    let environment = &harness.environment;
    let reference_data = reference_data(&config.risk)?;
    let store = if harness.in_lock_step {
        open_store_in_lock_step(&config.database, &config.master_keys, harness)?
    } else {
        open_store(&config.database, &config.master_keys, environment).await?
    };
    let store = store.measured_by(telemetry.clone());
    if !harness.is_beside_others {
        store.end_leases_of_the_dead(environment.clock.now()).await?;
    }
    let tokens = app::token_source::for_store(&store, &environment.ids);
    let CorefyClient { upstream, api_calls, credentials } =
        upstream(&config.upstream, harness, telemetry.clone(), tokens)?;
    let app = App::new(AppParts {
        store,
        capabilities: capabilities(&*upstream, config),
        upstream,
        api_calls,
        environment: environment.clone(),
        acceptance: Acceptance {
            currencies: config.currencies.clone(),
            amount_limits: config.amount_limits.clone(),
            return_url_schemes: config.return_url_schemes.clone(),
        },
        reference_data: Arc::new(reference_data),
        proxies: Proxies::new(config.trusted_proxies.clone()),
        risk_screening: config.risk.screening,
        is_sandbox: config.upstream.sandbox_mode,
        upstream_timeout: config.upstream.timeout,
        key_rate_per_minute: config.key_rate_per_minute,
        streams_per_key: config.streams_per_key,
        retention: config.retention,
        telemetry,
        probe: harness.probe.clone(),
    });
    app.risk.refresh_policy().await?;
    Ok((app, credentials))
}

/// Reads the files of reference data.
pub fn reference_data(config: &RiskConfig) -> Result<ReferenceData, FileFaults> {
    let RiskConfig { bin_table, ip_databases, disposable_domains, rates, .. } = config.clone();
    ReferenceData::load(ReferenceFiles { bin_table, ip_databases, disposable_domains }, rates)
}

fn telemetry(traces: Option<&TraceConfig>) -> Result<Telemetry, ExportError> {
    let telemetry = Telemetry::default();
    match traces {
        Some(TraceConfig { endpoint, service_name }) => {
            telemetry.exporting_spans(endpoint.as_str(), service_name.clone())
        }
        None => Ok(telemetry),
    }
}

fn closed_tracker() -> TaskTracker {
    let tracker = TaskTracker::new();
    tracker.close();
    tracker
}

fn log_end<E: std::fmt::Display>(port: &str, result: Result<(), E>) {
    if let Err(error) = result {
        tracing::error!(port, %error, "a port closed by itself");
    }
}
