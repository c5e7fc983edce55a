//! The variables that commands have their settings from.

use clap::{Arg, Command};

/// The end of a variable that names the file of a secret.
const FILE: &str = "_FILE";

/// The variables of the settings of a command and of those below it.
pub fn settings(command: &Command) -> Vec<String> {
    variables(command, |_| true)
}

/// The secrets of a command and of those below it, each with the variable that names its file. What is a setting of its own by that
/// name is none.
pub fn secret_files(command: &Command) -> Vec<(String, String)> {
    let settings = settings(command);
    let mut secrets = variables(command, Arg::is_hide_env_values_set);
    secrets.sort();
    secrets.dedup();
    let files = secrets.into_iter().map(|secret| (format!("{secret}{FILE}"), secret));
    files.filter(|(by_file, _)| !settings.contains(by_file)).map(|(by_file, secret)| (secret, by_file)).collect()
}

/// The variables of those settings that are wanted, of a command and of those below it.
fn variables(command: &Command, is_wanted: fn(&Arg) -> bool) -> Vec<String> {
    let own = command.get_arguments().filter(|arg| is_wanted(arg));
    let own = own.filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned()));
    own.chain(command.get_subcommands().flat_map(|below| variables(below, is_wanted))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_has_a_variable_for_its_file_unless_that_is_another_setting() {
        let setting = |name: &'static str, is_secret| Arg::new(name).long(name).env(name).hide_env_values(is_secret);
        let serve = Command::new("serve").args([setting("KEY", true), setting("RATE", false)]);
        let call = Command::new("call").args([setting("OTHER", true), setting("OTHER_FILE", false)]);
        let command = Command::new("test").subcommands([serve.clone(), call, serve.name("again")]);
        assert_eq!(secret_files(&command), [("KEY".to_owned(), "KEY_FILE".to_owned())]);
    }
}
