//! The file: TOML whose every fault is noted with its place.

use std::{collections::BTreeSet, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    place::{line_and_column, within_string},
    rules::{
        LAST_PRIORITY, LONGEST_DESCRIPTION, LONGEST_NAME, MOST_FAULTS, MOST_FILE_BYTES, MOST_RULES, Rule, RuleFault,
        RuleSet, USUAL_PRIORITY,
    },
};
use crate::domain::risk::{
    action::{Action, Mode},
    condition::Condition,
    lists::Lists,
};

const SET_KEYS: [&str; 4] = ["name", "on_error", "request_3ds_fallback", "rules"];
const RULE_KEYS: [&str; 6] = ["name", "description", "action", "mode", "priority", "condition"];

impl RuleSet {
    /// Reads a rule file. The lists that it asks must exist. All faults are told at once, in the order of their places, up to
    /// [`MOST_FAULTS`].
    pub fn compile(text: &str, lists: &Lists) -> Result<Self, Vec<RuleFault>> {
        read(text, lists)
    }
}

/// Reads a file whole.
fn read(text: &str, lists: &Lists) -> Result<RuleSet, Vec<RuleFault>> {
    let mut reader = Reader { text, lists, faults: Vec::new(), rule: None };
    if text.len() > MOST_FILE_BYTES {
        reader.fault::<()>(0, format!("the file is longer than {MOST_FILE_BYTES} bytes"));
        return Err(reader.faults);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.fault::<()>(error.span().map_or(0, |span| span.start), format!("this is not TOML: {}", error.message()));
    }
    if reader.faults.is_empty() {
        let set = reader.set(&table);
        if let (Some(set), true) = (set, reader.faults.is_empty()) {
            return Ok(set);
        }
    }
    reader.faults.sort_by_key(|fault| (fault.line, fault.column));
    reader.faults.truncate(MOST_FAULTS);
    Err(reader.faults)
}

type Value<'t> = Spanned<DeValue<'t>>;
type Table<'t> = Spanned<DeTable<'t>>;

