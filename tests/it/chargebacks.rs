//! Chargebacks: what a payer's bank takes back is known with its amount, by a webhook or without, is listed once, and cannot be refunded;
//! in both APIs of Corefy.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        api_key::Scope,
        clock::Timestamp,
        ids::{Ids, PaymentIntentId},
    },
    pb::{self, PaymentIntentState as State, RefundState, event::Object},
    sandbox::{CHARGEBACK_TIME, PROCESSING_TIME},
};
use serde_json::json;

use crate::{
    golden::rows,
    support::{
        app::TestApp,
        client::{Client, reason},
        database::TestDatabase,
        money::READ,
        refusal::wrong_fields,
    },
};

crate::on_both!(
    a_chargeback_is_known_by_its_webhook,
    a_chargeback_is_known_by_its_webhook_in_commerce,
    chargebacks_are_known_within_the_hour_without_a_webhook,
    chargebacks_are_known_within_the_hour_without_a_webhook_in_commerce,
    a_chargeback_after_a_refund_takes_more_than_was_left,
    a_chargeback_after_a_refund_takes_more_than_was_left_in_commerce,
    a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back,
    a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back_in_commerce,
    webhooks_that_repeat_make_one_chargeback,
    webhooks_that_repeat_make_one_chargeback_in_commerce,
    a_payment_that_is_first_seen_charged_back_has_one_chargeback,
    a_smaller_sum_takes_no_chargeback_back,
    a_refund_at_the_dashboard_counts_beside_a_chargeback_that_is_known_with_it,
    two_gateways_that_look_at_once_make_one_chargeback,
    chargebacks_are_listed_page_by_page_to_their_partner_alone,
    wrong_fields_of_a_list_of_chargebacks_are_named,
    what_was_charged_back_before_there_were_chargebacks_is_one_a_payment,
);

/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";
/// A card whose payment the payer's bank takes back.
const CHARGED_BACK: &str = "4000000000000259";
const HOUR: Duration = Duration::from_secs(3600);

/// The amounts taken back so far, by the events about chargebacks of this payment.
async fn reported(client: &Client, id: &str) -> Vec<String> {
    let types = vec!["payment_intent.charged_back".to_owned()];
    let request = pb::ListEventsRequest { types, object_id: id.to_owned(), ..Default::default() };
    let events = client.events(request).await.unwrap().events;
    let sum = |event: pb::Event| match event.object {
        Some(Object::PaymentIntent(intent)) => intent.amount_charged_back,
        other => panic!("no payment intent: {other:?}"),
    };
    events.into_iter().map(sum).collect()
}

/// The amounts of the payment in the gateway, without asking Corefy: charged back, refundable.
async fn known(client: &Client, id: &str) -> (String, String) {
    let listed = client.intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().payment_intents;
    let intent = listed.into_iter().find(|intent| intent.id == id).unwrap();
    assert_eq!(intent.state(), State::Succeeded);
    (intent.amount_charged_back, intent.amount_refundable)
}

fn told(charged_back: &str, refundable: &str) -> (String, String) {
    (charged_back.to_owned(), refundable.to_owned())
}

/// The amount of each chargeback of the payment, with the sum until then, newest first.
async fn amounts(client: &Client, id: &str) -> Vec<(String, String)> {
    let chargebacks = client.chargebacks(id).await;
    chargebacks.into_iter().map(|chargeback| (chargeback.amount, chargeback.total)).collect()
}

/// When the gateway learnt of it.
fn moment(chargeback: &pb::Chargeback) -> Timestamp {
    let at = chargeback.created_at.unwrap();
    Timestamp(at.seconds * 1_000_000 + i64::from(at.nanos) / 1000)
}

async fn a_chargeback_is_known_by_its_webhook(database: TestDatabase) {
    webhook(TestApp::start(database).await).await;
}

async fn a_chargeback_is_known_by_its_webhook_in_commerce(database: TestDatabase) {
    webhook(TestApp::start_commerce(database).await).await;
}

async fn chargebacks_are_known_within_the_hour_without_a_webhook(database: TestDatabase) {
    polls(TestApp::start(database).await).await;
}

async fn chargebacks_are_known_within_the_hour_without_a_webhook_in_commerce(database: TestDatabase) {
    polls(TestApp::start_commerce(database).await).await;
}

async fn a_chargeback_after_a_refund_takes_more_than_was_left(database: TestDatabase) {
    after_refund(TestApp::start(database).await).await;
}

