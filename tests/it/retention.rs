//! Finished operations are deleted when their time is over. Payments do not depend on them, and what fences a new call fences
//! one that repeats a key of then.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use corefy_gateway::{
    app::retention::{PRUNE_BATCH, retained},
    domain::{
        list_filters::OperationFilter,
        retention::{RetainedKind, Retention},
    },
    pb::{self, PaymentIntentState as State, TimelineEntryKind as Kind},
    store::{WebhookFilter, WebhookState},
};
use secrecy::ExposeSecret as _;
use tonic::{Code, Response, Status};

use crate::support::{
    app::{START, TestApp, until},
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_intent, new_refund, reason},
    database::{Backend, TestDatabase, master_key_text},
    person::{intent_of, lives, opened, places},
    program::output,
};

crate::on_both!(
    finished_operations_are_deleted_when_their_time_is_over_and_not_before,
    a_clock_that_is_far_ahead_deletes_nothing_that_is_young_by_corefys,
    an_operation_whose_outcome_is_not_known_is_kept_for_ever,
    operations_are_deleted_in_bounded_steps_and_by_several_gateways_at_once,
    a_payment_whose_operations_are_gone_is_read_confirmed_and_refunded,
    a_key_of_then_is_a_new_call_that_the_reference_fences,
    what_risk_has_counted_is_deleted_when_its_time_is_over_by_both_clocks,
    a_key_of_then_is_a_new_call_that_the_state_fences,
    webhooks_that_were_processed_are_deleted_and_others_are_kept,
    events_are_deleted_without_a_gap_and_a_reader_of_then_is_told,
    the_audit_log_is_deleted_from_its_beginning_and_stays_whole,
    what_is_past_its_time_is_shown,
    a_payer_is_forgotten_when_the_time_is_over_and_the_customer_stays,
    a_payment_that_is_under_way_keeps_its_payer_until_it_has_ended,
    a_payer_is_kept_anew_when_money_moves_again,
    payers_are_forgotten_in_bounded_steps_that_go_on_after_a_crash,
);

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);
/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";

/// Lets the time of all that has finished be over, and deletes it. Returns how many were deleted.
async fn prune(app: &TestApp) -> usize {
    app.clock.advance(DAY * 90 + SECOND);
    prune_at_corefys_time(app).await
}

/// Deletes what has finished for long, once Corefy has told its time. Returns how many were deleted.
async fn prune_at_corefys_time(app: &TestApp) -> usize {
    app.client().await.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    app.server.app.payments.prune(RetainedKind::Operations).await.unwrap()
}

async fn finished_operations_are_deleted_when_their_time_is_over_and_not_before(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.retention.operations = DAY * 30).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    app.clock.advance(DAY * 10);
    client.confirm(&intent.id, APPROVED).await.unwrap();
    app.clock.advance(DAY * 20);
    assert_eq!(prune_at_corefys_time(&app).await, 0, "30 days are not over before they are over");
    app.clock.advance(SECOND);
    assert_eq!(prune_at_corefys_time(&app).await, 1, "the creation");
    app.clock.advance(DAY * 10);
    assert_eq!(prune_at_corefys_time(&app).await, 1, "the confirmation");
    assert_eq!(app.server.app.payments.prune(RetainedKind::Operations).await.unwrap(), 0);
    let metrics = app.server.app.diagnostics.metrics();
    assert!(metrics.contains("corefy_gateway_rows_pruned_total{kind=\"operations\"} 2\n"), "{metrics}");
}

