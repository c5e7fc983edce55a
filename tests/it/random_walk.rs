//! Anything in any order: payments, refunds, chargebacks, faults, lost and doubled webhooks, crashes. When all has calmed down, our books
//! agree with the money that moved, and nothing is left open.

use std::{pin::Pin, time::Duration};

use corefy_gateway::{
    app::Checkpoint,
    domain::{ids::PaymentIntentId, operation::OperationState},
    pb,
    sandbox::{CreatedStatus, DuplicateAnswer, RefundModel, faults::WebhookSwitches},
};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;

use crate::support::{
    app::{TestApp, dies_at},
    client::{Client, new_intent},
    database::{Backend, TestDatabase},
    money::minor,
};

/// Walks, and steps of each.
const WALKS: u32 = 5;
const STEPS: std::ops::Range<usize> = 10..40;
/// How often a walk that fails is made shorter before it is shown.
const MAX_SHRINKS: u32 = 40;
/// The time after which everything is known for certain, and the same in the `commerce` API, in which a lost card may still be taken
/// until its token has ended.
const CALM: Duration = Duration::from_secs(1800);
const CALM_IN_COMMERCE: Duration = Duration::from_secs(3 * 3600);

/// The cards that are answered at all: approved, declined, challenged, processing, and every fault.
const CARDS: [&str; 11] = [
    "4111111111111111",
    "4000000000009995",
    "4000000000003220",
    "4000000000000077",
    "4000000000004442",
    "4000000000004996",
    "4000000000005019",
    "4000000000005001",
    "4000000000004293",
    "4000000000002008",
    "4000000000002016",
];

/// The cents that refunds end with: made at once, pending, refused, and every fault. Refunds that the bank returns
/// later are not among them: only a webhook reports those, and webhooks get lost here.
const REFUND_ENDINGS: [i64; 7] = [0, 61, 62, 63, 64, 65, 66];

/// One step; an intent is one of those made before.
#[derive(Clone, Debug)]
enum WalkAction {
    Create,
    WalkCall(WalkCall),
    /// The call is made, and the process dies there.
    Die(WalkCall, Checkpoint),
    Challenge(usize, bool),
    /// The payer's bank takes so many cents back.
    ChargeBack(usize, i64),
    Read(usize),
    Turn(u64),
    Recover,
    ProcessWebhooks,
}

