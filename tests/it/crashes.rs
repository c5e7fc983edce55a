//! The process dies in the middle of every call that goes to Corefy, at every checkpoint, and another is started on the
//! same database. No money may move twice, and every call has to end with the truth.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    pb::{self, PaymentIntentState as State, RefundState},
};
use tokio::task::JoinHandle;
use tonic::{Response, Status};

use crate::support::{
    app::{Steps, TestApp, dies_at},
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_intent, new_payment_method, new_refund, reason},
    database::TestDatabase,
    money::{CONFIRM, CREATE, REFUND, last_error},
};

crate::on_both!(
    what_died_before_it_was_sent_is_made_again_or_given_up_but_never_charged,
    what_died_when_corefy_had_answered_is_adopted,
    what_died_when_it_was_settled_has_its_answer,
    a_saved_card_that_a_webhook_told_first_is_found_by_its_call,
    a_call_goes_on_when_its_caller_hangs_up,
);

/// When every lookup that finds nothing is certain: the call's lease, and then the lookups up to the third.
const CERTAIN: Duration = Duration::from_secs(300);

/// The objects of the five calls.
struct CrashSubjects {
    customer: String,
    intent: String,
    paid: pb::PaymentIntent,
}

/// Every call that goes to Corefy, each under a key of its own.
#[derive(Debug)]
struct Answers {
    created: Result<Response<pb::CreatePaymentIntentResponse>, Status>,
    confirmed: Result<Response<pb::ConfirmPaymentIntentResponse>, Status>,
    refunded: Result<Response<pb::CreateRefundResponse>, Status>,
    customer: Result<Response<pb::CreateCustomerResponse>, Status>,
    method: Result<Response<pb::CreatePaymentMethodResponse>, Status>,
}

impl CrashSubjects {
    async fn new(client: &Client) -> Self {
        let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap().id;
        Self { customer, intent: client.intent("50.00").await.id, paid: client.paid_intent("30.00").await }
    }

    /// Makes the five calls at once. The same again is their repetition.
    async fn call(&self, client: &Client) -> Answers {
        let (created, confirmed, refunded, customer, method) = tokio::join!(
            client.create_payment_intent(keyed("create", new_intent("20.00"))),
            client.confirm_payment_intent(keyed("confirm", confirmation(&self.intent, APPROVED))),
            client.create_refund(keyed("refund", new_refund(&self.paid.payment_id, "10.00"))),
            client.create_customer(keyed("customer", new_customer())),
            client.create_payment_method(keyed("method", new_payment_method(&self.customer))),
        );
        Answers { created, confirmed, refunded, customer, method }
    }
}

impl Answers {
    fn created(&self) -> &pb::PaymentIntent {
        self.created.as_ref().unwrap().get_ref().payment_intent.as_ref().unwrap()
    }

    fn confirmed(&self) -> &pb::PaymentIntent {
        self.confirmed.as_ref().unwrap().get_ref().payment_intent.as_ref().unwrap()
    }

    fn refunded(&self) -> &pb::Refund {
        self.refunded.as_ref().unwrap().get_ref().refund.as_ref().unwrap()
    }

    fn customer(&self) -> &pb::Customer {
        self.customer.as_ref().unwrap().get_ref().customer.as_ref().unwrap()
    }

    fn method(&self) -> &pb::PaymentMethod {
        self.method.as_ref().unwrap().get_ref().payment_method.as_ref().unwrap()
    }
}

/// All five calls die at `at`, and another process is started.
async fn die_at(database: TestDatabase, at: Checkpoint) -> (TestApp, CrashSubjects) {
    let app = TestApp::start(database).await;
    let subjects = CrashSubjects::new(&app.client().await).await;
    let (probe, deaths) = dies_at(at);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    tokio::select! {
        answers = subjects.call(&client) => panic!("not every call died: {answers:?}"),
        all_died = deaths.acquire_many(5) => all_died.unwrap().forget(),
    }
    (app.crash_and_restart().await, subjects)
}

/// The number of requests of each kind that has a path of its own: create, confirm, refund.
fn sent(app: &TestApp) -> (u64, u64, u64) {
    (app.sent(CREATE), app.sent(CONFIRM), app.sent(REFUND))
}

