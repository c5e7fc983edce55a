//! The use cases: the only place that orders what the store and Corefy do. One file a resource; the methods of [`App`]
//! have the names of the RPCs.

use std::{
    num::NonZeroU32,
    ops::Deref,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    domain::{
        acceptance::Acceptance,
        clock::Timestamp,
        environment::Environment,
        ids::{Ids, PartnerId},
        master_key::{MasterKey, Purpose, keyed_hash},
        operation::{RENEW_LEASE_EVERY, SEND_MARGIN},
        proxies::Proxies,
    },
    store::{Store, StoreBreaker},
    telemetry::Telemetry,
    upstream::{Upstream, call_log::CallRecords},
};

pub mod api_calls;
pub mod customers;
mod decision;
pub mod events;
pub mod gateway;
pub mod keys;
mod leases;
mod limits;
mod metrics;
pub mod operations;
pub mod paging;
mod payment;
pub mod payment_intents;
pub mod payment_methods;
mod payment_queues;
mod perform;
mod reconcile;
pub mod refunds;
mod retention;
mod supported_payment_methods;
pub mod timeline;
pub mod token_source;
pub mod webhook_admin;
pub mod webhooks;

pub use perform::{Checkpoint, Probe};

/// The longest wait for the answer of a call that moves money before Corefy is asked what became of it: most calls are
/// answered long before.
const LOOK_WHILE_SENDING: Duration = Duration::from_secs(10);

/// The caller, and the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The partner whose objects the call is about.
    pub partner_id: PartnerId,
    /// The public key it was made with.
    pub key_id: String,
    /// The request's id, for logs and errors.
    pub request_id: String,
    /// When the caller stops waiting: no call to Corefy waits longer for its turn.
    pub deadline: Instant,
    /// The mark by which a repeated call is the same call.
    pub idempotency: Option<Idempotency>,
}

/// The caller's idempotency key with what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Keyed hash of the caller's key, hexadecimal. The key itself is kept nowhere: it is only ever compared, and a caller
    /// may have made it of anything, a card number included.
    pub key: String,
    /// Keyed hash of the method and its fields.
    pub fingerprint: [u8; 32],
}

/// The answer to a mutating call.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The object.
    pub resource: T,
    /// Whether this is the answer of an earlier call with the same idempotency key.
    pub is_replayed: bool,
}

/// The use cases, shared by every request and worker.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The parts of [`App`].
pub struct Inner {
    store: Store,
    upstream: Arc<dyn Upstream>,
    environment: Environment,
    master_key: MasterKey,
    acceptance: Acceptance,
    proxies: Proxies,
    is_sandbox: bool,
    send_limit: Duration,
    /// How long a call that moves money waits for its answer before Corefy is asked about it meanwhile.
    look_while_sending: Duration,
    tasks: TaskTracker,
    /// Whether reservations can be made.
    reservations: StoreBreaker,
    probe: Option<Probe>,
    admissions: keys::Admissions,
    limits: limits::Limits,
    supported: supported_payment_methods::Supported,
    leases: leases::LeaseKeeper,
    payment_queues: payment_queues::PaymentQueues,
    /// When recovery took its last step; 0 before the first.
    last_recovery: AtomicI64,
    telemetry: Telemetry,
    call_log: api_calls::CallLogWriter,
    api_call_retention: Duration,
    operation_retention: Duration,
    event_readers: events::Readers,
    /// Notified when webhooks may be due.
    wake: Notify,
}

