//! The clock is put back, by an hour. Nothing waits until it has caught up.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    pb::{self, PaymentIntentState as State},
    sandbox::faults::Fault,
};
use serde_json::json;

use crate::support::{
    app::{TestApp, dies_at},
    client::{APPROVED, Client},
    database::TestDatabase,
    money::{READ, last_error},
};

crate::on_both!(
    what_is_in_doubt_is_looked_up_whenever_the_clock_is_put_back,
    what_was_not_carried_out_is_certain_in_time_whenever_the_clock_is_put_back,
    what_is_in_doubt_is_looked_up_when_the_gateway_starts_after_the_clock_was_put_back,
    the_lease_of_a_dead_gateway_ends,
    a_payment_under_way_is_polled,
    a_webhook_is_tried_again,
    a_read_asks_again,
);

const HOUR: Duration = Duration::from_secs(3600);
/// Charged, although the answer says otherwise, and not charged: HTTP 500.
const CHARGED_500: &str = "4000000000005019";
const NOT_CHARGED_500: &str = "4000000000005001";
/// Charged after a while.
const PROCESSING: &str = "4000000000000077";

async fn stored(client: &Client, id: &str) -> State {
    let all = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    all.payment_intents.iter().find(|intent| intent.id == id).unwrap().state()
}

/// A gateway whose webhooks are lost, with a payment that was confirmed with `card`, and recovery that has run once.
async fn confirmed(database: TestDatabase, card: &str) -> (TestApp, Client, String) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let client = app.client().await;
    let id = client.intent("10.00").await.id;
    assert_eq!(client.confirm(&id, card).await.unwrap().state(), State::Processing);
    app.recover_after(Duration::ZERO).await;
    (app, client, id)
}

async fn what_is_in_doubt_is_looked_up_whenever_the_clock_is_put_back(database: TestDatabase) {
    let (app, client, first) = confirmed(database, CHARGED_500).await;
    app.clock.put_back(HOUR);
    app.recover_after(Duration::ZERO).await;
    assert_eq!(stored(&client, &first).await, State::Succeeded);
    // Later, when Corefy has shown nothing for a while.
    for seconds in [3, 20, 60, 400, 2000] {
        let id = client.intent("10.00").await.id;
        client.confirm(&id, CHARGED_500).await.unwrap();
        app.sandbox.faults().set(|switches| switches.show_unknown_status = true);
        app.recover_after(Duration::from_secs(seconds)).await;
        app.sandbox.faults().set(|switches| switches.show_unknown_status = false);
        app.clock.put_back(HOUR);
        app.recover_after(Duration::ZERO).await;
        assert_eq!(stored(&client, &id).await, State::Succeeded, "put back after {seconds} seconds");
    }
}

async fn what_was_not_carried_out_is_certain_in_time_whenever_the_clock_is_put_back(database: TestDatabase) {
    let (app, client, _) = confirmed(database, NOT_CHARGED_500).await;
    for seconds in [1, 14, 50, 119] {
        let id = client.intent("10.00").await.id;
        client.confirm(&id, NOT_CHARGED_500).await.unwrap();
        app.recover_after(Duration::from_secs(seconds)).await;
        app.clock.put_back(HOUR);
        for _ in 0..18 {
            app.recover_after(Duration::from_secs(10)).await;
        }
        assert_eq!(stored(&client, &id).await, State::RequiresPaymentMethod, "put back after {seconds} seconds");
        assert_eq!(last_error(&client.get(&id).await), "upstream_no_record");
    }
}

async fn what_is_in_doubt_is_looked_up_when_the_gateway_starts_after_the_clock_was_put_back(database: TestDatabase) {
    let (app, client, id) = confirmed(database, CHARGED_500).await;
    app.clock.put_back(HOUR);
    let app = app.crash_and_restart().await;
    app.recover_after(Duration::ZERO).await;
    drop(client);
    assert_eq!(stored(&app.client().await, &id).await, State::Succeeded);
}

async fn the_lease_of_a_dead_gateway_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let id = app.client().await.intent("10.00").await.id;
    let (probe, deaths) = dies_at(Checkpoint::Answered);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    tokio::select! {
        answer = client.confirm(&id, APPROVED) => panic!("{answer:?}"),
        died = deaths.acquire() => died.unwrap().forget(),
    }
    app.clock.put_back(HOUR);
    app.recover_after(Duration::ZERO).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
}

async fn a_payment_under_way_is_polled(database: TestDatabase) {
    let (app, client, id) = confirmed(database, PROCESSING).await;
    app.sandbox.settle_payment(&id).unwrap();
    app.clock.put_back(HOUR);
    app.recover_after(Duration::ZERO).await;
    assert_eq!(stored(&client, &id).await, State::Succeeded);
}

async fn a_webhook_is_tried_again(database: TestDatabase) {
    let (app, client, id) = confirmed(database, PROCESSING).await;
    app.sandbox.settle_payment(&id).unwrap();
    app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::Http(500));
    let body = json!({"event_type": "payment.failed", "event_id": "evt_1", "reference_id": id});
    assert_eq!(app.sandbox.send_webhook(body.to_string(), None).await.unwrap(), 200);
    app.process_webhooks().await;
    app.clock.put_back(HOUR);
    app.recover_after(Duration::ZERO).await;
    app.sandbox.faults().clear();
    assert_eq!(app.server.app.webhooks.process_webhooks().await.unwrap(), 1);
    assert_eq!(stored(&client, &id).await, State::Succeeded);
}

async fn a_read_asks_again(database: TestDatabase) {
    let (app, client, id) = confirmed(database, PROCESSING).await;
    client.get(&id).await;
    app.sandbox.settle_payment(&id).unwrap();
    app.clock.put_back(HOUR);
    assert_eq!(client.get(&id).await.state(), State::Succeeded);
}