async fn a_chargeback_after_a_refund_takes_more_than_was_left_in_commerce(database: TestDatabase) {
    after_refund(TestApp::start_commerce(database).await).await;
}

async fn a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back(database: TestDatabase) {
    refund_under_way(TestApp::start(database).await).await;
}

async fn a_refund_that_is_under_way_ends_as_corefy_says_whatever_is_charged_back_in_commerce(database: TestDatabase) {
    refund_under_way(TestApp::start_commerce(database).await).await;
}

async fn webhook(app: TestApp) {
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let paid = client.confirm(&intent.id, CHARGED_BACK).await.unwrap();
    assert_eq!((paid.state(), paid.amount_charged_back.as_str()), (State::Succeeded, "0.00"));
    app.process_webhooks().await;
    app.clock.advance(CHARGEBACK_TIME);
    app.sandbox.settle_due();
    app.process_webhooks().await;
    assert_eq!(known(&client, &paid.id).await, told("10.00", "0.00"));
    assert_eq!(reported(&client, &paid.id).await, ["10.00"]);
    let refused = client.refund(&paid.payment_id, "1.00").await.unwrap_err();
    assert_eq!(reason(&refused), "REFUND_EXCEEDS_PAYMENT");
    let chargebacks = client.chargebacks(&paid.payment_id).await;
    let [chargeback] = &chargebacks[..] else { panic!("{chargebacks:?}") };
    assert!(chargeback.id.starts_with("cb_"), "{chargeback:?}");
    let of = [
        &chargeback.payment_intent_id,
        &chargeback.payment_id,
        &chargeback.amount,
        &chargeback.total,
        &chargeback.currency,
    ];
    assert_eq!(of, [&paid.id, &paid.payment_id, "10.00", "10.00", "USD"]);
    assert!(!chargeback.upstream_payment_id.is_empty(), "{chargeback:?}");
    assert_eq!(moment(chargeback), app.clock.now());
    let shown = app.assert_books_agree(&client, &paid.id).await;
    assert!(shown.revision > paid.revision, "{} {}", shown.revision, paid.revision);
}

async fn polls(app: TestApp) {
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let paid = client.paid_intent("10.00").await;
    app.sandbox.charge_back(&paid.id, 450).unwrap();
    app.recover_after(HOUR).await;
    assert_eq!(known(&client, &paid.id).await, told("4.50", "5.50"));
    app.sandbox.charge_back(&paid.id, 150).unwrap();
    app.recover_after(HOUR).await;
    assert_eq!(known(&client, &paid.id).await, told("6.00", "4.00"));
    assert_eq!(reported(&client, &paid.id).await, ["4.50", "6.00"], "each with the sum until then");
    assert_eq!(amounts(&client, &paid.id).await, [told("1.50", "6.00"), told("4.50", "4.50")], "newest first");
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "4.00");
    app.assert_books_agree(&client, &paid.id).await;
}

async fn after_refund(app: TestApp) {
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    client.refund(&paid.payment_id, "7.00").await.unwrap();
    app.sandbox.charge_back(&paid.id, 1000).unwrap();
    app.process_webhooks().await;
    assert_eq!(known(&client, &paid.id).await, told("10.00", "0.00"));
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "7.00");
    assert_eq!(app.sandbox.ledger().charged_back(&paid.id), 1000);
}

async fn refund_under_way(app: TestApp) {
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let refund = client.refund(&paid.payment_id, "4.61").await.unwrap();
    assert_eq!(refund.state(), RefundState::Pending);
    app.sandbox.charge_back(&paid.id, 1000).unwrap();
    app.process_webhooks().await;
    assert_eq!(known(&client, &paid.id).await, told("10.00", "0.00"));
    app.clock.advance(PROCESSING_TIME);
    app.sandbox.settle_due();
    app.process_webhooks().await;
    let request = pb::GetRefundRequest { id: refund.id };
    let ended = client.get_refund(request).await.unwrap().into_inner().refund.unwrap();
    assert_eq!(ended.state(), RefundState::Succeeded);
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "4.61");
}

async fn webhooks_that_repeat_make_one_chargeback(database: TestDatabase) {
    repeated(TestApp::start(database).await).await;
}

async fn webhooks_that_repeat_make_one_chargeback_in_commerce(database: TestDatabase) {
    repeated(TestApp::start_commerce(database).await).await;
}

