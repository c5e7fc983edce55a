//! The commands of operators: resolve what the gateway could not find out, replay webhooks, rotate keys.

use std::time::Duration;

use corefy_gateway::{
    app::{
        operations::{OperationAdmin, Resolution, ResolveError},
        webhook_admin::{Replayed, WebhookAdmin},
    },
    domain::{
        audit::Operator,
        ids::{Ids, OperationId, WebhookId},
        key_pair::PublicKey,
        list_filters::OperationFilter,
        operation::{LEASE, LONGEST_SEND, OperationState, SETTLE_MARGIN},
        resolution::{StatedOutcome, Unresolvable},
    },
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::faults::Fault,
    store::{WebhookFilter, WebhookState},
};
use secrecy::ExposeSecret as _;

use crate::support::{
    app::{START, Steps, TestApp},
    client::{APPROVED, Client, confirmation, keyed},
    database::TestDatabase,
    money::{CONFIRM, CREATE, REFUND, last_error},
    operator::note,
};

crate::on_both!(
    a_confirmation_resolved_as_failed_can_be_tried_again,
    a_confirmation_resolved_as_succeeded_is_paid_and_replayed_as_such,
    a_confirmation_resolved_with_less_is_paid_in_part,
    a_refund_resolved_as_failed_frees_its_room,
    a_refund_resolved_as_succeeded_is_counted_once,
    late_truth_wins_over_what_an_operator_said,
    a_creation_can_only_be_resolved_as_failed,
    what_is_done_under_way_or_held_is_not_resolved,
    webhooks_are_replayed_by_filter_and_by_id,
    a_webhook_that_is_being_worked_off_is_not_replayed,
    both_secrets_of_a_rotated_key_work_until_the_overlap_ends,
);

/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";
/// Not charged: HTTP 500.
const NOT_CHARGED_500: &str = "4000000000005001";

async fn operations(app: &TestApp) -> OperationAdmin {
    OperationAdmin::new(app.database.store().await, app.environment.clone())
}

fn stating(outcome: StatedOutcome) -> Resolution {
    Resolution {
        outcome,
        received: None,
        reason: "the acquirer told it by phone".to_owned(),
        operator: Operator { user: "jane".to_owned(), host: "bastion".to_owned() },
    }
}

/// The only operation that is in doubt or needs an operator.
async fn open_operation(app: &TestApp) -> OperationId {
    let open = operations(app).await.list(&OperationFilter::default(), 9).await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    open[0].operation.id.clone()
}

/// When no request can arrive any more.
const OVER: Duration = LONGEST_SEND.saturating_add(SETTLE_MARGIN);

/// Resolves the only open operation, when its request cannot arrive any more.
async fn resolve(app: &TestApp, resolution: Resolution) -> OperationId {
    let id = open_operation(app).await;
    app.clock.advance(OVER);
    operations(app).await.resolve(&id, resolution).await.unwrap();
    id
}

/// An intent over 10.00 whose confirmation with `card`, under the idempotency key `confirm`, is in doubt.
async fn in_doubt(client: &Client, card: &str) -> String {
    let intent = client.intent("10.00").await;
    let confirmed = client.confirm_payment_intent(keyed("confirm", confirmation(&intent.id, card))).await.unwrap();
    assert_eq!(confirmed.into_inner().payment_intent.unwrap().state(), State::Processing);
    intent.id
}

async fn replayed(client: &Client, id: &str, card: &str) -> pb::PaymentIntent {
    let replayed = client.confirm_payment_intent(keyed("confirm", confirmation(id, card))).await.unwrap();
    assert_eq!(replayed.metadata().get("idempotent-replayed").unwrap(), "true");
    replayed.into_inner().payment_intent.unwrap()
}

async fn refund(client: &Client, id: &str) -> pb::Refund {
    client.get_refund(pb::GetRefundRequest { id: id.to_owned() }).await.unwrap().into_inner().refund.unwrap()
}

fn count(events: &[String], kind: &str) -> usize {
    events.iter().filter(|event| *event == kind).count()
}

