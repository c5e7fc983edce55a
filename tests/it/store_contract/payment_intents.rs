//! Payment intents.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        clock::{TimeRange, Timestamp},
        ids::{CustomerId, Ids, PaymentIntentId},
        list_filters::PaymentIntentFilter,
        operation::{OperationKind, OperationState},
        payment_intent::{PaymentIntent, PaymentIntentState, Progress},
    },
    store::{Change, Conflict, ListPosition, Store, Tracked},
};
use sqlx::{AnyConnection, Connection as _, Executor as _};
use tokio::{task::JoinSet, time::timeout};

use super::objects::{
    NOW, acme, after, broken_rule, commit, conflict, customer, gateways, new_intent, operation, other, paid_intent,
    payment_intent, save_customer, save_intent, save_operation, update_intent, usd,
};
use crate::{
    on_three,
    support::database::{Backend, TestDatabase},
};

on_three![
    an_intent_reads_back_for_its_partner_only,
    an_intent_s_reference_is_unique_within_its_partner,
    an_intent_is_found_by_corefy_s_id,
    everything_of_an_intent_that_can_change_is_written_back,
    an_intent_can_be_taken_back,
    sums_that_cannot_be_are_refused,
    intents_are_listed_newest_first_page_by_page,
    intents_are_filtered,
    intents_of_several_states_are_one_list,
    corefy_is_asked_about_an_intent_once_in_a_while,
    a_poll_is_due_at_its_time_and_not_again_at_once,
    an_intent_that_an_open_operation_looks_after_is_not_polled,
    what_is_settled_is_polled_after_what_is_under_way,
    an_intent_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted,
    a_decision_that_relies_on_an_intent_stands_only_if_nobody_has_written_it_since,
    a_read_of_an_intent_waits_for_nobody_who_writes_it,
    no_increment_is_lost_among_fifty_at_the_same_time,
];

async fn poll(store: &Store, now: Timestamp, limit: u32) -> Vec<PaymentIntentId> {
    store.claim_polls(now, now + Duration::from_secs(60), limit).await.unwrap()
}

async fn poll_at(store: &Store, intent: &PaymentIntent, time: Timestamp) {
    update_intent(store, intent, Some(time)).await.unwrap();
}

async fn tracked(store: &Store, id: &PaymentIntentId) -> Tracked<PaymentIntent> {
    store.payment_intent_tracked(id).await.unwrap().unwrap()
}

async fn stored(store: &Store, id: &PaymentIntentId) -> Option<PaymentIntent> {
    store.read().await.unwrap().payment_intent_any(id).await.unwrap()
}

/// Commits a change that is stale, and checks that nothing of the commit was written.
async fn assert_stale(store: &Store, change: Tracked<PaymentIntent>) {
    let (before, companion) = (stored(store, &change.id).await, payment_intent(acme(), None));
    let id = change.id.clone();
    let outcome = commit(store, [new_intent(&companion), Change::PaymentIntent(Box::new(change), None)]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert_eq!(stored(store, &id).await, before);
    assert_eq!(stored(store, &companion.id).await, None);
}

async fn an_intent_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let written = PaymentIntent { charged_back: 3, refunded: 2, refund_pending: 1, ..paid_intent(acme()) };
    save_intent(&store, &written).await;
    let mut session = store.read().await.unwrap();
    assert_eq!(store.payment_intent(&acme(), &written.id).await.unwrap(), Some(written.clone()));
    assert_eq!(store.payment_intent(&other(), &written.id).await.unwrap(), None);
    assert_eq!(session.payment_intent_any(&written.id).await.unwrap(), Some(written));
    assert_eq!(session.payment_intent_any(&PaymentIntentId::generate(&Ids::system())).await.unwrap(), None);
}

async fn an_intent_s_reference_is_unique_within_its_partner(database: TestDatabase) {
    let store = database.store().await;
    let (first, second) = (payment_intent(acme(), Some("a")), payment_intent(acme(), Some("a")));
    save_intent(&store, &first).await;
    assert_eq!(conflict(commit(&store, [new_intent(&second)]).await), Conflict::ReferenceTaken);
    assert_eq!(stored(&store, &second.id).await, None);
    for free in [payment_intent(other(), Some("a")), payment_intent(acme(), None), payment_intent(acme(), None)] {
        save_intent(&store, &free).await;
    }
    let mut session = store.read().await.unwrap();
    assert_eq!(session.payment_intent_id_referenced(&acme(), "a").await.unwrap(), Some(first.id));
    assert_eq!(session.payment_intent_id_referenced(&acme(), "b").await.unwrap(), None);
}

