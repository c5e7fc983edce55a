//! Rule files, good and bad.

use std::time::{Duration, Instant};

use super::*;
use crate::domain::risk::{
    action::{Action, Mode},
    decide::decide,
    decision::{RuleOutcome, Step},
    samples::Sample,
};

fn compile(text: &str) -> Result<RuleSet, Vec<RuleFault>> {
    RuleSet::compile(text, &Sample::whole().lists)
}

fn faults(text: &str) -> Vec<String> {
    compile(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

const SHOP: &str = r#"
name = "shop"
on_error = "review"
request_3ds_fallback = "block"

[[rules]]
name = "new_customers_with_much"
description = "New customers who spend much are looked at"
action = "review"
mode = "live"
condition = "has(customer.id) && customer.age_days < 7 && has(payment.base_amount) && payment.base_amount > base_money('100')"

[[rules]]
name = "far_from_home"
action = "block"
mode = "shadow"
priority = 5
condition = '''
has(card.country) && has(ip.country)
  && card.country != ip.country
'''

[[rules]]
name = "attempts_of_one_address"
action = "block"
mode = "live"
priority = 1
condition = "has(ip.subject) && velocity('ip', '1h', 'attempts') > 100"

[[rules]]
name = "our_friends"
action = "allow"
mode = "live"
condition = "has(customer.id) && in_list('vips', customer.id)"

[[rules]]
name = "cannot_be_calculated"
action = "request_3ds"
mode = "live"
condition = "1 / (payment.attempt - 2) > 0"
"#;

#[test]
fn rules_are_evaluated_by_step_and_priority() {
    let set = compile(SHOP).unwrap();
    assert_eq!((set.name.as_str(), set.on_error, set.request_3ds_fallback), ("shop", Action::Review, Action::Block));
    let results: Vec<_> = set
        .evaluate(&Sample::whole().facts())
        .into_iter()
        .map(|result| (result.name, result.step, result.mode, result.outcome))
        .collect();
    let failure = RuleOutcome::Error("a number was divided by zero".to_owned());
    let expected = [
        ("our_friends", Step::AllowRule, Mode::Live, RuleOutcome::Match),
        ("attempts_of_one_address", Step::BlockRule, Mode::Live, RuleOutcome::NoMatch),
        ("far_from_home", Step::BlockRule, Mode::Shadow, RuleOutcome::Match),
        ("cannot_be_calculated", Step::Request3dsRule, Mode::Live, failure),
        ("new_customers_with_much", Step::ReviewRule, Mode::Live, RuleOutcome::Match),
    ];
    assert_eq!(results, expected.map(|(name, step, mode, outcome)| (name.to_owned(), step, mode, outcome)));
}

#[test]
fn a_set_may_be_without_rules() {
    let set = compile("name = 'none'\non_error = 'allow'").unwrap();
    assert!(set.rules.is_empty());
    assert_eq!(set.request_3ds_fallback, Action::Review);
}

#[test]
fn all_faults_of_a_file_are_told_at_once_with_their_places() {
    let text = r#"
name = ""
on_eror = "review"
[[rules]]
name = "a"
action = "deny"
mode = "live"
priority = 1001
condition = '''
payment.attempt > 1
  && card.contry == 'DE'
'''
[[rules]]
name = "a"
action = "block"
mode = true
condition = "payment.attempt > \"x\""
[[rules]]
name = "Not a name"
condition = 'true &'
"#;
    insta::assert_snapshot!(faults(text).join("\n"), @r#"
    line 1, column 1: `on_error` is missing
    line 2, column 8: this must be 1 to 64 characters on one line
    line 3, column 1: `on_eror` is unknown; there are name, on_error, request_3ds_fallback, rules
    line 6, column 10: rule `a`: this must be one of "allow", "review", "request_3ds", "block"
    line 8, column 12: rule `a`: a priority must be a whole number from 0 to 1000
    line 11, column 6: rule `a`: `card.contry` is unknown; `card.country` exists
    line 14, column 8: rule `a`: an earlier rule has this name
    line 16, column 8: rule `a`: this must be a text in quotes
    line 17, column 32: rule `a`: only numbers can be compared as more or less, and this is a text
    line 18, column 1: `action` is missing
    line 18, column 1: `mode` is missing
    line 19, column 8: a rule's name must be 1 to 64 of `a-z`, `0-9` and `_`
    line 20, column 19: this is not an expression: token recognition error at: '&'
    "#);
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_places() {
    insta::assert_snapshot!(faults("name = shop\non_error == 'allow'\n[[rules]\n").join("\n"), @r"
    line 1, column 8: this is not TOML: string values must be quoted, expected literal string
    line 2, column 11: this is not TOML: extra `=`, expected nothing
    line 2, column 13: this is not TOML: unexpected key or value, expected newline, `#`
    line 3, column 9: this is not TOML: unclosed array table, expected `]`
    ");
}

#[test]
fn a_file_is_bounded() {
    let rule = |number| format!("[[rules]]\nname = 'r{number}'\naction = 'block'\nmode = 'live'\ncondition = 'true'\n");
    let file = |rules: usize| format!("name = 'x'\non_error = 'allow'\n{}", (0..rules).map(rule).collect::<String>());
    assert_eq!(compile(&file(MOST_RULES)).unwrap().rules.len(), MOST_RULES);
    assert_eq!(faults(&file(MOST_RULES + 1)), ["line 3, column 1: there are 51 rules; 50 may be"]);
    assert_eq!(faults(&"#".repeat(MOST_FILE_BYTES + 1)).len(), 1);
    assert_eq!(faults(&"[[rules]]\nx = 1\n".repeat(MOST_RULES)).len(), MOST_FAULTS);
    assert!(!faults(&format!("name = {}", "[".repeat(MOST_FILE_BYTES - 10))).is_empty());
}

/// Fifty rules, each with ten velocities.
fn largest() -> String {
    let terms: Vec<_> = ["attempts", "declines", "distinct_cards"]
        .iter()
        .flat_map(|measure| {
            ["10m", "1h", "24h", "7d"].map(|window| format!("velocity('ip', '{window}', '{measure}') < 9"))
        })
        .take(10)
        .collect();
    let rule = |number| {
        format!(
            "[[rules]]\nname = 'r{number}'\naction = 'review'\nmode = 'live'\ncondition = \"has(ip.subject) && \
             has(card.country) && card.country in ['US', 'DE'] && has(payment.amount) && payment.amount > money('{number}') && {}\"\n",
            terms.join(" && ")
        )
    };
    format!("name = 'x'\non_error = 'allow'\n{}", (0..MOST_RULES).map(rule).collect::<String>())
}

/// `cargo test --release --lib -- --ignored --nocapture the_largest_set`
#[test]
#[ignore = "measures"]
fn the_largest_set_decides_within_a_millisecond() {
    const DECISIONS: usize = 10_000;
    let began = Instant::now();
    let set = compile(&largest()).unwrap();
    println!("compiled in {:?}", began.elapsed());
    let sample = Sample::whole();
    let facts = sample.facts();
    let decision = |_| {
        let began = Instant::now();
        let verdict = decide(Some(&set), &facts, None, false);
        assert_eq!((verdict.action, verdict.results.len()), (Action::Review, MOST_RULES));
        began.elapsed()
    };
    let mut took: Vec<_> = (0..DECISIONS).map(decision).collect();
    took.sort();
    let (median, p99) = (took[DECISIONS / 2], took[DECISIONS / 100 * 99]);
    println!("a decision took {median:?} in the middle, and {p99:?} at p99");
    assert!(p99 <= Duration::from_millis(1), "{p99:?}");
}
