//! The HTTP sidecar: Corefy's webhooks, whether the gateway lives and is ready, and its metrics. `axum` is used here and, for
//! the page of a test bank, in the sandbox.

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State, connect_info::Connected},
    http::{HeaderName, StatusCode, header::CONTENT_TYPE},
    routing::{get, post},
    serve::{IncomingStream, Listener},
};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

use crate::{
    app::App,
    port::{Connection, Patience, Port},
};

mod webhooks;

/// The longest body that is read. A webhook has a few hundred bytes.
const MAX_BODY: usize = 256 * 1024;
/// The text format that Prometheus reads.
const METRICS_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How long a request may take as a whole.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be silent: longer than a request takes, in which nothing moves.
pub const PATIENCE: Patience = Patience { first: Duration::from_secs(10), idle: Duration::from_secs(60) };

/// What the handlers share.
#[derive(Clone)]
struct Sidecar {
    app: App,
    /// The networks that webhooks may come from; empty: any.
    allowed: Vec<IpNet>,
    /// Whether there is a secret to verify webhooks with.
    takes_webhooks: bool,
    /// Cancelled when the gateway begins to shut down.
    drain: CancellationToken,
}

/// Whom a connection is with.
#[derive(Clone, Copy)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, Port>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Port>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Listener for Port {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let connection = Port::accept(self).await;
        let peer = connection.peer();
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Port::local_addr(self)
    }
}

/// Serves until `drain` is cancelled, then ends the requests under way.
pub async fn serve(
    port: Port,
    app: App,
    allowed: Vec<IpNet>,
    takes_webhooks: bool,
    drain: CancellationToken,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/webhooks/corefy", post(webhooks::receive))
        // The path of the integration guide, for those who have registered it.
        .route("/api/integrations/corefy/webhook/", post(webhooks::receive))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .with_state(Sidecar { app, allowed, takes_webhooks, drain: drain.clone() });
    axum::serve(port, router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(drain.cancelled_owned())
        .await
}

/// Ready when the database can be written and the gateway is not shutting down; else it says why not.
async fn ready(State(sidecar): State<Sidecar>) -> (StatusCode, String) {
    if sidecar.drain.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned());
    }
    match sidecar.app.readiness().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// What the operator measures the gateway by.
async fn metrics(State(sidecar): State<Sidecar>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, METRICS_FORMAT)], sidecar.app.metrics())
}
