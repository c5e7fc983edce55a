//! Webhooks, from the first byte to the last try.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use corefy_gateway::{
    app::Checkpoint,
    pb::{self, PaymentIntentState as State, RefundState, create_payment_method_request::Details},
    sandbox::PROCESSING_TIME,
    store::{WebhookFilter, WebhookRecord, WebhookState},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sha2::Sha256;
use tokio::task::JoinSet;

use crate::{
    on_both,
    support::{
        app::{START, TestApp, dies_at, http_client},
        client::{Client, keyed, new_intent, redirect},
        database::TestDatabase,
        requests::saved_as,
    },
};

on_both![
    every_path_takes_a_genuine_webhook_with_a_slash_at_its_end_and_without,
    a_signature_may_be_in_upper_case,
    a_path_that_does_not_exist_says_so,
    what_is_not_signed_rightly_is_refused_and_not_stored,
    the_secret_before_the_last_change_is_accepted,
    without_a_secret_every_webhook_is_refused,
    a_webhook_that_is_too_large_is_refused,
    a_webhook_from_an_address_that_is_not_allowed_is_refused,
    a_body_that_comes_again_is_counted_and_worked_off_once,
    webhooks_that_come_together_are_all_kept_and_worked_off,
    webhooks_in_order_tell_the_truth,
    webhooks_out_of_order_tell_the_same,
    webhooks_sent_several_times_tell_the_same,
    when_webhooks_are_lost_asking_tells_the_same,
    a_webhook_may_overtake_the_answer_to_our_own_call,
    a_webhook_tells_the_outcome_of_a_call_that_died,
    a_webhook_about_an_unknown_object_is_tried_again_and_then_parked,
    a_webhook_about_an_object_that_becomes_known_is_worked_off,
    a_webhook_that_cannot_be_read_is_a_dead_letter_and_blocks_nobody,
    a_paid_webhook_about_a_payment_that_is_not_paid_changes_nothing,
    when_the_store_is_down_corefy_is_asked_to_send_again,
    a_declined_payment_is_told,
    a_payment_whose_payer_has_to_act_is_told,
    refunds_are_told,
    what_a_webhook_tells_is_told_to_the_partner_whose_payment_it_is,
    a_new_customer_is_noted,
    a_customer_that_was_changed_at_corefy_is_changed_here_by_one_event,
    a_customer_who_is_several_of_ours_at_corefy_is_left_as_each_told_it,
    payment_methods_are_refreshed_and_adopted,
    a_change_that_many_webhooks_tell_of_is_one_event,
    an_event_of_a_type_that_is_not_known_is_kept,
    a_webhook_is_kept_for_audit,
    webhooks_are_worked_off_by_themselves,
];

pub const PATH: &str = "/webhooks/corefy";
const GUIDE_PATH: &str = "/api/integrations/corefy/webhook/";
pub const SECRET: &str = "sandbox-webhook-secret";
/// Longer than any wait between two tries.
const LONG: Duration = Duration::from_secs(601);

const CHALLENGE: &str = "4000000000003220";
const PROCESSING: &str = "4000000000000077";
const DECLINED: &str = "4000000000009995";

/// The signature of a body, as the `intents` API makes it.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

