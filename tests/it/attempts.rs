//! The attempts to pay an intent, as they are listed.

use corefy_gateway::{pb, sandbox::faults::Fault};

use crate::support::{
    app::TestApp,
    client::{APPROVED, reason},
    database::TestDatabase,
};

crate::on_both!(
    attempts_are_listed_with_what_came_of_them,
    an_attempt_that_was_never_sent_is_not_listed_and_its_number_not_used_again,
    attempts_of_another_partner_do_not_exist,
);

const DECLINED: &str = "4000000000009995";

async fn attempts_are_listed_with_what_came_of_them(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert_eq!(client.attempts(&intent.id).await, []);
    client.confirm(&intent.id, DECLINED).await.unwrap();
    client.confirm(&intent.id, APPROVED).await.unwrap();

    let listed = client.attempts(&intent.payment_id).await;
    let [first, second] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((first.number, first.state()), (1, pb::AttemptState::Failed));
    assert_eq!(first.error.as_ref().map(|error| error.code.as_str()), Some("insufficient_funds"));
    assert_eq!(first.card.as_ref().map(|card| card.last4.as_str()), Some("9995"));
    assert_eq!((second.number, second.state(), &second.error), (2, pb::AttemptState::Succeeded, &None));
    assert!(first.id.starts_with("att_") && first.id < second.id);
    assert!(first.started_at.is_some() && !first.risk_decision_id.is_empty());
    assert_eq!(first.upstream_id, intent.upstream_id);
}

async fn an_attempt_that_was_never_sent_is_not_listed_and_its_number_not_used_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents/{id}/confirm", Fault::QuoteCard);
    client.confirm(&intent.id, APPROVED).await.unwrap_err();
    assert_eq!(client.attempts(&intent.id).await, []);
    client.confirm(&intent.id, APPROVED).await.unwrap();
    let listed = client.attempts(&intent.id).await;
    assert_eq!(listed.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [2]);
}

async fn attempts_of_another_partner_do_not_exist(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let intent = app.client().await.paid_intent("10.00").await;
    let stranger = app.client_of(|key| key.partner_name = "Globex".to_owned()).await;
    let request = pb::ListAttemptsRequest { payment_intent_id: intent.id };
    assert_eq!(reason(&stranger.list_attempts(request).await.unwrap_err()), "RESOURCE_NOT_FOUND");
}