#[derive(Clone, Debug)]
enum WalkCall {
    Confirm(usize, &'static str),
    /// A refund that ends with these cents.
    Refund(usize, i64),
    Cancel(usize),
}

fn steps() -> impl Strategy<Value = Vec<WalkAction>> {
    let intent = || 0..8_usize;
    let cents = (1..60_i64, select(&REFUND_ENDINGS[..])).prop_map(|(dollars, ending)| dollars * 100 + ending);
    let call = prop_oneof![
        5 => (intent(), select(&CARDS[..])).prop_map(|(intent, card)| WalkCall::Confirm(intent, card)),
        4 => (intent(), cents).prop_map(|(intent, cents)| WalkCall::Refund(intent, cents)),
        1 => intent().prop_map(WalkCall::Cancel),
    ];
    let checkpoint = select(&[Checkpoint::Reserved, Checkpoint::Answered, Checkpoint::Settled][..]);
    vec(
        prop_oneof![
            3 => Just(WalkAction::Create),
            10 => call.clone().prop_map(WalkAction::WalkCall),
            2 => (call, checkpoint).prop_map(|(call, at)| WalkAction::Die(call, at)),
            1 => (intent(), any::<bool>()).prop_map(|(intent, is_approved)| WalkAction::Challenge(intent, is_approved)),
            1 => (intent(), 1..6_000_i64).prop_map(|(intent, cents)| WalkAction::ChargeBack(intent, cents)),
            1 => intent().prop_map(WalkAction::Read),
            2 => (1..200_u64).prop_map(WalkAction::Turn),
            3 => Just(WalkAction::Recover),
            2 => Just(WalkAction::ProcessWebhooks),
        ],
        STEPS,
    )
}

#[test]
fn whatever_happens_the_books_agree_with_the_money_that_moved() {
    walks(|database| Box::pin(TestApp::start(database)), CALM);
}

#[test]
fn whatever_happens_the_books_agree_with_the_money_that_moved_in_the_commerce_api() {
    walks(|database| Box::pin(TestApp::start_commerce(database)), CALM_IN_COMMERCE);
}

/// The same where the documents of the API leave it open, or have it in two ways.
#[test]
fn whatever_happens_the_books_agree_on_an_account_of_the_older_kind() {
    walks(|database| Box::pin(start_older_commerce(database)), CALM_IN_COMMERCE);
}

async fn start_older_commerce(database: TestDatabase) -> TestApp {
    let app = TestApp::start_commerce(database).await;
    app.sandbox.faults().set(|switches| {
        switches.commerce.refunds = RefundModel::Old;
        switches.commerce.created_as = CreatedStatus::ProcessPending;
        switches.commerce.duplicates = DuplicateAnswer::TooManyRequests;
    });
    app
}

type Start = fn(TestDatabase) -> Pin<Box<dyn Future<Output = TestApp>>>;

fn walks(start: Start, calm: Duration) {
    let config = Config { cases: WALKS, max_shrink_iters: MAX_SHRINKS, failure_persistence: None, ..Config::default() };
    let runtime = Runtime::new().unwrap();
    let walked = TestRunner::new(config).run(&steps(), |steps| {
        runtime.block_on(walk(start, calm, steps));
        Ok(())
    });
    walked.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn walk(start: Start, calm: Duration, steps: Vec<WalkAction>) {
    let mut app = start(TestDatabase::new(Backend::Sqlite).await.unwrap()).await;
    let webhooks = WebhookSwitches { extra_copies: 1, shuffle: true, loss_percent: 30, ..Default::default() };
    app.sandbox.faults().set(|switches| switches.webhooks = webhooks);
    let mut intents = vec![app.client().await.intent("100.00").await.id];
    for step in steps {
        app = take(app, step, &mut intents).await;
    }
    app.recover_during(calm).await;
    app.process_webhooks().await;
    let client = app.client().await;
    for id in &intents {
        let intent = app.assert_books_agree(&client, id).await;
        assert_eq!(minor(&intent.amount_charged_back), app.sandbox.ledger().charged_back(id), "{id}: charged back");
        assert_nothing_is_open(&app, id).await;
    }
}

async fn take(app: TestApp, step: WalkAction, intents: &mut Vec<String>) -> TestApp {
    let client = app.client().await;
    let named = |number: usize| intents[number % intents.len()].clone();
    match step {
        WalkAction::Create => {
            let created = client.create_payment_intent(new_intent("100.00")).await;
            intents
                .extend(created.ok().and_then(|created| created.into_inner().payment_intent).map(|intent| intent.id));
        }
        WalkAction::WalkCall(call) => make(&client, &call, named).await,
        WalkAction::Die(call, at) => {
            let (probe, deaths) = dies_at(at);
            let app = app.crash_and_restart_with(Some(probe)).await;
            let client = app.client().await;
            tokio::select! {
                () = make(&client, &call, named) => {} // refused before there was anything to die for
                death = deaths.acquire() => death.unwrap().forget(),
            }
            return app.crash_and_restart().await;
        }
        // Most have no challenge that could be completed.
        WalkAction::Challenge(number, is_approved) => {
            let _ = app.sandbox.complete_action(&named(number), is_approved);
        }
        // Most have nothing to be taken back.
        WalkAction::ChargeBack(number, cents) => {
            let _ = app.sandbox.charge_back(&named(number), cents);
        }
        WalkAction::Read(number) => drop(client.get(&named(number)).await),
        WalkAction::Turn(seconds) => app.clock.advance(Duration::from_secs(seconds)),
        WalkAction::Recover => app.recover_after(Duration::ZERO).await,
        WalkAction::ProcessWebhooks => app.process_webhooks().await,
    }
    app
}

/// Makes a call; that it is refused is as good as that it is not.
async fn make(client: &Client, call: &WalkCall, named: impl Fn(usize) -> String) {
    match call {
        WalkCall::Confirm(number, card) => drop(client.confirm(&named(*number), card).await),
        WalkCall::Refund(number, cents) => {
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            drop(client.refund(&named(*number), &amount).await);
        }
        WalkCall::Cancel(number) => {
            let request = pb::CancelPaymentIntentRequest { payment_intent_id: named(*number), ..Default::default() };
            drop(client.cancel_payment_intent(request).await);
        }
    }
}

async fn assert_nothing_is_open(app: &TestApp, id: &str) {
    let store = app.database.store().await;
    let unended = store.operations_unended(&PaymentIntentId::parse(id).unwrap()).await.unwrap();
    let open: Vec<_> = unended.into_iter().filter(|operation| operation.state != OperationState::Done).collect();
    assert!(open.is_empty(), "{open:?}");
}
