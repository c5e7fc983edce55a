//! A file `.env` sets what it says: the process gets every variable as the file has it, and a fault is told without a value.

use corefy_gateway::config::env_file;

/// The sentence about a line that sets nothing.
const FORM: &str = "must have the form NAME=value";

/// Reads any bytes as the file.
pub fn a_variable_is_set_as_it_is_written(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    match env_file::read(text) {
        Ok(variables) => {
            let escaped = env_file::escaped(&variables);
            let handed_on: Result<Vec<_>, _> = dotenvy::from_read_iter(escaped.as_bytes()).collect();
            let handed_on = handed_on.unwrap_or_else(|error| panic!("{text:?} became {escaped:?}: {error}"));
            assert_eq!(handed_on, variables, "{text:?} became {escaped:?}");
        }
        Err((number, problem)) => {
            let line = text.trim_start_matches('\u{feff}').lines().nth(number - 1).expect("the line is in the file");
            let name = problem.split_once(" is set in line ").map(|(name, _)| name);
            let before = line.split('=').next().unwrap_or_default().trim_end();
            assert!(problem == FORM || name.is_some_and(|name| before.ends_with(name)), "{problem:?} shows {line:?}");
        }
    }
}
