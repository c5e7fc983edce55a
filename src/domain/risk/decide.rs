//! Decisions: lists, guard and rules in their order, and the first that decides. Pure.

use super::{
    action::{Action, Mode},
    decision::{RuleOutcome, RuleResult, Step},
    facts::Facts,
    rule_set::RuleSet,
};

/// Whether Corefy can be asked to authenticate the payer: neither of its APIs has a field for it, so that a rule which asks for it
/// does what its set says instead.
pub const CAN_REQUEST_3DS: bool = false;

/// A decision before it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The action that is taken on the attempt.
    pub action: Action,
    /// The step that decided.
    pub step: Step,
    /// The list, guard or rule that decided; empty by default.
    pub decided_by: String,
    /// The hard list and the guard that found something, then the results of all rules, in order.
    pub results: Vec<RuleResult>,
}

/// Decides about an attempt. `rules` is the set in force, if one was applied; `guard` is the name of the guard that found
/// something; `can_request_3ds` tells whether the connection can ask for 3-D Secure.
///
/// A hard list blocks, then the guard. A rule that allows skips the rules that block and review, but not those that ask for
/// 3-D Secure, unless the connection cannot ask. A caller that brought an authentication has done what these ask for. Rules in
/// shadow are evaluated and decide nothing. A rule that fails leads to what the set says of failures, where nothing stricter
/// applies and no rule allows.
pub fn decide(rules: Option<&RuleSet>, facts: &Facts<'_>, guard: Option<&str>, can_request_3ds: bool) -> Verdict {
    let hard_list = facts.lists.hard_hit(facts.inputs, facts.ip);
    let before_rules = [(Step::HardList, hard_list), (Step::Guard, guard)];
    let before_rules = before_rules.into_iter().filter_map(|(step, name)| name.map(|name| blocking(step, name)));
    let mut results: Vec<_> = before_rules.collect();
    let first = results.first().map(|result| Decided { action: Action::Block, step: result.step, by: &result.name });
    let of_rules = rules.map(|rules| rules.evaluate(facts)).unwrap_or_default();
    let decided = first.or_else(|| by_rules(rules?, &of_rules, facts.inputs.is_authenticated, can_request_3ds));
    let Decided { action, step, by } =
        decided.unwrap_or(Decided { action: Action::Allow, step: Step::Default, by: "" });
    let decided_by = by.to_owned();
    results.extend(of_rules);
    Verdict { action, step, decided_by, results }
}

/// The hard list or the guard that found something.
fn blocking(step: Step, name: &str) -> RuleResult {
    let (action, mode, outcome) = (Action::Block, Mode::Live, RuleOutcome::Match);
    RuleResult { name: name.to_owned(), step, action, mode, outcome }
}

struct Decided<'a> {
    action: Action,
    step: Step,
    by: &'a str,
}

fn by_rules<'a>(
    set: &RuleSet,
    results: &'a [RuleResult],
    is_authenticated: bool,
    can_request_3ds: bool,
) -> Option<Decided<'a>> {
    let live = || results.iter().filter(|result| result.mode == Mode::Live);
    let matching = |action| live().find(|result| result.action == action && result.outcome == RuleOutcome::Match);
    let rule = |action, result: &'a RuleResult| Decided { action, step: result.step, by: &result.name };
    let failed = |on_error| {
        let mut failed = live().filter(|result| matches!(result.outcome, RuleOutcome::Error(_)));
        let first = failed.find(|_| set.on_error == on_error)?;
        Some(Decided { action: on_error, step: Step::OnError, by: &first.name })
    };
    let allowing = matching(Action::Allow);
    let blocking = || matching(Action::Block).map(|result| rule(Action::Block, result));
    let authenticating = || {
        let asking = matching(Action::Request3ds).filter(|_| !is_authenticated)?;
        match (can_request_3ds, allowing) {
            (true, _) => Some(rule(Action::Request3ds, asking)),
            (false, None) => Some(rule(set.request_3ds_fallback, asking)),
            (false, Some(_)) => None,
        }
    };
    if let Some(allowing) = allowing {
        return authenticating().or(Some(rule(Action::Allow, allowing)));
    }
    blocking()
        .or_else(|| failed(Action::Block))
        .or_else(authenticating)
        .or_else(|| failed(Action::Review))
        .or_else(|| matching(Action::Review).map(|result| rule(Action::Review, result)))
}

#[cfg(test)]
mod tests;
