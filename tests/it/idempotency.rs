//! One idempotency key, one call: however often it is repeated, and whatever happens in between.

use std::time::Duration;

use corefy_gateway::{pb, sandbox::faults::Fault};
use prost::Message;
use tokio::task::JoinSet;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;
use url::Url;

use crate::support::{
    app::{CLOSED_PORT, TestApp},
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_intent, new_payment_method, new_refund, reason},
    database::TestDatabase,
    money::{CONFIRM, CREATE, REFUND, last_error},
};

crate::on_both!(
    a_repeated_call_gets_the_same_bytes_and_sends_nothing,
    a_repeated_refusal_is_the_same_refusal,
    every_repeated_refusal_says_that_it_is_one,
    a_key_cannot_be_used_for_another_request,
    the_same_card_with_another_cvv_is_the_same_request,
    a_hundred_twins_send_one_request,
    partners_do_not_share_keys,
    a_restart_forgets_no_key,
    a_call_that_could_not_begin_leaves_its_key_unused,
    a_call_that_was_never_sent_leaves_its_key_unused,
    a_call_that_an_open_circuit_held_back_leaves_its_key_unused,
    while_in_doubt_a_repeated_call_gets_the_object_as_it_is,
);

/// The answer's bytes, and whether it says that it is a repetition.
fn bytes<T: Message>(response: Result<Response<T>, Status>) -> (Vec<u8>, bool) {
    let response = response.unwrap();
    let is_replayed = response.metadata().get("idempotent-replayed").is_some_and(|value| value == "true");
    (response.into_inner().encode_to_vec(), is_replayed)
}

/// Makes a call twice under the same key; the second gets the bytes of the first.
macro_rules! assert_repeated {
    ($client:ident.$method:ident($request:expr)) => {{
        let key = stringify!($method);
        let (first, is_replayed) = bytes($client.$method(keyed(key, $request)).await);
        assert!(!is_replayed, "{key}");
        assert_eq!(bytes($client.$method(keyed(key, $request)).await), (first, true), "{key}");
    }};
}

async fn a_repeated_call_gets_the_same_bytes_and_sends_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap();
    let (intent, paid, open) =
        (client.intent("10.00").await, client.paid_intent("10.00").await, client.intent("1.00").await);
    let count = || app.sandbox.requests().len();
    let before = count();

    let metadata = (0..20).map(|n| (format!("key-{n}"), format!("value {n}"))).collect();
    let detailed = pb::CreatePaymentIntentRequest { metadata, ..new_intent("10.00") };
    assert_repeated!(client.create_payment_intent(detailed.clone()));
    assert_repeated!(client.confirm_payment_intent(confirmation(&intent.id, APPROVED)));
    assert_repeated!(client.create_refund(new_refund(&paid.payment_id, "4.00")));
    assert_repeated!(client.create_customer(new_customer()));
    assert_repeated!(client.create_payment_method(new_payment_method(&customer.id)));
    assert_eq!(count() - before, 5, "each call was sent once");
    assert_repeated!(client.cancel_payment_intent(pb::CancelPaymentIntentRequest {
        payment_intent_id: open.id.clone(),
        ..Default::default()
    }));
    assert_eq!(count() - before, 5, "canceling is not sent");

    // The frozen answer stays what it was, though the object moves on.
    client.refund(&intent.payment_id, "10.00").await.unwrap();
    let again = client.confirm_payment_intent(keyed("confirm_payment_intent", confirmation(&intent.id, APPROVED)));
    assert_eq!(again.await.unwrap().into_inner().payment_intent.unwrap().amount_refunded, "0.00");
}

/// A refusal without the id of the request, which is another each time.
fn facts(status: &Status) -> (Code, String, String, Vec<(String, String)>) {
    let info = status.get_details_error_info().unwrap();
    let mut facts: Vec<_> = info.metadata.into_iter().filter(|(name, _)| name != "request_id").collect();
    facts.sort();
    (status.code(), status.message().to_owned(), info.reason, facts)
}