/// Sends `body` with these headers, and answers the HTTP status.
pub async fn send(app: &TestApp, path: &str, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> u16 {
    let request = http_client().post(app.http(path)).body(body.into());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap().status().as_u16()
}

/// Sends `body`, signed with `secret`, and answers the HTTP status.
async fn send_signed(app: &TestApp, path: &str, body: impl Into<Vec<u8>>, secret: &str) -> u16 {
    let body = body.into();
    let signature = sign(secret, &body);
    send(app, path, body, &[("x-signature", &signature)]).await
}

/// Sends `body` as Corefy does, and answers the HTTP status.
pub async fn send_genuine(app: &TestApp, body: impl Into<Vec<u8>>) -> u16 {
    send_signed(app, PATH, body, SECRET).await
}

/// A webhook of this type about the payment that was made with `reference`.
fn about(event_type: &str, reference: &str) -> String {
    json!({"event_type": event_type, "event_id": "evt_1", "reference_id": reference}).to_string()
}

/// The webhooks that are kept, oldest first.
async fn inbox(app: &TestApp) -> Vec<WebhookRecord> {
    let mut webhooks =
        app.database.store().await.read().await.unwrap().webhooks(&WebhookFilter::default(), None, 1000).await.unwrap();
    webhooks.reverse();
    webhooks
}

/// The only webhook that is kept.
async fn the_webhook(app: &TestApp) -> WebhookRecord {
    let mut webhooks = inbox(app).await;
    assert_eq!(webhooks.len(), 1);
    webhooks.remove(0)
}

/// The state of every intent by what is stored, newest first: reading one would ask Corefy.
async fn states(client: &Client) -> Vec<(State, String)> {
    let intents = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    intents.payment_intents.into_iter().map(|intent| (intent.state(), intent.amount_refunded)).collect()
}

async fn stored_state(client: &Client) -> State {
    let states = states(client).await;
    assert_eq!(states.len(), 1);
    states[0].0
}

async fn refund_states(client: &Client, payment: &str) -> Vec<RefundState> {
    let request = pb::ListRefundsRequest { payment_id: payment.to_owned(), ..Default::default() };
    let refunds = client.list_refunds(request).await.unwrap().into_inner().refunds;
    refunds.iter().map(pb::Refund::state).collect()
}

async fn succeeded_events(client: &Client, intent: &str) -> usize {
    client.event_types(intent).await.iter().filter(|event| *event == "payment_intent.succeeded").count()
}

async fn a_signature_may_be_in_upper_case(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let body = about("payment.succeeded", "pi_1");
    let signature = sign(SECRET, body.as_bytes()).to_uppercase();
    assert_eq!(send(&app, PATH, body, &[("x-signature", &signature)]).await, 200);
}

async fn a_path_that_does_not_exist_says_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for path in ["/", "/webhooks", "/webhooks/corefy/more", "/api/integrations/corefy/"] {
        let answer = http_client().post(app.http(path)).header("x-signature", "00").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{path}");
        assert_eq!(answer.text().await.unwrap(), "nothing is here; webhooks are taken at /webhooks/corefy\n");
    }
}

async fn every_path_takes_a_genuine_webhook_with_a_slash_at_its_end_and_without(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let paid = app.client().await.paid_intent("10.00").await;
    let other_ends = ("/webhooks/corefy/", "/api/integrations/corefy/webhook");
    for (path, event_id) in [(PATH, "evt_1"), (GUIDE_PATH, "evt_2"), (other_ends.0, "evt_3"), (other_ends.1, "evt_4")] {
        let body = json!({"event_type": "payment.succeeded", "event_id": event_id, "reference_id": paid.id});
        assert_eq!(send_signed(&app, path, body.to_string(), SECRET).await, 200, "{path}");
    }
    assert_eq!(inbox(&app).await.iter().map(|webhook| webhook.state).collect::<Vec<_>>(), [WebhookState::Waiting; 4]);
    app.process_webhooks().await;
    let inbox = inbox(&app).await;
    assert!(inbox.iter().all(|webhook| webhook.state == WebhookState::Processed), "{inbox:?}");
}

async fn what_is_not_signed_rightly_is_refused_and_not_stored(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let body = about("payment.succeeded", "pi_1");
    let right = sign(SECRET, body.as_bytes());
    let of_other_body = sign(SECRET, b"{}");
    let with_other_secret = sign("another secret", body.as_bytes());
    for signature in ["", "0", &of_other_body, &with_other_secret, &right[..62], &format!("{right}00")] {
        for path in [PATH, GUIDE_PATH] {
            assert_eq!(send(&app, path, body.clone(), &[("x-signature", signature)]).await, 401, "{signature}");
        }
    }
    assert_eq!(send(&app, PATH, body.clone(), &[]).await, 401, "no signature");
    let bearer = format!("Bearer {}", app.key());
    assert_eq!(send(&app, PATH, body.clone(), &[("authorization", &bearer)]).await, 401, "a caller is not Corefy");
    assert_eq!(send(&app, PATH, body.clone() + " ", &[("x-signature", &right)]).await, 401, "one byte more");
    assert!(inbox(&app).await.is_empty());
    assert_eq!(send(&app, PATH, body, &[("x-signature", &right)]).await, 200, "the right one");
}

