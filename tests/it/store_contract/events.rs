//! Events.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        event::{Event, EventObject, EventType},
        event_filter::{EventFilter, EventPattern},
        ids::EventId,
    },
    store::{Change, Changes, Conflict, Store},
};

use tokio::{task::JoinSet, time::sleep};

use super::objects::{
    NOW, acme, after, conflict, customer, gateways, other, paid_intent, payment_intent, payment_method, refund,
    save_intent,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    an_event_keeps_its_object_as_it_was_then,
    events_are_listed_oldest_first_page_by_page,
    events_are_filtered_by_type_and_object,
    of_two_decisions_on_one_version_of_an_object_one_tells_its_event,
    a_reader_misses_none_of_what_64_writers_tell_whenever_they_commit,
];

async fn tell(store: &Store, types: &[EventType], object: impl Into<EventObject>) {
    let (mut changes, object) = (Changes::default(), object.into());
    for kind in types {
        changes.emit(*kind, object.clone(), NOW);
    }
    store.commit(&changes).await.unwrap();
}

async fn list(store: &Store, filter: &EventFilter, after: Option<&EventId>, limit: u32) -> Vec<Event> {
    let mut session = store.read().await.unwrap();
    let position = match after {
        Some(id) => session.event_position(&acme(), id.as_str()).await.unwrap().unwrap(),
        None => 0,
    };
    session.events(&acme(), filter, (position, None), limit).await.unwrap()
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

async fn an_event_keeps_its_object_as_it_was_then(database: TestDatabase) {
    let store = database.store().await;
    let (intent, customer) = (paid_intent(acme()), customer(acme(), None));
    let objects: [EventObject; 4] =
        [refund(&intent, Some("a")).into(), payment_method(&customer).into(), customer.into(), intent.into()];
    for object in &objects {
        tell(&store, &[EventType::PaymentIntentCreated], object.clone()).await;
    }
    let events = list(&store, &EventFilter::default(), None, 9).await;
    assert_eq!(events.len(), objects.len());
    for (event, object) in events.iter().zip(&objects) {
        assert_eq!(serde_json::to_string(&event.object).unwrap(), serde_json::to_string(object).unwrap());
        assert_eq!((&event.partner_id, event.created_at), (&acme(), NOW));
    }
}

async fn events_are_listed_oldest_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    tell(&store, &[EventType::PaymentIntentCreated, EventType::PaymentIntentProcessing], paid_intent(acme())).await;
    tell(&store, &[EventType::PaymentIntentCreated], payment_intent(other(), None)).await;
    tell(&store, &[EventType::PaymentIntentSucceeded], paid_intent(acme())).await;
    let all = EventFilter::default();
    let first = list(&store, &all, None, 2).await;
    assert_eq!(kinds(&first), ["payment_intent.created", "payment_intent.processing"]);
    let next = list(&store, &all, Some(&first[1].id), 2).await;
    assert_eq!(kinds(&next), ["payment_intent.succeeded"]);
    assert!(list(&store, &all, Some(&next[0].id), 9).await.is_empty());
    let mut session = store.read().await.unwrap();
    assert_eq!(session.event_oldest(&acme()).await.unwrap().unwrap(), (first[0].id.clone(), 1));
    assert_eq!(session.event_last(&acme(), i64::MAX).await.unwrap().unwrap(), (next[0].id.clone(), 4));
    assert_eq!(
        session.event_last(&acme(), 3).await.unwrap().unwrap(),
        (first[1].id.clone(), 2),
        "3 is another partner's"
    );
    let within = session.events(&acme(), &all, (1, Some(3)), 9).await.unwrap();
    assert_eq!(within.iter().map(|event| event.sequence).collect::<Vec<_>>(), [2]);
    let kept = session.events_kept().await.unwrap();
    assert_eq!((kept.oldest, kept.last), (Some((first[0].id.clone(), 1)), 4));
    assert_eq!(session.event_position(&other(), first[0].id.as_str()).await.unwrap(), None, "another partner's");
}

