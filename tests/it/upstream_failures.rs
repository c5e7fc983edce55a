//! The result of each call that involves Corefy when Corefy does not do it: the caller learns the same from each, and
//! nothing is stored.

use std::time::Duration;

use corefy_gateway::{pb, sandbox::faults::Fault};
use tonic::{Code, Status};
use url::Url;

use crate::support::{
    app::{CLOSED_PORT, TestApp},
    client::{APPROVED, Client, new_intent},
    database::TestDatabase,
    refusal::{CallRefusal, refused},
    requests::card_to_save,
};

crate::on_both!(
    a_corefy_that_cannot_be_reached_leaves_nothing_behind,
    a_rate_limit_that_is_used_up_leaves_nothing_behind,
    credentials_that_corefy_does_not_take_are_the_operator_s_business,
    a_refusal_is_told_with_corefy_s_code_and_leaves_nothing_behind,
    a_corefy_that_fails_again_and_again_is_left_alone_for_a_while,
);

/// The calls with what they ask Corefy.
const CALLS: [(&str, &str); 5] = [
    ("CreatePaymentIntent", "/v1/payment-intents"),
    ("ConfirmPaymentIntent", "/v1/payment-intents/{id}/confirm"),
    ("CreateRefund", "/v1/refunds"),
    ("CreateCustomer", "/v1/customers"),
    ("CreatePaymentMethod", "/v1/payment-methods"),
];

/// The objects of the calls.
struct Objects {
    customer: String,
    intent: String,
    paid: String,
}

async fn a_corefy_that_cannot_be_reached_leaves_nothing_behind(database: TestDatabase) {
    let (database, objects) = prepared(database).await;
    let nobody = Url::parse(&format!("http://{}", CLOSED_PORT)).unwrap();
    let app = TestApp::start_with(database, None, |config| config.upstream.base_url = nobody).await;
    let refusals = refusals(&app.client().await, &objects).await;
    for refusal in refusals {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
        assert!(refusal.retry_after.is_some() && !refusal.is_about_quota, "{refusal:?}");
    }
    assert!(app.sandbox.requests().is_empty());
}

async fn a_rate_limit_that_is_used_up_leaves_nothing_behind(database: TestDatabase) {
    let (database, objects) = prepared(database).await;
    let one = std::num::NonZeroU32::MIN;
    let app = TestApp::start_with(database, None, |config| config.upstream.rate_limit_per_minute = one).await;
    let client = app.client().await;
    assert!(client.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner().authenticated);
    let sent = app.sandbox.requests().len();
    for refusal in refusals(&client, &objects).await {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"));
        let wait = refusal.retry_after.unwrap();
        assert!(refusal.is_about_quota && wait > Duration::from_secs(5) && wait <= Duration::from_secs(61), "{wait:?}");
    }
    let test = client.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner();
    assert_eq!((test.reachable, test.message.as_str()), (false, "Nothing was sent: the rate limit is used up."));
    assert_eq!(app.sandbox.requests().len(), sent);
}

async fn credentials_that_corefy_does_not_take_are_the_operator_s_business(database: TestDatabase) {
    let (database, objects) = prepared(database).await;
    let app = TestApp::start_with(database, None, |config| config.upstream.api_key = "another".into()).await;
    for refusal in refusals(&app.client().await, &objects).await {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Internal, "UPSTREAM_MISCONFIGURED"));
        assert!(refusal.retry_after.is_none() && refusal.facts.is_empty(), "{refusal:?}");
    }
}

async fn a_refusal_is_told_with_corefy_s_code_and_leaves_nothing_behind(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let objects = Objects::create(&client).await;
    for (_, template) in CALLS {
        app.sandbox.faults().fail_next(1, "POST", template, Fault::Http(418));
    }
    for refusal in refusals(&client, &objects).await {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "UPSTREAM_REJECTED"));
        assert_eq!(refusal.facts["upstream_code"], "simulated");
        assert_eq!(refusal.facts["http_status"], "418");
        assert!(refusal.message.contains("this failure was asked for"), "{refusal:?}");
    }
}

async fn a_corefy_that_fails_again_and_again_is_left_alone_for_a_while(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(10, "GET", "/v1/payment-methods/supported", Fault::Http(500));
    for _ in 0..5 {
        // Each is made twice.
        let read = client.list_supported_payment_methods(pb::ListSupportedPaymentMethodsRequest::default()).await;
        assert_eq!(refused(read).reason, "UPSTREAM_UNREADABLE");
    }
    let refusal = refused(client.create_payment_intent(new_intent("10.00")).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
    let wait = refusal.retry_after.unwrap();
    assert_eq!(app.sandbox.request_count("POST", "/v1/payment-intents"), 0);
    app.clock.advance(wait);
    assert_eq!(client.intent("10.00").await.state(), pb::PaymentIntentState::RequiresConfirmation);
}

/// The objects, made through a gateway whose Corefy works.
async fn prepared(database: TestDatabase) -> (TestDatabase, Objects) {
    let app = TestApp::start(database).await;
    let objects = Objects::create(&app.client().await).await;
    (app.database, objects)
}

impl Objects {
    async fn create(client: &Client) -> Self {
        Self {
            customer: client.customer("jane@example.com").await,
            intent: client.intent("10.00").await.id,
            paid: client.paid_intent("10.00").await.id,
        }
    }
}

/// The refusals of all calls, given that none of them changes anything.
async fn refusals(client: &Client, objects: &Objects) -> Vec<CallRefusal> {
    let before = everything(client, objects).await;
    let mut refusals = Vec::new();
    for (call, _) in CALLS {
        refusals.push(refused(make(client, objects, call).await));
        assert!(everything(client, objects).await == before, "{call} left something behind");
    }
    refusals
}

async fn make(client: &Client, objects: &Objects, call: &str) -> Result<(), Status> {
    match call {
        "CreatePaymentIntent" => client.create_payment_intent(new_intent("10.00")).await.map(|_| ()),
        "ConfirmPaymentIntent" => client.confirm(&objects.intent, APPROVED).await.map(|_| ()),
        "CreateRefund" => client.refund(&objects.paid, "1.00").await.map(|_| ()),
        "CreatePaymentMethod" => client.create_payment_method(card_to_save(&objects.customer)).await.map(|_| ()),
        _ => {
            let request = pb::CreateCustomerRequest { email: "joan@example.com".to_owned(), ..Default::default() };
            client.create_customer(request).await.map(|_| ())
        }
    }
}

type Everything = (
    pb::ListPaymentIntentsResponse,
    pb::ListRefundsResponse,
    pb::ListCustomersResponse,
    pb::ListPaymentMethodsResponse,
);

/// All that there is, but for the revisions of the intents: an attempt that was not sent is reserved and taken back, two changes.
async fn everything(client: &Client, objects: &Objects) -> Everything {
    let of_customer = pb::ListPaymentMethodsRequest { customer_id: objects.customer.clone(), ..Default::default() };
    let mut intents = client.intents(pb::ListPaymentIntentsRequest::default()).await.unwrap();
    intents.payment_intents.iter_mut().for_each(|intent| intent.revision = 0);
    (
        intents,
        client.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner(),
        client.list_customers(pb::ListCustomersRequest::default()).await.unwrap().into_inner(),
        client.list_payment_methods(of_customer).await.unwrap().into_inner(),
    )
}
