//! `dev`: gateway, sandbox and SQLite in one process, with a key and a line to paste.

use std::{fs, io, path::Path, sync::Arc};

use clap::Args;
use owo_colors::OwoColorize as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    audited::note,
    failure::CommandFailure,
    log, memory,
    sandbox::{self, SandboxLinks, port_in_use, warn_if_remote},
    shutdown,
};
use crate::{
    app::key_admin::{KeyAdmin, NewKey},
    config::{self, Config, local::DevSettings},
    domain::{api_key::Scope, environment::Environment, key_pair::KeyPair},
    sandbox::Sandbox,
    server::{Harness, Lock, Server, open_store},
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
        let sandbox = sandbox::start(listener, &dev.keys, links, environment.clone(), stop.clone()).await?;
        let config = dev.gateway(sandbox.base_url());
        let settings = dev.environment(&config)?;
        fs::create_dir_all(&dev.dir)?;
        // Before anything is taken away: another `dev` may be at work in this directory.
        let lock = FileLock::take(config.database.url.expose_secret())?;
        clean(&dev.dir)?;
        let key = create_key(&config, &environment, dev.api_key.clone()).await?;
        write_private(&dev.dir.join("api-key"), key.expose_secret())?;
        write_private(&dev.dir.join("env"), settings.expose_secret())?;
        let server =
            Server::start_with(config, Harness { environment, ..Harness::default() }, Lock::Held(lock)).await?;
        join(&sandbox, &server);
        warn_if_remote(&[server.grpc_addr, server.http_addr, dev.sandbox_addr]);
        welcome(&server, &sandbox.base_url(), &key, &dev.dir);
        shutdown::signal().await?;
        server.stop().await;
        stop.cancel();
        Ok(())
    }
}

/// Has the sandbox tell the gateway of payments, and of a clock that is put ahead.
fn join(sandbox: &Sandbox, server: &Server) {
    let app = server.app.clone();
    sandbox.on_advance(Arc::new(move || {
        let app = app.clone();
        Box::pin(async move { worker::catch_up(&app).await })
    }));
    sandbox.set_webhook_url(Url::parse(&format!("http://{}/webhooks/corefy", server.http_addr)).ok());
}

/// Removes the database of the last run: its sandbox no longer exists.
fn clean(dir: &Path) -> io::Result<()> {
    for name in ["gateway.db", "gateway.db-wal", "gateway.db-shm"] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the key of callers: the one that is given, or a new one.
async fn create_key(
    config: &Config,
    environment: &Environment,
    given: Option<SecretString>,
) -> Result<SecretString, CommandFailure> {
    let store = open_store(&config.database, &config.master_keys, environment).await?;
    let note = note("a new database of dev".to_owned());
    let keys = KeyAdmin::new(store, environment.clone(), note);
    let new = NewKey {
        partner_name: "Acme".to_owned(),
        key_name: "dev".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    };
    let pair = given.as_ref().and_then(|key| KeyPair::parse(key.expose_secret()));
    match (given, pair) {
        (Some(key), Some(pair)) => {
            keys.create_given(new, &pair).await?;
            Ok(key)
        }
        _ => Ok(keys.create(new).await?),
    }
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
