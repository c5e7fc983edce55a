//! Conditions mean what CEL means: whatever compiles has the result that the crate's own interpreter gives it. The table of
//! expressions pins the crate as well: a version of it that reads one of them otherwise fails here.

use std::{collections::HashMap, sync::Arc};

use cel::{Context, Env, ExecutionError, Value};
use proptest::prelude::*;

use super::{
    schema::{FIELDS, Field, Form, Presence, Read, Unit},
    tests::HOLDING,
    *,
};
use crate::domain::{
    money::Money,
    risk::{
        inputs::RiskInputs,
        samples::Sample,
        subject::Dimension,
        velocity::{Measure, Window},
    },
};

/// The result that the crate's interpreter has of a condition, for the same facts. `None` where it fails.
fn by_the_crate(source: &str, facts: &Facts<'_>) -> Option<bool> {
    let env = Arc::new(Env::stdlib());
    let program = env.compile(source).unwrap();
    match program.execute(&context(env, facts)) {
        Ok(Value::Bool(value)) => Some(value),
        Ok(other) => panic!("{source}: {other:?}"),
        Err(_) => None,
    }
}

fn context(env: Arc<Env>, facts: &Facts<'_>) -> Context<'static, 'static> {
    let mut context = Context::with_env(env);
    let mut groups: HashMap<&str, HashMap<&str, Value>> = HashMap::new();
    for field in FIELDS {
        let (group, name) = field.path.split_once('.').unwrap();
        let group = groups.entry(group).or_default();
        group.extend(value(field, facts.inputs).map(|value| (name, value)));
    }
    for (name, group) in groups {
        context.add_variable_from_value(name, group);
    }
    context.add_variable_from_value("metadata", facts.inputs.metadata.clone().into_iter().collect::<HashMap<_, _>>());
    add_functions(&mut context, facts);
    context
}

fn value(field: &Field, inputs: &RiskInputs) -> Option<Value> {
    match field.read {
        Read::Flag(read) => read(inputs).map(Value::Bool),
        Read::Number(_, read) => read(inputs).map(Value::Int),
        Read::Text(_, read) => read(inputs).map(Value::from),
    }
}

fn add_functions(context: &mut Context<'static, 'static>, facts: &Facts<'_>) {
    let velocities = facts.velocities.clone();
    let velocity = move |dimension: Arc<String>, window: Arc<String>, measure: Arc<String>| {
        let dimension = Dimension::parse(&dimension).unwrap();
        velocities.get(dimension, Window::parse(&window).unwrap(), Measure::parse(&measure).unwrap())
    };
    context.add_function("velocity", velocity).unwrap();
    // The lists of the sample: all values of the whole one but the BIN.
    context.add_function("in_list", |list: Arc<String>, _: Arc<String>| list.as_str() != "bad_bins").unwrap();
    for (name, like) in [("money", facts.inputs.amount), ("base_money", facts.inputs.base_amount)] {
        let money = move |amount: Arc<String>| {
            let fault = || ExecutionError::FunctionError { function: name.to_owned(), message: String::new() };
            let minor = like.and_then(|like| Money::from_major(amount.parse().unwrap(), like.currency));
            minor.map(|money| money.minor).ok_or_else(fault)
        };
        context.add_function(name, money).unwrap();
    }
}

/// Fails unless both agree, for a payment of which all is known and for one of which little is. What does not compile is not
/// looked at.
fn agree(source: &str) -> bool {
    let samples = [Sample::whole(), Sample::bare()];
    let Ok(condition) = Condition::compile(source, &samples[0].lists) else { return false };
    for sample in samples {
        let facts = sample.facts();
        let holds = condition.holds(&facts);
        assert_ne!(holds, Err(Failure::Missing), "{source}");
        assert_eq!(holds.ok(), by_the_crate(source, &facts), "{source}");
    }
    true
}

#[test]
fn every_expression_of_the_table_has_the_result_of_the_crate() {
    for (source, ..) in HOLDING {
        assert!(agree(source), "{source}");
    }
}

#[test]
fn failures_are_those_of_the_crate() {
    for source in super::tests::FAILING {
        assert!(agree(source), "{source}");
    }
}

/// A test of one field, guarded in one of the ways in which it can be.
fn of_field(field: &'static Field) -> BoxedStrategy<String> {
    let path = field.path;
    let sample = Sample::whole();
    let test = match field.read {
        Read::Flag(_) => prop_oneof![Just(path.to_owned()), Just(format!("{path} == false"))].boxed(),
        Read::Number(unit, read) => {
            let own = read(&sample.inputs).unwrap();
            let operators = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
            (operators, number(unit, own), number(unit, own))
                .prop_map(move |(operator, right, added)| format!("{path} + {added} {operator} {right}"))
                .boxed()
        }
        Read::Text(form, read) => {
            let own = read(&sample.inputs).unwrap().replace('\'', "\\'");
            let other = if form == Form::Country { "FR" } else { own.as_str() };
            prop::sample::select(vec![
                format!("{path} == '{own}'"),
                format!("{path} != '{own}'"),
                format!("{path} in ['{own}', '{other}']"),
                format!("{path}.startsWith('{own}')"),
                format!("{path}.contains('a') && {path}.endsWith('e')"),
                format!("size({path}) * {path}.size() > 40"),
            ])
            .boxed()
        }
    };
    match field.presence {
        Presence::Always => test,
        Presence::With(_) | Presence::Alone(_) => {
            let guards = prop::sample::select(vec!["&&", "? @ :", "||"]);
            (test, guards).prop_map(move |(test, guard)| guarded(path, &test, guard)).boxed()
        }
    }
}

