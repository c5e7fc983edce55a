//! The way of the log of calls from the transport to who writes it: a bounded queue that no call ever waits for.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use crate::domain::api_call::ApiCall;

/// How many records may wait to be written; further ones are dropped and counted. A full queue holds some megabytes.
pub const QUEUE: usize = 2048;

/// What a dialect lets be kept of bodies.
#[derive(Clone, Copy)]
pub struct Redact {
    /// A body without all that is not known to be harmless: at most [`crate::domain::api_call::MAX_BODY`] bytes of JSON,
    /// empty for an empty one.
    pub body: fn(&[u8]) -> String,
    /// Corefy's code in the body of a refusal.
    pub error_code: fn(&[u8]) -> Option<String>,
}

/// Where calls are told to.
#[derive(Clone)]
pub struct CallLog {
    sender: mpsc::Sender<ApiCall>,
    dropped: Arc<AtomicU64>,
    redact: Redact,
}

impl CallLog {
    /// A log, and the records that come out of it.
    pub fn new(redact: Redact) -> (Self, CallRecords) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        (Self { sender, dropped: dropped.clone(), redact }, CallRecords { receiver, dropped: Dropped(dropped) })
    }

    /// Tells of a call. `make` is not called when there is no room.
    pub(super) fn record(&self, make: impl FnOnce(&Redact) -> ApiCall) {
        match self.sender.try_reserve() {
            Ok(place) => place.send(make(&self.redact)),
            Err(_) => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl fmt::Debug for CallLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallLog").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

/// What waits to be written.
#[derive(Debug)]
pub struct CallRecords {
    receiver: mpsc::Receiver<ApiCall>,
    /// How many records found no room.
    pub dropped: Dropped,
}

impl CallRecords {
    /// Moves what waits to the end of `batch`, until that has `size` records.
    pub fn take(&mut self, batch: &mut Vec<ApiCall>, size: usize) {
        while batch.len() < size
            && let Ok(call) = self.receiver.try_recv()
        {
            batch.push(call);
        }
    }
}

/// Counts records that found no room.
#[derive(Clone, Debug)]
pub struct Dropped(Arc<AtomicU64>);

impl Dropped {
    /// How many since the start.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
