//! PaymentMethodService, call by call.

use std::time::Duration;

use corefy_gateway::{pb, sandbox::faults::Fault};
use prost_types::Timestamp;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    app::{START, TestApp},
    client::{Client, new_intent},
    database::TestDatabase,
    refusal::{refused, wrong_fields},
    requests::{card_to_save, confirmation_by, wallet},
};

crate::on_both!(
    a_saved_card_comes_back_masked,
    a_wallet_is_saved_by_its_fields_and_nothing_of_them_is_kept,
    what_is_not_there_is_not_found,
    a_customer_s_methods_are_listed_newest_first_page_by_page,
    what_corefy_finds_wrong_is_named_as_ours,
    a_method_that_corefy_has_not_confirmed_cannot_pay_yet,
    a_method_of_which_corefy_has_no_record_is_no_more_and_an_event_says_so,
    the_supported_kinds_are_those_of_the_account_and_of_the_currency,
    an_answer_about_the_supported_kinds_that_makes_no_sense_is_told_as_such,
    the_supported_kinds_are_asked_for_once_a_minute_and_by_one_of_all_callers,
);

const SAVE: (&str, &str) = ("POST", "/v1/payment-methods");
const SUPPORTED: (&str, &str) = ("GET", "/v1/payment-methods/supported");

async fn a_saved_card_comes_back_masked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await;
    assert!(method.id.starts_with("pm_") && method.upstream_id.starts_with("cfpm_"));
    assert_eq!((&method.customer_id, method.r#type.as_str()), (&customer, "card"));
    let card = method.card.clone().unwrap();
    assert_eq!((card.brand.as_str(), card.first6.as_str(), card.last4.as_str()), ("visa", "411111", "1111"));
    assert_eq!((card.expiry_month, card.expiry_year, card.holder_name.as_str()), (12, 2040, "Jane Doe"));
    assert_eq!(method.created_at, Some(Timestamp { seconds: START.seconds(), nanos: 0 }));
    assert!(get(&client, &method.id).await.unwrap() == method);
    assert!(listed(&client, &customer, 0, "").await.unwrap().payment_methods == [method]);
}

async fn a_wallet_is_saved_by_its_fields_and_nothing_of_them_is_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = saved(&client, wallet(&customer, "paypal")).await.unwrap();
    assert_eq!((method.r#type.as_str(), &method.card), ("paypal", &None));
    let intent = pb::CreatePaymentIntentRequest {
        customer_id: customer,
        payment_method_type: "paypal".to_owned(),
        ..new_intent("10.00")
    };
    let intent = client.created(intent).await;
    let paid = client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await.unwrap().into_inner();
    assert_eq!(paid.payment_intent.unwrap().state(), pb::PaymentIntentState::Succeeded);
}

async fn what_is_not_there_is_not_found(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await;
    let unknown = |id: &str| id.replace(&id[id.len() - 4..], "0000");
    for (refusal, kind) in [
        (refused(get(&client, &unknown(&method.id)).await), "payment_method"),
        (refused(listed(&client, &unknown(&customer), 0, "").await), "customer"),
        (refused(client.create_payment_method(card_to_save(&unknown(&customer))).await), "customer"),
    ] {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
        assert_eq!(refusal.facts["resource_type"], kind);
    }
    assert_eq!(wrong_fields(get(&client, &customer).await), ["id"]);
    assert_eq!(wrong_fields(listed(&client, "", 0, "").await), ["customer_id"]);
}

async fn a_customer_s_methods_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let other = client.customer("joan@example.com").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, client.saved_card(&customer).await.id);
        client.saved_card(&other).await;
    }
    let first = listed(&client, &customer, 2, "").await.unwrap();
    let second = listed(&client, &customer, 2, &first.next_page_token).await.unwrap();
    assert_eq!((first.payment_methods.len(), second.next_page_token.as_str()), (2, ""));
    assert_eq!(wrong_fields(listed(&client, &other, 2, &first.next_page_token).await), ["page_token"]);
    let methods = first.payment_methods.into_iter().chain(second.payment_methods);
    assert_eq!(methods.map(|method| method.id).collect::<Vec<_>>(), ids);
    for page_size in [-1, 101] {
        assert_eq!(wrong_fields(listed(&client, &customer, page_size, "").await), ["page_size"]);
    }
}

async fn what_corefy_finds_wrong_is_named_as_ours(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let refusal = refused(saved(&client, wallet(&customer, "cowry_shells")).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::InvalidArgument, "FIELDS_INVALID"));
    assert_eq!(
        (refusal.fields, refusal.facts["http_status"].as_str()),
        (vec!["other.payment_method_type".to_owned()], "422")
    );
    assert!(listed(&client, &customer, 0, "").await.unwrap().payment_methods.is_empty());
}

