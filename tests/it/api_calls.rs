//! The log of calls to Corefy: its content, who may read it, and its totals.

use std::time::Duration;

use corefy_gateway::{
    domain::{clock::Timestamp, list_filters::ApiCallFilter, retention::RetainedKind},
    pb::{self, ApiCallOutcome as Outcome},
    sandbox::faults::Fault,
};

use crate::support::{
    app::{START, TestApp},
    client::{APPROVED, Client, confirmation},
    database::TestDatabase,
    money::CONFIRM,
    refusal::wrong_fields,
};

crate::on_both!(
    every_call_is_told_with_what_it_was_about,
    a_failed_call_is_told_with_its_code,
    a_partner_sees_its_own_calls_only,
    calls_are_listed_page_by_page,
    calls_are_counted,
    what_cannot_be_asked_for_is_refused,
    what_waits_is_written_when_the_gateway_stops,
    calls_are_forgotten_when_their_time_is_over,
);

async fn written(app: &TestApp) {
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}
}

async fn calls(app: &TestApp, client: &Client, request: pb::ListApiCallsRequest) -> Vec<pb::ApiCall> {
    written(app).await;
    client.list_api_calls(request).await.unwrap().into_inner().api_calls
}

fn operations(calls: &[pb::ApiCall]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

async fn every_call_is_told_with_what_it_was_about(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let mut request = client.signed(confirmation(&intent.id, APPROVED));
    request.metadata_mut().insert("x-request-id", "my-request".parse().unwrap());
    let mut payments = pb::payment_intent_service_client::PaymentIntentServiceClient::new(client.channel.clone());
    payments.confirm_payment_intent(request).await.unwrap();
    let refund = client.refund(&intent.id, "4.00").await.unwrap();

    let all = calls(&app, &client, pb::ListApiCallsRequest::default()).await;
    assert_eq!(operations(&all), ["refund.create", "payment_intent.confirm", "payment_intent.create"]);
    let confirm = &all[1];
    assert_eq!((confirm.method.as_str(), confirm.path.as_str()), CONFIRM);
    assert_eq!((confirm.object_id.as_str(), confirm.request_id.as_str()), (intent.id.as_str(), "my-request"));
    assert!(confirm.operation_id.starts_with("op_") && !confirm.upstream_id.is_empty(), "{confirm:?}");
    assert_eq!((confirm.outcome(), confirm.http_status, confirm.error_code.as_str()), (Outcome::Succeeded, 200, ""));
    assert_eq!(confirm.request_headers["idempotency-key"], confirm.operation_id);
    assert_eq!(confirm.response_headers["content-type"], "application/json");
    assert!(confirm.latency.unwrap().nanos > 0);
    assert_eq!(confirm.created_at.unwrap().seconds, START.seconds());
    let said: serde_json::Value = serde_json::from_str(&confirm.request_body).unwrap();
    assert_eq!((&said["card_number"], &said["card_cvv"]), (&"[redacted]".into(), &"[redacted]".into()));
    let answered: serde_json::Value = serde_json::from_str(&confirm.response_body).unwrap();
    assert_eq!((&answered["status"], &answered["reference_id"]), (&"succeeded".into(), &intent.id.clone().into()));
    let text = format!("{all:?}");
    for secret in [APPROVED, "Jane Doe", "payer@example.com", "authorization", "signature"] {
        assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret} in {text}");
    }

    let of = |object: &str| pb::ListApiCallsRequest { object_id: object.to_owned(), ..Default::default() };
    assert_eq!(calls(&app, &client, of(&intent.payment_id)).await, all);
    assert_eq!(calls(&app, &client, of(&refund.id)).await, all[..1]);
    let of_request = pb::ListApiCallsRequest { request_id: "my-request".to_owned(), ..Default::default() };
    assert_eq!(calls(&app, &client, of_request).await, all[1..2]);
}

