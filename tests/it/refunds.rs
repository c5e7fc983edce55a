//! Refunds: never more than was paid, however many are made at once, and whatever Corefy answers.

use std::time::Duration;

use corefy_gateway::{
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::{faults::Fault, test_refunds::RETURN_TIME},
};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    app::{Steps, TestApp},
    client::{Client, keyed, new_refund, reason},
    database::TestDatabase,
    money::REFUND,
    refusal::refused,
};

crate::on_both!(
    fifty_refunds_at_once_give_back_all_that_fits_and_no_more,
    without_an_amount_the_whole_rest_is_refunded,
    a_refund_that_a_repetition_would_make_twice_is_refused,
    a_repeated_reference_names_its_refund_though_nothing_is_left_to_refund,
    what_is_not_paid_cannot_be_refunded,
    a_pending_refund_ends_as_corefy_says,
    a_refused_refund_frees_its_room,
    an_unclear_answer_ends_with_the_truth,
    a_refund_that_the_bank_returns_can_be_made_again,
    a_refund_at_the_dashboard_takes_room,
    a_refund_at_the_dashboard_and_ours_at_once_stay_within_the_payment,
    a_refund_that_never_arrived_makes_room_for_one_at_the_dashboard,
    a_refund_at_the_dashboard_of_the_amount_of_ours_is_another,
    a_refund_at_the_dashboard_that_was_taken_for_ours_is_another_once_ours_is_shown,
);

/// Refused, without amounts: the code and the reason.
fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    (status.code(), reason(&status))
}

fn exceeds() -> (Code, String) {
    (Code::FailedPrecondition, "REFUND_EXCEEDS_PAYMENT".to_owned())
}

/// The refund as Corefy is asked about it.
async fn get(client: &Client, id: &str) -> pb::Refund {
    client.get_refund(pb::GetRefundRequest { id: id.to_owned() }).await.unwrap().into_inner().refund.unwrap()
}

/// The states of all refunds of a payment, oldest first.
async fn states(client: &Client, payment: &str) -> Vec<RefundState> {
    let request = pb::ListRefundsRequest { payment_id: payment.to_owned(), page_size: 100, ..Default::default() };
    let refunds = client.list_refunds(request).await.unwrap().into_inner().refunds;
    refunds.iter().rev().map(pb::Refund::state).collect()
}

async fn fifty_refunds_at_once_give_back_all_that_fits_and_no_more(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    let refunds: JoinSet<_> = (0..50)
        .map(|_| (client.clone(), paid.payment_id.clone()))
        .map(|(client, payment)| async move { client.refund(&payment, "6.00").await })
        .collect();
    let (made, refused): (Vec<_>, Vec<_>) = refunds.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 16, "16 times 6.00 fit into 100.00");
    assert!(refused.into_iter().all(|refused| refusal(refused) == exceeds()));
    assert_eq!(app.sent(REFUND), 16, "what does not fit is not sent");
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "96.00");
}

async fn without_an_amount_the_whole_rest_is_refunded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    client.refund(&paid.payment_id, "40.00").await.unwrap();
    let too_much = client.refund(&paid.payment_id, "60.01").await.unwrap_err();
    let facts = too_much.get_details_error_info().unwrap().metadata;
    assert_eq!((facts["refundable_amount"].as_str(), facts["currency"].as_str()), ("60.00", "USD"));
    assert_eq!(refusal::<()>(Err(too_much)), exceeds());
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "60.00");
    assert_eq!(refusal(client.refund(&paid.payment_id, "").await), exceeds());
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "100.00");
}

