//! The commands of operators: resolve what the gateway could not find out, replay webhooks, rotate keys, migrate, and
//! run the doctor.

use std::{net::TcpListener, os::unix::fs::PermissionsExt as _, time::Duration};

use corefy_gateway::{
    app::{
        inbox::{Inbox, Replayed},
        operations::{Operations, Resolution, ResolveError},
    },
    config::local::SandboxKeys,
    domain::{
        audit::Operator,
        ids::{OperationId, WebhookId},
        key_pair::PublicKey,
        operation::{LEASE, OperationState},
        resolution::{StatedOutcome, Unresolvable},
    },
    pb::{self, PaymentIntentState as State, RefundState},
    sandbox::faults::Fault,
    store::{OperationFilter, WebhookFilter, WebhookState},
};
use secrecy::ExposeSecret as _;

use crate::support::{
    app::{START, Steps, TestApp, closed_port},
    client::{APPROVED, Client, confirmation, keyed},
    database::{TestDatabase, master_key_text},
    money::{CONFIRM, CREATE, REFUND, last_error},
    program::{Variables, output},
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
    the_commands_do_as_the_use_cases,
    the_doctor_finds_what_is_well_and_what_is_not,
    migrate_says_from_which_version_to_which,
);

/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";
/// Not charged: HTTP 500.
const NOT_CHARGED_500: &str = "4000000000005001";