async fn the_secret_before_the_last_change_is_accepted(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| {
        config.upstream.webhook_secret = Some("the new secret".into());
        config.upstream.webhook_secret_previous = Some("the old secret".into());
    })
    .await;
    for (secret, status) in [("the new secret", 200), ("the old secret", 200), ("the oldest secret", 401)] {
        assert_eq!(send_signed(&app, PATH, about("payment.failed", secret), secret).await, status, "{secret}");
    }
    assert_eq!(inbox(&app).await.len(), 2);
}

async fn without_a_secret_every_webhook_is_refused(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.webhook_secret = None).await;
    for secret in [SECRET, ""] {
        assert_eq!(send_signed(&app, PATH, about("payment.failed", "pi_1"), secret).await, 503);
    }
    assert!(inbox(&app).await.is_empty());
}

async fn a_webhook_that_is_too_large_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let event = r#"{"event_type": "payout.created"}"#;
    let of_length = |length: usize| event.to_owned() + &" ".repeat(length - event.len());
    assert_eq!(send_signed(&app, PATH, of_length(256 * 1024 + 1), SECRET).await, 413);
    assert!(inbox(&app).await.is_empty());
    assert_eq!(send_signed(&app, PATH, of_length(256 * 1024), SECRET).await, 200);
}

async fn a_webhook_from_an_address_that_is_not_allowed_is_refused(database: TestDatabase) {
    let allow = |networks: &[&str]| networks.iter().map(|network| network.parse().unwrap()).collect();
    let elsewhere = allow(&["203.0.113.0/24", "2001:db8::/32"]);
    let app = TestApp::start_with(database, None, |config| config.webhook_allow = elsewhere).await;
    let body = about("payment.failed", "pi_1");
    assert_eq!(send_signed(&app, PATH, body.clone(), SECRET).await, 403);
    assert!(inbox(&app).await.is_empty());
    let TestApp { database, server, .. } = app;
    drop(server);
    let here = allow(&["203.0.113.0/24", "127.0.0.0/8"]);
    let app = TestApp::start_with(database, None, |config| config.webhook_allow = here).await;
    assert_eq!(send_signed(&app, PATH, body, SECRET).await, 200);
}

async fn a_body_that_comes_again_is_counted_and_worked_off_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.extra_copies = 3);
    let paid = client.paid_intent("10.00").await;
    app.process_webhooks().await;
    let webhook = the_webhook(&app).await;
    assert_eq!((webhook.duplicates, webhook.attempts, webhook.state), (3, 1, WebhookState::Processed));
    assert_eq!(succeeded_events(&client, &paid.id).await, 1);
    let again = json!({"event_type": "payment.succeeded", "event_id": webhook.event_id, "reference_id": paid.id});
    assert_eq!(send_signed(&app, PATH, again.to_string(), SECRET).await, 200);
    app.process_webhooks().await;
    assert_eq!(succeeded_events(&client, &paid.id).await, 1, "the same event in another body");
}

/// The states of the payments of [`live`], newest first, however the webhooks about them arrive.
fn truth() -> Vec<(State, String)> {
    [
        (State::Succeeded, "0.00"),
        (State::RequiresPaymentMethod, "0.00"),
        (State::Succeeded, "0.00"),
        (State::RequiresPaymentMethod, "0.00"),
        (State::Succeeded, "3.61"),
    ]
    .map(|(state, refunded)| (state, refunded.to_owned()))
    .to_vec()
}

/// Payments of every kind, of which Corefy has news after our calls ended.
async fn live(app: &TestApp, client: &Client) -> Vec<String> {
    let mut ids = Vec::new();
    for number in ["4111111111111111", CHALLENGE, CHALLENGE, DECLINED, PROCESSING] {
        let intent = client.intent("20.00").await;
        client.confirm(&intent.id, number).await.unwrap();
        ids.push(intent.id);
    }
    for amount in ["3.61", "1.62"] {
        client.refund(&ids[0], amount).await.unwrap();
    }
    app.clock.advance(PROCESSING_TIME);
    app.sandbox.settle_due();
    app.sandbox.complete_action(&ids[1], false).unwrap();
    app.sandbox.complete_action(&ids[2], true).unwrap();
    ids
}