async fn a_refund_that_a_repetition_would_make_twice_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let refund = new_refund(&paid.payment_id, "4.00");
    let unfenced = client.create_refund(refund.clone()).await.unwrap_err();
    assert!(unfenced.message().contains("idempotency-key or a reference_id"), "{unfenced:?}");
    assert_eq!(refusal::<()>(Err(unfenced)), (Code::InvalidArgument, "IDEMPOTENCY_KEY_REQUIRED".to_owned()));
    let wrong = client.create_refund(new_refund(&paid.payment_id, "all")).await;
    assert_eq!(refusal(wrong).1, "FIELDS_INVALID", "wrong fields are named first");

    let referenced = pb::CreateRefundRequest { reference_id: "return-7".to_owned(), ..refund.clone() };
    let first = client.create_refund(referenced.clone()).await.unwrap().into_inner().refund.unwrap();
    let taken = client.create_refund(referenced).await.unwrap_err();
    assert_eq!(taken.message(), format!("the reference_id is taken by {}", first.id));
    assert_eq!(refusal::<()>(Err(taken)).1, "REFERENCE_ID_TAKEN");
    let keyed_twice = [keyed("return-8", refund.clone()), keyed("return-8", refund)];
    for call in keyed_twice {
        client.create_refund(call).await.unwrap();
    }
    assert_eq!(app.sent(REFUND), 2);
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "8.00");
}

async fn a_repeated_reference_names_its_refund_though_nothing_is_left_to_refund(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, other) = (client.paid_intent("10.00").await, client.intent("10.00").await);
    let whole =
        |payment: &str| pb::CreateRefundRequest { reference_id: "return-8".to_owned(), ..new_refund(payment, "") };
    let refund = client.create_refund(whole(&paid.id)).await.unwrap().into_inner().refund.unwrap();
    for request in [
        whole(&paid.id),
        pb::CreateRefundRequest { amount: Some("99.00".to_owned()), ..whole(&paid.id) },
        whole(&other.id),
    ] {
        let repeated = refused(client.create_refund(request).await);
        assert_eq!(repeated.reason, "REFERENCE_ID_TAKEN");
        assert_eq!(repeated.facts["resource_id"], refund.id);
    }
    assert_eq!(app.sandbox.ledger().refunded(&paid.id), 1000);
}

async fn what_is_not_paid_cannot_be_refunded(database: TestDatabase) {
    const THREE_D_SECURE: &str = "4000000000003220";
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let refused = (Code::FailedPrecondition, "PAYMENT_NOT_REFUNDABLE".to_owned());
    let unpaid = client.refund(&intent.payment_id, "").await.unwrap_err();
    assert_eq!(unpaid.message(), "a payment intent in state requires_confirmation has nothing to refund");
    assert_eq!(refusal::<()>(Err(unpaid)), refused);
    client.confirm(&intent.id, THREE_D_SECURE).await.unwrap();
    assert_eq!(refusal(client.refund(&intent.payment_id, "1.00").await), refused);
    assert_eq!(app.sent(REFUND), 0);
    app.sandbox.complete_action(&intent.id, true).unwrap();
    app.process_webhooks().await;
    client.refund(&intent.payment_id, "1.00").await.unwrap();
    client.refund(&intent.payment_id, "").await.unwrap();
    let again = client.refund(&intent.payment_id, "").await.unwrap_err();
    assert_eq!(again.message(), "nothing is left to refund");
    app.assert_books_agree(&client, &intent.id).await;
}

async fn a_pending_refund_ends_as_corefy_says(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let paid = client.paid_intent("10.00").await;
    let succeeds = client.refund(&paid.payment_id, "4.61").await.unwrap();
    let fails = client.refund(&paid.payment_id, "4.62").await.unwrap();
    assert_eq!((succeeds.state(), fails.state()), (RefundState::Pending, RefundState::Pending));
    assert_eq!(refusal(client.refund(&paid.payment_id, "0.78").await), exceeds());
    app.recover_during(Duration::from_secs(15)).await;
    assert_eq!(states(&client, &paid.payment_id).await, [RefundState::Succeeded, RefundState::Failed]);
    assert_eq!(get(&client, &fails.id).await.failure.unwrap().code, "refund_declined");
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "5.39");
    app.assert_books_agree(&client, &paid.id).await;
}

