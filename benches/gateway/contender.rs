//! Processes that are measured, each with a sandbox of its own as its Corefy.

use std::{error::Error, net::SocketAddr, path::Path, process::Command, time::Duration};

use secrecy::ExposeSecret as _;

use crate::{
    load::Target,
    process::{Process, free_addr},
    sandbox::Sandbox,
    sandbox_keys, webhooks,
};

/// The master key of every gateway.
pub const MASTER_KEY: &str = "the-master-key-of-the-benchmark-alone";
/// A limit that no load reaches.
pub const NO_LIMIT: u32 = 1_000_000;

/// The settings of a gateway that speaks the `commerce` API to the sandbox, but for the address of the Card Gate, which is the
/// sandbox's.
const COMMERCE: [(&str, &str); 5] = [
    ("COREFY_API", "commerce"),
    ("COREFY_SANDBOX_MODE", "true"),
    ("COREFY_ACCOUNT_ID", "coma_sandbox0123456789"),
    ("COREFY_API_KEY", "sandbox-commerce-api-key"),
    ("COREFY_WEBHOOK_SECRET", "sk_test_sandbox-0123456789abcdefghijklmnopqrstuvwxyz"),
];

/// The bare proxy, or one or more gateways on one database.
pub struct Contender {
    /// Its name in the report.
    pub name: String,
    /// Where it runs.
    pub processes: Vec<Process>,
    /// How it is called.
    pub target: Target,
    /// Its Corefy.
    pub sandbox: Sandbox,
    /// Where each process is called.
    pub addrs: Vec<SocketAddr>,
    /// The API key of its callers.
    pub key: String,
    /// The first process's port of webhooks.
    pub http: SocketAddr,
    /// The URL of its database, if it has one.
    pub database: Option<String>,
}

impl Contender {
    /// The bare proxy.
    pub async fn bare(dir: &Path) -> Result<Self, Box<dyn Error>> {
        let (addr, http) = (free_addr()?, free_addr()?);
        let sandbox = Sandbox::start(dir, "bare", http).await?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--bare", &addr.to_string(), &http.to_string(), sandbox.url()]);
        let process = Process::start(command, addr, dir.join("bare.log"))?;
        let (addrs, key) = (vec![addr], "none".to_owned());
        let target = Target::open(&addrs, &key, sandbox.url().to_owned()).await?.make_known().await?;
        let (name, processes) = ("bare proxy".to_owned(), vec![process]);
        Ok(Self { name, processes, target, sandbox, addrs, key, http, database: None })
    }

    /// `count` gateways with the settings they have by default, but for the limits that keep a load within what Corefy allows.
    pub async fn gateways(name: &str, database: &str, dir: &Path, count: usize) -> Result<Self, Box<dyn Error>> {
        let gateways = Self::gateways_within(name, database, dir, count, NO_LIMIT, &[]).await?;
        Ok(Self { target: gateways.target.clone().make_known().await?, ..gateways })
    }

    /// A gateway that does not screen attempts to pay.
    pub async fn unscreened(name: &str, database: &str, dir: &Path) -> Result<Self, Box<dyn Error>> {
        let settings = [("GATEWAY_RISK_SCREENING", "false")];
        let gateway = Self::gateways_within(name, database, dir, 1, NO_LIMIT, &settings).await?;
        Ok(Self { target: gateway.target.clone().make_known().await?, ..gateway })
    }

    /// A gateway that speaks Corefy's `commerce` API to the sandbox.
    pub async fn in_commerce(name: &str, database: &str, dir: &Path) -> Result<Self, Box<dyn Error>> {
        let gateway = Self::gateways_within(name, database, dir, 1, NO_LIMIT, &COMMERCE).await?;
        Ok(Self { target: gateway.target.clone().make_known().await?, ..gateway })
    }

    /// The same with a limit of requests to Corefy a minute, with more settings, and without intents to read.
    pub async fn gateways_within(
        name: &str,
        database: &str,
        dir: &Path,
        count: usize,
        limit: u32,
        settings: &[(&str, &str)],
    ) -> Result<Self, Box<dyn Error>> {
        let https = (0..count).map(|_| free_addr()).collect::<Result<Vec<_>, _>>()?;
        let sandbox = Sandbox::start(dir, name, https[0]).await?;
        let (mut processes, mut addrs) = (Vec::new(), Vec::new());
        for http in &https {
            let addr = free_addr()?;
            let mut serve = gateway(database);
            serve
                .arg("serve")
                .env("COREFY_BASE_URL", sandbox.url())
                .env("COREFY_CARD_GATE_URL", sandbox.url())
                .env("COREFY_RATE_LIMIT_PER_MINUTE", limit.to_string())
                .env("GATEWAY_KEY_RATE_PER_MINUTE", "0")
                .env("GATEWAY_GRPC_ADDR", addr.to_string())
                .env("GATEWAY_HTTP_ADDR", http.to_string())
                .envs(settings.iter().copied());
            processes.push(Process::start(serve, addr, dir.join(format!("gateway-{name}-{}.log", addr.port())))?);
            addrs.push(addr);
        }
        let mut keys = gateway(database);
        let made = keys.args(["keys", "create", "--partner-name", "Bench", "--key-name", "bench"]).output()?;
        let printed = String::from_utf8(made.stdout)?;
        let key = printed.split_whitespace().find(|word| word.starts_with("pk_")).ok_or("no key was made")?.to_owned();
        let target = Target::open(&addrs, &key, sandbox.url().to_owned()).await?;
        let (name, database) = (name.to_owned(), Some(database.to_owned()));
        Ok(Self { name, processes, target, sandbox, addrs, key, http: https[0], database })
    }

    /// Whether PostgreSQL works for it.
    pub fn is_on_postgres(&self) -> bool {
        self.database.as_ref().is_some_and(|url| url.starts_with("postgres"))
    }

    /// The CPU that its processes have used.
    pub fn cpu(&self) -> Duration {
        self.processes.iter().map(Process::cpu).sum()
    }
}

/// The program under measurement.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corefy-gateway"));
    let keys = sandbox_keys();
    command
        .env_clear()
        .env("COREFY_API_KEY", keys.api_key)
        .env("COREFY_CLIENT_KEY", keys.client_key)
        .env("COREFY_SECRET_KEY", keys.secret_key.expose_secret())
        .env("COREFY_WEBHOOK_SECRET", webhooks::SECRET);
    command
}

/// The program with its database.
fn gateway(database: &str) -> Command {
    let mut command = program();
    command.env("DATABASE_URL", database).env("GATEWAY_MASTER_KEY", MASTER_KEY);
    command
}
