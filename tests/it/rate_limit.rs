//! The rate limit of calls to Corefy, when more calls are made than it allows.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use corefy_gateway::{
    domain::quota::LEASE,
    pb::{self, PaymentIntentState as State, payment_intent_service_client::PaymentIntentServiceClient},
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, KeyedCall, confirmation, keyed, new_intent},
    database::{Backend, TestDatabase},
    money::CONFIRM,
    refusal::refused,
};

crate::on_both!(
    a_confirmation_that_would_wait_beyond_its_deadline_is_refused_at_once,
    a_lookup_in_doubt_has_its_reserve_when_the_rate_limit_is_used_up,
);

/// Shorter than the time from one token to the next.
const SHORT: Duration = Duration::from_millis(200);
/// In any minute. Two may leave at once, the next about 1.1 s later.
const FEW: u32 = 60;
/// Answered by HTTP 500, and charged all the same.
const CHARGED_500: &str = "4000000000005019";

async fn limited(app: TestApp, per_minute: u32) -> TestApp {
    let limit = NonZeroU32::new(per_minute).unwrap();
    app.crash_and_restart_changed(|config| config.upstream.rate_limit_per_minute = limit).await
}

/// Makes one call to Corefy that is given up after this wait.
async fn ask(client: &Client, patience: Duration) -> Result<(), Status> {
    let mut request = client.signed(new_intent("10.00"));
    request.set_timeout(patience);
    PaymentIntentServiceClient::new(client.channel.clone()).create_payment_intent(request).await.map(|_| ())
}

/// Makes calls until there is no room for another one soon.
async fn use_up_limit(client: &Client) {
    while let Ok(()) = ask(client, SHORT).await {}
}

async fn confirm_within(
    client: &Client,
    patience: Duration,
    call: KeyedCall<pb::ConfirmPaymentIntentRequest>,
) -> Status {
    let mut request = client.signed(call);
    request.set_timeout(patience);
    let mut service = PaymentIntentServiceClient::new(client.channel.clone());
    service.confirm_payment_intent(request).await.unwrap_err()
}

async fn a_confirmation_that_would_wait_beyond_its_deadline_is_refused_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let id = app.client().await.intent("10.00").await.id;
    let app = limited(app, FEW).await;
    let client = app.client().await;
    use_up_limit(&client).await;
    let call = || keyed("order-1", confirmation(&id, APPROVED));
    let refusal = refused::<()>(Err(confirm_within(&client, SHORT, call()).await));
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::ResourceExhausted, "UPSTREAM_RATE_LIMITED"));
    assert!(refusal.retry_after.is_some_and(|wait| wait > SHORT), "{refusal:?}");
    assert_eq!(app.sent(CONFIRM), 0);
    // The key is free, and the intent as it was.
    let paid = client.confirm_payment_intent(call()).await.unwrap().into_inner().payment_intent.unwrap();
    assert_eq!((paid.state(), app.sent(CONFIRM)), (State::Succeeded, 1));
    let metrics = app.server.app.diagnostics.metrics();
    let counted = r#"corefy_gateway_upstream_limiter_refused_total{priority="confirm"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    app.assert_books_agree(&client, &id).await;
}

async fn a_lookup_in_doubt_has_its_reserve_when_the_rate_limit_is_used_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = client.intent("10.00").await.id;
    assert_eq!(client.confirm(&id, CHARGED_500).await.unwrap().state(), State::Processing);
    // One in 3.2 s, and one a minute in reserve.
    let app = limited(app, 20).await;
    let client = app.client().await;
    use_up_limit(&client).await;
    let started = Instant::now();
    app.recover_after(Duration::from_secs(2)).await;
    assert!(started.elapsed() < Duration::from_secs(3), "the lookup waited {:?}", started.elapsed());
    app.assert_books_agree(&client, &id).await;
    assert!(client.event_types(&id).await.contains(&"payment_intent.succeeded".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_on_one_database_stay_within_the_rate_limit_together_and_each_has_its_share() {
    /// Of 600 a minute, 28 may leave at once, and one every 112 ms.
    const AT_ONCE: usize = 28;
    const INTERVAL: Duration = Duration::from_millis(112);
    /// Longer than any call waits for a token, and than a busy machine takes.
    const TIME_LIMIT: Duration = Duration::from_secs(60);
    const CALLS: usize = 100;
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    let app = limited(TestApp::start(database).await, 600).await;
    let replica = app.replica().await;
    let clients = [app.client().await, Client::connect(replica.grpc_addr, app.key()).await];
    let started = Instant::now();
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        for (number, client) in clients.iter().cloned().enumerate() {
            calls.spawn(async move { ask(&client, TIME_LIMIT).await.ok().map(|()| number) });
        }
    }
    let served: Vec<_> = calls.join_all().await.into_iter().flatten().collect();
    let room = AT_ONCE + ((started.elapsed() + LEASE).as_millis() / INTERVAL.as_millis()) as usize;
    assert!(served.len() <= room, "{} of {room}", served.len());
    for number in 0..clients.len() {
        let share = served.iter().filter(|of| **of == number).count();
        assert!(share >= 3, "gateway {number} had only {share} of {}", served.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_starts_again_does_not_lease_the_same_tokens_again() {
    let Some(database) = TestDatabase::new(Backend::Postgres).await else { return };
    // One call in a minute.
    let app = limited(TestApp::start(database).await, 1).await;
    use_up_limit(&app.client().await).await;
    let app = app.crash_and_restart().await;
    assert_eq!(ask(&app.client().await, SHORT).await.unwrap_err().code(), Code::ResourceExhausted);
}
