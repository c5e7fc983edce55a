//! PaymentMethodService, call by call.

use std::time::Duration;

use corefy_gateway::{pb, sandbox::faults::Fault};
use prost_types::{FieldMask, Timestamp};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    app::{START, TestApp},
    client::{Client, keyed, new_intent},
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
    a_card_that_is_saved_twice_in_doubt_is_two_methods,
    a_method_of_which_corefy_has_no_record_is_no_more_and_an_event_says_so,
    the_supported_kinds_are_those_of_the_account_and_of_the_currency,
    an_answer_about_the_supported_kinds_that_makes_no_sense_is_told_as_such,
    the_supported_kinds_are_asked_for_once_a_minute_and_by_one_of_all_callers,
    what_was_changed_of_a_card_stays_until_the_same_changes_at_corefy,
    a_change_of_a_card_that_cannot_be_made_names_every_wrong_field,
    a_deleted_method_names_itself_in_history_and_cannot_be_used,
    a_deleted_card_that_is_saved_again_comes_back_where_corefy_knows_it_as_the_same,
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

async fn a_card_that_is_saved_twice_in_doubt_is_two_methods(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    app.sandbox.faults().fail_next(2, SAVE.0, SAVE.1, Fault::DropAfterExecute);
    let (one, other) = (client.saved_card(&customer).await, client.saved_card(&customer).await);
    app.recover_during(Duration::from_secs(120)).await;
    let (one, other) = (get(&client, &one.id).await.unwrap(), get(&client, &other.id).await.unwrap());
    assert!(one.upstream_id.starts_with("cfpm_") && other.upstream_id.starts_with("cfpm_"), "{one:?} {other:?}");
    assert_ne!(one.upstream_id, other.upstream_id);
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

/// A change that names nothing yet.
fn change(id: &str) -> pb::UpdatePaymentMethodRequest {
    pb::UpdatePaymentMethodRequest { id: id.to_owned(), ..Default::default() }
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn what_was_changed_of_a_card_stays_until_the_same_changes_at_corefy(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let before = client.saved_card(&customer).await;
    app.process_webhooks().await;
    app.clock.advance(Duration::from_secs(60));
    let renewed = pb::UpdatePaymentMethodRequest {
        expiry_year: 2045,
        expected_revision: Some(before.revision),
        ..change(&before.id)
    };
    let changed = client.update_payment_method(keyed("renew", renewed.clone())).await.unwrap().into_inner();
    let changed = changed.payment_method.unwrap();
    let card = pb::MaskedCard { expiry_year: 2045, ..before.card.clone().unwrap() };
    let expected = pb::PaymentMethod {
        card: Some(card),
        updated_at: changed.updated_at,
        revision: before.revision + 1,
        ..before.clone()
    };
    assert!(changed == expected, "another field has changed, or the named one has not");
    assert_eq!(changed.updated_at.unwrap().seconds, START.seconds() + 60);
    assert!(get(&client, &before.id).await.unwrap() == changed);
    let again = client.update_payment_method(keyed("renew", renewed.clone())).await.unwrap();
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    let stale = refused(client.update_payment_method(renewed).await);
    assert_eq!((stale.code, stale.reason.as_str()), (Code::Aborted, "REVISION_STALE"));
    assert_eq!(stale.facts["revision"], changed.revision.to_string());
    let same = pb::UpdatePaymentMethodRequest { expiry_year: 2045, ..change(&before.id) };
    assert!(updated(&client, same).await.unwrap() == changed, "the same values again change nothing");

    let nameless = pb::UpdatePaymentMethodRequest { update_mask: mask(&["holder_name"]), ..change(&before.id) };
    assert_eq!(updated(&client, nameless).await.unwrap().card.unwrap().holder_name, "");
    assert_eq!(app.sandbox.request_count(SAVE.0, SAVE.1), 1, "Corefy is sent nothing");
    let request = pb::GetCustomerRequest { id: customer.clone() };
    let upstream = client.get_customer(request).await.unwrap().into_inner().customer.unwrap().upstream_id;
    app.sandbox.save_card_elsewhere(&upstream).unwrap();
    app.process_webhooks().await;
    let card = get(&client, &before.id).await.unwrap().card.unwrap();
    assert_eq!((card.expiry_year, card.holder_name.as_str()), (2045, ""), "Corefy shows what it showed before");
    app.sandbox.renew_card(&before.upstream_id, 2050).unwrap();
    app.process_webhooks().await;
    let card = get(&client, &before.id).await.unwrap().card.unwrap();
    assert_eq!((card.expiry_year, card.holder_name.as_str()), (2050, ""));
    let (created, changed) = ("payment_method.created", "payment_method.updated");
    assert_eq!(client.event_types(&before.id).await, [created, changed, changed, changed]);
}

async fn a_change_of_a_card_that_cannot_be_made_names_every_wrong_field(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await;
    let wrong = pb::UpdatePaymentMethodRequest {
        id: customer.clone(),
        expiry_month: 13,
        expiry_year: 2020,
        holder_name: "a".repeat(101),
        update_mask: mask(&["expiry_month", "expiry_year", "holder_name", "number"]),
        expected_revision: Some(0),
    };
    let told = wrong_fields(updated(&client, wrong).await);
    let expected = ["expected_revision", "expiry_month", "expiry_year", "holder_name", "id", "update_mask.paths[3]"];
    assert_eq!(told, expected);
    let emptied = pb::UpdatePaymentMethodRequest { update_mask: mask(&["*"]), ..change(&method.id) };
    assert_eq!(wrong_fields(updated(&client, emptied).await), ["expiry_month", "expiry_year"]);
    let wallet = saved(&client, wallet(&customer, "paypal")).await.unwrap();
    let no_card = pb::UpdatePaymentMethodRequest { expiry_year: 2045, ..change(&wallet.id) };
    assert_eq!(wrong_fields(updated(&client, no_card).await), ["expiry_year"]);
    app.sandbox.faults().fail_next(1, SAVE.0, SAVE.1, Fault::DropAfterExecute);
    let open = client.saved_card(&customer).await;
    assert_eq!(refused(updated(&client, change(&open.id)).await).reason, "CUSTOMER_NOT_READY");
    assert_eq!(refused(deleted(&client, &open.id).await).reason, "CUSTOMER_NOT_READY");
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    for refusal in [refused(updated(&other, change(&method.id)).await), refused(deleted(&other, &method.id).await)] {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    }
    assert!(get(&client, &method.id).await.unwrap() == method);
}

async fn a_deleted_method_names_itself_in_history_and_cannot_be_used(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer_id).await;
    let new = || pb::CreatePaymentIntentRequest { customer_id: customer_id.clone(), ..new_intent("10.00") };
    let (paid, open) = (client.created(new()).await, client.created(new()).await);
    client.confirm_payment_intent(confirmation_by(&paid.id, &method.id)).await.unwrap();
    app.clock.advance(Duration::from_secs(60));
    let gone = deleted(&client, &method.id).await.unwrap();
    let expected = pb::PaymentMethod {
        card: None,
        updated_at: gone.updated_at,
        deleted_at: gone.updated_at,
        revision: method.revision + 1,
        ..method.clone()
    };
    assert!(gone == expected && gone.deleted_at.unwrap().seconds == START.seconds() + 60);
    assert!(get(&client, &method.id).await.unwrap() == gone);
    assert!(deleted(&client, &method.id).await.unwrap() == gone, "a second deletion changes nothing");
    assert!(listed(&client, &customer_id, 0, "").await.unwrap().payment_methods.is_empty());
    let paid = client.get_payment_intent(pb::GetPaymentIntentRequest { id: paid.id }).await.unwrap().into_inner();
    assert_eq!(paid.payment_intent.unwrap().payment_method_id, method.id);

    for refusal in [
        refused(client.confirm_payment_intent(confirmation_by(&open.id, &method.id)).await),
        refused(updated(&client, change(&method.id)).await),
    ] {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "PAYMENT_METHOD_DELETED"));
    }
    app.sandbox.renew_card(&method.upstream_id, 2050).unwrap();
    app.process_webhooks().await;
    assert!(get(&client, &method.id).await.unwrap() == gone, "what Corefy shows of it is none of ours any more");
    let events = ["payment_method.created", "payment_method.deleted"];
    assert_eq!(client.event_types(&method.id).await, events);
}