async fn events_are_filtered_by_type_and_object(database: TestDatabase) {
    let store = database.store().await;
    let (one, two) = (paid_intent(acme()), paid_intent(acme()));
    tell(&store, &[EventType::PaymentIntentCreated, EventType::PaymentIntentSucceeded], one.clone()).await;
    tell(&store, &[EventType::PaymentIntentCreated], two).await;
    let words =
        |types: &[EventType]| types.iter().map(|kind| EventPattern::Type(kind.as_str().to_owned())).collect::<Vec<_>>();
    let count = async |filter: EventFilter| list(&store, &filter, None, 9).await.len();
    let none = EventFilter::default;
    assert_eq!(count(EventFilter { types: words(&[EventType::PaymentIntentCreated]), ..none() }).await, 2);
    assert_eq!(count(EventFilter { types: words(&[EventType::RefundCreated]), ..none() }).await, 0);
    let both = words(&[EventType::PaymentIntentCreated, EventType::PaymentIntentSucceeded]);
    assert_eq!(count(EventFilter { types: both.clone(), ..none() }).await, 3);
    // The underscore is a letter here, and not any letter.
    for (prefix, expected) in [("payment_intent.", 3), ("payment.intent.", 0), ("refund.", 0)] {
        let types = vec![EventPattern::Prefix(prefix.to_owned()), EventPattern::Type("customer.created".to_owned())];
        assert_eq!(count(EventFilter { types, ..none() }).await, expected, "{prefix}");
    }
    assert_eq!(count(EventFilter { object_id: Some(one.id.to_string()), ..none() }).await, 2);
    let of_one = EventFilter { types: words(&[EventType::PaymentIntentCreated]), object_id: Some(one.id.to_string()) };
    assert_eq!(count(of_one).await, 1);
}

async fn of_two_decisions_on_one_version_of_an_object_one_tells_its_event(database: TestDatabase) {
    let store = database.store().await;
    let mut intent = paid_intent(acme());
    intent.progress.is_contradiction_reported = false;
    save_intent(&store, &intent).await;
    let read = store.payment_intent_tracked(&intent.id).await.unwrap().unwrap();
    // An event that is told once is noted on the object in the same commit.
    let report = |time| {
        let (mut changes, mut reported) = (Changes::default(), read.clone());
        reported.progress.is_contradiction_reported = true;
        changes.emit(EventType::PaymentIntentOrphanCharge, reported.clone().into_inner(), time);
        changes.push(Change::PaymentIntent(Box::new(reported), None));
        changes
    };
    store.commit(&report(NOW)).await.unwrap();
    assert_eq!(conflict(store.commit(&report(after(1))).await), Conflict::Stale);
    tell(&store, &[EventType::PaymentIntentChargedBack], intent.clone()).await;
    let events = list(&store, &EventFilter::default(), None, 9).await;
    assert_eq!(kinds(&events), ["payment_intent.orphan_charge", "payment_intent.charged_back"]);
    assert_eq!(events[0].created_at, NOW);
    assert!(events.iter().map(|event| event.sequence).eq([1, 2]), "what was refused has taken no place");
    let stored = store.payment_intent(&acme(), &intent.id).await.unwrap().unwrap();
    assert!(stored.progress.is_contradiction_reported);
}

async fn a_reader_misses_none_of_what_64_writers_tell_whenever_they_commit(database: TestDatabase) {
    const WRITERS: usize = 64;
    const EACH: usize = 4;
    let stores = gateways(&database).await;
    let mut writers = JoinSet::new();
    for (writer, store) in stores.iter().cycle().take(WRITERS).cloned().enumerate() {
        writers.spawn(async move {
            for round in 0..EACH {
                let mut changes = Changes::default();
                changes.emit(EventType::PaymentIntentCreated, paid_intent(acme()), NOW);
                // How long the commit comes after the decision differs from writer to writer.
                sleep(Duration::from_millis((writer * 7 + round * 13) as u64 % 10)).await;
                store.commit(&changes).await.unwrap();
            }
        });
    }
    let store = &stores[0];
    let mut seen: Vec<(i64, EventId)> = Vec::new();
    while seen.len() < WRITERS * EACH {
        let position = seen.last().map_or(0, |(position, _)| *position);
        let mut session = store.read().await.unwrap();
        let found = session.events(&acme(), &EventFilter::default(), (position, None), 7).await.unwrap();
        seen.extend(found.into_iter().map(|event| (event.sequence, event.id)));
        sleep(Duration::from_millis(1)).await;
    }
    writers.join_all().await;
    let all = store.read().await.unwrap().events(&acme(), &EventFilter::default(), (0, None), 1000).await.unwrap();
    let all: Vec<_> = all.into_iter().map(|event| (event.sequence, event.id)).collect();
    assert_eq!(seen, all, "the reader has seen all, in the order they have for ever");
    assert!(seen.iter().map(|(position, _)| *position).eq(1..=(WRITERS * EACH) as i64), "without a gap");
}
