//! Settings make a configuration, or every fault of theirs is told under the name of its variable; no secret is ever shown.

use std::ffi::OsString;

use clap::{Args as _, Command, FromArgMatches as _};
use corefy_gateway::config::settings::ServeSettings;

use super::choices::Choices;

/// A part of every secret that is set, which must be seen nowhere.
const CANARY: &str = "cAnArY0123456789";
/// Values near to those that settings take.
const VALUES: [&str; 44] = [
    "true",
    "0",
    "1",
    "30",
    "100000",
    "intents",
    "commerce",
    "https://corefy.test",
    "http://127.0.0.1:8090",
    "https://corefy.test/api",
    "coma_1",
    "127.0.0.1:0",
    "[::1]:443",
    "0.0.0.0:80",
    "grpc,http",
    "203.0.113.0/24,2001:db8::/32",
    "10.1.2.3",
    "USD,EUR",
    "USD:5000,VND:50000000000",
    "USD=1,EUR=1.08",
    "JPY:0.5",
    "myapp,com.shop.app",
    "javascript",
    "https://*.shop.example",
    "info,corefy_gateway=debug",
    "json",
    "text",
    "card:EUR=payment_card_eur_hpp,ideal=ideal_eur_hpp",
    "card:=x",
    "=",
    ",",
    ":",
    "://",
    "postgres://u:p@h/n",
    "postgres://u:p#w@h/n",
    "sqlite://a.db",
    "sqlite://:memory:",
    "sk_test_1",
    "sk_live_1",
    "",
    " ",
    "\u{0}",
    "99999999999999999999",
    "/tmp/a.csv",
];

/// A setting as a flag.
struct Setting {
    flag: String,
    variable: String,
    is_secret: bool,
}

thread_local! {
    static SETTINGS: Vec<Setting> = settings();
}

fn settings() -> Vec<Setting> {
    let command = ServeSettings::augment_args(Command::new("serve"));
    let setting = |argument: &clap::Arg| {
        let variable = argument.get_env()?.to_str()?.to_owned();
        let flag = format!("--{}", argument.get_long()?);
        Some(Setting { flag, variable, is_secret: argument.is_hide_env_values_set() })
    };
    command.get_arguments().filter_map(setting).collect()
}

/// Takes two bytes for each setting, and a value: one of those that are near, any text, or both.
pub fn a_fault_names_its_variable_and_no_secret(bytes: &[u8]) {
    SETTINGS.with(|settings| {
        let Some(given) = given(settings, Choices::new(bytes)) else { return };
        match given.read() {
            Ok(config) => assert!(!format!("{config:?}").contains(CANARY), "a configuration shows a secret"),
            Err(problems) => {
                assert!(!format!("{problems} {problems:?}").contains(CANARY), "{problems}");
                let is_named = |problem: &str| {
                    let name = problem.split_once(": ").map(|(name, _)| name);
                    settings.iter().any(|setting| Some(&*setting.variable) == name)
                };
                assert!(problems.each().all(is_named), "{problems}");
            }
        }
    });
}

/// The settings that are chosen. `None`: the command line is none.
fn given(settings: &[Setting], mut choices: Choices<'_>) -> Option<ServeSettings> {
    let mut line = Vec::new();
    while !choices.are_made() {
        let setting = choices.one(settings);
        let (near, text) = (*choices.one(&VALUES), choices.text());
        let value = if setting.is_secret { format!("{near}{CANARY}{text}") } else { format!("{near}{text}") };
        line.push(OsString::from(format!("{}={value}", setting.flag)));
    }
    of_line(line)
}

/// The settings of a command line without the program's name; the variables of this process change none. `None`: it is none.
pub fn of_line(line: impl IntoIterator<Item = OsString>) -> Option<ServeSettings> {
    let command = ServeSettings::augment_args(Command::new("serve").no_binary_name(true).args_override_self(true));
    let matches = command.mut_args(|argument| argument.env(None::<&str>)).try_get_matches_from(line).ok()?;
    ServeSettings::from_arg_matches(&matches).ok()
}
