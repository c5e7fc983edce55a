//! Everything that the use cases of payments, refunds, customers and payment methods share.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use tokio_util::task::TaskTracker;

use super::{
    call::Idempotency, leases::LeaseKeeper, paging::PageTokens, payment_queues::PaymentQueues, perform::Probe,
    risk::policy::Policies, subject_walk::SubjectWalk, supported_payment_methods::SupportedCache,
    vacuum_state::VacuumState,
};
use crate::{
    domain::{
        acceptance::Acceptance,
        capability::Capability,
        clock::Timestamp,
        environment::Environment,
        hash_key::{HashKey, Purpose, keyed_hash},
        ids::{Ids, PartnerId},
        retention::Retention,
        risk::subject::SubjectHasher,
    },
    error::Error,
    reference_data::ReferenceData,
    store::{Store, StoreBreaker},
    telemetry::Telemetry,
    upstream::{self, Upstream},
};

/// The calls that are made once, and the search for the truth behind them.
pub struct Payments {
    pub(super) store: Store,
    pub(super) upstream: Arc<dyn Upstream>,
    /// The things that requests may ask for although not every gateway can do them.
    pub(super) capabilities: Vec<Capability>,
    pub(super) environment: Environment,
    pub(super) page_tokens: PageTokens,
    /// Makes subjects of risk of cards and people.
    pub(super) subjects: SubjectHasher,
    /// Everything else that decisions about risk look at.
    pub(super) reference_data: Arc<ReferenceData>,
    /// The policies by which attempts are screened; `None`: none is.
    pub(super) policies: Option<Arc<Policies>>,
    pub(super) acceptance: Acceptance,
    /// Whether Corefy takes the traffic as a test.
    pub(super) is_sandbox: bool,
    pub(super) send_limit: Duration,
    /// How long a call that moves money waits for its answer before Corefy is asked about it meanwhile.
    pub(super) look_while_sending: Duration,
    /// The calls under way, which callers that hang up do not end.
    pub(super) tasks: TaskTracker,
    /// Whether reservations can be made.
    pub(super) reservations: StoreBreaker,
    pub(super) probe: Option<Probe>,
    pub(super) supported: SupportedCache,
    pub(super) leases: LeaseKeeper,
    pub(super) queues: PaymentQueues,
    /// When recovery took its last step; 0 before the first.
    pub(super) last_recovery: AtomicI64,
    pub(super) retention: Retention,
    /// The vacuum of what erasures have rewritten.
    pub(super) vacuum: VacuumState,
    pub(super) subject_walk: SubjectWalk,
    pub(super) telemetry: Telemetry,
}

impl Payments {
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

    /// The mark that makes a mutating call of `partner` under the idempotency key `key` the same call when it is repeated: its method
    /// and the canonical encoding of its fields, CVV left out.
    pub fn idempotency(&self, partner: &PartnerId, key: &str, method: &str, fields: &[u8]) -> Idempotency {
        let fingerprint = keyed_hash(&self.store.hash_key().derive(Purpose::Fingerprint), &[method.as_bytes(), fields]);
        Idempotency { key: idempotency_hash(self.store.hash_key(), partner, key), fingerprint }
    }

    /// Renews the leases of the operations that this gateway is at. Returns their number. A lease that was lost meanwhile
    /// stays lost: its epoch is over.
    pub async fn renew_leases(&self) -> Result<usize, Error> {
        self.leases.renew(&self.store, self.now()).await
    }

    /// Refuses what this gateway cannot do, before anything is reserved.
    pub(super) fn require(&self, needed: impl IntoIterator<Item = Capability>) -> Result<(), Error> {
        Ok(upstream::require(&self.capabilities, needed.into_iter())?)
    }
}

/// The partner's idempotency key as it is kept.
pub(super) fn idempotency_hash(hash_key: &HashKey, partner: &PartnerId, key: &str) -> String {
    let parts = [partner.as_str().as_bytes(), key.as_bytes()];
    base16ct::lower::encode_string(&keyed_hash(&hash_key.derive(Purpose::IdempotencyKey), &parts))
}