/// Whether the truth is stored, and was reported once.
async fn assert_truth(client: &Client, ids: &[String]) {
    assert_eq!(states(client).await, truth());
    for id in [&ids[0], &ids[2], &ids[4]] {
        assert_eq!(succeeded_events(client, id).await, 1);
    }
    assert_eq!(refund_states(client, &ids[0]).await, [RefundState::Failed, RefundState::Succeeded]);
}

async fn webhooks_that_come_together_are_all_kept_and_worked_off(database: TestDatabase) {
    const DIFFERENT: usize = 100;
    const TIMES: usize = 2;
    let app = TestApp::start(database).await;
    let (http, mut senders) = (http_client(), JoinSet::new());
    for number in (0..DIFFERENT).cycle().take(DIFFERENT * TIMES) {
        let body = json!({"event_type": "customer.updated", "event_id": format!("evt_{number}")}).to_string();
        let signature = sign(SECRET, body.as_bytes());
        let sent = http.post(app.http(PATH)).header("x-signature", signature).body(body).send();
        senders.spawn(async move { sent.await.unwrap().status().as_u16() });
    }
    assert!(senders.join_all().await.into_iter().all(|status| status == 200));
    let kept = inbox(&app).await;
    let events: BTreeSet<_> = kept.iter().map(|webhook| webhook.event_id.as_str()).collect();
    assert_eq!((kept.len(), events.len()), (DIFFERENT, DIFFERENT));
    assert!(kept.iter().all(|webhook| webhook.duplicates == 1), "each came twice");
    app.process_webhooks().await;
    assert!(inbox(&app).await.iter().all(|webhook| webhook.state == WebhookState::Processed));
}

async fn webhooks_in_order_tell_the_truth(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let ids = live(&app, &client).await;
    assert_ne!(states(&client).await, truth(), "there is nothing to tell");
    app.process_webhooks().await;
    assert_truth(&client, &ids).await;
}

async fn webhooks_out_of_order_tell_the_same(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| (switches.webhooks.hold, switches.webhooks.shuffle) = (true, true));
    let ids = live(&app, &client).await;
    app.sandbox.deliver_held();
    app.process_webhooks().await;
    let types: Vec<_> = inbox(&app).await.into_iter().map(|webhook| webhook.event_type).collect();
    assert!(types.len() > 5 && types.last().unwrap() == "payment.succeeded", "the first came last: {types:?}");
    assert_truth(&client, &ids).await;
}

async fn webhooks_sent_several_times_tell_the_same(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| (switches.webhooks.extra_copies, switches.webhooks.shuffle) = (4, true));
    let ids = live(&app, &client).await;
    app.process_webhooks().await;
    assert!(inbox(&app).await.iter().all(|webhook| webhook.duplicates == 4));
    assert_truth(&client, &ids).await;
}

async fn when_webhooks_are_lost_asking_tells_the_same(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let ids = live(&app, &client).await;
    app.process_webhooks().await;
    assert!(inbox(&app).await.is_empty());
    for _ in 0..5 {
        app.recover_after(Duration::from_secs(60)).await;
    }
    assert_truth(&client, &ids).await;
}

async fn a_webhook_may_overtake_the_answer_to_our_own_call(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().set(|switches| switches.answer_delay_ms = 1_500);
    let (caller, id) = (client.clone(), intent.id.clone());
    let call = tokio::spawn(async move { caller.confirm(&id, "4111111111111111").await });
    while inbox(&app).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.sandbox.faults().clear();
    assert!(!call.is_finished(), "the answer is still to come");
    app.process_webhooks().await;
    let paid = call.await.unwrap().unwrap();
    assert_eq!((paid.state(), paid.amount_received.as_str()), (State::Succeeded, "10.00"));
    app.clock.advance(LONG);
    app.process_webhooks().await;
    assert_eq!(the_webhook(&app).await.state, WebhookState::Processed);
    assert_eq!(succeeded_events(&client, &intent.id).await, 1);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
}