async fn a_clock_that_is_far_ahead_deletes_nothing_that_is_young_by_corefys(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    let refund = || keyed("refund", new_refund(&paid.id, "4.00"));
    client.create_refund(refund()).await.unwrap();

    app.clock.advance(DAY * 365);
    assert_eq!(
        app.server.app.payments.prune(RetainedKind::Operations).await.unwrap(),
        0,
        "Corefy said last that it was a year ago"
    );
    assert!(is_replayed(&client.create_refund(refund()).await.unwrap()), "the key fences as before");
    assert_eq!(app.sandbox.ledger().refunded(&paid.id), 400);
    assert_eq!(prune_at_corefys_time(&app).await, 3, "when Corefy's clock says so too");

    app.clock.put_back(DAY * 365);
    client.paid_intent("10.00").await;
    let app = app.crash_and_restart().await;
    app.clock.advance(DAY * 365);
    assert_eq!(
        app.server.app.payments.prune(RetainedKind::Operations).await.unwrap(),
        0,
        "Corefy has told no time yet"
    );
}

async fn an_operation_whose_outcome_is_not_known_is_kept_for_ever(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert_eq!(client.confirm(&intent.id, CHARGED_500).await.unwrap().state(), State::Processing);
    assert_eq!(prune(&app).await, 1, "the creation");
    app.clock.advance(DAY * 3650);
    assert_eq!(prune_at_corefys_time(&app).await, 0);
    let store = app.database.store().await;
    let open = store.read().await.unwrap().operations(&OperationFilter::default(), 9).await.unwrap();
    assert_eq!(open.iter().map(|open| open.operation.subject_id.as_str()).collect::<Vec<_>>(), [intent.id.as_str()]);

    app.recover_after(Duration::from_secs(2)).await;
    assert_eq!(client.get(&intent.id).await.state(), State::Succeeded, "the truth is still found out");
    assert_eq!(prune(&app).await, 1, "the confirmation, once its outcome is known");
}

async fn operations_are_deleted_in_bounded_steps_and_by_several_gateways_at_once(database: TestDatabase) {
    const COPIES: usize = 240;
    const BATCH: usize = PRUNE_BATCH as usize;
    let app = TestApp::start(database).await;
    app.client().await.intent("10.00").await;
    let copies = format!(
        "INSERT INTO operations (id, partner_id, kind, subject_id, state, epoch, lease_until, sent_at, finished_at, misses,
             baseline, request_id, call_ended)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {COPIES})
         SELECT id || '_' || n, partner_id, kind, subject_id, state, epoch, lease_until, sent_at, finished_at, misses,
             baseline, request_id, call_ended FROM operations, numbers"
    );
    app.database.execute(&copies).await;
    let other = app.replica().await;
    app.clock.advance(DAY * 91);
    assert_eq!(prune_at_corefys_time(&app).await, BATCH);
    other.app.diagnostics.test_connection().await;
    let (mut deleted, mut steps) = (BATCH, 0);
    while deleted < COPIES + 1 {
        let (one, two) = tokio::join!(
            app.server.app.payments.prune(RetainedKind::Operations),
            other.app.payments.prune(RetainedKind::Operations)
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one <= BATCH && two <= BATCH, "{one}, {two}");
        deleted += one + two;
        steps += 1;
        // One of two that meet deletes nothing.
        assert!(steps <= COPIES.div_ceil(BATCH), "only {deleted} were deleted");
    }
    assert_eq!(deleted, COPIES + 1);
    assert_eq!(app.server.app.payments.prune(RetainedKind::Operations).await.unwrap(), 0);
}

/// A payment over 10.00 that is paid and of which 4.00 are refunded, and one that is not confirmed yet.
async fn payments(client: &Client) -> (pb::PaymentIntent, pb::PaymentIntent) {
    let (paid, open) = (client.paid_intent("10.00").await, client.intent("5.00").await);
    client.refund(&paid.id, "4.00").await.unwrap();
    (paid, open)
}

