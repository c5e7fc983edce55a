//! The fields of objects that show how far a payment has come, whether its outcome is known, and which of two copies is
//! newer.

use std::{collections::BTreeMap, time::Duration};

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, event::Object},
    sandbox::faults::Fault,
};
use prost_types::Timestamp;

use crate::support::{
    app::{START, TestApp},
    client::{APPROVED, Client, keyed, new_intent, reason},
    database::TestDatabase,
    money::REFUND,
    requests::{card_to_save, confirmation_by},
};

crate::on_both!(
    an_intent_shows_the_means_of_its_last_attempt,
    an_intent_shows_when_it_was_paid_and_what_can_be_refunded_of_it,
    a_canceled_intent_shows_when_and_why,
    a_missing_answer_is_told_from_a_bank_that_takes_its_time,
    a_refund_whose_answer_is_missing_says_so,
    the_greater_revision_is_the_newer_copy,
);

const DECLINED: &str = "4000000000009995";
const PROCESSING: &str = "4000000000000077";
const CHARGED_AND_CUT: &str = "4000000000004442";

fn time(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: START.seconds() + seconds, nanos: 0 })
}

async fn cancel(client: &Client, id: &str, key: &str, reason: &str) -> Result<pb::PaymentIntent, tonic::Status> {
    let request = pb::CancelPaymentIntentRequest { payment_intent_id: id.to_owned(), reason: reason.to_owned() };
    Ok(client.cancel_payment_intent(keyed(key, request)).await?.into_inner().payment_intent.unwrap())
}

async fn an_intent_shows_the_means_of_its_last_attempt(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let method = client.create_payment_method(card_to_save(&customer_id)).await.unwrap().into_inner();
    let method = method.payment_method.unwrap();
    let intent = client.created(pb::CreatePaymentIntentRequest { customer_id, ..new_intent("10.00") }).await;
    assert_eq!((intent.payment_method_id.as_str(), &intent.card), ("", &None));
    assert!(intent.sandbox);

    let declined = client.confirm(&intent.id, DECLINED).await.unwrap();
    let card = declined.card.unwrap();
    assert_eq!((card.first6.as_str(), card.last4.as_str()), ("400000", "9995"));
    assert_eq!(declined.payment_method_id, "");

    let paid = client.confirm_payment_intent(confirmation_by(&intent.id, &method.id)).await.unwrap().into_inner();
    let paid = paid.payment_intent.unwrap();
    assert_eq!((&paid.payment_method_id, &paid.card), (&method.id, &method.card));
    assert!(client.get(&intent.id).await == paid);
}

async fn an_intent_shows_when_it_was_paid_and_what_can_be_refunded_of_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("100.00").await;
    assert_eq!((&intent.succeeded_at, intent.amount_refundable.as_str()), (&None, "0.00"));
    app.clock.advance(Duration::from_secs(60));
    client.confirm(&intent.id, APPROVED).await.unwrap();
    app.clock.advance(Duration::from_secs(60));
    client.refund(&intent.id, "10.00").await.unwrap();
    let pending = client.refund(&intent.id, "20.61").await.unwrap();
    assert_eq!((pending.state(), pending.outcome_unknown), (pb::RefundState::Pending, false));

    let shown = client.get(&intent.id).await;
    assert_eq!((shown.state(), shown.succeeded_at), (State::Succeeded, time(60)));
    let taken = [&shown.amount_refund_pending, &shown.amount_refunded, &shown.amount_charged_back];
    assert_eq!((shown.amount_refundable.as_str(), taken.map(String::as_str)), ("69.39", ["20.61", "10.00", "0.00"]));
    let rest = client.refund(&intent.id, &shown.amount_refundable).await.unwrap();
    assert_eq!(rest.amount, "69.39");
    assert_eq!(client.get(&intent.id).await.amount_refundable, "0.00");
}

