//! A sandbox in the process of its caller, without a port and without tasks: what a simulation needs, in which nothing may
//! happen by itself.

use std::io;

use axum::{
    extract::{ConnectInfo, Request},
    response::Response,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use url::Url;

use super::{
    connection::ConnectionKill, handle::Sandbox, options::SandboxOptions, server, signed_webhook::SignedWebhook,
};
use crate::domain::environment::Environment;

/// The address of a sandbox that has no port.
const URL: &str = "http://sandbox.invalid/";

impl Sandbox {
    /// Sets one up. It is called by [`Sandbox::call`], and its webhooks wait for [`Sandbox::take_held`].
    pub fn in_process(settings: SandboxOptions, environment: Environment) -> io::Result<Self> {
        let url = Url::parse(URL).map_err(io::Error::other)?;
        let sandbox = Self::set_up(url, settings, environment, CancellationToken::new());
        sandbox.faults().set(|switches| switches.webhooks.hold = true);
        Ok(sandbox)
    }

    /// Makes a call in the same process. `None`: the connection was cut before an answer.
    pub async fn call(&self, mut request: Request) -> Option<Response> {
        let kill_switch = ConnectionKill::in_process();
        request.extensions_mut().insert(ConnectInfo(kill_switch.clone()));
        let Ok(response) = server::router(self.shared.clone()).oneshot(request).await;
        (!kill_switch.is_cut()).then_some(response)
    }

    /// Takes the webhooks that were held back, oldest first, to deliver them by other means.
    pub fn take_held(&self) -> Vec<SignedWebhook> {
        self.shared.webhooks.take_held()
    }
}