async fn what_died_before_it_was_sent_is_made_again_or_given_up_but_never_charged(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Reserved).await;
    let client = app.client().await;
    // Only the caller repeats a confirmation or a refund; the gateway repeats a creation, under the same reference.
    app.clock.advance(Duration::from_secs(60));
    let meanwhile = subjects.call(&client).await;
    assert_eq!(meanwhile.confirmed().state(), State::Processing);
    assert_eq!(meanwhile.refunded().state(), RefundState::Pending);
    app.recover_during(CERTAIN).await;

    let end = subjects.call(&client).await;
    assert_eq!(end.created().state(), State::RequiresConfirmation);
    assert_ne!(end.customer().upstream_id, "");
    assert_eq!(end.confirmed().state(), State::RequiresPaymentMethod);
    assert_eq!(last_error(end.confirmed()), "upstream_no_record");
    assert_eq!(end.refunded().state(), RefundState::Failed);
    assert_eq!(end.refunded().failure.as_ref().unwrap().code, "upstream_no_record");
    assert_eq!(reason(end.method.as_ref().unwrap_err()), "UPSTREAM_REJECTED");
    assert_eq!(sent(&app), (3, 1, 0), "two creations and a payment before; only the creation was sent after");
    assert_eq!(app.sandbox.ledger().charged(&subjects.intent), 0);

    client.confirm(&subjects.intent, APPROVED).await.unwrap();
    client.refund(&subjects.paid.payment_id, "30.00").await.unwrap();
    assert_books_end(&app, &client, &subjects, (5000, 3000)).await;
}

async fn what_died_when_corefy_had_answered_is_adopted(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Answered).await;
    let client = app.client().await;
    assert_eq!(app.sandbox.ledger().charged(&subjects.intent), 5000);
    app.recover_during(CERTAIN).await;

    let end = subjects.call(&client).await;
    assert_ended_well(&end);
    let (_, confirmed, refunded) = sent(&app);
    assert_eq!((confirmed, refunded), (2, 1), "what moves money was sent once");
    assert_eq!(app.sandbox.payments().len(), 3, "and what was made again is the same");
    assert_books_end(&app, &client, &subjects, (5000, 1000)).await;
}

async fn what_died_when_it_was_settled_has_its_answer(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Settled).await;
    let client = app.client().await;
    let requests = app.sandbox.requests().len();
    assert_ended_well(&subjects.call(&client).await);
    app.recover_during(CERTAIN).await;
    assert_ended_well(&subjects.call(&client).await);
    assert_eq!(app.sandbox.requests().len(), requests, "nothing was left to ask");
    assert_books_end(&app, &client, &subjects, (5000, 1000)).await;
}

fn assert_ended_well(answers: &Answers) {
    assert_eq!(answers.created().state(), State::RequiresConfirmation);
    assert_eq!(answers.confirmed().state(), State::Succeeded);
    assert_eq!(answers.refunded().state(), RefundState::Succeeded);
    assert_ne!(answers.customer().upstream_id, "");
    assert_ne!(answers.method().upstream_id, "");
    let is_replayed = |metadata: &tonic::metadata::MetadataMap| metadata.contains_key("idempotent-replayed");
    assert!(is_replayed(answers.confirmed.as_ref().unwrap().metadata()));
    assert!(is_replayed(answers.refunded.as_ref().unwrap().metadata()));
}

/// In the end what was charged and given back is what our books say.
async fn assert_books_end(app: &TestApp, client: &Client, subjects: &CrashSubjects, (charged, refunded): (i64, i64)) {
    app.assert_books_agree(client, &subjects.intent).await;
    app.assert_books_agree(client, &subjects.paid.id).await;
    let ledger = app.sandbox.ledger();
    assert_eq!((ledger.charged(&subjects.intent), ledger.refunded(&subjects.paid.id)), (charged, refunded));
}

async fn a_saved_card_that_a_webhook_told_first_is_found_by_its_call(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Answered).await;
    let client = app.client().await;
    app.process_webhooks().await;
    app.recover_during(CERTAIN).await;
    let end = subjects.call(&client).await;
    assert_ended_well(&end);
    let request = pb::ListPaymentMethodsRequest { customer_id: subjects.customer.clone(), ..Default::default() };
    let listed = client.list_payment_methods(request).await.unwrap().into_inner().payment_methods;
    assert_eq!(listed.iter().map(|method| &method.id).collect::<Vec<_>>(), [&end.method().id]);
}

async fn a_call_goes_on_when_its_caller_hangs_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let subjects = CrashSubjects::new(&app.client().await).await;
    let (steps, probe) = Steps::new();
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    let id = subjects.intent.clone();
    let call: JoinHandle<_> = tokio::spawn(async move { client.confirm(&id, APPROVED).await });
    steps.reached().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    for _ in [Checkpoint::Answered, Checkpoint::Settled] {
        steps.go_on();
        steps.reached().await;
    }
    let intent = app.assert_books_agree(&app.client().await, &subjects.intent).await;
    assert_eq!(intent.state(), State::Succeeded);
}