async fn a_method_that_corefy_has_not_confirmed_cannot_pay_yet(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    app.sandbox.faults().fail_next(1, SAVE.0, SAVE.1, Fault::DropAfterExecute);
    let method = saved(&client, card_to_save(&customer_id)).await.unwrap();
    assert_eq!(method.upstream_id, "");
    let intent = pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") };
    let intent = client.created(intent).await;
    let refusal = refused(client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "CUSTOMER_NOT_READY"));
    assert_eq!(refusal.facts["resource_id"], method.id);
    assert!(refusal.retry_after.is_some());

    app.recover_after(Duration::from_secs(5)).await;
    assert!(get(&client, &method.id).await.unwrap().upstream_id.starts_with("cfpm_"));
    client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await.unwrap();
}

async fn a_method_of_which_corefy_has_no_record_is_no_more_and_an_event_says_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    app.sandbox.faults().fail_next(1, SAVE.0, SAVE.1, Fault::Http(500));
    let method = client.saved_card(&customer).await;
    assert_eq!(method.upstream_id, "");
    app.recover_during(Duration::from_secs(300)).await;
    assert_eq!(get(&client, &method.id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.event_types(&method.id).await, ["operation.in_doubt", "payment_method.creation_failed"]);
}

async fn the_supported_kinds_are_those_of_the_account_and_of_the_currency(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let all = supported(&client, "").await.unwrap();
    assert_eq!((all[0].r#type.as_str(), all[0].name.as_str()), ("card", "Card"));
    assert!(all[0].currencies.contains(&"USD".to_owned()));
    let kinds = async |currency: &str| {
        let methods = supported(&client, currency).await.unwrap();
        methods.into_iter().map(|method| method.r#type).collect::<Vec<_>>()
    };
    let every = ["card", "apple_pay", "google_pay", "paypal", "qr", "voucher", "bank_transfer", "mobile_money"];
    assert_eq!(kinds("").await, every);
    assert_eq!(kinds("KES").await, ["card", "qr", "mobile_money"]);
    assert!(kinds("BHD").await.is_empty());
    assert_eq!(wrong_fields(supported(&client, "usd").await), ["currency"]);
}

async fn an_answer_about_the_supported_kinds_that_makes_no_sense_is_told_as_such(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (times, fault, code, reason) in [
        (1, Fault::Garbage, Code::Internal, "UPSTREAM_UNREADABLE"),
        (2, Fault::Http(500), Code::Internal, "UPSTREAM_UNREADABLE"),
        (2, Fault::DropBefore, Code::Internal, "UPSTREAM_UNREADABLE"),
        (1, Fault::Http(401), Code::Internal, "UPSTREAM_MISCONFIGURED"),
        (1, Fault::Http(400), Code::FailedPrecondition, "UPSTREAM_REJECTED"),
    ] {
        app.sandbox.faults().fail_next(times, SUPPORTED.0, SUPPORTED.1, fault);
        let refusal = refused(supported(&client, "").await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (code, reason), "{fault:?}");
    }
    // A read that failed once is made again.
    app.sandbox.faults().fail_next(1, SUPPORTED.0, SUPPORTED.1, Fault::Http(503));
    assert_eq!(supported(&client, "").await.unwrap().len(), 8);
}

async fn the_supported_kinds_are_asked_for_once_a_minute_and_by_one_of_all_callers(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let asked = || app.sandbox.request_count(SUPPORTED.0, SUPPORTED.1);
    app.sandbox.faults().fail_next(1, SUPPORTED.0, SUPPORTED.1, Fault::Http(400));
    supported(&client, "").await.unwrap_err();
    assert_eq!(asked(), 1);
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 300);
    let mut callers = JoinSet::new();
    for currency in ["", "USD", "KES", "", "BHD"] {
        let client = client.clone();
        callers.spawn(async move { supported(&client, currency).await.unwrap().len() });
    }
    let mut found = callers.join_all().await;
    found.sort_unstable();
    assert_eq!((found.first(), found.last(), asked()), (Some(&0), Some(&8), 2), "the failure was not kept");
    app.clock.advance(Duration::from_secs(59));
    assert_eq!((supported(&client, "KES").await.unwrap().len(), asked()), (3, 2));
    app.clock.advance(Duration::from_secs(1));
    supported(&client, "").await.unwrap();
    assert_eq!(asked(), 3);
}

async fn saved(client: &Client, request: pb::CreatePaymentMethodRequest) -> Result<pb::PaymentMethod, Status> {
    Ok(client.create_payment_method(request).await?.into_inner().payment_method.unwrap())
}

async fn get(client: &Client, id: &str) -> Result<pb::PaymentMethod, Status> {
    let response = client.get_payment_method(pb::GetPaymentMethodRequest { id: id.to_owned() }).await?;
    Ok(response.into_inner().payment_method.unwrap())
}

async fn listed(
    client: &Client,
    customer: &str,
    page_size: i32,
    page_token: &str,
) -> Result<pb::ListPaymentMethodsResponse, Status> {
    let request = pb::ListPaymentMethodsRequest {
        customer_id: customer.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    Ok(client.list_payment_methods(request).await?.into_inner())
}

async fn supported(client: &Client, currency: &str) -> Result<Vec<pb::SupportedPaymentMethod>, Status> {
    let request = pb::ListSupportedPaymentMethodsRequest { currency: currency.to_owned() };
    Ok(client.list_supported_payment_methods(request).await?.into_inner().supported_payment_methods)
}
