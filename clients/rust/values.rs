//! The values of the scenario: variables, paths, and what fits.

use std::error::Error;

use serde_json::{Map, Value, json};

/// The value with `{{name}}` replaced; a text that is nothing else becomes the variable's value, whatever its type.
pub fn filled_in(value: &Value, variables: &Map<String, Value>) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, inner)| (name.clone(), filled_in(inner, variables))).collect()
        }
        Value::Array(entries) => entries.iter().map(|inner| filled_in(inner, variables)).collect(),
        Value::String(text) if text != "{{any}}" => filled_in_text(text, variables),
        other => other.clone(),
    }
}

fn filled_in_text(text: &str, variables: &Map<String, Value>) -> Value {
    let whole = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    if let Some(variable) = whole.and_then(|name| variables.get(name)) {
        return variable.clone();
    }
    let replaced = variables.iter().fold(text.to_owned(), |text, (name, value)| {
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.replace(&format!("{{{{{name}}}}}"), &plain)
    });
    json!(replaced)
}

/// The value at the path; `null` where there is none.
pub fn at(value: &Value, path: &str) -> Value {
    let words = path.split('.').filter(|word| !word.is_empty());
    words.fold(value.clone(), |value, word| match &value {
        Value::Array(entries) if word == "#" => json!(entries.len()),
        Value::Array(entries) => word.parse().ok().and_then(|place: usize| entries.get(place)).cloned().into(),
        value => value[word].clone(),
    })
}

fn is_nothing(value: &Value) -> bool {
    [json!(null), json!(""), json!(0), json!(false), json!([]), json!({})].contains(value)
}

/// Whether the value fits what is expected.
pub fn check(actual: &Value, expected: &Value, what: &str) -> Result<(), Box<dyn Error>> {
    let is_same = actual == expected || (is_nothing(actual) && is_nothing(expected));
    let fits = if expected == "{{any}}" { !is_nothing(actual) } else { is_same };
    if fits { Ok(()) } else { Err(format!("{what} is {actual}, not {expected}").into()) }
}

/// Checks what is at each path.
pub fn check_all(actual: &Value, expected: &Value, what: &str) -> Result<(), Box<dyn Error>> {
    let mut expected = expected.as_object().into_iter().flatten();
    expected.try_for_each(|(path, value)| check(&at(actual, path), value, &format!("{what} {path}")))
}
