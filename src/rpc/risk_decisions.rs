//! Decisions of risk on the wire, and backtests.

use std::time::Duration;

use crate::{
    app::{
        paging::Page,
        risk::{backtest::BacktestRange, decisions::Explanation},
    },
    domain::{
        clock::Timestamp,
        ids::PartnerId,
        list_filters::RiskDecisionFilter,
        money::{Currency, Money},
        risk::{
            action::{Action, Mode},
            backtest::{Backtest, RuleTally, Sum, Tallies, Tally},
            decision::{RiskDecision, RuleOutcome, RuleResult, Step},
        },
    },
    pb,
};

use super::{fields::Fields, risk_rules, timestamps};

/// The most decisions that a call tries rules on.
const MOST_DECISIONS: i32 = 100_000;
/// How many where the caller names none.
const USUAL_DECISIONS: i32 = 10_000;
/// How far a backtest goes back where the caller does not say.
const USUAL_RANGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Reads ListDecisions.
pub(super) fn list(fields: &mut Fields, message: pb::ListDecisionsRequest) -> Option<(RiskDecisionFilter, Page)> {
    let payment_intent_id = fields.optional_payment_intent_id("payment_intent_id", &message.payment_intent_id);
    let action = Action::ALL.iter().copied().find(|action| i32::from(pb::RiskAction::from(*action)) == message.action);
    if action.is_none() && message.action != 0 {
        fields.refuse("action", "must be one of the values of RiskAction");
    }
    Some((RiskDecisionFilter { action, payment_intent_id }, fields.page(message.page_size, message.page_token)))
}

/// Reads BacktestRules, of which the partner is known later.
pub(super) fn backtest(
    fields: &mut Fields,
    message: pb::BacktestRulesRequest,
    now: Timestamp,
) -> Option<(String, BacktestRange)> {
    let source = risk_rules::source(fields, message.source);
    let since = timestamps::bound(fields, "decided_from", message.decided_from);
    let most: u32 = match message.max_decisions {
        0 => USUAL_DECISIONS.unsigned_abs(),
        most => fields.number("max_decisions", most, 1..=MOST_DECISIONS),
    };
    let since = since.unwrap_or_else(|| now.before(USUAL_RANGE));
    Some((source, BacktestRange { partner: None, since, most: most.into() }))
}

/// The range within the decisions about a partner's attempts.
pub(super) fn of_partner(range: BacktestRange, partner: PartnerId) -> BacktestRange {
    BacktestRange { partner: Some(partner), ..range }
}

impl From<Action> for pb::RiskAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow => Self::Allow,
            Action::Review => Self::Review,
            Action::Request3ds => Self::RequestThreeDSecure,
            Action::Block => Self::Block,
        }
    }
}

impl From<Step> for pb::RiskDecisionStep {
    fn from(step: Step) -> Self {
        match step {
            Step::HardList => Self::HardList,
            Step::Guard => Self::Guard,
            Step::AllowRule => Self::AllowRule,
            Step::BlockRule => Self::BlockRule,
            Step::Request3dsRule => Self::RequestThreeDSecureRule,
            Step::ReviewRule => Self::ReviewRule,
            Step::OnError => Self::OnError,
            Step::Default => Self::Default,
        }
    }
}

impl From<RiskDecision> for pb::RiskDecision {
    fn from(decision: RiskDecision) -> Self {
        let inputs = decision.inputs;
        Self {
            id: decision.id.to_string(),
            payment_intent_id: inputs.payment_intent_id.map(|id| id.to_string()).unwrap_or_default(),
            customer_id: inputs.customer.map(|customer| customer.id.to_string()).unwrap_or_default(),
            operation_id: decision.operation_id.to_string(),
            action: pb::RiskAction::from(decision.action).into(),
            step: pb::RiskDecisionStep::from(decision.step).into(),
            decided_by: decision.decided_by,
            rules_version: decision.rules_version,
            amount: inputs.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            currency: inputs.amount.map(|amount| amount.currency.code().to_owned()).unwrap_or_default(),
            sandbox: inputs.is_sandbox,
            decided_at: Some(timestamps::wire(decision.decided_at)),
        }
    }
}

impl From<Explanation> for pb::RiskExplanation {
    fn from(Explanation { decision, facts, outcomes }: Explanation) -> Self {
        let fact = |(name, value)| pb::RiskFact { name, value };
        let velocity = |(name, value): (&str, i64)| pb::RiskFact { name: name.to_owned(), value: value.to_string() };
        let took = Duration::from_micros(decision.took_micros.max(0).unsigned_abs());
        Self {
            results: decision.results.iter().cloned().map(Into::into).collect(),
            facts: facts.into_iter().map(fact).collect(),
            velocities: decision.velocities.iter().map(velocity).collect(),
            outcomes: outcomes.iter().map(|outcome| outcome.as_str().to_owned()).collect(),
            took: prost_types::Duration::try_from(took).ok(),
            decision: Some(decision.into()),
        }
    }
}

impl From<RuleResult> for pb::RiskRuleResult {
    fn from(result: RuleResult) -> Self {
        let (matched, error) = match result.outcome {
            RuleOutcome::Match => (true, String::new()),
            RuleOutcome::NoMatch => (false, String::new()),
            RuleOutcome::Error(error) => (false, error),
        };
        Self {
            name: result.name,
            step: pb::RiskDecisionStep::from(result.step).into(),
            action: pb::RiskAction::from(result.action).into(),
            shadow: result.mode == Mode::Shadow,
            matched,
            error,
        }
    }
}

impl From<Backtest> for pb::RiskBacktest {
    fn from(backtest: Backtest) -> Self {
        let rule = |(name, tally): (String, RuleTally)| pb::RiskBacktestRule {
            name,
            match_count: count(tally.matches),
            error_count: count(tally.errors),
        };
        Self {
            decision_count: count(backtest.decisions),
            first_decided_at: backtest.range.map(|(first, _)| timestamps::wire(first)),
            last_decided_at: backtest.range.map(|(_, last)| timestamps::wire(last)),
            truncated: backtest.is_cut,
            tested: rows(&backtest.tested),
            in_force: rows(&backtest.live),
            rules: backtest.rules.into_iter().map(rule).collect(),
        }
    }
}

fn rows(tallies: &Tallies) -> Vec<pb::RiskBacktestRow> {
    let row = |((action, code), tally): (&(Action, &'static str), &Tally)| pb::RiskBacktestRow {
        action: pb::RiskAction::from(*action).into(),
        currency: (*code).to_owned(),
        count: count(tally.all.count),
        amount: amount(tally.all, code),
        paid_count: count(tally.paid.count),
        paid_amount: amount(tally.paid, code),
        charged_back_count: count(tally.charged_back.count),
        charged_back_amount: amount(tally.charged_back, code),
    };
    tallies.iter().map(row).collect()
}

fn amount(sum: Sum, code: &str) -> String {
    Currency::parse_existing(code).map(|currency| Money::new(sum.amount, currency).to_string()).unwrap_or_default()
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
