//! Webhooks are hints: they wait until Corefy can be asked, and name what they are about in more ways than one.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    pb::{self, PaymentIntentState as State},
    sandbox::{PROCESSING_TIME, faults::Fault},
    store::{WebhookFilter, WebhookState},
};
use serde_json::json;

use super::{CHALLENGE, PROCESSING, stored};
use crate::support::{
    app::{TestApp, dies_at},
    client::{APPROVED, Client, new_customer, new_intent, new_payment_method},
    database::TestDatabase,
    money::READ,
    requests::card_of,
};

crate::on_both!(
    a_webhook_waits_until_corefy_can_be_read,
    a_parked_webhook_that_comes_again_is_worked_off,
    a_webhook_that_names_only_the_payment_is_about_its_intent,
    a_webhook_without_an_id_that_comes_again_is_worked_off_again,
    partners_whose_customers_are_one_at_corefy_do_not_see_each_others_cards,
);

/// Longer than any wait between two tries.
const LONG: Duration = Duration::from_secs(601);

/// How far the webhooks have come, oldest first.
async fn inbox(app: &TestApp) -> Vec<WebhookState> {
    let webhooks =
        app.database.store().await.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 100).await.unwrap();
    webhooks.iter().rev().map(|webhook| webhook.state).collect()
}

async fn send(app: &TestApp, body: &serde_json::Value) {
    assert_eq!(app.sandbox.send_webhook(body.to_string(), None).await.unwrap(), 200);
}

/// Loses every webhook but those that the test sends itself.
fn lose_webhooks(app: &TestApp) {
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
}

async fn a_webhook_waits_until_corefy_can_be_read(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    lose_webhooks(&app);
    let (charged, declined) = (client.intent("10.00").await.id, client.intent("10.00").await.id);
    client.confirm(&charged, PROCESSING).await.unwrap();
    client.confirm(&declined, CHALLENGE).await.unwrap();
    app.clock.advance(PROCESSING_TIME);
    app.sandbox.settle_due();
    app.sandbox.complete_action(&declined, false).unwrap();
    app.sandbox.faults().fail_next(u32::MAX, READ.0, READ.1, Fault::Http(500));
    for (event_type, id) in [("payment.succeeded", &charged), ("payment.failed", &declined)] {
        send(&app, &json!({"event_type": event_type, "event_id": event_type, "reference_id": id})).await;
    }
    for _ in 0..2 {
        app.process_webhooks().await;
        assert_eq!(inbox(&app).await, [WebhookState::Waiting; 2]);
        app.clock.advance(LONG);
    }
    app.sandbox.faults().clear();
    app.process_webhooks().await;
    assert_eq!(inbox(&app).await, [WebhookState::Processed; 2]);
    assert_eq!(stored(&client, &charged).await, State::Succeeded);
    assert_eq!(stored(&client, &declined).await, State::RequiresPaymentMethod);
}

async fn a_parked_webhook_that_comes_again_is_worked_off(database: TestDatabase) {
    let (probe, deaths) = dies_at(Checkpoint::Answered);
    let app = TestApp::start_with(database, Some(probe), |_| {}).await;
    let client = app.client().await;
    tokio::select! {
        created = client.create_payment_intent(new_intent("10.00")) => panic!("the call did not die: {created:?}"),
        died = deaths.acquire() => died.unwrap().forget(),
    }
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    lose_webhooks(&app);
    let body = json!({"event_type": "payment.failed", "event_id": "evt_1", "payment_id": app.sandbox.payments()[0].payment_id});
    send(&app, &body).await;
    for _ in 0..6 {
        app.process_webhooks().await;
        app.clock.advance(LONG);
    }
    assert_eq!(inbox(&app).await, [WebhookState::Parked], "Corefy's ids of the payment are not known");

    app.recover_after(Duration::ZERO).await;
    let all = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    let id = &all.payment_intents[0].id;
    client.confirm(id, CHALLENGE).await.unwrap();
    app.sandbox.complete_action(id, true).unwrap();
    app.process_webhooks().await;
    assert_eq!((inbox(&app).await, stored(&client, id).await), (vec![WebhookState::Parked], State::RequiresAction));
    send(&app, &body).await;
    app.process_webhooks().await;
    assert_eq!((inbox(&app).await, stored(&client, id).await), (vec![WebhookState::Processed], State::Succeeded));
    app.assert_books_agree(&client, id).await;
}

