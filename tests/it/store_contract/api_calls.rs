//! The log of calls to Corefy.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        api_call::{ApiCall, CallOutcome, Exchange},
        ids::{ApiCallId, Ids, OperationId, PaymentIntentId},
        list_filters::ApiCallFilter,
    },
    store::{Change, StatsRange, Store},
};

use super::objects::{CANARY, NOW, acme, after, commit, other};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_call_reads_back_as_it_was_told,
    calls_are_written_whole_however_many_and_once,
    what_was_said_is_sealed,
    calls_are_listed_newest_first_page_by_page,
    calls_are_filtered,
    calls_are_counted_per_operation_and_span,
    the_most_frequent_codes_are_counted,
    the_oldest_calls_are_deleted_so_many_at_a_time,
];

fn call() -> ApiCall {
    ApiCall {
        id: ApiCallId::generate(&Ids::system()),
        partner_id: Some(acme()),
        operation: "payment_intent.confirm".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/payment-intents/{id}/confirm".to_owned(),
        upstream_id: Some("in_1".to_owned()),
        operation_id: Some(OperationId::generate(&Ids::system())),
        subject_id: Some("re_1".to_owned()),
        payment_intent_id: Some(PaymentIntentId::generate(&Ids::system())),
        request_id: "request-1".to_owned(),
        outcome: CallOutcome::Succeeded,
        http_status: Some(200),
        error_code: None,
        latency: Duration::from_micros(1500),
        exchange: Exchange {
            error: "none".to_owned(),
            request_headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
            request_body: format!("{{\"message\":\"{CANARY}\"}}"),
            response_headers: [("retry-after".to_owned(), "1".to_owned())].into(),
            response_body: "{}".to_owned(),
        },
        created_at: NOW,
    }
}

fn failed(code: &str) -> ApiCall {
    ApiCall { outcome: CallOutcome::Rejected, http_status: Some(422), error_code: Some(code.to_owned()), ..call() }
}

async fn write(store: &Store, calls: &[ApiCall]) {
    commit(store, calls.iter().cloned().map(Change::ApiCall)).await.unwrap();
}

async fn list(store: &Store, filter: &ApiCallFilter, before: Option<&ApiCallId>, limit: u32) -> Vec<ApiCall> {
    let before = before.map(ToString::to_string);
    store.read().await.unwrap().api_calls(Some(&acme()), filter, before, limit).await.unwrap()
}

async fn a_call_reads_back_as_it_was_told(database: TestDatabase) {
    let store = database.store().await;
    let acme_s = call();
    let nobody_s = ApiCall {
        partner_id: None,
        upstream_id: None,
        operation_id: None,
        subject_id: None,
        payment_intent_id: None,
        http_status: None,
        outcome: CallOutcome::NotSent,
        error_code: Some("not_sent".to_owned()),
        exchange: Exchange::default(),
        ..call()
    };
    let written = [acme_s, nobody_s];
    write(&store, &written).await;
    let mut read = store.read().await.unwrap().api_calls(None, &ApiCallFilter::default(), None, 9).await.unwrap();
    read.reverse();
    assert_eq!(read, written);
    assert_eq!(list(&store, &ApiCallFilter::default(), None, 9).await, written[..1], "what is nobody's is not shown");
}

async fn calls_are_written_whole_however_many_and_once(database: TestDatabase) {
    let store = database.store().await;
    let calls: Vec<_> = (0..150).map(|_| call()).collect();
    write(&store, &calls[..100]).await;
    // Calls that are there already keep none of the others from being written.
    write(&store, &calls).await;
    write(&store, &calls).await;
    let mut read = list(&store, &ApiCallFilter::default(), None, 1000).await;
    read.reverse();
    assert_eq!(read, calls);
}

async fn what_was_said_is_sealed(database: TestDatabase) {
    let store = database.store().await;
    write(&store, &[call()]).await;
    let raw = database.raw().await;
    let contains = |text: &str| raw.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(contains("payment_intent.confirm") && !contains(CANARY));
}

async fn calls_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    let [a, b, c] = [call(), call(), call()];
    write(&store, &[b.clone(), ApiCall { partner_id: Some(other()), ..call() }, c.clone(), a.clone()]).await;
    let first = list(&store, &ApiCallFilter::default(), None, 2).await;
    assert_eq!(first, [c, b.clone()]);
    assert_eq!(list(&store, &ApiCallFilter::default(), Some(&b.id), 2).await, [a]);
}