async fn repeated(app: TestApp) {
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.extra_copies = 3);
    let paid = client.paid_intent("10.00").await;
    for minor in [450, 150] {
        app.sandbox.charge_back(&paid.id, minor).unwrap();
        app.process_webhooks().await;
    }
    app.recover_after(HOUR).await;
    assert_eq!(amounts(&client, &paid.id).await, [told("1.50", "6.00"), told("4.50", "4.50")]);
    assert_eq!(reported(&client, &paid.id).await, ["4.50", "6.00"]);
    app.assert_books_agree(&client, &paid.id).await;
}

async fn a_refund_at_the_dashboard_counts_beside_a_chargeback_that_is_known_with_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let paid = client.paid_intent("10.00").await;
    app.sandbox.refund_from_dashboard(&paid.id, 700).unwrap();
    app.sandbox.charge_back(&paid.id, 800).unwrap();
    app.recover_after(HOUR).await;
    let known = app.assert_books_agree(&client, &paid.id).await;
    assert_eq!((known.amount_refunded.as_str(), known.amount_charged_back.as_str()), ("7.00", "8.00"));
    assert_eq!(known.amount_refundable, "0.00");
}

async fn a_payment_that_is_first_seen_charged_back_has_one_chargeback(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| {
        switches.webhooks.loss_percent = 100;
        switches.hide_payments = true;
    });
    let intent = client.intent("10.00").await;
    let doubted = client.confirm(&intent.id, CHARGED_500).await.unwrap();
    assert_eq!((doubted.state(), doubted.outcome_unknown), (State::Processing, true));
    app.sandbox.charge_back(&intent.id, 200).unwrap();
    app.sandbox.charge_back(&intent.id, 300).unwrap();
    app.sandbox.faults().set(|switches| switches.hide_payments = false);
    app.recover_after(Duration::from_secs(30)).await;
    assert_eq!(known(&client, &intent.id).await, told("5.00", "5.00"));
    assert_eq!(amounts(&client, &intent.id).await, [told("5.00", "5.00")], "Corefy tells the sum alone");
    assert!(!client.chargebacks(&intent.id).await[0].upstream_payment_id.is_empty());
}

async fn a_smaller_sum_takes_no_chargeback_back(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let paid = client.paid_intent("10.00").await;
    app.sandbox.charge_back(&paid.id, 450).unwrap();
    app.recover_after(HOUR).await;
    let show = |sum: &str| {
        // Newer than all that was told before.
        let members = json!({"amount_charged_back": sum, "updated_at": app.clock.now().to_string()});
        app.sandbox.faults().set(|switches| drop(switches.shown_payments.insert(paid.id.clone(), members)));
    };
    for (sum, chargebacks) in [
        ("1.00", vec![told("4.50", "4.50")]),
        ("4.50", vec![told("4.50", "4.50")]),
        ("6.00", vec![told("1.50", "6.00"), told("4.50", "4.50")]),
    ] {
        app.clock.advance(HOUR);
        show(sum);
        app.recover_after(HOUR).await;
        assert_eq!(amounts(&client, &paid.id).await, chargebacks, "Corefy says {sum}");
        app.assert_books_agree(&client, &paid.id).await;
    }
}

async fn two_gateways_that_look_at_once_make_one_chargeback(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let replica = app.replica().await;
    let paid = client.paid_intent("10.00").await;
    for (minor, sum) in [(450, "4.50"), (150, "6.00")] {
        app.clock.advance(HOUR);
        app.sandbox.charge_back(&paid.id, minor).unwrap();
        app.sandbox.webhooks_idle().await;
        let asked_before = app.sent(READ);
        // Both have read what is stored before either has its answer.
        app.sandbox.faults().set(|switches| switches.answer_delay_ms = 200);
        let by_webhook = async { while replica.app.webhooks.process_webhooks().await.unwrap() > 0 {} };
        let (read, ()) = tokio::join!(client.get(&paid.id), by_webhook);
        app.sandbox.faults().set(|switches| switches.answer_delay_ms = 0);
        assert_eq!((read.amount_charged_back.as_str(), app.sent(READ) - asked_before), (sum, 2));
    }
    assert_eq!(amounts(&client, &paid.id).await, [told("1.50", "6.00"), told("4.50", "4.50")]);
    assert_eq!(reported(&client, &paid.id).await, ["4.50", "6.00"]);
}