async fn a_deleted_card_that_is_saved_again_comes_back_where_corefy_knows_it_as_the_same(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.merge_customers = true);
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await;
    deleted(&client, &method.id).await.unwrap();
    let again = client.saved_card(&customer).await;
    assert_eq!((&again.id, &again.card, again.deleted_at), (&method.id, &method.card, None));
    assert!(listed(&client, &customer, 0, "").await.unwrap().payment_methods == [again]);
    let events = ["payment_method.created", "payment_method.deleted", "payment_method.created"];
    assert_eq!(client.event_types(&method.id).await, events);
}

async fn updated(client: &Client, request: pb::UpdatePaymentMethodRequest) -> Result<pb::PaymentMethod, Status> {
    Ok(client.update_payment_method(request).await?.into_inner().payment_method.unwrap())
}

async fn deleted(client: &Client, id: &str) -> Result<pb::PaymentMethod, Status> {
    let response = client.delete_payment_method(pb::DeletePaymentMethodRequest { id: id.to_owned() }).await?;
    Ok(response.into_inner().payment_method.unwrap())
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
    let request = pb::ListSupportedPaymentMethodsRequest { currency: currency.to_owned(), ..Default::default() };
    Ok(client.list_supported_payment_methods(request).await?.into_inner().supported_payment_methods)
}
