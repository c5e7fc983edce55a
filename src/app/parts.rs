//! The use cases, put together from parts of which each has what it needs and no more.

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    api_calls::{ApiCalls, CallLogWriter},
    audit::AuditLog,
    events::{EventLog, Readers},
    exports::Exports,
    gateway::Diagnostics,
    keys::{Admission, KnownKeys},
    leases::LeaseKeeper,
    limits::Limits,
    metrics,
    paging::PageTokens,
    payment_queues::PaymentQueues,
    payments::Payments,
    people::People,
    perform::Probe,
    risk::Risk,
    subject_walk::SubjectWalk,
    supported_payment_methods::SupportedCache,
    vacuum_state::VacuumState,
    webhooks::Webhooks,
};
use crate::{
    domain::{
        acceptance::Acceptance,
        capability::Capability,
        environment::Environment,
        operation::{RENEW_LEASE_EVERY, SEND_MARGIN},
        proxies::Proxies,
        retention::Retention,
        risk::subject::SubjectHasher,
    },
    reference_data::ReferenceData,
    store::{Store, StoreBreaker},
    telemetry::Telemetry,
    upstream::{Upstream, call_log::CallRecords},
};

/// The longest wait for the answer of a call that moves money before Corefy is asked what became of it: most calls are
/// answered long before.
const LOOK_WHILE_SENDING: Duration = Duration::from_secs(10);

/// The use cases, in their parts. All clones are the same.
#[derive(Clone)]
pub struct App {
    /// Payments, refunds, customers and payment methods, and the search for the truth about them.
    pub payments: Arc<Payments>,
    /// Which callers are let in.
    pub admission: Arc<Admission>,
    /// The events of partners' objects, and their streams.
    pub events: Arc<EventLog>,
    /// The log of calls to Corefy.
    pub api_calls: Arc<ApiCalls>,
    /// Corefy's webhooks.
    pub webhooks: Arc<Webhooks>,
    /// The log of what was decided.
    pub audit: Arc<AuditLog>,
    /// The export of books.
    pub exports: Arc<Exports>,
    /// The requests to erase people and to show what is kept of them.
    pub people: Arc<People>,
    /// The rules and lists that attempts are decided by, and the reviews of payments.
    pub risk: Arc<Risk>,
    /// The knowledge of the operator about BINs, IP addresses, domains and currencies.
    pub reference_data: Arc<ReferenceData>,
    /// The gateway itself.
    pub diagnostics: Arc<Diagnostics>,
    tasks: TaskTracker,
    store: Store,
}

impl App {
    /// Puts the use cases together.
    pub fn new(parts: AppParts) -> Self {
        metrics::init(&parts.telemetry, parts.environment.clock.now());
        let (tasks, page_tokens) = (TaskTracker::new(), PageTokens::new(parts.store.hash_key()));
        let risk = Risk::new(parts.store.clone(), parts.environment.clone());
        let exports = Arc::new(Exports::new(parts.store.clone(), parts.environment.clone()));
        let audit = Arc::new(AuditLog::new(parts.store.clone(), parts.environment.clone()));
        let people = People::new(parts.store.clone(), parts.environment.clone(), parts.retention);
        let payments = Arc::new(payments(&parts, &tasks, &page_tokens, &risk));
        let events = Arc::new(EventLog {
            store: parts.store.clone(),
            clock: parts.environment.clock.clone(),
            page_tokens: page_tokens.clone(),
            readers: Readers::new(parts.streams_per_key),
        });
        let diagnostics = Diagnostics {
            store: parts.store.clone(),
            upstream: parts.upstream.clone(),
            capabilities: parts.capabilities,
            clock: parts.environment.clock.clone(),
            page_tokens: page_tokens.clone(),
            acceptance: parts.acceptance,
            is_sandbox: parts.is_sandbox,
            retention: parts.retention,
            events: events.clone(),
            telemetry: parts.telemetry.clone(),
        };
        let api_calls = ApiCalls {
            store: parts.store.clone(),
            clock: parts.environment.clock.clone(),
            page_tokens,
            log: CallLogWriter::new(parts.api_calls),
            telemetry: parts.telemetry.clone(),
        };
        let webhooks = Webhooks {
            store: parts.store.clone(),
            upstream: parts.upstream,
            environment: parts.environment.clone(),
            proxies: parts.proxies.clone(),
            payments: payments.clone(),
            wake: Notify::new(),
            telemetry: parts.telemetry.clone(),
        };
        let admission = Admission {
            store: parts.store.clone(),
            clock: parts.environment.clock,
            proxies: parts.proxies,
            known: KnownKeys::new(),
            limits: Limits::new(parts.key_rate_per_minute),
            tasks: tasks.clone(),
            telemetry: parts.telemetry,
        };
        Self {
            payments,
            admission: Arc::new(admission),
            events,
            api_calls: Arc::new(api_calls),
            webhooks: Arc::new(webhooks),
            audit,
            exports,
            people: Arc::new(people),
            risk: Arc::new(risk),
            reference_data: parts.reference_data,
            diagnostics: Arc::new(diagnostics),
            tasks,
            store: parts.store,
        }
    }