async fn a_repeated_refusal_is_the_same_refusal(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    let refuse = || client.create_refund(keyed("refused", new_refund(&paid.payment_id, "40.63")));
    let first = refuse().await.unwrap_err();
    assert_eq!((first.code(), reason(&first)), (Code::FailedPrecondition, "UPSTREAM_REJECTED".to_owned()), "{first:?}");
    assert!(!says_replayed(&first), "{first:?}");
    let again = refuse().await.unwrap_err();
    assert_eq!(facts(&again), facts(&first));
    assert!(says_replayed(&again), "{again:?}");
    assert_eq!(app.sent(REFUND), 1);
}

fn says_replayed(refusal: &Status) -> bool {
    refusal.metadata().get("idempotent-replayed").is_some_and(|value| value == "true")
}

/// Makes a call twice under the same key, which Corefy refuses once; the second refusal is the first, and says so.
macro_rules! assert_refused_again {
    ($app:ident, $route:expr, $client:ident.$method:ident($request:expr)) => {{
        let key = concat!("refused ", stringify!($method)).replace(' ', "-");
        let (method, path) = $route;
        $app.sandbox.faults().fail_next(1, method, path, Fault::Http(422));
        let first = $client.$method(keyed(&key, $request)).await.unwrap_err();
        assert_eq!(reason(&first), "UPSTREAM_REJECTED", "{key}: {first:?}");
        assert!(!says_replayed(&first), "{key}");
        let again = $client.$method(keyed(&key, $request)).await.unwrap_err();
        assert_eq!(facts(&again), facts(&first), "{key}");
        assert!(says_replayed(&again), "{key}: {again:?}");
    }};
}

async fn every_repeated_refusal_says_that_it_is_one(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap();
    let (intent, paid) = (client.intent("10.00").await, client.paid_intent("10.00").await);
    assert_refused_again!(app, CREATE, client.create_payment_intent(new_intent("10.00")));
    assert_refused_again!(app, CONFIRM, client.confirm_payment_intent(confirmation(&intent.id, APPROVED)));
    assert_refused_again!(app, REFUND, client.create_refund(new_refund(&paid.payment_id, "4.00")));
    let customers = ("POST", "/v1/customers");
    assert_refused_again!(app, customers, client.create_customer(new_customer()));
    let methods = ("POST", "/v1/payment-methods");
    assert_refused_again!(app, methods, client.create_payment_method(new_payment_method(&customer.id)));
}

async fn a_key_cannot_be_used_for_another_request(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = client.create_payment_intent(keyed("order-1", new_intent("10.00"))).await.unwrap();
    let id = first.into_inner().payment_intent.unwrap().id;
    let refusals = [
        client.create_payment_intent(keyed("order-1", new_intent("10.01"))).await.map(drop),
        client.confirm_payment_intent(keyed("order-1", confirmation(&id, APPROVED))).await.map(drop),
        client.create_customer(keyed("order-1", new_customer())).await.map(drop),
    ];
    for refusal in refusals {
        let refusal = refusal.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::InvalidArgument, "IDEMPOTENCY_KEY_REUSED"));
    }
    assert_eq!((app.sent(CREATE), app.sent(CONFIRM)), (1, 0));
}

async fn the_same_card_with_another_cvv_is_the_same_request(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let mut request = confirmation(&intent.id, APPROVED);
    let (first, _) = bytes(client.confirm_payment_intent(keyed("pay", request.clone())).await);
    if let Some(pb::confirm_payment_intent_request::Source::Card(card)) = &mut request.source {
        card.cvv = "987".to_owned();
    }
    assert_eq!(bytes(client.confirm_payment_intent(keyed("pay", request)).await), (first, true));
    let other = client.confirm_payment_intent(keyed("pay", confirmation(&intent.id, "5555555555554444"))).await;
    assert_eq!(reason(&other.unwrap_err()), "IDEMPOTENCY_KEY_REUSED");
}

