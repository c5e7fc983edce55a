//! Decisions: listed, and explained with all that they looked at.

use super::handle::Risk;
use crate::{
    app::{
        call::Caller,
        paging::{Page, Paged},
    },
    domain::{
        ids::{PartnerId, PaymentIntentId, RiskDecisionId},
        list_filters::RiskDecisionFilter,
        risk::{
            decision::RiskDecision,
            explanation::{NamedFact, facts_of},
            outcome::OutcomeKind,
        },
    },
    error::Error,
};

/// The most decisions about one payment that are explained at once.
const MOST_OF_PAYMENT: u32 = 100;

/// A decision with all that is known of it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The decision.
    pub decision: RiskDecision,
    /// The facts that it looked at, by the names that conditions have for them.
    pub facts: Vec<NamedFact>,
    /// The outcomes of the attempt, as far as they are known and counted.
    pub outcomes: Vec<OutcomeKind>,
}

impl Risk {
    /// Lists the decisions about the partner's attempts, newest first.
    pub async fn list_decisions(
        &self,
        caller: &Caller,
        filter: RiskDecisionFilter,
        page: Page,
    ) -> Result<Paged<RiskDecision>, Error> {
        let tokens = self.page_tokens.of(caller, ("risk_decisions", &filter));
        let after = tokens.read_position(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.risk_decisions(&caller.partner_id, &filter, after, page.size + 1).await?;
        Ok(tokens.page_by_creation(found, page.size, |decision| (decision.decided_at, decision.id.as_str())))
    }

    /// Explains a decision: of one partner, if one is named.
    pub async fn explain_decision(
        &self,
        partner: Option<&PartnerId>,
        id: &RiskDecisionId,
    ) -> Result<Explanation, Error> {
        let mut session = self.store.read().await?;
        let found = session.risk_decision_any(id).await?;
        let is_theirs = |decision: &RiskDecision| partner.is_none_or(|partner| decision.inputs.partner_id == *partner);
        let decision = found.filter(is_theirs).ok_or_else(|| Error::not_found("risk_decision", id.as_str()))?;
        let mut outcomes = session.risk_outcomes(std::slice::from_ref(id)).await?;
        let (facts, outcomes) = (facts_of(&decision), outcomes.remove(id).unwrap_or_default());
        Ok(Explanation { decision, facts, outcomes })
    }

    /// Explains the latest decisions about the attempts to pay an intent, of whichever partner, newest first.
    pub async fn explain_payment(&self, id: &PaymentIntentId) -> Result<Vec<Explanation>, Error> {
        let mut session = self.store.read().await?;
        let intent = session.payment_intent_any(id).await?;
        let partner = intent.ok_or_else(|| Error::not_found("payment_intent", id.as_str()))?.partner_id.clone();
        let filter = RiskDecisionFilter { payment_intent_id: Some(id.clone()), ..RiskDecisionFilter::default() };
        let found = session.risk_decisions(&partner, &filter, None, MOST_OF_PAYMENT).await?;
        drop(session);
        let mut explained = Vec::with_capacity(found.len());
        for decision in found {
            explained.push(self.explain_decision(None, &decision.id).await?);
        }
        Ok(explained)
    }
}
