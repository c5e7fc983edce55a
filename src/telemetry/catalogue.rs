//! Every metric that `/metrics` shows, by name, with its labels and what it means. The table in
//! `docs/reference/metrics.md` is made from it.

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts durations in seconds by size.
    Histogram,
}

impl MetricKind {
    /// The word for it in Prometheus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric as it is documented.
#[derive(Clone, Copy, Debug)]
pub struct MetricEntry {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Its meaning, in a sentence without a full stop.
    pub help: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $kind<const LABELS: usize> {
            pub(super) name: &'static str,
            pub(super) labels: [&'static str; LABELS],
        }
    )*};
}

kinds! {
    /// A metric that counts.
    Counter;
    /// A metric that goes up and down.
    Gauge;
    /// A metric that counts durations by size.
    Histogram;
}

macro_rules! catalogue {
    ($($constant:ident: $kind:ident[$($label:literal),*] = $name:literal, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: $kind<{ <[&str]>::len(&[$($label),*]) }> = $kind { name: $name, labels: [$($label),*] };
        )*

        /// All metrics.
        pub const CATALOGUE: &[MetricEntry] =
            &[$(MetricEntry { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help },)*];
    };
}

catalogue! {
    RPC_CALLS: Counter["method", "code"] = "corefy_gateway_rpc_calls_total",
        "Calls of ours that ended, by gRPC code; `CANCELLED`: the caller hung up";
    RPC_DURATION: Histogram["method", "code"] = "corefy_gateway_rpc_duration_seconds",
        "How long they took";
    UPSTREAM_REQUESTS: Counter["operation", "outcome", "status"] = "corefy_gateway_upstream_requests_total",
        "Requests to Corefy, repetitions included, by outcome and class of the HTTP status";
    UPSTREAM_DURATION: Histogram["operation"] = "corefy_gateway_upstream_duration_seconds",
        "How long those took that were sent";
    UPSTREAM_UNREADABLE: Counter["operation", "part"] = "corefy_gateway_upstream_unreadable_total",
        "Parts of Corefy's answers that could not be read and were left out; `body`: the whole answer";
    BREAKER_OPEN: Gauge[] = "corefy_gateway_upstream_breaker_open",
        "1 while Corefy is left alone because call after call failed";
    LIMITER_TOKENS: Gauge[] = "corefy_gateway_upstream_limiter_tokens",
        "Requests that this gateway could still send after the last one without asking for more";
    LIMITER_WAIT: Histogram["priority"] = "corefy_gateway_upstream_limiter_wait_seconds",
        "How long requests waited for a token of the rate limit, by what they are for";
    LIMITER_REFUSED: Counter["priority"] = "corefy_gateway_upstream_limiter_refused_total",
        "Requests that were not sent because they would have waited too long for a token";
    EVENTS: Counter["type"] = "corefy_gateway_events_total",
        "What happened to payments, refunds, customers and operations, by type of event";
    EVENT_STREAMS: Gauge[] = "corefy_gateway_event_streams",
        "Streams of events that are open";
    EVENT_STREAMS_LAG: Gauge[] = "corefy_gateway_event_streams_lag_seconds",
        "How long ago the event happened that the slowest of them has come to; 0 when each has all";
    DECLINES: Counter["code"] = "corefy_gateway_declines_total",
        "Attempts to pay that failed, by Corefy's code; `other` when it is not a known one";
    RISK_DECISIONS: Counter["action", "mode"] = "corefy_gateway_risk_decisions_total",
        "Decisions about the risk of attempts, by what was done; in the mode `shadow`, by what rules asked for that do not count yet";
    RISK_DECISION_DURATION: Histogram[] = "corefy_gateway_risk_decision_duration_seconds",
        "How long a decision took once everything was read";
    RISK_GUARD: Counter["guard"] = "corefy_gateway_risk_guard_total",
        "Attempts that a guard against card testing or a cap of the card schemes stopped";
    RISK_RULE_ERRORS: Counter[] = "corefy_gateway_risk_rule_errors_total",
        "Rules that could not be evaluated for an attempt";
    RISK_ADDRESS_UNKNOWN: Counter[] = "corefy_gateway_risk_address_unknown_total",
        "Attempts to pay that were screened without the payer's IP address";
    WORKER_FAILURES: Counter["worker"] = "corefy_gateway_worker_failures_total",
        "Steps of the work in the background that failed and are tried again";
    REPLAYS: Counter[] = "corefy_gateway_idempotent_replays_total",
        "Calls that were answered with the answer of an earlier one";
    KEYS_REUSED: Counter[] = "corefy_gateway_idempotency_keys_reused_total",
        "Calls that were refused because their idempotency key belongs to another request";
    OPERATIONS_OPEN: Gauge["state"] = "corefy_gateway_operations_open",
        "Operations whose outcome is not known: `in_doubt` are looked up, `needs_operator` wait for a person";
    OPERATIONS_OLDEST: Gauge["state"] = "corefy_gateway_operations_oldest_age_seconds",
        "How long ago the oldest of them was sent; 0 when there is none";
    KEYS_REFUSED: Counter["reason"] = "corefy_gateway_keys_refused_total",
        "Calls that were refused for their API key: `missing`, `malformed`, `unknown`, `wrong_secret`, `expired`, `revoked`, `network` is not allowed, `scope` is missing, or `limited` after too many wrong keys";
    ROWS_PRUNED: Counter["kind"] = "corefy_gateway_rows_pruned_total",
        "Rows that were deleted, and payments that were emptied of their payers, because their time was over, by kind of data";
    WEBHOOKS_RECEIVED: Counter["type"] = "corefy_gateway_webhooks_received_total",
        "Genuine webhooks, repetitions included; `other` when the type is not a known one";
    WEBHOOKS_REFUSED: Counter["reason"] = "corefy_gateway_webhooks_refused_total",
        "Webhooks that were turned away: `signature` is wrong, or `signature_missing`, `signature_malformed` or `signature_prefixed` by `sha256=`; `address` is not allowed";
    WEBHOOK_LAST: Gauge[] = "corefy_gateway_last_webhook_time_seconds",
        "When the last genuine webhook came to any gateway of this database, in seconds since 1970; 0 when none ever came";
    WEBHOOKS_UNPROCESSED: Gauge["state"] = "corefy_gateway_webhooks_unprocessed",
        "Webhooks that are not processed: `waiting`, `parked` for an unknown object, `dead` after too many tries";
    WEBHOOKS_OLDEST: Gauge[] = "corefy_gateway_webhooks_oldest_age_seconds",
        "How long ago the oldest webhook that waits came; 0 when there is none";
    CONNECTIONS: Gauge["pool", "state"] = "corefy_gateway_database_connections",
        "Connections to the database, `idle` and `busy`, in each pool";
    SQLITE_LOG: Gauge[] = "corefy_gateway_sqlite_log_bytes",
        "The length of SQLite's log of what was written (WAL), as far as 4 GiB; 0 on PostgreSQL. It grows while a transaction of another program, such as a backup, keeps reading from before, and keeps its length until the gateway stops";
    CONNECTION_WAIT: Histogram["pool"] = "corefy_gateway_database_wait_seconds",
        "How long it took to get a connection, and for a writer to begin";
    COMMITS: Counter["outcome"] = "corefy_gateway_commits_total",
        "Commits of decisions: `committed`, or in `conflict` with a write since their reading, so that they are decided again";
    COMMIT_DURATION: Histogram[] = "corefy_gateway_commit_duration_seconds",
        "How long a commit took until it was durable";
    UNREADABLE_ROWS: Counter["table"] = "corefy_gateway_unreadable_rows_total",
        "Stored rows that were left out of a list because they could not be read, each time; the log names them";
    API_CALLS_LOST: Counter[] = "corefy_gateway_api_calls_lost_total",
        "Calls to Corefy that are missing in their log because it could not be written, or not fast enough";
    BUILD: Gauge["version"] = "corefy_gateway_build_info",
        "1, with the version that runs";
    START: Gauge[] = "corefy_gateway_start_time_seconds",
        "When the gateway started, in seconds since 1970";
}