    /// Takes no more mutating calls, waits for those under way, writes what the log of calls still has, and closes the
    /// database.
    pub async fn drain(&self) {
        self.tasks.close();
        // The workers have stopped by now, and calls whose callers hung up may still be at Corefy.
        while timeout(RENEW_LEASE_EVERY, self.tasks.wait()).await.is_err() {
            if let Err(error) = self.payments.renew_leases().await {
                tracing::warn!(%error, cause = ?error.cause(), "leases could not be renewed");
            }
        }
        self.api_calls.flush_api_calls().await;
        self.store.close().await;
    }
}

fn payments(parts: &AppParts, tasks: &TaskTracker, page_tokens: &PageTokens, risk: &Risk) -> Payments {
    Payments {
        store: parts.store.clone(),
        upstream: parts.upstream.clone(),
        capabilities: parts.capabilities.clone(),
        environment: parts.environment.clone(),
        page_tokens: page_tokens.clone(),
        subjects: SubjectHasher::new(parts.store.hash_key()),
        reference_data: parts.reference_data.clone(),
        policies: parts.risk_screening.then(|| risk.policies().clone()),
        acceptance: parts.acceptance.clone(),
        is_sandbox: parts.is_sandbox,
        send_limit: parts.upstream_timeout + SEND_MARGIN,
        look_while_sending: LOOK_WHILE_SENDING.min(parts.upstream_timeout / 2),
        tasks: tasks.clone(),
        reservations: StoreBreaker::default(),
        probe: parts.probe.clone(),
        supported: SupportedCache::new(),
        leases: LeaseKeeper::default(),
        queues: PaymentQueues::default(),
        last_recovery: AtomicI64::default(),
        retention: parts.retention,
        vacuum: VacuumState::default(),
        subject_walk: SubjectWalk::default(),
        telemetry: parts.telemetry.clone(),
    }
}

/// The arguments of [`App::new`].
pub struct AppParts {
    /// The database.
    pub store: Store,
    /// Corefy.
    pub upstream: Arc<dyn Upstream>,
    /// The things that requests may ask for although not every gateway can do them.
    pub capabilities: Vec<Capability>,
    /// The log of the calls to it, as they come.
    pub api_calls: CallRecords,
    /// Time, ids and chance.
    pub environment: Environment,
    /// Which payments are taken.
    pub acceptance: Acceptance,
    /// The knowledge of the operator about BINs, IP addresses, domains and currencies.
    pub reference_data: Arc<ReferenceData>,
    /// The proxies before the gateway that are trusted.
    pub proxies: Proxies,
    /// Whether attempts to pay are screened for fraud.
    pub risk_screening: bool,
    /// Whether Corefy takes the traffic as a test.
    pub is_sandbox: bool,
    /// How long one request to Corefy may take.
    pub upstream_timeout: Duration,
    /// How many calls a minute each key may make here; `None`: any number.
    pub key_rate_per_minute: Option<NonZeroU32>,
    /// How many streams of events each key may have open here; `None`: any number.
    pub streams_per_key: Option<NonZeroU32>,
    /// How long each kind of data is kept that is deleted in time.
    pub retention: Retention,
    /// Where it is measured.
    pub telemetry: Telemetry,
    /// For tests that let the process die; `None` in production.
    pub probe: Option<Probe>,
}
