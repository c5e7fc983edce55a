//! The statement of each rank, where its table has it.

use super::{Rank, Statement};
use crate::store::{
    api_calls, audit, customers, events, keys, operations, payment_intents, payment_methods, refunds, risk_bins,
    risk_decisions, risk_lists, risk_outcomes, risk_reviews, risk_rules, risk_subjects, search_terms, webhooks,
};

/// The statement of a rank.
pub(super) fn statement(rank: Rank) -> &'static Statement {
    match rank {
        Rank::OperationInsert => &operations::INSERT,
        Rank::CustomerInsert => &customers::INSERT,
        Rank::CustomerUpdate => &customers::UPDATE,
        Rank::PaymentIntentInsert => &payment_intents::INSERT,
        Rank::PaymentIntentUpdate => &payment_intents::UPDATE,
        Rank::PaymentMethodInsert => &payment_methods::INSERT,
        Rank::PaymentMethodUpdate => &payment_methods::UPDATE,
        Rank::PaymentMethodDelete => &payment_methods::DELETE,
        Rank::RefundInsert => &refunds::INSERT,
        Rank::RefundUpdate => &refunds::UPDATE,
        Rank::RefundDelete => &refunds::DELETE,
        Rank::PaymentIntentDelete => &payment_intents::DELETE,
        Rank::CustomerDelete => &customers::DELETE,
        Rank::SearchTermDelete => &search_terms::DELETE,
        Rank::SearchTermInsert => &search_terms::INSERT,
        Rank::OperationRenew => &operations::RENEW,
        Rank::OperationFinish => &operations::FINISH,
        Rank::OperationLeaveOpen => &operations::LEAVE_OPEN,
        Rank::OperationRelease => &operations::RELEASE,
        Rank::RiskDecisionInsert => &risk_decisions::INSERT,
        Rank::RiskBinAdd => &risk_bins::ADD,
        Rank::RiskOutcomeInsert => &risk_outcomes::INSERT,
        Rank::RiskSubjectInsert => &risk_subjects::INSERT,
        Rank::RiskSubjectUpdate => &risk_subjects::UPDATE,
        Rank::RiskReviewInsert => &risk_reviews::INSERT,
        Rank::RiskReviewDecide => &risk_reviews::DECIDE,
        Rank::RiskReviewRefund => &risk_reviews::REFUND,
        Rank::RiskPolicyUpdate => &risk_rules::POLICY,
        Rank::RiskRulesInsert => &risk_rules::INSERT,
        Rank::RiskListInsert => &risk_lists::INSERT,
        Rank::RiskListEntryUpsert => &risk_lists::INSERT_ENTRY,
        Rank::RiskListEntryDelete => &risk_lists::DELETE_ENTRY,
        Rank::RiskChangeInsert => &risk_rules::INSERT_CHANGE,
        Rank::AuditEntryInsert => &audit::INSERT,
        Rank::OperatorCommandInsert => &audit::INSERT_COMMAND,
        Rank::PartnerInsert => &keys::INSERT_PARTNER,
        Rank::ApiKeyInsert => &keys::INSERT,
        Rank::ApiKeyRotate => &keys::ROTATE,
        Rank::ApiKeyRevoke => &keys::REVOKE,
        Rank::ApiKeyUse => &keys::USE,
        Rank::ApiCallInsert => &api_calls::INSERT,
        Rank::WebhookArrival => &webhooks::ARRIVAL,
        Rank::WebhookAttempt => &webhooks::ATTEMPT,
        Rank::WebhookReplay => &webhooks::REPLAY,
        Rank::EventInsert => &events::INSERT,
    }
}