async fn a_canceled_intent_shows_when_and_why(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.clock.advance(Duration::from_secs(60));
    let canceled = cancel(&client, &intent.id, "once", "The basket was given up.").await.unwrap();
    assert_eq!((canceled.state(), canceled.canceled_at), (State::Canceled, time(60)));
    assert_eq!(canceled.cancellation_reason, "The basket was given up.");
    assert!(canceled.revision > intent.revision);

    app.clock.advance(Duration::from_secs(60));
    assert!(cancel(&client, &intent.id, "again", "Another reason.").await.unwrap() == canceled);
    assert!(client.get(&intent.id).await == canceled);
    let reused = cancel(&client, &intent.id, "once", "Another reason.").await.unwrap_err();
    assert_eq!(reason(&reused), "IDEMPOTENCY_KEY_REUSED");
}

async fn a_missing_answer_is_told_from_a_bank_that_takes_its_time(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let slow = client.intent("10.00").await;
    let slow = client.confirm(&slow.id, PROCESSING).await.unwrap();
    assert_eq!((slow.state(), slow.outcome_unknown), (State::Processing, false));

    let cut = client.intent("10.00").await;
    assert!(!cut.outcome_unknown);
    let cut = client.confirm(&cut.id, CHARGED_AND_CUT).await.unwrap();
    assert_eq!((cut.state(), cut.outcome_unknown), (State::Processing, true));
    app.recover_after(Duration::from_secs(5)).await;
    let found = client.get(&cut.id).await;
    assert_eq!((found.state(), found.outcome_unknown), (State::Succeeded, false));

    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::DropAfterExecute);
    let created = client.intent("10.00").await;
    assert_eq!((created.state(), created.outcome_unknown), (State::Processing, true));
    app.recover_after(Duration::from_secs(5)).await;
    let found = client.get(&created.id).await;
    assert_eq!((found.state(), found.outcome_unknown), (State::RequiresConfirmation, false));
}

async fn a_refund_whose_answer_is_missing_says_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let (method, path) = REFUND;
    app.sandbox.faults().fail_next(1, method, path, Fault::DropAfterExecute);
    let refund = client.refund(&paid.id, "4.00").await.unwrap();
    assert_eq!((refund.state(), refund.outcome_unknown), (pb::RefundState::Pending, true));
    app.recover_after(Duration::from_secs(5)).await;
    let found = client.get_refund(pb::GetRefundRequest { id: refund.id }).await.unwrap().into_inner().refund.unwrap();
    assert_eq!((found.state(), found.outcome_unknown), (pb::RefundState::Succeeded, false));
    assert!(found.revision > refund.revision);
}

async fn the_greater_revision_is_the_newer_copy(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut copies = Vec::new();
    let intent = client.intent("100.00").await;
    copies.push(intent.clone());
    for card in [DECLINED, CHARGED_AND_CUT] {
        app.clock.advance(Duration::from_secs(1));
        copies.push(client.confirm(&intent.id, card).await.unwrap());
    }
    app.recover_after(Duration::from_secs(5)).await;
    copies.push(client.get(&intent.id).await);
    for amount in ["10.00", "20.61"] {
        client.refund(&intent.id, amount).await.unwrap();
        copies.push(client.get(&intent.id).await);
    }
    assert!(copies.is_sorted_by_key(|copy| copy.revision), "the newer a copy, the greater its revision");

    let request = pb::ListEventsRequest { page_size: 100, view: pb::EventView::Full.into(), ..Default::default() };
    for event in client.events(request).await.unwrap().events {
        if let Some(Object::PaymentIntent(copy)) = event.object {
            copies.push(copy);
        }
    }
    let mut by_revision = BTreeMap::new();
    for copy in copies {
        let first = by_revision.entry(copy.revision).or_insert_with(|| copy.clone());
        assert!(*first == copy, "two contents at revision {}", copy.revision);
    }
    assert!(by_revision.len() >= 6, "{:?}", by_revision.keys());
    assert!(by_revision.values().is_sorted_by_key(|copy| copy.updated_at.map(|time| (time.seconds, time.nanos))));
}