async fn an_intent_is_found_by_corefy_s_id(database: TestDatabase) {
    let store = database.store().await;
    let known = PaymentIntent { upstream_id: Some("int_1".to_owned()), ..payment_intent(acme(), None) };
    save_intent(&store, &known).await;
    save_intent(&store, &payment_intent(acme(), None)).await;
    let mut session = store.read().await.unwrap();
    assert_eq!(session.payment_intent_id_upstream("int_1").await.unwrap(), Some(known.id));
    assert_eq!(session.payment_intent_id_upstream("int_2").await.unwrap(), None);
    let same = PaymentIntent { upstream_id: Some("int_1".to_owned()), ..payment_intent(acme(), None) };
    broken_rule(commit(&store, [new_intent(&same)]).await);
    assert_eq!(stored(&store, &same.id).await, None);
}

async fn everything_of_an_intent_that_can_change_is_written_back(database: TestDatabase) {
    let store = database.store().await;
    let (before, bystander) = (payment_intent(acme(), None), payment_intent(acme(), None));
    save_intent(&store, &before).await;
    save_intent(&store, &bystander).await;
    for state in PaymentIntentState::ALL {
        let changed = PaymentIntent {
            upstream_id: Some("int_1".to_owned()),
            state,
            received: 10_000,
            refunded: 2000,
            refund_pending: 300,
            charged_back: 40,
            progress: Progress::default(),
            upstream_version: after(5),
            updated_at: after(6),
            ..before.clone()
        };
        poll_at(&store, &changed, after(7)).await;
        assert_eq!(store.read().await.unwrap().payment_intent_any(&before.id).await.unwrap(), Some(changed));
    }
    assert_eq!(store.read().await.unwrap().payment_intent_any(&bystander.id).await.unwrap(), Some(bystander));
}

async fn an_intent_can_be_taken_back(database: TestDatabase) {
    let store = database.store().await;
    let (gone, bystander) = (payment_intent(acme(), Some("a")), payment_intent(acme(), None));
    save_intent(&store, &gone).await;
    save_intent(&store, &bystander).await;
    let mut deletion = tracked(&store, &gone.id).await;
    deletion.delete();
    commit(&store, [Change::PaymentIntent(Box::new(deletion), None)]).await.unwrap();
    assert_eq!(stored(&store, &gone.id).await, None);
    assert_eq!(stored(&store, &bystander.id).await, Some(bystander));
    // The reference is free again.
    save_intent(&store, &payment_intent(acme(), Some("a"))).await;
}

async fn sums_that_cannot_be_are_refused(database: TestDatabase) {
    let store = database.store().await;
    let paid = paid_intent(acme());
    save_intent(&store, &paid).await;
    let intent = || paid.clone();
    let impossible = [
        ("received more than asked", PaymentIntent { received: 10_001, ..intent() }),
        ("received less than nothing", PaymentIntent { received: -1, ..intent() }),
        ("refunded more than received", PaymentIntent { refunded: 10_001, ..intent() }),
        ("reserved more than received", PaymentIntent { refund_pending: 10_001, ..intent() }),
        ("both more than received", PaymentIntent { refunded: 5000, refund_pending: 5001, ..intent() }),
        ("refunded less than nothing", PaymentIntent { refunded: -1, ..intent() }),
        ("reserved less than nothing", PaymentIntent { refund_pending: -1, ..intent() }),
        ("charged back less than nothing", PaymentIntent { charged_back: -1, ..intent() }),
    ];
    for (what, broken) in impossible {
        broken_rule(update_intent(&store, &broken, None).await);
        assert_eq!(stored(&store, &paid.id).await.as_ref(), Some(&paid), "{what}");
    }
    let of_nothing = PaymentIntent { amount: usd(0), ..payment_intent(acme(), None) };
    broken_rule(commit(&store, [new_intent(&of_nothing)]).await);
    let to_the_last_cent = PaymentIntent { refunded: 5000, refund_pending: 5000, ..intent() };
    update_intent(&store, &to_the_last_cent, None).await.unwrap();
}

fn position(intent: &PaymentIntent) -> ListPosition {
    ListPosition { moment: intent.created_at, id: intent.id.to_string() }
}

async fn intents_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    let [a, b, c] = [(); 3].map(|()| payment_intent(acme(), None));
    let foreign = payment_intent(other(), None);
    for intent in [&b, &foreign, &c, &a] {
        save_intent(&store, intent).await;
    }
    let all = PaymentIntentFilter::default();
    let mut session = store.read().await.unwrap();
    assert_eq!(session.payment_intents(&acme(), &all, None, 2).await.unwrap().items, [c, b.clone()]);
    assert_eq!(session.payment_intents(&acme(), &all, Some(position(&b)), 2).await.unwrap().items, [a]);
    assert_eq!(session.payment_intents(&other(), &all, None, 9).await.unwrap().items, [foreign]);
}