fn guarded(path: &str, test: &str, guard: &str) -> String {
    match guard {
        "&&" => format!("(has({path}) && {test})"),
        "||" => format!("(!has({path}) || {test})"),
        _ => format!("(has({path}) ? {test} : payment.attempt > 1)"),
    }
}

fn number(unit: Unit, own: i64) -> BoxedStrategy<String> {
    match unit {
        Unit::Count => prop_oneof![
            (-3..30_i64).prop_map(|n| n.to_string()),
            Just(own.to_string()),
            Just("9223372036854775807".to_owned()),
            Just("7 / (payment.attempt - 2)".to_owned()),
            Just("(payment.attempt % 2 == 0 ? 1 : -1)".to_owned()),
        ]
        .boxed(),
        Unit::Amount => prop::sample::select(vec!["money('0')", "money('120.50')", "money('1.001')"])
            .prop_map(str::to_owned)
            .boxed(),
        Unit::BaseAmount => {
            prop::sample::select(vec!["base_money('1')", "base_money('111') * 2"]).prop_map(str::to_owned).boxed()
        }
    }
}

fn any_condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(FIELDS.iter().collect::<Vec<_>>()).prop_flat_map(of_field);
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) == ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

/// A question that is put together in any way from those for single inputs, and a test of one of them where it is answered: most
/// are refused, and what is left is right by its question alone.
fn any_guarding() -> impl Strategy<Value = String> {
    let questions = ["has(card.bin)", "has(card.country)", "has(ip.country)", "has(metadata.note)"];
    let question = prop::sample::select(questions.to_vec()).prop_map(str::to_owned);
    let question = question.prop_recursive(3, 6, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    });
    let tests = ["card.brand == 'visa'", "card.country == 'US'", "ip.country == 'DE'", "metadata.note == 'a'"];
    let test = prop::sample::select(tests.to_vec());
    (question, test, 0..3).prop_map(|(question, test, form)| match form {
        0 => format!("{question} && {test}"),
        1 => format!("{question} || {test}"),
        _ => format!("{question} ? {test} : payment.is_sandbox"),
    })
}

/// The whole sample without some of what can be missing.
fn any_sample() -> impl Strategy<Value = Sample> {
    any::<[bool; 6]>().prop_map(|[card, country, ip, ip_country, is_foreign, note]| {
        let mut sample = Sample::whole();
        let inputs = &mut sample.inputs;
        if let Some(card) = &mut inputs.card {
            card.country = country.then(|| if is_foreign { "FR" } else { "US" }.to_owned());
        }
        if let Some(ip) = &mut inputs.ip {
            ip.country = ip.country.take().filter(|_| ip_country);
        }
        inputs.card = inputs.card.take().filter(|_| card);
        inputs.ip = inputs.ip.take().filter(|_| ip);
        inputs.metadata.extend(note.then(|| ("note".to_owned(), "a".to_owned())));
        sample
    })
}

/// Pieces of text, some of which make conditions.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "true",
        "has(",
        "card.country",
        "card",
        ".",
        ")",
        "(",
        "[",
        "]",
        "&&",
        "||",
        "!",
        "?",
        ":",
        "==",
        "<",
        "in",
        "'DE'",
        "'",
        "\"",
        "\\",
        "1",
        "-",
        "+",
        "/",
        "%",
        "money('1')",
        "metadata",
        "['a']",
        ",",
        "payment.attempt",
        "{",
        "}",
        "é",
        "\n",
        "//",
        "1.5",
        "0x",
        "1u",
        "b'a'",
        "null",
        "velocity(",
        "x.map(y, z)",
        "`a`",
        "\u{0}",
        " ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_condition_has_the_result_of_the_crate(source in any_condition()) {
        prop_assert!(source.len() > MOST_BYTES || agree(&source), "{}", source);
    }

    #[test]
    fn no_text_breaks_the_compiler(source in any_text()) {
        let lists = Sample::whole().lists;
        if let Err(faults) = Condition::compile(&source, &lists) {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(fault.at <= source.len() && fault.message != parse::UNREADABLE, "{source:?}: {fault:?}");
            }
        } else {
            agree(&source);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn what_compiles_never_reads_what_is_missing(source in any_guarding(), samples in prop::collection::vec(any_sample(), 8)) {
        if let Ok(condition) = Condition::compile(&source, &Sample::whole().lists) {
            for sample in samples {
                let holds = condition.holds(&sample.facts());
                prop_assert_eq!(holds.clone().ok(), by_the_crate(&source, &sample.facts()), "{}", source);
                prop_assert!(holds.is_ok(), "{}: {:?}", source, holds);
            }
        }
    }
}
