//! The rate limit that gateways share.

use corefy_gateway::{
    domain::quota::{Bucket, Demand, Lease, Quota},
    store::Store,
};

use crate::{
    on_three,
    support::database::{Backend, TestDatabase},
};

on_three![
    tokens_of_one_gateway_are_leased_to_no_other_and_not_twice,
    the_first_to_lease_leaves_the_others_their_share,
    the_recovery_bucket_is_a_limit_of_its_own,
];

/// The common tokens that may be leased at once, of 600 calls a minute.
const AT_ONCE: u32 = 28;

async fn lease(store: &Store, bucket: Bucket, gateway: &str, waiting: u32) -> Lease {
    let quota = match bucket {
        Bucket::Common => Quota::common(600),
        Bucket::Recovery => Quota::recovery(600).unwrap(),
    };
    store.lease_tokens(bucket, quota, gateway, Demand { waiting, ahead: 0 }).await.unwrap()
}

async fn tokens_of_one_gateway_are_leased_to_no_other_and_not_twice(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(lease(&store, Bucket::Common, "a", 100).await.granted, AT_ONCE);
    // Time goes on while the test runs.
    let few = 0..AT_ONCE / 2;
    assert!(few.contains(&lease(&store, Bucket::Common, "b", 100).await.granted));
    store.close().await;
    let store = database.store().await;
    let lease = lease(&store, Bucket::Common, "c", 100).await;
    assert!(few.contains(&lease.granted) && !lease.next_in.is_zero(), "{lease:?}");
}

async fn the_first_to_lease_leaves_the_others_their_share(database: TestDatabase) {
    let store = database.store().await;
    lease(&store, Bucket::Common, "a", 100).await;
    lease(&store, Bucket::Common, "b", 100).await;
    // All is free again, and both still have calls waiting.
    database.execute("UPDATE budgets SET taken_until = 0").await;
    let now = match database.backend() {
        Backend::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
        Backend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
    };
    database.execute(&format!("UPDATE budget_gateways SET asked_at = {now}")).await;
    assert_eq!(lease(&store, Bucket::Common, "a", 100).await.granted, AT_ONCE / 2);
    assert_eq!(lease(&store, Bucket::Common, "b", AT_ONCE / 4).await.granted, AT_ONCE / 4);
}

async fn the_recovery_bucket_is_a_limit_of_its_own(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(lease(&store, Bucket::Common, "a", 100).await.granted, AT_ONCE);
    assert_eq!(lease(&store, Bucket::Recovery, "a", 100).await.granted, 1);
    assert_eq!(lease(&store, Bucket::Recovery, "a", 100).await.granted, 0);
}
