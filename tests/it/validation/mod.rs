//! The rules of requests, field by field; all violations are reported at once.

use std::collections::{BTreeMap, BTreeSet};

use corefy_gateway::pb::{self, confirm_payment_intent_request::Source, create_payment_method_request::Details};
use prost_reflect::{Kind, MessageDescriptor};

use crate::support::{
    app::TestApp, client::keyed, contract::descriptors, database::TestDatabase, refusal::wrong_fields,
};

mod cards;
mod ids;
mod intents;
mod objects;
mod rules;

crate::on_both!(every_wrong_field_of_a_request_is_named_at_once, every_wrong_field_of_a_list_is_named_at_once);

/// A text that no field takes: too long, and with a control character.
fn wrong() -> String {
    "\n".repeat(3_000)
}

fn wrong_map() -> BTreeMap<String, String> {
    [(String::new(), String::new())].into()
}

async fn every_wrong_field_of_a_request_is_named_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = pb::CreatePaymentIntentRequest {
        amount: wrong(),
        currency: wrong(),
        payment_method_type: wrong(),
        customer_id: wrong(),
        customer_email: wrong(),
        customer_name: wrong(),
        customer_phone: wrong(),
        description: wrong(),
        reference_id: wrong(),
        return_url: wrong(),
        failure_url: wrong(),
        billing_address: Some(wrong_address()),
        metadata: wrong_map(),
    };
    let told = wrong_fields(client.create_payment_intent(keyed("two words", intent)).await);
    assert_all_named(&told, "CreatePaymentIntentRequest", &["idempotency-key"]);

    let told = wrong_fields(client.confirm_payment_intent(keyed("two words", wrong_confirmation())).await);
    assert_all_named(&told, "ConfirmPaymentIntentRequest", &["idempotency-key"]);

    let cancel = pb::CancelPaymentIntentRequest { payment_intent_id: wrong(), reason: wrong() };
    let told = wrong_fields(client.cancel_payment_intent(keyed("", cancel)).await);
    assert_all_named(&told, "CancelPaymentIntentRequest", &["idempotency-key"]);

    let refund = pb::CreateRefundRequest {
        payment_id: wrong(),
        amount: Some(wrong()),
        reason: wrong(),
        reference_id: wrong(),
        metadata: wrong_map(),
    };
    let told = wrong_fields(client.create_refund(keyed("two words", refund)).await);
    assert_all_named(&told, "CreateRefundRequest", &["idempotency-key"]);

    let customer = pb::CreateCustomerRequest {
        email: wrong(),
        name: wrong(),
        phone: wrong(),
        address: Some(wrong_address()),
        reference_id: wrong(),
        metadata: wrong_map(),
    };
    let told = wrong_fields(client.create_customer(keyed("two words", customer)).await);
    assert_all_named(&told, "CreateCustomerRequest", &["idempotency-key"]);

    let method = pb::CreatePaymentMethodRequest {
        customer_id: wrong(),
        details: Some(Details::Card(pb::CardToSave {
            number: wrong(),
            expiry_month: 13,
            expiry_year: 26,
            holder_name: wrong(),
        })),
    };
    let told = wrong_fields(client.create_payment_method(keyed("two words", method)).await);
    assert_all_named(&told, "CreatePaymentMethodRequest", &["idempotency-key"]);
    assert!(app.sandbox.requests().is_empty());
}

