//! Metrics of the use cases as a whole: the backlog, which is read from the database.

use std::time::Duration;

use super::gateway::Diagnostics;
use crate::{
    domain::{api_key::Refusal, clock::Timestamp, retention::RetainedKind},
    error::Error,
    store::{Backlog, WebhookState},
    telemetry::{
        Telemetry,
        catalogue::{
            API_CALLS_LOST, BUILD, EVENT_STREAMS, EVENT_STREAMS_LAG, KEYS_REFUSED, KEYS_REUSED, OPERATIONS_OLDEST,
            OPERATIONS_OPEN, REPLAYS, ROWS_PRUNED, START, WEBHOOK_LAST, WEBHOOKS_OLDEST, WEBHOOKS_REFUSED,
            WEBHOOKS_UNPROCESSED, WORKER_FAILURES,
        },
        worker::Worker,
    },
    upstream::signature::WrongSignature,
};

/// Sets the metrics that are known from the start.
pub(super) fn init(telemetry: &Telemetry, now: Timestamp) {
    telemetry.set(&BUILD, [env!("CARGO_PKG_VERSION")], 1);
    telemetry.set_seconds(&START, [], now.since(Timestamp::default()));
    telemetry.init_zero(&REPLAYS, []);
    telemetry.init_zero(&KEYS_REUSED, []);
    telemetry.init_zero(&API_CALLS_LOST, []);
    for refusal in Refusal::ALL {
        telemetry.init_zero(&KEYS_REFUSED, [refusal.label()]);
    }
    for kind in RetainedKind::ALL {
        telemetry.init_zero(&ROWS_PRUNED, [kind.as_str()]);
    }
    for reason in WrongSignature::ALL.map(WrongSignature::label).into_iter().chain(["address"]) {
        telemetry.init_zero(&WEBHOOKS_REFUSED, [reason]);
    }
    for worker in Worker::ALL {
        telemetry.init_zero(&WORKER_FAILURES, [worker.label()]);
    }
}

impl Diagnostics {
    /// Where this gateway is measured.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// All metrics as they are now, in Prometheus' text format. The backlog is as old as its last measurement.
    pub fn metrics(&self) -> String {
        self.store.measure();
        let readers = self.events.reader_stats();
        self.telemetry.set(&EVENT_STREAMS, [], readers.count);
        self.telemetry.set_seconds(&EVENT_STREAMS_LAG, [], readers.lag);
        self.telemetry.render()
    }

    /// Measures what waits for the truth, for an operator, or to be processed. Reads nothing else.
    pub async fn measure_backlog(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let mut session = self.store.read().await?;
        let in_doubt = session.operations_in_doubt(now).await?;
        let for_operator = session.operations_for_operator().await?;
        for (state, backlog) in [("in_doubt", in_doubt), ("needs_operator", for_operator)] {
            self.telemetry.set(&OPERATIONS_OPEN, [state], backlog.count);
            self.telemetry.set_seconds(&OPERATIONS_OLDEST, [state], age(backlog, now));
        }
        let waiting = session.webhooks_waiting().await?;
        self.telemetry.set(&WEBHOOKS_UNPROCESSED, [WebhookState::Waiting.as_str()], waiting.count);
        self.telemetry.set_seconds(&WEBHOOKS_OLDEST, [], age(waiting, now));
        let last = session.webhook_last().await?.unwrap_or_default();
        self.telemetry.set_seconds(&WEBHOOK_LAST, [], last.since(Timestamp::default()));
        for state in [WebhookState::Parked, WebhookState::Dead] {
            self.telemetry.set(&WEBHOOKS_UNPROCESSED, [state.as_str()], session.webhooks_given_up(state).await?.count);
        }
        self.telemetry.tidy();
        Ok(())
    }
}

fn age(backlog: Backlog, now: Timestamp) -> Duration {
    backlog.oldest.map_or(Duration::ZERO, |oldest| now.since(oldest))
}