async fn a_payment_whose_operations_are_gone_is_read_confirmed_and_refunded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, open) = payments(&client).await;
    app.process_webhooks().await;
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}
    let kinds = async |id: &str| {
        let request = pb::GetTimelineRequest { id: id.to_owned(), page_size: 100, ..Default::default() };
        let timeline = client.get_timeline(request).await.unwrap().into_inner().entries;
        let count = |kind: Kind| timeline.iter().filter(|entry| entry.kind() == kind).count();
        (count(Kind::Rpc), count(Kind::UpstreamCall), count(Kind::Webhook), count(Kind::Transition))
    };
    let (before, rest) = (client.get(&paid.id).await, kinds(&paid.id).await);
    assert_eq!(rest.0, 6, "three calls, each with its end");
    assert_eq!(prune(&app).await, 4);

    assert_eq!(client.get(&paid.id).await.amount_refunded, before.amount_refunded);
    let listed = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.payment_intents.len(), 2);
    let left = kinds(&paid.id).await;
    assert_eq!((left.0, left.2, left.3), (0, rest.2, rest.3), "the timeline has what is left");
    assert!(left.1 >= rest.1, "reads of Corefy may have been added: {left:?}");

    let confirmed = client.confirm(&open.id, APPROVED).await.unwrap();
    assert_eq!(confirmed.state(), State::Succeeded);
    let refused = client.confirm(&paid.id, APPROVED).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "PAYMENT_INTENT_STATE"));
    let refused = client.refund(&paid.id, "6.01").await.unwrap_err();
    assert_eq!(reason(&refused), "REFUND_EXCEEDS_PAYMENT");
    client.refund(&paid.id, "6.00").await.unwrap();
    let ledger = app.sandbox.ledger();
    assert_eq!((ledger.charged(&paid.id), ledger.refunded(&paid.id), ledger.charged(&open.id)), (1000, 1000, 500));
}

fn is_replayed<T>(response: &Response<T>) -> bool {
    response.metadata().contains_key("idempotent-replayed")
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    assert!(!status.metadata().contains_key("idempotent-replayed"), "{status:?}");
    (status.code(), reason(&status))
}

async fn a_key_of_then_is_a_new_call_that_the_reference_fences(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = || {
        keyed("intent", pb::CreatePaymentIntentRequest { reference_id: "order-1".to_owned(), ..new_intent("10.00") })
    };
    let customer =
        || keyed("customer", pb::CreateCustomerRequest { reference_id: "jane".to_owned(), ..new_customer() });
    let created = client.create_payment_intent(intent()).await.unwrap().into_inner().payment_intent.unwrap();
    client.confirm(&created.id, APPROVED).await.unwrap();
    client.create_customer(customer()).await.unwrap();
    let refund = || {
        let request = pb::CreateRefundRequest { reference_id: "back-1".to_owned(), ..new_refund(&created.id, "4.00") };
        keyed("refund", request)
    };
    client.create_refund(refund()).await.unwrap();
    assert!(is_replayed(&client.create_refund(refund()).await.unwrap()));

    assert_eq!(prune(&app).await, 4);
    let taken = (Code::AlreadyExists, "REFERENCE_ID_TAKEN".to_owned());
    assert_eq!(refusal(client.create_payment_intent(intent()).await), taken);
    assert_eq!(refusal(client.create_customer(customer()).await), taken);
    assert_eq!(refusal(client.create_refund(refund()).await), taken);
    assert_eq!(app.sandbox.ledger().refunded(&created.id), 400);
}

async fn a_key_of_then_is_a_new_call_that_the_state_fences(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let (paid, canceled) = (client.intent("10.00").await, client.intent("10.00").await);
    let confirm = || keyed("confirm", confirmation(&paid.id, APPROVED));
    let cancel = || {
        keyed("cancel", pb::CancelPaymentIntentRequest { payment_intent_id: canceled.id.clone(), ..Default::default() })
    };
    client.confirm_payment_intent(confirm()).await.unwrap();
    client.cancel_payment_intent(cancel()).await.unwrap();
    assert!(is_replayed(&client.confirm_payment_intent(confirm()).await.unwrap()));

    assert_eq!(prune(&app).await, 4);
    let wrong_state = (Code::FailedPrecondition, "PAYMENT_INTENT_STATE".to_owned());
    assert_eq!(refusal(client.confirm_payment_intent(confirm()).await), wrong_state);
    assert_eq!(app.sandbox.ledger().charged(&paid.id), 1000);
    let again = client.cancel_payment_intent(cancel()).await.unwrap();
    assert!(!is_replayed(&again));
    assert_eq!(again.into_inner().payment_intent.unwrap().state(), State::Canceled);
}

