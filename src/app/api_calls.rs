//! The log of calls to Corefy: written many at a time behind the calls, listed, counted, and forgotten in time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::Mutex;

use super::{
    call::Caller,
    paging::{Page, PageTokens, Paged},
};
use crate::{
    domain::{
        api_call::{ApiCall, ApiCallStats},
        clock::{Clock, Timestamp},
        list_filters::ApiCallFilter,
    },
    error::{Error, Reason},
    store::{Change, StatsRange, Store},
    telemetry::{Telemetry, catalogue::API_CALLS_LOST},
    upstream::call_log::{CallRecords, Dropped},
};

/// How many records are written in one transaction.
pub const CALLS_AT_A_TIME: usize = 256;
/// How many spans of time are shown where the caller names no range.
const DEFAULT_SPANS: u32 = 24;
/// The most spans of time in one answer.
pub const MAX_SPANS: u32 = 500;

/// Writes the log of calls.
pub(super) struct CallLogWriter {
    waiting: Mutex<WaitingCalls>,
    dropped: Dropped,
    /// How many dropped records the log has been warned of.
    told: AtomicU64,
}

/// The records that are to be written.
struct WaitingCalls {
    records: CallRecords,
    /// Taken from the queue, and not written yet; at most [`CALLS_AT_A_TIME`].
    batch: Vec<ApiCall>,
}

impl CallLogWriter {
    pub(super) fn new(records: CallRecords) -> Self {
        let dropped = records.dropped.clone();
        let waiting = Mutex::new(WaitingCalls { records, batch: Vec::with_capacity(CALLS_AT_A_TIME) });
        Self { waiting, dropped, told: AtomicU64::new(0) }
    }

    fn tell_of_dropped(&self, telemetry: &Telemetry) {
        let dropped = self.dropped.count();
        let told = self.told.swap(dropped, Ordering::Relaxed);
        if dropped > told {
            telemetry.add(&API_CALLS_LOST, [], dropped - told);
            tracing::warn!(
                dropped = dropped - told,
                "calls to Corefy were made faster than their log could be written"
            );
        }
    }
}

/// Which calls are counted, in which spans.
#[derive(Clone, Debug)]
pub struct StatsQuery {
    /// Only of this operation.
    pub operation: Option<String>,
    /// How long a span is.
    pub span: Duration,
    /// Sent at this moment or later; [`DEFAULT_SPANS`] before the end when not given.
    pub created_from: Option<Timestamp>,
    /// Sent before this moment; now when not given.
    pub created_before: Option<Timestamp>,
}

/// The log of calls, from its writing to its end.
pub struct ApiCalls {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) page_tokens: PageTokens,
    pub(super) log: CallLogWriter,
    pub(super) telemetry: Telemetry,
}

impl ApiCalls {
    /// Writes what waits of the log of calls, one batch. Returns how many it wrote; what could not be written is tried
    /// again with the next.
    pub async fn write_api_calls(&self) -> Result<usize, Error> {
        self.log.tell_of_dropped(&self.telemetry);
        let mut waiting = self.log.waiting.lock().await;
        let WaitingCalls { records, batch } = &mut *waiting;
        records.take(batch, CALLS_AT_A_TIME);
        if batch.is_empty() {
            return Ok(0);
        }
        let count = batch.len();
        let written = self.insert(batch).await;
        match &written {
            // Tried again with the next.
            Err(error) if error.reason == Reason::StoreUnavailable => {}
            Err(_) => {
                self.telemetry.add(&API_CALLS_LOST, [], count as u64);
                batch.clear();
            }
            Ok(()) => batch.clear(),
        }
        written.map(|()| count)
    }

    /// Writes all that waits of the log of calls, as far as the database takes it.
    pub(super) async fn flush_api_calls(&self) {
        loop {
            match self.write_api_calls().await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, cause = ?error.cause(), "the rest of the log of calls was not written");
                    return;
                }
            }
        }
    }

    async fn insert(&self, calls: &[ApiCall]) -> Result<(), Error> {
        let changes = calls.iter().cloned().map(Change::ApiCall).collect();
        Ok(self.store.commit(&changes).await?)
    }

    /// Lists the calls to Corefy about the partner's objects, newest first.
    pub async fn list_api_calls(
        &self,
        caller: &Caller,
        filter: ApiCallFilter,
        page: Page,
    ) -> Result<Paged<ApiCall>, Error> {
        let tokens = self.page_tokens.of(caller, ("api_calls", &filter));
        let before = tokens.read(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.api_calls(Some(&caller.partner_id), &filter, before, page.size + 1).await?;
        Ok(tokens.page(found, page.size, |call| call.id.as_str()))
    }

    /// Counts the calls to Corefy about the partner's objects.
    pub async fn get_api_call_stats(&self, caller: &Caller, query: StatsQuery) -> Result<Vec<ApiCallStats>, Error> {
        let range = range(query, self.clock.now())?;
        Ok(self.store.read().await?.api_call_stats(&caller.partner_id, &range).await?)
    }
}

/// The range that is asked for, with what is not given filled in.
fn range(query: StatsQuery, now: Timestamp) -> Result<StatsRange, Error> {
    let StatsQuery { operation, span, created_from, created_before } = query;
    let created_before = created_before.unwrap_or(now);
    let default = created_before.before(span * DEFAULT_SPANS);
    let created_from = created_from.unwrap_or(default);
    if created_from >= created_before {
        return Err(Error::field("created_from", "must be before created_before, which is now unless it is given"));
    }
    if created_before.since(created_from) > span * MAX_SPANS {
        let limit = format!("must be at most {MAX_SPANS} buckets before created_before");
        return Err(Error::field("created_from", limit));
    }
    Ok(StatsRange { operation, created_from, created_before, span })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{
        call_log::{CallLog, QUEUE, tests::call},
        intents::REDACT,
    };

    #[test]
    fn calls_that_found_no_room_are_counted_once() {
        let (log, records) = CallLog::new(REDACT);
        let (writer, telemetry) = (CallLogWriter::new(records), Telemetry::default());
        let lost = |told: u32| {
            writer.tell_of_dropped(&telemetry);
            telemetry.render().contains(&format!("corefy_gateway_api_calls_lost_total {told}\n"))
        };
        for _ in 0..QUEUE + 3 {
            log.record(|_| call());
        }
        assert!(lost(3) && lost(3), "{}", telemetry.render());
        log.record(|_| call());
        assert!(lost(4), "{}", telemetry.render());
    }

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: Timestamp = Timestamp(1_764_000_000_000_000);

    fn asked(created_from: Option<Timestamp>, created_before: Option<Timestamp>) -> Result<StatsRange, Error> {
        range(StatsQuery { operation: None, span: HOUR, created_from, created_before }, NOW)
    }

    #[test]
    fn without_a_range_the_last_24_spans_are_counted() {
        let range = asked(None, None).unwrap();
        assert_eq!((range.created_from, range.created_before), (NOW.before(HOUR * 24), NOW));
    }

    #[test]
    fn a_range_is_forward_and_bounded() {
        assert!(asked(Some(NOW.before(HOUR * MAX_SPANS)), None).is_ok());
        for (from, before) in [(NOW.before(HOUR * MAX_SPANS + HOUR), None), (NOW, None), (NOW + HOUR, Some(NOW))] {
            assert_eq!(asked(Some(from), before).unwrap_err().violations[0].field, "created_from");
        }
    }
}