async fn intents_are_filtered(database: TestDatabase) {
    let store = database.store().await;
    let jane = customer(acme(), None);
    save_customer(&store, &jane).await;
    let plain = payment_intent(acme(), None);
    let paid = PaymentIntent { created_at: after(10), ..paid_intent(acme()) };
    let hers = PaymentIntent {
        customer_id: Some(jane.id.clone()),
        created_at: after(20),
        ..payment_intent(acme(), Some("a"))
    };
    for intent in [&plain, &paid, &hers] {
        save_intent(&store, intent).await;
    }
    let list = async |filter: PaymentIntentFilter| {
        store.read().await.unwrap().payment_intents(&acme(), &filter, None, 9).await.unwrap().items
    };
    let none = PaymentIntentFilter::default;
    let by_state = PaymentIntentFilter { states: vec![PaymentIntentState::Succeeded], ..none() };
    assert_eq!(list(by_state).await, std::slice::from_ref(&paid));
    assert_eq!(
        list(PaymentIntentFilter { customer_id: Some(jane.id.clone()), ..none() }).await,
        std::slice::from_ref(&hers)
    );
    assert_eq!(
        list(PaymentIntentFilter { customer_id: Some(CustomerId::generate(&Ids::system())), ..none() }).await,
        []
    );
    assert_eq!(
        list(PaymentIntentFilter { reference_id: Some("a".to_owned()), ..none() }).await,
        std::slice::from_ref(&hers)
    );
    let since = PaymentIntentFilter { created: TimeRange { from: Some(after(10)), before: None }, ..none() };
    assert_eq!(list(since).await, [hers.clone(), paid.clone()], "from includes its moment");
    let until = PaymentIntentFilter { created: TimeRange { from: None, before: Some(after(20)) }, ..none() };
    assert_eq!(list(until).await, [paid.clone(), plain], "before excludes its moment");
    let all_at_once = PaymentIntentFilter {
        states: vec![PaymentIntentState::RequiresConfirmation],
        customer_id: Some(jane.id),
        reference_id: Some("a".to_owned()),
        created: TimeRange { from: Some(after(20)), before: Some(after(21)) },
        updated: TimeRange { from: Some(NOW), before: Some(after(1)) },
        ..none()
    };
    assert_eq!(list(all_at_once).await, [hers]);
    let later = PaymentIntentFilter { updated: TimeRange { from: Some(after(1)), before: None }, ..none() };
    assert_eq!(list(later).await, []);
}

async fn intents_of_several_states_are_one_list(database: TestDatabase) {
    let store = database.store().await;
    let [a, c] = [(); 2].map(|()| paid_intent(acme()));
    let (b, e) = (payment_intent(acme(), None), paid_intent(other()));
    let d = PaymentIntent { state: PaymentIntentState::Canceled, ..payment_intent(acme(), None) };
    let mut all = [a, b, c, d, e];
    for intent in &all {
        save_intent(&store, intent).await;
    }
    all.sort_by(|one, other| other.id.cmp(&one.id));
    let states = vec![PaymentIntentState::RequiresConfirmation, PaymentIntentState::Succeeded];
    let expected: Vec<_> =
        all.into_iter().filter(|intent| intent.partner_id == acme() && states.contains(&intent.state)).collect();
    let filter = PaymentIntentFilter { states, ..PaymentIntentFilter::default() };
    let mut session = store.read().await.unwrap();
    let first = session.payment_intents(&acme(), &filter, None, 2).await.unwrap().items;
    assert_eq!(first, expected[..2]);
    let rest = session.payment_intents(&acme(), &filter, Some(position(&first[1])), 2).await.unwrap().items;
    assert_eq!(rest, expected[2..]);
}

async fn corefy_is_asked_about_an_intent_once_in_a_while(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    assert!(store.ask_about_payment_intent(&intent.id, after(-1), NOW).await.unwrap());
    assert!(!store.ask_about_payment_intent(&intent.id, NOW, after(1)).await.unwrap(), "asked a moment ago");
    assert!(store.ask_about_payment_intent(&intent.id, Timestamp(NOW.0 + 1), after(1)).await.unwrap());
    assert!(!store.ask_about_payment_intent(&PaymentIntentId::generate(&Ids::system()), NOW, NOW).await.unwrap());
}

async fn a_poll_is_due_at_its_time_and_not_again_at_once(database: TestDatabase) {
    let store = database.store().await;
    let [a, b, never] = [(); 3].map(|()| payment_intent(acme(), None));
    for intent in [&a, &b, &never] {
        save_intent(&store, intent).await;
    }
    poll_at(&store, &a, after(20)).await;
    poll_at(&store, &b, after(10)).await;
    assert!(poll(&store, after(9), 9).await.is_empty());
    assert_eq!(poll(&store, after(30), 1).await, std::slice::from_ref(&b.id), "the one that waits longest");
    assert_eq!(poll(&store, after(30), 9).await, [a.id]);
    assert!(poll(&store, after(89), 9).await.is_empty());
    assert_eq!(poll(&store, after(90), 9).await.len(), 2, "nobody wrote what came of it");
    assert!(!store.ask_about_payment_intent(&b.id, after(90), after(90)).await.unwrap(), "a poll is an ask");
}

