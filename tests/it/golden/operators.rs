//! The rows that no RPC shows, as operators see them: decisions, commands, and webhooks.

use corefy_gateway::{
    app::{operations::OperationAdmin, webhook_admin::WebhookAdmin},
    domain::{audit::AuditEntry, ids::OperationId},
    store::{WebhookFilter, WebhookRecord},
};
use serde_json::{Value as Json, json};

use super::rows;
use crate::support::app::TestApp;

/// The most webhooks that are looked at.
const MOST: u32 = 1000;

/// The output of the operators' commands.
pub async fn seen(app: &TestApp) -> Json {
    let operations = OperationAdmin::new(app.database.store().await, app.environment.clone());
    let mut decisions = Vec::new();
    for id in rows::texts(&app.database, "SELECT DISTINCT operation_id FROM audit_log ORDER BY operation_id").await {
        let dossier = operations.show(&OperationId::parse(&id).unwrap()).await.unwrap().unwrap();
        decisions.extend(dossier.decisions.iter().map(decision));
    }
    let inbox = WebhookAdmin::new(app.database.store().await, app.clock.clone());
    let webhooks = inbox.list(&WebhookFilter::default(), MOST).await.unwrap();
    // No command shows these: they are read by who audits.
    let commands = rows::texts(&app.database, "SELECT command FROM operator_commands ORDER BY id").await;
    json!({"decisions": decisions, "commands": commands, "webhooks": webhooks.iter().map(webhook).collect::<Vec<_>>()})
}

fn decision(entry: &AuditEntry) -> Json {
    json!({
        "id": entry.id.as_str(),
        "decided_at": entry.decided_at.0,
        "user": entry.operator.user,
        "host": entry.operator.host,
        "command": entry.command,
        "operation": entry.operation_id.as_str(),
        "outcome": entry.outcome.as_str(),
        "reason": entry.reason,
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
