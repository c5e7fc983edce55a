//! The order of lists, guard and rules, by table and by chance.

use proptest::prelude::*;

use super::*;
use crate::domain::risk::{condition::Condition, lists::HARD_LISTS, rule_set::Rule, samples::Sample};

/// The outcome that a rule always has.
const MATCHES: &str = "true";
const DOES_NOT: &str = "false";
const FAILS: &str = "1 / (payment.attempt - 2) > 0";

fn rule(name: &str, action: Action, mode: Mode, condition: &str) -> Rule {
    let condition = Condition::compile(condition, &Sample::whole().lists).unwrap();
    Rule { name: name.to_owned(), description: String::new(), action, mode, priority: 0, condition }
}

fn set(on_error: Action, fallback: Action, mut rules: Vec<Rule>) -> RuleSet {
    rules.sort_by_key(Rule::step);
    RuleSet { name: "test".to_owned(), on_error, request_3ds_fallback: fallback, rules }
}

/// Live rules, each named after its action and condition.
fn live(on_error: Action, fallback: Action, rules: &[(Action, &str)]) -> RuleSet {
    let named = |(action, condition): &(Action, &str)| rule(action.as_str(), *action, Mode::Live, condition);
    set(on_error, fallback, rules.iter().map(named).collect())
}

fn outcome(verdict: Verdict) -> (Action, Step, String) {
    (verdict.action, verdict.step, verdict.decided_by)
}

use Action::{Allow, Block, Request3ds, Review};

#[test]
fn rules_decide_in_their_order() {
    let sample = Sample::whole();
    for (rules, can_request_3ds, action, step) in [
        (&[][..], true, Allow, Step::Default),
        (
            &[(Allow, DOES_NOT), (Block, DOES_NOT), (Request3ds, DOES_NOT), (Review, DOES_NOT)],
            true,
            Allow,
            Step::Default,
        ),
        (&[(Review, MATCHES)], true, Review, Step::ReviewRule),
        (&[(Review, MATCHES), (Request3ds, MATCHES)], true, Request3ds, Step::Request3dsRule),
        (&[(Review, MATCHES), (Request3ds, MATCHES), (Block, MATCHES)], true, Block, Step::BlockRule),
        (&[(Review, MATCHES), (Block, MATCHES), (Allow, MATCHES)], true, Allow, Step::AllowRule),
        // An allowing rule does not spare the payer the authentication, but what stands in for it.
        (&[(Request3ds, MATCHES), (Allow, MATCHES)], true, Request3ds, Step::Request3dsRule),
        (&[(Request3ds, MATCHES), (Allow, MATCHES)], false, Allow, Step::AllowRule),
        (&[(Request3ds, MATCHES), (Review, MATCHES)], false, Block, Step::Request3dsRule),
    ] {
        let set = live(Allow, Block, rules);
        let verdict = decide(Some(&set), &sample.facts(), None, can_request_3ds);
        assert_eq!((verdict.action, verdict.step), (action, step), "{rules:?}");
        assert_eq!(verdict.results.len(), rules.len(), "every rule has its result");
    }
}

#[test]
fn an_authentication_of_the_callers_is_what_a_rule_asks_for() {
    let mut sample = Sample::whole();
    sample.inputs.is_authenticated = true;
    for can_request_3ds in [true, false] {
        let asking = live(Allow, Block, &[(Request3ds, MATCHES)]);
        let verdict = decide(Some(&asking), &sample.facts(), None, can_request_3ds);
        assert_eq!(outcome(verdict), (Allow, Step::Default, String::new()));
        let reviewing = live(Allow, Block, &[(Request3ds, MATCHES), (Review, MATCHES)]);
        let verdict = decide(Some(&reviewing), &sample.facts(), None, can_request_3ds);
        assert_eq!(outcome(verdict), (Review, Step::ReviewRule, "review".to_owned()));
    }
}

#[test]
fn a_rule_that_fails_leads_to_what_the_set_says() {
    let sample = Sample::whole();
    for (on_error, rules, action, step) in [
        (Allow, &[(Block, FAILS)][..], Allow, Step::Default),
        (Review, &[(Block, FAILS)], Review, Step::OnError),
        (Block, &[(Review, FAILS)], Block, Step::OnError),
        (Review, &[(Block, FAILS), (Review, MATCHES)], Review, Step::OnError),
        (Review, &[(Review, FAILS), (Request3ds, MATCHES)], Request3ds, Step::Request3dsRule),
        (Block, &[(Review, FAILS), (Request3ds, MATCHES)], Block, Step::OnError),
        (Review, &[(Review, FAILS), (Block, MATCHES)], Block, Step::BlockRule),
        (Block, &[(Allow, FAILS)], Block, Step::OnError),
        (Block, &[(Block, FAILS), (Allow, MATCHES)], Allow, Step::AllowRule),
        (Allow, &[(Block, FAILS), (Review, MATCHES)], Review, Step::ReviewRule),
    ] {
        let set = live(on_error, Review, rules);
        let verdict = decide(Some(&set), &sample.facts(), None, true);
        assert_eq!((verdict.action, verdict.step), (action, step), "{on_error:?} {rules:?}");
    }
}

