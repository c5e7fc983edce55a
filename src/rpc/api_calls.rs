//! The log of calls to Corefy on the wire.

use std::time::Duration;

use crate::{
    app::{api_calls::StatsQuery, paging::Page},
    domain::{
        api_call::{ApiCall, ApiCallStats, CallOutcome},
        clock::Timestamp,
        ids::PaymentIntentId,
        list_filters::ApiCallFilter,
    },
    pb,
};

use super::{
    events::object_id,
    fields::Fields,
    formats::{self, FormatVerdict},
    timestamps,
};

/// The longest name of an operation, in characters.
const MAX_OPERATION: usize = 64;
/// The longest id of a request, in characters.
const MAX_REQUEST_ID: usize = 128;

/// Reads ListApiCalls.
pub(super) fn list(fields: &mut Fields, message: pb::ListApiCallsRequest) -> Option<(ApiCallFilter, Page)> {
    let form = "of an object, such as pi_…, pay_…, re_…, cus_… or pm_…";
    let object_id = fields.optional_id("object_id", &message.object_id, object_id, form);
    // A payment's calls are also those about its refunds.
    let payment_intent_id = object_id.as_deref().and_then(PaymentIntentId::parse);
    let (created_from, created_before) = range(fields, message.created_from, message.created_before);
    let filter = ApiCallFilter {
        operation: operation(fields, message.operation),
        subject_id: object_id.filter(|_| payment_intent_id.is_none()),
        payment_intent_id,
        request_id: given(fields.optional("request_id", message.request_id, request_id)),
        only_failed: message.only_failed,
        created_from,
        created_before,
    };
    Some((filter, fields.page(message.page_size, message.page_token)))
}

/// Reads GetApiCallStats.
pub(super) fn stats(fields: &mut Fields, message: pb::GetApiCallStatsRequest) -> Option<StatsQuery> {
    let span = span(fields, message.bucket);
    let (created_from, created_before) = range(fields, message.created_from, message.created_before);
    Some(StatsQuery { operation: operation(fields, message.operation), span, created_from, created_before })
}

fn operation(fields: &mut Fields, value: String) -> Option<String> {
    given(fields.optional("operation", value, formats::text(MAX_OPERATION)))
}

fn request_id(value: &str) -> FormatVerdict {
    let fits = formats::visible_ascii(value.as_bytes(), MAX_REQUEST_ID).is_some();
    formats::must(fits, "must be 1 to 128 visible ASCII characters")
}

fn given(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

fn range(
    fields: &mut Fields,
    from: Option<prost_types::Timestamp>,
    before: Option<prost_types::Timestamp>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let range = (timestamps::bound(fields, "created_from", from), timestamps::bound(fields, "created_before", before));
    if let (Some(from), Some(before)) = range
        && from >= before
    {
        fields.refuse("created_from", "must be before created_before");
    }
    range
}

fn span(fields: &mut Fields, bucket: i32) -> Duration {
    use pb::ApiCallStatsBucket as Bucket;
    let bucket = Bucket::try_from(bucket).unwrap_or_else(|_| {
        fields.refuse("bucket", "must be one of the values of ApiCallStatsBucket");
        Bucket::Unspecified
    });
    Duration::from_secs(match bucket {
        Bucket::Minute => 60,
        Bucket::Hour | Bucket::Unspecified => 3600,
        Bucket::Day => 24 * 3600,
    })
}

impl From<ApiCall> for pb::ApiCall {
    fn from(call: ApiCall) -> Self {
        Self {
            id: call.id.to_string(),
            outcome: pb::ApiCallOutcome::from(call.outcome).into(),
            operation: call.operation,
            method: call.method,
            path: call.path,
            upstream_id: call.upstream_id.unwrap_or_default(),
            object_id: call.subject_id.unwrap_or_default(),
            operation_id: call.operation_id.map(|id| id.to_string()).unwrap_or_default(),
            request_id: call.request_id,
            http_status: call.http_status.unwrap_or_default().into(),
            error_code: call.error_code.unwrap_or_default(),
            error_message: call.exchange.error,
            latency: wire(call.latency),
            request_headers: call.exchange.request_headers,
            request_body: call.exchange.request_body,
            response_headers: call.exchange.response_headers,
            response_body: call.exchange.response_body,
            created_at: Some(timestamps::wire(call.created_at)),
        }
    }
}

impl From<CallOutcome> for pb::ApiCallOutcome {
    fn from(outcome: CallOutcome) -> Self {
        match outcome {
            CallOutcome::Succeeded => Self::Succeeded,
            CallOutcome::Rejected => Self::Rejected,
            CallOutcome::Unclear => Self::Unclear,
            CallOutcome::NotSent => Self::NotSent,
        }
    }
}

impl From<ApiCallStats> for pb::ApiCallStats {
    fn from(stats: ApiCallStats) -> Self {
        let codes = stats.error_codes.into_iter();
        let code = |(error_code, calls)| pb::ApiCallErrorCount { error_code, calls: count(calls) };
        Self {
            operation: stats.operation,
            bucket_start: Some(timestamps::wire(stats.start)),
            calls: count(stats.calls),
            succeeded: count(stats.succeeded),
            latency_p50: wire(stats.latency.p50),
            latency_p95: wire(stats.latency.p95),
            latency_p99: wire(stats.latency.p99),
            error_codes: codes.map(code).collect(),
        }
    }
}

fn count(calls: u64) -> i64 {
    i64::try_from(calls).unwrap_or(i64::MAX)
}

fn wire(latency: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(latency).ok()
}
