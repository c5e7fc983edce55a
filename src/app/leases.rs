//! The operations that this gateway is at. Their leases are short, so that another gateway goes on soon when this one dies,
//! and are renewed together every second while this one lives.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{
        clock::Timestamp,
        ids::OperationId,
        operation::{LEASE, Operation, RENEW_LEASE_EVERY},
    },
    error::Error,
    store::{Change, Changes, Lease, Store},
};

/// Every operation that is held, by its id.
#[derive(Clone, Default)]
pub(super) struct LeaseKeeper(Arc<Mutex<BTreeMap<OperationId, HeldLease>>>);

#[derive(Clone, Copy)]
struct HeldLease {
    epoch: i64,
    lease_until: Timestamp,
}

/// Keeps the lease of an operation renewed until it is dropped.
pub(super) struct LeaseGuard {
    leases: LeaseKeeper,
    id: OperationId,
    epoch: i64,
}

impl LeaseKeeper {
    /// Has the lease of an operation renewed, which this gateway has reserved or claimed.
    pub(super) fn hold(&self, operation: &Operation) -> LeaseGuard {
        let Operation { id, epoch, lease_until, .. } = operation;
        self.held().insert(id.clone(), HeldLease { epoch: *epoch, lease_until: *lease_until });
        LeaseGuard { leases: self.clone(), id: id.clone(), epoch: *epoch }
    }

    /// Renews the leases that are held. Returns their number.
    pub(super) async fn renew(&self, store: &Store, now: Timestamp) -> Result<usize, Error> {
        let due = self.due(now);
        if due.is_empty() {
            return Ok(0);
        }
        let lease_until = now + LEASE;
        let mut changes = Changes::default();
        for (operation_id, epoch) in &due {
            let lease = Lease { operation_id: operation_id.clone(), epoch: *epoch, takes_over: false };
            changes.push(Change::RenewLease(lease, lease_until));
        }
        store.commit(&changes).await?;
        self.note(&due, lease_until);
        Ok(due.len())
    }

    /// The leases that are to be renewed at `now`, with their epochs: those that were not renewed for a while.
    fn due(&self, now: Timestamp) -> Vec<(OperationId, i64)> {
        let is_fresh = |until: Timestamp| until > now + (LEASE - RENEW_LEASE_EVERY) && until <= now + LEASE;
        let held = self.held();
        let due = held.iter().filter(|(_, held)| !is_fresh(held.lease_until));
        due.map(|(id, held)| (id.clone(), held.epoch)).collect()
    }

    fn note(&self, renewed: &[(OperationId, i64)], lease_until: Timestamp) {
        let mut all = self.held();
        for (id, epoch) in renewed {
            if let Some(held) = all.get_mut(id).filter(|held| held.epoch == *epoch) {
                held.lease_until = lease_until;
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<OperationId, HeldLease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        let mut held = self.leases.held();
        if held.get(&self.id).is_some_and(|held| held.epoch == self.epoch) {
            held.remove(&self.id);
        }
    }
}
