//! The log of calls to Corefy: what is kept of each attempt, redacted before it is kept.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    ids::{ApiCallId, OperationId, PartnerId, PaymentIntentId},
};

/// How a call ended, as far as HTTP tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallOutcome {
    /// HTTP 2xx. A payment that was declined is one of these: the call itself did what it should.
    Succeeded,
    /// HTTP 4xx but 408 and 429, with a body of Corefy's own: definitely nothing was done.
    Rejected,
    /// No answer, or one that does not tell whether anything was done.
    Unclear,
    /// No connection could be made: definitely nothing was sent.
    NotSent,
}

impl CallOutcome {
    /// All outcomes, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Rejected, Self::Unclear, Self::NotSent];

    /// The word for it in the store and in the terminal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::Unclear => "unclear",
            Self::NotSent => "not_sent",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// One attempt to call Corefy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    /// Our id.
    pub id: ApiCallId,
    /// The partner whose object it was about; none where there is no such object, as in the connection test.
    pub partner_id: Option<PartnerId>,
    /// The operation that was called, as `payment_intent.confirm`.
    pub operation: String,
    /// HTTP method.
    pub method: String,
    /// Path below the base URL, with `{id}` where an id stands.
    pub path: String,
    /// The id that stood for `{id}`.
    pub upstream_id: Option<String>,
    /// The operation of the journal that it was sent for; none for reads.
    pub operation_id: Option<OperationId>,
    /// The id of our object that it was about.
    pub subject_id: Option<String>,
    /// The intent whose payment it was about.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// The request that it served; empty for what the gateway asked by itself.
    pub request_id: String,
    /// How it ended.
    pub outcome: CallOutcome,
    /// HTTP status; none without an answer.
    pub http_status: Option<u16>,
    /// Corefy's code, or `http_<status>`, `no_answer`, `not_sent`; of a success [`UNREADABLE`], or none.
    pub error_code: Option<String>,
    /// From sending to the end of the answer.
    pub latency: Duration,
    /// The request and the answer, redacted.
    pub exchange: Exchange,
    /// When it was sent.
    pub created_at: Timestamp,
}

/// The request and the answer of a call, as far as they may be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The error, in a sentence; empty when there was an answer of Corefy's that can be read.
    pub error: String,
    /// The headers of the request that matter.
    pub request_headers: BTreeMap<String, String>,
    /// JSON, at most [`MAX_BODY`] bytes; empty when there was none.
    pub request_body: String,
    /// The headers of the answer that matter.
    pub response_headers: BTreeMap<String, String>,
    /// As [`Self::request_body`].
    pub response_body: String,
}

/// The code of a success whose answer has parts that cannot be read.
pub const UNREADABLE: &str = "answer_unreadable";

/// The longest body that is kept, redacted, in bytes.
pub const MAX_BODY: usize = 4096;

/// The statistics of one operation's calls in one span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCallStats {
    /// The operation that was called.
    pub operation: String,
    /// When the span begins.
    pub start: Timestamp,
    /// How many calls.
    pub calls: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// The latency that half of the calls, 95 and 99 of 100, did not exceed.
    pub latency: Percentiles,
    /// The codes of those that did not succeed, most frequent first.
    pub error_codes: Vec<(String, u64)>,
}

/// Latencies by nearest rank: each is one that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// Of 50 in 100.
    pub p50: Duration,
    /// Of 95 in 100.
    pub p95: Duration,
    /// Of 99 in 100.
    pub p99: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert!(CallOutcome::ALL.into_iter().all(|outcome| CallOutcome::parse(outcome.as_str()) == Some(outcome)));
    }
}