async fn a_webhook_tells_the_outcome_of_a_call_that_died(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let (probe, deaths) = dies_at(Checkpoint::Answered);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    let (caller, id) = (client.clone(), intent.id.clone());
    let call = tokio::spawn(async move { caller.confirm(&id, "4111111111111111").await });
    deaths.acquire().await.unwrap().forget();
    app.process_webhooks().await;
    assert_eq!(stored_state(&client).await, State::Succeeded, "before our own commit");
    call.abort();
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    for _ in 0..3 {
        app.recover_after(LONG).await;
    }
    assert_eq!(stored_state(&client).await, State::Succeeded);
    assert_eq!(succeeded_events(&client, &intent.id).await, 1);
    assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
    let refund = client.refund(&intent.id, "").await.unwrap();
    assert_eq!(refund.amount, "10.00", "no operation is open that would forbid it");
}

async fn a_webhook_about_an_unknown_object_is_tried_again_and_then_parked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let body = json!({"event_type": "payment.succeeded", "event_id": "evt_1", "payment_id": "cfpay_of_another_shop"});
    assert_eq!(send_signed(&app, PATH, body.to_string(), SECRET).await, 200);
    for attempt in 1..6 {
        app.process_webhooks().await;
        let webhook = the_webhook(&app).await;
        assert_eq!((webhook.attempts, webhook.state), (attempt, WebhookState::Waiting));
        app.process_webhooks().await;
        assert_eq!(the_webhook(&app).await.attempts, attempt, "it is not yet due again");
        app.clock.advance(Duration::from_secs(1 << (attempt - 1)));
    }
    app.process_webhooks().await;
    app.clock.advance(LONG);
    app.process_webhooks().await;
    let webhook = the_webhook(&app).await;
    assert_eq!((webhook.attempts, webhook.state, webhook.processed_at), (6, WebhookState::Parked, None));
    assert_eq!(webhook.error.as_deref(), Some("no object of ours has these ids"));
}

async fn a_webhook_about_an_object_that_becomes_known_is_worked_off(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.set_webhook_url(None);
    let paid = client.paid_intent("10.00").await;
    app.sandbox.refund_from_dashboard(&paid.id, 300).unwrap();
    let body = json!({"event_type": "refund.succeeded", "event_id": "evt_1", "payment_id": paid.upstream_id});
    let early = body.to_string().replace(&paid.upstream_id, "cfpay_not_yet_known");
    assert_eq!(send_signed(&app, PATH, early, SECRET).await, 200);
    app.process_webhooks().await;
    assert_eq!(states(&client).await, [(State::Succeeded, "0.00".to_owned())]);
    assert_eq!(send_signed(&app, PATH, body.to_string(), SECRET).await, 200);
    app.process_webhooks().await;
    assert_eq!(states(&client).await, [(State::Succeeded, "3.00".to_owned())]);
}

async fn a_webhook_that_cannot_be_read_is_a_dead_letter_and_blocks_nobody(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let deep = format!(r#"{{"event_type": "payment.failed", "metadata": {}}}"#, "[".repeat(100_000));
    let array = format!("[{}]", about("payment.succeeded", &paid.id));
    let poison: [&[u8]; 7] =
        [b"", b"hello", b"\xff\xfe", b"{}", b"{\"event_type\": null}", array.as_bytes(), deep.as_bytes()];
    for body in poison {
        assert_eq!(send_signed(&app, PATH, body, SECRET).await, 200);
    }
    assert_eq!(send_signed(&app, PATH, about("payment.succeeded", &paid.id), SECRET).await, 200);
    assert_eq!(app.server.app.webhooks.process_webhooks().await.unwrap(), 8, "all in one batch");
    let healthy = inbox(&app).await.pop().unwrap();
    assert_eq!((healthy.state, healthy.attempts), (WebhookState::Processed, 1));
    app.clock.advance(LONG);
    app.process_webhooks().await;
    for webhook in &inbox(&app).await[..7] {
        assert_eq!((webhook.state, webhook.attempts), (WebhookState::Dead, 1), "{webhook:?}");
        assert_eq!(webhook.error.as_deref(), Some("its body cannot be read as a webhook of Corefy's"));
        assert!(webhook.processed_at.is_none() && webhook.body.len() < 1000);
    }
}

async fn a_paid_webhook_about_a_payment_that_is_not_paid_changes_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert_eq!(send_signed(&app, PATH, about("payment.succeeded", &intent.id), SECRET).await, 200);
    app.process_webhooks().await;
    assert_eq!(stored_state(&client).await, State::RequiresConfirmation);
    assert_eq!(the_webhook(&app).await.error.as_deref(), Some("Corefy does not show what this tells"));
    client.confirm(&intent.id, "4111111111111111").await.unwrap();
    app.clock.advance(LONG);
    app.process_webhooks().await;
    let inbox = inbox(&app).await;
    assert!(inbox.iter().all(|webhook| webhook.state == WebhookState::Processed), "{inbox:?}");
    assert_eq!(inbox[0].error, None);
}