async fn what_risk_has_counted_is_deleted_when_its_time_is_over_by_both_clocks(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let sealed = if app.database.backend() == Backend::Sqlite { "X'00'" } else { "'\\x00'" };
    let (now, expiry) = (app.clock.now(), (app.clock.now() + DAY).0);
    let id = format!("rd_{:012x}70008000000000000000", now.0 / 1000);
    for row in [
        format!("risk_subjects (id, revision, past, expires_at) VALUES ('ip:7', 1, '{{}}', {expiry})"),
        format!(
            "risk_bin_counters (bin, resolution, bucket, shard, attempts, declines, amount, expires_at)
             VALUES ('411111', '5m', 7, 0, 1, 0, 0, {expiry})"
        ),
        format!("risk_decisions (id, partner_id, created_at, record) VALUES ('{id}', 'acme', {}, {sealed})", now.0),
        format!("risk_outcomes (decision_id, outcome, found_at, is_hard) VALUES ('{id}', 'succeeded', {}, 0)", now.0),
    ] {
        app.database.execute(&format!("INSERT INTO {row}")).await;
    }
    let prune = async || {
        let decisions = app.server.app.payments.prune(RetainedKind::RiskDecisions).await.unwrap();
        decisions + app.server.app.payments.prune_risk_counters().await.unwrap()
    };
    let hear_corefys_time =
        async || app.client().await.test_connection(pb::TestConnectionRequest {}).await.map(drop).unwrap();
    hear_corefys_time().await;
    assert_eq!(prune().await, 0);
    app.clock.advance(DAY);
    assert_eq!(prune().await, 0, "Corefy said last that it was yesterday");
    hear_corefys_time().await;
    assert_eq!(prune().await, 2, "the subject and the counter");
    app.clock.advance(DAY * 399);
    hear_corefys_time().await;
    assert_eq!(prune().await, 0, "400 days are not over before they are over");
    app.clock.advance(SECOND);
    hear_corefys_time().await;
    assert_eq!(prune().await, 2, "the decision and its outcome");
    assert_eq!(prune().await, 0);
}

/// Takes a step of pruning webhooks, events and the audit log, once Corefy has told its time. Returns how many rows are gone.
async fn prune_history(app: &TestApp) -> usize {
    app.client().await.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    let mut count = 0;
    for kind in [RetainedKind::Webhooks, RetainedKind::Events, RetainedKind::AuditLog] {
        count += app.server.app.payments.prune(kind).await.unwrap();
    }
    count
}

async fn webhooks_in(app: &TestApp, states: Vec<WebhookState>) -> u64 {
    let filter = WebhookFilter { states, ..WebhookFilter::default() };
    app.database.store().await.read().await.unwrap().webhook_count(&filter).await.unwrap()
}

async fn webhooks_that_were_processed_are_deleted_and_others_are_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..2 {
        client.paid_intent("10.00").await;
    }
    app.process_webhooks().await;
    let processed = webhooks_in(&app, vec![WebhookState::Processed]).await;
    app.clock.advance(SECOND);
    client.paid_intent("10.00").await;
    app.sandbox.webhooks_idle().await;
    let waiting = webhooks_in(&app, vec![WebhookState::Waiting]).await;
    assert!(processed >= 2 && waiting >= 1);
    app.clock.advance(DAY * 90 - SECOND);
    assert_eq!(prune_history(&app).await, 0, "90 days are not over before they are over");
    app.clock.advance(SECOND);
    assert_eq!(prune_history(&app).await as u64, processed);
    app.clock.advance(DAY * 300);
    prune_history(&app).await;
    assert_eq!(webhooks_in(&app, Vec::new()).await, waiting, "what is not processed is kept");
    app.process_webhooks().await;
    app.clock.advance(DAY * 91);
    prune_history(&app).await;
    assert_eq!(webhooks_in(&app, Vec::new()).await, 1, "the last one says when one came");
    let metrics = app.server.app.diagnostics.metrics();
    let pruned = format!("corefy_gateway_rows_pruned_total{{kind=\"webhooks\"}} {}\n", processed + waiting - 1);
    assert!(metrics.contains(&pruned), "{pruned} {metrics}");
}

