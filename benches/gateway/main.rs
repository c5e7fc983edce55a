//! The benchmark: the gateway on SQLite and on PostgreSQL, and beside it a bare proxy, under the same load in one run.
//! `make bench` starts PostgreSQL and runs it. All processes share the machine, so only what is compared within one run
//! means anything.

#![allow(clippy::disallowed_methods)] // it measures by the time of day

use std::{error::Error, path::Path, time::Duration};

use clap::Parser;
use secrecy::SecretString;

mod bare;
mod calls;
mod contender;
mod endurance;
mod fill;
mod flush;
mod load;
mod measure;
mod outage;
mod outcomes;
mod pages;
mod payments;
mod process;
mod pruning;
mod replicas;
mod report;
mod sandbox;
mod wal;
mod webhooks;
mod work;

use contender::Contender;
use fill::Server;
use measure::{Plan, measure};
use work::Work;

/// The options of the benchmark.
#[derive(Parser)]
struct Options {
    /// Be the bare proxy on this address, with webhooks on the next one, in front of the sandbox at the URL that follows.
    #[arg(long, num_args = 3, value_names = ["ADDRESS", "WEBHOOKS", "URL"], hide = true)]
    bare: Vec<String>,
    /// Seconds of each round.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds of each kind of work and load; medians are reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Payments stored for the second part, which 0 leaves out, and for pages.
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
    /// Only pages of lists, among a thousand payments and among `--rows`.
    #[arg(long)]
    pages: bool,
    /// Only creations beside the pruning of `--rows` rows that are past their time.
    #[arg(long)]
    pruning: bool,
    /// Only half the load for this many minutes: memory, open files and latency have to stay as they were.
    #[arg(long, value_name = "MINUTES")]
    endurance: Option<u64>,
    /// A PostgreSQL server; without it, only SQLite is measured.
    #[arg(long, env = "TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    /// Of pages, pruning and endurance, only what is measured on PostgreSQL.
    #[arg(long, requires = "postgres")]
    without_sqlite: bool,
    /// Passed by cargo to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Callers at one time of several gateways, unless another number is named.
const MANY: usize = 64;

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
    // Fails only when there is one already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options::parse();
    if let [addr, webhooks, base_url] = &options.bare[..] {
        return bare::serve(addr.parse()?, webhooks.parse()?, base_url.clone()).await;
    }
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let dir = dir.path();
    report::setting(flush::median_of(dir)?);
    if options.pages {
        return pages::measure(&options.servers(), dir, options.rows, options.rounds).await;
    }
    if options.pruning {
        let sizes = (options.rows, options.rounds, options.length());
        return pruning::measure(&options.servers(), dir, sizes).await;
    }
    if let Some(minutes) = options.endurance {
        return endure(&options, dir, minutes).await;
    }
    if !matches!(options.work, Some(Work::ThreeGateways | Work::Screening | Work::Commerce)) {
        in_turn(&options, dir).await?;
    }
    if options.measures(Work::Screening) {
        screening(&options, dir).await?;
    }
    if options.measures(Work::Commerce) {
        commerce(&options, dir).await?;
    }
    match &options.postgres {
        Some(server) if options.measures(Work::ThreeGateways) => three_gateways(&options, server, dir).await,
        _ => Ok(()),
    }
}

impl Options {
    /// The databases of pages and pruning.
    fn servers(&self) -> Vec<Server<'_>> {
        let sqlite = (!self.without_sqlite).then_some(Server::Sqlite);
        sqlite.into_iter().chain(self.postgres.as_deref().map(Server::Postgres)).collect()
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn measures(&self, work: Work) -> bool {
        self.webhooks.is_none() && self.work.is_none_or(|only| only == work)
    }

    fn plan(&self, works: &[Work]) -> Plan {
        Plan::new(works, self.callers, self.rounds, self.length())
    }
}

