//! Secrets in files, as Docker, Kubernetes and systemd hand them over: `COREFY_API_KEY_FILE` names a file whose content is
//! `COREFY_API_KEY`. [`load`] must run while the process has one thread, for it changes the environment.

use std::{
    env,
    fs::File,
    io::{self, Read as _},
};

use clap::{ArgMatches, Command, parser::ValueSource};
use secrecy::SecretString;

use super::{env_file, variables::secret_files};

/// The longest content of such a file, in bytes.
const LONGEST: usize = 64 * 1024;

/// Sets the secrets whose files are named, of that subcommand of `command` which this process was called for.
///
/// The error has a sentence for each file that cannot be used, and never what is in it.
pub fn load(command: &Command) -> Result<(), Vec<String>> {
    let variables = read_all(command, |secret, file| {
        if given(secret).is_some() { Err(format!("{secret} is set too; set one of them")) } else { read(file) }
    })?;
    env_file::replace(&variables).map_err(|()| vec!["a secret cannot be taken from its file".to_owned()])
}

/// Refuses a secret that is given by a flag although its file is named: the file would take the flag's place when it is read again.
///
/// The error has a sentence for each.
pub fn refuse_flags(command: &Command, matches: &ArgMatches) -> Result<(), Vec<String>> {
    let Some((name, given_to)) = matches.subcommand() else { return Ok(()) };
    let called = command.find_subcommand(name);
    let named: Vec<_> = called.map(secret_files).unwrap_or_default();
    let named: Vec<_> = named.into_iter().filter(|(_, by_file)| given(by_file).is_some()).collect();
    let by_flag = called
        .into_iter()
        .flat_map(Command::get_arguments)
        .filter(|argument| given_to.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine));
    let variables = by_flag.filter_map(|argument| argument.get_env()?.to_str());
    let problems: Vec<_> = variables
        .filter_map(|variable| named.iter().find(|(secret, _)| secret == variable))
        .map(|(secret, by_file)| format!("{by_file}: {secret} is given by a flag too; give one of them"))
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Reads the same files again, and leaves the environment as it is, which a process with several threads must not change.
///
/// The error is that of [`load`].
pub fn read_again(command: &Command) -> Result<Vec<(String, SecretString)>, Vec<String>> {
    let variables = read_all(command, |_, file| read(file))?;
    Ok(variables.into_iter().map(|(secret, value)| (secret, value.into())).collect())
}

fn read_all(
    command: &Command,
    read: impl Fn(&str, &str) -> Result<String, String>,
) -> Result<Vec<(String, String)>, Vec<String>> {
    let Some(called) = env::args().nth(1).and_then(|name| command.find_subcommand(name)) else { return Ok(Vec::new()) };
    let (mut variables, mut problems) = (Vec::new(), Vec::new());
    for (secret, by_file) in secret_files(called) {
        let Some(file) = given(&by_file) else { continue };
        match read(&secret, &file) {
            Ok(value) => variables.push((secret, value)),
            Err(problem) => problems.push(format!("{by_file}: {problem}")),
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(problems) }
}

fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.trim().is_empty())
}

/// The content of the file, without the line break that editors put at its end.
fn read(file: &str) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("{file} cannot be read: {error}");
    let mut content = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    opened.take(LONGEST as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > LONGEST {
        return Err(format!("{file} has more than {LONGEST} bytes"));
    }
    let text = String::from_utf8(content).map_err(|_| format!("{file} must have a text in UTF-8"))?;
    let value = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    match value {
        "" => Err(format!("{file} is empty")),
        value if value.contains(['\n', '\r', '\0']) => Err(format!("{file} must have one line")),
        value => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_line_and_its_content_is_never_told() {
        let directory = tempfile::tempdir().unwrap();
        let of = |content: &[u8]| {
            let file = directory.path().join("secret");
            std::fs::write(&file, content).unwrap();
            read(file.to_str().unwrap())
        };
        for content in ["hush hush", "hush hush\n", "hush hush\r\n"] {
            assert_eq!(of(content.as_bytes()).as_deref(), Ok("hush hush"));
        }
        let long = "h".repeat(LONGEST);
        assert_eq!(of(long.as_bytes()), Ok(long.clone()));
        let too_long = format!("{long}h");
        for content in [&b""[..], b"\n", b"hush\nhush", b"hush\0", b"hush\xff", too_long.as_bytes()] {
            let told = of(content).unwrap_err();
            assert!(told.contains("secret") && !told.contains("hush"), "{told}");
        }
        assert!(read("/nowhere/at/all").unwrap_err().starts_with("/nowhere/at/all cannot be read"));
    }
}
