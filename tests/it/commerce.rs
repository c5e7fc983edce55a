//! Payments through Corefy's `commerce` API, from the caller's call to the sandbox's ledger and back.

use std::time::Duration;

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, confirm_payment_intent_request::Source},
    sandbox::faults::Fault,
};
use serde_json::json;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_intent, redirect},
    database::TestDatabase,
    refusal::{facts, refused, wrong_fields},
};

crate::on_both!(
    a_card_is_charged_once_and_given_back_in_parts,
    a_second_attempt_is_another_invoice_of_the_same_intent,
    the_network_references_of_a_card_payment_are_shown_and_stay,
    network_references_of_another_form_are_left_out_and_reported,
    a_challenge_is_completed_on_the_page_of_the_bank,
    a_payer_chooses_and_pays_on_the_hosted_page,
    a_card_whose_answer_is_lost_is_never_sent_again,
    a_card_that_was_lost_before_it_arrived_is_given_up_once_its_token_has_ended,
    a_saved_card_pays_without_its_payer,
    methods_are_told_by_currency_and_amount,
    what_the_api_cannot_do_is_refused,
    a_callback_of_another_mode_or_without_a_signature_is_refused,
    a_connection_test_names_the_account,
);

const DECLINED: &str = "4000000000009995";
const CHALLENGED: &str = "4000000000003220";
const HOUR: Duration = Duration::from_secs(3600);
const SALE: (&str, &str) = ("POST", "/payment/sale");

fn by(id: &str, source: Source) -> pb::ConfirmPaymentIntentRequest {
    pb::ConfirmPaymentIntentRequest { source: Some(source), ..confirmation(id, APPROVED) }
}

async fn confirmed(client: &Client, request: pb::ConfirmPaymentIntentRequest) -> pb::PaymentIntent {
    client.confirm_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap()
}

async fn a_card_is_charged_once_and_given_back_in_parts(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert_eq!(intent.state(), State::RequiresConfirmation);
    assert!(intent.upstream_id.starts_with("cpi_"), "{}", intent.upstream_id);
    let request = || keyed("once", confirmation(&intent.id, APPROVED));
    let paid = client.confirm_payment_intent(request()).await.unwrap().into_inner();
    assert_eq!(paid.payment_intent.as_ref().unwrap().state(), State::Succeeded);
    assert_eq!(client.confirm_payment_intent(request()).await.unwrap().into_inner(), paid);
    assert_eq!(app.sandbox.request_count(SALE.0, SALE.1), 1);
    client.refund(&intent.payment_id, "4.00").await.unwrap();
    client.refund(&intent.payment_id, "6.00").await.unwrap();
    app.process_webhooks().await;
    app.recover_after(Duration::from_secs(60)).await;
    assert_eq!(app.assert_books_agree(&client, &intent.id).await.amount_refunded, "10.00");
}

async fn a_second_attempt_is_another_invoice_of_the_same_intent(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let declined = client.confirm(&intent.id, DECLINED).await.unwrap();
    assert_eq!(declined.state(), State::RequiresPaymentMethod);
    assert_eq!(declined.last_payment_error.unwrap().code, "insufficient_funds");
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!(paid.state(), State::Succeeded);
    let listed = client.attempts(&intent.id).await;
    let [first, second] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((&first.upstream_id, &second.upstream_id), (&intent.upstream_id, &paid.upstream_id));
    assert_ne!(first.upstream_id, second.upstream_id);
    app.process_webhooks().await;
    app.assert_books_agree(&client, &intent.id).await;
}

async fn the_network_references_of_a_card_payment_are_shown_and_stay(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert_eq!(intent.network_references, None);
    let declined = client.confirm(&intent.id, DECLINED).await.unwrap();
    assert_eq!(declined.network_references, None, "nothing was paid");
    app.sandbox.faults().set(|switches| switches.commerce.lost_attributes.extend(["arn".to_owned()]));
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    let at_once = paid.network_references.clone().unwrap();
    assert_eq!((at_once.retrieval_reference_number.len(), at_once.approval_code.len()), (12, 6));
    assert_eq!(at_once.acquirer_reference_number, "");
    let looked_at_again = async |lost: &[&str]| {
        let lost = lost.iter().map(|name| (*name).to_owned()).collect();
        app.sandbox.faults().set(|switches| switches.commerce.lost_attributes = lost);
        app.recover_after(HOUR).await;
        client.get(&intent.id).await
    };
    let cleared = looked_at_again(&[]).await;
    let known = cleared.network_references.clone().unwrap();
    assert_eq!(known.acquirer_reference_number.len(), 23);
    assert_eq!(pb::NetworkReferences { acquirer_reference_number: String::new(), ..known.clone() }, at_once);
    assert_eq!(cleared.revision, paid.revision + 1, "one change");
    let later = looked_at_again(&["rrn", "approval_code", "arn"]).await;
    assert_eq!((later.network_references, later.revision), (Some(known), cleared.revision));
}

