//! The error table, row by row, as it arrives at a caller.

use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc};

use corefy_gateway::{
    app::{Caller, Checkpoint, Probe},
    client::GatewayError,
    domain::{
        api_key::Scope,
        books::{Export, ExportedKind, TextFormat},
        clock::Timestamp,
        ids::PartnerId,
        risk::lists::{HARD_LISTS, MOST_LISTS},
    },
    pb::{
        self, ErrorReason as Reason, event_service_client::EventServiceClient,
        payment_intent_service_client::PaymentIntentServiceClient,
    },
    sandbox::faults::Fault,
};
use prost::Message as _;
use tonic::{Code, Status};
use url::Url;

use crate::risk_rules::open_review;
use crate::support::{
    app::{CLOSED_PORT, TestApp, dies_at},
    client::{APPROVED, Client, keyed, new_intent, new_payment_method, new_refund},
    contract::{call_over_http2, call_raw},
    database::TestDatabase,
    refusal::{CallRefusal, refused},
    requests::{confirmation_by, full_customer, full_intent},
};

crate::on_both!(
    each_row_of_the_table_arrives_as_the_protos_have_it,
    a_refusal_speaks_for_its_own_attempt_alone_when_grpc_made_others_before,
);

/// The details of a refusal beside its ErrorInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Details {
    None,
    Fields,
    Retry,
    RetryAndQuota,
}

/// `error_reason.proto`, again: the gRPC code, the metadata beside the request id, and the other details.
const TABLE: [(Reason, Code, &[&str], Details); 35] = [
    (Reason::FieldsInvalid, Code::InvalidArgument, &[], Details::Fields),
    (Reason::CredentialsInvalid, Code::Unauthenticated, &[], Details::None),
    (Reason::ScopeMissing, Code::PermissionDenied, &["scope"], Details::None),
    (Reason::ResourceNotFound, Code::NotFound, &["resource_id", "resource_type"], Details::None),
    (Reason::ReferenceIdTaken, Code::AlreadyExists, &["reference_id", "resource_id"], Details::None),
    (Reason::IdempotencyKeyReused, Code::InvalidArgument, &[], Details::None),
    (Reason::IdempotencyKeyInUse, Code::Aborted, &[], Details::Retry),
    (Reason::PaymentIntentState, Code::FailedPrecondition, &["state"], Details::None),
    (Reason::AttemptInDoubt, Code::FailedPrecondition, &["state"], Details::Retry),
    (Reason::PaymentMethodMismatch, Code::FailedPrecondition, &[], Details::None),
    (Reason::CustomerNotReady, Code::FailedPrecondition, &["resource_id"], Details::Retry),
    (Reason::PaymentNotRefundable, Code::FailedPrecondition, &["state"], Details::None),
    (Reason::RefundExceedsPayment, Code::FailedPrecondition, &["currency", "refundable_amount"], Details::None),
    (Reason::UpstreamRejected, Code::FailedPrecondition, &["http_status", "upstream_code"], Details::None),
    (Reason::UpstreamUnavailable, Code::Unavailable, &[], Details::Retry),
    (Reason::UpstreamRateLimited, Code::ResourceExhausted, &[], Details::RetryAndQuota),
    (Reason::UpstreamMisconfigured, Code::Internal, &[], Details::None),
    (Reason::UpstreamUnreadable, Code::Internal, &[], Details::None),
    (Reason::StoreUnavailable, Code::Unavailable, &[], Details::Retry),
    (Reason::ShuttingDown, Code::Unavailable, &[], Details::Retry),
    (Reason::DeadlineExceeded, Code::DeadlineExceeded, &[], Details::None),
    (Reason::Internal, Code::Internal, &[], Details::None),
    (Reason::KeyRateLimited, Code::ResourceExhausted, &[], Details::RetryAndQuota),
    (Reason::EventStreamsLimited, Code::ResourceExhausted, &[], Details::RetryAndQuota),
    (Reason::ExportsLimited, Code::ResourceExhausted, &[], Details::RetryAndQuota),
    (Reason::MethodUnknown, Code::Unimplemented, &["method"], Details::None),
    (Reason::AuthFailuresLimited, Code::ResourceExhausted, &[], Details::Retry),
    (Reason::IdempotencyKeyRequired, Code::InvalidArgument, &[], Details::None),
    (Reason::RevisionStale, Code::Aborted, &["resource_id", "revision"], Details::None),
    (Reason::RiskListsFull, Code::FailedPrecondition, &[], Details::None),
    (Reason::ReviewDecided, Code::FailedPrecondition, &["state"], Details::None),
    (Reason::BlockedByRisk, Code::FailedPrecondition, &[], Details::None),
    (Reason::CustomerErased, Code::FailedPrecondition, &["resource_id"], Details::None),
    (Reason::PaymentsUnderWay, Code::FailedPrecondition, &["resource_ids"], Details::Retry),
    (Reason::PaymentMethodDeleted, Code::FailedPrecondition, &[], Details::None),
];

