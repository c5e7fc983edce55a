//! A real disk that is full: a small file system in memory, with the gateway's file on it.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use corefy_gateway::pb::PaymentIntentState as State;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::{task::JoinSet, time::sleep};

use crate::support::{
    app::{TestApp, http_client, until},
    client::{APPROVED, Client, confirmation, keyed, new_intent, new_refund, reason},
    database::TestDatabase,
};

/// The size of the file system, in bytes.
const SIZE: usize = 8 << 20;
/// The space that is left on it at first, in bytes; webhooks use it up.
const LEFT: usize = 256 << 10;
/// The space that is free when the calls begin, in bytes: enough for some of them.
const FREED: u64 = 128 << 10;
/// How many payments are confirmed, and how many are refunded.
const PAYMENTS: usize = 40;
const REFUNDS: usize = 20;
/// How long the disk stays full.
const FULL: Duration = Duration::from_secs(3);

/// A file system that is unmounted when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> io::Result<Self> {
        let options = format!("size={SIZE},mode=700");
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output()?;
        let why = || io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        if output.status.success() { Ok(Self(at.to_owned())) } else { Err(why()) }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Fills it but for [`LEFT`].
    fn fill(&self) {
        let used: u64 = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        fs::write(self.filler(), vec![1; SIZE - LEFT - usize::try_from(used).unwrap()]).unwrap();
    }

    /// Makes room for [`FREED`].
    fn free_some(&self) {
        let filler = fs::OpenOptions::new().write(true).open(self.filler()).unwrap();
        filler.set_len(filler.metadata().unwrap().len() - FREED).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the gateway of a test that failed may still have its files open.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_acknowledged_and_charges_nobody_twice() {
    let directory = tempfile::tempdir().unwrap();
    let disk = match SmallDisk::mount(directory.path()) {
        Ok(disk) => disk,
        Err(why) => return println!("skipped: no file system can be mounted here: {why}"),
    };
    let app = TestApp::start(TestDatabase::in_directory(directory.path())).await;
    let client = app.client().await;
    let (mut unpaid, mut paid) = (Vec::new(), Vec::new());
    for _ in 0..PAYMENTS {
        unpaid.push(client.intent("50.00").await.id);
    }
    for _ in 0..REFUNDS {
        paid.push(client.paid_intent("30.00").await);
    }
    disk.fill();
    let reader = keep_reading(&app).await;
    let is_full = Arc::new(AtomicBool::new(true));
    let writers = write_webhooks(&app, &is_full);
    until("readiness says that the disk is full", async || is_full_by_readiness(&app).await).await;

    disk.free_some();
    let mut calls = JoinSet::new();
    for id in unpaid.clone() {
        let client = client.clone();
        calls.spawn(async move { confirm(&client, &id).await });
    }
    for intent in paid.clone() {
        let client = client.clone();
        calls.spawn(async move { refund(&client, &intent.payment_id).await });
    }
    let mut creations = JoinSet::new();
    for n in 0..PAYMENTS {
        let client = client.clone();
        creations.spawn(async move { create(&client, n).await });
    }
    sleep(FULL).await;
    fs::remove_file(disk.filler()).unwrap();
    reader.close().await.unwrap();
    is_full.store(false, Ordering::Relaxed);
    writers.await.unwrap();
    let refused = calls.join_all().await.into_iter().filter(|was_made| !was_made).count();
    let created: HashMap<usize, String> = creations.join_all().await.into_iter().flatten().collect();
    assert!(refused > 0, "the disk was full");

    let app = app.crash_and_restart().await;
    let client = app.client().await;
    for id in created.values() {
        assert_eq!(client.get(id).await.id, *id, "what was acknowledged is there");
    }
    for id in &unpaid {
        let was_charged = app.sandbox.ledger().charged(id) > 0;
        let state = client.get(id).await.state();
        assert!(
            !was_charged || matches!(state, State::Succeeded | State::Processing),
            "{id} was charged and is {state:?}"
        );
        until("the same call is made", async || confirm(&client, id).await).await;
        assert_eq!(app.sandbox.ledger().charged(id), 5000, "{id} is charged once");
        app.assert_books_agree(&client, id).await;
    }
    for intent in &paid {
        until("the same call is made", async || refund(&client, &intent.payment_id).await).await;
        assert_eq!(app.sandbox.ledger().refunded(&intent.id), 1000, "{} is refunded once", intent.id);
        app.assert_books_agree(&client, &intent.id).await;
    }
    drop(app);
    drop(disk);
}

async fn is_full_by_readiness(app: &TestApp) -> bool {
    let response = http_client().get(app.http("/readyz")).send().await.unwrap();
    response.status() == 503 && response.text().await.unwrap().starts_with("the database's disk ")
}

/// Reads the database as it is now until this is closed: so SQLite's log of writes only grows, and needs room for each.
async fn keep_reading(app: &TestApp) -> AnyConnection {
    let mut reader = AnyConnection::connect(app.database.url()).await.unwrap();
    reader.execute("BEGIN; SELECT COUNT(*) FROM operations").await.unwrap();
    reader
}

/// Sends webhooks, as another writer, until the disk has room again.
fn write_webhooks(app: &TestApp, is_full: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let (sandbox, is_full) = (app.sandbox.clone(), is_full.clone());
    tokio::spawn(async move {
        let mut n = 0;
        while is_full.load(Ordering::Relaxed) {
            n += 1;
            let note = "x".repeat(2000);
            let body = format!(r#"{{"event_type":"customer.created","event_id":"evt_{n}","note":"{note}"}}"#);
            sandbox.send_webhook(body, None).await.unwrap();
        }
    })
}

/// Whether the call was made; if not, it was refused because of the database.
fn was_made<T>(answer: Result<T, tonic::Status>) -> bool {
    let Err(status) = answer else { return true };
    assert!(["STORE_UNAVAILABLE", "IDEMPOTENCY_KEY_IN_USE"].contains(&reason(&status).as_str()), "{status:?}");
    false
}

async fn confirm(client: &Client, id: &str) -> bool {
    was_made(client.confirm_payment_intent(keyed(&format!("confirm-{id}"), confirmation(id, APPROVED))).await)
}

async fn refund(client: &Client, payment: &str) -> bool {
    was_made(client.create_refund(keyed(&format!("refund-{payment}"), new_refund(payment, "10.00"))).await)
}

async fn create(client: &Client, n: usize) -> Option<(usize, String)> {
    let answer = client.create_payment_intent(keyed(&format!("create-{n}"), new_intent("20.00"))).await;
    let intent = answer.ok()?.into_inner().payment_intent?;
    Some((n, intent.id))
}
