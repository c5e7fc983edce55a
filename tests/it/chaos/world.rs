//! Gateways as processes on one database, the sandbox, and the doors at which the payers call.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use corefy_gateway::{
    domain::environment::Environment,
    sandbox::{Sandbox, faults::WebhookSwitches},
};
use fastrand::Rng;
use secrecy::ExposeSecret as _;
use tokio::time::sleep;
use tokio_util::sync::DropGuard;
use url::Url;

use super::corefy;
use crate::support::{
    app::{http_client, start_sandbox},
    client::Client,
    database::{Backend, TestDatabase, master_key_text},
    process::{GatewayProcess, create_key},
    program::{self, Variables},
};

/// Settings of every gateway: short times, so that more happens in each second.
const SETTINGS: [(&str, &str); 2] = [("COREFY_TIMEOUT_SECONDS", "2"), ("GATEWAY_DRAIN_SECONDS", "10")];
/// How long a gateway may take to be ready again after what broke.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How often that is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// One client for each gateway, exchanged when the gateway is started again.
pub struct Doors(Mutex<Vec<Client>>);

/// All of it.
pub struct World {
    pub database: TestDatabase,
    pub sandbox: Sandbox,
    pub doors: Arc<Doors>,
    pub gateways: Vec<GatewayProcess>,
    pub key: String,
    /// The command that starts the gateways, where they are not started directly.
    launcher: &'static [&'static str],
    _stop_sandbox: DropGuard,
}

impl Doors {
    /// Any of them.
    pub fn any(&self, random: &mut Rng) -> Client {
        let clients = self.0.lock().unwrap();
        clients[random.usize(..clients.len())].clone()
    }
}

impl World {
    /// Starts `count` gateways on a database of their own. `None`: the database is not to be had.
    pub async fn start(backend: Backend, count: usize) -> Option<Self> {
        Some(Self::on(TestDatabase::new(backend).await?, count, &[]).await)
    }

    /// Starts `count` gateways on this database, by this launcher.
    pub async fn on(database: TestDatabase, count: usize, launcher: &'static [&'static str]) -> Self {
        let (sandbox, _stop_sandbox) = start_sandbox(&Environment::system()).await;
        corefy::make_repetition_dear(&sandbox);
        let key = create_key(&database).await;
        let mut gateways = Vec::new();
        for _ in 0..count {
            gateways.push(GatewayProcess::start_by(launcher, &database, &sandbox, &SETTINGS).await);
        }
        let doors = Arc::new(Doors(Mutex::new(gateways.iter().map(|gateway| gateway.client(&key)).collect())));
        let world = Self { database, sandbox, doors, gateways, key, launcher, _stop_sandbox };
        world.send_webhooks_to(0);
        world
    }

    /// Starts another gateway instead of one that has ended.
    pub async fn replace(&mut self, place: usize) {
        self.replace_by(place, &[]).await;
    }

    /// The same with settings of its own.
    pub async fn replace_by(&mut self, place: usize, settings: &Variables<'_>) {
        let settings = [&SETTINGS[..], settings].concat();
        let gateway = GatewayProcess::start_by(self.launcher, &self.database, &self.sandbox, &settings).await;
        self.doors.0.lock().unwrap()[place] = gateway.client(&self.key);
        self.gateways[place] = gateway;
        self.send_webhooks_to(place);
    }

    /// A caller of the first gateway.
    pub fn client(&self) -> Client {
        self.gateways[0].client(&self.key)
    }

    fn send_webhooks_to(&self, place: usize) {
        let url = format!("http://{}/webhooks/corefy", self.gateways[place].http);
        self.sandbox.set_webhook_url(Url::parse(&url).ok());
    }

    /// Waits until every gateway is ready.
    pub async fn wait_until_ready(&self) {
        let begun = Instant::now();
        for gateway in &self.gateways {
            let url = format!("http://{}/readyz", gateway.http);
            while !http_client().get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                assert!(begun.elapsed() < TIME_LIMIT, "not ready: {}", warnings(&gateway.program.said()));
                sleep(LOOK).await;
            }
        }
    }

    /// Ends Corefy's faults, and has all its webhooks arrive.
    pub fn calm_corefy(&self) {
        corefy::calm(&self.sandbox);
        self.sandbox.faults().set(|switches| switches.webhooks = WebhookSwitches::default());
    }

    /// The payments of which an operation is open. Fails where one needs a person: nothing here contradicts the gateway.
    pub async fn open_payments(&self) -> HashSet<String> {
        const LEFT: &str = "SELECT id FROM operations WHERE state = 'needs_operator'";
        const OPEN: &str =
            "SELECT COALESCE(payment_intent_id, subject_id) FROM operations WHERE state IN ('sent', 'in_doubt')";
        let left = self.texts(LEFT).await;
        assert!(left.is_empty(), "a person has to look at {left:?}");
        self.texts(OPEN).await.into_iter().collect()
    }

    /// The webhooks that still wait. Fails where one was given up.
    pub async fn open_webhooks(&self) -> Vec<String> {
        let given_up = self.texts("SELECT id FROM webhooks WHERE state IN ('parked', 'dead')").await;
        assert!(given_up.is_empty(), "given up: {given_up:?}");
        self.texts("SELECT id FROM webhooks WHERE state = 'waiting'").await
    }

    /// Whether a call to Corefy is under way: its gateway holds its lease.
    pub async fn is_sending(&self) -> bool {
        let now = Environment::system().clock.now().0;
        let held = format!("SELECT id FROM operations WHERE state = 'sent' AND lease_until > {now}");
        !self.texts(&held).await.is_empty()
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let begun = Instant::now();
        loop {
            match self.database.texts(sql).await {
                Ok(texts) => return texts,
                Err(error) => assert!(begun.elapsed() < TIME_LIMIT, "the database does not answer: {error}"),
            }
            sleep(LOOK).await;
        }
    }

    /// Has creations that are in doubt looked up now: they move no money.
    pub async fn hasten_creations(&self) {
        const HASTEN: &str = "UPDATE operations SET next_check_at = 1
             WHERE state = 'in_doubt' AND kind = 'create_payment_intent' RETURNING id";
        self.database.texts(HASTEN).await.ok();
    }

    /// Makes everything open five minutes older. Only when nothing is being sent: what Corefy does not show then counts
    /// as never received.
    pub async fn age(&self) {
        const AGE: [&str; 2] = [
            "UPDATE operations SET sent_at = sent_at - 300000000, lease_until = 1, next_check_at = 1
             WHERE state IN ('sent', 'in_doubt')",
            "UPDATE webhooks SET next_attempt_at = 1 WHERE state = 'waiting'",
        ];
        for sql in AGE {
            self.database.execute(sql).await;
        }
    }

    /// Asserts that the audit log is whole, by the program itself.
    pub fn verify_audit_log(&self) {
        let (directory, master_key) = (tempfile::tempdir().unwrap(), master_key_text());
        let variables = [("DATABASE_URL", self.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
        let output = program::output(directory.path(), &["audit", "verify"], &variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

impl Drop for World {
    /// Shows what the gateways said last, where a test fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.gateways.iter().for_each(|gateway| println!("{}\n", warnings(&gateway.program.said())));
        }
    }
}

/// The last lines of what a gateway said that are more than news.
fn warnings(said: &str) -> String {
    const LINES: usize = 100;
    let lines = said.lines().rev().filter(|line| !line.contains(" INFO ")).take(LINES).collect::<Vec<_>>();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
