//! Background work. Each worker is a loop around one step of a part of [`App`], so that tests can take the steps one
//! by one instead of waiting for the loops.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{
        App, Payments,
        api_calls::{ApiCalls, CALLS_AT_A_TIME},
        audit::AuditLog,
        events::EventLog,
        gateway::Diagnostics,
        risk::Risk,
        webhooks::Webhooks,
    },
    domain::{operation::RENEW_LEASE_EVERY, retention::RetainedKind},
    error::Error,
    reference_data::ReferenceData,
    telemetry::{Telemetry, catalogue::WORKER_FAILURES, worker::Worker},
};

/// How often a worker looks for work that it was not notified of.
const LOOK: Duration = Duration::from_secs(1);

/// How many rounds of recovery run at the same time, each of at most eight operations and eight polls.
const RECOVERY_ROUNDS: usize = 4;
/// How often the backlog is measured.
const MEASURE: Duration = Duration::from_secs(15);
/// The pause between two looks for what is past its time.
const PRUNE: Duration = Duration::from_secs(60);
/// The pause after a step of pruning that failed.
const PRUNE_AGAIN: Duration = Duration::from_secs(5);
/// The rest after a batch of pruning: so many times as long as the batch took, within these bounds.
const PRUNE_RESTS: u32 = 9;
const PRUNE_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PRUNE_PAUSE: Duration = Duration::from_millis(500);
/// The pause between two steps of erasures, which leaves the database to other writers.
const ERASURE_PAUSE: Duration = Duration::from_millis(100);
/// How often a newer policy of risk is looked for.
const REFRESH_POLICY: Duration = Duration::from_secs(5);
/// How often the files of reference data are looked at.
const LOOK_AT_FILES: Duration = Duration::from_secs(10);
/// Steps of a kind that a turned clock is followed by, at most.
const CATCH_UP_STEPS: usize = 1_000;
/// How often an erasure is looked for whose step is due.
const LOOK_FOR_ERASURES: Duration = Duration::from_secs(5);
/// How often the gateway's log says where the audit log ends, if it has grown.
const ANNOUNCE: Duration = Duration::from_secs(15);
/// How long a record of a call to Corefy waits for others to be written with it.
const GATHER_CALLS: Duration = Duration::from_millis(200);

/// Starts every worker; they end when `stop` is cancelled, each after the step it is at.
pub fn start(app: &App, stop: &CancellationToken) -> TaskTracker {
    let App { payments, events, api_calls, diagnostics, .. } = app.clone();
    let workers = TaskTracker::new();
    let steps = Steps(diagnostics.telemetry().clone());
    workers.spawn(webhooks(steps.clone(), app.webhooks.clone(), stop.clone()));
    workers.spawn(recovery(steps.clone(), payments.clone(), stop.clone()));
    workers.spawn(leases(steps.clone(), payments.clone(), stop.clone()));
    workers.spawn(erasures(steps.clone(), payments.clone(), stop.clone()));
    workers.spawn(event_listener(events, stop.clone()));
    workers.spawn(backlog(steps.clone(), diagnostics, stop.clone()));
    workers.spawn(call_log(steps.clone(), api_calls, stop.clone()));
    workers.spawn(retention(steps.clone(), payments, stop.clone()));
    workers.spawn(audit(steps.clone(), app.audit.clone(), stop.clone()));
    workers.spawn(risk(steps.clone(), app.risk.clone(), app.payments.clone(), stop.clone()));
    workers.spawn(reference_data(app.reference_data.clone(), stop.clone()));
    workers.close();
    workers
}

/// Does at once whatever is due by the gateway's clock: for a clock that is turned, where time does not go by.
pub async fn catch_up(app: &App) {
    let steps = Steps(app.diagnostics.telemetry().clone());
    steps.took_some(Worker::Leases, app.payments.renew_leases().await);
    for _ in 0..CATCH_UP_STEPS {
        let webhooks = steps.took_some(Worker::Webhooks, app.webhooks.process_webhooks().await);
        let recovered = steps.took_some(Worker::Recovery, app.payments.recover().await);
        if !webhooks && !recovered {
            break;
        }
    }
    steps.took_some(Worker::RejectedPayments, app.risk.refund_rejected(&app.payments).await);
    for kind in RetainedKind::ALL.iter().copied() {
        for _ in 0..CATCH_UP_STEPS {
            if !steps.took_some(Worker::Retention, app.payments.prune(kind).await) {
                break;
            }
        }
    }
}

/// Processes webhooks, at once when one comes in.
async fn webhooks(steps: Steps, webhooks: Arc<Webhooks>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if steps.took_some(Worker::Webhooks, webhooks.process_webhooks().await) {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = webhooks.webhooks_are_due() => {}
            () = sleep(LOOK) => {}
        }
    }
}

