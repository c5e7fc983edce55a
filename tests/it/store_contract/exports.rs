//! Rows for the books.

use std::collections::BTreeSet;

use corefy_gateway::{
    domain::{
        books::{Export, Exported, ExportedKind, Place},
        clock::Timestamp,
        event::EventType,
        ids::PartnerId,
    },
    store::{Changes, EventPlaces, ReadSession, Store},
};

use super::objects::{NOW, acme, after, other, paid_intent, payment_intent, save_intent};
use crate::{on_three, support::database::TestDatabase};

on_three![
    payments_come_in_the_order_of_their_creation_each_once,
    events_of_a_range_are_found_although_their_times_are_out_of_order,
];

const HOUR: i64 = 3600;

fn export(kind: ExportedKind, from: Timestamp, before: Timestamp) -> Export {
    Export { kind, from, before }
}

async fn payments_come_in_the_order_of_their_creation_each_once(database: TestDatabase) {
    let store = database.store().await;
    let mut expected = Vec::new();
    for second in [0, 5, 5, 5, 9, 10, 3] {
        let mut intent = payment_intent(acme(), None);
        intent.created_at = after(second);
        save_intent(&store, &intent).await;
        expected.push((intent.created_at, intent.id.to_string()));
    }
    save_intent(&store, &payment_intent(other(), None)).await;
    expected.sort();
    expected.retain(|(at, _)| *at < after(10));
    let range = export(ExportedKind::Payments, NOW, after(10));
    let mut place = Place { at: NOW.0, id: String::new() };
    let (mut session, mut found) = (store.read().await.unwrap(), Vec::new());
    loop {
        let page = session.exported_payments(&acme(), &range, &place, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        place = last.place();
        found.extend(page.iter().map(|it| (it.created_at(), it.place().id)));
    }
    assert_eq!(found, expected);
}

/// An event at each of these seconds after [`NOW`], in the order of their commits.
async fn tell(store: &Store, partner: PartnerId, seconds: impl IntoIterator<Item = i64>) {
    let mut changes = Changes::default();
    for second in seconds {
        changes.emit(EventType::PaymentIntentCreated, paid_intent(partner.clone()), after(second));
    }
    store.commit(&changes).await.unwrap();
}

async fn found(session: &mut ReadSession, range: &Export) -> (EventPlaces, Vec<Exported>) {
    let places = session.event_places(&acme(), range).await.unwrap();
    (places, session.exported_events(&acme(), range, places, 1000).await.unwrap())
}

async fn events_of_a_range_are_found_although_their_times_are_out_of_order(database: TestDatabase) {
    let store = database.store().await;
    // An event every two hours, for 200 hours; each is late by up to 23 hours.
    let times: Vec<_> = (0..100).map(|number| (number * 2 - number * 7 % 24) * HOUR).collect();
    tell(&store, acme(), times.clone()).await;
    tell(&store, other(), (0..20).map(|number| number * HOUR)).await;
    let mut session = store.read().await.unwrap();
    for (from, before) in [(-30, 300), (0, 10), (60, 61), (60, 64), (100, 150), (190, 300), (300, 400), (-300, -100)] {
        let range = export(ExportedKind::Events, after(from * HOUR), after(before * HOUR));
        let expected: Vec<_> = times.iter().filter(|at| (from * HOUR..before * HOUR).contains(*at)).collect();
        let (places, found) = found(&mut session, &range).await;
        let found: Vec<_> = found.iter().map(|event| (event.created_at().0 - NOW.0) / 1_000_000).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{from} to {before}");
        // No more than the disorder at both ends, and what is between.
        let room = before.min(250) - from.max(-50) + 2 * 24 + 2 * 24;
        assert!(places.until - places.after <= (room / 2 + 2).max(0) + 20, "{places:?}");
    }
    let range = export(ExportedKind::Events, after(0), after(200 * HOUR));
    let mut places = session.event_places(&acme(), &range).await.unwrap();
    let mut seen = BTreeSet::new();
    loop {
        let page = session.exported_events(&acme(), &range, places, 7).await.unwrap();
        let Some(last) = page.last() else { break };
        places.after = last.place().at;
        assert!(page.iter().all(|event| seen.insert(event.place().at)));
    }
    assert_eq!(seen.len(), times.iter().filter(|at| **at >= 0).count());
}
