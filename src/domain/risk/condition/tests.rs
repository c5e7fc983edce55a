//! Conditions, by table.

use std::{env, process::Command};

use super::{fault::LONGEST_MESSAGE, *};
use crate::domain::risk::samples::Sample;

/// The result for the whole sample, and for the bare one.
fn results(source: &str) -> (Result<bool, Failure>, Result<bool, Failure>) {
    let (whole, bare) = (Sample::whole(), Sample::bare());
    let condition = Condition::compile(source, &whole.lists).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    (condition.holds(&whole.facts()), condition.holds(&bare.facts()))
}

fn faults(source: &str) -> Vec<String> {
    match Condition::compile(source, &Sample::whole().lists) {
        Ok(condition) => panic!("{source}: {condition:?}"),
        Err(faults) => faults.into_iter().map(|fault| format!("{}: {}", fault.at, fault.message)).collect(),
    }
}

/// Conditions with their results for the whole sample and for the bare one.
#[rustfmt::skip]
pub(super) const HOLDING: &[(&str, bool, bool)] = &[
    ("true", true, true),
    ("!true", false, false),
    ("!!true", true, true),
    ("payment.attempt == 2", true, true),
    ("payment.attempt != 2", false, false),
    ("payment.attempt < 2 || payment.attempt >= 2 && payment.attempt <= 2", true, true),
    ("-payment.attempt == -2", true, true),
    ("payment.attempt * 2 + 1 == 5 && payment.attempt - 3 == -1", true, true),
    ("7 / payment.attempt == 3 && 7 % payment.attempt == 1", true, true),
    ("payment.is_sandbox == false", true, true),
    ("payment.is_sandbox ? false : payment.method_type == 'card'", true, true),
    ("has(payment.amount) && payment.amount > money('120')", true, false),
    ("has(payment.amount) && payment.amount > money('120.50')", false, false),
    ("has(payment.amount) && payment.amount == money('120.500')", true, false),
    ("has(payment.amount) && payment.currency in ['USD', 'EUR']", true, false),
    ("has(payment.amount) && payment.amount % money('100') == money('20.5')", true, false),
    ("has(payment.amount) && payment.amount / money('10') == 12", true, false),
    ("has(payment.base_amount) && payment.base_amount * 2 >= base_money('222')", true, false),
    (
        "has(payment.base_amount) && has(card.subject) && velocity('card', '24h', 'amount') + payment.base_amount > base_money('1011')",
        false,
        false,
    ),
    ("has(ip.subject) && velocity('ip', '1h', 'attempts') > 6", true, false),
    ("has(ip.subject) && velocity('ip', '10m', 'attempts') == 0", true, false),
    ("has(card.country) && card.brand == 'visa'", true, false),
    ("has(card.country) && card.country != 'DE'", true, false),
    ("!has(card.country) || card.country == 'DE'", false, true),
    (
        "has(card.country) && has(ip.country) && has(billing.country) && card.country in [ip.country, billing.country]",
        false,
        false,
    ),
    ("has(ip.country) && has(billing.country) && ip.country == billing.country", true, false),
    ("has(card.bin) ? card.bin.startsWith('4') : true", true, true),
    ("has(card.funding) && card.funding == 'credit'", true, false),
    ("has(card.issuer) && card.issuer.contains(\"'s B\")", true, false),
    ("has(card.issuer) && card.issuer.endsWith('Bank')", true, false),
    ("has(email.domain) && !email.is_disposable && email.domain == 'example.com'", true, false),
    ("has(ip.network) && ip.network == 'AS64496'", true, false),
    ("has(customer.id) && customer.age_days < 7 && customer.successes > customer.declines", true, false),
    ("has(customer.id) && in_list('vips', customer.id)", true, false),
    ("has(card.bin) && in_list('bad_bins', card.bin)", false, false),
    ("has(ip.subject) && in_list('offices', ip.subject)", true, false),
    ("has(metadata.order_kind) && metadata.order_kind == 'gift'", true, false),
    ("'note-1' in metadata && metadata['note-1'].size() == 5 && size(metadata['note-1']) == 5", true, false),
    ("time.hour == 19 && time.weekday == 4 && time.day == 26", true, true),
    ("payment.partner == 'acme' // of acme alone", true, true),
    ("(has(card.country) && card.country == 'US') == true", true, false),
    ("(has(card.country) && has(ip.country) ? card.country : 'FR') == 'US'", true, false),
];