#[test]
fn the_guard_blocks_before_any_rule_and_after_the_hard_lists() {
    let mut sample = Sample::whole();
    let allowing = live(Allow, Review, &[(Allow, MATCHES)]);
    for rules in [None, Some(&allowing)] {
        let verdict = decide(rules, &sample.facts(), Some("distinct_cards"), true);
        assert_eq!(outcome(verdict), (Block, Step::Guard, "distinct_cards".to_owned()));
    }
    sample.lists.add("blocked_countries", "DE", None).unwrap();
    let verdict = decide(Some(&allowing), &sample.facts(), Some("distinct_cards"), true);
    let found: Vec<_> = verdict.results.iter().map(|result| result.step).collect();
    assert_eq!(found, [Step::HardList, Step::Guard, Step::AllowRule]);
    assert_eq!(outcome(verdict), (Block, Step::HardList, "blocked_countries".to_owned()));
}

#[test]
fn without_a_rule_set_everything_else_is_allowed() {
    let verdict = decide(None, &Sample::whole().facts(), None, false);
    assert_eq!(outcome(verdict), (Allow, Step::Default, String::new()));
    assert_eq!(decide(None, &Sample::bare().facts(), None, false).results, []);
}

fn any_rules(mode: impl Strategy<Value = Mode> + Clone) -> impl Strategy<Value = Vec<Rule>> {
    let condition = prop::sample::select(vec![MATCHES, DOES_NOT, FAILS]);
    let one = (prop::sample::select(Action::ALL), mode, condition);
    prop::collection::vec(one, 0..6).prop_map(|rules| {
        let rules = rules.into_iter().enumerate();
        rules.map(|(n, (action, mode, condition))| rule(&format!("r{n}"), action, mode, condition)).collect()
    })
}

fn any_set() -> impl Strategy<Value = RuleSet> {
    let on_error = prop::sample::select(vec![Allow, Review, Block]);
    let fallback = prop::sample::select(vec![Review, Block]);
    let rules = any_rules(prop::sample::select(Mode::ALL));
    (on_error, fallback, rules).prop_map(|(on_error, fallback, rules)| set(on_error, fallback, rules))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_in_shadow_never_changes_an_outcome(
        set in any_set(), shadows in any_rules(Just(Mode::Shadow)), is_authenticated: bool, can_request_3ds: bool,
        guard in prop::option::of(Just("distinct_cards")),
    ) {
        let mut sample = Sample::whole();
        sample.inputs.is_authenticated = is_authenticated;
        let without = decide(Some(&set), &sample.facts(), guard, can_request_3ds);
        let mut with = set.clone();
        with.rules.extend(shadows);
        with.rules.sort_by_key(Rule::step);
        let shadowed = decide(Some(&with), &sample.facts(), guard, can_request_3ds);
        prop_assert_eq!(outcome(without), outcome(shadowed));
    }

    #[test]
    fn no_rule_set_overrides_a_hard_list_or_the_guard(
        set in any_set(), is_authenticated: bool, can_request_3ds: bool, list in prop::sample::select(&HARD_LISTS[..]),
        has_list: bool,
    ) {
        let mut sample = Sample::whole();
        sample.inputs.is_authenticated = is_authenticated;
        let card = sample.inputs.card.clone().unwrap();
        let value = match list.0 {
            "blocked_cards" => card.subject.unwrap().to_string(),
            "blocked_bins" => card.bin,
            "blocked_emails" => sample.inputs.email.clone().unwrap().subject.to_string(),
            "blocked_domains" => "example.com".to_owned(),
            "blocked_ips" => "203.0.113.0/24".to_owned(),
            "blocked_countries" => "US".to_owned(),
            _ => sample.inputs.customer.clone().unwrap().id.to_string(),
        };
        let (step, by) = if has_list { (Step::HardList, list.0) } else { (Step::Guard, "ip_declines") };
        if has_list {
            sample.lists.add(list.0, &value, None).unwrap();
        }
        let guard = (!has_list).then_some("ip_declines");
        let verdict = decide(Some(&set), &sample.facts(), guard, can_request_3ds);
        prop_assert_eq!(outcome(verdict), (Block, step, by.to_owned()));
    }
}