/// Cannot be provoked: the only dialect there is can do everything. A unit test of `rpc::status` has its row.
const NOT_PROVOKED: [Reason; 3] = [Reason::CapabilityMissing, Reason::EventNotKept, Reason::EventReaderTooSlow];

async fn each_row_of_the_table_arrives_as_the_protos_have_it(database: TestDatabase) {
    let mut told = Vec::new();
    let database = provoke_by_requests(database, &mut told).await;
    let database = provoke_by_risk(database, &mut told).await;
    let database = provoke_by_unreachable_corefy(database, &mut told).await;
    let database = provoke_by_low_limit(database, &mut told).await;
    let database = provoke_by_call_that_hangs(database, &mut told).await;
    let database = provoke_by_panic(database, &mut told).await;
    let database = provoke_by_many_calls(database, &mut told).await;
    let database = provoke_by_many_streams(database, &mut told).await;
    provoke_by_drain(database, &mut told).await;

    for refusal in &told {
        let row = TABLE.iter().find(|(reason, ..)| name(*reason) == refusal.reason);
        let (_, code, facts, details) = row.unwrap_or_else(|| panic!("not in the table: {refusal:?}"));
        assert_eq!(refusal.code, *code, "{refusal:?}");
        assert!(refusal.facts.keys().eq(facts.iter()), "{refusal:?}");
        assert!(refusal.facts.values().all(|value| !value.is_empty()), "{refusal:?}");
        assert_eq!(details_of(refusal), *details, "{refusal:?}");
        assert!(!refusal.message.is_empty());
    }
    let provoked: BTreeSet<_> = told.iter().map(|refusal| refusal.reason.clone()).collect();
    let expected = (1..).map_while(|number| Reason::try_from(number).ok());
    let expected: BTreeSet<_> = expected.filter(|reason| !NOT_PROVOKED.contains(reason)).map(name).collect();
    assert_eq!(provoked, expected);
}

async fn a_refusal_speaks_for_its_own_attempt_alone_when_grpc_made_others_before(database: TestDatabase) {
    let nobody = Url::parse(&format!("http://{}", CLOSED_PORT)).unwrap();
    let app = TestApp::start_with(database, None, |config| config.upstream.base_url = nobody).await;
    let client = app.client().await;
    for (counts, told) in [
        (&[][..], None),
        (&["0"], None),
        (&["2"], Some("2")),
        (&["0", "3"], Some("3")),
        (&["-1"], Some("1")),
        (&["99999999999"], Some("1")),
    ] {
        let mut request = client.signed(new_intent("10.00"));
        for count in counts {
            request.metadata_mut().append("grpc-previous-rpc-attempts", count.parse().unwrap());
        }
        let mut service = PaymentIntentServiceClient::new(client.channel.clone());
        let status = service.create_payment_intent(request).await.unwrap_err();
        let refusal = refused::<()>(Err(status.clone()));
        assert_eq!(refusal.reason, name(Reason::UpstreamUnavailable), "{counts:?}");
        assert_eq!(refusal.facts.get("previous_attempts").map(String::as_str), told, "{counts:?}");
        assert_eq!(GatewayError::from(status).nothing_was_sent(), told.is_none(), "{counts:?}");
    }
}

fn name(reason: Reason) -> String {
    reason.as_str_name().trim_start_matches("ERROR_REASON_").to_owned()
}

fn details_of(refusal: &CallRefusal) -> Details {
    match (refusal.fields.is_empty(), refusal.retry_after.is_some(), refusal.is_about_quota) {
        (true, false, false) => Details::None,
        (false, false, false) => Details::Fields,
        (true, true, false) => Details::Retry,
        (true, true, true) => Details::RetryAndQuota,
        other => panic!("{other:?} {refusal:?}"),
    }
}