async fn events_are_deleted_without_a_gap_and_a_reader_of_then_is_told(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    let first = client.events(pb::ListEventsRequest::default()).await.unwrap().events;
    app.clock.advance(DAY * 10);
    client.intent("11.00").await;
    app.clock.advance(DAY * 390);
    assert_eq!(prune_history(&app).await, 0);
    // One of the old ones seems to have happened later: those behind it are kept for as long.
    let later = (app.clock.now().0, first[1].id.as_str());
    let sql = format!("UPDATE events SET created_at = {} WHERE id = '{}'", later.0, later.1);
    app.database.execute(&sql).await;
    app.clock.advance(SECOND);
    let kept = || async { client.events(pb::ListEventsRequest::default()).await.unwrap().events };
    let before = kept().await.len();
    prune_history(&app).await;
    let left = kept().await;
    assert_eq!((before - left.len(), &left[0].id), (1, &first[1].id));
    let after = |id: &str| pb::ListEventsRequest { after_event_id: id.to_owned(), ..Default::default() };
    let refused = client.events(after(&first[0].id)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::OutOfRange, "EVENT_NOT_KEPT"));
    assert_eq!(client.events(after(&left[0].id)).await.unwrap().events.len(), left.len() - 1);
}

async fn the_audit_log_is_deleted_from_its_beginning_and_stays_whole(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.clock.advance(DAY * 10);
    app.new_key(|_| {}).await;
    let audit = &app.server.app.audit;
    let whole = async || audit.verify(None, |fault| panic!("{fault}")).await.unwrap().rows;
    assert_eq!(whole().await, 2);
    app.clock.advance(DAY * 390);
    assert_eq!((prune_history(&app).await, whole().await), (0, 2));
    app.clock.advance(SECOND);
    assert_eq!((prune_history(&app).await, whole().await), (1, 1));
    app.new_key(|_| {}).await;
    assert_eq!(whole().await, 2);
}

