//! `sandbox`: runs a Corefy for tests on its own.

use std::{io, net::SocketAddr, time::Duration};

use clap::Args;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    failure::CommandFailure,
    log,
    memory_file::{MemoryFile, begin},
    memory_keeper::MemoryKeeper,
    shutdown,
};
use crate::{
    config::local::{CommerceKeys, SandboxKeys, SandboxSettings},
    domain::environment::Environment,
    sandbox::{Sandbox, SandboxAccount, SandboxOptions},
};

/// How often the sandbox settles what is due.
const TICK: Duration = Duration::from_secs(1);
/// How many webhooks the sandbox delivers at the same time: one that the gateway is slow to take delays no other.
const WEBHOOKS_AT_A_TIME: usize = 16;

/// The command and its settings.
#[derive(Args)]
pub(super) struct SandboxCommand {
    #[command(flatten)]
    settings: SandboxSettings,
}

impl SandboxCommand {
    /// Serves until the process is told to stop.
    pub async fn run(self, misspelt: &[String]) -> Result<(), CommandFailure> {
        let config = self.settings.read()?;
        log::start(&config.log, misspelt);
        let stop = CancellationToken::new();
        let listener = TcpListener::bind(config.addr).await.map_err(|error| port_in_use(config.addr, &error))?;
        warn_if_remote(&[config.addr]);
        let links = SandboxLinks { webhook_url: config.webhook_url.clone(), public_url: config.public_url };
        let sandbox = prepare(&listener, &config.keys, links, Environment::ahead(), stop.clone())?;
        let file = config.memory.map(MemoryFile::take).transpose()?;
        let kept = file.as_ref().map_or(Ok(None), MemoryFile::read)?;
        if begin(&sandbox, kept, config.seed.as_deref()).await? && config.webhook_url.is_some() {
            sandbox.set_webhook_url(config.webhook_url);
        }
        let keeper = MemoryKeeper::start(sandbox.clone(), file, stop.clone()).await?;
        sandbox.serve(listener);
        sandbox.deliver_webhooks();
        anstream::println!("The sandbox listens on {}; its ledger is at {0}_sandbox/ledger", sandbox.base_url());
        shutdown::signal().await?;
        stop.cancel();
        match keeper {
            Some(keeper) => keeper.keep().await,
            None => Ok(()),
        }
    }
}

/// Where a sandbox sends webhooks, and payers.
#[derive(Default)]
pub(super) struct SandboxLinks {
    /// `None` while webhooks are not wanted.
    pub webhook_url: Option<Url>,
    /// `None`: payers reach the address that it listens on.
    pub public_url: Option<Url>,
}

/// Warns of ports that other machines reach.
pub(super) fn warn_if_remote(addresses: &[SocketAddr]) {
    for address in addresses.iter().filter(|address| !address.ip().to_canonical().is_loopback()) {
        tracing::warn!(%address, "other machines reach this port, without TLS, and control the sandbox without a key");
    }
}

/// The port of the sandbox cannot be opened.
pub(super) fn port_in_use(address: SocketAddr, error: &io::Error) -> CommandFailure {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; stop the program that has it, which may be another sandbox, or set another address"
        }
        _ => "",
    };
    CommandFailure::Failed(format!("GATEWAY_SANDBOX_ADDR: {address} cannot be opened: {error}{advice}"))
}

fn commerce_account(keys: &CommerceKeys) -> SandboxAccount {
    SandboxAccount {
        account_id: keys.account_id.clone(),
        api_key: keys.api_key.clone(),
        secret_key_test: keys.secret_key.clone(),
        public_key: keys.public_key.expose_secret().to_owned(),
        ..SandboxAccount::default()
    }
}

/// A sandbox that will settle what is due by itself.
pub(super) fn prepare(
    listener: &TcpListener,
    keys: &SandboxKeys,
    links: SandboxLinks,
    environment: Environment,
    stop: CancellationToken,
) -> io::Result<Sandbox> {
    let settings = SandboxOptions {
        api_key: keys.api_key.clone(),
        secret_key: keys.secret_key.clone(),
        client_key: keys.client_key.clone(),
        webhook_secret: keys.webhook_secret.clone(),
        commerce: commerce_account(&keys.commerce),
        webhook_url: links.webhook_url,
        webhooks_at_a_time: WEBHOOKS_AT_A_TIME,
        public_url: links.public_url,
        tick: Some(TICK),
    };
    Sandbox::prepare(listener, settings, environment, stop)
}
