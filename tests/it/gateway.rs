//! GatewayService: how the gateway itself is doing.

use corefy_gateway::{
    domain::{
        amount_limits::AmountLimits,
        money::{Currency, Money},
    },
    pb,
    sandbox::faults::Fault,
};
use url::Url;

use crate::support::{
    app::{CLOSED_PORT, TestApp},
    client::{Client, keyed, new_intent},
    database::TestDatabase,
    refusal::wrong_fields,
};

crate::on_both!(
    a_gateway_says_what_it_is_and_what_it_accepts,
    the_limits_that_a_gateway_tells_are_those_it_has,
    a_connection_that_works_is_told_with_its_latency,
    an_unreachable_corefy_is_an_answer,
    wrong_credentials_are_an_answer,
    a_corefy_in_trouble_is_an_answer,
);

async fn a_gateway_says_what_it_is_and_what_it_accepts(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let requests = app.sandbox.requests().len();
    let info = gateway_info(&app.client().await).await;
    assert_eq!((info.version.as_str(), info.dialect.as_str()), (env!("CARGO_PKG_VERSION"), "intents"));
    assert!(info.sandbox);
    assert_eq!(info.capabilities, ["raw_cards", "create_payment_method", "external_three_d_secure"]);
    assert!(info.currencies.len() > 140 && info.currencies.is_sorted_by_key(|accepted| accepted.currency.clone()));
    assert_eq!(app.sandbox.requests().len(), requests, "Corefy is not asked");

    let currency = |code| Currency::parse(code).unwrap();
    let app = app.crash_and_restart_changed(|config| {
        config.upstream.sandbox_mode = false;
        config.currencies = vec![currency("USD"), currency("JPY")];
        config.amount_limits = AmountLimits::new([Money::new(50_050, currency("USD"))]);
    });
    let app = app.await;
    let client = app.client().await;
    let info = gateway_info(&client).await;
    let accepted: Vec<_> =
        info.currencies.iter().map(|c| (c.currency.as_str(), c.decimals, c.max_amount.as_str())).collect();
    assert_eq!(accepted, [("JPY", 0, "1000000000"), ("USD", 2, "500.50")]);
    assert!(!info.sandbox);
    assert_eq!(client.intent("500.50").await.amount, "500.50");
    assert_eq!(wrong_fields(client.create_payment_intent(new_intent("500.51")).await), ["amount"]);
}

async fn the_limits_that_a_gateway_tells_are_those_it_has(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let limits = gateway_info(&client).await.limits.unwrap();
    let text = |length: i32| "x".repeat(length.try_into().unwrap());
    let metadata = |entries: i32, key: i32, value: i32| {
        let key = |n: i32| format!("{n:0>width$}", width = usize::try_from(key).unwrap());
        let metadata = (0..entries).map(|n| (key(n), text(value))).collect();
        client.create_payment_intent(pb::CreatePaymentIntentRequest { metadata, ..new_intent("1.00") })
    };
    let (entries, key, value) =
        (limits.max_metadata_entries, limits.max_metadata_key_length, limits.max_metadata_value_length);
    assert!(metadata(entries, key, value).await.is_ok());
    for more in [metadata(entries + 1, key, value), metadata(1, key + 1, value), metadata(1, key, value + 1)] {
        assert_eq!(wrong_fields(more.await).len(), 1);
    }
    let reference = |length| {
        let reference_id = text(length);
        client.create_payment_intent(pb::CreatePaymentIntentRequest { reference_id, ..new_intent("1.00") })
    };
    assert!(reference(limits.max_reference_id_length).await.is_ok());
    assert_eq!(wrong_fields(reference(limits.max_reference_id_length + 1).await), ["reference_id"]);
    let under = |length| client.create_payment_intent(keyed(&text(length), new_intent("1.00")));
    assert!(under(limits.max_idempotency_key_length).await.is_ok());
    assert_eq!(wrong_fields(under(limits.max_idempotency_key_length + 1).await), ["idempotency-key"]);
    let events = |types: i32, page_size: i32| {
        let types = (0..types).map(|_| "payment_intent.created".to_owned()).collect();
        client.list_events(pb::ListEventsRequest { types, page_size, ..Default::default() })
    };
    assert!(events(limits.max_event_types, limits.max_page_size).await.is_ok());
    assert_eq!(wrong_fields(events(limits.max_event_types + 1, 0).await), ["types"]);
    assert_eq!(wrong_fields(events(0, limits.max_page_size + 1).await), ["page_size"]);
    let large = pb::CreatePaymentIntentRequest { description: text(limits.max_request_bytes), ..new_intent("1.00") };
    let refusal = client.create_payment_intent(large).await.unwrap_err();
    assert!(refusal.message().contains(&limits.max_request_bytes.to_string()), "{}", refusal.message());
    for _ in 0..limits.default_page_size {
        client.intent("1.00").await;
    }
    let page = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    assert_eq!(page.payment_intents.len(), usize::try_from(limits.default_page_size).unwrap());
}

async fn gateway_info(client: &Client) -> pb::GatewayInfo {
    client.get_gateway_info(pb::GetGatewayInfoRequest {}).await.unwrap().into_inner().gateway_info.unwrap()
}

async fn a_connection_that_works_is_told_with_its_latency(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (true, true, 200));
    assert_eq!(found.message, "Corefy accepted the credentials.");
    let latency = found.latency.unwrap();
    assert!(latency.seconds > 0 || latency.nanos > 0);
}

async fn an_unreachable_corefy_is_an_answer(database: TestDatabase) {
    let nobody = Url::parse(&format!("http://{}", CLOSED_PORT)).unwrap();
    let app = TestApp::start_with(database, None, |config| config.upstream.base_url = nobody).await;
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (false, false, 0));
    assert_eq!(found.message, "Nothing was sent: no connection: nothing listens there.");
}

async fn wrong_credentials_are_an_answer(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.api_key = "another".into()).await;
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (true, false, 401));
    assert_eq!(found.message, "Corefy answered HTTP 401.");
}

async fn a_corefy_in_trouble_is_an_answer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().fail_next(1, "GET", "/v1/payment-methods/supported", Fault::Http(503));
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (true, false, 503));
    app.sandbox.faults().fail_next(1, "GET", "/v1/payment-methods/supported", Fault::DropBefore);
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (false, false, 0));
    assert!(found.message.starts_with("Corefy did not answer: "), "{}", found.message);
}

async fn test_connection(app: &TestApp) -> pb::TestConnectionResponse {
    app.client().await.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner()
}
