//! Chargebacks.

use corefy_gateway::{
    domain::{
        chargeback::Chargeback,
        clock::{TimeRange, Timestamp},
        ids::{Ids, PartnerId},
        list_filters::ChargebackFilter,
        payment_intent::PaymentIntent,
    },
    store::{Change, Conflict, ListPosition, Store},
};

use super::objects::{acme, after, broken_rule, commit, conflict, new_intent, other, paid_intent, save_intent};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_chargeback_is_written_with_the_sum_that_it_raises_or_not_at_all,
    a_sum_of_a_payment_is_charged_back_once,
    a_chargeback_is_of_some_money_and_of_a_payment_that_exists,
    chargebacks_are_listed_newest_first_within_a_range_and_by_payment,
];

/// The intent with this sum of chargebacks, in minor units, and the chargeback that it rises by.
fn charged_back(intent: &PaymentIntent, sum: i64, at: Timestamp) -> (PaymentIntent, Chargeback) {
    let raised = PaymentIntent { charged_back: sum, revision: intent.revision + 1, ..intent.clone() };
    let chargeback = Chargeback::of_rise(&raised, intent.charged_back, &Ids::system(), at).unwrap();
    (raised, chargeback)
}

async fn listed(
    store: &Store,
    partner: &PartnerId,
    filter: &ChargebackFilter,
    after: Option<ListPosition>,
    limit: u32,
) -> Vec<Chargeback> {
    store.read().await.unwrap().chargebacks(partner, filter, after, limit).await.unwrap()
}

async fn all(store: &Store) -> Vec<Chargeback> {
    listed(store, &acme(), &ChargebackFilter::default(), None, 100).await
}

/// Raises the sum of an intent as it was read now, by the chargeback.
async fn raise(store: &Store, raised: &PaymentIntent, chargeback: &Chargeback) {
    let mut intent = store.payment_intent_tracked(&raised.id).await.unwrap().unwrap();
    *intent = raised.clone();
    let changes = [Change::PaymentIntent(Box::new(intent), None), Change::Chargeback(chargeback.clone())];
    commit(store, changes).await.unwrap();
}

async fn a_chargeback_is_written_with_the_sum_that_it_raises_or_not_at_all(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    save_intent(&store, &intent).await;
    // Two gateways have read the same.
    let read = || async { store.payment_intent_tracked(&intent.id).await.unwrap().unwrap() };
    let (mut first, mut second) = (read().await, read().await);
    let (raised, chargeback) = charged_back(&intent, 400, after(1));
    let (higher, late) = charged_back(&intent, 700, after(2));
    (*first, *second) = (raised, higher);
    commit(&store, [Change::PaymentIntent(Box::new(first), None), Change::Chargeback(chargeback.clone())])
        .await
        .unwrap();
    let outcome = commit(&store, [Change::PaymentIntent(Box::new(second), None), Change::Chargeback(late)]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert_eq!(all(&store).await, [chargeback]);
    assert_eq!(store.payment_intent(&acme(), &intent.id).await.unwrap().unwrap().charged_back, 400);
}

async fn a_sum_of_a_payment_is_charged_back_once(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    save_intent(&store, &intent).await;
    let (_, first) = charged_back(&intent, 400, after(1));
    let (_, again) = charged_back(&intent, 400, after(2));
    commit(&store, [Change::Chargeback(first.clone())]).await.unwrap();
    let companion = paid_intent(acme());
    let outcome = commit(&store, [new_intent(&companion), Change::Chargeback(again)]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert_eq!(all(&store).await, [first]);
    assert_eq!(store.payment_intent(&acme(), &companion.id).await.unwrap(), None);
}

async fn a_chargeback_is_of_some_money_and_of_a_payment_that_exists(database: TestDatabase) {
    let store = database.store().await;
    let (intent, unknown) = (paid_intent(acme()), paid_intent(acme()));
    save_intent(&store, &intent).await;
    let (_, chargeback) = charged_back(&intent, 400, after(1));
    let nothing = Chargeback { amount: intent.money(0), ..chargeback.clone() };
    let more_than_all = Chargeback { amount: intent.money(401), ..chargeback };
    let (_, of_nobody) = charged_back(&unknown, 400, after(1));
    for wrong in [nothing, more_than_all, of_nobody] {
        broken_rule(commit(&store, [Change::Chargeback(wrong)]).await);
    }
    assert_eq!(all(&store).await, []);
}

async fn chargebacks_are_listed_newest_first_within_a_range_and_by_payment(database: TestDatabase) {
    let store = database.store().await;
    let (ours, others, theirs) = (paid_intent(acme()), paid_intent(acme()), paid_intent(other()));
    let mut made = Vec::new();
    for (number, intent) in [&ours, &others, &theirs].into_iter().enumerate() {
        save_intent(&store, intent).await;
        let at = after(10 * i64::try_from(number).unwrap());
        let (raised, first) = charged_back(intent, 300, at);
        let (again, second) = charged_back(&raised, 1000, Timestamp(at.0 + 1));
        raise(&store, &raised, &first).await;
        raise(&store, &again, &second).await;
        assert_eq!((second.amount.minor, second.total.minor), (700, 1000));
        made.extend([first, second]);
    }
    let [a, b, c, d, e, f] = &made[..] else { panic!("{made:?}") };
    let filter = ChargebackFilter::default;
    assert_eq!(all(&store).await, [d.clone(), c.clone(), b.clone(), a.clone()]);
    assert_eq!(listed(&store, &other(), &filter(), None, 100).await, [f.clone(), e.clone()]);
    let place = |at: &Chargeback| Some(ListPosition { moment: at.created_at, id: at.id.to_string() });
    assert_eq!(listed(&store, &acme(), &filter(), None, 2).await, [d.clone(), c.clone()]);
    assert_eq!(listed(&store, &acme(), &filter(), place(c), 2).await, [b.clone(), a.clone()]);
    let of_payment = ChargebackFilter { payment_intent_id: Some(ours.id.clone()), ..filter() };
    assert_eq!(listed(&store, &acme(), &of_payment, None, 100).await, [b.clone(), a.clone()]);
    assert_eq!(listed(&store, &other(), &of_payment, None, 100).await, []);
    let range = TimeRange { from: Some(b.created_at), before: Some(d.created_at) };
    let within = ChargebackFilter { created: range, ..filter() };
    assert_eq!(listed(&store, &acme(), &within, None, 100).await, [c.clone(), b.clone()]);
}
