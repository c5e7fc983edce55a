//! EventService: what happened, in the order in which it did.

use std::{collections::BTreeMap, time::Duration};

use corefy_gateway::{
    domain::ids::{EventId, Ids},
    pb::{self, event::Object, payment_intent_service_client::PaymentIntentServiceClient},
    sandbox::faults::Fault,
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use tonic::Code;

use crate::support::{
    app::{START, TestApp},
    client::{APPROVED, Client, confirmation, new_intent, new_refund},
    contract::descriptors,
    database::TestDatabase,
    refusal::{refused, wrong_fields},
};

const CHARGED_500: &str = "4000000000005019";

crate::on_both!(
    everything_that_happens_is_told_with_the_object_as_it_was_then,
    a_reader_goes_on_after_the_last_event_it_knows,
    events_are_filtered_by_type_and_by_object,
    what_cannot_be_asked_for_is_refused,
    a_basic_event_has_no_personal_data_and_a_full_one_has_all,
    an_event_names_the_operation_and_the_request_that_it_comes_from,
    an_event_about_an_operation_shows_the_operation,
    an_event_that_never_was_is_not_found_and_one_that_was_deleted_is_not_kept,
);

async fn everything_that_happens_is_told_with_the_object_as_it_was_then(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await;
    let intent = client.intent("10.00").await;
    app.clock.advance(Duration::from_secs(3));
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let refund = client.refund(&intent.id, "4.00").await.unwrap();
    let events = client.events(full()).await.unwrap().events;

    let told: Vec<_> = events.iter().map(|event| (event.r#type.as_str(), event.object_id.as_str())).collect();
    let expected = [
        ("customer.created", customer.as_str()),
        ("payment_method.created", &method.id),
        ("payment_intent.created", &intent.id),
        ("payment_intent.succeeded", &intent.id),
        ("refund.created", &refund.id),
        ("refund.succeeded", &refund.id),
    ];
    assert_eq!(told, expected);
    assert!(events.iter().all(|event| event.id.starts_with("evt_")));
    let sequence: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequence, [1, 2, 3, 4, 5, 6]);
    let seconds: Vec<_> = events.iter().map(|event| event.created_at.unwrap().seconds - START.seconds()).collect();
    assert_eq!(seconds, [0, 0, 0, 3, 3, 3]);
    let Some(Object::PaymentIntent(then)) = &events[2].object else { panic!("not an intent") };
    assert!(*then == intent, "the object is not as it was then");
    let Some(Object::PaymentMethod(then)) = &events[1].object else { panic!("not a method") };
    assert!(*then == method);
    assert!(matches!(&events[5].object, Some(Object::Refund(then)) if then.state() == pb::RefundState::Succeeded));
}

async fn a_reader_goes_on_after_the_last_event_it_knows(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    let all = ids(&client, pb::ListEventsRequest::default()).await;
    assert_eq!(all.len(), 2);

    let after = |id: &str| pb::ListEventsRequest { after_event_id: id.to_owned(), ..Default::default() };
    assert_eq!(ids(&client, after(&all[0])).await, all[1..]);
    assert!(ids(&client, after(&all[1])).await.is_empty());
    client.customer("jane@example.com").await;
    assert_eq!(ids(&client, after(&all[1])).await.len(), 1);

    let first = pb::ListEventsRequest { page_size: 3, after_event_id: all[0].clone(), ..Default::default() };
    assert_eq!(client.events(first).await.unwrap().next_page_token, "");
    let mut request = pb::ListEventsRequest { page_size: 2, ..Default::default() };
    let page = client.events(request.clone()).await.unwrap();
    request.page_token = page.next_page_token;
    assert_eq!((page.events.len(), ids(&client, request.clone()).await.len()), (2, 1));
    let filtered = pb::ListEventsRequest { types: vec!["customer.created".to_owned()], ..request.clone() };
    assert_eq!(wrong_fields(client.events(filtered).await), ["page_token"]);
    let both = pb::ListEventsRequest { after_event_id: all[0].clone(), ..request };
    assert_eq!(wrong_fields(client.events(both).await), ["after_event_id"]);
}

async fn events_are_filtered_by_type_and_by_object(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = client.paid_intent("10.00").await;
    let second = client.paid_intent("20.00").await;
    let of = |types: &[&str], object: &str| pb::ListEventsRequest {
        types: types.iter().map(|&kind| kind.to_owned()).collect(),
        object_id: object.to_owned(),
        ..Default::default()
    };
    let created = ids(&client, of(&["payment_intent.created"], "")).await;
    assert_eq!(created.len(), 2);
    let two = ["payment_intent.created", "payment_intent.succeeded"];
    assert_eq!(ids(&client, of(&two, "")).await.len(), 4);
    assert_eq!(ids(&client, of(&[], &first.id)).await.len(), 2);
    assert_eq!(ids(&client, of(&[], &first.payment_id)).await, ids(&client, of(&[], &first.id)).await);
    assert_eq!(ids(&client, of(&["payment_intent.created"], &second.id)).await, created[1..]);
    assert!(ids(&client, of(&["refund.created"], &second.id)).await.is_empty());
    assert_eq!(ids(&client, of(&["payment_intent.*"], "")).await.len(), 4);
    assert_eq!(ids(&client, of(&["refund.*", "payment_intent.created"], "")).await, created);
    assert!(ids(&client, of(&["payment_intent.of_a_newer_gateway"], "")).await.is_empty());
}

async fn what_cannot_be_asked_for_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let default = pb::ListEventsRequest::default;
    let wrong = [
        (pb::ListEventsRequest { after_event_id: "pi_1".to_owned(), ..default() }, "after_event_id"),
        (pb::ListEventsRequest { object_id: "evt_1".to_owned(), ..default() }, "object_id"),
        (pb::ListEventsRequest { types: vec!["refunds.*".to_owned()], ..default() }, "types[0]"),
        (pb::ListEventsRequest { types: vec!["refund.created".to_owned(); 101], ..default() }, "types"),
        (pb::ListEventsRequest { view: 3, ..default() }, "view"),
        (pb::ListEventsRequest { page_size: 101, ..default() }, "page_size"),
        (pb::ListEventsRequest { page_size: -1, ..default() }, "page_size"),
        (pb::ListEventsRequest { page_token: "nonsense".to_owned(), ..default() }, "page_token"),
    ];
    for (request, field) in wrong {
        assert_eq!(wrong_fields(client.events(request).await), [field]);
    }
}

/// A text that stands in every field that may have personal data.
const MARK: &str = "Xylophone";

async fn a_basic_event_has_no_personal_data_and_a_full_one_has_all(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let address = || pb::Address { line1: MARK.to_owned(), city: MARK.to_owned(), ..Default::default() };
    let metadata = || BTreeMap::from([(MARK.to_owned(), MARK.to_owned())]);
    let customer = pb::CreateCustomerRequest {
        email: format!("{MARK}@example.com"),
        name: MARK.to_owned(),
        address: Some(address()),
        metadata: metadata(),
        ..Default::default()
    };
    client.create_customer(customer).await.unwrap();
    let intent = client.created(pb::CreatePaymentIntentRequest {
        customer_email: format!("{MARK}@example.com"),
        customer_name: MARK.to_owned(),
        description: MARK.to_owned(),
        return_url: format!("https://shop.example/{MARK}"),
        failure_url: format!("https://shop.example/{MARK}"),
        billing_address: Some(address()),
        metadata: metadata(),
        ..new_intent("10.00")
    });
    let intent = intent.await;
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let refund = pb::CreateRefundRequest {
        reason: MARK.to_owned(),
        reference_id: "refund-1".to_owned(),
        metadata: metadata(),
        ..new_refund(&intent.id, "1.00")
    };
    client.create_refund(refund).await.unwrap();

    let marks = |events: &[pb::Event]| {
        events.iter().filter(|event| String::from_utf8_lossy(&event.encode_to_vec()).contains(MARK)).count()
    };
    let (basic, full) = (client.events(pb::ListEventsRequest::default()).await.unwrap().events, full());
    let full = client.events(full).await.unwrap().events;
    assert_eq!((basic.len(), full.len()), (5, 5));
    assert_eq!((marks(&basic), marks(&full)), (0, 5));
    let Some(Object::PaymentIntent(then)) = &basic[2].object else { panic!("not an intent: {:?}", basic[2]) };
    assert_eq!((then.state(), then.amount_received.as_str()), (pb::PaymentIntentState::Succeeded, "10.00"));
    assert_eq!((&then.id, then.updated_at.is_some()), (&intent.id, true));
}

async fn an_event_names_the_operation_and_the_request_that_it_comes_from(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let request = client.signed(confirmation(&intent.id, CHARGED_500));
    let mut request = request;
    request.metadata_mut().insert("x-request-id", "order-17".parse().unwrap());
    let mut service = PaymentIntentServiceClient::new(client.channel.clone());
    service.confirm_payment_intent(request).await.unwrap();
    app.recover_after(Duration::from_secs(2)).await;
    let events = client.events(pb::ListEventsRequest::default()).await.unwrap().events;
    let types: Vec<_> = events.iter().map(|event| event.r#type.as_str()).collect();
    assert_eq!(types, ["payment_intent.created", "operation.in_doubt", "payment_intent.succeeded"]);
    let [created, doubt, paid] = &events[..] else { panic!("{types:?}") };
    assert_eq!((doubt.request_id.as_str(), paid.request_id.as_str()), ("order-17", "order-17"));
    assert!(created.operation_id.starts_with("op_") && created.operation_id != doubt.operation_id);
    assert_eq!(doubt.operation_id, paid.operation_id, "what recovery finds out comes from the call");
    assert!(!created.request_id.is_empty());

    app.sandbox.refund_from_dashboard(&intent.id, 100).unwrap();
    app.clock.advance(Duration::from_secs(3600));
    client.get(&intent.id).await;
    let events = client.events(pb::ListEventsRequest::default()).await.unwrap().events;
    let foreign = events.iter().find(|event| event.r#type == "payment_intent.refunded_upstream").unwrap();
    assert_eq!((foreign.request_id.as_str(), foreign.operation_id.as_str()), ("", ""), "it comes from no call");
}

async fn an_event_about_an_operation_shows_the_operation(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    client.confirm(&intent.id, CHARGED_500).await.unwrap();
    app.sandbox.faults().fail_next(u32::MAX, "GET", "/v1/payments/{id}", Fault::WrongAmount);
    // A contradiction counts when it stays.
    app.recover_after(Duration::from_secs(5)).await;
    app.recover_after(Duration::from_secs(2)).await;
    let types = vec!["operation.*".to_owned()];
    let events = client.events(pb::ListEventsRequest { types, ..Default::default() }).await.unwrap().events;
    let [doubt, person] = &events[..] else { panic!("{events:?}") };
    for (event, state) in [(doubt, pb::OperationState::InDoubt), (person, pb::OperationState::NeedsOperator)] {
        let Some(Object::Operation(operation)) = &event.object else { panic!("not an operation: {event:?}") };
        assert_eq!((operation.state(), operation.kind()), (state, pb::OperationKind::ConfirmPaymentIntent));
        assert_eq!((&operation.id, &operation.object_id), (&event.operation_id, &intent.id));
        assert_eq!((&event.object_id, &operation.payment_intent_id), (&intent.id, &intent.id));
        assert_eq!(operation.since.unwrap().seconds, START.seconds());
        let is_looked_up = state == pb::OperationState::InDoubt;
        assert_eq!(operation.next_check_at.is_some(), is_looked_up);
    }
}

async fn an_event_that_never_was_is_not_found_and_one_that_was_deleted_is_not_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, other) = (app.client().await, app.client_of(|new| new.partner_name = "Other".to_owned()).await);
    client.paid_intent("10.00").await;
    let [first, second] = &ids(&client, pb::ListEventsRequest::default()).await[..] else { panic!("two events") };
    let after = |id: &str| pb::ListEventsRequest { after_event_id: id.to_owned(), ..Default::default() };
    let never = EventId::generate(&Ids::system()).to_string();
    for (reader, id) in [(&client, &never), (&other, first)] {
        let refusal = refused(reader.events(after(id)).await);
        assert_eq!((refusal.code, refusal.facts["resource_id"].as_str()), (Code::NotFound, id.as_str()));
    }
    app.database.execute("DELETE FROM events WHERE position = 1").await;
    let refusal = refused(client.events(after(first)).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::OutOfRange, "EVENT_NOT_KEPT"));
    assert_eq!(&refusal.facts["oldest_event_id"], second);
    assert!(client.events(after(second)).await.unwrap().events.is_empty(), "what is kept is a beginning");
    app.clock.advance(Duration::from_secs(1));
    let later = format!("evt_{}", "f".repeat(32));
    assert_eq!(refused(client.events(after(&later)).await).code, Code::NotFound);
}