async fn network_references_of_another_form_are_left_out_and_reported(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let members = json!({"rrn": "1234567890123", "approval_code": "4111111111111111", "arn": APPROVED});
    app.sandbox.faults().set(|switches| drop(switches.shown_payments.insert(intent.id.clone(), members)));
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!((paid.state(), paid.network_references), (State::Succeeded, None));
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}
    let request = pb::ListApiCallsRequest { page_size: 100, ..Default::default() };
    let calls = client.list_api_calls(request).await.unwrap().into_inner().api_calls;
    let unread: Vec<_> = calls.iter().filter(|call| call.error_code == "answer_unreadable").collect();
    let [read] = &unread[..] else { panic!("one answer of several: {unread:?}") };
    assert_eq!((read.operation.as_str(), read.object_id.as_str()), ("payment.find", intent.id.as_str()));
    assert!(read.error_message.contains("approval_code, arn, rrn"), "{}", read.error_message);
    assert!(!format!("{calls:?}").contains(APPROVED));
}

async fn a_challenge_is_completed_on_the_page_of_the_bank(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let challenged = client.confirm(&intent.id, CHALLENGED).await.unwrap();
    assert_eq!(challenged.state(), State::RequiresAction);
    let challenge = redirect(&challenged);
    assert_eq!(challenge.method, "POST");
    assert!(challenge.params.contains_key("PaReq"), "the parameters are passed on as they came");
    app.sandbox.complete_action(&intent.id, true).unwrap();
    app.process_webhooks().await;
    assert_eq!(client.get(&intent.id).await.state(), State::Succeeded);
    app.assert_books_agree(&client, &intent.id).await;
}

async fn a_payer_chooses_and_pays_on_the_hosted_page(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let waiting = confirmed(&client, by(&intent.id, Source::HostedPage(pb::HostedPage {}))).await;
    assert_eq!(waiting.state(), State::RequiresAction);
    let page = reqwest::get(&redirect(&waiting).url).await.unwrap();
    assert!(page.status().is_success(), "the page is there: {}", page.status());
    assert_eq!(app.sandbox.request_count(SALE.0, SALE.1), 0, "no card passes the gateway");
    app.sandbox.complete_action(&intent.id, true).unwrap();
    app.process_webhooks().await;
    assert_eq!(client.get(&intent.id).await.state(), State::Succeeded);
    app.assert_books_agree(&client, &intent.id).await;
}

async fn a_card_whose_answer_is_lost_is_never_sent_again(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().fail_next(1, SALE.0, SALE.1, Fault::DropAfterExecute);
    let unknown = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!((unknown.state(), unknown.outcome_unknown), (State::Processing, true));
    app.recover_after(Duration::from_secs(5)).await;
    assert_eq!(client.get(&intent.id).await.state(), State::Succeeded);
    assert_eq!(app.sandbox.request_count(SALE.0, SALE.1), 1);
    app.assert_books_agree(&client, &intent.id).await;
}

