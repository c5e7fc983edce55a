//! The timeline of a payment: what support reads first.

use std::time::Duration;

use corefy_gateway::pb::{self, TimelineEntryKind as Kind};
use tonic::Code;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client},
    database::TestDatabase,
    refusal::{refused, wrong_fields},
};

crate::on_both!(
    a_payment_is_told_from_its_creation_to_its_webhook,
    a_payment_in_doubt_is_told_until_its_outcome_is_found_out,
    a_declined_payment_that_is_paid_then_is_told,
    a_refund_is_told_among_what_happened_to_its_payment,
    a_long_timeline_is_read_page_by_page_without_a_gap,
    another_partner_s_payment_has_no_timeline,
    a_timeline_says_of_which_records_some_may_be_gone,
);

const DECLINED: &str = "4000000000009995";
const CHARGED_500: &str = "4000000000005019";

async fn timeline(app: &TestApp, client: &Client, id: &str) -> pb::GetTimelineResponse {
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}
    page(client, id, 100, "").await
}

async fn page(client: &Client, id: &str, size: i32, token: &str) -> pb::GetTimelineResponse {
    let request = pb::GetTimelineRequest { id: id.to_owned(), page_size: size, page_token: token.to_owned() };
    client.get_timeline(request).await.unwrap().into_inner()
}

/// The kinds and sentences, without how long calls took.
fn told(timeline: &pb::GetTimelineResponse) -> Vec<(Kind, String)> {
    let sentence = |entry: &pb::TimelineEntry| match entry.sentence.rsplit_once(" (") {
        Some((said, took)) if took.ends_with(" ms).") => format!("{said}."),
        _ => entry.sentence.clone(),
    };
    timeline.entries.iter().map(|entry| (entry.kind(), sentence(entry))).collect()
}

fn assert_told(timeline: &pb::GetTimelineResponse, expected: &[(Kind, &str)]) {
    let told = told(timeline);
    let told: Vec<_> = told.iter().map(|(kind, sentence)| (*kind, sentence.as_str())).collect();
    assert_eq!(told, expected);
    assert!(timeline.entries.is_sorted_by_key(|entry| entry.time.map(|time| (time.seconds, time.nanos))));
    assert_eq!(timeline.next_page_token, "");
}

const CREATED: [(Kind, &str); 4] = [
    (Kind::Rpc, "CreatePaymentIntent was called."),
    (Kind::UpstreamCall, "payment_intent.create: POST /v1/payment-intents answered HTTP 201."),
    (Kind::Transition, "payment_intent.created: the payment intent is in state requires_confirmation."),
    (Kind::Rpc, "CreatePaymentIntent was finished."),
];

const CONFIRMED: &str = "payment_intent.confirm: POST /v1/payment-intents/{id}/confirm answered HTTP 200.";

/// A moment in which nothing happens, so that each step has its own.
fn pass(app: &TestApp) {
    app.clock.advance(Duration::from_secs(1));
}

async fn created(app: &TestApp, client: &Client) -> pb::PaymentIntent {
    let intent = client.intent("10.00").await;
    pass(app);
    intent
}

async fn a_payment_is_told_from_its_creation_to_its_webhook(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = created(&app, &client).await;
    client.confirm(&intent.id, APPROVED).await.unwrap();
    app.process_webhooks().await;
    let timeline = timeline(&app, &client, &intent.id).await;
    let confirmed = [
        (Kind::Rpc, "ConfirmPaymentIntent was called."),
        (Kind::Risk, "Attempt 1 was let through."),
        (Kind::UpstreamCall, CONFIRMED),
        (Kind::Transition, "payment_intent.succeeded: the payment intent is in state succeeded."),
        (Kind::Rpc, "ConfirmPaymentIntent was finished."),
    ];
    let mut expected = [&CREATED[..], &confirmed[..]].concat();
    // The webhook may have come while the call was on its way back.
    let webhook = timeline.entries.iter().position(|entry| entry.kind() == Kind::Webhook).unwrap();
    expected.insert(webhook, (Kind::Webhook, "Corefy reported payment.succeeded; the webhook was processed."));
    assert_told(&timeline, &expected);
    assert!(webhook > 4, "{timeline:?}");

    let (call, came) = (&timeline.entries[6], &timeline.entries[webhook]);
    assert!(timeline.entries[5].risk_decision_id.starts_with("rd_"), "{timeline:?}");
    assert!(timeline.entries.iter().all(|entry| entry.object_id == intent.id));
    assert_eq!(timeline.entries[4].operation_id, timeline.entries.last().unwrap().operation_id);
    assert!(call.kind() == Kind::Webhook || call.api_call_id.starts_with("call_"), "{call:?}");
    assert!(came.webhook_id.starts_with("wh_"), "{came:?}");
    let calls = pb::ListApiCallsRequest { object_id: intent.id.clone(), ..Default::default() };
    let calls = client.list_api_calls(calls).await.unwrap().into_inner().api_calls;
    assert!(timeline.entries.iter().any(|entry| entry.api_call_id == calls[0].id));
    assert_eq!(self::timeline(&app, &client, &intent.payment_id).await, timeline);
}

