//! Backtests: rules that are tried on decisions that were made, beside the rules that are in force.

use std::collections::BTreeMap;

use super::{
    action::Action,
    decide::{CAN_REQUEST_3DS, Verdict, decide},
    decision::{RiskDecision, RuleOutcome, Step},
    facts::Facts,
    lists::{Lists, PayerIp},
    rule_set::RuleSet,
};
use crate::domain::{clock::Timestamp, money::Money};

/// The most decisions that a backtest looks at.
pub const MOST_DECISIONS: u64 = 1_000_000;

/// The outcome of an attempt, as far as a backtest tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// It was paid.
    pub is_paid: bool,
    /// Its payment was charged back, at least in part.
    pub is_charged_back: bool,
}

/// How many attempts, and over what amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Attempts.
    pub count: u64,
    /// The sum of their amounts in minor units; saturates.
    pub amount: i64,
}

/// Attempts with one fate, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub all: Sum,
    /// The ones that were paid.
    pub paid: Sum,
    /// The ones whose payment was charged back.
    pub charged_back: Sum,
}

/// Tallies by action and the code of the currency.
pub type Tallies = BTreeMap<(Action, &'static str), Tally>;

/// The matches of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Attempts that it applies to, whatever decided about them.
    pub matches: u64,
    /// Attempts for which it could not be evaluated.
    pub errors: u64,
}

/// The result of a backtest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backtest {
    /// Decisions that were looked at.
    pub decisions: u64,
    /// When the first and the last of them were made.
    pub range: Option<(Timestamp, Timestamp)>,
    /// Whether there were more than were looked at.
    pub is_cut: bool,
    /// The fates by the tested rules.
    pub tested: Tallies,
    /// The fates by the rules that are in force.
    pub live: Tallies,
    /// The tested rules, in their order.
    pub rules: Vec<(String, RuleTally)>,
}

/// The rules of a backtest.
pub struct Contest<'a> {
    /// The rules that are tested.
    pub tested: &'a RuleSet,
    /// The rules that are in force, once any were applied.
    pub live: Option<&'a RuleSet>,
    /// The lists as they are now.
    pub lists: &'a Lists,
}

impl Backtest {
    /// Of nothing yet.
    pub fn new(tested: &RuleSet) -> Self {
        let rules = tested.rules.iter().map(|rule| (rule.name.clone(), RuleTally::default())).collect();
        Self { rules, ..Self::default() }
    }

    /// Adds a decision about a payment. One about a card that was saved without a payment is none for rules, and passed over.
    pub fn add(&mut self, decision: &RiskDecision, outcome: Outcome, contest: &Contest<'_>) {
        let Some(amount) = decision.inputs.amount else { return };
        let at = decision.decided_at;
        self.decisions += 1;
        self.range = Some(self.range.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        let tested = again(decision, Some(contest.tested), contest.lists);
        for result in tested.results.iter().filter(|result| is_of_rule(result.step)) {
            let Some((_, tally)) = self.rules.iter_mut().find(|(name, _)| *name == result.name) else { continue };
            match result.outcome {
                RuleOutcome::Match => tally.matches += 1,
                RuleOutcome::Error(_) => tally.errors += 1,
                RuleOutcome::NoMatch => {}
            }
        }
        let live = again(decision, contest.live, contest.lists);
        count(&mut self.tested, tested.action, amount, outcome);
        count(&mut self.live, live.action, amount, outcome);
    }
}

/// Decides about the same attempt by other rules. The guard found then what it found; the lists are those of today, but for
/// networks, which had the payer's address then or had not.
fn again(decision: &RiskDecision, rules: Option<&RuleSet>, lists: &Lists) -> Verdict {
    let RiskDecision { inputs, velocities, ip_lists, results, .. } = decision;
    let facts = Facts { inputs, velocities, lists, ip: PayerIp::WasOn(ip_lists) };
    let guard = results.iter().find(|result| result.step == Step::Guard).map(|result| result.name.as_str());
    decide(rules, &facts, guard, CAN_REQUEST_3DS)
}

fn is_of_rule(step: Step) -> bool {
    matches!(step, Step::AllowRule | Step::BlockRule | Step::Request3dsRule | Step::ReviewRule)
}

fn count(tallies: &mut Tallies, action: Action, amount: Money, outcome: Outcome) {
    let tally = tallies.entry((action, amount.currency.code())).or_default();
    tally.all.add(amount);
    if outcome.is_paid {
        tally.paid.add(amount);
    }
    if outcome.is_charged_back {
        tally.charged_back.add(amount);
    }
}

impl Sum {
    fn add(&mut self, amount: Money) {
        self.count += 1;
        self.amount = self.amount.saturating_add(amount.minor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{Ids, OperationId, PaymentIntentId, RiskDecisionId},
        money::Currency,
        risk::{action::Mode, decision::RuleResult, samples::Sample},
    };

    const RULES: &str = r#"
        name = "tested"
        on_error = "review"
        request_3ds_fallback = "block"

        [[rules]]
        name = "large"
        action = "block"
        mode = "live"
        condition = "has(payment.amount) && payment.amount >= money('100.00')"

        [[rules]]
        name = "any"
        action = "review"
        mode = "shadow"
        condition = "payment.attempt >= 1"
    "#;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::parse("USD").unwrap())
    }