async fn a_card_that_was_lost_before_it_arrived_is_given_up_once_its_token_has_ended(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().fail_next(1, SALE.0, SALE.1, Fault::DropBefore);
    client.confirm(&intent.id, APPROVED).await.unwrap();
    app.recover_during(Duration::from_secs(1800)).await;
    assert_eq!(client.get(&intent.id).await.state(), State::Processing, "it may still arrive");
    assert_eq!(refused(client.confirm(&intent.id, APPROVED).await).reason, "ATTEMPT_IN_DOUBT");
    app.recover_during(Duration::from_secs(5400)).await;
    let given_up = client.get(&intent.id).await;
    assert_eq!(given_up.state(), State::RequiresPaymentMethod);
    assert_eq!(given_up.last_payment_error.unwrap().code, "upstream_no_record");
    assert_eq!(client.confirm(&intent.id, APPROVED).await.unwrap().state(), State::Succeeded);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_saved_card_pays_without_its_payer(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap();
    let new = || pb::CreatePaymentIntentRequest { customer_id: customer.id.clone(), ..new_intent("10.00") };
    let first = client.create_payment_intent(new()).await.unwrap().into_inner().payment_intent.unwrap();
    let saving = pb::ConfirmPaymentIntentRequest { save_payment_method: true, ..confirmation(&first.id, APPROVED) };
    assert_eq!(confirmed(&client, saving).await.state(), State::Succeeded);
    let request = pb::ListPaymentMethodsRequest { customer_id: customer.id.clone(), ..Default::default() };
    let methods = client.list_payment_methods(request).await.unwrap().into_inner().payment_methods;
    let [method] = &methods[..] else { panic!("{methods:?}") };
    assert_eq!(method.card.as_ref().unwrap().last4, "1111");

    let second = client.create_payment_intent(new()).await.unwrap().into_inner().payment_intent.unwrap();
    let stored_credential = Some(pb::StoredCredential {
        initiator: pb::StoredCredentialInitiator::Merchant.into(),
        reason: pb::StoredCredentialReason::Recurring.into(),
        network_transaction_id: String::new(),
    });
    let source = Source::PaymentMethodId(method.id.clone());
    let alone = pb::ConfirmPaymentIntentRequest { stored_credential, ..by(&second.id, source.clone()) };
    assert_eq!(confirmed(&client, alone).await.state(), State::Succeeded);
    let third = client.create_payment_intent(new()).await.unwrap().into_inner().payment_intent.unwrap();
    assert_eq!(confirmed(&client, by(&third.id, source)).await.state(), State::RequiresAction, "its payer is asked");
    app.assert_books_agree(&client, &second.id).await;
}

async fn methods_are_told_by_currency_and_amount(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let supported = async |currency: &str, amount: &str| {
        let request =
            pb::ListSupportedPaymentMethodsRequest { currency: currency.to_owned(), amount: amount.to_owned() };
        client.list_supported_payment_methods(request).await.map(|answer| answer.into_inner().supported_payment_methods)
    };
    let asked = || app.sandbox.request_count("POST", "/public-api/payment-prerequest");
    let small = supported("JPY", "100").await.unwrap();
    assert_eq!(small.iter().map(|method| method.r#type.as_str()).collect::<Vec<_>>(), ["card"]);
    assert_eq!(supported("JPY", "2000000").await.unwrap(), [], "no service takes so much");
    let before = asked();
    assert_eq!(supported("JPY", "100").await.unwrap(), small);
    assert_eq!(asked(), before, "the answer is kept for a minute");
    app.clock.advance(Duration::from_secs(61));
    supported("JPY", "100").await.unwrap();
    assert_eq!(asked(), before + 1);
    assert_eq!(wrong_fields(supported("", "100").await), ["currency"]);
    assert_eq!(wrong_fields(supported("JPY", "0.5").await), ["amount"]);
}

async fn what_the_api_cannot_do_is_refused(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let three_d_secure = Some(pb::ThreeDSecure {
        version: "2.2.0".to_owned(),
        eci: "05".to_owned(),
        cavv: "AAABBBCCCDDD".to_owned(),
        ..Default::default()
    });
    let request = pb::ConfirmPaymentIntentRequest { three_d_secure, ..confirmation(&intent.id, APPROVED) };
    let refusal = refused(client.confirm_payment_intent(request).await);
    assert_eq!(refusal.facts, facts(&[("capability", "external_three_d_secure")]));
    let info = client.get_gateway_info(pb::GetGatewayInfoRequest {}).await.unwrap().into_inner().gateway_info.unwrap();
    assert_eq!(info.dialect, "commerce");
    assert_eq!(
        info.capabilities,
        ["raw_cards", "confirm_other", "hosted_page", "save_payment_method", "stored_credential"]
    );
}

async fn a_callback_of_another_mode_or_without_a_signature_is_refused(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let body =
        r#"{"data":{"type":"payment-invoices","id":"cpi_1","attributes":{"status":"processed","test_mode":false}}}"#;
    assert_eq!(app.sandbox.send_webhook(body, Some("6O+bmE9b4RTIy5WAs3PHZXdD1fU=")).await.unwrap(), 401);
}

async fn a_connection_test_names_the_account(database: TestDatabase) {
    let app = TestApp::start_commerce(database).await;
    let found = app.client().await.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner();
    assert!(found.reachable && found.authenticated, "{found:?}");
}
