//! EventService: what happened, in the order in which it did.

use std::time::Duration;

use corefy_gateway::pb::{self, event::Object};

use crate::support::{
    app::{START, TestApp},
    client::{APPROVED, Client},
    database::TestDatabase,
    refusal::wrong_fields,
};

crate::on_both!(
    everything_that_happens_is_told_with_the_object_as_it_was_then,
    a_reader_goes_on_after_the_last_event_it_knows,
    events_are_filtered_by_type_and_by_object,
    what_cannot_be_asked_for_is_refused,
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
    let events = client.events(pb::ListEventsRequest::default()).await.unwrap().events;

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
    assert!(events.is_sorted_by(|a, b| a.id < b.id), "the ids do not sort by time");
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
}

async fn what_cannot_be_asked_for_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let default = pb::ListEventsRequest::default;
    let wrong = [
        (pb::ListEventsRequest { after_event_id: "pi_1".to_owned(), ..default() }, "after_event_id"),
        (pb::ListEventsRequest { object_id: "evt_1".to_owned(), ..default() }, "object_id"),
        (pb::ListEventsRequest { types: vec!["refund.lost".to_owned()], ..default() }, "types[0]"),
        (pb::ListEventsRequest { types: vec!["refund.created".to_owned(); 21], ..default() }, "types"),
        (pb::ListEventsRequest { page_size: 101, ..default() }, "page_size"),
        (pb::ListEventsRequest { page_size: -1, ..default() }, "page_size"),
        (pb::ListEventsRequest { page_token: "nonsense".to_owned(), ..default() }, "page_token"),
    ];
    for (request, field) in wrong {
        assert_eq!(wrong_fields(client.events(request).await), [field]);
    }
}

async fn ids(client: &Client, request: pb::ListEventsRequest) -> Vec<String> {
    client.events(request).await.unwrap().events.into_iter().map(|event| event.id).collect()
}