async fn a_failed_call_is_told_with_its_code(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.retry_count = 0).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    for (fault, outcome, status, code) in [
        (Fault::QuoteCard, Outcome::Rejected, 422, None),
        (Fault::Http(503), Outcome::Unclear, 503, None),
        (Fault::DropBefore, Outcome::Unclear, 0, Some("no_answer")),
    ] {
        app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, fault);
        client.confirm(&intent.id, APPROVED).await.ok();
        let failed = pb::ListApiCallsRequest { only_failed: true, page_size: 1, ..Default::default() };
        let call = calls(&app, &client, failed).await.remove(0);
        assert_eq!((call.outcome(), call.http_status), (outcome, status), "{call:?}");
        assert!(code.is_none_or(|code| code == call.error_code) && !call.error_code.is_empty(), "{call:?}");
        assert_eq!(call.error_message.is_empty(), status > 0, "{call:?}");
        assert!(!format!("{call:?}").contains(APPROVED));
        app.recover_during(Duration::from_secs(150)).await;
    }
}

async fn a_partner_sees_its_own_calls_only(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, stranger) = (app.client().await, app.client_of(|key| key.partner_name = "Other".to_owned()).await);
    let intent = client.paid_intent("10.00").await;
    client.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    let all = pb::ListApiCallsRequest::default;
    assert_eq!(calls(&app, &client, all()).await.len(), 2, "the connection test is nobody's");
    assert!(calls(&app, &stranger, all()).await.is_empty());
    let of = pb::ListApiCallsRequest { object_id: intent.id, ..all() };
    assert!(calls(&app, &stranger, of).await.is_empty());
    let stats = pb::GetApiCallStatsRequest { created_before: later(), ..Default::default() };
    assert!(stranger.get_api_call_stats(stats.clone()).await.unwrap().into_inner().stats.is_empty());
    assert_eq!(client.get_api_call_stats(stats).await.unwrap().into_inner().stats.len(), 2);
    let store = app.database.store().await;
    let operator_s = store.read().await.unwrap().api_calls(None, &ApiCallFilter::default(), None, 9).await.unwrap();
    assert_eq!(operator_s.len(), 3);
}

/// A little after the start of the test: what is asked for has to have been made before.
fn later() -> Option<prost_types::Timestamp> {
    Some(wire(START + Duration::from_secs(1)))
}

fn wire(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.seconds(), nanos: 0 }
}

async fn calls_are_listed_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..5 {
        client.intent("10.00").await;
    }
    let all = calls(&app, &client, pb::ListApiCallsRequest::default()).await;
    let mut request = pb::ListApiCallsRequest { page_size: 2, ..Default::default() };
    let mut paged = Vec::new();
    loop {
        let page = client.list_api_calls(request.clone()).await.unwrap().into_inner();
        paged.extend(page.api_calls);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
        let other = pb::ListApiCallsRequest { only_failed: true, ..request.clone() };
        assert_eq!(wrong_fields(client.list_api_calls(other).await), ["page_token"]);
    }
    assert_eq!((paged.len(), &paged), (5, &all));
    let early = pb::ListApiCallsRequest { created_before: Some(wire(START)), ..Default::default() };
    assert!(calls(&app, &client, early).await.is_empty());
}

async fn calls_are_counted(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.retry_count = 0).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.clock.advance(Duration::from_secs(3600));
    client.intent("10.00").await;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, Fault::Http(500));
    client.confirm(&intent.id, APPROVED).await.unwrap();
    written(&app).await;
    app.clock.advance(Duration::from_secs(1));

    let stats = client.get_api_call_stats(pb::GetApiCallStatsRequest::default()).await.unwrap().into_inner().stats;
    let told: Vec<_> = stats
        .iter()
        .map(|it| (it.bucket_start.unwrap().seconds - START.seconds(), it.operation.as_str(), it.calls, it.succeeded))
        .collect();
    assert_eq!(
        told,
        [
            (0, "payment_intent.create", 1, 1),
            (3600, "payment_intent.confirm", 1, 0),
            (3600, "payment_intent.create", 1, 1),
        ]
    );
    assert_eq!(stats[1].error_codes.len(), 1);
    assert!(stats[1].latency_p50 == stats[1].latency_p99 && stats[1].latency_p50.unwrap().nanos > 0);
    let by_day = pb::GetApiCallStatsRequest {
        bucket: pb::ApiCallStatsBucket::Day.into(),
        operation: "payment_intent.create".to_owned(),
        ..Default::default()
    };
    let stats = client.get_api_call_stats(by_day).await.unwrap().into_inner().stats;
    assert_eq!(stats.iter().map(|it| it.calls).collect::<Vec<_>>(), [2]);
}

