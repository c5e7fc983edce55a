//! The HTTP sidecar: Corefy's webhooks, whether the gateway lives and is ready, and its metrics. `axum` is used here and, for
//! the page of a test bank, in the sandbox.

use std::time::Duration;

use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, StatusCode, header::CONTENT_TYPE},
    routing::{get, post},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use ipnet::IpNet;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;
use tower_http::timeout::TimeoutLayer;

use crate::{
    app::App,
    port::{IdleTimeouts, Peer, Port},
};
use sidecar::Sidecar;

mod catcher;
mod sidecar;
mod webhooks;

pub use catcher::catch_webhooks;
pub use webhooks::PATHS as WEBHOOK_PATHS;

/// The longest body that is read. A webhook has a few hundred bytes.
const MAX_BODY: usize = 256 * 1024;
/// The text format that Prometheus reads.
const METRICS_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How long a request may take as a whole.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be silent: longer than a request takes, in which nothing moves.
pub const IDLE_TIMEOUTS: IdleTimeouts =
    IdleTimeouts { first: Duration::from_secs(10), idle: Duration::from_secs(60), trial: None };
/// How long the whole header of a request may take, counted from the opening of the connection or from the last answer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The share of permits that stays with connections without a genuine webhook, so that health and metrics are always
/// reachable.
const ALWAYS_ON_TRIAL: u32 = 20;

/// How many of `most` connections are always on trial.
pub fn always_on_trial(most: u32) -> u32 {
    most / ALWAYS_ON_TRIAL
}

/// The answer at a path that does not exist.
const NOWHERE: &str = "nothing is here; webhooks are taken at /webhooks/corefy\n";
/// How much of such a path is logged, in characters.
const MAX_LOGGED_PATH: usize = 100;

/// Serves until `drain` is cancelled, then ends the requests under way. Dropping the future ends them at once.
pub async fn serve(port: Port, app: App, allowed: Vec<IpNet>, takes_webhooks: bool, drain: CancellationToken) {
    let sidecar =
        Sidecar { webhooks: app.webhooks, diagnostics: app.diagnostics, allowed, takes_webhooks, drain: drain.clone() };
    let open = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    drain.run_until_cancelled(take_in(port, router(sidecar), &open, &mut connections)).await;
    open.shutdown().await;
}

fn router(sidecar: Sidecar) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(unknown);
    for path in webhooks::PATHS {
        router = router.route(path, post(webhooks::receive));
    }
    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .with_state(sidecar)
}

/// Takes connections in and serves each, by a task in `connections`.
async fn take_in(mut port: Port, router: Router, open: &GracefulShutdown, connections: &mut JoinSet<()>) {
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    loop {
        let connection = tokio::select! {
            Some(_) = connections.join_next() => continue,
            connection = port.accept() => connection,
        };
        let service = Extension(connection.peer()).layer(router.clone());
        let served = http.serve_connection(TokioIo::new(connection), TowerToHyperService::new(service));
        let served = open.watch(served.into_owned());
        connections.spawn(async move {
            if let Err(error) = served.await {
                // Logged at debug only: any client that hangs up causes it.
                tracing::debug!(error, "a connection of the HTTP port ended");
            }
        });
    }
}

/// There is nothing at this path. A webhook that was sent here is lost, so the log says where it has to go.
async fn unknown(
    State(sidecar): State<Sidecar>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> (StatusCode, &'static str) {
    if request.headers().contains_key(sidecar.webhooks.signature_header()) {
        let path: String = request.uri().path().chars().take(MAX_LOGGED_PATH).collect();
        let right = webhooks::PATHS[0];
        let source = sidecar.source(&peer, request.headers());
        tracing::warn!(path, %source, "a signed request came to a path without webhooks; they are taken at {right}");
    }
    (StatusCode::NOT_FOUND, NOWHERE)
}

/// Ready when the database can be written and the gateway is not shutting down; else it says why not.
async fn ready(State(sidecar): State<Sidecar>) -> (StatusCode, String) {
    if sidecar.drain.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned());
    }
    match sidecar.diagnostics.readiness().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// Serves the metrics.
async fn metrics(State(sidecar): State<Sidecar>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, METRICS_FORMAT)], sidecar.diagnostics.metrics())
}
