//! Reviews: payments that went on and that a person looks at afterwards.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use super::handle::Risk;
use crate::{
    app::{
        call::Caller,
        paging::{Page, Paged},
        payments::Payments,
        refunds::CreateRefund,
    },
    domain::{
        audit::{Actor, AuditAction, Note},
        ids::{PartnerId, PaymentIntentId, RefundId, RiskDecisionId},
        payment_intent::PaymentIntentState,
        refund::RefundDetails,
        risk::review::{Review, ReviewRefund, ReviewState},
    },
    error::{Error, Reason},
    store::{Change, ListPosition},
};

/// How many refunds of rejected reviews are looked at in one step. Those of payments without an outcome wait for it.
const REFUNDS_AT_A_TIME: u32 = 100;
/// How long a refund of a step may wait for its turn.
const REFUND_PATIENCE: Duration = Duration::from_secs(30);

/// The verdict of a person on a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewVerdict {
    /// The payment is fine.
    Approve,
    /// The payment is not.
    Reject {
        /// Whether the rest of it is given back.
        refund: bool,
    },
}

impl ReviewVerdict {
    fn outcome(self) -> (ReviewState, ReviewRefund, AuditAction) {
        match self {
            Self::Approve => (ReviewState::Approved, ReviewRefund::None, AuditAction::RiskReviewApprove),
            Self::Reject { refund: false } => {
                (ReviewState::Rejected, ReviewRefund::None, AuditAction::RiskReviewReject)
            }
            Self::Reject { refund: true } => {
                (ReviewState::Rejected, ReviewRefund::Wanted, AuditAction::RiskReviewReject)
            }
        }
    }
}

impl Risk {
    /// Lists the partner's reviews, the last opened first; in these states, if there are any.
    pub async fn list_reviews(
        &self,
        caller: &Caller,
        states: &[ReviewState],
        page: Page,
    ) -> Result<Paged<Review>, Error> {
        let tokens = self.page_tokens.of(caller, ("risk_reviews", states));
        let after = tokens.read_position(&page.token)?;
        let found = self.reviews(Some(&caller.partner_id), states, after, page.size + 1).await?;
        Ok(tokens.page_by_creation(found, page.size, |review| (review.opened_at, review.decision_id.as_str())))
    }

    /// The last opened reviews, at most `limit`: of one partner, if one is named.
    pub async fn reviews(
        &self,
        partner: Option<&PartnerId>,
        states: &[ReviewState],
        after: Option<ListPosition>,
        limit: u32,
    ) -> Result<Vec<Review>, Error> {
        Ok(self.store.read().await?.risk_reviews(partner, states, after, limit).await?)
    }

    /// Decides a review: of one partner, if one is named. The same verdict again changes nothing; another one is refused. A refund
    /// is made by [`Self::refund_rejected`].
    pub async fn decide_review(
        &self,
        partner: Option<&PartnerId>,
        id: &RiskDecisionId,
        verdict: ReviewVerdict,
        note: &Note,
    ) -> Result<Review, Error> {
        let (state, refund, action) = verdict.outcome();
        let review = self.review(partner, id).await?;
        if review.state == ReviewState::Open {
            let decided = Review {
                state,
                decided_at: Some(self.now()),
                decided_by: note.by.to_string(),
                note: note.reason.clone(),
                refund,
                ..review.clone()
            };
            let audited = self
                .audited(note, action, ("risk_decision", id.as_str()))
                .from(&json!({"state": review.state.as_str()}))
                .to(&json!({"state": state.as_str(), "refund": refund.as_str()}));
            let audited = Change::AuditEntry(Box::new(audited));
            let changes = [Change::RiskReviewDecision(Box::new(decided.clone())), audited];
            if self.store.commit_once(&changes.into_iter().collect()).await? {
                return Ok(decided);
            }
        }
        let review = self.review(partner, id).await?;
        let is_same = review.state == state && (refund == ReviewRefund::None) == (review.refund == ReviewRefund::None);
        if is_same {
            return Ok(review);
        }
        let message = format!("the review was {} already", review.state.as_str());
        Err(Error::new(Reason::ReviewDecided, message).with("state", review.state.as_str()))
    }

    /// The review of a decision: of one partner, if one is named.
    pub async fn review(&self, partner: Option<&PartnerId>, id: &RiskDecisionId) -> Result<Review, Error> {
        let found = self.store.read().await?.risk_review(id).await?;
        let is_theirs = |review: &Review| partner.is_none_or(|partner| review.partner_id == *partner);
        found.filter(is_theirs).ok_or_else(|| Error::not_found("review", id.as_str()))
    }