async fn what_is_past_its_time_is_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.client().await.paid_intent("10.00").await;
    let store = app.database.store().await;
    let shown = async |after: Duration| {
        let found = retained(&store, &Retention::default(), START + after).await.unwrap();
        found.into_iter().map(|(kind, retained)| (kind, retained.due)).collect::<BTreeMap<_, _>>()
    };
    assert!(shown(DAY * 30).await.values().all(|due| *due == 0));
    let due = shown(DAY * 401).await;
    assert_eq!((due[&RetainedKind::Operations], due[&RetainedKind::AuditLog]), (2, 1));
    assert_eq!((due[&RetainedKind::PayerData], shown(DAY * 541).await[&RetainedKind::PayerData]), (0, 1));
    assert!(due[&RetainedKind::Events] >= 2 && due[&RetainedKind::Webhooks] == 0, "{due:?}");
    let directory = tempfile::tempdir().unwrap();
    let key = master_key_text();
    let variables = [
        ("DATABASE_URL", app.database.url()),
        ("GATEWAY_MASTER_KEY", key.expose_secret()),
        ("GATEWAY_EVENT_RETENTION_DAYS", "30"),
    ];
    let shown = output(directory.path(), &["retention", "show"], &variables);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let events = shown.lines().find(|line| line.starts_with("events  ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(events.contains("30 days") && events.contains("2026-12-23T10:00:00Z"), "{shown}");
}

/// A card whose payment stays under way.
const STAYS_UNDER_WAY: &str = "4000000000000077";
const PAYER: &str = "payer-bird";

/// Empties the payments whose payer's time is over, once Corefy has told its time. Returns how many steps that took.
async fn prune_payers(app: &TestApp) -> usize {
    app.client().await.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    let mut steps = 0;
    while app.server.app.payments.prune(RetainedKind::PayerData).await.unwrap() > 0 {
        steps += 1;
    }
    steps
}

/// The places in the database that have something of the payer.
async fn left(app: &TestApp) -> Vec<String> {
    places(&opened(&app.database).await, PAYER).into_iter().map(str::to_owned).collect()
}

async fn a_payer_is_forgotten_when_the_time_is_over_and_the_customer_stays(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let person = lives(&app, &client, PAYER).await;
    let guest = client.created(intent_of("", PAYER)).await;
    client.confirm(&guest.id, APPROVED).await.unwrap();
    client.refund(&guest.id, "1.00").await.unwrap();
    app.server.app.api_calls.write_api_calls().await.unwrap();
    let before = left(&app).await;
    assert!(["payment_intents.details", "refunds.details"].iter().all(|place| before.iter().any(|one| one == place)));
    app.clock.advance(DAY * 541);
    assert_eq!(
        app.server.app.payments.prune(RetainedKind::PayerData).await.unwrap(),
        0,
        "Corefy said last that it was long ago"
    );
    assert_eq!(left(&app).await, before);
    app.clock.put_back(DAY);
    prune_payers(&app).await;
    assert_eq!(left(&app).await, before, "540 days are not over for long enough");
    app.clock.advance(DAY + SECOND);
    prune_payers(&app).await;

    let after = left(&app).await;
    let kept = [
        "customers.details",
        "events.object",
        "operations.answer",
        "payment_methods.card",
        "payment_methods.card_at_corefy",
    ];
    assert_eq!(after, kept, "of the customer, the card, and the calls that made them");
    let (shell, was) = (client.get(&person.paid.id).await, &person.paid);
    assert!(shell.erased_at.is_some() && !format!("{shell:?}").contains(PAYER));
    assert_eq!(
        (&shell.amount_received, &shell.amount_refunded, shell.state()),
        (&was.amount_received, &was.amount_refunded, was.state())
    );
    let request = pb::GetCustomerRequest { id: person.customer.id.clone() };
    let customer = client.get_customer(request).await.unwrap().into_inner().customer.unwrap();
    assert!(customer.erased_at.is_none() && customer.name.contains(PAYER));
    assert!(app.server.app.diagnostics.metrics().contains("rows_pruned_total{kind=\"payer_data\"} 3\n"));
    assert_eq!(prune_payers(&app).await, 0, "each is looked at once");
}

async fn a_payment_that_is_under_way_keeps_its_payer_until_it_has_ended(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let open = client.created(intent_of("", PAYER)).await;
    assert_eq!(client.confirm(&open.id, STAYS_UNDER_WAY).await.unwrap().state(), State::Processing);
    let in_doubt = client.created(intent_of("", PAYER)).await;
    client.confirm(&in_doubt.id, APPROVED).await.unwrap();
    app.sandbox.faults().set(|switches| switches.webhooks.loss_percent = 100);
    app.database
        .execute(&format!("UPDATE operations SET state = 'needs_operator' WHERE payment_intent_id = '{}'", in_doubt.id))
        .await;
    let (first, second) = (client.get(&open.id).await, client.get(&in_doubt.id).await);
    for _ in 0..3 {
        app.clock.advance(DAY * 541);
        prune_payers(&app).await;
    }
    let row = |id: &str| format!("SELECT COUNT(*) FROM payer_data_later WHERE payment_intent_id = '{id}'");
    if app.database.backend() == Backend::Postgres {
        assert_eq!((app.database.count(&row(&open.id)).await, app.database.count(&row(&in_doubt.id)).await), (1, 1));
    }
    assert_eq!(client.get(&in_doubt.id).await, second, "an operation on it is open");
    assert_eq!(client.get(&open.id).await.customer_name, first.customer_name);

    app.database.execute("UPDATE operations SET state = 'done'").await;
    app.database
        .execute("UPDATE payment_intents SET state = 'succeeded', received = amount WHERE state = 'processing'")
        .await;
    app.clock.advance(DAY * 548);
    prune_payers(&app).await;
    for id in [&open.id, &in_doubt.id] {
        let shell = client.get(id).await;
        assert!(shell.erased_at.is_some() && shell.customer_name.is_empty(), "{shell:?}");
    }
    assert_eq!(left(&app).await, [""; 0]);
}

async fn a_payer_is_kept_anew_when_money_moves_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.created(intent_of("", PAYER)).await;
    client.confirm(&paid.id, APPROVED).await.unwrap();
    let refund =
        |key: &str| keyed(key, pb::CreateRefundRequest { reason: PAYER.to_owned(), ..new_refund(&paid.id, "1.00") });
    app.clock.advance(DAY * 300);
    client.create_refund(refund("first")).await.unwrap();
    app.clock.advance(DAY * 250);
    prune_payers(&app).await;
    assert_eq!(client.get(&paid.id).await.customer_name, PAYER, "money moved 250 days ago");
    app.clock.advance(DAY * 289);
    prune_payers(&app).await;
    assert_eq!(client.get(&paid.id).await.customer_name, PAYER);
    app.clock.advance(DAY * 8);
    prune_payers(&app).await;
    assert!(client.get(&paid.id).await.erased_at.is_some());
    assert_eq!(left(&app).await, [""; 0]);

    client.create_refund(refund("second")).await.unwrap();
    app.clock.advance(DAY * 500);
    prune_payers(&app).await;
    assert!(
        left(&app).await.contains(&"refunds.details".to_owned()),
        "the reason of a later refund is kept for as long"
    );
    app.clock.advance(DAY * 42);
    prune_payers(&app).await;
    assert_eq!(left(&app).await, [""; 0]);
}