async fn a_confirmation_resolved_as_failed_can_be_tried_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, NOT_CHARGED_500).await;
    let operation = resolve(&app, stating(StatedOutcome::Failed)).await;

    let frozen = replayed(&client, &id, NOT_CHARGED_500).await;
    assert_eq!((frozen.state(), last_error(&frozen)), (State::RequiresPaymentMethod, "resolved_by_operator"));
    assert_eq!(count(&client.event_types(&id).await, "payment_intent.payment_failed"), 1);
    let dossier = operations(&app).await.show(&operation).await.unwrap().unwrap();
    assert_eq!(dossier.stored.operation.state, OperationState::Done);
    let [entry] = &dossier.decisions[..] else { panic!("{dossier:?}") };
    assert_eq!((entry.action.as_str(), entry.made_at), ("operation.resolve", START + OVER));
    assert_eq!(entry.after.as_deref(), Some(r#"{"outcome":"failed","received":null}"#));
    assert_eq!(entry.author(), "jane@bastion");
    assert_eq!(entry.reason, "the acquirer told it by phone");

    assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Succeeded);
    app.assert_books_agree(&client, &id).await;
    assert_eq!(app.sent(CONFIRM), 2);
    assert_eq!(replayed(&client, &id, NOT_CHARGED_500).await, frozen, "a replay answers what was frozen");
}

async fn a_confirmation_resolved_as_succeeded_is_paid_and_replayed_as_such(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, CHARGED_500).await;
    resolve(&app, stating(StatedOutcome::Succeeded)).await;
    assert_eq!(replayed(&client, &id, CHARGED_500).await.state(), State::Succeeded);
    app.recover_during(Duration::from_secs(180)).await;
    app.process_webhooks().await;
    app.assert_books_agree(&client, &id).await;
    let events = client.event_types(&id).await;
    assert_eq!(count(&events, "payment_intent.succeeded"), 1, "{events:?}");
    assert_eq!(count(&events, "payment_intent.orphan_charge"), 0, "{events:?}");
    assert_eq!(app.sent(CONFIRM), 1);
}

async fn a_confirmation_resolved_with_less_is_paid_in_part(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, NOT_CHARGED_500).await;
    let operation = open_operation(&app).await;
    let receiving =
        |amount: &str| Resolution { received: Some(amount.to_owned()), ..stating(StatedOutcome::Succeeded) };
    for wrong in ["0.00", "10.01", "1.001", "ten"] {
        let error = operations(&app).await.resolve(&operation, receiving(wrong)).await.unwrap_err();
        let is_told = matches!(error, ResolveError::Amount(_) | ResolveError::Unresolvable(Unresolvable::Received(_)));
        assert!(is_told, "{wrong}: {error}");
    }
    resolve(&app, receiving("4.00")).await;
    let intent = replayed(&client, &id, NOT_CHARGED_500).await;
    assert_eq!((intent.state(), intent.amount_received.as_str()), (State::PartiallyPaid, "4.00"));
    assert_eq!(count(&client.event_types(&id).await, "payment_intent.partially_paid"), 1);
}

async fn a_refund_resolved_as_failed_frees_its_room(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.65").await;
    let lost = client.refund(&paid.id, "10.65").await.unwrap();
    assert_eq!(lost.state(), RefundState::Pending);
    assert!(client.refund(&paid.id, "1.00").await.is_err(), "its amount is reserved");
    resolve(&app, stating(StatedOutcome::Failed)).await;

    let found = refund(&client, &lost.id).await;
    assert_eq!(
        (found.state(), found.failure.as_ref().unwrap().code.as_str()),
        (RefundState::Failed, "resolved_by_operator")
    );
    assert_eq!(count(&client.event_types(&lost.id).await, "refund.failed"), 1);
    assert_eq!(client.refund(&paid.id, "10.00").await.unwrap().state(), RefundState::Succeeded);
    app.assert_books_agree(&client, &paid.id).await;
}

