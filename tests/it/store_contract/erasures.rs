//! Erasures, and the rows that they empty.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        audit::{Actor, Note},
        erasure::job::{Erasure, ErasureStage, ErasureSubject},
        ids::{ErasureId, Ids},
        search_term::{SearchTerm, SearchedKind},
    },
    store::{Change, Conflict, Emptied, RecordsOf, Store, Tracked},
};

use super::objects::{
    CANARY, NOW, acme, after, commit, conflict, customer, new_refund, other, paid_intent, refund, save_customer,
    save_intent,
};
use crate::{on_three, support::database::TestDatabase};

on_three![
    an_erasure_reads_back_and_is_listed_and_a_customer_has_one,
    a_payer_has_one_erasure_at_a_time,
    an_erasure_that_is_due_is_claimed_by_one_and_again_when_its_step_takes_too_long,
    an_emptied_payment_is_found_by_nothing_of_the_person,
    an_emptied_payment_that_was_written_since_it_was_read_stays,
];

const STEP: Duration = Duration::from_secs(60);

fn erasure(subject: ErasureSubject) -> Erasure {
    let note = Note { by: Actor::Key("pk_acme_1".to_owned()), reason: "asked by letter".to_owned() };
    Erasure::of(ErasureId::generate(&Ids::system()), &acme(), subject, &note, NOW)
}

async fn save(store: &Store, erasure: &Erasure) {
    commit(store, [Change::Erasure(Tracked::new(erasure.clone()))]).await.unwrap();
}

async fn an_erasure_reads_back_and_is_listed_and_a_customer_has_one(database: TestDatabase) {
    let store = database.store().await;
    let customer = customer(acme(), None);
    save_customer(&store, &customer).await;
    let written = erasure(ErasureSubject::Customer(customer.id.clone()));
    save(&store, &written).await;
    let mut session = store.read().await.unwrap();
    assert_eq!(session.erasure(&written.id).await.unwrap(), Some(written.clone()));
    for (partner, from, count) in [(acme(), NOW, 1), (other(), NOW, 0), (acme(), after(1), 0)] {
        assert_eq!(session.erasures(Some(&partner), Some(from), None, 9).await.unwrap().len(), count);
    }
    assert_eq!(session.erasures(None, None, Some(&written.id), 9).await.unwrap(), []);
    assert_eq!(session.erasure_of(&customer.id).await.unwrap(), Some(written));
    drop(session);
    let second = erasure(ErasureSubject::Customer(customer.id));
    let outcome = commit(&store, [Change::Erasure(Tracked::new(second))]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
}

async fn a_payer_has_one_erasure_at_a_time(database: TestDatabase) {
    let store = database.store().await;
    let term = store.term_hashes(&acme(), SearchedKind::PaymentIntent, &[SearchTerm::email("jane@example.com")])[0];
    let first = erasure(ErasureSubject::Payer(term));
    save(&store, &first).await;
    let second = erasure(ErasureSubject::Payer(term));
    let outcome = commit(&store, [Change::Erasure(Tracked::new(second.clone()))]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    let found = store.read().await.unwrap().erasure_of_payer(&acme(), term).await.unwrap();
    assert_eq!(found, Some(first));
    let mut done = store.claim_due_erasure(NOW, after(60), STEP).await.unwrap().unwrap();
    done.stage = ErasureStage::Again;
    done.end_stage(after(1), STEP);
    done.revision += 1;
    commit(&store, [Change::Erasure(done)]).await.unwrap();
    assert_eq!(store.read().await.unwrap().erasure_of_payer(&acme(), term).await.unwrap(), None);
    save(&store, &second).await;
}

async fn an_erasure_that_is_due_is_claimed_by_one_and_again_when_its_step_takes_too_long(database: TestDatabase) {
    let store = database.store().await;
    let customer = customer(acme(), None);
    save_customer(&store, &customer).await;
    save(&store, &erasure(ErasureSubject::Customer(customer.id))).await;
    let mut lost = store.claim_due_erasure(NOW, after(60), STEP).await.unwrap().unwrap();
    assert!(store.claim_due_erasure(after(59), after(119), STEP).await.unwrap().is_none());
    let mut held = store.claim_due_erasure(after(60), after(120), STEP).await.unwrap().unwrap();
    for erasure in [&mut lost, &mut held] {
        erasure.emptied += 1;
        erasure.revision += 1;
    }
    commit(&store, [Change::Erasure(held)]).await.unwrap();
    assert_eq!(conflict(commit(&store, [Change::Erasure(lost)]).await), Conflict::Stale);
}

async fn an_emptied_payment_is_found_by_nothing_of_the_person(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    let back = refund(&intent, None);
    save_intent(&store, &intent).await;
    commit(&store, [new_refund(&back)]).await.unwrap();
    let email = SearchTerm::email(intent.details.customer_email.expose());
    let found = async || {
        let kind = SearchedKind::PaymentIntent;
        let by_email = store.ids_by_term(&acme(), kind, &email, None, 9).await.unwrap().len();
        let entry = SearchTerm::metadata("note", CANARY);
        by_email + store.ids_by_term(&acme(), SearchedKind::Refund, &entry, None, 9).await.unwrap().len()
    };
    assert_eq!(found().await, 2);
    let mut emptied = store.payment_intent_tracked(&intent.id).await.unwrap().unwrap();
    let mut refunds = store.read().await.unwrap().refunds_of(&intent.id).await.unwrap();
    emptied.erase(NOW);
    refunds[0].erase(NOW);
    let changes = [Emptied::PaymentIntent(emptied.clone()), Emptied::Refund(refunds.remove(0))];
    commit(&store, changes.map(|change| Change::Emptied(Box::new(change)))).await.unwrap();
    assert_eq!(found().await, 0);
    let mut session = store.read().await.unwrap();
    let shell = session.payment_intent_any(&intent.id).await.unwrap().unwrap();
    assert!(shell == *emptied && shell.is_erased() && !format!("{shell:?}").contains(CANARY));
    let back = session.refund_any(&back.id).await.unwrap().unwrap();
    assert_eq!((back.erased_at, back.details.reason.as_str()), (Some(NOW), ""));
    assert!(session.events_about(RecordsOf::Payment(&intent.id), "", 9).await.unwrap().is_empty());
}

async fn an_emptied_payment_that_was_written_since_it_was_read_stays(database: TestDatabase) {
    let store = database.store().await;
    let intent = paid_intent(acme());
    save_intent(&store, &intent).await;
    let mut emptied = store.payment_intent_tracked(&intent.id).await.unwrap().unwrap();
    let mut moved = emptied.clone();
    moved.touch(after(1));
    commit(&store, [Change::PaymentIntent(Box::new(moved), None)]).await.unwrap();
    emptied.erase(NOW);
    let outcome = commit(&store, [Change::Emptied(Box::new(Emptied::PaymentIntent(emptied)))]).await;
    assert_eq!(conflict(outcome), Conflict::Stale);
    assert!(!store.payment_intent_tracked(&intent.id).await.unwrap().unwrap().is_erased());
}
