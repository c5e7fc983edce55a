//! Search terms: what is sealed in a row and found by its keyed hash.

use corefy_gateway::{
    domain::{
        decline::PaymentError,
        hash_key::HashKey,
        ids::PartnerId,
        payment_intent::PaymentIntent,
        private::Private,
        search_term::{SearchTerm, SearchedKind, TermHasher},
    },
    store::{Change, ListPosition, Store},
};

use super::objects::{
    CANARY, acme, after, commit, customer, other, paid_intent, payment_intent, refund, save_customer, save_intent,
    save_refund, update_intent,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    objects_are_found_by_their_terms_for_their_partner_only,
    what_a_term_finds_is_listed_newest_first_page_by_page,
    an_object_is_found_by_what_it_is_now_and_not_by_what_it_was,
    what_is_deleted_is_found_no_more,
    terms_tell_nothing_without_the_hash_key,
];

async fn found(store: &Store, partner: &PartnerId, kind: SearchedKind, term: &SearchTerm) -> Vec<String> {
    let found = store.ids_by_term(partner, kind, term, None, 9).await.unwrap();
    found.into_iter().map(|place| place.id).collect()
}

async fn intents(store: &Store, term: &SearchTerm) -> Vec<String> {
    found(store, &acme(), SearchedKind::PaymentIntent, term).await
}

fn canary_email() -> SearchTerm {
    SearchTerm::email(&format!("{CANARY}@Example.com"))
}

fn note() -> SearchTerm {
    SearchTerm::metadata("note", CANARY)
}

async fn objects_are_found_by_their_terms_for_their_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let (customer, intent) = (customer(acme(), None), paid_intent(acme()));
    let refund = refund(&intent, None);
    save_customer(&store, &customer).await;
    save_intent(&store, &intent).await;
    save_intent(&store, &payment_intent(other(), None)).await;
    save_refund(&store, &refund).await;
    for term in [
        canary_email(),
        SearchTerm::card("411111", "1111"),
        note(),
        SearchTerm::DeclineCode("declined".to_owned()),
        SearchTerm::PaymentMethodType("card".to_owned()),
    ] {
        assert_eq!(intents(&store, &term).await, [intent.id.as_str()], "{term:?}");
    }
    for term in [SearchTerm::card("411111", "1112"), SearchTerm::metadata("note", ""), SearchTerm::email("")] {
        assert!(intents(&store, &term).await.is_empty(), "{term:?}");
    }
    assert_eq!(found(&store, &acme(), SearchedKind::Refund, &note()).await, [refund.id.as_str()]);
    for term in [canary_email(), note()] {
        assert_eq!(found(&store, &acme(), SearchedKind::Customer, &term).await, [customer.id.as_str()]);
    }
}

async fn what_a_term_finds_is_listed_newest_first_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    let made: Vec<_> =
        (0..5).map(|second| PaymentIntent { created_at: after(second / 2), ..payment_intent(acme(), None) }).collect();
    for intent in &made {
        save_intent(&store, intent).await;
    }
    let mut expected: Vec<_> = made.iter().map(|intent| (intent.created_at, intent.id.to_string())).collect();
    expected.sort_by(|a, b| b.cmp(a));
    let (mut listed, mut last): (Vec<ListPosition>, Option<ListPosition>) = (Vec::new(), None);
    loop {
        let kind = SearchedKind::PaymentIntent;
        let page = store.ids_by_term(&acme(), kind, &canary_email(), last.as_ref(), 2).await.unwrap();
        last = page.last().cloned();
        listed.extend(page);
        if last.is_none() {
            break;
        }
    }
    let listed: Vec<_> = listed.into_iter().map(|place| (place.moment, place.id)).collect();
    assert_eq!(listed, expected);
}

async fn an_object_is_found_by_what_it_is_now_and_not_by_what_it_was(database: TestDatabase) {
    let store = database.store().await;
    let mut intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let attempt = intent.progress.attempt.as_mut().unwrap();
    attempt.card.as_mut().unwrap().last4 = "4242".to_owned();
    intent.progress.last_error = None;
    update_intent(&store, &intent, None).await.unwrap();
    let declined = SearchTerm::DeclineCode("declined".to_owned());
    assert!(intents(&store, &SearchTerm::card("411111", "1111")).await.is_empty());
    assert!(intents(&store, &declined).await.is_empty());
    assert_eq!(intents(&store, &SearchTerm::card("411111", "4242")).await, [intent.id.as_str()]);
    assert_eq!(intents(&store, &canary_email()).await, [intent.id.as_str()]);
    intent.progress.last_error = Some(PaymentError { code: "declined".to_owned(), message: String::new() });
    update_intent(&store, &intent, None).await.unwrap();
    assert_eq!(intents(&store, &declined).await, [intent.id.as_str()]);

    let customer = customer(acme(), None);
    save_customer(&store, &customer).await;
    let tracked = store.read().await.unwrap().customer_tracked(&customer.id).await.unwrap();
    let mut tracked = tracked.unwrap();
    tracked.details.email = Private::new("jane@example.com");
    tracked.touch(after(1));
    commit(&store, [Change::Customer(tracked)]).await.unwrap();
    let customers = async |term: &SearchTerm| found(&store, &acme(), SearchedKind::Customer, term).await;
    assert!(customers(&canary_email()).await.is_empty());
    assert_eq!(customers(&SearchTerm::email("jane@example.com")).await, [customer.id.as_str()]);
    assert_eq!(customers(&note()).await, [customer.id.as_str()]);
}

async fn what_is_deleted_is_found_no_more(database: TestDatabase) {
    let store = database.store().await;
    let intent = payment_intent(acme(), None);
    save_intent(&store, &intent).await;
    let mut tracked = store.payment_intent_tracked(&intent.id).await.unwrap().unwrap();
    tracked.delete();
    commit(&store, [Change::PaymentIntent(Box::new(tracked), None)]).await.unwrap();
    for term in intent.search_terms() {
        assert!(intents(&store, &term).await.is_empty(), "{term:?}");
    }
}

async fn terms_tell_nothing_without_the_hash_key(database: TestDatabase) {
    let store = database.store().await;
    save_intent(&store, &payment_intent(acme(), None)).await;
    let raw = database.raw().await;
    assert!(!raw.windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes()));
    let (kind, term) = (SearchedKind::PaymentIntent, canary_email());
    let stranger = TermHasher::new(&HashKey::new("another-key-0123456789abcdef".into()));
    let own = store.term_hashes(&acme(), kind, std::slice::from_ref(&term));
    assert_ne!(own, [stranger.hash(&acme(), kind, &term)]);
}