/// Everything that is needed on the way, and the faults so far. Its methods give `None` where they noted a fault.
struct Reader<'a> {
    text: &'a str,
    lists: &'a Lists,
    faults: Vec<RuleFault>,
    /// The name of the rule that is read.
    rule: Option<String>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, at: usize, message: impl Into<String>) -> Option<T> {
        let (line, column) = line_and_column(self.text, at);
        self.faults.push(RuleFault { line, column, rule: self.rule.clone(), message: message.into() });
        None
    }

    fn set(&mut self, table: &Table<'_>) -> Option<RuleSet> {
        let keys = Keys { table: table.get_ref(), at: 0 };
        self.refuse_unknown(&keys, &SET_KEYS);
        let name = self.required(&keys, "name").and_then(|value| self.short_text(value, LONGEST_NAME));
        let on_error = self
            .required(&keys, "on_error")
            .and_then(|value| self.word(value, &[Action::Allow, Action::Review, Action::Block], Action::as_str));
        let fallback = keys
            .get("request_3ds_fallback")
            .map_or(Some(Action::Review), |value| self.word(value, &[Action::Review, Action::Block], Action::as_str));
        let rules = self.rules(&keys);
        Some(RuleSet { name: name?, on_error: on_error?, request_3ds_fallback: fallback?, rules: rules? })
    }

    fn rules(&mut self, keys: &Keys<'_, '_>) -> Option<Vec<Rule>> {
        const SHAPE: &str = "rules must be tables, each under `[[rules]]`";
        let Some(value) = keys.get("rules") else { return Some(Vec::new()) };
        let DeValue::Array(tables) = value.get_ref() else { return self.fault(value.span().start, SHAPE) };
        if tables.len() > MOST_RULES {
            return self.fault(value.span().start, format!("there are {} rules; {MOST_RULES} may be", tables.len()));
        }
        let mut names = BTreeSet::new();
        let mut rules = Vec::new();
        for table in tables.iter() {
            rules.push(match table.get_ref() {
                DeValue::Table(entries) => self.rule(&Keys { table: entries, at: table.span().start }, &mut names),
                _ => self.fault(table.span().start, SHAPE),
            });
            self.rule = None;
        }
        let mut rules: Vec<_> = rules.into_iter().collect::<Option<_>>()?;
        rules.sort_by_key(|rule: &Rule| (rule.step(), rule.priority));
        Some(rules)
    }

    fn rule(&mut self, keys: &Keys<'_, '_>, names: &mut BTreeSet<String>) -> Option<Rule> {
        self.rule =
            keys.get("name").and_then(|name| name.get_ref().as_str()).filter(|name| is_name(name)).map(str::to_owned);
        self.refuse_unknown(keys, &RULE_KEYS);
        let name = self.required(keys, "name").and_then(|value| self.name(value, names));
        let description =
            keys.get("description").map_or(Some(String::new()), |value| self.short_text(value, LONGEST_DESCRIPTION));
        let action = self.required(keys, "action").and_then(|value| self.word(value, Action::ALL, Action::as_str));
        let mode = self.required(keys, "mode").and_then(|value| self.word(value, Mode::ALL, Mode::as_str));
        let priority = keys.get("priority").map_or(Some(USUAL_PRIORITY), |value| self.priority(value));
        let condition = self.required(keys, "condition").and_then(|value| self.condition(value));
        Some(Rule {
            name: name?,
            description: description?,
            action: action?,
            mode: mode?,
            priority: priority?,
            condition: condition?,
        })
    }

    fn name(&mut self, value: &Value<'_>, names: &mut BTreeSet<String>) -> Option<String> {
        let name = self.string(value)?;
        if !is_name(name) {
            let message = format!("a rule's name must be 1 to {LONGEST_NAME} of `a-z`, `0-9` and `_`");
            return self.fault(value.span().start, message);
        }
        if !names.insert(name.to_owned()) {
            return self.fault(value.span().start, "an earlier rule has this name");
        }
        Some(name.to_owned())
    }

    fn condition(&mut self, value: &Value<'_>) -> Option<Condition> {
        let source = self.string(value)?;
        let span = value.span();
        match Condition::compile(source, self.lists) {
            Ok(condition) => Some(condition),
            Err(faults) => {
                for fault in faults {
                    self.fault::<()>(within_string(self.text, &span, fault.at), fault.message);
                }
                None
            }
        }
    }

    fn priority(&mut self, value: &Value<'_>) -> Option<i64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.filter(|number| (0..=LAST_PRIORITY).contains(number)).or_else(|| {
            self.fault(value.span().start, format!("a priority must be a whole number from 0 to {LAST_PRIORITY}"))
        })
    }

    fn short_text(&mut self, value: &Value<'_>, longest: usize) -> Option<String> {
        let text = self.string(value)?;
        let is_good = (1..=longest).contains(&text.chars().count()) && !text.contains(char::is_control);
        if is_good {
            return Some(text.to_owned());
        }
        self.fault(value.span().start, format!("this must be 1 to {longest} characters on one line"))
    }

    fn word<T: Copy>(&mut self, value: &Value<'_>, all: &[T], as_str: fn(T) -> &'static str) -> Option<T> {
        let word = self.string(value)?;
        all.iter().copied().find(|value| as_str(*value) == word).or_else(|| {
            let words: Vec<_> = all.iter().map(|value| format!("\"{}\"", as_str(*value))).collect();
            self.fault(value.span().start, format!("this must be one of {}", words.join(", ")))
        })
    }

    fn string<'v>(&mut self, value: &'v Value<'_>) -> Option<&'v str> {
        value.get_ref().as_str().or_else(|| self.fault(value.span().start, "this must be a text in quotes"))
    }

    fn required<'v, 't>(&mut self, keys: &Keys<'v, 't>, key: &str) -> Option<&'v Value<'t>> {
        keys.get(key).or_else(|| self.fault(keys.at, format!("`{key}` is missing")))
    }

    fn refuse_unknown(&mut self, keys: &Keys<'_, '_>, known: &[&str]) {
        for key in keys.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let Range { start, .. } = key.span();
            self.fault::<()>(start, format!("`{}` is unknown; there are {}", key.get_ref(), known.join(", ")));
        }
    }
}

/// A table, and where it begins.
struct Keys<'v, 't> {
    table: &'v DeTable<'t>,
    at: usize,
}

impl<'v, 't> Keys<'v, 't> {
    fn get(&self, key: &str) -> Option<&'v Value<'t>> {
        self.table.get(key)
    }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