async fn every_wrong_field_of_a_list_is_named_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let no_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    let intents = pb::ListPaymentIntentsRequest {
        states: vec![99; 8],
        customer_id: wrong(),
        reference_id: wrong(),
        reference_prefix: wrong(),
        customer_email: wrong(),
        card_first6: wrong(),
        card_last4: wrong(),
        metadata: wrong_map(),
        decline_code: wrong(),
        payment_method_type: wrong(),
        currency: wrong(),
        amount_from: wrong(),
        amount_to: wrong(),
        has_refunds: Some(true),
        outcome_unknown: true,
        created_from: no_time,
        created_before: no_time,
        updated_from: no_time,
        updated_before: no_time,
        page_size: -1,
        page_token: wrong(),
    };
    assert_all_named(&wrong_fields(client.intents(intents).await), "ListPaymentIntentsRequest", &[]);
    let refunds = pb::ListRefundsRequest {
        payment_id: wrong(),
        states: vec![99; 8],
        reference_id: wrong(),
        reference_prefix: wrong(),
        metadata: wrong_map(),
        currency: wrong(),
        amount_from: wrong(),
        amount_to: wrong(),
        created_from: no_time,
        created_before: no_time,
        updated_from: no_time,
        updated_before: no_time,
        page_size: -1,
        page_token: wrong(),
    };
    assert_all_named(&wrong_fields(client.list_refunds(refunds).await), "ListRefundsRequest", &[]);
    let customers = pb::ListCustomersRequest {
        reference_id: wrong(),
        reference_prefix: wrong(),
        email: wrong(),
        metadata: wrong_map(),
        created_from: no_time,
        created_before: no_time,
        page_size: -1,
        page_token: wrong(),
    };
    assert_all_named(&wrong_fields(client.list_customers(customers).await), "ListCustomersRequest", &[]);
    let methods = pb::ListPaymentMethodsRequest { customer_id: wrong(), page_size: -1, page_token: wrong() };
    assert_all_named(&wrong_fields(client.list_payment_methods(methods).await), "ListPaymentMethodsRequest", &[]);
    let supported = pb::ListSupportedPaymentMethodsRequest { currency: wrong(), amount: wrong() };
    let told = wrong_fields(client.list_supported_payment_methods(supported).await);
    assert_all_named(&told, "ListSupportedPaymentMethodsRequest", &[]);
    let events = pb::ListEventsRequest {
        after_event_id: wrong(),
        types: vec![String::new(); 101],
        object_id: wrong(),
        view: -1,
        page_size: -1,
        page_token: wrong(),
    };
    assert_all_named(&wrong_fields(client.events(events).await), "ListEventsRequest", &[]);
    let timeline = pb::GetTimelineRequest { id: wrong(), page_size: -1, page_token: wrong() };
    assert_all_named(&wrong_fields(client.get_timeline(timeline).await), "GetTimelineRequest", &[]);
}

fn wrong_address() -> pb::Address {
    pb::Address {
        first_name: wrong(),
        last_name: wrong(),
        line1: wrong(),
        line2: wrong(),
        city: wrong(),
        state: wrong(),
        postal_code: wrong(),
        country: wrong(),
    }
}

fn wrong_confirmation() -> pb::ConfirmPaymentIntentRequest {
    let source = pb::Card { number: wrong(), expiry_month: 13, expiry_year: 26, cvv: wrong(), holder_name: wrong() };
    pb::ConfirmPaymentIntentRequest {
        payment_intent_id: wrong(),
        source: Some(Source::Card(source)),
        three_d_secure: Some(pb::ThreeDSecure {
            version: wrong(),
            eci: wrong(),
            cavv: wrong(),
            xid: wrong(),
            ds_transaction_id: wrong(),
        }),
        browser_info: Some(pb::BrowserInfo {
            ip: wrong(),
            user_agent: wrong(),
            accept_header: wrong(),
            language: wrong(),
            color_depth: Some(-1),
            screen_height: Some(-1),
            screen_width: Some(-1),
            window_height: Some(-1),
            window_width: Some(-1),
            timezone_offset_minutes: Some(841),
            java_enabled: Some(true),
            javascript_enabled: Some(true),
        }),
        save_payment_method: true,
        stored_credential: Some(pb::StoredCredential { initiator: 99, reason: 99, network_transaction_id: wrong() }),
    }
}

/// Whether exactly the fields that `request` has in the protos were named, and the `others`.
fn assert_all_named(told: &[String], request: &str, others: &[&str]) {
    let message = descriptors().get_message_by_name(&format!("corefy.gateway.v1.{request}")).unwrap();
    let mut expected = BTreeSet::new();
    add_paths(&message, "", &mut expected);
    expected.extend(others.iter().map(|&other| other.to_owned()));
    // A whole field stands for its entries.
    let told: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(told, expected, "{request}");
}

/// Adds the paths of the fields that can be wrong. Of a oneof, that is its first.
fn add_paths(message: &MessageDescriptor, prefix: &str, paths: &mut BTreeSet<String>) {
    for field in message.fields() {
        let is_other_choice =
            field.containing_oneof().is_some_and(|oneof| oneof.fields().next() != Some(field.clone()));
        let path = format!("{prefix}{}", field.name());
        match field.kind() {
            _ if is_other_choice => {}
            Kind::Bool => {}
            Kind::Message(inner) if !field.is_map() && inner.package_name() == "corefy.gateway.v1" => {
                add_paths(&inner, &format!("{path}."), paths);
            }
            _ => drop(paths.insert(path)),
        }
    }
}