/// A gateway on each database, beside the bare proxy.
async fn in_turn(options: &Options, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut databases = vec![("SQLite", format!("sqlite://{}", dir.join("gateway.db").display()))];
    if let Some(server) = &options.postgres {
        databases.push(("PostgreSQL", fill::create_database(server).await?));
    }
    let mut contenders = vec![Contender::bare(dir).await?];
    for (name, database) in &databases {
        contenders.push(Contender::gateways(name, database, dir, 1).await?);
    }
    if let Some(rate) = options.webhooks {
        for contender in contenders.iter().filter(|contender| contender.database.is_some()) {
            webhooks::measure(contender, rate, options.rounds, options.length()).await?;
        }
        return Ok(());
    }
    let plan = options.plan(&options.work.map_or(Work::IN_TURN.to_vec(), |only| vec![only]));
    if options.measures(Work::Create) {
        report::logs(&wal::per_creation(&contenders, &plan).await?);
    }
    let empty = measure(&mut contenders, &plan).await?;
    report::compared(&plan, &contenders, &empty);
    report::after_outages(&plan, &contenders, &empty);
    report::processes(&contenders);
    let plan = plan.without_outages();
    if options.rows == 0 || plan.cells.is_empty() {
        return Ok(());
    }
    // The bare proxy is measured again, by which what else the machine does meanwhile shows.
    contenders.truncate(1);
    let mut full = contenders;
    for (name, database) in &databases {
        fill::fill(database, options.rows).await?;
        full.push(Contender::gateways(name, database, dir, 1).await?);
    }
    let rows = measure(&mut full, &plan).await?;
    report::grown(&plan, options.rows, &full, &empty, &rows);
    Ok(())
}

/// A gateway that screens on each database, beside one that does not.
async fn screening(options: &Options, dir: &Path) -> Result<(), Box<dyn Error>> {
    let file = |name: &str| format!("sqlite://{}", dir.join(name).display());
    let mut contenders = vec![Contender::bare(dir).await?];
    contenders.push(Contender::gateways("SQLite", &file("screened.db"), dir, 1).await?);
    contenders.push(Contender::unscreened("SQLite, not screened", &file("unscreened.db"), dir).await?);
    if let Some(server) = &options.postgres {
        let (screened, not) = (fill::create_database(server).await?, fill::create_database(server).await?);
        contenders.push(Contender::gateways("PostgreSQL", &screened, dir, 1).await?);
        contenders.push(Contender::unscreened("PostgreSQL, not screened", &not, dir).await?);
    }
    let plan = Plan::new(&[Work::Screening], options.callers.or(Some(MANY)), options.rounds, options.length());
    let cells = measure(&mut contenders, &plan).await?;
    report::compared(&plan, &contenders, &cells);
    report::processes(&contenders);
    Ok(())
}

/// A gateway that speaks `commerce` on each database, beside one that speaks `intents`.
async fn commerce(options: &Options, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut databases = vec![(
        "SQLite",
        [("intents.db"), ("commerce.db")].map(|name| format!("sqlite://{}", dir.join(name).display())),
    )];
    if let Some(server) = &options.postgres {
        databases.push(("PostgreSQL", [fill::create_database(server).await?, fill::create_database(server).await?]));
    }
    let plan = Plan::new(&[Work::Commerce], options.callers, options.rounds, options.length());
    for (name, [intents, commerce]) in &databases {
        let mut contenders = vec![Contender::gateways(&format!("{name}, intents"), intents, dir, 1).await?];
        contenders.push(Contender::in_commerce(&format!("{name}, commerce"), commerce, dir).await?);
        let cells = measure(&mut contenders, &plan).await?;
        report::compared(&plan, &contenders, &cells);
    }
    Ok(())
}

/// A gateway on each database, one after the other.
async fn endure(options: &Options, dir: &Path, minutes: u64) -> Result<(), Box<dyn Error>> {
    if !options.without_sqlite {
        let file = format!("sqlite://{}", dir.join("endurance.db").display());
        let gateway = Contender::gateways_within("SQLite", &file, dir, 1, contender::NO_LIMIT, &[]).await?;
        endurance::measure(&gateway, minutes).await?;
    }
    if let Some(server) = &options.postgres {
        let database = fill::create_database(server).await?;
        let gateway = Contender::gateways_within("PostgreSQL", &database, dir, 1, contender::NO_LIMIT, &[]).await?;
        endurance::measure(&gateway, minutes).await?;
    }
    Ok(())
}

/// Three gateways on one PostgreSQL, beside one and the bare proxy.
async fn three_gateways(options: &Options, server: &str, dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut contenders = vec![Contender::bare(dir).await?];
    for (name, count) in [("one gateway", 1), ("three gateways", replicas::GATEWAYS)] {
        contenders.push(Contender::gateways(name, &fill::create_database(server).await?, dir, count).await?);
    }
    let plan = Plan::new(&[Work::ThreeGateways], options.callers.or(Some(MANY)), options.rounds, options.length());
    let cells = measure(&mut contenders, &plan).await?;
    report::compared(&plan, &contenders, &cells);
    report::processes(&contenders);
    drop(contenders);
    replicas::shares(server, dir, options.length()).await
}