#[test]
fn a_basic_view_leaves_out_every_field_with_the_option_and_no_other() {
    let event = descriptors().get_message_by_name("corefy.gateway.v1.Event").unwrap();
    for arm in event.oneofs().next().unwrap().fields() {
        let mut filled = DynamicMessage::new(event.clone());
        filled.set_field(&arm, one_of(&arm));
        let whole = paths(&filled, "");
        let mut read: pb::Event = filled.transcode_to().unwrap();
        read.leave_out_personal_data();
        let mut basic = DynamicMessage::new(event.clone());
        basic.transcode_from(&read).unwrap();
        let expected = whole.iter().filter(|(_, is_personal)| !is_personal).cloned();
        assert_eq!(paths(&basic, ""), expected.collect::<Vec<_>>());
        assert!(whole.len() > 5, "{whole:?}");
    }
}

/// The message with a value in every field; of a choice, in its last.
fn filled(message: MessageDescriptor) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        filled.set_field(&field, one_of(&field));
    }
    filled
}

fn one_of(field: &FieldDescriptor) -> Value {
    let one = match field.kind() {
        _ if field.is_map() => {
            return Value::Map([(MapKey::String("k".to_owned()), Value::String("v".to_owned()))].into());
        }
        Kind::String => Value::String("s".to_owned()),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 => Value::I32(1),
        Kind::Int64 => Value::I64(1),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(inner) => Value::Message(filled(inner)),
        other => panic!("no value for {other:?}"),
    };
    if field.is_list() { Value::List(vec![one]) } else { one }
}

/// The paths of all fields that are set, each with whether it or one around it has the option.
fn paths(message: &DynamicMessage, prefix: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    for (field, value) in message.fields() {
        let (options, path) = (field.options(), format!("{prefix}{}", field.name()));
        let is_personal = matches!(options.get_field_by_name("debug_redact").as_deref(), Some(Value::Bool(true)));
        found.push((path.clone(), is_personal));
        if let Value::Message(inner) = value {
            let inner = paths(inner, &format!("{path}."));
            found.extend(inner.into_iter().map(|(path, is_inner)| (path, is_inner || is_personal)));
        }
    }
    found
}

fn full() -> pb::ListEventsRequest {
    pb::ListEventsRequest { view: pb::EventView::Full.into(), ..Default::default() }
}

async fn ids(client: &Client, request: pb::ListEventsRequest) -> Vec<String> {
    client.events(request).await.unwrap().events.into_iter().map(|event| event.id).collect()
}