async fn a_refund_resolved_as_succeeded_is_counted_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("20.00").await;
    let lost = client.refund(&paid.id, "5.64").await.unwrap();
    assert_eq!(lost.state(), RefundState::Pending);
    resolve(&app, stating(StatedOutcome::Succeeded)).await;
    assert_eq!(refund(&client, &lost.id).await.state(), RefundState::Succeeded);
    // Corefy shows it afterwards: it is the same refund, not another.
    app.recover_during(Duration::from_secs(180)).await;
    app.process_webhooks().await;
    let intent = app.assert_books_agree(&client, &paid.id).await;
    assert_eq!(intent.amount_refunded, "5.64");
    assert_eq!(count(&client.event_types(&lost.id).await, "refund.succeeded"), 1);
    assert_eq!(app.sent(REFUND), 1);
}

async fn late_truth_wins_over_what_an_operator_said(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = in_doubt(&client, CHARGED_500).await;
    resolve(&app, stating(StatedOutcome::Failed)).await;
    app.clock.advance(Duration::from_secs(2));
    let intent = app.assert_books_agree(&client, &id).await;
    assert_eq!(intent.state(), State::Succeeded);
    assert_eq!(count(&client.event_types(&id).await, "payment_intent.late_success"), 1);
}

async fn a_creation_can_only_be_resolved_as_failed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, CREATE.0, CREATE.1, Fault::Http(500));
    let intent = client.intent("10.00").await;
    let id = open_operation(&app).await;
    let refused = operations(&app).await.resolve(&id, stating(StatedOutcome::Succeeded)).await;
    assert!(matches!(refused, Err(ResolveError::Creation(_))), "{refused:?}");
    resolve(&app, stating(StatedOutcome::Failed)).await;
    assert_eq!(client.get(&intent.id).await.state(), State::Canceled);
}

async fn what_is_done_under_way_or_held_is_not_resolved(database: TestDatabase) {
    let (steps, probe) = Steps::new();
    let app = TestApp::start_with(database, Some(probe), |_| {}).await;
    let client = app.client().await;
    let refused =
        async |id: &OperationId| match operations(&app).await.resolve(id, stating(StatedOutcome::Failed)).await {
            Err(ResolveError::Unresolvable(why)) => why,
            other => panic!("{other:?}"),
        };
    // The creation goes through its three steps; then the confirmation stands between reservation and answer.
    (0..3).for_each(|_| steps.go_on());
    let intent = client.intent("10.00").await;
    for _ in 0..3 {
        steps.reached().await;
    }
    let (confirming, caller) = (intent.id.clone(), client.clone());
    let confirmed = tokio::spawn(async move { caller.confirm(&confirming, NOT_CHARGED_500).await });
    steps.reached().await;
    let id = open_operation(&app).await;
    assert_eq!(refused(&id).await, Unresolvable::State(OperationState::Sent));
    (0..3).for_each(|_| steps.go_on());
    assert_eq!(confirmed.await.unwrap().unwrap().state(), State::Processing);

    // Recovery has claimed it.
    let lease = START + LEASE;
    let other = app.database.store().await;
    assert_eq!(other.claim_operations_for(&intent.id, START, lease).await.unwrap().len(), 1);
    assert_eq!(refused(&id).await, Unresolvable::Held(lease));
    app.clock.advance(OVER - Duration::from_secs(1));
    assert_eq!(refused(&id).await, Unresolvable::UnderWay(START + OVER));
    app.clock.advance(Duration::from_secs(1));
    operations(&app).await.resolve(&id, stating(StatedOutcome::Failed)).await.unwrap();
    assert_eq!(refused(&id).await, Unresolvable::State(OperationState::Done));

    let decisions = operations(&app).await.show(&id).await.unwrap().unwrap().decisions;
    assert_eq!(decisions.len(), 1, "what was refused is no decision");
    let nobody = OperationId::generate(&Ids::system());
    let unknown = operations(&app).await.resolve(&nobody, stating(StatedOutcome::Failed)).await;
    assert!(matches!(unknown, Err(ResolveError::NotFound(id)) if id == nobody));
}

async fn inbox(app: &TestApp) -> WebhookAdmin {
    WebhookAdmin::new(app.database.store().await, app.environment.clone())
}

fn in_state(state: WebhookState) -> WebhookFilter {
    WebhookFilter { states: vec![state], ..WebhookFilter::default() }
}

