//! Carries records of calls from the transport to the task that writes them: a bounded queue that no call ever waits
//! for.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

use super::transport::{HttpAnswer, HttpFailure};
use crate::domain::api_call::ApiCall;

/// How many records may wait to be written; further ones are dropped and counted. A full queue holds some megabytes.
pub const QUEUE: usize = 2048;

/// The redaction rules of a dialect for the bodies that the log keeps.
#[derive(Clone, Copy)]
pub struct Redact {
    /// Redacts a body to what is known to be harmless: at most [`crate::domain::api_call::MAX_BODY`] bytes of JSON,
    /// empty for an empty body.
    pub body: fn(&[u8]) -> String,
    /// Corefy's code in the body of a refusal; `None` when the body is not one of Corefy's own.
    pub error_code: fn(&[u8]) -> Option<String>,
    /// The parts of the body of a success of this operation that are there and cannot be read.
    pub unreadable: fn(&'static str, &[u8]) -> Vec<&'static str>,
}

/// The sending end of the log of calls.
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

    /// Corefy's code in the body of a refusal; `None` when the body is not one of Corefy's own.
    pub(super) fn refusal_code(&self, body: &[u8]) -> Option<String> {
        (self.redact.error_code)(body)
    }

    /// The parts of an answer to `operation` that are there and cannot be read.
    pub(super) fn unreadable(
        &self,
        operation: &'static str,
        outcome: &Result<HttpAnswer, HttpFailure>,
    ) -> Vec<&'static str> {
        match outcome {
            Ok(answer) if answer.status.is_success() => (self.redact.unreadable)(operation, &answer.body),
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    /// Records a call. `make` is not called when the queue is full.
    pub(crate) fn record(&self, make: impl FnOnce(&Redact) -> ApiCall) {
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

/// The records that wait to be written.
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

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::{
            api_call::{CallOutcome, Exchange},
            clock::Timestamp,
            ids::{ApiCallId, Ids},
        },
        upstream::intents::REDACT,
    };

    pub(crate) fn call() -> ApiCall {
        ApiCall {
            id: ApiCallId::generate(&Ids::system()),
            partner_id: None,
            operation: "connection.test".to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            upstream_id: None,
            operation_id: None,
            subject_id: None,
            payment_intent_id: None,
            request_id: String::new(),
            outcome: CallOutcome::Succeeded,
            http_status: Some(200),
            error_code: None,
            latency: Duration::ZERO,
            exchange: Exchange::default(),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_until_there_is_room_and_nobody_waits() {
        let (log, mut records) = CallLog::new(REDACT);
        for _ in 0..QUEUE {
            log.record(|_| call());
        }
        assert_eq!(records.dropped.count(), 0);
        for _ in 0..3 {
            log.record(|_| unreachable!("nothing is made that is not kept"));
        }
        assert_eq!(records.dropped.count(), 3);

        let mut batch = Vec::new();
        records.take(&mut batch, 2);
        assert_eq!(batch.len(), 2);
        records.take(&mut batch, 2);
        assert_eq!(batch.len(), 2, "a full batch takes no more");
        log.record(|_| call());
        assert_eq!(records.dropped.count(), 3);
        records.take(&mut batch, usize::MAX);
        assert_eq!(batch.len(), QUEUE + 1);
        assert!(batch.is_sorted_by(|a, b| a.id < b.id), "the order was lost");
    }

    #[test]
    fn a_log_that_nobody_reads_any_more_counts() {
        let (log, records) = CallLog::new(REDACT);
        let dropped = records.dropped.clone();
        drop(records);
        log.record(|_| call());
        assert_eq!(dropped.count(), 1);
    }
}
