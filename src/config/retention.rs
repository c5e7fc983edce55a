//! The settings of what is deleted in time. Each has a floor, below which something that needs the data would break.

use super::{SettingsProblems, read::days, report::SettingsReport, settings::RetentionSettings};
use crate::domain::retention::Retention;

/// The longest time that anything is kept which is deleted in time, in days: ten years.
const LONGEST: u32 = 3650;

impl RetentionSettings {
    /// Reads the settings; the error has everything that is wrong with them.
    pub fn checked(&self) -> Result<Retention, SettingsProblems> {
        let mut report = SettingsReport::default();
        let retention = self.read(&mut report);
        report.finish(retention)
    }

    pub(super) fn read(&self, report: &mut SettingsReport) -> Option<Retention> {
        let mut read = |variable, text: &str, floor| report.whole(variable, text, floor..=LONGEST).map(days);
        let api_calls = read("GATEWAY_API_CALL_RETENTION_DAYS", &self.gateway_api_call_retention_days, 1);
        // Idempotency keys fence repetitions for at least so many days.
        let operations = read("GATEWAY_OPERATION_RETENTION_DAYS", &self.gateway_operation_retention_days, 30);
        // Corefy repeats webhooks for days.
        let webhooks = read("GATEWAY_WEBHOOK_RETENTION_DAYS", &self.gateway_webhook_retention_days, 7);
        // A reader that was down goes on behind its last event.
        let events = read("GATEWAY_EVENT_RETENTION_DAYS", &self.gateway_event_retention_days, 30);
        // Windows of counters go back 30 days.
        let risk_decisions =
            read("GATEWAY_RISK_DECISION_RETENTION_DAYS", &self.gateway_risk_decision_retention_days, 30);
        // A payer may dispute a card payment for 120 days, and the answer needs to say who paid.
        let payer_data = read("GATEWAY_PAYER_DATA_RETENTION_DAYS", &self.gateway_payer_data_retention_days, 120);
        // PCI DSS 10.5.1 asks for a year.
        let audit_log = read("GATEWAY_AUDIT_RETENTION_DAYS", &self.gateway_audit_retention_days, 365);
        Some(Retention {
            api_calls: api_calls?,
            operations: operations?,
            webhooks: webhooks?,
            events: events?,
            risk_decisions: risk_decisions?,
            payer_data: payer_data?,
            audit_log: audit_log?,
        })
    }
}
