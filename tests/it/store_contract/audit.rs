//! The audit log: decisions are linked in one order, whoever makes them.

use std::sync::Arc;

use corefy_gateway::{
    app::audit::AuditLog,
    domain::{
        audit::{AuditAction, AuditEntry, AuditFilter},
        environment::Environment,
        ids::Ids,
        key_pair::PublicKey,
        randomness::Randomness,
    },
    store::{Change, Conflict, Store},
};
use tokio::task::JoinSet;

use super::objects::{acme, after, commit, conflict, gateways};
use crate::{
    on_three,
    support::{database::TestDatabase, operator::note},
};

on_three![
    decisions_have_the_order_of_their_commits,
    decisions_of_several_gateways_at_once_are_all_linked,
    a_decision_is_added_once,
    a_change_that_conflicts_adds_no_decision,
    the_oldest_rows_are_pruned_and_the_rest_stays_linked,
];

fn entry(second: i64, object: &str) -> AuditEntry {
    AuditEntry::new(&Ids::system(), after(second), &note(), AuditAction::KeyCreate, ("api_key", object))
        .to(&serde_json::json!({"number": second}))
}

fn decision(second: i64, object: &str) -> Change {
    Change::AuditEntry(Box::new(entry(second, object)))
}

/// The objects of all entries, oldest first.
async fn objects(store: &Store) -> Vec<String> {
    let rows = store.read().await.unwrap().audit_rows_after(&AuditFilter::default(), 0, 1000).await.unwrap();
    rows.into_iter().map(|row| row.object).collect()
}

/// Asserts that the log is whole; returns how many rows it has.
async fn whole(store: &Store) -> u64 {
    let log = AuditLog::new(store.clone(), Environment::system());
    let verified = log.verify(None, |fault| panic!("{fault}")).await.unwrap();
    assert_eq!(verified.faults, 0);
    verified.rows
}

async fn decisions_have_the_order_of_their_commits(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, [decision(1, "a")]).await.unwrap();
    commit(&store, [decision(3, "b"), decision(2, "c")]).await.unwrap();
    assert_eq!(objects(&store).await, ["a", "b", "c"]);
    assert_eq!(whole(&store).await, 3);
    let rows = store.read().await.unwrap().audit_rows(&AuditFilter::default(), 2).await.unwrap();
    let [last, before] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((last.sequence, before.sequence, &last.previous_hash), (3, 2, &before.hash));
    assert_eq!((last.author().as_str(), last.after.as_deref()), ("jane@bastion", Some(r#"{"number":2}"#)));
}

async fn decisions_of_several_gateways_at_once_are_all_linked(database: TestDatabase) {
    let gateways = gateways(&database).await;
    let gateways: Arc<[Store]> = gateways.into();
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let gateways = gateways.clone();
        tasks.spawn(async move {
            let store = &gateways[number % gateways.len()];
            commit(store, [decision(1, &number.to_string())]).await.unwrap();
        });
    }
    tasks.join_all().await;
    let mut found = objects(&gateways[0]).await;
    found.sort_by_key(|number| number.parse::<u32>().unwrap());
    assert_eq!(found, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(whole(&gateways[0]).await, 40);
}

async fn a_decision_is_added_once(database: TestDatabase) {
    let store = database.store().await;
    let once = entry(1, "a");
    let change = || Change::AuditEntry(Box::new(once.clone()));
    commit(&store, [change()]).await.unwrap();
    assert_eq!(conflict(commit(&store, [change()]).await), Conflict::Stale);
    assert_eq!(whole(&store).await, 1);
}

async fn a_change_that_conflicts_adds_no_decision(database: TestDatabase) {
    let store = database.store().await;
    let nobody = PublicKey::generate(&acme(), &Randomness::system());
    let revoked = commit(&store, [Change::RevokeApiKey(nobody, after(1)), decision(1, "a")]).await;
    assert_eq!(conflict(revoked), Conflict::KeyChanged);
    assert_eq!(whole(&store).await, 0);
}

async fn the_oldest_rows_are_pruned_and_the_rest_stays_linked(database: TestDatabase) {
    let store = database.store().await;
    for second in [1, 2, 9, 3] {
        commit(&store, [decision(second, &second.to_string())]).await.unwrap();
    }
    assert_eq!(store.delete_audit_rows(after(1), 10).await.unwrap(), 0);
    assert_eq!(store.delete_audit_rows(after(5), 1).await.unwrap(), 1);
    assert_eq!(whole(&store).await, 3);
    assert_eq!(store.delete_audit_rows(after(5), 10).await.unwrap(), 1);
    assert_eq!(objects(&store).await, ["9", "3"], "none is pruned before those that came before it");
    commit(&store, [decision(10, "10")]).await.unwrap();
    assert_eq!(whole(&store).await, 3);
    assert_eq!(store.delete_audit_rows(after(99), 10).await.unwrap(), 3);
    assert_eq!(whole(&store).await, 0);
    commit(&store, [decision(11, "11")]).await.unwrap();
    assert_eq!(whole(&store).await, 1);
    let head = store.read().await.unwrap().audit_head().await.unwrap();
    assert_eq!((head.sequence, head.first_sequence), (6, 6));
}
