//! How a sandbox is started.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    connection::{ConnectionKill, KillableListener},
    handle::Sandbox,
    ledgers,
    options::SandboxOptions,
    shared::SandboxInner,
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
        let sandbox = Self::prepare(&listener, settings, environment, shutdown)?;
        sandbox.serve(listener);
        sandbox.deliver_webhooks();
        Ok(sandbox)
    }

    /// One that will serve on `listener`: until [`Sandbox::serve`] a memory can be loaded that no call misses. Fails when the
    /// listener has no address.
    pub fn prepare(
        listener: &TcpListener,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> io::Result<Self> {
        Ok(Self::set_up(url_of(listener.local_addr()?)?, settings, environment, shutdown))
    }

    /// Serves, and settles what is due. Webhooks wait until [`Sandbox::deliver_webhooks`].
    pub fn serve(&self, listener: TcpListener) {
        let shared = &self.shared;
        let app = ledgers::router(shared.clone()).into_make_service_with_connect_info::<ConnectionKill>();
        let server = axum::serve(KillableListener(listener), app)
            .with_graceful_shutdown(shared.shutdown.clone().cancelled_owned());
        task::spawn("sandbox", async move { server.await });
        shared.spawn_ticking();
    }

    /// Delivers webhooks from now on, those first that wait already.
    pub fn deliver_webhooks(&self) {
        self.shared.spawn_delivery();
    }

    /// Breaks deliveries off: from now on webhooks wait, for the next sandbox that has this memory.
    pub fn stop_webhooks(&self) {
        self.shared.deliveries.cancel();
    }

    /// Sets it up, with no port and no task yet.
    pub(super) fn set_up(
        base_url: Url,
        settings: SandboxOptions,
        environment: Environment,
        shutdown: CancellationToken,
    ) -> Self {
        Self { shared: SandboxInner::new(base_url, settings, environment, shutdown) }
    }
}

/// The URL of an address; a browser reaches one that is open to all under the loopback address.
fn url_of(address: SocketAddr) -> io::Result<Url> {
    let reachable = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    Url::parse(&format!("http://{}/", SocketAddr::new(reachable, address.port()))).map_err(io::Error::other)
}