async fn chargebacks_are_listed_page_by_page_to_their_partner_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (client, stranger) = (app.client().await, app.client_of(|key| key.partner_name = "Other".to_owned()).await);
    let mut made = Vec::new();
    for minor in [100, 200, 300] {
        let paid = client.paid_intent("10.00").await;
        app.clock.advance(HOUR);
        app.sandbox.charge_back(&paid.id, minor).unwrap();
        app.process_webhooks().await;
        made.insert(0, client.chargebacks(&paid.id).await.remove(0));
    }
    let list = async |of: &Client, request| of.list_chargebacks(request).await.unwrap().into_inner();
    let all = pb::ListChargebacksRequest::default;
    assert_eq!(list(&client, all()).await.chargebacks, made, "newest first");
    assert_eq!(list(&stranger, all()).await.chargebacks, []);
    assert_eq!(stranger.chargebacks(&made[0].payment_intent_id).await, []);
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    for count in [2, 1] {
        let page = list(&client, pb::ListChargebacksRequest { page_size: 2, page_token, ..all() }).await;
        assert_eq!(page.chargebacks.len(), count);
        paged.extend(page.chargebacks);
        page_token = page.next_page_token;
    }
    assert_eq!((paged, page_token.as_str()), (made.clone(), ""));
    let (created_from, created_before) = (made[1].created_at, made[0].created_at);
    let within = list(&client, pb::ListChargebacksRequest { created_from, created_before, ..all() }).await;
    assert_eq!(within.chargebacks, made[1..2]);
    let reader = app.client_of(|key| key.scopes = vec![Scope::Read]).await;
    assert_eq!(list(&reader, all()).await.chargebacks, made);
}

async fn wrong_fields_of_a_list_of_chargebacks_are_named(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (default, second) =
        (pb::ListChargebacksRequest::default, |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 }));
    for (request, field) in [
        (pb::ListChargebacksRequest { payment_intent_id: "re_1".to_owned(), ..default() }, "payment_intent_id"),
        (
            pb::ListChargebacksRequest { created_from: second(2), created_before: second(1), ..default() },
            "created_from",
        ),
        (pb::ListChargebacksRequest { page_size: 101, ..default() }, "page_size"),
        (pb::ListChargebacksRequest { page_token: "nonsense".to_owned(), ..default() }, "page_token"),
    ] {
        assert_eq!(wrong_fields(client.list_chargebacks(request).await), [field]);
    }
    let nobody = PaymentIntentId::generate(&Ids::system());
    assert_eq!(client.chargebacks(nobody.as_str()).await, []);
}

async fn what_was_charged_back_before_there_were_chargebacks_is_one_a_payment(database: TestDatabase) {
    /// The migration before the one that brings chargebacks.
    const BEFORE: i64 = 27;
    rows::migrate(&database, BEFORE).await;
    let [told, untold, whole] = [(); 3].map(|()| PaymentIntentId::generate(&Ids::system()).to_string());
    for (id, charged_back, changed_at) in [(&told, 600, 9_000_000), (&untold, 1000, 5_000_000), (&whole, 0, 7_000_000)]
    {
        let row = format!(
            "INSERT INTO payment_intents (id, partner_id, upstream_id, state, currency, amount, received, refunded, refund_pending,
               charged_back, details, progress, upstream_version, asked_at, created_at, updated_at)
             VALUES ('{id}', 'acme', 'in_{id}', 'succeeded', 'USD', 1000, 1000, 0, 0, {charged_back}, X'00', X'00', 0, 0, 0, {changed_at})"
        );
        rows::load(&database, &row).await;
    }
    for (number, at) in [(1, 2_000_000), (2, 3_000_000)] {
        let row = format!(
            "INSERT INTO events (id, partner_id, type, object_id, object, created_at, position)
             VALUES ('evt_{number}', 'acme', 'payment_intent.charged_back', '{told}', X'00', {at}, {number})"
        );
        rows::load(&database, &row).await;
    }
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (id, amount, at) in [(&told, "6.00", 3_000_000), (&untold, "10.00", 5_000_000)] {
        let chargebacks = client.chargebacks(id).await;
        assert_eq!(amounts(&client, id).await, [(amount.to_owned(), amount.to_owned())]);
        assert_eq!(moment(&chargebacks[0]), Timestamp(at), "of its last event, or else of its last change");
        assert_eq!(chargebacks[0].upstream_payment_id, format!("in_{id}"));
    }
    assert_eq!(client.chargebacks(&whole).await, []);
    let all = client.list_chargebacks(pb::ListChargebacksRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.chargebacks.len(), 2);
}