async fn provoke_by_requests(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let reader = app.client_of(|new| new.scopes = vec![Scope::Read]).await;
    let stranger = app.client_with("nonsense").await;
    let intent = client.created(full_intent()).await;
    let unknown = intent.id.replace(&intent.id[intent.id.len() - 4..], "0000");
    told.push(refused(create(&client, "none").await));
    told.push(refused(create(&stranger, "10.00").await));
    told.push(refused(create(&reader, "10.00").await));
    told.push(refused(client.cancel(&unknown).await));
    let unknown = "/corefy.gateway.v1.PaymentIntentService/CapturePaymentIntent";
    told.push(refused(call_raw(&client.channel, unknown, client.signed(())).await));
    told.push(refused(client.create_payment_intent(full_intent()).await));
    client.create_payment_intent(keyed("key-1", new_intent("10.00"))).await.unwrap();
    told.push(refused(client.create_payment_intent(keyed("key-1", new_intent("11.00"))).await));
    told.push(refused(client.refund(&intent.id, "1.00").await));
    told.push(refused(client.create_refund(new_refund(&intent.id, "1.00")).await));

    let paid = client.paid_intent("10.00").await;
    told.push(refused(client.cancel(&paid.id).await));
    told.push(refused(client.refund(&paid.id, "10.01").await));
    client.confirm(&intent.id, "4000000000000077").await.unwrap();
    told.push(refused(client.confirm(&intent.id, APPROVED).await));
    provoke_by_customers(&app, &client, told).await;
    provoke_by_faults(&app, &client, told).await;
    app.database
}

async fn provoke_by_customers(app: &TestApp, client: &Client, told: &mut Vec<CallRefusal>) {
    let method = client.saved_card(&client.customer("jane@example.com").await).await;
    let intent = client.intent("10.00").await;
    told.push(refused(client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await));
    let request =
        pb::UpdateCustomerRequest { id: method.customer_id, expected_revision: Some(9), ..Default::default() };
    told.push(refused(client.update_customer(request).await));
    let request = pb::DeletePaymentMethodRequest { id: method.id.clone() };
    client.delete_payment_method(request).await.unwrap();
    let request = pb::UpdatePaymentMethodRequest { id: method.id, ..Default::default() };
    told.push(refused(client.update_payment_method(request).await));
    let id = client.customer("joan@example.com").await;
    let open = client.created(pb::CreatePaymentIntentRequest { customer_id: id.clone(), ..new_intent("10.00") }).await;
    client.confirm(&open.id, "4000000000000077").await.unwrap();
    told.push(refused(client.erase_customer(pb::EraseCustomerRequest { id }).await));
    let id = client.customer("john@example.com").await;
    client.erase_customer(pb::EraseCustomerRequest { id: id.clone() }).await.unwrap();
    let request = pb::UpdateCustomerRequest { id, ..Default::default() };
    told.push(refused(client.update_customer(request).await));
    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::Http(500));
    let customer = client.create_customer(full_customer()).await.unwrap().into_inner().customer.unwrap();
    let request = pb::CreatePaymentIntentRequest { customer_id: customer.id, ..new_intent("10.00") };
    told.push(refused(client.create_payment_intent(request).await));
}

async fn provoke_by_faults(app: &TestApp, client: &Client, told: &mut Vec<CallRefusal>) {
    for status in [400, 401] {
        app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::Http(status));
        told.push(refused(create(client, "10.00").await));
    }
    app.sandbox.faults().fail_next(1, "GET", "/v1/payment-methods/supported", Fault::Garbage);
    let request = pb::ListSupportedPaymentMethodsRequest::default();
    told.push(refused(client.list_supported_payment_methods(request).await));
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 1_000);
    let path = "/corefy.gateway.v1.PaymentIntentService/CreatePaymentIntent";
    let message = new_intent("10.00").encode_to_vec();
    told.push(call_over_http2(&app.server, app.key(), path, "200m", &message).await.into());
}

async fn provoke_by_unreachable_corefy(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let nobody = Url::parse(&format!("http://{}", CLOSED_PORT)).unwrap();
    let app = TestApp::start_with(database, None, |config| config.upstream.base_url = nobody).await;
    told.push(refused(create(&app.client().await, "10.00").await));
    app.database
}

async fn provoke_by_low_limit(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let one = NonZeroU32::MIN;
    let app = TestApp::start_with(database, None, |config| config.upstream.rate_limit_per_minute = one).await;
    let client = app.client().await;
    client.intent("10.00").await;
    told.push(refused(create(&client, "10.00").await));
    app.database
}

