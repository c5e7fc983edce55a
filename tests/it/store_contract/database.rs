//! The database as a whole: opening, closing, committing, and what an outsider finds in it.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use corefy_gateway::{domain::ids::PartnerId, store::Tx};

use crate::{
    on_both,
    support::database::{Backend, TestDatabase},
};

on_both![
    a_database_is_opened_again_with_what_was_in_it,
    a_database_can_be_opened_twice_at_the_same_time,
    what_is_not_committed_never_happened,
];

async fn add_partner(tx: &mut Tx, name: &str) -> PartnerId {
    let id = PartnerId::from_name(name).unwrap();
    assert!(tx.partner_insert(&id, name, Default::default()).await.unwrap());
    id
}

async fn a_database_is_opened_again_with_what_was_in_it(database: TestDatabase) {
    let store = database.store().await;
    let mut tx = store.begin().await.unwrap();
    let partner = add_partner(&mut tx, "Acme GmbH").await;
    tx.commit().await.unwrap();
    store.close().await;
    assert!(store.readiness().await.is_err(), "a closed store is not ready");
    let store = database.store().await;
    assert_eq!(store.readiness().await, Ok(()));
    assert_eq!(store.read().await.unwrap().partner_named("Acme GmbH").await.unwrap(), Some(partner));
}

async fn a_database_can_be_opened_twice_at_the_same_time(database: TestDatabase) {
    // In tasks of their own, so that both can be at their migrations at once.
    let database = Arc::new(database);
    let open = || {
        tokio::spawn({
            let database = database.clone();
            async move { database.store().await }
        })
    };
    let opening = [open(), open(), open(), open()];
    let mut stores = Vec::new();
    for store in opening {
        stores.push(store.await.unwrap());
    }
    let (one, other) = (&stores[0], &stores[3]);
    let mut tx = one.begin().await.unwrap();
    let partner = add_partner(&mut tx, "Acme GmbH").await;
    tx.commit().await.unwrap();
    assert_eq!(other.read().await.unwrap().partner_named("Acme GmbH").await.unwrap(), Some(partner));
}

async fn what_is_not_committed_never_happened(database: TestDatabase) {
    let store = database.store().await;
    let mut tx = store.begin().await.unwrap();
    add_partner(&mut tx, "Acme GmbH").await;
    drop(tx);
    assert_eq!(store.read().await.unwrap().partner_named("Acme GmbH").await.unwrap(), None);
    let mut tx = store.begin().await.unwrap();
    add_partner(&mut tx, "Acme GmbH").await;
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn an_sqlite_file_is_its_owner_s_alone() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let store = database.store().await;
    let mut tx = store.begin().await.unwrap();
    add_partner(&mut tx, "Acme GmbH").await;
    tx.commit().await.unwrap();
    let path = database.url().strip_prefix("sqlite://").unwrap();
    for file in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
        let mode = Path::new(&file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