async fn when_the_store_is_down_corefy_is_asked_to_send_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let body = about("payout.created", "pi_1");
    app.server.app.drain().await;
    assert_eq!(send_signed(&app, PATH, body.clone(), SECRET).await, 503);
    let app = app.crash_and_restart().await;
    assert!(inbox(&app).await.is_empty());
    assert_eq!(send_signed(&app, PATH, body, SECRET).await, 200);
    app.process_webhooks().await;
    assert_eq!(the_webhook(&app).await.state, WebhookState::Processed);
}

async fn a_declined_payment_is_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    client.confirm(&intent.id, CHALLENGE).await.unwrap();
    app.sandbox.complete_action(&intent.id, false).unwrap();
    assert_eq!(stored_state(&client).await, State::RequiresAction);
    app.process_webhooks().await;
    assert_eq!(stored_state(&client).await, State::RequiresPaymentMethod);
    assert_eq!(client.get(&intent.id).await.last_payment_error.unwrap().code, "authentication_failed");
    let types: Vec<_> = inbox(&app).await.into_iter().map(|webhook| webhook.event_type).collect();
    assert_eq!(types, ["payment.requires_action", "payment.failed"]);
}

async fn a_payment_whose_payer_has_to_act_is_told(database: TestDatabase) {
    use corefy_gateway::sandbox::faults::Fault;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents/{id}/confirm", Fault::DropAfterExecute);
    let in_doubt = client.confirm(&intent.id, CHALLENGE).await.unwrap();
    assert_eq!(in_doubt.state(), State::Processing);
    app.process_webhooks().await;
    assert_eq!(the_webhook(&app).await.event_type, "payment.requires_action");
    assert_eq!(stored_state(&client).await, State::RequiresAction);
    assert!(!redirect(&client.get(&intent.id).await).url.is_empty());
}

async fn refunds_are_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    for amount in ["1.61", "1.62"] {
        assert_eq!(client.refund(&paid.id, amount).await.unwrap().state(), RefundState::Pending);
    }
    app.clock.advance(PROCESSING_TIME);
    app.sandbox.settle_due();
    assert_eq!(refund_states(&client, &paid.id).await, [RefundState::Pending; 2]);
    app.process_webhooks().await;
    assert_eq!(refund_states(&client, &paid.id).await, [RefundState::Failed, RefundState::Succeeded]);
    let types: Vec<_> = inbox(&app).await.into_iter().map(|webhook| webhook.event_type).collect();
    assert!(
        ["refund.succeeded", "refund.failed"].iter().all(|told| types.iter().any(|seen| seen == told)),
        "{types:?}"
    );
}

async fn what_a_webhook_tells_is_told_to_the_partner_whose_payment_it_is(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let key = app.new_key(|new| new.partner_name = "Other".to_owned()).await;
    let (owner, other) = (app.client().await, app.client_with(key.expose_secret()).await);
    let intent = owner.intent("10.00").await;
    owner.confirm(&intent.id, CHALLENGE).await.unwrap();
    app.sandbox.complete_action(&intent.id, true).unwrap();
    app.process_webhooks().await;
    assert_eq!(succeeded_events(&owner, &intent.id).await, 1);
    let all = pb::ListEventsRequest::default();
    assert!(other.list_events(all).await.unwrap().into_inner().events.is_empty());
}

async fn customer(client: &Client) -> pb::Customer {
    let request = pb::CreateCustomerRequest { email: "payer@example.com".to_owned(), ..Default::default() };
    client.create_customer(keyed("customer", request)).await.unwrap().into_inner().customer.unwrap()
}

