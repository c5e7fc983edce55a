//! `dev`: gateway, sandbox and SQLite in one process, with a key and a line to paste.

use std::{fs, io, path::Path, sync::Arc};

use clap::Args;
use owo_colors::OwoColorize as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    dev_key::{KEY_FILE, callers_key},
    failure::CommandFailure,
    kept_run::KeptRun,
    log, memory,
    memory_file::begin,
    memory_keeper::MemoryKeeper,
    sandbox::{self, SandboxLinks, port_in_use, warn_if_remote},
    shutdown,
};
use crate::{
    config::{
        self,
        local::{DevConfig, DevSettings},
    },
    domain::environment::Environment,
    sandbox::Sandbox,
    server::{Harness, Lock, Server},
    store::FileLock,
    worker,
};

/// How each language connects, and the page that goes on from there.
const CLIENTS: [(&str, &str, &str); 8] = [
    ("Python", "corefy_gateway.connect(TARGET, KEY)", "python"),
    ("TypeScript", "connect(TARGET, KEY)", "typescript"),
    ("Go", "gateway.Connect(TARGET, KEY)", "go"),
    ("Java", "CorefyGateway.connect(TARGET, KEY)", "java"),
    ("Kotlin", "CorefyGateway.connect(TARGET, KEY)", "kotlin"),
    ("C++", "corefy::gateway::Connect(TARGET, KEY)", "cpp"),
    ("Ruby", "CorefyGateway.connect(TARGET, KEY)", "ruby"),
    ("Rust", "corefy_gateway::client::connect(TARGET, KEY)", "rust"),
];

/// The command and its settings.
#[derive(Args)]
pub(super) struct DevCommand {
    #[command(flatten)]
    settings: DevSettings,
}

impl DevCommand {
    /// Serves until the process is told to stop.
    pub async fn run(self, misspelt: &[String]) -> Result<(), CommandFailure> {
        memory::keep_private()?;
        let dev = self.settings.read()?;
        log::start(&dev.log, misspelt);
        let stop = CancellationToken::new();
        let listener =
            TcpListener::bind(dev.sandbox_addr).await.map_err(|error| port_in_use(dev.sandbox_addr, &error))?;
        let environment = Environment::ahead();
        let links = SandboxLinks { public_url: dev.public_url.clone(), ..SandboxLinks::default() };
        let sandbox = sandbox::prepare(&listener, &dev.keys, links, environment.clone(), stop.clone())?;
        let config = dev.gateway(sandbox.base_url());
        fs::create_dir_all(&dev.dir)?;
        // Before anything is taken away: another `dev` may be at work in this directory.
        let lock = FileLock::take(config.database.url.expose_secret())?;
        let (keeper, is_kept) = remember(&dev, &sandbox, &stop).await?;
        sandbox.serve(listener);
        let key = callers_key(&dev, &config, &environment, is_kept).await?;
        write_private(&dev.dir.join(KEY_FILE), key.expose_secret())?;
        write_private(&dev.dir.join("env"), dev.environment(&config)?.expose_secret())?;
        let server =
            Server::start_with(config, Harness { environment, ..Harness::default() }, Lock::Held(lock)).await?;
        join(&sandbox, &server);
        warn_if_remote(&[server.grpc_addr, server.http_addr, dev.sandbox_addr]);
        welcome(&server, &sandbox.base_url(), &key, &dev.dir);
        shutdown::signal().await?;
        // Webhooks that the gateway no longer takes wait for the next one, and are not given up.
        sandbox.stop_webhooks();
        server.stop().await;
        stop.cancel();
        match keeper {
            Some(keeper) => keeper.keep().await,
            None => Ok(()),
        }
    }
}

/// Has the sandbox begin with what was kept, or the seed, before anything asks it or the time; and keeps what it knows from now on,
/// where that is wanted. Answers with whether gateway and sandbox go on with an earlier run.
async fn remember(
    dev: &DevConfig,
    sandbox: &Sandbox,
    stop: &CancellationToken,
) -> Result<(Option<Arc<MemoryKeeper>>, bool), CommandFailure> {
    let KeptRun { memory, file } = KeptRun::open(dev)?;
    let is_kept = memory.is_some();
    begin(sandbox, memory, dev.seed.as_deref()).await?;
    Ok((MemoryKeeper::start(sandbox.clone(), file, stop.clone()).await?, is_kept))
}

/// Has the sandbox tell the gateway of payments, and of a clock that is put ahead.
fn join(sandbox: &Sandbox, server: &Server) {
    let app = server.app.clone();
    sandbox.on_advance(Arc::new(move || {
        let app = app.clone();
        Box::pin(async move { worker::catch_up(&app).await })
    }));
    sandbox.set_webhook_url(Url::parse(&format!("http://{}/webhooks/corefy", server.http_addr)).ok());
    sandbox.deliver_webhooks();
}

/// Writes a file that its owner alone can read: the key for `try`, and the settings for other commands.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// One line a language.
fn clients() -> String {
    let line = |(language, connect, page)| format!("  {language:<11} {connect:<45} docs/clients/{page}.md");
    CLIENTS.map(line).join("\n")
}

fn welcome(server: &Server, sandbox: &Url, key: &SecretString, dir: &Path) {
    let program = config::program_name();
    let environment = dir.join("env");
    let (grpc, http, key) = (server.grpc_addr, server.http_addr, key.expose_secret());
    let clients = clients();
    anstream::println!(
        "{}

  gRPC      {grpc}  (plaintext, reflection)
  webhooks  http://{http}/webhooks/corefy
  health    http://{http}/healthz, /readyz
  sandbox   {sandbox}  (ledger: {sandbox}_sandbox/ledger)
  API key   {key}

{}

grpcurl -plaintext -H 'authorization: Bearer {key}' -d '{{\"amount\": \"100.00\", \"currency\": \"USD\", \"customer_email\": \"customer@example.com\"}}' {grpc} corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent

Confirm it, with the id that was returned in the place of pi_…:

grpcurl -plaintext -H 'authorization: Bearer {key}' -d '{{\"payment_intent_id\": \"pi_…\", \"card\": {{\"number\": \"4111111111111111\", \"expiry_month\": 12, \"expiry_year\": 2030, \"cvv\": \"123\"}}}}' {grpc} corefy.gateway.v1.PaymentIntentService/ConfirmPaymentIntent

See what happened to it, in a second terminal, as with every other command:

. {} && {program} timeline pi_…

In your language, with TARGET http://{grpc} and KEY as above:

{clients}

No grpcurl? `make try` in a second terminal walks through payments, a decline, 3-D Secure and refunds.
",
        "corefy-gateway and its sandbox are running. No real money is moved.".bold(),
        "Take a payment:".bold(),
        environment.display(),
    );
}