/// Makes a hundred calls at once. All get the one answer, or are asked to come again.
async fn twins<T, F>(client: &Client, call: impl Fn(Client) -> F)
where
    T: Message + 'static,
    F: Future<Output = Result<Response<T>, Status>> + Send + 'static,
{
    let calls: JoinSet<_> = (0..100).map(|_| call(client.clone())).collect();
    let (answers, refusals): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    let answers: Vec<_> = answers.into_iter().map(bytes).collect();
    assert_eq!(answers.iter().filter(|(_, is_replayed)| !is_replayed).count(), 1);
    assert!(answers.iter().all(|(answer, _)| *answer == answers[0].0));
    for refusal in refusals {
        let refusal = refusal.err().unwrap();
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Aborted, "IDEMPOTENCY_KEY_IN_USE"));
        assert!(refusal.get_details_retry_info().is_some());
    }
}

async fn a_hundred_twins_send_one_request(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (intent, paid) = (client.intent("10.00").await, client.paid_intent("100.00").await);
    let sent_before = (app.sent(CREATE), app.sent(CONFIRM), app.sent(REFUND));
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 200);
    twins(&client, |client| async move { client.create_payment_intent(keyed("create", new_intent("7.00"))).await })
        .await;
    twins(&client, |client| {
        let request = confirmation(&intent.id, APPROVED);
        async move { client.confirm_payment_intent(keyed("confirm", request)).await }
    })
    .await;
    twins(&client, |client| {
        let request = new_refund(&paid.payment_id, "1.00");
        async move { client.create_refund(keyed("refund", request)).await }
    })
    .await;
    let (created, confirmed, refunded) = sent_before;
    assert_eq!((app.sent(CREATE), app.sent(CONFIRM), app.sent(REFUND)), (created + 1, confirmed + 1, refunded + 1));
    app.assert_books_agree(&client, &intent.id).await;
    app.assert_books_agree(&client, &paid.id).await;
}

async fn partners_do_not_share_keys(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, key) = (app.client().await, app.new_key(|key| key.partner_name = "Other".to_owned()).await);
    let other = app.client_with(secrecy::ExposeSecret::expose_secret(&key)).await;
    let (first, _) = bytes(client.create_payment_intent(keyed("order-1", new_intent("10.00"))).await);
    let (second, is_replayed) = bytes(other.create_payment_intent(keyed("order-1", new_intent("10.00"))).await);
    assert!(!is_replayed && first != second);
    assert_eq!(app.sent(CREATE), 2);
}

async fn a_restart_forgets_no_key(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let (first, _) = bytes(client.confirm_payment_intent(keyed("pay", confirmation(&intent.id, APPROVED))).await);
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    let again = bytes(client.confirm_payment_intent(keyed("pay", confirmation(&intent.id, APPROVED))).await);
    assert_eq!(again, (first, true));
    assert_eq!(app.sent(CONFIRM), 1);
}

async fn a_call_that_could_not_begin_leaves_its_key_unused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let wrong = client.create_payment_intent(keyed("field", new_intent("ten"))).await.unwrap_err();
    assert_eq!(reason(&wrong), "FIELDS_INVALID");
    assert!(!bytes(client.create_payment_intent(keyed("field", new_intent("10.00"))).await).1);

    let intent = client.intent("10.00").await;
    let unknown = confirmation("pi_01994111111111111111aaaaaaaaaaaa", APPROVED);
    let missing = client.confirm_payment_intent(keyed("missing", unknown)).await.unwrap_err();
    assert_eq!(reason(&missing), "RESOURCE_NOT_FOUND", "{missing:?}");
    let refund = || client.create_refund(keyed("state", new_refund(&intent.payment_id, "10.00")));
    assert_eq!(reason(&refund().await.unwrap_err()), "PAYMENT_NOT_REFUNDABLE");

    let confirm = confirmation(&intent.id, APPROVED);
    assert!(!bytes(client.confirm_payment_intent(keyed("missing", confirm)).await).1);
    assert!(!bytes(refund().await).1);
    app.assert_books_agree(&client, &intent.id).await;
}

