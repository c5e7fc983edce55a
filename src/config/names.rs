//! The names of variables: which are set to nothing, and which are nearly those of settings.

use std::env;

use clap::Command;

use super::variables::{secret_files, settings};

/// Prefixes of the names of settings.
const OURS: [&str; 2] = ["GATEWAY_", "COREFY_"];
/// Prefixes of the values that Docker and Kubernetes give variables such as `GATEWAY_PORT`: they link services.
const LINKS: [&str; 3] = ["tcp://", "udp://", "sctp://"];
/// How many letters a name may be off to be taken for a misspelt one.
const FARTHEST: usize = 3;

/// The command line, for which a variable that is set to nothing is not set: its setting has its default.
pub fn without_empty_variables(command: Command) -> Command {
    without(command, &|variable| env::var(variable).is_ok_and(|value| value.trim().is_empty()))
}

fn without(command: Command, is_empty: &dyn Fn(&str) -> bool) -> Command {
    let unset = command.mut_args(|arg| {
        let is_unset = arg.get_env().and_then(|variable| variable.to_str()).is_some_and(is_empty);
        if is_unset { arg.env(None::<&str>) } else { arg }
    });
    unset.mut_subcommands(|subcommand| without(subcommand, is_empty))
}

/// A sentence for each variable of this process that looks like a setting of `command` and is none: most likely it is
/// misspelt, and what it was to set has its default.
pub fn unknown_variables(command: &Command) -> Vec<String> {
    // A name that is not Unicode is none of ours.
    let variables = env::vars_os().filter_map(|(name, value)| {
        let is_for_links = LINKS.iter().any(|start| value.to_string_lossy().starts_with(start));
        name.into_string().ok().filter(|name| !(is_for_links || is_of_kubernetes(name)))
    });
    let files = secret_files(command).into_iter().map(|(_, by_file)| by_file);
    unknown(&settings(command).into_iter().chain(files).collect::<Vec<_>>(), variables.collect())
}

fn unknown(known: &[String], mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| OURS.iter().any(|start| name.to_ascii_uppercase().starts_with(start)));
    names.retain(|name| !known.contains(name));
    names.sort();
    names.iter().map(|name| sentence(name, known)).collect()
}

fn sentence(name: &str, known: &[String]) -> String {
    let distance = |setting: &String| strsim::damerau_levenshtein(&name.to_ascii_uppercase(), setting);
    match known.iter().map(|setting| (distance(setting), setting)).min() {
        Some((..=FARTHEST, setting)) => format!("{name}: there is no such setting; is {setting} meant?"),
        _ => format!("{name}: there is no such setting"),
    }
}

/// Whether Kubernetes sets it for a service that is called like us: `COREFY_GATEWAY_SERVICE_HOST`,
/// `COREFY_GATEWAY_PORT_8080_TCP_ADDR`.
fn is_of_kubernetes(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn warnings(names: &[&str]) -> Vec<String> {
        let known = ["COREFY_API_KEY", "GATEWAY_GRPC_ADDR", "GATEWAY_LOG"].map(str::to_owned);
        unknown(&known, names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_misspelt_name_is_told_with_the_one_that_is_meant() {
        let names =
            ["PATH", "COREFY_API_KEY", "COREFY_API_KYE", "GATEWAY_GRPC_ADDRESS", "gateway_log", "COREFY_COLOUR"];
        assert_eq!(
            warnings(&names),
            [
                "COREFY_API_KYE: there is no such setting; is COREFY_API_KEY meant?",
                "COREFY_COLOUR: there is no such setting",
                "GATEWAY_GRPC_ADDRESS: there is no such setting; is GATEWAY_GRPC_ADDR meant?",
                "gateway_log: there is no such setting; is GATEWAY_LOG meant?",
            ]
        );
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_of_our_name_is_no_mistake() {
        for name in [
            "COREFY_GATEWAY_SERVICE_HOST",
            "COREFY_GATEWAY_SERVICE_PORT",
            "COREFY_GATEWAY_SERVICE_PORT_GRPC",
            "COREFY_GATEWAY_PORT_8080_TCP",
            "COREFY_GATEWAY_PORT_8080_TCP_ADDR",
        ] {
            assert!(is_of_kubernetes(name), "{name}");
        }
        assert!(!is_of_kubernetes("GATEWAY_GRPC_PORT"));
    }

    #[test]
    fn a_variable_that_is_set_to_nothing_leaves_the_default() {
        let arg = |name: &'static str| Arg::new(name).long(name).env(name);
        let command = Command::new("test").subcommand(Command::new("serve").arg(arg("EMPTY")).arg(arg("SET")));
        let command = without(command, &|variable| variable == "EMPTY");
        assert_eq!(settings(&command), ["SET"]);
    }
}
