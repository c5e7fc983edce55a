//! Statements that write rows, and the order in which those run that go together.

use crate::store::Conflict;

/// A statement that writes rows.
pub(in crate::store) struct Statement {
    /// Its place among the statements that go together.
    pub(in crate::store) rank: Rank,
    /// The columns of a row, in the order of a [`super::RowValues`]'s values.
    pub(in crate::store) columns: &'static [(&'static str, ColumnType)],
    /// `{rows}` stands for the rows, as a table of the name `new`. In the statement for events `{position}` stands for
    /// each one's place in their order.
    pub(in crate::store) sql: &'static str,
}

/// The order in which statements that go together are run, and so in which rows are locked: payment intents before
/// operations that end, and the sequence of events after everything else. The first that does not fit names the conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Rank {
    OperationInsert,
    CustomerInsert,
    CustomerUpdate,
    PaymentIntentInsert,
    PaymentIntentUpdate,
    PaymentIntentEmpty,
    PaymentMethodInsert,
    PaymentMethodUpdate,
    PaymentMethodDelete,
    RefundInsert,
    RefundUpdate,
    RefundEmpty,
    RefundDelete,
    ChargebackInsert,
    PaymentIntentDelete,
    CustomerDelete,
    SearchTermDelete,
    SearchTermInsert,
    OperationRenew,
    OperationFinish,
    OperationLeaveOpen,
    OperationRelease,
    OperationEmpty,
    RiskDecisionInsert,
    RiskDecisionEmpty,
    RiskBinAdd,
    RiskOutcomeInsert,
    RiskSubjectInsert,
    RiskSubjectUpdate,
    RiskReviewInsert,
    RiskReviewDecide,
    RiskReviewRefund,
    RiskReviewEmpty,
    RiskPolicyUpdate,
    RiskRulesInsert,
    RiskListInsert,
    RiskListEntryUpsert,
    RiskListEntryDelete,
    PartnerInsert,
    ApiKeyInsert,
    ApiKeyRotate,
    ApiKeyRevoke,
    ApiKeyUse,
    ApiCallInsert,
    WebhookArrival,
    WebhookAttempt,
    WebhookReplay,
    ApiCallEmpty,
    ErasureInsert,
    ErasureUpdate,
    ErasureDelete,
    EventEmpty,
    AuditHeadUpdate,
    AuditRowInsert,
    AuditRowsDelete,
    EventInsert,
}

impl Rank {
    /// Every rank, in order. Its length is that of the enum: a rank that is missing here does not compile.
    pub(super) const ALL: [Self; Self::EventInsert as usize + 1] = [
        Self::OperationInsert,
        Self::CustomerInsert,
        Self::CustomerUpdate,
        Self::PaymentIntentInsert,
        Self::PaymentIntentUpdate,
        Self::PaymentIntentEmpty,
        Self::PaymentMethodInsert,
        Self::PaymentMethodUpdate,
        Self::PaymentMethodDelete,
        Self::RefundInsert,
        Self::RefundUpdate,
        Self::RefundEmpty,
        Self::RefundDelete,
        Self::ChargebackInsert,
        Self::PaymentIntentDelete,
        Self::CustomerDelete,
        Self::SearchTermDelete,
        Self::SearchTermInsert,
        Self::OperationRenew,
        Self::OperationFinish,
        Self::OperationLeaveOpen,
        Self::OperationRelease,
        Self::OperationEmpty,
        Self::RiskDecisionInsert,
        Self::RiskDecisionEmpty,
        Self::RiskBinAdd,
        Self::RiskOutcomeInsert,
        Self::RiskSubjectInsert,
        Self::RiskSubjectUpdate,
        Self::RiskReviewInsert,
        Self::RiskReviewDecide,
        Self::RiskReviewRefund,
        Self::RiskReviewEmpty,
        Self::RiskPolicyUpdate,
        Self::RiskRulesInsert,
        Self::RiskListInsert,
        Self::RiskListEntryUpsert,
        Self::RiskListEntryDelete,
        Self::PartnerInsert,
        Self::ApiKeyInsert,
        Self::ApiKeyRotate,
        Self::ApiKeyRevoke,
        Self::ApiKeyUse,
        Self::ApiCallInsert,
        Self::WebhookArrival,
        Self::WebhookAttempt,
        Self::WebhookReplay,
        Self::ApiCallEmpty,
        Self::ErasureInsert,
        Self::ErasureUpdate,
        Self::ErasureDelete,
        Self::EventEmpty,
        Self::AuditHeadUpdate,
        Self::AuditRowInsert,
        Self::AuditRowsDelete,
        Self::EventInsert,
    ];