async fn a_call_that_was_never_sent_leaves_its_key_unused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, corefy) = (app.client().await, app.sandbox.base_url());
    let (intent, paid) = (client.intent("10.00").await, client.paid_intent("10.00").await);
    let app = app.crash_and_restart_changed(|config| config.upstream.base_url = nowhere()).await;
    let client = app.client().await;
    let refusals = [
        client.create_payment_intent(keyed("create", new_intent("10.00"))).await.map(drop),
        client.confirm_payment_intent(keyed("confirm", confirmation(&intent.id, APPROVED))).await.map(drop),
        client.create_refund(keyed("refund", new_refund(&paid.payment_id, "4.00"))).await.map(drop),
        client.create_customer(keyed("customer", new_customer())).await.map(drop),
    ];
    for refusal in refusals {
        let refusal = refusal.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
    }
    let app = app.crash_and_restart_changed(|config| config.upstream.base_url = corefy).await;
    let client = app.client().await;
    assert!(!bytes(client.create_payment_intent(keyed("create", new_intent("10.00"))).await).1);
    assert!(!bytes(client.confirm_payment_intent(keyed("confirm", confirmation(&intent.id, APPROVED))).await).1);
    assert!(!bytes(client.create_refund(keyed("refund", new_refund(&paid.payment_id, "4.00"))).await).1);
    assert!(!bytes(client.create_customer(keyed("customer", new_customer())).await).1);
    app.assert_books_agree(&client, &intent.id).await;
    app.assert_books_agree(&client, &paid.id).await;
}

fn nowhere() -> Url {
    Url::parse(&format!("http://{CLOSED_PORT}")).unwrap()
}

async fn a_call_that_an_open_circuit_held_back_leaves_its_key_unused(database: TestDatabase) {
    const FAILURES_TO_OPEN: u32 = 10;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().fail_next(FAILURES_TO_OPEN, "GET", "/v1/payment-methods/supported", Fault::Http(500));
    for _ in 0..FAILURES_TO_OPEN {
        client.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    }
    let confirm = || client.confirm_payment_intent(keyed("pay", confirmation(&intent.id, APPROVED)));
    assert_eq!(reason(&confirm().await.unwrap_err()), "UPSTREAM_UNAVAILABLE");
    assert_eq!(app.sent(CONFIRM), 0);
    app.recover_after(Duration::from_secs(5)).await;
    assert!(!bytes(confirm().await).1);
    app.assert_books_agree(&client, &intent.id).await;
}

async fn while_in_doubt_a_repeated_call_gets_the_object_as_it_is(database: TestDatabase) {
    const CUT: &str = "4000000000004996";
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let confirm = || client.confirm_payment_intent(keyed("pay", confirmation(&intent.id, CUT)));
    bytes(confirm().await);
    for _ in 0..2 {
        let response = confirm().await.unwrap();
        assert_eq!(response.metadata().get("idempotent-replayed").unwrap(), "true");
        let live = response.into_inner().payment_intent.unwrap();
        assert_eq!(live.state(), pb::PaymentIntentState::Processing);
    }
    app.recover_during(Duration::from_secs(300)).await;
    let (frozen, is_replayed) = bytes(confirm().await);
    let failed = pb::ConfirmPaymentIntentResponse::decode(&frozen[..]).unwrap().payment_intent.unwrap();
    assert!(is_replayed);
    assert_eq!(last_error(&failed), "upstream_no_record");
    client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!(bytes(confirm().await), (frozen, true), "the answer is frozen, though the intent is paid now");
    assert_eq!(app.sent(CONFIRM), 2);
}
