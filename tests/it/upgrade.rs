//! An earlier version and this one on one database: what `docs/upgrading.md` promises of both. `.ci/upgrade` builds the earlier one, and
//! runs these tests.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use corefy_gateway::{domain::environment::Environment, pb::PaymentIntentState as State, sandbox::Sandbox};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio_util::sync::DropGuard;

use crate::support::{
    app::start_sandbox,
    client::{Client, keyed, new_refund},
    database::{Backend, TestDatabase, master_key_text},
    process::GatewayProcess,
    program::{Program, Variables, output_by},
};

/// Names the directory of the earlier version: its program, and its sources in `source`.
const EARLIER: &str = "EARLIER_VERSION";

/// A version of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Earlier,
    Ours,
}

impl Version {
    /// The shell that becomes the earlier program, in the place of the tests' own.
    fn launcher(self) -> Vec<String> {
        let replace = || format!("exec '{}' \"$@\"", earlier().join("corefy-gateway").display());
        match self {
            Self::Earlier => vec!["sh".to_owned(), "-c".to_owned(), replace()],
            Self::Ours => Vec::new(),
        }
    }
}

fn earlier() -> PathBuf {
    env::var_os(EARLIER).expect("EARLIER_VERSION is not set: run this by .ci/upgrade").into()
}

/// Whether this version has migrations that the earlier one does not know.
fn has_new_migrations() -> bool {
    let count = |root: &Path| fs::read_dir(root.join("migrations/postgres")).unwrap().count();
    count(Path::new(env!("CARGO_MANIFEST_DIR"))) > count(&earlier().join("source"))
}

/// A database that the earlier version has made, its Corefy, and a caller's key.
struct Upgrade {
    database: TestDatabase,
    sandbox: Sandbox,
    key: String,
    directory: TempDir,
    _stop: DropGuard,
}

impl Upgrade {
    async fn begin(backend: Backend) -> Self {
        let database = TestDatabase::new(backend).await.expect("TEST_POSTGRES_URL is set");
        let (sandbox, stop) = start_sandbox(&Environment::system()).await;
        let directory = tempfile::tempdir().unwrap();
        let mut upgrade = Self { database, sandbox, key: String::new(), directory, _stop: stop };
        let told = upgrade.run(Version::Earlier, &["keys", "create", "--partner-name=Acme", "--key-name=Backend"]);
        upgrade.key = told.split_whitespace().find(|word| word.starts_with("pk_")).expect("a key").to_owned();
        upgrade
    }

    /// Runs a command to its end, and answers all that it said.
    fn run(&self, version: Version, args: &[&str]) -> String {
        let master_key = master_key_text();
        let variables: &Variables<'_> =
            &[("DATABASE_URL", self.database.url()), ("GATEWAY_MASTER_KEY", master_key.expose_secret())];
        let launcher = version.launcher();
        let launcher: Vec<_> = launcher.iter().map(String::as_str).collect();
        let output = output_by(&launcher, self.directory.path(), args, variables);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    async fn serve(&self, version: Version) -> (GatewayProcess, Client) {
        let launcher = version.launcher();
        let launcher: Vec<_> = launcher.iter().map(String::as_str).collect();
        let gateway = GatewayProcess::start_by(&launcher, &self.database, &self.sandbox, &[]).await;
        let client = gateway.client(&self.key);
        (gateway, client)
    }

    /// Asserts that this much was charged for the payment, and this much given back, in cents.
    fn assert_moved(&self, payment: &str, charged: i64, refunded: i64) {
        let ledger = self.sandbox.ledger();
        assert_eq!((ledger.charged(payment), ledger.refunded(payment)), (charged, refunded), "{payment}");
    }
}

async fn stop(gateway: &mut Program) {
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0), "{}", gateway.said());
}

/// Pays 10.00 and refunds 4.00 of it under an idempotency key. The payment.
async fn pay_and_refund(client: &Client, key: &str) -> String {
    let paid = client.paid_intent("10.00").await;
    client.create_refund(keyed(key, new_refund(&paid.payment_id, "4.00"))).await.unwrap();
    paid.id
}