    /// Whether a row that its statement does not write is a conflict. It is none when a search term is there already or gone
    /// already, when a lease that was lost is not renewed, when a call is in the log already, when another attempt at a webhook
    /// has begun, when a key that was used is gone, and when an outcome of a decision is known already. A range of the audit log
    /// has any number of rows. Counters of BINs are added up first, so that there are fewer rows.
    pub(super) fn requires_rows(self) -> bool {
        !matches!(
            self,
            Self::SearchTermDelete
                | Self::SearchTermInsert
                | Self::OperationRenew
                | Self::OperationEmpty
                | Self::RiskDecisionEmpty
                | Self::RiskReviewEmpty
                | Self::ApiCallEmpty
                | Self::EventEmpty
                | Self::RiskBinAdd
                | Self::RiskOutcomeInsert
                | Self::ApiKeyUse
                | Self::ApiCallInsert
                | Self::WebhookAttempt
                | Self::AuditRowsDelete
        )
    }

    /// Whether its rows may wait for others: no call waits for them.
    pub(in crate::store) fn is_patient(self) -> bool {
        matches!(
            self,
            Self::ApiKeyUse
                | Self::ApiCallInsert
                | Self::WebhookArrival
                | Self::WebhookAttempt
                | Self::WebhookReplay
                | Self::OperationEmpty
                | Self::RiskDecisionEmpty
                | Self::RiskReviewEmpty
                | Self::ApiCallEmpty
                | Self::EventEmpty
        )
    }

    /// The meaning of a row that its statement did not write.
    pub(super) fn conflict(self) -> Conflict {
        match self {
            Self::OperationInsert => Conflict::KeyTaken,
            Self::CustomerInsert | Self::PaymentIntentInsert | Self::RefundInsert => Conflict::ReferenceTaken,
            Self::PartnerInsert => Conflict::PartnerTaken,
            Self::AuditHeadUpdate => Conflict::AuditMoved,
            Self::ApiKeyInsert | Self::ApiKeyRotate | Self::ApiKeyRevoke => Conflict::KeyChanged,
            Self::OperationRenew
            | Self::OperationFinish
            | Self::OperationLeaveOpen
            | Self::OperationRelease
            | Self::WebhookReplay => Conflict::LeaseLost,
            Self::CustomerUpdate
            | Self::PaymentIntentUpdate
            | Self::PaymentMethodInsert
            | Self::PaymentMethodUpdate
            | Self::PaymentMethodDelete
            | Self::RefundUpdate
            | Self::RefundDelete
            | Self::ChargebackInsert
            | Self::PaymentIntentDelete
            | Self::CustomerDelete
            | Self::SearchTermDelete
            | Self::SearchTermInsert
            | Self::RiskDecisionInsert
            | Self::RiskBinAdd
            | Self::RiskOutcomeInsert
            | Self::RiskSubjectInsert
            | Self::RiskSubjectUpdate
            | Self::RiskReviewInsert
            | Self::RiskReviewDecide
            | Self::RiskReviewRefund
            | Self::RiskPolicyUpdate
            | Self::RiskRulesInsert
            | Self::RiskListInsert
            | Self::RiskListEntryUpsert
            | Self::RiskListEntryDelete
            | Self::ApiKeyUse
            | Self::ApiCallInsert
            | Self::WebhookArrival
            | Self::WebhookAttempt
            | Self::PaymentIntentEmpty
            | Self::RefundEmpty
            | Self::OperationEmpty
            | Self::RiskDecisionEmpty
            | Self::RiskReviewEmpty
            | Self::ApiCallEmpty
            | Self::ErasureInsert
            | Self::ErasureUpdate
            | Self::ErasureDelete
            | Self::EventEmpty
            | Self::AuditRowInsert
            | Self::AuditRowsDelete
            | Self::EventInsert => Conflict::Stale,
        }
    }
}

/// The type of a column: text, a number, or bytes; each may be NULL.
#[derive(Clone, Copy)]
pub(in crate::store) enum ColumnType {
    Text,
    Int,
    Bytes,
}

impl Statement {
    pub(super) fn is_of_events(&self) -> bool {
        self.rank == Rank::EventInsert
    }

    /// The columns, each as `read` has it of the place among the elements of a row.
    pub(super) fn columns(&self, read: impl Fn(usize, ColumnType) -> String) -> String {
        let column =
            |(place, (name, kind)): (usize, &(&str, ColumnType))| format!("{} AS {name}", read(place + 1, *kind));
        self.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
    }
}
