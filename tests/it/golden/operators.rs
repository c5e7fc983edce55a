//! The rows that no RPC shows, as operators see them: decisions, commands, and webhooks.

use corefy_gateway::{
    app::{audit::AuditLog, webhook_admin::WebhookAdmin},
    domain::audit::{AuditFilter, AuditRecord},
    store::{WebhookFilter, WebhookRecord},
};
use serde_json::{Value as Json, json};

use crate::support::app::TestApp;

/// The most webhooks that are looked at.
const MOST: u32 = 1000;

/// The output of the operators' commands.
pub async fn seen(app: &TestApp) -> Json {
    let audit = AuditLog::new(app.database.store().await, app.environment.clone());
    let mut decisions = audit.list(&AuditFilter::default(), MOST).await.unwrap();
    decisions.reverse();
    let verified = audit.verify(None, |fault| panic!("{fault}")).await.unwrap();
    assert_eq!(verified.rows, decisions.len() as u64);
    let inbox = WebhookAdmin::new(app.database.store().await, app.environment.clone());
    let webhooks = inbox.list(&WebhookFilter::default(), MOST).await.unwrap();
    // Decisions about keys are the test's own.
    let of_payments = decisions.iter().filter(|record| record.action.starts_with("operation."));
    let decisions: Vec<_> = of_payments.map(decision).collect();
    json!({"decisions": decisions, "webhooks": webhooks.iter().map(webhook).collect::<Vec<_>>()})
}

fn decision(record: &AuditRecord) -> Json {
    json!({
        "sequence": record.sequence,
        "id": record.id,
        "made_at": record.made_at.0,
        "by": record.author(),
        "action": record.action,
        "object": record.object,
        "before": record.before,
        "after": record.after,
        "reason": record.reason,
    })
}

fn webhook(webhook: &WebhookRecord) -> Json {
    json!({
        "id": webhook.id.as_str(),
        "event_type": webhook.event_type,
        "body": webhook.body,
        "state": webhook.state.as_str(),
        "attempts": webhook.attempts,
        "error": webhook.error,
        "received_at": webhook.received_at.0,
    })
}
