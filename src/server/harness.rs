//! The parts of a gateway that tests put others in place of.

use std::sync::Arc;

use crate::{
    app::Probe, domain::environment::Environment, port::IdleTimeouts, store::StoreGate, upstream::transport::HttpSender,
};

/// Test hooks; production leaves them as they are.
#[derive(Clone, Default)]
pub struct Harness {
    /// Time, ids and chance.
    pub environment: Environment,
    /// Called at each checkpoint of a mutating call.
    pub probe: Option<Probe>,
    /// The store waits for its database in lock step ([`crate::store::Store::open_in_lock_step`]).
    pub in_lock_step: bool,
    /// Stands before the database then.
    pub store_gate: Option<Arc<dyn StoreGate>>,
    /// Other gateways may run on the database, whichever it is: the leases of others are not ended.
    pub is_beside_others: bool,
    /// Stands in for the network to Corefy.
    pub sender: Option<Arc<dyn HttpSender>>,
    /// No workers run: the test takes their steps itself.
    pub without_workers: bool,
    /// How long a connection of the gRPC port may take for what.
    pub rpc_idle_timeouts: Option<IdleTimeouts>,
}