async fn a_new_customer_is_noted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    customer(&app.client().await).await;
    app.process_webhooks().await;
    let webhook = the_webhook(&app).await;
    assert_eq!((webhook.event_type.as_str(), webhook.state), ("customer.created", WebhookState::Processed));
}

/// Every customer of the partner's with its email address and name.
async fn contacts(client: &Client) -> Vec<(String, String, String)> {
    let customers = client.list_customers(pb::ListCustomersRequest::default()).await.unwrap().into_inner().customers;
    customers.into_iter().map(|customer| (customer.email, customer.name, customer.phone)).collect()
}

async fn a_customer_that_was_changed_at_corefy_is_changed_here_by_one_event(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client).await;
    app.process_webhooks().await;
    assert_eq!(client.event_types(&customer.id).await, ["customer.created"], "what Corefy shows is known");
    app.clock.advance(LONG);
    app.sandbox.set_webhook_url(None);
    app.sandbox.change_customer(&customer.upstream_id, "jane.roe@example.com", "Jane Roe").unwrap();
    for event_id in 0..3 {
        let body = json!({
            "event_type": "customer.updated", "event_id": event_id.to_string(), "customer_id": customer.upstream_id,
        });
        assert_eq!(send_genuine(&app, body.to_string()).await, 200);
    }
    assert_eq!(app.server.app.webhooks.process_webhooks().await.unwrap(), 3, "all at the same time");
    app.clock.advance(LONG);
    app.process_webhooks().await;
    let changed = ("jane.roe@example.com".to_owned(), "Jane Roe".to_owned(), customer.phone);
    assert_eq!(contacts(&client).await, [changed]);
    assert_eq!(client.event_types(&customer.id).await, ["customer.created", "customer.updated"]);
    assert!(inbox(&app).await.iter().all(|webhook| webhook.state == WebhookState::Processed));
}

async fn a_customer_who_is_several_of_ours_at_corefy_is_left_as_each_told_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().set(|switches| switches.merge_customers = true);
    let client = app.client().await;
    let other = app.client_of(|key| key.partner_name = "Other".to_owned()).await;
    let (first, second) = (customer(&client).await, customer(&other).await);
    assert_eq!(first.upstream_id, second.upstream_id);
    app.sandbox.change_customer(&first.upstream_id, "jane.roe@example.com", "Jane Roe").unwrap();
    app.process_webhooks().await;
    for (client, told) in [(&client, first), (&other, second)] {
        assert_eq!(contacts(client).await, [(told.email, told.name, told.phone)]);
    }
}

async fn save_card(client: &Client, customer: &str) -> pb::PaymentMethod {
    let card = pb::CardToSave {
        number: "4111111111111111".to_owned(),
        expiry_month: 12,
        expiry_year: 2027,
        holder_name: "Jane Doe".to_owned(),
    };
    let request = saved_as(customer, Details::Card(card));
    client.create_payment_method(request).await.unwrap().into_inner().payment_method.unwrap()
}

async fn a_change_that_many_webhooks_tell_of_is_one_event(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client).await;
    let saved = save_card(&client, &customer.id).await;
    app.process_webhooks().await;
    app.sandbox.set_webhook_url(None);
    app.sandbox.renew_card(&saved.upstream_id, 2032).unwrap();
    app.sandbox.save_card_elsewhere(&customer.upstream_id).unwrap();
    for event_id in 0..8 {
        let body = json!({
            "event_type": "payment_method.updated", "event_id": event_id.to_string(),
            "customer_id": customer.upstream_id,
        });
        assert_eq!(send_signed(&app, PATH, body.to_string(), SECRET).await, 200);
    }
    assert_eq!(app.server.app.webhooks.process_webhooks().await.unwrap(), 8, "all at the same time");
    let events = client.list_events(pb::ListEventsRequest { page_size: 100, ..Default::default() }).await.unwrap();
    let events: Vec<_> = events.into_inner().events.into_iter().map(|event| event.r#type).collect();
    let count = |event: &str| events.iter().filter(|told| *told == event).count();
    assert_eq!((count("payment_method.created"), count("payment_method.updated")), (2, 1), "{events:?}");
}

