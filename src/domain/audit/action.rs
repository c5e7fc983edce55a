//! The decisions that the audit log has.

use crate::domain::words::words;

words! {
    /// A decision that is audited.
    AuditAction {
        /// A key was made.
        KeyCreate => "key.create",
        /// A key got another secret.
        KeyRotate => "key.rotate",
        /// A key was revoked.
        KeyRevoke => "key.revoke",
        /// The records were sealed under another master key.
        MasterKeyRotate => "master_key.rotate",
        /// An operation whose outcome was not known got one that an operator stated.
        OperationResolve => "operation.resolve",
        /// Payments since a moment were to be looked up at Corefy again.
        OperationRecheck => "operation.recheck",
        /// Webhooks were to be processed again.
        WebhookReplay => "webhook.replay",
        /// Rules of risk were applied.
        RiskRulesApply => "risk.rules.apply",
        /// An earlier version of the rules was applied again.
        RiskRulesRevert => "risk.rules.revert",
        /// A list was made.
        RiskListCreate => "risk.list.create",
        /// Entries were added to a list.
        RiskListAdd => "risk.list.add",
        /// An entry was removed from a list.
        RiskListRemove => "risk.list.remove",
        /// A payment under review was approved.
        RiskReviewApprove => "risk.review.approve",
        /// A payment under review was rejected.
        RiskReviewReject => "risk.review.reject",
        /// A refund was made for a person's decision about a payment.
        RefundCreate => "refund.create",
        /// A gateway started with other settings than the one before.
        SettingsRead => "settings.read",
        /// A person was erased.
        PersonalDataErase => "personal_data.erase",
        /// The data of a person were exported.
        PersonalDataExport => "personal_data.export",
        /// Books were exported: payments, refunds or events.
        BooksExport => "books.export",
        /// The books were compared with Corefy's.
        BooksReconcile => "books.reconcile",
        /// Erasures were begun again after a restore.
        PersonalDataReapply => "personal_data.reapply",
        /// The audit log was exported.
        AuditExport => "audit.export",
    }
}

impl AuditAction {
    /// The actions on rules, lists and reviews of risk.
    pub const OF_RISK: [Self; 7] = [
        Self::RiskRulesApply,
        Self::RiskRulesRevert,
        Self::RiskListCreate,
        Self::RiskListAdd,
        Self::RiskListRemove,
        Self::RiskReviewApprove,
        Self::RiskReviewReject,
    ];
}