async fn calls_are_filtered(database: TestDatabase) {
    let store = database.store().await;
    let one = call();
    let two = ApiCall {
        operation: "refund.create".to_owned(),
        subject_id: Some("re_2".to_owned()),
        request_id: "request-2".to_owned(),
        created_at: after(60),
        ..failed("refund_refused")
    };
    write(&store, &[one.clone(), two.clone()]).await;
    let all = ApiCallFilter::default;
    let only_two = [
        ApiCallFilter { operation: Some("refund.create".to_owned()), ..all() },
        ApiCallFilter { payment_intent_id: two.payment_intent_id.clone(), ..all() },
        ApiCallFilter { subject_id: Some("re_2".to_owned()), ..all() },
        ApiCallFilter { request_id: Some("request-2".to_owned()), ..all() },
        ApiCallFilter { only_failed: true, ..all() },
        ApiCallFilter { created_from: Some(after(60)), ..all() },
    ];
    for filter in only_two {
        assert_eq!(list(&store, &filter, None, 9).await, std::slice::from_ref(&two), "{filter:?}");
    }
    let earlier = ApiCallFilter { created_before: Some(after(60)), ..all() };
    assert_eq!(list(&store, &earlier, None, 9).await, [one]);
}

fn minutes(operation: Option<&str>) -> StatsRange {
    StatsRange {
        operation: operation.map(str::to_owned),
        created_from: NOW,
        created_before: after(600),
        span: Duration::from_secs(60),
    }
}

async fn calls_are_counted_per_operation_and_span(database: TestDatabase) {
    let store = database.store().await;
    let took = |micros| ApiCall { latency: Duration::from_micros(micros), ..call() };
    let mut calls: Vec<_> = (1..=100).rev().map(took).collect();
    calls[0] = ApiCall { latency: Duration::from_micros(100), ..failed("declined") };
    calls.push(ApiCall { operation: "refund.create".to_owned(), ..took(7) });
    calls.push(ApiCall { created_at: after(60), ..took(8) });
    calls.push(ApiCall { created_at: after(600), ..took(9) });
    calls.push(ApiCall { partner_id: Some(other()), ..took(10) });
    write(&store, &calls).await;

    let stats = store.read().await.unwrap().api_call_stats(&acme(), &minutes(None)).await.unwrap();
    let micros = |time: Duration| time.as_micros();
    let told: Vec<_> = stats
        .iter()
        .map(|it| {
            (
                it.operation.as_str(),
                it.calls,
                it.succeeded,
                micros(it.latency.p50),
                micros(it.latency.p95),
                micros(it.latency.p99),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("payment_intent.confirm", 100, 99, 50, 95, 99),
            ("refund.create", 1, 1, 7, 7, 7),
            ("payment_intent.confirm", 1, 1, 8, 8, 8),
        ]
    );
    assert_eq!(stats[0].error_codes, [("declined".to_owned(), 1)]);
    let start = NOW.seconds().div_euclid(60) * 60;
    let starts: Vec<_> = stats.iter().map(|it| it.start.seconds() - start).collect();
    assert_eq!(starts, [0, 0, 60], "spans begin at whole minutes");

    let refunds = store.read().await.unwrap().api_call_stats(&acme(), &minutes(Some("refund.create"))).await.unwrap();
    assert_eq!(refunds, stats[1..2]);
}

async fn the_most_frequent_codes_are_counted(database: TestDatabase) {
    let store = database.store().await;
    let codes = (0..12).flat_map(|code| vec![failed(&format!("code_{code:02}")); 12 - code]);
    let calls: Vec<_> = codes.map(|call| ApiCall { id: ApiCallId::generate(&Ids::system()), ..call }).collect();
    write(&store, &calls).await;
    let stats = store.read().await.unwrap().api_call_stats(&acme(), &minutes(None)).await.unwrap();
    let told: Vec<_> = stats[0].error_codes.iter().map(|(code, calls)| (code.as_str(), *calls)).collect();
    assert_eq!((told.len(), told[0], told[9]), (10, ("code_00", 12), ("code_09", 3)));
    assert_eq!((stats[0].calls, stats[0].succeeded), (78, 0));
}

async fn the_oldest_calls_are_deleted_so_many_at_a_time(database: TestDatabase) {
    let store = database.store().await;
    let calls: Vec<_> = (0..7).map(|place| ApiCall { created_at: after(place), ..call() }).collect();
    write(&store, &calls).await;
    let delete = async |before, limit| store.delete_api_calls(before, limit).await.unwrap();
    assert_eq!(delete(after(0), 9).await, 0);
    assert_eq!(delete(after(5), 3).await, 3);
    assert_eq!(delete(after(5), 3).await, 2, "of the three oldest, one is not old enough");
    assert_eq!(delete(after(5), 3).await, 0);
    let mut read = list(&store, &ApiCallFilter::default(), None, 9).await;
    read.reverse();
    assert_eq!(read, calls[5..]);
}