async fn a_refused_refund_frees_its_room(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let refused = (Code::FailedPrecondition, "UPSTREAM_REJECTED".to_owned());
    assert_eq!(refusal(client.refund(&paid.payment_id, "9.63").await), refused);
    assert_eq!(states(&client, &paid.payment_id).await, []);
    client.refund(&paid.payment_id, "10.00").await.unwrap();
    app.assert_books_agree(&client, &paid.id).await;
}

async fn an_unclear_answer_ends_with_the_truth(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let unclear = [("2.64", true), ("2.65", false), ("2.66", true)]; // 500, 500, cut
    let mut refunds = Vec::new();
    for (amount, is_made) in unclear {
        let refund = client.refund(&paid.payment_id, amount).await.unwrap();
        assert_eq!(refund.state(), RefundState::Pending, "{amount}");
        refunds.push((refund.id, amount, is_made));
    }
    assert_eq!(refusal(client.refund(&paid.payment_id, "2.06").await), exceeds());
    app.recover_during(Duration::from_secs(120)).await;
    for (id, amount, is_made) in &refunds {
        let refund = get(&client, id).await;
        let (state, code) =
            if *is_made { (RefundState::Succeeded, "") } else { (RefundState::Failed, "upstream_no_record") };
        assert_eq!(refund.state(), state, "{amount}");
        assert_eq!(refund.failure.map(|failure| failure.code).unwrap_or_default(), code, "{amount}");
        assert!(client.event_types(id).await.contains(&"operation.in_doubt".to_owned()), "{amount}");
    }
    assert_eq!(app.sent(REFUND), 3, "nothing was sent twice");
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "4.70");
    app.assert_books_agree(&client, &paid.id).await;
}

async fn a_refund_that_the_bank_returns_can_be_made_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.67").await;
    let refund = client.refund(&paid.payment_id, "10.67").await.unwrap();
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "10.67");
    app.clock.advance(RETURN_TIME);
    app.sandbox.settle_due();
    app.process_webhooks().await;
    let returned = get(&client, &refund.id).await;
    assert_eq!((returned.state(), returned.failure.unwrap().code.as_str()), (RefundState::Failed, "returned_by_bank"));
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "0.00");
    client.refund(&paid.payment_id, "10.00").await.unwrap();
    app.assert_books_agree(&client, &paid.id).await;
}

async fn a_refund_at_the_dashboard_takes_room(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    app.sandbox.refund_from_dashboard(&paid.id, 700).unwrap();
    app.process_webhooks().await;
    assert_eq!(refusal(client.refund(&paid.payment_id, "3.01").await), exceeds());
    assert_eq!(client.refund(&paid.payment_id, "").await.unwrap().amount, "3.00");
    assert_eq!(states(&client, &paid.payment_id).await, [RefundState::Succeeded, RefundState::Succeeded]);
    assert!(client.event_types(&paid.id).await.contains(&"payment_intent.refunded_upstream".to_owned()));
    app.assert_books_agree(&client, &paid.id).await;

    // Without a webhook it is found by the refusal of one of ours, or by the poll for one of ours that is pending.
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let (refused, polled) = (client.paid_intent("10.00").await, client.paid_intent("10.00").await);
    app.sandbox.refund_from_dashboard(&refused.id, 700).unwrap();
    assert_eq!(refusal(client.refund(&refused.payment_id, "5.00").await).1, "UPSTREAM_REJECTED");
    client.refund(&polled.payment_id, "2.61").await.unwrap();
    app.sandbox.refund_from_dashboard(&polled.id, 700).unwrap();
    app.recover_during(Duration::from_secs(15)).await;
    app.assert_books_agree(&client, &refused.id).await;
    app.assert_books_agree(&client, &polled.id).await;
}