/// Two webhooks or more that were worked off, newest first.
async fn processed_webhooks(app: &TestApp) -> Vec<WebhookId> {
    let client = app.client().await;
    for _ in 0..2 {
        client.paid_intent("10.00").await;
    }
    app.process_webhooks().await;
    app.clock.advance(Duration::from_secs(1));
    let webhooks = inbox(app).await.list(&in_state(WebhookState::Processed), 100).await.unwrap();
    assert!(webhooks.len() >= 2, "{webhooks:?}");
    webhooks.into_iter().map(|webhook| webhook.id).collect()
}

async fn webhooks_are_replayed_by_filter_and_by_id(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let ids = processed_webhooks(&app).await;
    let inbox = inbox(&app).await;
    let total = ids.len() as u64;
    let mut steps = Vec::new();
    let replayed =
        inbox.replay(&in_state(WebhookState::Processed), &note(), |so_far| steps.push(so_far)).await.unwrap();
    assert_eq!(replayed, Replayed { due: total, busy: 0 });
    assert_eq!(steps, [replayed]);
    assert_eq!(inbox.count(&in_state(WebhookState::Waiting)).await.unwrap(), total);
    app.process_webhooks().await;
    assert_eq!(inbox.count(&in_state(WebhookState::Processed)).await.unwrap(), total);

    let later = WebhookFilter { since: Some(app.clock.now()), ..WebhookFilter::default() };
    assert_eq!(inbox.replay(&later, &note(), |_| {}).await.unwrap(), Replayed::default());
    assert!(inbox.replay_one(&ids[0], &note()).await.unwrap());
    assert_eq!(inbox.show(&ids[0]).await.unwrap().unwrap().state, WebhookState::Waiting);
    assert_eq!(inbox.show(&ids[1]).await.unwrap().unwrap().state, WebhookState::Processed);
    let kind = inbox.show(&ids[0]).await.unwrap().unwrap().event_type;
    let of_kind = |kind: &str| WebhookFilter { event_type: Some(kind.to_owned()), ..WebhookFilter::default() };
    assert!(inbox.count(&of_kind(&kind)).await.unwrap() > 0);
    assert_eq!(inbox.count(&of_kind("no.such")).await.unwrap(), 0);
}

async fn a_webhook_that_is_being_worked_off_is_not_replayed(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let ids = processed_webhooks(&app).await;
    let inbox = inbox(&app).await;
    assert!(inbox.replay_one(&ids[0], &note()).await.unwrap());
    let now = app.clock.now();
    let other = app.database.store().await;
    assert_eq!(other.claim_due_webhooks(now, now + Duration::from_secs(60), 9).await.unwrap().len(), 1);
    assert!(!inbox.replay_one(&ids[0], &note()).await.unwrap());
    app.clock.advance(Duration::from_secs(1));
    let replayed = inbox.replay(&WebhookFilter::default(), &note(), |_| {}).await.unwrap();
    assert_eq!(replayed, Replayed { due: ids.len() as u64 - 1, busy: 1 });
}

async fn both_secrets_of_a_rotated_key_work_until_the_overlap_ends(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let hour = Duration::from_secs(3600);
    let public = PublicKey::parse(app.key().split_once(':').unwrap().0).unwrap();
    let keys = app.keys().await;
    let new = keys.rotate(&public, hour).await.unwrap().unwrap();
    assert_eq!(new.expose_secret().split_once(':').unwrap().0, public.as_str());
    let lists = async |key: &str| {
        let client = app.client_with(key).await;
        client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.is_ok()
    };
    assert!(lists(new.expose_secret()).await && lists(app.key()).await);
    app.clock.advance(hour - Duration::from_micros(1));
    assert!(lists(new.expose_secret()).await && lists(app.key()).await);
    app.clock.advance(Duration::from_micros(1));
    assert!(lists(new.expose_secret()).await && !lists(app.key()).await);

    let last = keys.rotate(&public, Duration::ZERO).await.unwrap().unwrap();
    app.clock.advance(Duration::from_secs(10));
    assert!(lists(last.expose_secret()).await && !lists(new.expose_secret()).await, "no overlap");
    assert!(keys.revoke(&public).await.unwrap());
    assert!(keys.rotate(&public, hour).await.unwrap().is_none(), "a revoked key is not brought back");
}