async fn payers_are_forgotten_in_bounded_steps_that_go_on_after_a_crash(database: TestDatabase) {
    const PAYMENTS: usize = 45;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..PAYMENTS {
        client.created(intent_of("", PAYER)).await;
    }
    app.clock.advance(DAY * 542);
    client.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    let emptied = async || {
        let listed =
            client.list_payment_intents(pb::ListPaymentIntentsRequest { page_size: 100, ..Default::default() });
        listed.await.unwrap().into_inner().payment_intents.iter().filter(|intent| intent.erased_at.is_some()).count()
    };
    let payments = Arc::clone(&app.server.app.payments);
    let step = tokio::spawn(async move { payments.prune(RetainedKind::PayerData).await });
    until("a payment is empty", async || emptied().await > 0).await;
    step.abort();
    let _ = step.await;
    let begun = emptied().await;
    assert!(begun <= 20, "{begun} in one step");
    let app = app.crash_and_restart().await;
    let other = app.replica().await;
    other.app.diagnostics.test_connection().await;
    app.clock.advance(Duration::from_secs(61));
    let client = app.client().await;
    client.test_connection(pb::TestConnectionRequest {}).await.unwrap();
    let mut passed = 0;
    while passed < PAYMENTS {
        let (one, two) = tokio::join!(
            app.server.app.payments.prune(RetainedKind::PayerData),
            other.app.payments.prune(RetainedKind::PayerData)
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one <= 20 && two <= 20 && one + two > 0, "{one}, {two}");
        passed += one + two;
    }
    assert_eq!((passed, left(&app).await.len()), (PAYMENTS, 0), "each is passed once");
}
