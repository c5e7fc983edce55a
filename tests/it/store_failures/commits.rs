//! A statement fails, a transaction is rolled back by the database itself, or a COMMIT fails.

use std::time::Duration;

use corefy_gateway::{
    app::{
        key_admin::NewKey,
        operations::{OperationAdmin, Resolution},
    },
    domain::{api_key::Scope, audit::Operator, list_filters::OperationFilter, resolution::StatedOutcome},
    pb::PaymentIntentState as State,
    sandbox::faults::Fault as UpstreamFault,
    store::WebhookFilter,
};
use tokio::time::sleep;
use tonic::{Code, Status};

use super::{
    calls::{TestedCall, TestedObjects, sent},
    faults::DatabaseFault,
};
use crate::support::{
    app::{TestApp, http_client, until},
    client::{APPROVED, Client},
    database::{Backend, TestDatabase},
    money::CONFIRM,
    refusal::refused,
};

crate::on_both!(
    nothing_is_sent_whose_reservation_is_not_durable,
    an_outcome_is_written_once_when_the_database_works_again,
    a_webhook_that_is_not_durable_is_refused_and_taken_when_it_comes_again,
    recovery_that_cannot_write_changes_nothing_and_goes_on_later,
    a_key_that_is_not_durable_is_not_shown,
    a_resolution_that_is_not_durable_is_refused,
    a_gateway_that_cannot_write_is_not_ready_and_says_why,
);

/// Long enough for Corefy to answer, and for several tries to settle.
const SEVERAL_TRIES: Duration = Duration::from_millis(1500);

/// Makes these calls at once, as others write, too.
async fn call_all(
    subjects: &TestedObjects,
    client: &Client,
    kinds: &[TestedCall],
) -> Vec<(TestedCall, Result<String, Status>)> {
    let call = async |kind| {
        if kinds.contains(&kind) { Some((kind, subjects.call(client, kind).await)) } else { None }
    };
    let [a, b, c, d, e, f] = TestedCall::ALL.map(call);
    let (a, b, c, d, e, f) = tokio::join!(a, b, c, d, e, f);
    [a, b, c, d, e, f].into_iter().flatten().collect()
}

async fn nothing_is_sent_whose_reservation_is_not_durable(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let subjects = TestedObjects::new(&app.client().await).await;
    let client = app.client().await;
    let before = app.sandbox.requests().len();
    for fault in DatabaseFault::ALL {
        fault.begin(&app.database, "operations", &["INSERT"]).await;
        for (kind, answer) in call_all(&subjects, &client, &TestedCall::ALL).await {
            let refusal = refused(answer);
            let told = (refusal.code, refusal.reason.as_str());
            assert_eq!(told, (Code::Unavailable, "STORE_UNAVAILABLE"), "{fault:?} {kind:?}: {refusal:?}");
        }
        assert_eq!(app.sandbox.requests().len(), before, "{fault:?}: nothing is sent");
        DatabaseFault::end(&app.database, "operations", &["INSERT"]).await;
    }
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    let before = sent(&app);
    let mut made = Vec::new();
    for (kind, answer) in call_all(&subjects, &client, &TestedCall::ALL).await {
        made.push((kind, answer.unwrap()));
    }
    assert!(sent(&app).iter().zip(before).all(|(after, before)| after - before == 1), "each was sent once");
    let app = app.crash_and_restart().await;
    let client = app.client().await;
    for (kind, id) in &made {
        subjects.assert_is_kept(&client, *kind, id).await;
    }
    subjects.assert_made_once(&app, &client).await;
}

async fn an_outcome_is_written_once_when_the_database_works_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for fault in DatabaseFault::ALL {
        let client = app.client().await;
        let subjects = TestedObjects::new(&client).await;
        let before = sent(&app);
        // So that all are sent before any is settled: on SQLite they share a transaction, and would not be reserved.
        app.sandbox.faults().set(|switches| switches.answer_delay_ms = 1000);
        let mend = async {
            let are_sent = async || sent(&app).iter().zip(&before).all(|(now, before)| now > before);
            until("the calls are sent", are_sent).await;
            fault.begin(&app.database, "operations", &["UPDATE", "DELETE"]).await;
            sleep(SEVERAL_TRIES).await;
            app.sandbox.faults().set(|switches| switches.answer_delay_ms = 0);
            DatabaseFault::end(&app.database, "operations", &["UPDATE", "DELETE"]).await;
        };
        let (answers, ()) = tokio::join!(call_all(&subjects, &client, &TestedCall::SENT), mend);
        for (kind, answer) in answers {
            let id = answer.unwrap_or_else(|status| panic!("{fault:?} {kind:?}: {status:?}"));
            subjects.assert_is_kept(&client, kind, &id).await;
        }
        assert!(sent(&app).iter().zip(before).all(|(after, before)| after - before == 1), "each was sent once");
        subjects.assert_made_once(&app, &client).await;
    }
}

