//! The benchmark: the gateway on SQLite and on PostgreSQL, and beside it a bare proxy, under the same load in one run.
//! `make bench` starts PostgreSQL and runs it. All processes share the machine, so only what is compared within one run
//! means anything.

#![allow(clippy::disallowed_methods)] // it measures by the time of day

use std::{error::Error, net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use clap::Parser;
use secrecy::SecretString;

mod bare;
mod fill;
mod flush;
mod load;
mod measure;
mod process;
mod report;
mod webhooks;

use load::{Target, Work};
use measure::{Contender, Plan, measure};
use process::{Process, free_addr};

/// The options of the benchmark.
#[derive(Parser)]
struct Options {
    /// Be the bare proxy on this address, in front of the sandbox at the URL that follows.
    #[arg(long, num_args = 2, value_names = ["ADDRESS", "URL"], hide = true)]
    bare: Vec<String>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds of each kind of work and load; medians are reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Intents stored for the second part; 0 leaves it out.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u32,
    /// Only this kind of work.
    #[arg(long)]
    work: Option<Work>,
    /// Only this number of callers at one time.
    #[arg(long)]
    callers: Option<usize>,
    /// Only confirmations beside this number of genuine webhooks a second.
    #[arg(long, value_name = "A_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    webhooks: Option<u32>,
    /// A PostgreSQL server; without it, only SQLite is measured.
    #[arg(long, env = "TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    /// Passed by cargo to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The keys that the sandbox takes unless it is given others.
struct SandboxKeys {
    api_key: &'static str,
    client_key: &'static str,
    secret_key: SecretString,
}

impl SandboxKeys {
    fn bearer(&self) -> String {
        format!("Bearer {}", self.api_key)
    }
}

fn sandbox_keys() -> SandboxKeys {
    SandboxKeys {
        api_key: "sandbox-api-key",
        client_key: "sandbox-client-key",
        secret_key: "sandbox-secret-key-0123456789".into(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if let [addr, base_url] = &options.bare[..] {
        return bare::serve(addr.parse()?, base_url.clone()).await;
    }
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let dir = dir.path().to_owned();
    let sandbox_addr = free_addr()?;
    let _sandbox = Process::start(sandbox(sandbox_addr), sandbox_addr, dir.join("sandbox.log"))?;
    let base_url = format!("http://{sandbox_addr}");

    let mut databases = vec![("SQLite", format!("sqlite://{}", dir.join("gateway.db").display()))];
    if let Some(server) = &options.postgres {
        databases.push(("PostgreSQL", fill::create_database(server).await?));
    }
    report::setting(flush::median_of(&dir)?);

    let mut contenders = vec![bare_proxy(&base_url, &dir).await?];
    for (name, database) in &databases {
        contenders.push(gateway(name, database, &base_url, &dir).await?);
    }
    let length = Duration::from_secs_f64(options.seconds);
    if let Some(rate) = options.webhooks {
        for contender in &contenders {
            let Some(http) = contender.http else { continue };
            webhooks::measure(contender, http, rate, options.rounds, length).await?;
        }
        return Ok(());
    }
    let plan = Plan::new(options.work, options.callers, options.rounds, length);
    let empty = measure(&contenders, &plan).await?;
    report::compared(&plan, &contenders, &empty);
    report::processes(&contenders);
    if options.rows == 0 {
        return Ok(());
    }
    // The bare proxy is measured again, by which what else the machine does meanwhile shows.
    contenders.truncate(1);
    let mut full = contenders;
    for (name, database) in &databases {
        fill::fill(database, options.rows).await?;
        full.push(gateway(name, database, &base_url, &dir).await?);
    }
    let rows = measure(&full, &plan).await?;
    report::grown(&plan, options.rows, &full, &empty, &rows);
    Ok(())
}

/// The program under measurement.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corefy-gateway"));
    let keys = sandbox_keys();
    command.env_clear().env("COREFY_API_KEY", keys.api_key).env("COREFY_CLIENT_KEY", keys.client_key);
    command.env("COREFY_SECRET_KEY", secrecy::ExposeSecret::expose_secret(&keys.secret_key));
    command
}

fn sandbox(addr: SocketAddr) -> Command {
    let mut command = program();
    command.args(["sandbox"]).env("GATEWAY_SANDBOX_ADDR", addr.to_string()).env("GATEWAY_LOG", "error");
    command
}

async fn bare_proxy(base_url: &str, dir: &std::path::Path) -> Result<Contender, Box<dyn Error>> {
    let addr = free_addr()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--bare", &addr.to_string(), base_url]);
    let process = Process::start(command, addr, dir.join("bare.log"))?;
    let target = Target::connect(addr, "none").await?;
    Ok(Contender { name: "bare proxy".to_owned(), process, target, http: None, is_on_postgres: false })
}

/// A gateway with the settings it has by default, but for the limits that keep a load within what Corefy allows.
async fn gateway(
    name: &str,
    database: &str,
    base_url: &str,
    dir: &std::path::Path,
) -> Result<Contender, Box<dyn Error>> {
    let (addr, http) = (free_addr()?, free_addr()?);
    let settings = |mut command: Command| {
        command.env("DATABASE_URL", database).env("GATEWAY_MASTER_KEY", "the-master-key-of-the-benchmark-alone");
        command
    };
    let mut serve = settings(program());
    serve
        .arg("serve")
        .env("COREFY_BASE_URL", base_url)
        .env("COREFY_RATE_LIMIT_PER_MINUTE", "1000000")
        .env("GATEWAY_KEY_RATE_PER_MINUTE", "0")
        .env("GATEWAY_GRPC_ADDR", addr.to_string())
        .env("GATEWAY_HTTP_ADDR", http.to_string())
        .env("COREFY_WEBHOOK_SECRET", webhooks::SECRET);
    let log: PathBuf = dir.join(format!("gateway-{name}.log"));
    let process = Process::start(serve, addr, log)?;
    let mut keys = settings(program());
    let made = keys.args(["keys", "create", "--partner-name", "Bench", "--key-name", "bench"]).output()?;
    let printed = String::from_utf8(made.stdout)?;
    let key = printed.split_whitespace().find(|word| word.starts_with("pk_")).ok_or("no key was made")?;
    let target = Target::connect(addr, key).await?;
    let is_on_postgres = database.starts_with("postgres");
    Ok(Contender { name: name.to_owned(), process, target, http: Some(http), is_on_postgres })
}