async fn operations(app: &TestApp) -> Operations {
    Operations::new(app.database.store().await, app.clock.clone())
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

/// Resolves the only open operation.
async fn resolve(app: &TestApp, resolution: Resolution) -> OperationId {
    let id = open_operation(app).await;
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
    assert_eq!((entry.outcome, entry.decided_at), (StatedOutcome::Failed, START));
    assert_eq!(entry.operator, stating(StatedOutcome::Failed).operator);
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
    app.work_off_webhooks().await;
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
    app.work_off_webhooks().await;
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
    let mut tx = app.database.store().await.begin().await.unwrap();
    assert_eq!(tx.operations_claim_for(&intent.id, START, lease).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    assert_eq!(refused(&id).await, Unresolvable::Held(lease));
    app.clock.advance(Duration::from_secs(60));
    operations(&app).await.resolve(&id, stating(StatedOutcome::Failed)).await.unwrap();
    assert_eq!(refused(&id).await, Unresolvable::State(OperationState::Done));

    let decisions = operations(&app).await.show(&id).await.unwrap().unwrap().decisions;
    assert_eq!(decisions.len(), 1, "what was refused is no decision");
    let nobody = OperationId::generate();
    let unknown = operations(&app).await.resolve(&nobody, stating(StatedOutcome::Failed)).await;
    assert!(matches!(unknown, Err(ResolveError::NotFound(id)) if id == nobody));
}

async fn inbox(app: &TestApp) -> Inbox {
    Inbox::new(app.database.store().await, app.clock.clone())
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
    app.work_off_webhooks().await;
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
    let replayed = inbox.replay(&in_state(WebhookState::Processed), |so_far| steps.push(so_far)).await.unwrap();
    assert_eq!(replayed, Replayed { due: total, busy: 0 });
    assert_eq!(steps, [replayed]);
    assert_eq!(inbox.count(&in_state(WebhookState::Waiting)).await.unwrap(), total);
    app.work_off_webhooks().await;
    assert_eq!(inbox.count(&in_state(WebhookState::Processed)).await.unwrap(), total);

    let later = WebhookFilter { since: Some(app.clock.now()), ..WebhookFilter::default() };
    assert_eq!(inbox.replay(&later, |_| {}).await.unwrap(), Replayed::default());
    assert!(inbox.replay_one(&ids[0]).await.unwrap());
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
    assert!(inbox.replay_one(&ids[0]).await.unwrap());
    let now = app.clock.now();
    let mut tx = app.database.store().await.begin().await.unwrap();
    assert_eq!(tx.webhooks_claim_due(now, now + Duration::from_secs(60), 9).await.unwrap().len(), 1);
    tx.commit().await.unwrap();
    assert!(!inbox.replay_one(&ids[0]).await.unwrap());
    app.clock.advance(Duration::from_secs(1));
    let replayed = inbox.replay(&WebhookFilter::default(), |_| {}).await.unwrap();
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

/// Runs the program on the app's database: its exit code, and what it said to standard output and standard error.
fn run(app: &TestApp, args: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    said(&output(directory.path(), args, &variables))
}

fn said(output: &std::process::Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn the_commands_do_as_the_use_cases(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let webhooks = processed_webhooks(&app).await;
    let id = in_doubt(&client, NOT_CHARGED_500).await;
    let operation = open_operation(&app).await.to_string();

    let (_, list, _) = run(&app, &["operations", "list"]);
    assert!(list.lines().count() == 2 && list.contains(&operation) && list.contains(&id), "{list}");
    let (_, list, _) = run(&app, &["operations", "list", "--kind=create_refund"]);
    assert_eq!(list.lines().count(), 1, "the head alone");
    let resolve = ["operations", "resolve", &operation, "--outcome=failed"];
    let (code, _, why) = run(&app, &resolve);
    assert!(code == Some(2) && why.contains("--reason"), "{why}");
    let resolve = [&resolve[..], &["--reason=Corefy's support: never arrived"]].concat();
    let (code, told, why) = run(&app, &resolve);
    assert_eq!((code, told), (Some(0), format!("{operation} is resolved as failed\n")), "{why}");
    let (code, _, why) = run(&app, &resolve);
    assert!(code == Some(1) && why.contains("it is done"), "{why}");
    let (_, shown, _) = run(&app, &["operations", "show", &operation]);
    for part in ["requires_payment_method", "resolved_by_operator", "payment_intent.payment_failed", "never arrived"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("payer@example.com"), "{shown}");

    let (_, list, _) = run(&app, &["webhooks", "list", "--state=processed", "--limit=1"]);
    assert!(list.lines().count() == 2 && list.contains(webhooks[0].as_str()), "{list}");
    let (_, shown, _) = run(&app, &["webhooks", "show", webhooks[0].as_str()]);
    assert!(shown.contains("127.0.0.1") && shown.contains("SHA-256") && shown.contains("body"), "{shown}");
    let (code, told, _) = run(&app, &["webhooks", "replay", webhooks[0].as_str()]);
    assert!(code == Some(0) && told.contains("is due again"), "{told}");
    let (code, _, why) = run(&app, &["webhooks", "replay", "--state=processed"]);
    assert!(code == Some(2) && why.contains("--yes"), "nobody is asked where nobody can answer: {why}");
    let (code, told, _) =
        run(&app, &["webhooks", "replay", "--state=processed", "--since=2026-01-01T00:00:00Z", "--yes"]);
    assert!(code == Some(0) && told.starts_with(&format!("{} due again", webhooks.len() - 1)), "{told}");

    let public = app.key().split_once(':').unwrap().0;
    let (code, pair, note) = run(&app, &["keys", "rotate", public, "--overlap-hours=1"]);
    assert!(code == Some(0) && pair.starts_with(public) && note.contains("the one before until"), "{pair} {note}");
    app.clock.advance(Duration::from_secs(10));
    let client = app.client_with(pair.trim_end()).await;
    client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap();
}

async fn the_doctor_finds_what_is_well_and_what_is_not(database: TestDatabase) {
    // By the time of day: Corefy refuses what is signed at another time.
    let app = TestApp::start_running(database).await;
    app.client().await.intent("1.00").await;
    let directory = tempfile::tempdir().unwrap();
    let (keys, master_key) = (SandboxKeys::default(), master_key_text());
    let (base_url, nobody) = (app.sandbox.base_url().to_string(), closed_port().await.to_string());
    let well = [
        ("COREFY_API_KEY", keys.api_key.expose_secret()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
        ("COREFY_WEBHOOK_SECRET", keys.webhook_secret.expose_secret()),
        ("COREFY_BASE_URL", base_url.as_str()),
        ("DATABASE_URL", app.database.url()),
        ("GATEWAY_MASTER_KEY", master_key.expose_secret()),
        ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
        ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
    ];
    let doctor = |changes: &Variables<'_>| said(&output(directory.path(), &["doctor"], &[&well[..], changes].concat()));
    let (code, told, why) = doctor(&[]);
    assert!(
        told.contains("is up to date") && told.contains("can be written") && told.contains("opens what is stored"),
        "{told}"
    );
    assert!(told.contains("1 of 1 can be used") && told.contains("is free"), "{told}");
    assert!(code == Some(0) && told.contains("accepts the credentials"), "{told}{why}");
    assert!(told.contains("ok    webhooks        no webhook ever came"), "{told}");
    app.sandbox.set_webhook_url(None);
    app.client().await.paid_intent("1.00").await;
    let (code, told, why) = doctor(&[]);
    assert!(code == Some(0) && told.contains("no webhook ever came, though payments succeeded since"), "{told}{why}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let unreachable = format!("http://{nobody}");
    let gateway = app.server.http_addr.to_string();
    for (variable, value, found) in [
        ("COREFY_API_KEY", "another-key", "fail  Corefy"),
        ("COREFY_BASE_URL", unreachable.as_str(), "cannot be reached"),
        ("GATEWAY_MASTER_KEY", "another-master-key-0123456789012345", "fail  master key"),
        ("GATEWAY_GRPC_ADDR", taken.as_str(), "another program has"),
        ("DATABASE_URL", "postgres://127.0.0.1:1/none", "fail  database"),
        ("COREFY_RETRY_COUNT", "many", "fail  settings        COREFY_RETRY_COUNT"),
    ] {
        let (code, told, why) = doctor(&[(variable, value)]);
        assert!(code == Some(1) && told.contains(found) && why.contains("to fix"), "{variable}: {told}{why}");
    }
    for (variable, value, found) in [
        ("COREFY_WEBHOOK_SECRET", "", "warn  webhooks"),
        ("DATABASE_URL", "sqlite://none.db", "does not exist yet"),
        ("GATEWAY_HTTP_ADDR", gateway.as_str(), "a gateway is ready there"),
    ] {
        let (_, told, _) = doctor(&[(variable, value)]);
        assert!(told.contains(found), "{variable}: {told}");
    }
    assert!(!directory.path().join("none.db").exists(), "the doctor makes nothing");
    if let Some(path) = app.database.url().strip_prefix("sqlite://") {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (_, told, _) = doctor(&[]);
        assert!(told.contains("warn  database file") && told.contains("chmod 600"), "{told}");
    }
}

async fn migrate_says_from_which_version_to_which(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let migrate = || said(&output(directory.path(), &["migrate"], &[("DATABASE_URL", database.url())]));
    let (code, told, why) = migrate();
    assert!(code == Some(0) && told.starts_with("the database went from version 0 to version "), "{told}{why}");
    let newest = told.split("to version ").nth(1).unwrap().split(',').next().unwrap();
    let (code, told, _) = migrate();
    assert_eq!((code, told), (Some(0), format!("the database is up to date, at version {newest}\n")));
}