async fn a_webhook_that_is_not_durable_is_refused_and_taken_when_it_comes_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for fault in DatabaseFault::ALL {
        let body = format!(r#"{{"event_type":"customer.created","event_id":"evt_{fault:?}"}}"#);
        fault.begin(&app.database, "webhooks", &["INSERT"]).await;
        assert_eq!(app.sandbox.send_webhook(body.clone(), None).await.unwrap(), 503, "{fault:?}");
        DatabaseFault::end(&app.database, "webhooks", &["INSERT"]).await;
        assert_eq!(app.sandbox.send_webhook(body, None).await.unwrap(), 200, "{fault:?}");
    }
    let store = app.database.store().await;
    let kept = store.read().await.unwrap().webhook_count(&WebhookFilter::default()).await.unwrap();
    assert_eq!(kept, DatabaseFault::ALL.len() as u64);
}

async fn recovery_that_cannot_write_changes_nothing_and_goes_on_later(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for fault in DatabaseFault::ALL {
        let id = client.intent("50.00").await.id;
        app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, UpstreamFault::HttpAfterExecute(500));
        assert_eq!(client.confirm(&id, APPROVED).await.unwrap().state(), State::Processing);
        let before = app.sent(CONFIRM);
        fault.begin(&app.database, "operations", &["UPDATE"]).await;
        app.clock.advance(Duration::from_secs(60));
        // It fails, or has nothing that it could claim.
        app.server.app.payments.recover().await.ok();
        DatabaseFault::end(&app.database, "operations", &["UPDATE"]).await;
        app.recover_during(Duration::from_secs(300)).await;
        assert_eq!(client.get(&id).await.state(), State::Succeeded, "{fault:?}");
        app.assert_books_agree(&client, &id).await;
        let told = client.event_types(&id).await;
        assert_eq!(told.iter().filter(|kind| *kind == "payment_intent.succeeded").count(), 1, "{fault:?}: {told:?}");
        assert_eq!(app.sent(CONFIRM), before, "{fault:?}: nothing is sent again");
    }
}

async fn a_key_that_is_not_durable_is_not_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let keys = app.keys().await;
    let before = keys.list(None).await.unwrap().len();
    let new = || NewKey {
        partner_name: "Acme".to_owned(),
        key_name: "another".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    };
    for fault in DatabaseFault::ALL {
        fault.begin(&app.database, "api_keys", &["INSERT"]).await;
        assert!(keys.create(new()).await.is_err(), "{fault:?}");
        DatabaseFault::end(&app.database, "api_keys", &["INSERT"]).await;
    }
    keys.create(new()).await.unwrap();
    assert_eq!(keys.list(None).await.unwrap().len(), before + 1);
}

async fn a_resolution_that_is_not_durable_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = client.intent("50.00").await.id;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, UpstreamFault::HttpAfterExecute(500));
    client.confirm(&id, APPROVED).await.unwrap();
    app.clock.advance(Duration::from_secs(600));
    let operations = OperationAdmin::new(app.database.store().await, app.environment.clone());
    let open = operations.list(&OperationFilter::default(), 9).await.unwrap().remove(0).operation.id;
    let resolution = || Resolution {
        outcome: StatedOutcome::Succeeded,
        received: None,
        reason: "told by phone".to_owned(),
        operator: Operator { user: "jane".to_owned(), host: "bastion".to_owned() },
    };
    for fault in DatabaseFault::ALL {
        fault.begin(&app.database, "audit_log", &["INSERT"]).await;
        assert!(operations.resolve(&open, resolution()).await.is_err(), "{fault:?}");
        DatabaseFault::end(&app.database, "audit_log", &["INSERT"]).await;
        assert_eq!(operations.list(&OperationFilter::default(), 9).await.unwrap().len(), 1, "{fault:?}");
    }
    operations.resolve(&open, resolution()).await.unwrap();
    assert_eq!(operations.show(&open).await.unwrap().unwrap().decisions.len(), 1);
    assert_eq!(client.get(&id).await.state(), State::Succeeded);
}

async fn a_gateway_that_cannot_write_is_not_ready_and_says_why(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let ready = async || {
        let response = http_client().get(app.http("/readyz")).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(ready().await, (200, "ready\n".to_owned()));
    DatabaseFault::Statement.begin(&app.database, "event_sequence", &["UPDATE"]).await;
    let why = match app.database.backend() {
        Backend::Sqlite => "the database refuses to write\n",
        Backend::Postgres => "the database's disk fails\n",
    };
    until("it is not ready", async || ready().await == (503, why.to_owned())).await;
    DatabaseFault::end(&app.database, "event_sequence", &["UPDATE"]).await;
    until("it is ready again", async || ready().await.0 == 200).await;
}