/// The arguments of [`App::new`].
pub struct AppParts {
    /// The database.
    pub store: Store,
    /// Corefy.
    pub upstream: Arc<dyn Upstream>,
    /// The log of the calls to it, as they come.
    pub api_calls: CallRecords,
    /// Time, ids and chance.
    pub environment: Environment,
    /// The gateway's own secret.
    pub master_key: MasterKey,
    /// Which payments are taken.
    pub acceptance: Acceptance,
    /// The proxies before the gateway that are trusted.
    pub proxies: Proxies,
    /// Whether Corefy takes the traffic as a test.
    pub is_sandbox: bool,
    /// How long one request to Corefy may take.
    pub upstream_timeout: Duration,
    /// How many calls a minute each key may make here; `None`: any number.
    pub key_rate_per_minute: Option<NonZeroU32>,
    /// How many streams of events each key may have open here; `None`: any number.
    pub streams_per_key: Option<NonZeroU32>,
    /// How long the log of calls to Corefy is kept.
    pub api_call_retention: Duration,
    /// How long finished operations are kept.
    pub operation_retention: Duration,
    /// Where it is measured.
    pub telemetry: Telemetry,
    /// For tests that let the process die; `None` in production.
    pub probe: Option<Probe>,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the use cases together.
    pub fn new(parts: AppParts) -> Self {
        metrics::init(&parts.telemetry, parts.environment.clock.now());
        Self(Arc::new(Inner {
            store: parts.store,
            upstream: parts.upstream,
            environment: parts.environment,
            master_key: parts.master_key,
            acceptance: parts.acceptance,
            proxies: parts.proxies,
            is_sandbox: parts.is_sandbox,
            send_limit: parts.upstream_timeout + SEND_MARGIN,
            look_while_sending: LOOK_WHILE_SENDING.min(parts.upstream_timeout / 2),
            tasks: TaskTracker::new(),
            reservations: StoreBreaker::default(),
            probe: parts.probe,
            admissions: keys::Admissions::new(),
            limits: limits::Limits::new(parts.key_rate_per_minute),
            supported: supported_payment_methods::Supported::new(),
            leases: leases::LeaseKeeper::default(),
            payment_queues: payment_queues::PaymentQueues::default(),
            last_recovery: AtomicI64::default(),
            telemetry: parts.telemetry,
            call_log: api_calls::CallLogWriter::new(parts.api_calls),
            api_call_retention: parts.api_call_retention,
            operation_retention: parts.operation_retention,
            event_readers: events::Readers::new(parts.streams_per_key),
            wake: Notify::new(),
        }))
    }

    /// The present moment, by the gateway's clock.
    pub fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    /// The source of ids.
    pub fn ids(&self) -> &Ids {
        &self.environment.ids
    }

    /// Which payments are taken.
    pub fn acceptance(&self) -> &Acceptance {
        &self.acceptance
    }

    /// The proxies before the gateway that are trusted.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// The mark that makes a mutating call of `partner` under the idempotency key `key` the same call when it is repeated: its method
    /// and the canonical encoding of its fields, CVV left out.
    pub fn idempotency(&self, partner: &PartnerId, key: &str, method: &str, fields: &[u8]) -> Idempotency {
        let hash = |purpose, parts: &[&[u8]]| keyed_hash(&self.master_key.derive(purpose), parts);
        Idempotency {
            key: base16ct::lower::encode_string(&hash(
                Purpose::IdempotencyKey,
                &[partner.as_str().as_bytes(), key.as_bytes()],
            )),
            fingerprint: hash(Purpose::Fingerprint, &[method.as_bytes(), fields]),
        }
    }

    /// Whether calls can be served; if not, why, in a few words.
    pub async fn readiness(&self) -> Result<(), &'static str> {
        self.store.readiness().await
    }

    /// Waits until webhooks may be due.
    pub async fn webhooks_are_due(&self) {
        self.wake.notified().await;
    }

    /// Takes no more mutating calls, waits for those under way, writes what the log of calls still has, and closes the
    /// database.
    pub async fn drain(&self) {
        self.tasks.close();
        // The workers have stopped by now, and calls whose callers hung up may still be at Corefy.
        while timeout(RENEW_LEASE_EVERY, self.tasks.wait()).await.is_err() {
            if let Err(error) = self.renew_leases().await {
                tracing::warn!(%error, cause = ?error.cause(), "leases could not be renewed");
            }
        }
        self.flush_api_calls().await;
        self.store.close().await;
    }

    /// The tokens of the list that `list` tells from all others.
    fn page_tokens(&self, caller: &Caller, list: impl std::fmt::Debug) -> paging::Tokens {
        paging::Tokens::new(&self.master_key.derive(Purpose::PageToken), &(&caller.partner_id, list))
    }
}