/// Looks up operations whose outcome is not known and payments that may have news. A look that Corefy is slow to answer
/// holds up its own round only.
async fn recovery(steps: Steps, payments: Arc<Payments>, stop: CancellationToken) {
    let mut rounds = JoinSet::new();
    while !stop.is_cancelled() {
        if rounds.len() < RECOVERY_ROUNDS {
            let (steps, payments) = (steps.clone(), payments.clone());
            rounds.spawn(async move {
                // First, so that a process that is slow takes nothing over from itself.
                steps.took_some(Worker::Leases, payments.renew_leases().await);
                steps.took_some(Worker::Recovery, payments.recover().await)
            });
        }
        // A round that took something leaves room for another at once.
        let took_something = async {
            while let Some(ended) = rounds.join_next().await {
                if ended.unwrap_or(false) {
                    return;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = took_something => {}
            () = sleep(LOOK) => {}
        }
    }
    rounds.join_all().await;
}

/// Renews the leases of the operations that the gateway is at.
async fn leases(steps: Steps, payments: Arc<Payments>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        steps.took_some(Worker::Leases, payments.renew_leases().await);
        rest(&stop, RENEW_LEASE_EVERY).await;
    }
}

/// Takes the steps of erasures that are due.
async fn erasures(steps: Steps, payments: Arc<Payments>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = if steps.took_some(Worker::Erasures, payments.step_erasures().await) {
            ERASURE_PAUSE
        } else {
            // A vacuum may take long: the gateway does not wait for it to stop.
            tokio::select! {
                () = stop.cancelled() => {}
                done = payments.vacuum_erased() => { steps.took_some(Worker::Erasures, done); }
            }
            LOOK_FOR_ERASURES
        };
        rest(&stop, pause).await;
    }
}

/// Listens for events of other processes.
async fn event_listener(events: Arc<EventLog>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            broken = events.listen_for_events() => {
                if let Err(error) = broken {
                    tracing::warn!(%error, cause = ?error.cause(), "events of other gateways arrive late");
                }
                sleep(LOOK).await;
            }
        }
    }
}

/// Measures the backlog.
async fn backlog(steps: Steps, diagnostics: Arc<Diagnostics>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        steps.took_some(Worker::Backlog, diagnostics.measure_backlog().await.map(|()| 0));
        rest(&stop, MEASURE).await;
    }
}

/// Writes the log of calls, many at a time. What is left at the end is written when the gateway drains.
async fn call_log(steps: Steps, api_calls: Arc<ApiCalls>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let written = api_calls.write_api_calls().await;
        let there_is_more = written.as_ref().is_ok_and(|count| *count >= CALLS_AT_A_TIME);
        steps.took_some(Worker::CallLog, written);
        if there_is_more {
            continue;
        }
        rest(&stop, GATHER_CALLS).await;
    }
}

/// Has the gateway's log say where the audit log ends, whoever has added to it.
async fn audit(steps: Steps, log: Arc<AuditLog>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        steps.took_some(Worker::AuditLog, log.announce_head().await);
        rest(&stop, ANNOUNCE).await;
    }
}

/// Takes on newer rules and lists, refunds rejected payments, and deletes entries of lists that have expired.
async fn risk(steps: Steps, risk: Arc<Risk>, payments: Arc<Payments>, stop: CancellationToken) {
    /// Entries that are deleted at a time.
    const ENTRIES: u32 = 500;
    while !stop.is_cancelled() {
        steps.took_some(Worker::RiskPolicy, risk.refresh_policy().await);
        steps.took_some(Worker::RejectedPayments, risk.refund_rejected(&payments).await);
        steps.took_some(Worker::RiskLists, risk.prune_list_entries(ENTRIES).await);
        rest(&stop, REFRESH_POLICY).await;
    }
}

/// Reads the files of reference data again that have changed, on a thread that serves no calls.
async fn reference_data(data: Arc<ReferenceData>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(LOOK_AT_FILES) => {}
        }
        let data = data.clone();
        if let Err(error) = spawn_blocking(move || data.look()).await {
            tracing::error!(%error, "a look at the reference data of risk failed; it will be retried");
        }
    }
}

/// Deletes what is past its time, a few rows of one kind after another, and leaves the database to others in between.
async fn retention(steps: Steps, payments: Arc<Payments>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mut pruned = Vec::new();
        for kind in RetainedKind::ALL.iter().copied() {
            pruned.push(prune(&steps, payments.prune(kind), &stop).await);
        }
        pruned.push(prune(&steps, payments.prune_risk_counters(), &stop).await);
        let pause = if pruned.contains(&Pruned::Some) {
            continue;
        } else if pruned.contains(&Pruned::Failed) {
            PRUNE_AGAIN
        } else if payments.knows_corefys_time() {
            PRUNE
        } else {
            // Most kinds are pruned only once Corefy has told its time.
            LOOK
        };
        rest(&stop, pause).await;
    }
}

/// Takes a step of pruning. One that deleted something is followed by a rest in proportion, so that what it does to a load does not
/// depend on how fast the database is.
async fn prune(steps: &Steps, step: impl Future<Output = Result<usize, Error>>, stop: &CancellationToken) -> Pruned {
    let began = Instant::now();
    let outcome = step.await;
    let has_failed = outcome.is_err();
    if steps.took_some(Worker::Retention, outcome) {
        rest(stop, (began.elapsed() * PRUNE_RESTS).clamp(PRUNE_PAUSE, LONGEST_PRUNE_PAUSE)).await;
        return Pruned::Some;
    }
    if has_failed { Pruned::Failed } else { Pruned::Nothing }
}

/// The result of a step of pruning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pruned {
    /// Something was past its time, and there may be more.
    Some,
    /// Nothing was.
    Nothing,
    /// It failed, so that there may be something.
    Failed,
}

/// Waits for `pause`, or until the workers are to stop.
async fn rest(stop: &CancellationToken, pause: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(pause) => {}
    }
}

/// The results of steps, of which those that failed are counted and logged.
#[derive(Clone)]
struct Steps(Telemetry);

impl Steps {
    /// Whether the step took anything, so that there may be more.
    fn took_some(&self, worker: Worker, step: Result<usize, Error>) -> bool {
        step.map(|count| count > 0).unwrap_or_else(|error| {
            let worker = worker.label();
            tracing::error!(worker, %error, cause = ?error.cause(), "a worker's step failed; it will be retried");
            self.0.count(&WORKER_FAILURES, [worker]);
            false
        })
    }
}