async fn payment_methods_are_refreshed_and_adopted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = customer(&client).await;
    let saved = save_card(&client, &customer.id).await;
    app.sandbox.renew_card(&saved.upstream_id, 2032).unwrap();
    let elsewhere = app.sandbox.save_card_elsewhere(&customer.upstream_id).unwrap();
    app.process_webhooks().await;
    let request = pb::ListPaymentMethodsRequest { customer_id: customer.id, ..Default::default() };
    let methods = client.list_payment_methods(request).await.unwrap().into_inner().payment_methods;
    let shown: Vec<_> = methods
        .iter()
        .map(|method| {
            let card = method.card.as_ref().unwrap();
            (method.upstream_id.as_str(), card.last4.as_str(), card.expiry_year)
        })
        .collect();
    assert_eq!(shown, [(elsewhere.as_str(), "4444", 2035), (saved.upstream_id.as_str(), "1111", 2032)]);
    assert_eq!(client.event_types(&saved.id).await, ["payment_method.created", "payment_method.updated"]);
    assert_eq!(client.event_types(&methods[0].id).await, ["payment_method.created"]);
}

async fn an_event_of_a_type_that_is_not_known_is_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for event_type in ["payout.created", "payment_method", "…", "payment.exploded"] {
        assert_eq!(send_signed(&app, PATH, about(event_type, "nothing of ours"), SECRET).await, 200, "{event_type}");
    }
    app.process_webhooks().await;
    let inbox = inbox(&app).await;
    let states: Vec<_> = inbox.iter().map(|webhook| (webhook.event_type.as_str(), webhook.state)).collect();
    let (done, waits) = (WebhookState::Processed, WebhookState::Waiting);
    assert_eq!(
        states,
        [("payout.created", done), ("payment_method", done), ("…", done), ("payment.exploded", waits)],
        "one that may be about a payment waits for it"
    );
}

async fn a_webhook_is_kept_for_audit(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.set_webhook_url(None);
    let paid = app.client().await.paid_intent("10.00").await;
    let body = json!({
        "event_type": "payment.succeeded", "event_id": "evt_1", "reference_id": paid.id, "email": "payer@example.com",
        "metadata": {"card": "4111111111111111"}, "status": "paid with 4111111111111111",
    });
    let body = body.to_string();
    let signature = sign(SECRET, body.as_bytes());
    let headers = [
        ("x-signature", signature.as_str()),
        ("content-type", "application/json"),
        ("user-agent", "Corefy/1"),
        ("x-request-id", "request-1"),
        ("cookie", "session=secret"),
    ];
    assert_eq!(send(&app, PATH, body, &headers).await, 200);
    app.clock.advance(Duration::from_secs(3));
    app.process_webhooks().await;
    let webhook = the_webhook(&app).await;
    assert!(webhook.source_address.parse::<IpAddr>().unwrap().is_loopback());
    let kept: serde_json::Value = serde_json::from_str(&webhook.headers).unwrap();
    assert_eq!(
        kept,
        json!({
            "content-type": "application/json", "user-agent": "Corefy/1", "x-request-id": "request-1",
            "x-signature": signature,
        })
    );
    let kept: serde_json::Value = serde_json::from_str(&webhook.body).unwrap();
    assert_eq!(
        kept,
        json!({
            "event_type": "payment.succeeded", "event_id": "evt_1", "reference_id": paid.id, "email": "[redacted]",
            "metadata": "[redacted]", "status": "paid with ************1111",
        })
    );
    assert_eq!((webhook.event_id.as_str(), webhook.event_type.as_str()), ("evt_1", "payment.succeeded"));
    assert_eq!((webhook.attempts, webhook.duplicates, webhook.error), (1, 0, None));
    assert_eq!((webhook.received_at, webhook.processed_at), (START, Some(START + Duration::from_secs(3))));
}

async fn webhooks_are_worked_off_by_themselves(database: TestDatabase) {
    let app = TestApp::start_running(database).await;
    let client = app.client().await;
    let intent = client.create_payment_intent(new_intent("10.00")).await.unwrap().into_inner().payment_intent.unwrap();
    client.confirm(&intent.id, CHALLENGE).await.unwrap();
    app.sandbox.complete_action(&intent.id, true).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while inbox(&app).await.iter().filter(|webhook| webhook.state == WebhookState::Processed).count() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", inbox(&app).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(stored_state(&client).await, State::Succeeded);
}