#[test]
fn conditions_hold_as_they_read() {
    for (source, whole, bare) in HOLDING {
        assert_eq!(results(source), (Ok(*whole), Ok(*bare)), "{source}");
    }
}

/// Conditions that fail for the whole sample.
pub(super) const FAILING: &[&str] = &[
    "9223372036854775807 + payment.attempt > 0",
    "1 / (payment.attempt - 2) > 0 && payment.attempt == 2",
    "1 % (payment.attempt - 2) > 0 || payment.attempt == 1",
    "has(payment.amount) && payment.amount > money('1.001')",
    "payment.attempt in [2, 1 / (payment.attempt - 2)]",
    "(1 / (payment.attempt - 2) > 0) == true",
    "1 / (payment.attempt - 2) > 0 ? true : true",
    "-(-9223372036854775807 - 1 - (payment.attempt - 2)) > 0",
];

#[test]
fn what_fails_is_neither_true_nor_false() {
    for source in FAILING {
        let (whole, _) = results(source);
        assert!(whole.is_err(), "{source}: {whole:?}");
    }
}

#[test]
fn a_result_that_cannot_be_had_is_a_failure_and_never_false() {
    let too_precise = |amount: &str, currency| Err(Failure::NoSuchAmount { amount: amount.parse().unwrap(), currency });
    for (source, result) in [
        ("9223372036854775807 + payment.attempt > 0", Err(Failure::TooLarge)),
        ("-9223372036854775807 - payment.attempt < 0", Err(Failure::TooLarge)),
        ("9223372036854775807 * payment.attempt > 0", Err(Failure::TooLarge)),
        ("1 / (payment.attempt - 2) > 0", Err(Failure::DividedByZero)),
        ("1 % (payment.attempt - 2) > 0 || false", Err(Failure::DividedByZero)),
        ("has(payment.amount) && payment.amount > money('1.001')", too_precise("1.001", "USD")),
        ("has(payment.base_amount) && payment.base_amount > base_money('0.001')", too_precise("0.001", "EUR")),
        // An operand that does not matter for the result does not fail it, as in CEL everywhere.
        ("1 / (payment.attempt - 2) > 0 && false", Ok(false)),
        ("1 / (payment.attempt - 2) > 0 || true", Ok(true)),
    ] {
        assert_eq!(results(source).0, result, "{source}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let mut wrong = Vec::new();
    for (source, fault) in [
        ("", "0: the condition is empty"),
        ("payment.attempt", "0: this must be true or false, and is a whole number"),
        ("payment.atempt > 2", "0: `payment.atempt` is unknown; `payment.attempt` exists"),
        ("has(card.contry)", "4: `card.contry` is unknown; `card.country` exists"),
        ("1 == 1 && zebra", "10: `zebra` is unknown"),
        (
            "card == 'x'",
            "0: `card` has fields, one of which must be named: card.bin, card.brand, card.subject, card.country, card.funding, card.issuer",
        ),
        ("card.country == 'DE'", "0: `card.country` can be missing: write `has(card.country) &&` before it"),
        (
            "card.country == 'DE' && has(card.country)",
            "0: `card.country` can be missing: write `has(card.country) &&` before it",
        ),
        (
            "has(card.country) || card.country == 'DE'",
            "21: `card.country` can be missing: write `has(card.country) &&` before it",
        ),
        (
            "has(card.bin) && card.subject == 'card:1'",
            "17: `card.subject` can be missing: write `has(card.subject) &&` before it",
        ),
        ("metadata.kind == 'a'", "0: `kind` can be missing in the metadata: write `'kind' in metadata &&` before it"),
        ("metadata == 'a'", "0: `metadata` must be asked for a key, as `metadata.order_kind`"),
        ("has(metadata.a.b)", "4: `metadata.a.b` is unknown"),
        ("payment.attempt > 'x' && false", "18: only numbers can be compared as more or less, and this is a text"),
        (
            "payment.attempt > 2.0",
            "18: numbers with a fraction are not available; write amounts as `money('10.00')` or `base_money('10.00')`",
        ),
        ("payment.attempt > 2u", "18: write a whole number without `u`"),
        ("payment.partner == null", "19: `null` is not available; ask with `has(...)` what is there"),
        (
            "has(payment.amount) && payment.amount > 500",
            "23: these do not go together: an amount, as `money('10.00')`, and a whole number",
        ),
        (
            "has(payment.amount) && has(payment.base_amount) && payment.amount > base_money('5')",
            "51: these do not go together: an amount, as `money('10.00')`, and an amount in the base currency, as `base_money('10.00')`",
        ),
        (
            "has(payment.amount) && money('1e3') > money('0')",
            "29: this must be a decimal number of at most 12 digits, as `'500.00'`",
        ),
        (
            "payment.attempt > 1 && money('1') > money('0')",
            "23: its currency can be missing: write `has(payment.amount) &&` before it",
        ),
        (
            "velocity('ip', '1h', 'attempts') > 1",
            "0: a velocity of this kind can be missing: write `has(ip.subject) &&` before it",
        ),
        ("has(ip.subject) && velocity('ip', '2h', 'attempts') > 1", "34: this must be one of '10m', '1h', '24h', '7d'"),
        ("has(card.bin) && velocity('bin', '1h', 'distinct_cards') > 1", "17: distinct cards are not counted by BIN"),
        ("has(ip.subject) && velocity(ip.subject, '1h', 'attempts') > 1", "28: this must be a text in quotes"),
        (
            "has(ip.subject) && velocity('ip') > 1",
            "19: `velocity` must be called as `velocity('ip', '1h', 'attempts')`",
        ),
        ("has(customer.id) && in_list('vip', customer.id)", "28: there is no list `vip`"),
        (
            "has(card.bin) && in_list('vips', card.bin)",
            "33: the list `vips` is of the kind `customer`, and this is a BIN of six digits, as `'411111'`",
        ),
        ("in_list('vips', 'cus_1')", "16: the list `vips` is of the kind `customer`, and this is a text"),
        ("has(card.country) && card.country == 'de'", "21: `'de'` can never be a country, as `'DE'`"),
        ("has(card.country) && card.country in ['DE', 'de']", "44: `'de'` can never be a country, as `'DE'`"),
        (
            "has(card.funding) && card.funding == 'debt'",
            "21: `'debt'` can never be one of `'credit'`, `'debit'` and `'prepaid'`",
        ),
        (
            "has(card.country) && card.country == card.bin",
            "21: these are never equal: a country, as `'DE'`, and a BIN of six digits, as `'411111'`",
        ),
        (
            "payment.partner.matches('a+')",
            "0: `matches` is no function; there are has, velocity, in_list, money, base_money, startsWith, endsWith, contains, size",
        ),
        ("['a'].exists(x, x == 'a')", "12: `all`, `exists`, `exists_one`, `filter` and `map` are not available"),
        ("{'a': 1}.a == 1", "0: only names have fields, as `card.country`"),
        (
            "payment.partner in payment.method_type",
            "19: the right of `in` must be a list, as `['DE', 'FR']`, or `metadata`",
        ),
        ("['a'] == ['a']", "0: a list can stand on the right of `in` only"),
        ("payment['attempt'] > 1", "0: only `metadata` can be asked for a key, as `metadata['order_kind']`"),
        ("payment.is_sandbox ? 1 : 'a'", "0: both results must be of one type: a whole number and a text"),
        ("payment.attempt + 'a' == 'b'", "18: only numbers can be calculated with, and this is a text"),
        ("payment.attempt = 2", "16: this is not an expression: token recognition error at: '= '"),
        ("(payment.attempt == 2", "21: this is not an expression: missing ')' at '<EOF>'"),
    ] {
        let told = faults(source);
        if !told.contains(&fault.to_owned()) {
            wrong.push(format!("{source}: not `{fault}` but {told:#?}"));
        }
        assert!(told.iter().all(|fault| !fault.contains("Context")), "{told:#?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_faults_of_a_condition_are_told_at_once_in_order() {
    let told = faults("payment.atempt > 1 && zebra && (payment.partner == 1 || !payment.attempt)");
    let places: Vec<_> = told.iter().filter_map(|fault| fault.split(':').next()).collect();
    assert_eq!(places, ["0", "22", "32", "57"], "{told:#?}");
}

/// Texts that are deep, long or wide as far as the bound on bytes lets them.
fn monsters() -> Vec<String> {
    let fill = |unit: &str, end: &str| {
        let count = (MOST_BYTES - end.len()) / unit.len();
        unit.repeat(count) + end
    };
    let nest = |open: &str, middle: &str, close: &str| {
        let count = (MOST_BYTES - middle.len()) / (open.len() + close.len());
        open.repeat(count) + middle + &close.repeat(count)
    };
    vec![
        nest("(", "1", ")"),
        nest("[", "1", "]"),
        nest("{1:", "1", "}"),
        nest("size(", "'a'", ")"),
        nest("-(", "1", ")"),
        nest("!(", "true", ")"),
        nest("true?", "true", ":1"),
        fill("(", ""),
        fill("[", ""),
        fill("{", ""),
        fill("a?", "b"),
        fill("true?true:", "true"),
        fill("!", "true"),
        fill("-", "1"),
        fill("a.", "a"),
        fill("a[", "0"),
        fill("a[0]", ""),
        fill("a(0).", "a"),
        fill("1+", "1"),
        fill("1<", "1"),
        fill("true&&", "true"),
        fill("true||", "true"),
        fill("true&&true||", "true"),
        fill("a in ", "b"),
        fill("1,", "1"),
        fill("'", ""),
        fill("\\", ""),
        fill("é", ""),
        fill("\u{0}", ""),
        fill("has(", ""),
        fill("a.all(b,", "b"),
        nest("a.all(b,", "b", ")"),
        fill("0x", ""),
        fill("r'", ""),
        fill("//", ""),
        fill("?", ""),
        fill(".", ""),
    ]
}

#[test]
fn no_text_costs_more_than_a_moment() {
    let lists = Sample::whole().lists;
    for text in monsters() {
        let began = std::time::Instant::now();
        let result = Condition::compile(&text, &lists);
        let took = began.elapsed();
        assert!(took.as_secs() < 5, "{took:?}: {text:.40}");
        for fault in result.err().unwrap_or_default() {
            assert!(fault.message.chars().count() <= LONGEST_MESSAGE + 1 && fault.at <= text.len(), "{fault:?}");
        }
    }
}

#[test]
fn a_condition_is_bounded() {
    let long = format!("payment.partner == '{}'", "a".repeat(MOST_BYTES));
    assert_eq!(faults(&long), [format!("0: the condition is longer than {MOST_BYTES} bytes")]);
}

/// The same in a process that may have little memory, of which the thread's stack alone is 64 MiB.
#[test]
fn no_text_costs_more_than_little_memory() {
    const KILOBYTES: u32 = 512 * 1024;
    let test = "domain::risk::condition::tests::no_text_costs_more_than_a_moment";
    let child = Command::new("sh")
        .args(["-c", &format!("ulimit -v {KILOBYTES} && exec \"$0\" --exact {test} --test-threads 1")])
        .arg(env::current_exe().unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && told.contains("1 passed"), "{told}\n{}", String::from_utf8_lossy(&child.stderr));
}
