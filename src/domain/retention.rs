//! Retention: how long each kind of data is kept that is not kept for ever.

use std::time::Duration;

use super::words::words;

words! {
    /// A kind of data that is deleted in time.
    RetainedKind {
        /// Calls to Corefy, after they were sent.
        ApiCalls => "api_calls",
        /// Operations, after they finished; with their idempotency keys and frozen answers.
        Operations => "operations",
        /// Webhooks, after they were processed.
        Webhooks => "webhooks",
        /// Events, after they happened.
        Events => "events",
        /// Decisions about risk, with their outcomes.
        RiskDecisions => "risk_decisions",
        /// The personal data of payments, after the last movement of money: emptied, not deleted.
        PayerData => "payer_data",
        /// Entries of the audit log.
        AuditLog => "audit_log",
    }
}

/// How long each kind is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Calls to Corefy.
    pub api_calls: Duration,
    /// Finished operations.
    pub operations: Duration,
    /// Processed webhooks.
    pub webhooks: Duration,
    /// Events.
    pub events: Duration,
    /// Decisions about risk.
    pub risk_decisions: Duration,
    /// The personal data of payments.
    pub payer_data: Duration,
    /// The audit log.
    pub audit_log: Duration,
}

impl Retention {
    /// How long this kind is kept.
    pub fn of(&self, kind: RetainedKind) -> Duration {
        match kind {
            RetainedKind::ApiCalls => self.api_calls,
            RetainedKind::Operations => self.operations,
            RetainedKind::Webhooks => self.webhooks,
            RetainedKind::Events => self.events,
            RetainedKind::RiskDecisions => self.risk_decisions,
            RetainedKind::PayerData => self.payer_data,
            RetainedKind::AuditLog => self.audit_log,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let days = |number: u64| Duration::from_secs(number * 24 * 60 * 60);
        Self {
            api_calls: days(30),
            operations: days(90),
            webhooks: days(90),
            events: days(400),
            risk_decisions: days(400),
            payer_data: days(540),
            audit_log: days(400),
        }
    }
}
