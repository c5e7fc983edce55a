//! The process dies in the middle of every call that goes to Corefy's `commerce` API, at every checkpoint, and another is started on the
//! same database. No money may move twice, and every call has to end with the truth.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    pb::{self, PaymentIntentState as State, RefundState, confirm_payment_intent_request::Source},
};
use tonic::{Response, Status};

use crate::support::{
    app::{TestApp, dies_at},
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_intent, new_refund},
    database::TestDatabase,
};

crate::on_both!(
    what_died_before_it_was_sent_is_never_charged,
    what_died_when_corefy_had_answered_is_charged_once,
    what_died_when_it_was_settled_is_not_asked_again,
);

/// When every lookup that finds nothing is certain: the Card Gate's token has ended, and the lookups after that.
const CERTAIN: Duration = Duration::from_secs(2 * 3600 + 600);
/// The requests that move money or make what can be paid.
const MUTATIONS: [(&str, &str); 3] =
    [("POST", "/payment-invoices"), ("POST", "/payment/sale"), ("POST", "/payment-invoices/{id}/refund")];

/// The objects of the calls: intents of 50.00 to be paid by a card, on Corefy's page and by a saved card, and one of 30.00 that is paid.
struct Subjects {
    by_card: String,
    on_page: String,
    by_saved: String,
    method: String,
    paid: pb::PaymentIntent,
}

type Confirmed = Result<Response<pb::ConfirmPaymentIntentResponse>, Status>;

/// The answers of the calls, each made under a key of its own.
#[derive(Debug)]
struct Answers {
    created: Result<Response<pb::CreatePaymentIntentResponse>, Status>,
    confirmed: [Confirmed; 3],
    refunded: Result<Response<pb::CreateRefundResponse>, Status>,
}

impl Subjects {
    async fn new(client: &Client) -> Self {
        let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap().id;
        let new = |amount| pb::CreatePaymentIntentRequest { customer_id: customer.clone(), ..new_intent(amount) };
        let made = async |amount| {
            client.create_payment_intent(new(amount)).await.unwrap().into_inner().payment_intent.unwrap()
        };
        let paid = made("30.00").await;
        let saving = pb::ConfirmPaymentIntentRequest { save_payment_method: true, ..confirmation(&paid.id, APPROVED) };
        client.confirm_payment_intent(saving).await.unwrap();
        let request = pb::ListPaymentMethodsRequest { customer_id: customer.clone(), ..Default::default() };
        let methods = client.list_payment_methods(request).await.unwrap().into_inner().payment_methods;
        Self {
            by_card: made("50.00").await.id,
            on_page: made("50.00").await.id,
            by_saved: made("50.00").await.id,
            method: methods[0].id.clone(),
            paid: client.get(&paid.id).await,
        }
    }

    /// The confirmation of an intent by a source.
    fn by(id: &str, source: Source) -> pb::ConfirmPaymentIntentRequest {
        pb::ConfirmPaymentIntentRequest { source: Some(source), ..confirmation(id, APPROVED) }
    }

    /// Makes the calls at once. The same again is their repetition.
    async fn call(&self, client: &Client) -> Answers {
        let page = Self::by(&self.on_page, Source::HostedPage(pb::HostedPage {}));
        let stored = pb::StoredCredential {
            initiator: pb::StoredCredentialInitiator::Merchant.into(),
            reason: pb::StoredCredentialReason::Recurring.into(),
            ..Default::default()
        };
        let saved = pb::ConfirmPaymentIntentRequest {
            stored_credential: Some(stored),
            ..Self::by(&self.by_saved, Source::PaymentMethodId(self.method.clone()))
        };
        let (created, card, page, saved, refunded) = tokio::join!(
            client.create_payment_intent(keyed("create", new_intent("20.00"))),
            client.confirm_payment_intent(keyed("card", confirmation(&self.by_card, APPROVED))),
            client.confirm_payment_intent(keyed("page", page)),
            client.confirm_payment_intent(keyed("saved", saved)),
            client.create_refund(keyed("refund", new_refund(&self.paid.payment_id, "10.00"))),
        );
        Answers { created, confirmed: [card, page, saved], refunded }
    }
}

impl Answers {
    /// The states of what was created, and of what was confirmed by card, on the page and by the saved card.
    fn states(&self) -> [State; 4] {
        let [card, page, saved] = self.confirmed.each_ref().map(|answer| answer.as_ref().unwrap().get_ref());
        let created = self.created.as_ref().unwrap().get_ref().payment_intent.as_ref();
        let confirmed = [card, page, saved].map(|answer| answer.payment_intent.as_ref());
        [created, confirmed[0], confirmed[1], confirmed[2]].map(|intent| intent.unwrap().state())
    }