async fn what_cannot_be_asked_for_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let list = pb::ListApiCallsRequest::default;
    for (request, field) in [
        (pb::ListApiCallsRequest { object_id: "evt_1".to_owned(), ..list() }, "object_id"),
        (pb::ListApiCallsRequest { operation: "x".repeat(65), ..list() }, "operation"),
        (pb::ListApiCallsRequest { request_id: "a b".to_owned(), ..list() }, "request_id"),
        (pb::ListApiCallsRequest { page_size: 101, ..list() }, "page_size"),
        (
            pb::ListApiCallsRequest { created_from: later(), created_before: Some(wire(START)), ..list() },
            "created_from",
        ),
    ] {
        assert_eq!(wrong_fields(client.list_api_calls(request).await), [field]);
    }
    let stats = pb::GetApiCallStatsRequest::default;
    for (request, field) in [
        (pb::GetApiCallStatsRequest { bucket: 9, ..stats() }, "bucket"),
        (pb::GetApiCallStatsRequest { created_from: later(), ..stats() }, "created_from"),
        (pb::GetApiCallStatsRequest { created_from: Some(wire(Timestamp(0))), ..stats() }, "created_from"),
    ] {
        assert_eq!(wrong_fields(client.get_api_call_stats(request).await), [field]);
    }
}

async fn what_waits_is_written_when_the_gateway_stops(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    let TestApp { database, server, .. } = app;
    let store = database.store().await;
    let stored =
        async || store.read().await.unwrap().api_calls(None, &ApiCallFilter::default(), None, 9).await.unwrap().len();
    assert_eq!(stored().await, 0);
    drop(client);
    server.stop().await;
    assert_eq!(stored().await, 2);
}

async fn calls_are_forgotten_when_their_time_is_over(database: TestDatabase) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let app = TestApp::start_with(database, None, |config| config.retention.api_calls = DAY * 7).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    written(&app).await;
    app.clock.advance(DAY * 6);
    client.confirm(&intent.id, APPROVED).await.unwrap();
    app.clock.advance(DAY);
    let all = pb::ListApiCallsRequest::default;
    assert_eq!(calls(&app, &client, all()).await.len(), 2);
    assert_eq!(
        app.server.app.payments.prune(RetainedKind::ApiCalls).await.unwrap(),
        0,
        "a week is not over before it is over"
    );

    app.clock.advance(Duration::from_millis(1));
    assert_eq!(app.server.app.payments.prune(RetainedKind::ApiCalls).await.unwrap(), 1);
    assert_eq!(operations(&calls(&app, &client, all()).await), ["payment_intent.confirm"]);
    let timeline = client
        .get_timeline(pb::GetTimelineRequest { id: intent.id.clone(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    let count = |kind: pb::TimelineEntryKind| timeline.entries.iter().filter(|entry| entry.kind() == kind).count();
    let left = (count(pb::TimelineEntryKind::UpstreamCall), count(pb::TimelineEntryKind::Transition));
    assert_eq!(left, (1, 2), "what happened to the payment is told without end: {timeline:?}");

    app.clock.advance(DAY * 7);
    assert_eq!(app.server.app.payments.prune(RetainedKind::ApiCalls).await.unwrap(), 1);
    assert_eq!(app.server.app.payments.prune(RetainedKind::ApiCalls).await.unwrap(), 0);
}
