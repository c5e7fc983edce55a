//! The work in the background, by the names that it has in the log and in metrics.

/// A worker, or a part of the work of one that is tried again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    /// Processing of webhooks.
    Webhooks,
    /// Finding out what became of calls, and polling.
    Recovery,
    /// Keeping the operations that are under way.
    Leases,
    /// Erasing what tells of people.
    Erasures,
    /// Measuring the backlog.
    Backlog,
    /// Writing the log of calls to Corefy.
    CallLog,
    /// Having the log say what the audit log has come to.
    AuditLog,
    /// Taking on newer rules and lists of risk.
    RiskPolicy,
    /// Deleting expired entries of risk's lists.
    RiskLists,
    /// Refunding payments that a review has rejected.
    RejectedPayments,
    /// Deleting what is past its time.
    Retention,
}

impl Worker {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Webhooks,
        Self::Recovery,
        Self::Leases,
        Self::Erasures,
        Self::Backlog,
        Self::CallLog,
        Self::AuditLog,
        Self::RiskPolicy,
        Self::RiskLists,
        Self::RejectedPayments,
        Self::Retention,
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks",
            Self::Recovery => "recovery",
            Self::Leases => "leases",
            Self::Erasures => "erasures",
            Self::Backlog => "backlog",
            Self::CallLog => "call_log",
            Self::AuditLog => "audit_log",
            Self::RiskPolicy => "risk_policy",
            Self::RiskLists => "risk_lists",
            Self::RejectedPayments => "rejected_payments",
            Self::Retention => "retention",
        }
    }
}
