//! Pruning beside a load: what the deletion of old rows does to calls.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};
use tokio::time::sleep;

use crate::{
    contender::{Contender, NO_LIMIT},
    fill::{Server, copy, settle},
    measure::median,
    work::Work,
};

/// Callers at one time beside it.
const CALLERS: usize = 16;
/// How long a gateway that prunes may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(90);
/// The longest retention of each kind, in days, by which a gateway prunes nothing of what is filled in.
const KEEPING: [(&str, &str); 4] = [
    ("GATEWAY_API_CALL_RETENTION_DAYS", "3650"),
    ("GATEWAY_OPERATION_RETENTION_DAYS", "3650"),
    ("GATEWAY_WEBHOOK_RETENTION_DAYS", "3650"),
    ("GATEWAY_EVENT_RETENTION_DAYS", "3650"),
];
/// When all that is filled in happened, in microseconds since 1970: in November 2023.
const LONG_AGO: &str = "1700000000000000";
/// The tables, and what the ids of copies are smaller than.
const TABLES: [(&str, &str); 4] =
    [("api_calls", "call_01"), ("operations", "op_01"), ("webhooks", "wh_01"), ("events", "evt_01")];

/// The statements that copy a row of each table to long ago; `{n}` and `{i}` as in [`copy`].
const COPIES: [&str; 4] = [
    "INSERT INTO api_calls (id, partner_id, operation, method, path, upstream_id, operation_id, subject_id, payment_intent_id,
         request_id, outcome, http_status, error_code, latency, exchange, created_at)
     SELECT 'call_' || {n}, partner_id, operation, method, path, upstream_id, operation_id, 'pi_' || {n}, 'pi_' || {n},
         request_id || {n}, outcome, http_status, error_code, latency, exchange, {old}
     FROM {series}, (SELECT * FROM api_calls ORDER BY id DESC LIMIT 1) AS one",
    "INSERT INTO operations (id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until, next_check_at,
         sent_at, finished_at, misses, baseline, idempotency_key, fingerprint, answer, request_id)
     SELECT 'op_' || {n}, partner_id, kind, 'pi_' || {n}, 'pi_' || {n}, state, epoch, lease_until, NULL,
         {old}, {old}, misses, baseline, 'copy_' || {n}, fingerprint, answer, request_id
     FROM {series}, (SELECT * FROM operations WHERE state = 'done' ORDER BY id DESC LIMIT 1) AS one",
    "INSERT INTO webhooks (id, body_hash, event_id, event_type, source_address, headers, body, state, attempts, next_attempt_at,
         lease_until, duplicates, error, received_at, processed_at, payment_intent_id)
     SELECT 'wh_' || {n}, 'copy_' || {n}, 'copy_' || {n}, event_type, source_address, headers, body, state, attempts, NULL,
         lease_until, duplicates, error, {old}, {old}, 'pi_' || {n}
     FROM {series}, (SELECT * FROM webhooks WHERE state = 'processed' ORDER BY id DESC LIMIT 1) AS one",
    "INSERT INTO events (id, partner_id, type, object_id, object, created_at, position)
     SELECT 'evt_' || {n}, partner_id, type, 'pi_' || {n}, object, {old}, {i} - 1000000000
     FROM {series}, (SELECT * FROM events ORDER BY id DESC LIMIT 1) AS one",
];

/// Creations on a database with `rows` rows that are past their time, at a gateway that keeps them and at one that prunes them, in
/// turn; prints what that does to their times.
pub async fn measure(
    servers: &[Server<'_>],
    dir: &Path,
    (rows, rounds, length): (u32, usize, Duration),
) -> Result<(), Box<dyn Error>> {
    println!("| on | pruned | a second | p50 | beside pruning | p99 | beside pruning | ratio |");
    println!("|---|---|---|---|---|---|---|---|");
    for server in servers {
        let (name, database) = (server.name(), server.new_database("pruned", dir).await?);
        fill(&database, dir, rows).await?;
        let (mut p50, mut p99) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        let (mut pruned, mut pruning) = (0, Duration::ZERO);
        for _ in 0..rounds {
            for (place, settings) in [&KEEPING[..], &[]].into_iter().enumerate() {
                let gateway = Contender::gateways_within("prune", &database, dir, 1, NO_LIMIT, settings).await?;
                begin(&gateway, &database, settings.is_empty()).await?;
                let (before, began) = (old(&database).await?, Instant::now());
                let callers = gateway.target.prepare(Work::Create, CALLERS).await?;
                let round = gateway.target.run(Work::Create, callers, length).await?;
                if settings.is_empty() {
                    pruning += began.elapsed();
                    pruned += before - old(&database).await?;
                }
                p50[place].push(round.p50.as_secs_f64() * 1e3);
                p99[place].push(round.p99.as_secs_f64() * 1e3);
            }
        }
        let ([p50, beside_p50], [p99, beside_p99]) = (p50.map(median), p99.map(median));
        println!(
            "| {name} | {pruned} | {:.0} | {p50:.2} ms | {beside_p50:.2} ms | {p99:.2} ms | {beside_p99:.2} ms | {:.2} |",
            pruned as f64 / pruning.as_secs_f64(),
            beside_p99 / p99,
        );
    }
    println!();
    Ok(())
}

/// Makes one row of each kind, and copies it until there are `rows` in all.
async fn fill(database: &str, dir: &Path, rows: u32) -> Result<(), Box<dyn Error>> {
    let gateway = Contender::gateways_within("filler", database, dir, 1, NO_LIMIT, &[]).await?;
    gateway.sandbox.send_webhooks(true).await?;
    let callers = gateway.target.prepare(Work::CreateConfirmAndWebhook, 1).await?;
    gateway.target.run(Work::CreateConfirmAndWebhook, callers, Duration::from_secs(2)).await?;
    drop(gateway);
    let copies = COPIES.map(|sql| sql.replace("{old}", LONG_AGO));
    let each = rows / u32::try_from(COPIES.len())?;
    copy(database, &copies.each_ref().map(String::as_str), each).await?;
    Ok(settle(database).await?)
}

/// Makes calls until a gateway that prunes has begun to.
async fn begin(gateway: &Contender, database: &str, prunes: bool) -> Result<(), Box<dyn Error>> {
    let (before, began) = (old(database).await?, Instant::now());
    gateway.target.caller(0).create().await?;
    while prunes && old(database).await? == before {
        if began.elapsed() > BEGINS_WITHIN {
            return Err("nothing is pruned".into());
        }
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// The number of rows that are past their time.
async fn old(database: &str) -> Result<i64, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(database).await?;
    let mut rows = 0;
    for (table, end) in TABLES {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE id < '{end}'");
        rows += connection.fetch_one(AssertSqlSafe(sql)).await?.try_get::<i64, _>(0)?;
    }
    connection.close().await?;
    Ok(rows)
}