async fn a_payment_in_doubt_is_told_until_its_outcome_is_found_out(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    let intent = created(&app, &client).await;
    client.confirm(&intent.id, CHARGED_500).await.unwrap();
    let doubt = [
        (Kind::Rpc, "ConfirmPaymentIntent was called."),
        (Kind::Risk, "Attempt 1 was let through."),
        (
            Kind::UpstreamCall,
            "payment_intent.confirm: POST /v1/payment-intents/{id}/confirm answered HTTP 500, simulated.",
        ),
        (Kind::Recovery, "operation.in_doubt: the outcome of ConfirmPaymentIntent is not known."),
    ];
    let awaited = (Kind::Recovery, "The outcome of ConfirmPaymentIntent is not known; Corefy is asked at this time.");
    let meanwhile = timeline(&app, &client, &intent.id).await;
    assert_told(&meanwhile, &[&CREATED[..], &doubt[..], &[awaited]].concat());
    let due = meanwhile.entries[8].time.unwrap().seconds - meanwhile.entries[4].time.unwrap().seconds;
    assert_eq!(due, 2);

    app.recover_after(Duration::from_secs(2)).await;
    let found = [
        (Kind::UpstreamCall, "payment.find: GET /v1/payments/{id} answered HTTP 200."),
        (Kind::Transition, "payment_intent.succeeded: the payment intent is in state succeeded."),
        (Kind::Recovery, "The outcome of ConfirmPaymentIntent was found out."),
    ];
    assert_told(&timeline(&app, &client, &intent.id).await, &[&CREATED[..], &doubt[..], &found[..]].concat());
}

async fn a_declined_payment_that_is_paid_then_is_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    let intent = created(&app, &client).await;
    client.confirm(&intent.id, DECLINED).await.unwrap();
    pass(&app);
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let attempt = |screened, outcome| {
        [
            (Kind::Rpc, "ConfirmPaymentIntent was called."),
            (Kind::Risk, screened),
            (Kind::UpstreamCall, CONFIRMED),
            (Kind::Transition, outcome),
            (Kind::Rpc, "ConfirmPaymentIntent was finished."),
        ]
    };
    let declined =
        "payment_intent.payment_failed: the payment intent is in state requires_payment_method (insufficient_funds).";
    let paid = "payment_intent.succeeded: the payment intent is in state succeeded.";
    assert_told(
        &timeline(&app, &client, &intent.id).await,
        &[
            &CREATED[..],
            &attempt("Attempt 1 was let through.", declined)[..],
            &attempt("Attempt 2 was let through.", paid)[..],
        ]
        .concat(),
    );
}

async fn a_refund_is_told_among_what_happened_to_its_payment(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    let intent = client.paid_intent("10.00").await;
    pass(&app);
    let refund = client.refund(&intent.id, "4.00").await.unwrap();
    let timeline = timeline(&app, &client, &refund.id).await;
    let told = told(&timeline);
    let refunded = [
        (Kind::Rpc, "CreateRefund was called."),
        (Kind::Transition, "refund.created: the refund of 4.00 USD is in state pending."),
        (Kind::UpstreamCall, "refund.create: POST /v1/refunds answered HTTP 201."),
        (Kind::Transition, "refund.succeeded: the refund of 4.00 USD is in state succeeded."),
        (Kind::Rpc, "CreateRefund was finished."),
    ];
    let refunded: Vec<_> = refunded.into_iter().map(|(kind, sentence)| (kind, sentence.to_owned())).collect();
    assert_eq!(told[told.len() - 5..], refunded);
    assert!(timeline.entries[told.len() - 5..].iter().all(|entry| entry.object_id == refund.id));
    assert_eq!(timeline, self::timeline(&app, &client, &intent.id).await);
}

