//! Limits of callers: calls of a key, wrong keys of an address, connections.

use std::{num::NonZeroU32, time::Duration};

use corefy_gateway::domain::{
    ids::PartnerId,
    key_pair::{KeyPair, PublicKey},
    randomness::Randomness,
};
use secrecy::ExposeSecret as _;
use tonic::Code;

use crate::support::{
    app::TestApp,
    client::{Client, new_intent},
    database::TestDatabase,
    refusal::{CallRefusal, refused},
};

crate::on_both!(
    a_key_that_has_made_its_calls_is_told_when_the_next_may_come,
    a_call_over_the_limit_does_nothing,
    an_address_that_shows_wrong_keys_is_answered_without_the_database,
    a_caller_who_was_let_in_does_not_suffer_for_others_of_its_address,
    a_key_that_exists_is_let_in_from_an_address_that_shows_wrong_keys,
    headers_over_the_limit_are_refused,
    a_connection_over_the_bound_waits_until_another_has_ended,
);

/// Wrong keys that an address may show in a minute.
const AUTH_FAILURES: usize = 30;
const MINUTE: Duration = Duration::from_secs(60);

async fn with_calls_per_minute(database: TestDatabase, calls: u32) -> TestApp {
    TestApp::start_with(database, None, |config| config.key_rate_per_minute = NonZeroU32::new(calls)).await
}

async fn create(client: &Client) -> Result<(), CallRefusal> {
    match client.create_payment_intent(new_intent("10.00")).await {
        Ok(_) => Ok(()),
        error => Err(refused(error)),
    }
}

async fn a_key_that_has_made_its_calls_is_told_when_the_next_may_come(database: TestDatabase) {
    let app = with_calls_per_minute(database, 2).await;
    let (client, other) = (app.client().await, app.client_of(|_| {}).await);
    create(&client).await.unwrap();
    app.clock.advance(Duration::from_secs(45));
    create(&client).await.unwrap();
    let refusal = create(&client).await.unwrap_err();
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::ResourceExhausted, "KEY_RATE_LIMITED"));
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(15)));
    assert!(refusal.is_about_quota);
    create(&other).await.unwrap();
    app.clock.advance(refusal.retry_after.unwrap());
    create(&client).await.unwrap();
}

async fn a_call_over_the_limit_does_nothing(database: TestDatabase) {
    let app = with_calls_per_minute(database, 1).await;
    let client = app.client().await;
    create(&client).await.unwrap();
    create(&client).await.unwrap_err();
    assert_eq!(app.sandbox.request_count("POST", "/v1/payment-intents"), 1);
}

async fn an_address_that_shows_wrong_keys_is_answered_without_the_database(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let pair = app.new_key(|_| {}).await.expose_secret().to_owned();
    let (public, _) = pair.split_once(':').unwrap();
    let (_, other_secret) = app.key().split_once(':').unwrap();
    let guesser = app.client_with(&format!("{public}:{other_secret}")).await;
    for _ in 0..AUTH_FAILURES {
        assert_eq!(create(&guesser).await.unwrap_err().reason, "CREDENTIALS_INVALID");
    }
    let unknown = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
    for client in [guesser, app.client_with(unknown.expose_secret()).await, app.client_with("nonsense").await] {
        let refusal = create(&client).await.unwrap_err();
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::ResourceExhausted, "AUTH_FAILURES_LIMITED"));
        assert_eq!(refusal.retry_after, Some(MINUTE));
    }
    app.clock.advance(MINUTE);
    create(&app.client().await).await.unwrap();
}

async fn a_caller_who_was_let_in_does_not_suffer_for_others_of_its_address(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    create(&client).await.unwrap();
    let stranger = app.client_with("nonsense").await;
    for _ in 0..AUTH_FAILURES {
        assert_eq!(create(&stranger).await.unwrap_err().reason, "CREDENTIALS_INVALID");
    }
    assert_eq!(create(&stranger).await.unwrap_err().reason, "AUTH_FAILURES_LIMITED");
    // Also after its key has to be read again.
    app.clock.advance(MINUTE / 2);
    create(&client).await.unwrap();
}

async fn a_key_that_exists_is_let_in_from_an_address_that_shows_wrong_keys(database: TestDatabase) {
    let app = TestApp::start(database).await;
    create(&app.client().await).await.unwrap();
    let app = app.crash_and_restart().await;
    let stranger = app.client_with("nonsense").await;
    for _ in 0..AUTH_FAILURES {
        create(&stranger).await.unwrap_err();
    }
    assert_eq!(create(&stranger).await.unwrap_err().reason, "AUTH_FAILURES_LIMITED");
    // No call has used it since the restart.
    let client = app.client().await;
    create(&client).await.unwrap();
    // A cached key does not open the door to guesses of its secret.
    let (public, _) = app.key().split_once(':').unwrap();
    let other = app.new_key(|_| {}).await;
    let (_, secret_of_other) = other.expose_secret().split_once(':').unwrap();
    let guesser = app.client_with(&format!("{public}:{secret_of_other}")).await;
    assert_eq!(create(&guesser).await.unwrap_err().reason, "AUTH_FAILURES_LIMITED");
    // A revoked key is one of the unknown.
    app.keys().await.revoke(&PublicKey::parse(public).unwrap()).await.unwrap();
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(create(&client).await.unwrap_err().reason, "AUTH_FAILURES_LIMITED");
    let client = app.client_with(other.expose_secret()).await;
    create(&client).await.unwrap();
}

async fn headers_over_the_limit_are_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let path = "corefy.gateway.v1.GatewayService/TestConnection";
    let http = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for (bytes, expected) in [(15 * 1024, 200), (17 * 1024, 431)] {
        let call = http.post(format!("http://{}/{path}", app.server.grpc_addr));
        let call = call.header("content-type", "application/grpc").header("x-padding", "x".repeat(bytes));
        assert_eq!(call.send().await.unwrap().status().as_u16(), expected, "{bytes}");
    }
}

async fn a_connection_over_the_bound_waits_until_another_has_ended(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.max_connections = 1).await;
    let first = app.client().await;
    create(&first).await.unwrap();
    let second = app.client().await;
    let waiting = tokio::spawn(async move { create(&second).await });
    for _ in 0..5 {
        create(&first).await.unwrap();
    }
    assert!(!waiting.is_finished(), "the second connection was served beside the first");
    drop(first);
    waiting.await.unwrap().unwrap();
}
