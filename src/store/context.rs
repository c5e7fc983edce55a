//! The parts of the store that everything in it shares.

use std::sync::Arc;

use tokio::{sync::Mutex, time::Instant};

use super::{Dialect, EventSignal, Sealer, StoreBreaker, lock_step::Pace};
use crate::{
    domain::{audit::AuditChain, hash_key::HashKey, ids::Ids, search_term::TermHasher},
    telemetry::Telemetry,
};

/// The kind of a database, the keys it is read with, and its condition at this moment.
#[derive(Clone)]
pub(super) struct StoreContext {
    pub(super) dialect: Dialect,
    pub(super) pace: Pace,
    pub(super) hash_key: HashKey,
    pub(super) sealer: Sealer,
    pub(super) terms: TermHasher,
    pub(super) chain: AuditChain,
    pub(super) ids: Ids,
    /// Held by the one commit of this process that adds to the audit log, or prunes it.
    pub(super) audit_turn: Arc<Mutex<()>>,
    /// Where this gateway counts the attempts of BINs.
    pub(super) bin_shard: i64,
    pub(super) signal: Arc<EventSignal>,
    pub(super) telemetry: Telemetry,
    pub(super) readiness: Arc<Readiness>,
    /// Whether connections can be had that read, and that write.
    pub(super) reads: Arc<StoreBreaker>,
    pub(super) writes: Arc<StoreBreaker>,
}

/// The result of the last write that was tried, and when it was; `Err` has the reason in a few words.
#[derive(Default)]
pub(super) struct Readiness(pub(super) Mutex<Option<(Instant, Result<(), &'static str>)>>);
