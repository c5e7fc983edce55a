//! The inbox of webhooks.

use corefy_gateway::{
    domain::clock::Timestamp,
    store::{Change, Conflict, Store, WebhookFilter, WebhookRecord, WebhookState},
};
use tokio::task::JoinSet;

use super::objects::{NOW, after, arrival, commit, conflict, webhook};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_webhook_reads_back_as_it_came,
    a_body_that_comes_again_is_counted,
    a_claimed_webhook_is_left_alone_until_its_lease_ends,
    a_webhook_that_waits_is_due_at_its_time,
    fifty_arrivals_of_one_body_at_once_are_one_webhook,
    an_attempt_that_another_has_overtaken_writes_nothing,
    a_webhook_that_is_being_processed_is_not_replayed,
    a_webhook_that_ended_is_never_claimed,
    webhooks_are_listed_newest_first,
];

async fn receive(store: &Store, webhook: &WebhookRecord) {
    commit(store, [arrival(webhook)]).await.unwrap();
}

async fn claim(store: &Store, now: Timestamp, lease_until: Timestamp, limit: u32) -> Vec<WebhookRecord> {
    store.claim_due_webhooks(now, lease_until, limit).await.unwrap()
}

async fn update(store: &Store, webhook: &WebhookRecord, next_attempt_at: Option<Timestamp>) {
    commit(store, [Change::WebhookAttempt(Box::new(webhook.clone()), next_attempt_at)]).await.unwrap();
}

async fn a_webhook_reads_back_as_it_came(database: TestDatabase) {
    let store = database.store().await;
    let written = webhook("a");
    receive(&store, &written).await;
    let read = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 9).await.unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", [written]));
}

async fn a_body_that_comes_again_is_counted(database: TestDatabase) {
    let store = database.store().await;
    let first = webhook("a");
    receive(&store, &first).await;
    receive(&store, &webhook("a")).await;
    receive(&store, &WebhookRecord { received_at: after(9), ..webhook("a") }).await;
    receive(&store, &webhook("b")).await;
    let read = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 9).await.unwrap();
    let summary: Vec<_> = read.iter().map(|webhook| (webhook.body_hash.as_str(), webhook.duplicates)).collect();
    assert_eq!(summary, [("b", 0), ("a", 2)]);
    assert_eq!((&read[1].id, read[1].received_at), (&first.id, NOW));
}

async fn a_claimed_webhook_is_left_alone_until_its_lease_ends(database: TestDatabase) {
    let store = database.store().await;
    receive(&store, &webhook("a")).await;
    assert!(claim(&store, Timestamp(NOW.0 - 1), after(60), 9).await.is_empty(), "it is not due yet");
    assert_eq!(claim(&store, NOW, after(60), 9).await[0].attempts, 1);
    assert!(claim(&store, after(59), after(120), 9).await.is_empty());
    assert_eq!(claim(&store, after(60), after(120), 9).await[0].attempts, 2);
}

async fn a_webhook_that_waits_is_due_at_its_time(database: TestDatabase) {
    let store = database.store().await;
    receive(&store, &webhook("a")).await;
    let mut claimed = claim(&store, NOW, after(60), 9).await.remove(0);
    claimed.error = Some("Corefy did not answer".to_owned());
    update(&store, &claimed, Some(after(10))).await;
    assert!(claim(&store, after(9), after(60), 9).await.is_empty());
    let again = claim(&store, after(10), after(60), 9).await.remove(0);
    assert_eq!((again.attempts, again.error.as_deref()), (2, Some("Corefy did not answer")));
}

async fn only(store: &Store) -> WebhookRecord {
    store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 9).await.unwrap().remove(0)
}

async fn fifty_arrivals_of_one_body_at_once_are_one_webhook(database: TestDatabase) {
    let store = database.store().await;
    let arrivals: JoinSet<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            async move { receive(&store, &webhook("a")).await }
        })
        .collect();
    arrivals.join_all().await;
    assert_eq!(only(&store).await.duplicates, 49);
}

async fn an_attempt_that_another_has_overtaken_writes_nothing(database: TestDatabase) {
    let store = database.store().await;
    receive(&store, &webhook("a")).await;
    let first = claim(&store, NOW, after(60), 9).await.remove(0);
    let second = claim(&store, after(60), after(120), 9).await.remove(0);
    update(&store, &WebhookRecord { state: WebhookState::Dead, ..first }, None).await;
    assert_eq!(only(&store).await.state, WebhookState::Waiting);
    update(&store, &WebhookRecord { state: WebhookState::Processed, ..second }, None).await;
    assert_eq!(only(&store).await.state, WebhookState::Processed);
}

async fn a_webhook_that_is_being_processed_is_not_replayed(database: TestDatabase) {
    let store = database.store().await;
    receive(&store, &webhook("a")).await;
    let replay =
        async |webhook: WebhookRecord, now| commit(&store, [Change::WebhookReplay(Box::new(webhook), now)]).await;
    let claimed = claim(&store, NOW, after(60), 9).await.remove(0);
    assert_eq!(conflict(replay(claimed.clone(), after(59)).await), Conflict::LeaseLost);
    replay(claimed, after(60)).await.unwrap();
    assert_eq!(claim(&store, after(60), after(120), 9).await[0].attempts, 1);
}

async fn a_webhook_that_ended_is_never_claimed(database: TestDatabase) {
    let store = database.store().await;
    for (place, state) in [WebhookState::Processed, WebhookState::Parked, WebhookState::Dead].into_iter().enumerate() {
        let ended = WebhookRecord { state, processed_at: Some(after(1)), ..webhook(&place.to_string()) };
        receive(&store, &ended).await;
        update(&store, &ended, None).await;
        let read = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 1).await.unwrap().remove(0);
        assert_eq!((read.state, read.processed_at), (state, Some(after(1))));
    }
    assert!(claim(&store, after(1_000_000), after(1_000_060), 9).await.is_empty());
}

async fn webhooks_are_listed_newest_first(database: TestDatabase) {
    let store = database.store().await;
    let [a, b, c] = ["a", "b", "c"].map(webhook);
    for webhook in [&b, &c, &a] {
        receive(&store, webhook).await;
    }
    let read = store.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 2).await.unwrap();
    assert_eq!(read.iter().map(|webhook| &webhook.id).collect::<Vec<_>>(), [&c.id, &b.id]);
}
