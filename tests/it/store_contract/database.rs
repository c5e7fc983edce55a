//! The database as a whole: opening, closing, committing, and what an outsider finds in it.

use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};

use corefy_gateway::{
    domain::ids::PartnerId,
    store::{Conflict, Store},
};

use super::objects::{commit, conflict, new_partner};
use crate::{
    on_three,
    support::database::{Backend, TestDatabase},
};

on_three![
    a_database_is_opened_again_with_what_was_in_it,
    a_database_can_be_opened_twice_at_the_same_time,
    of_changes_of_which_one_conflicts_nothing_stands,
];

async fn add_partner(store: &Store, name: &str) -> PartnerId {
    let id = PartnerId::from_name(name).unwrap();
    commit(store, [new_partner(&id, name)]).await.unwrap();
    id
}

async fn a_database_is_opened_again_with_what_was_in_it(database: TestDatabase) {
    let store = database.store().await;
    let partner = add_partner(&store, "Acme GmbH").await;
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
    let partner = add_partner(one, "Acme GmbH").await;
    assert_eq!(other.read().await.unwrap().partner_named("Acme GmbH").await.unwrap(), Some(partner));
}

async fn of_changes_of_which_one_conflicts_nothing_stands(database: TestDatabase) {
    let store = database.store().await;
    let (id, taken) = (PartnerId::from_name("Acme GmbH").unwrap(), PartnerId::from_name("Taken").unwrap());
    add_partner(&store, "Taken").await;
    let outcome = commit(&store, [new_partner(&id, "Acme GmbH"), new_partner(&taken, "Other")]).await;
    assert_eq!(conflict(outcome), Conflict::PartnerTaken);
    assert_eq!(store.read().await.unwrap().partner_named("Acme GmbH").await.unwrap(), None);
    add_partner(&store, "Acme GmbH").await;
}

#[tokio::test]
async fn an_sqlite_file_is_its_owner_s_alone() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let store = database.store().await;
    add_partner(&store, "Acme GmbH").await;
    let path = database.url().strip_prefix("sqlite://").unwrap();
    for file in [path.to_owned(), format!("{path}-wal"), format!("{path}-shm")] {
        let mode = Path::new(&file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