async fn what_is_settled_is_polled_after_what_is_under_way(database: TestDatabase) {
    let store = database.store().await;
    let [mut settled, under_way] = [(); 2].map(|()| payment_intent(acme(), None));
    (settled.state, settled.refund_pending) = (PaymentIntentState::Succeeded, 0);
    for intent in [&settled, &under_way] {
        save_intent(&store, intent).await;
    }
    poll_at(&store, &settled, after(10)).await;
    poll_at(&store, &under_way, after(20)).await;
    assert_eq!(poll(&store, after(30), 1).await, [under_way.id]);
    assert_eq!(poll(&store, after(30), 1).await, [settled.id]);
}

async fn an_intent_that_an_open_operation_looks_after_is_not_polled(database: TestDatabase) {
    let store = database.store().await;
    for state in OperationState::ALL {
        let intent = payment_intent(acme(), None);
        save_intent(&store, &intent).await;
        poll_at(&store, &intent, NOW).await;
        let mut operation = operation(OperationKind::ConfirmPaymentIntent, intent.id.as_str(), Some(&intent.id));
        operation.state = state;
        save_operation(&store, &operation).await;
        let is_looked_after = matches!(state, OperationState::Sent | OperationState::InDoubt);
        assert_eq!(poll(&store, NOW, 9).await.is_empty(), is_looked_after, "{state:?}");
    }
}

async fn an_intent_that_was_written_since_it_was_read_is_neither_overwritten_nor_deleted(database: TestDatabase) {
    let store = database.store().await;
    let written = payment_intent(acme(), None);
    save_intent(&store, &written).await;
    let read = tracked(&store, &written.id).await;
    let [mut first, mut update, mut deletion] = [(); 3].map(|()| read.clone());
    // No caller sees this, and the revision stays.
    first.upstream_id = Some("int_1".to_owned());
    update.revision += 1;
    deletion.delete();
    commit(&store, [Change::PaymentIntent(Box::new(first.clone()), None)]).await.unwrap();
    for stale in [update.clone(), deletion.clone()] {
        assert_stale(&store, stale).await;
    }
    let mut last = tracked(&store, &written.id).await;
    assert_eq!(*last, first.into_inner(), "read again, it is as the first has left it");
    last.delete();
    commit(&store, [Change::PaymentIntent(Box::new(last), None)]).await.unwrap();
    for stale in [update, deletion] {
        assert_stale(&store, stale).await;
    }
}

async fn a_decision_that_relies_on_an_intent_stands_only_if_nobody_has_written_it_since(database: TestDatabase) {
    let store = database.store().await;
    let written = payment_intent(acme(), None);
    save_intent(&store, &written).await;
    let read = tracked(&store, &written.id).await;
    let [mut first, mut second] = [(); 2].map(|()| read.clone());
    first.require_unchanged();
    second.require_unchanged();
    commit(&store, [Change::PaymentIntent(Box::new(first), None)]).await.unwrap();
    assert_eq!(stored(&store, &written.id).await, Some(written));
    assert_stale(&store, second).await;
}

async fn a_read_of_an_intent_waits_for_nobody_who_writes_it(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let mut writer = AnyConnection::connect(database.url()).await.unwrap();
    writer.execute(if database.backend() == Backend::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await.unwrap();
    writer.execute("UPDATE payment_intents SET amount = amount + 1").await.unwrap();
    let reads = async {
        assert_eq!(stored(&store, &intent.id).await.as_ref(), Some(&intent));
        assert_eq!(*tracked(&store, &intent.id).await, intent);
    };
    timeout(Duration::from_secs(2), reads).await.expect("a read waited");
    writer.close().await.unwrap();
}

async fn no_increment_is_lost_among_fifty_at_the_same_time(database: TestDatabase) {
    let stores = gateways(&database).await;
    let paid = paid_intent(acme());
    save_intent(&stores[0], &paid).await;
    let mut tasks = JoinSet::new();
    for store in stores.iter().cycle().take(50) {
        let (store, id) = (store.clone(), paid.id.clone());
        tasks.spawn(async move {
            loop {
                let mut intent = tracked(&store, &id).await;
                intent.refunded += 1;
                tokio::task::yield_now().await;
                match commit(&store, [Change::PaymentIntent(Box::new(intent), None)]).await {
                    Ok(()) => return,
                    outcome => assert!(matches!(conflict(outcome), Conflict::Stale | Conflict::Locked)),
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(stored(&stores[0], &paid.id).await.unwrap().refunded, 50);
}
