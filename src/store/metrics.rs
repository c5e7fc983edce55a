//! Metrics of the store: its connections, SQLite's log, and the events that became durable.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;

use super::{CommitError, Dialect, Store, StoreContext, address::beside, risk_metrics};
use crate::{
    domain::{
        decline::known_codes,
        event::{EventObject, EventType},
    },
    telemetry::{
        Telemetry,
        catalogue::{COMMIT_DURATION, COMMITS, CONNECTIONS, DECLINES, EVENTS, SQLITE_LOG, UNREADABLE_ROWS},
        label_values::one_of,
    },
};

/// The tables whose rows are left out of lists where they cannot be read.
const LISTED: [&str; 11] = [
    "api_calls",
    "api_keys",
    "customers",
    "events",
    "operations",
    "payment_intents",
    "payment_methods",
    "refunds",
    "risk_decisions",
    "risk_reviews",
    "webhooks",
];

/// An event that became durable, as far as it is counted.
pub(super) struct EventCount {
    kind: EventType,
    /// The code of the decline that it is.
    decline: Option<&'static str>,
}

impl EventCount {
    pub(super) fn of(kind: EventType, object: &EventObject) -> Self {
        let decline = match (kind, object) {
            (EventType::PaymentIntentPaymentFailed, EventObject::PaymentIntent(intent)) => {
                let code = intent.progress.last_error.as_ref().map_or("", |error| error.code.as_str());
                Some(one_of(code, known_codes()))
            }
            _ => None,
        };
        Self { kind, decline }
    }
}

/// Counts what is now durable.
pub(super) fn count(telemetry: &Telemetry, news: &[EventCount]) {
    for EventCount { kind, decline, .. } in news {
        telemetry.count(&EVENTS, [kind.as_str()]);
        if let Some(code) = decline {
            telemetry.count(&DECLINES, [code]);
        }
    }
}

/// Counts the outcome of a commit. A database that fails counts elsewhere.
pub(super) fn count_commit(telemetry: &Telemetry, outcome: &Result<(), CommitError>, taken: Duration) {
    match outcome {
        Ok(()) => {
            telemetry.count(&COMMITS, ["committed"]);
            telemetry.time(&COMMIT_DURATION, [], taken);
        }
        Err(CommitError::Conflict(_)) => telemetry.count(&COMMITS, ["conflict"]),
        Err(CommitError::Failed(_)) => {}
    }
}

impl Store {
    /// Has what is stored and waited for measured.
    pub fn measured_by(self, telemetry: Telemetry) -> Self {
        risk_metrics::init(&telemetry);
        for kind in EventType::ALL {
            telemetry.init_zero(&EVENTS, [kind.as_str()]);
        }
        for table in LISTED {
            telemetry.init_zero(&UNREADABLE_ROWS, [table]);
        }
        for outcome in ["committed", "conflict"] {
            telemetry.init_zero(&COMMITS, [outcome]);
        }
        let shared = StoreContext { telemetry, ..StoreContext::clone(&self.shared) };
        Self { shared: Arc::new(shared), ..self }
    }

    /// Notes how many connections there are at this moment, and how long SQLite's log is.
    pub fn measure(&self) {
        self.shared.telemetry.set(&SQLITE_LOG, [], u32::try_from(self.log_length()).unwrap_or(u32::MAX));
        let dialect = self.shared.dialect;
        for (name, pool) in [(dialect.reading(), &self.reader), (dialect.writing(), &self.writer)] {
            let mut idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            if name == Dialect::Sqlite.writing() && self.sqlite_writer.as_ref().is_some_and(|writer| !writer.is_busy())
            {
                // The lock in front of the writer keeps its connection.
                idle = pool.size();
            }
            self.shared.telemetry.set(&CONNECTIONS, [name, "idle"], idle);
            self.shared.telemetry.set(&CONNECTIONS, [name, "busy"], pool.size().saturating_sub(idle));
        }
    }

    /// In bytes.
    fn log_length(&self) -> u64 {
        let log = Dialect::file(self.url.expose_secret()).and_then(|file| beside(&file, "-wal").ok());
        log.and_then(|log| log.metadata().ok()).map_or(0, |log| log.len())
    }
}