async fn a_long_timeline_is_read_page_by_page_without_a_gap(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    let intent = client.paid_intent("10.00").await;
    // Some of them at the same moment, where only ids determine the order.
    for round in 0..12 {
        if round % 3 == 0 {
            pass(&app);
        }
        client.refund(&intent.id, "0.01").await.unwrap();
    }
    let all = timeline(&app, &client, &intent.id).await;
    assert_eq!((all.entries.len(), all.next_page_token.as_str()), (4 + 5 + 12 * 5, ""));
    assert!(all.entries.is_sorted_by_key(|entry| entry.time.map(|time| (time.seconds, time.nanos))));
    for size in [1, 7, 20] {
        let (mut read, mut token) = (Vec::new(), String::new());
        loop {
            let page = page(&client, &intent.id, size, &token).await;
            assert!(page.entries.len() == size as usize || page.next_page_token.is_empty());
            read.extend(page.entries);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(read, all.entries, "pages of {size}");
    }
    let first = page(&client, &intent.id, 0, "").await;
    assert_eq!(first.entries, all.entries[..20], "the default is 20");
    let other = client.intent("1.00").await;
    for (id, page_size, page_token, field) in [
        (&other.id, 0, first.next_page_token.as_str(), "page_token"),
        (&intent.id, 101, "", "page_size"),
        (&intent.id, -1, "", "page_size"),
    ] {
        let request = pb::GetTimelineRequest { id: id.clone(), page_size, page_token: page_token.to_owned() };
        assert_eq!(wrong_fields(client.get_timeline(request).await), [field]);
    }
}

async fn another_partner_s_payment_has_no_timeline(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, stranger) = (app.client().await, app.client_of(|key| key.partner_name = "Other".to_owned()).await);
    let intent = client.paid_intent("10.00").await;
    let refund = client.refund(&intent.id, "1.00").await.unwrap();
    for (id, kind) in [(&intent.id, "payment_intent"), (&refund.id, "refund")] {
        let refusal =
            refused(stranger.get_timeline(pb::GetTimelineRequest { id: id.clone(), ..Default::default() }).await);
        assert_eq!((refusal.code, refusal.facts["resource_type"].as_str()), (Code::NotFound, kind));
    }
    for id in ["", "cus_1", "pi_1"] {
        assert_eq!(
            wrong_fields(client.get_timeline(pb::GetTimelineRequest { id: id.to_owned(), ..Default::default() }).await),
            ["id"]
        );
    }
}

async fn a_timeline_says_of_which_records_some_may_be_gone(database: TestDatabase) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let old = client.paid_intent("10.00").await;
    let gone = async |id: &str| {
        let told = told(&timeline(&app, &client, id).await);
        assert!(told.iter().skip_while(|(kind, _)| *kind == Kind::Pruned).all(|(kind, _)| *kind != Kind::Pruned));
        told.into_iter().filter(|(kind, _)| *kind == Kind::Pruned).map(|(_, sentence)| sentence).collect::<Vec<_>>()
    };
    app.clock.advance(DAY * 30);
    assert_eq!(gone(&old.id).await, [""; 0], "calls are kept for 30 days");
    app.clock.advance(DAY);
    assert_eq!(gone(&old.id).await, ["Calls to Corefy before 2026-11-24T10:00:00Z are no longer kept."]);
    let young = client.paid_intent("10.00").await;
    assert_eq!(gone(&young.id).await, [""; 0], "all of its records are there");
    app.clock.advance(DAY * 370);
    let all = gone(&old.id).await;
    let kinds: Vec<_> = all.iter().map(|sentence| sentence.split_once(" before ").unwrap().0).collect();
    assert_eq!(kinds, ["Calls to Corefy", "Calls of the partner", "Webhooks", "Changes", "Decisions about risk"]);

    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(&client, &old.id, 2, &token).await;
        paged.extend(told(&page));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, told(&timeline(&app, &client, &old.id).await));
}
