//! The settings that a command was given, for the audit log: never a secret's value.

use std::collections::BTreeMap;

use clap::{ArgMatches, Command, parser::ValueSource};

/// The longest value that is kept, in characters.
const LONGEST: usize = 200;

/// The settings of the subcommand that are not left at their defaults, by the names of their variables. Of a secret only that it is
/// set.
pub fn given_settings(command: &Command, matches: &ArgMatches) -> BTreeMap<String, String> {
    let Some((name, given)) = matches.subcommand() else { return BTreeMap::new() };
    let arguments = command.find_subcommand(name).into_iter().flat_map(Command::get_arguments);
    let settings = arguments.filter_map(|argument| {
        let (variable, id) = (argument.get_env()?.to_str()?, argument.get_id().as_str());
        let is_given = given.value_source(id).is_some_and(|source| source != ValueSource::DefaultValue);
        let value = || {
            let values = given.get_raw(id).into_iter().flatten();
            values.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
        };
        let shown = || if argument.is_hide_env_values_set() { "set".to_owned() } else { value() };
        is_given.then(|| (variable.to_owned(), shown().chars().take(LONGEST).collect()))
    });
    settings.collect()
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn settings_are_named_that_were_given_and_secrets_are_not_shown() {
        let setting = |name: &'static str, variable: &'static str| Arg::new(name).long(name).env(variable);
        let serve = Command::new("serve").args([
            setting("rate", "GATEWAY_TEST_RATE").default_value("5"),
            setting("drain", "GATEWAY_TEST_DRAIN").default_value("5"),
            setting("key", "GATEWAY_TEST_KEY").hide_env_values(true),
        ]);
        let command = Command::new("gateway").subcommand(serve);
        let line = ["gateway", "serve", "--drain", "9", "--key", "canary"];
        let matches = command.clone().try_get_matches_from(line).unwrap();
        let expected = [("GATEWAY_TEST_DRAIN", "9"), ("GATEWAY_TEST_KEY", "set")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(given_settings(&command, &matches), BTreeMap::from(expected));
    }
}