async fn a_refund_at_the_dashboard_and_ours_at_once_stay_within_the_payment(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let paid = app.client().await.paid_intent("10.00").await;
    app.process_webhooks().await;
    let (steps, probe) = Steps::new();
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, payment) = (app.client().await, paid.payment_id.clone());
    let ours = tokio::spawn(async move { client.refund(&payment, "6.00").await });
    steps.reached().await; // our 6.00 are reserved, and not sent yet

    app.sandbox.refund_from_dashboard(&paid.id, 700).unwrap();
    app.process_webhooks().await;
    let client = app.client().await;
    let intent = client.get(&paid.id).await;
    assert_eq!((intent.state(), intent.amount_refunded.as_str()), (State::Succeeded, "0.00"), "7.00 do not fit now");
    for _ in 0..3 {
        steps.go_on();
    }
    assert_eq!(refusal(ours.await.unwrap()).1, "UPSTREAM_REJECTED");
    app.recover_after(Duration::ZERO).await;
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "7.00");
}

async fn a_refund_that_never_arrived_makes_room_for_one_at_the_dashboard(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    let paid = client.paid_intent("10.00").await;
    let lost = client.refund(&paid.payment_id, "6.65").await.unwrap(); // 500, not made
    app.sandbox.refund_from_dashboard(&paid.id, 700).unwrap();
    app.recover_during(Duration::from_secs(180)).await;
    assert_eq!(get(&client, &lost.id).await.failure.unwrap().code, "upstream_no_record");
    assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "7.00");
    let told = client.event_types(&paid.id).await;
    assert!(told.contains(&"payment_intent.refunded_upstream".to_owned()), "{told:?}");
    assert!(!told.contains(&"payment_intent.orphan_charge".to_owned()), "nothing was wrong: {told:?}");
}

async fn a_refund_at_the_dashboard_of_the_amount_of_ours_is_another(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    for is_ours_first in [true, false] {
        let paid = client.paid_intent("10.00").await;
        let elsewhere = || app.sandbox.refund_from_dashboard(&paid.id, 400).unwrap();
        let before = (!is_ours_first).then(elsewhere);
        app.sandbox.faults().fail_next(1, REFUND.0, REFUND.1, Fault::HttpAfterExecute(500));
        let ours = client.refund(&paid.payment_id, "4.00").await.unwrap();
        let other = before.unwrap_or_else(elsewhere);
        app.recover_during(Duration::from_secs(30)).await;
        assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "8.00");
        let ours = get(&client, &ours.id).await;
        assert_eq!(ours.state(), RefundState::Succeeded);
        assert_ne!(ours.upstream_id, other, "{is_ours_first}");
    }
}

async fn a_refund_at_the_dashboard_that_was_taken_for_ours_is_another_once_ours_is_shown(database: TestDatabase) {
    let mut app = TestApp::start(database).await;
    for fault in [None, Some(Fault::HttpAfterExecute(500))] {
        let paid = app.client().await.paid_intent("10.00").await;
        app.process_webhooks().await;
        let (steps, probe) = Steps::new();
        app = app.crash_and_restart_with(Some(probe)).await;
        let (client, payment) = (app.client().await, paid.payment_id.clone());
        let ours = tokio::spawn(async move { client.refund(&payment, "4.00").await });
        steps.reached().await; // ours is reserved, and not sent yet

        let other = app.sandbox.refund_from_dashboard(&paid.id, 400).unwrap();
        app.process_webhooks().await;
        let client = app.client().await;
        assert_eq!(client.get(&paid.id).await.amount_refunded, "4.00", "it has the amount of ours");
        app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
        fault.into_iter().for_each(|fault| app.sandbox.faults().fail_next(1, REFUND.0, REFUND.1, fault));
        for _ in 0..3 {
            steps.go_on();
        }
        let ours = ours.await.unwrap().unwrap();
        app.recover_during(Duration::from_secs(30)).await;
        assert_eq!(app.assert_books_agree(&client, &paid.id).await.amount_refunded, "8.00", "{fault:?}");
        assert_eq!(states(&client, &paid.payment_id).await, [RefundState::Succeeded, RefundState::Succeeded]);
        assert_ne!(get(&client, &ours.id).await.upstream_id, other);
        app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 0);
        app = app.crash_and_restart_with(None).await;
    }
}
