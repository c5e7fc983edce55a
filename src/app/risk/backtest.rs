//! Backtests: rules that are tried on the decisions that were made.

use std::sync::Arc;

use super::{handle::Risk, rules::ApplyError};
use crate::{
    domain::{
        clock::Timestamp,
        ids::PartnerId,
        list_filters::RiskDecisionFilter,
        risk::{
            backtest::{Backtest, Contest, Outcome},
            decision::RiskDecision,
            outcome::OutcomeKind,
            policy::RiskPolicy,
            rule_set::RuleSet,
        },
    },
    error::{Error, Reason},
    store::{self, ListPosition},
};

/// Decisions that are read and tried at a time.
const PAGE: u32 = 500;

/// The decisions that rules are tried on.
#[derive(Clone, Debug)]
pub struct BacktestRange {
    /// Of one partner, newest first; `None`: of all, oldest first.
    pub partner: Option<PartnerId>,
    /// Only decisions that were made at this moment or later.
    pub since: Timestamp,
    /// How many at most.
    pub most: u64,
}

impl Risk {
    /// Tries rules on the decisions of a range, beside the rules that are in force.
    pub async fn backtest_rules(&self, source: String, range: &BacktestRange) -> Result<Backtest, ApplyError> {
        self.refresh_policy().await?;
        let tested = Arc::new(self.check_rules(source).await?);
        let policy = self.policies().current();
        let mut backtest = Backtest::new(&tested);
        let mut after: Option<ListPosition> = None;
        let mut looked_at = 0;
        loop {
            let page = self.decisions_of(range, after.take()).await?;
            let is_past = |decision: &RiskDecision| range.partner.is_some() && decision.decided_at < range.since;
            let has_more = page.len() == PAGE as usize && !page.last().is_some_and(is_past);
            let room = usize::try_from(range.most - looked_at).unwrap_or(usize::MAX);
            let is_cut = page.iter().take_while(|decision| !is_past(decision)).count() > room;
            backtest.is_cut = is_cut;
            after = page.last().map(|last| ListPosition { moment: last.decided_at, id: last.id.to_string() });
            looked_at += page.len().min(room) as u64;
            let tried: Vec<_> =
                page.into_iter().take(room).filter(|decision| decision.decided_at >= range.since).collect();
            let attempts = self.with_outcomes(tried).await?;
            backtest = run(backtest, attempts, tested.clone(), policy.clone()).await?;
            if is_cut || !has_more {
                return Ok(backtest);
            }
        }
    }

    async fn decisions_of(
        &self,
        BacktestRange { partner, since, .. }: &BacktestRange,
        after: Option<ListPosition>,
    ) -> Result<Vec<RiskDecision>, store::Error> {
        let mut session = self.store.read().await?;
        match partner {
            Some(partner) => session.risk_decisions(partner, &RiskDecisionFilter::default(), after, PAGE).await,
            None => session.risk_decisions_since(*since, after.map(|last| last.id), PAGE).await,
        }
    }

    async fn with_outcomes(&self, decisions: Vec<RiskDecision>) -> Result<Vec<(RiskDecision, Outcome)>, store::Error> {
        let ids: Vec<_> = decisions.iter().map(|decision| decision.id.clone()).collect();
        let outcomes = self.store.read().await?.risk_outcomes(&ids).await?;
        let outcome = |decision: &RiskDecision| {
            let has = |kind| outcomes.get(&decision.id).is_some_and(|known| known.contains(&kind));
            Outcome { is_paid: has(OutcomeKind::Succeeded), is_charged_back: has(OutcomeKind::ChargedBack) }
        };
        let with_outcome = |decision: RiskDecision| {
            let outcome = outcome(&decision);
            (decision, outcome)
        };
        Ok(decisions.into_iter().map(with_outcome).collect())
    }
}

/// Tries the rules on a thread of their own: calls would wait for it.
async fn run(
    mut backtest: Backtest,
    attempts: Vec<(RiskDecision, Outcome)>,
    tested: Arc<RuleSet>,
    policy: Arc<RiskPolicy>,
) -> Result<Backtest, Error> {
    let tried = tokio::task::spawn_blocking(move || {
        let contest = Contest { tested: &tested, live: policy.rules.as_ref(), lists: &policy.lists };
        for (decision, outcome) in &attempts {
            backtest.add(decision, *outcome, &contest);
        }
        backtest
    });
    tried.await.map_err(|panic| Error::new(Reason::Internal, "the rules could not be tried").because(panic))
}
