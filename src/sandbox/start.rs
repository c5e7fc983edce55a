//! How a sandbox is started.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    connection::{ConnectionKill, KillableListener},
    faults::Faults,
    handle::Sandbox,
    options::SandboxOptions,
    server,
    shared::SandboxInner,
    state::State,
    webhooks::WebhookSender,
};
use crate::{domain::environment::Environment, task};

impl Sandbox {
    /// Serves on `listener` until `shutdown` is cancelled. Fails when the listener has no address.
    pub async fn start(
        listener: TcpListener,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        let sandbox = Self::set_up(url_of(listener.local_addr()?)?, settings, environment, shutdown);
        let shared = &sandbox.shared;
        let app = server::router(shared.clone()).into_make_service_with_connect_info::<ConnectionKill>();
        let server = axum::serve(KillableListener(listener), app)
            .with_graceful_shutdown(shared.shutdown.clone().cancelled_owned());
        task::spawn("sandbox", async move { server.await });
        shared.spawn_delivery();
        shared.spawn_ticking();
        Ok(sandbox)
    }

    /// Sets it up, with no port and no task yet.
    pub(super) fn set_up(
        base_url: Url,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> Self {
        let public_url = settings.public_url.clone().unwrap_or_else(|| base_url.clone());
        let faults = Arc::new(Faults::default());
        let shared = Arc::new(SandboxInner {
            address: base_url,
            state: Mutex::new(State::new(&settings, &environment, public_url, faults.clone())),
            journal: Mutex::default(),
            faults,
            catch_up: Mutex::default(),
            turning: tokio::sync::Mutex::default(),
            webhooks: WebhookSender::new(settings.webhook_url.clone(), &environment),
            settings,
            environment,
            shutdown,
        });
        Self { shared }
    }
}

/// The URL of an address; a browser reaches one that is open to all under the loopback address.
fn url_of(address: SocketAddr) -> io::Result<Url> {
    let reachable = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    Url::parse(&format!("http://{}/", SocketAddr::new(reachable, address.port()))).map_err(io::Error::other)
}