async fn a_webhook_without_an_id_that_comes_again_is_worked_off_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    lose_webhooks(&app);
    let (named, nameless) = (client.intent("10.00").await.id, client.intent("10.00").await.id);
    let bodies = [
        json!({"event_type": "payment.pending", "event_id": "evt_1", "reference_id": named}),
        json!({"event_type": "payment.pending", "reference_id": nameless}),
    ];
    for (id, body) in [&named, &nameless].into_iter().zip(&bodies) {
        client.confirm(id, PROCESSING).await.unwrap();
        send(&app, body).await;
    }
    app.process_webhooks().await;
    assert_eq!(inbox(&app).await, [WebhookState::Processed; 2]);
    for (id, body) in [&named, &nameless].into_iter().zip(&bodies) {
        app.sandbox.settle_payment(id).unwrap();
        for _ in 0..5 {
            send(&app, body).await;
        }
    }
    let asked = app.sent(READ);
    app.process_webhooks().await;
    assert_eq!(app.sent(READ), asked, "not twice in a second");
    app.clock.advance(Duration::from_secs(1));
    app.process_webhooks().await;
    assert_eq!(app.sent(READ), asked + 1, "however often it came");
    assert_eq!(inbox(&app).await, [WebhookState::Processed; 2]);
    assert_eq!(stored(&client, &nameless).await, State::Succeeded);
    assert_eq!(stored(&client, &named).await, State::Processing, "the same event tells nothing new");
}

async fn a_webhook_that_names_only_the_payment_is_about_its_intent(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    lose_webhooks(&app);
    let intent = client.intent("10.00").await;
    client.confirm(&intent.id, PROCESSING).await.unwrap();
    app.sandbox.settle_payment(&intent.id).unwrap();
    let payment = app.sandbox.payments().remove(0).payment_id.unwrap();
    assert_ne!(payment, intent.upstream_id, "the payment has an id of its own");
    send(&app, &json!({"event_type": "payment.succeeded", "event_id": "evt_1", "payment_id": payment})).await;
    app.process_webhooks().await;
    assert_eq!(stored(&client, &intent.id).await, State::Succeeded);
    app.assert_books_agree(&client, &intent.id).await;
}

/// The first digits of the customer's cards.
async fn cards(client: &Client, customer: &str) -> Vec<String> {
    let request = pb::ListPaymentMethodsRequest { customer_id: customer.to_owned(), ..Default::default() };
    let methods = client.list_payment_methods(request).await.unwrap().into_inner().payment_methods;
    methods.into_iter().map(|method| method.card.unwrap().first6).collect()
}

async fn partners_whose_customers_are_one_at_corefy_do_not_see_each_others_cards(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().set(|switches| switches.merge_customers = true);
    let ours = app.client().await;
    let theirs = app.client_of(|key| key.partner_name = "Other".to_owned()).await;
    let mut customers = Vec::new();
    for client in [&ours, &theirs] {
        customers.push(client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap());
    }
    assert_eq!(customers[0].upstream_id, customers[1].upstream_id);
    let save = async |client: &Client, customer: &pb::Customer, number: &str| {
        let mut request = new_payment_method(&customer.id);
        card_of(&mut request).number = number.to_owned();
        client.create_payment_method(request).await.unwrap();
        app.process_webhooks().await;
    };
    save(&theirs, &customers[1], "5555555555554444").await;
    assert_eq!(cards(&ours, &customers[0].id).await, [""; 0], "their card is not ours");
    save(&ours, &customers[0], APPROVED).await;
    assert_eq!(cards(&theirs, &customers[1].id).await, ["555555"], "our card is not theirs");
    save(&theirs, &customers[1], APPROVED).await;
    assert_eq!(cards(&ours, &customers[0].id).await, ["411111"]);
    assert_eq!(cards(&theirs, &customers[1].id).await, ["411111", "555555"], "the same card, saved by both");
}