    /// Gives back the payments of rejected reviews for which that was asked, a few in a step. Returns how many were done with.
    pub async fn refund_rejected(&self, payments: &Arc<Payments>) -> Result<usize, Error> {
        let wanted = self.store.read().await?.risk_reviews_to_refund(REFUNDS_AT_A_TIME).await?;
        let mut done = 0;
        for review in wanted {
            done += usize::from(self.refund(payments, review).await?);
        }
        Ok(done)
    }

    /// Gives back the payment of one review, if that can be done at once. Returns the review as it is then.
    pub async fn refund_now(&self, payments: &Arc<Payments>, review: Review) -> Result<Review, Error> {
        let id = review.decision_id.clone();
        if review.refund == ReviewRefund::Wanted {
            self.refund(payments, review).await?;
        }
        self.review(None, &id).await
    }

    /// Gives back the rest of one payment. Repeated, by whichever gateway, it is the same refund: its idempotency key and its
    /// reference are the decision's. `false`: it is tried again later.
    async fn refund(&self, payments: &Arc<Payments>, review: Review) -> Result<bool, Error> {
        let Some(payment_intent_id) = review.payment_intent_id.clone() else {
            return self.note_refund(review, ReviewRefund::Refused, None).await;
        };
        let created = self.create_refund(payments, &review, payment_intent_id).await;
        match created {
            Ok(refund_id) => self.note_refund(review, ReviewRefund::Created, Some(refund_id)).await,
            Err(error) if is_final(&error) => {
                tracing::warn!(review = %review.decision_id, %error, "a rejected payment could not be refunded");
                self.note_refund(review, ReviewRefund::Refused, None).await
            }
            Err(error) => {
                tracing::info!(review = %review.decision_id, %error, "the refund of a rejected payment is tried again");
                Ok(false)
            }
        }
    }

    async fn create_refund(
        &self,
        payments: &Arc<Payments>,
        review: &Review,
        payment_intent_id: PaymentIntentId,
    ) -> Result<RefundId, Error> {
        let key = format!("risk-review-{}", review.decision_id);
        let idempotency = payments.idempotency(&review.partner_id, &key, "risk/RejectReview", key.as_bytes());
        let caller = Caller {
            partner_id: review.partner_id.clone(),
            key_id: review.decided_by.clone(),
            request_id: key.clone(),
            deadline: Instant::now() + REFUND_PATIENCE,
            idempotency: Some(idempotency),
        };
        let details = RefundDetails { reason: "rejected by a review".to_owned(), ..RefundDetails::default() };
        let input = CreateRefund { payment_intent_id, amount: None, reference_id: Some(key), details };
        match payments.create_refund(caller, input).await {
            Ok(answer) => Ok(answer.resource.id),
            Err(error) if error.reason == Reason::ReferenceIdTaken => {
                let made = error.metadata.get("resource_id").and_then(|id| RefundId::parse(id));
                made.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes what came of a refund; another gateway may have done so.
    async fn note_refund(
        &self,
        review: Review,
        refund: ReviewRefund,
        refund_id: Option<RefundId>,
    ) -> Result<bool, Error> {
        let review = Review { refund, refund_id, ..review };
        let audited = review.refund_id.as_ref().map(|refund_id| {
            let note = Note { by: Actor::read(&review.decided_by), reason: review.note.clone() };
            let payment = review.payment_intent_id.as_ref().map(PaymentIntentId::as_str);
            let of = json!({"payment_intent": payment, "review": review.decision_id.as_str()});
            self.audited(&note, AuditAction::RefundCreate, ("refund", refund_id.as_str())).to(&of)
        });
        let audited = audited.map(|entry| Change::AuditEntry(Box::new(entry)));
        let noted = Change::RiskReviewRefund(Box::new(review));
        self.store.commit_once(&[noted].into_iter().chain(audited).collect()).await?;
        Ok(true)
    }
}

/// Whether a refund that was refused so would be refused again. Of a payment whose outcome is not known yet it would not.
fn is_final(error: &Error) -> bool {
    let has_no_outcome = || {
        let state = error.metadata.get("state").and_then(|state| PaymentIntentState::parse(state));
        matches!(state, Some(PaymentIntentState::Processing | PaymentIntentState::RequiresAction))
    };
    match error.reason {
        Reason::PaymentNotRefundable => !has_no_outcome(),
        Reason::RefundExceedsPayment | Reason::UpstreamRejected | Reason::ResourceNotFound => true,
        _ => false,
    }
}