    fn decision(amount: Option<Money>, guard: Option<&str>) -> RiskDecision {
        let ids = Ids::system();
        let sample = Sample::whole();
        let mut inputs = sample.inputs.clone();
        inputs.payment_intent_id = Some(PaymentIntentId::generate(&ids));
        inputs.amount = amount;
        let found = guard.map(|name| RuleResult {
            name: name.to_owned(),
            step: Step::Guard,
            action: Action::Block,
            mode: Mode::Live,
            outcome: RuleOutcome::Match,
        });
        RiskDecision {
            id: RiskDecisionId::generate(&ids),
            operation_id: OperationId::generate(&ids),
            rules_version: 1,
            action: Action::Allow,
            step: Step::Default,
            decided_by: String::new(),
            results: found.into_iter().collect(),
            decided_at: inputs.at,
            inputs,
            velocities: sample.velocities.clone(),
            ip_lists: Vec::new(),
            took_micros: 9,
        }
    }

    #[test]
    fn what_rules_would_have_done_is_told_beside_those_in_force_with_what_came_of_it() {
        let lists = Lists::default();
        let tested = RuleSet::compile(RULES, &lists).unwrap();
        let live = RuleSet::compile(&RULES.replace("100.00", "300.00"), &lists).unwrap();
        let contest = Contest { tested: &tested, live: Some(&live), lists: &lists };
        let mut backtest = Backtest::new(&tested);
        let paid = Outcome { is_paid: true, is_charged_back: false };
        let fraud = Outcome { is_paid: true, is_charged_back: true };
        for (amount, outcome) in [(5_000, paid), (20_000, fraud), (25_000, paid), (40_000, Outcome::default())] {
            backtest.add(&decision(Some(usd(amount)), None), outcome, &contest);
        }
        backtest.add(&decision(None, None), paid, &contest);
        backtest.add(&decision(Some(usd(1)), Some("distinct_cards")), Outcome::default(), &contest);
        let usd = "USD";
        let sums = |tally: Tally| [tally.all, tally.paid, tally.charged_back].map(|sum| (sum.count, sum.amount));
        let of = |tallies: &Tallies, action| sums(tallies[&(action, usd)]);
        assert_eq!(backtest.decisions, 5, "a card that was saved without a payment is passed over");
        assert_eq!(of(&backtest.tested, Action::Block), [(4, 85_001), (2, 45_000), (1, 20_000)]);
        assert_eq!(of(&backtest.tested, Action::Allow), [(1, 5_000), (1, 5_000), (0, 0)]);
        assert_eq!(of(&backtest.live, Action::Block), [(2, 40_001), (0, 0), (0, 0)]);
        assert_eq!(of(&backtest.live, Action::Allow), [(3, 50_000), (3, 50_000), (1, 20_000)]);
        let matches: Vec<_> = backtest.rules.iter().map(|(name, tally)| (name.as_str(), tally.matches)).collect();
        assert_eq!(matches, [("large", 3), ("any", 5)]);
    }

    #[test]
    fn without_rules_in_force_lists_and_guard_are_what_is_compared_with() {
        let mut lists = Lists::default();
        lists.add("blocked_bins", &decision(None, None).inputs.card.unwrap().bin, None).unwrap();
        let tested = RuleSet::compile(RULES, &lists).unwrap();
        let mut backtest = Backtest::new(&tested);
        let contest = Contest { tested: &tested, live: None, lists: &lists };
        backtest.add(&decision(Some(usd(1)), None), Outcome::default(), &contest);
        assert_eq!(backtest.live, backtest.tested);
        assert_eq!(backtest.live.keys().map(|(action, _)| *action).collect::<Vec<_>>(), [Action::Block]);
    }
}