async fn provoke_by_call_that_hangs(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let (probe, deaths) = dies_at(Checkpoint::Reserved);
    let app = TestApp::start_with(database, Some(probe), |_| {}).await;
    let client = app.client().await;
    let first = client.clone();
    let hangs = tokio::spawn(async move { first.create_payment_intent(keyed("key-2", new_intent("10.00"))).await });
    deaths.acquire().await.unwrap().forget();
    told.push(refused(client.create_payment_intent(keyed("key-2", new_intent("10.00"))).await));
    hangs.abort();
    app.database
}

async fn provoke_by_risk(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let list = |number: usize| pb::CreateListRequest {
        name: format!("list_{number}"),
        kind: pb::RiskListKind::Bin.into(),
        reason: "a try".to_owned(),
    };
    for number in HARD_LISTS.len()..MOST_LISTS {
        client.create_list(list(number)).await.unwrap();
    }
    told.push(refused(client.create_list(list(0)).await));
    let customer = client.customer("jane@example.com").await;
    let bin = pb::NewRiskListEntry { value: "411111".to_owned(), expires_at: None };
    let (list, reason) = ("blocked_bins".to_owned(), "a try".to_owned());
    client.add_list_entries(pb::AddListEntriesRequest { list, entries: vec![bin], reason }).await.unwrap();
    told.push(refused(client.create_payment_method(new_payment_method(&customer)).await));
    let decision_id = open_review(&app, "").await;
    let approve = pb::ApproveReviewRequest { decision_id: decision_id.clone(), reason: "fine".to_owned() };
    client.approve_review(approve).await.unwrap();
    let reject = pb::RejectReviewRequest { decision_id, reason: "not fine".to_owned(), refund: false };
    told.push(refused(client.reject_review(reject).await));
    app.database
}

async fn provoke_by_panic(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let probe: Probe = Arc::new(|_| Box::pin(async { panic!("on purpose") }));
    let app = TestApp::start_with(database, Some(probe), |_| {}).await;
    told.push(refused(create(&app.client().await, "10.00").await));
    app.database
}

async fn provoke_by_many_calls(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let one = NonZeroU32::MIN;
    let app = TestApp::start_with(database, None, |config| config.key_rate_per_minute = Some(one)).await;
    let client = app.client().await;
    create(&client, "10.00").await.unwrap();
    told.push(refused(create(&client, "10.00").await));
    let stranger = app.client_with("nonsense").await;
    for _ in 0..=30 {
        told.push(refused(create(&stranger, "10.00").await));
    }
    app.database
}

async fn provoke_by_many_streams(database: TestDatabase, told: &mut Vec<CallRefusal>) -> TestDatabase {
    let one = NonZeroU32::MIN;
    let app = TestApp::start_with(database, None, |config| config.streams_per_key = Some(one)).await;
    let client = app.client().await;
    let stream = || async {
        let mut service = EventServiceClient::new(client.channel.clone());
        service.stream_events(client.signed(pb::StreamEventsRequest::default())).await
    };
    let _open = stream().await.unwrap();
    told.push(refused(stream().await));
    let (exports, caller) = (&app.server.app.exports, caller_with(app.key()));
    let range = Export { kind: ExportedKind::Payments, from: Timestamp(0), before: Timestamp(1) };
    let open = || exports.export(&caller, range, None, TextFormat::Csv, "");
    let _exports = (open().await.unwrap(), open().await.unwrap());
    let request = pb::ExportRequest {
        kind: pb::ExportKind::Payments.into(),
        created_from: Some(prost_types::Timestamp::default()),
        ..Default::default()
    };
    told.push(refused(client.export(request).await));
    app.database
}

/// The caller with this key.
fn caller_with(key: &str) -> Caller {
    Caller {
        partner_id: PartnerId::parse("acme").unwrap(),
        key_id: key.split_once(':').unwrap().0.to_owned(),
        request_id: String::new(),
        deadline: tokio::time::Instant::now(),
        idempotency: None,
    }
}

async fn provoke_by_drain(database: TestDatabase, told: &mut Vec<CallRefusal>) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.server.app.drain().await;
    told.push(refused(create(&client, "10.00").await));
    told.push(refused(client.get_payment_intent(pb::GetPaymentIntentRequest { id: intent.id }).await));
}

async fn create(client: &Client, amount: &str) -> Result<(), Status> {
    client.create_payment_intent(new_intent(amount)).await.map(|_| ())
}