/// Repeats that refund, which is answered as it was, and refunds the rest.
async fn repeat_and_refund_the_rest(client: &Client, key: &str, payment: &str) {
    let paid = client.get(payment).await;
    assert_eq!((paid.state(), paid.amount_refunded.as_str()), (State::Succeeded, "4.00"), "{payment}");
    let again = client.create_refund(keyed(key, new_refund(&paid.payment_id, "4.00"))).await.unwrap();
    assert!(again.metadata().contains_key("idempotent-replayed"), "{key}");
    client.refund(&paid.payment_id, "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an earlier version: .ci/upgrade"]
async fn gateways_of_an_earlier_version_go_on_until_those_of_this_one_have_replaced_them() {
    let upgrade = Upgrade::begin(Backend::Postgres).await;
    let (mut old, old_client) = upgrade.serve(Version::Earlier).await;
    let before = pay_and_refund(&old_client, "before").await;

    let told = upgrade.run(Version::Ours, &["migrate"]);
    assert!(told.starts_with("the database "), "{told}");
    let meanwhile = pay_and_refund(&old_client, "meanwhile").await;
    let (mut new, new_client) = upgrade.serve(Version::Ours).await;
    let beside = pay_and_refund(&new_client, "beside").await;
    repeat_and_refund_the_rest(&new_client, "before", &before).await;
    repeat_and_refund_the_rest(&new_client, "meanwhile", &meanwhile).await;
    repeat_and_refund_the_rest(&old_client, "beside", &beside).await;

    stop(&mut old.program).await;
    let after = pay_and_refund(&new_client, "after").await;
    repeat_and_refund_the_rest(&new_client, "after", &after).await;
    for payment in [before, meanwhile, beside, after] {
        upgrade.assert_moved(&payment, 10_00, 10_00);
    }
    stop(&mut new.program).await;
}

/// Makes a back-up before the upgrade, upgrades, and goes back by it.
async fn go_there_and_back(backend: Backend) {
    let mut upgrade = Upgrade::begin(backend).await;
    let (mut old, client) = upgrade.serve(Version::Earlier).await;
    let payment = pay_and_refund(&client, "refund").await;
    stop(&mut old.program).await;
    let copy = copied(&upgrade.database).await;

    let (mut new, client) = upgrade.serve(Version::Ours).await;
    repeat_and_refund_the_rest(&client, "refund", &payment).await;
    stop(&mut new.program).await;
    upgrade.assert_moved(&payment, 10_00, 10_00);
    let told = upgrade.run(Version::Earlier, &["keys", "list"]);
    assert_eq!(told.contains("migration"), has_new_migrations(), "{told}");

    upgrade.database = copy;
    let (mut old, client) = upgrade.serve(Version::Earlier).await;
    let paid = client.get(&payment).await;
    assert_eq!((paid.state(), paid.amount_refunded.as_str()), (State::Succeeded, "4.00"), "as when the copy was made");
    let again = client.create_refund(keyed("refund", new_refund(&paid.payment_id, "4.00"))).await.unwrap();
    assert!(again.metadata().contains_key("idempotent-replayed"));
    upgrade.assert_moved(&payment, 10_00, 10_00);
    stop(&mut old.program).await;
}

/// A database with what this one holds, by the commands of `docs/upgrading.md`.
async fn copied(database: &TestDatabase) -> TestDatabase {
    let copy = TestDatabase::new(database.backend()).await.unwrap();
    match copy.url().strip_prefix("sqlite://") {
        Some(path) => database.execute(&format!("VACUUM INTO '{path}'")).await,
        None => {
            let dump = tempfile::NamedTempFile::new().unwrap();
            let dump = dump.path().to_str().unwrap();
            succeed("pg_dump", &["--format=custom", "--file", dump, database.url()]);
            succeed("pg_restore", &["--dbname", copy.url(), dump]);
        }
    }
    copy
}

fn succeed(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an earlier version: .ci/upgrade"]
async fn a_back_up_from_before_an_upgrade_leads_back_on_sqlite() {
    go_there_and_back(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an earlier version: .ci/upgrade"]
async fn a_back_up_from_before_an_upgrade_leads_back_on_postgres() {
    go_there_and_back(Backend::Postgres).await;
}