    fn refund(&self) -> &pb::Refund {
        self.refunded.as_ref().unwrap().get_ref().refund.as_ref().unwrap()
    }
}

/// All calls die at `at`, and another process is started.
async fn die_at(database: TestDatabase, at: Checkpoint) -> (TestApp, Subjects) {
    let app = TestApp::start_commerce(database).await;
    let subjects = Subjects::new(&app.client().await).await;
    let (probe, deaths) = dies_at(at);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let client = app.client().await;
    tokio::select! {
        answers = subjects.call(&client) => panic!("not every call died: {answers:?}"),
        all_died = deaths.acquire_many(5) => all_died.unwrap().forget(),
    }
    (app.crash_and_restart().await, subjects)
}

/// How often each mutation was sent.
fn sent(app: &TestApp) -> [u64; 3] {
    MUTATIONS.map(|(method, path)| app.sandbox.request_count(method, path))
}

/// In the end what was charged by card and by the saved card, and what was given back, is what our books say.
async fn assert_books_end(app: &TestApp, client: &Client, subjects: &Subjects, moved: (i64, i64, i64)) {
    app.process_webhooks().await;
    for id in [&subjects.by_card, &subjects.on_page, &subjects.by_saved, &subjects.paid.id] {
        app.assert_books_agree(client, id).await;
    }
    let ledger = app.sandbox.ledger();
    let ends =
        (ledger.charged(&subjects.by_card), ledger.charged(&subjects.by_saved), ledger.refunded(&subjects.paid.id));
    assert_eq!(ends, moved);
}

async fn what_died_before_it_was_sent_is_never_charged(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Reserved).await;
    let client = app.client().await;
    let [_, sales, refunds] = sent(&app);
    app.clock.advance(Duration::from_secs(60));
    let meanwhile = subjects.call(&client).await;
    let [_, by_card, _, by_saved] = meanwhile.states();
    assert_eq!((by_card, by_saved), (State::Processing, State::Processing), "it may have been sent");
    assert_eq!(meanwhile.refund().state(), RefundState::Pending);
    app.recover_during(CERTAIN).await;

    let end = subjects.call(&client).await;
    let [created, by_card, _, by_saved] = end.states();
    assert_eq!(created, State::RequiresConfirmation);
    assert_eq!((by_card, by_saved), (State::RequiresPaymentMethod, State::RequiresPaymentMethod));
    assert_eq!(end.refund().state(), RefundState::Failed);
    assert_eq!(sent(&app)[1..], [sales, refunds], "nothing that moves money was sent");
    assert_books_end(&app, &client, &subjects, (0, 0, 0)).await;

    assert_eq!(client.confirm(&subjects.by_card, APPROVED).await.unwrap().state(), State::Succeeded);
    assert_eq!(client.confirm(&subjects.on_page, APPROVED).await.unwrap().state(), State::Succeeded);
    client.refund(&subjects.paid.payment_id, "30.00").await.unwrap();
    assert_books_end(&app, &client, &subjects, (5_000, 0, 3_000)).await;
}

async fn what_died_when_corefy_had_answered_is_charged_once(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Answered).await;
    let client = app.client().await;
    let before = sent(&app);
    app.recover_during(CERTAIN).await;

    let end = subjects.call(&client).await;
    let [created, by_card, _, by_saved] = end.states();
    assert_eq!((created, by_card, by_saved), (State::RequiresConfirmation, State::Succeeded, State::Succeeded));
    assert_eq!(end.refund().state(), RefundState::Succeeded);
    assert_eq!(sent(&app), before, "what Corefy had done was found, and nothing was sent again");
    assert_books_end(&app, &client, &subjects, (5_000, 5_000, 1_000)).await;
}

async fn what_died_when_it_was_settled_is_not_asked_again(database: TestDatabase) {
    let (app, subjects) = die_at(database, Checkpoint::Settled).await;
    let client = app.client().await;
    let before = sent(&app);
    let end = subjects.call(&client).await;
    let waiting = [State::RequiresConfirmation, State::Succeeded, State::RequiresAction, State::Succeeded];
    assert_eq!(end.states(), waiting);
    assert_eq!(end.refund().state(), RefundState::Succeeded);
    assert_eq!(sent(&app), before);
    app.sandbox.complete_action(&subjects.on_page, true).unwrap();
    assert_books_end(&app, &client, &subjects, (5_000, 5_000, 1_000)).await;
    assert_eq!(client.get(&subjects.on_page).await.state(), State::Succeeded);
}
