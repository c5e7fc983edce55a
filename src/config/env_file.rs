//! Reads `.env`. Must run while the process has one thread, for it changes the environment.
//!
//! A line is `NAME=value`, with `export` before it or not. A value is taken as it stands, without the white space around it
//! and without what follows ` #`. In single quotes nothing has a meaning; in double quotes `\n`, `\"`, `\$` and `\\` do.

use std::{collections::BTreeMap, fs, io, path::Path};

/// The form of a line that sets something.
const FORM: &str = "must have the form NAME=value";

/// Sets the variables of the file at `path` that are not set yet. No such file is fine.
///
/// The error names the line, but does not show its value: it may be a secret.
pub fn load(path: &Path) -> Result<(), String> {
    let file = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{file}: cannot be read: {error}")),
    };
    let variables = read(&text).map_err(|(line, problem)| format!("{file}, line {line}: {problem}"))?;
    set(&variables).map_err(|()| format!("{file}: cannot be read"))
}

/// Sets those of these variables that are not set yet.
pub(super) fn set(variables: &[(String, String)]) -> Result<(), ()> {
    // Only it may change the environment: to do so is `unsafe`.
    dotenvy::from_read(escaped(variables).as_bytes()).map_err(|_| ())
}

/// The same for variables that may be set to nothing, which counts as not set.
pub(super) fn replace(variables: &[(String, String)]) -> Result<(), ()> {
    dotenvy::from_read_override(escaped(variables).as_bytes()).map_err(|_| ())
}

/// The variables in the form in which `dotenvy` reads each as it is.
pub fn escaped(variables: &[(String, String)]) -> String {
    variables.iter().map(|(name, value)| format!("{name}=\"{}\"\n", escape(value))).collect()
}

/// A value such that between double quotes nothing in it has a meaning.
fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('\n', r"\n")
}

/// The variables of the file. The error has the number of the line, from 1 on, and what is wrong with it.
pub fn read(text: &str) -> Result<Vec<(String, String)>, (usize, String)> {
    let mut variables = Vec::new();
    let mut lines = BTreeMap::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let Some((name, value)) = variable(line).ok_or_else(|| (number, FORM.to_owned()))? else { continue };
        if let Some(earlier) = lines.insert(name.to_owned(), number) {
            return Err((number, format!("{name} is set in line {earlier} already")));
        }
        variables.push((name.to_owned(), value));
    }
    Ok(variables)
}

/// Reads what a line sets: the inner `None` when nothing. `None`: it is malformed.
fn variable(line: &str) -> Option<Option<(&str, String)>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Some(None);
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    let mut letters = name.chars();
    let is_name = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "_.".contains(letter));
    // A NUL cannot be in an environment.
    (is_name && !line.contains('\0')).then_some(())?;
    value_of(value.trim_start()).map(|value| Some((name, value)))
}

fn value_of(text: &str) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (value, rest) = quoted.split_once('\'')?;
        return is_rest(rest).then(|| value.to_owned());
    }
    if let Some(quoted) = text.strip_prefix('"') {
        return double_quoted(quoted);
    }
    let end = text.char_indices().find(|(place, letter)| *letter == '#' && ends_in_space(&text[..*place]));
    Some(text[..end.map_or(text.len(), |(place, _)| place)].trim_end().to_owned())
}

/// Whether a `#` after this begins a comment.
fn ends_in_space(text: &str) -> bool {
    text.is_empty() || text.ends_with([' ', '\t'])
}

/// The value up to the closing quote.
fn double_quoted(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return is_rest(letters.as_str()).then_some(value),
            '\\' => match letters.next()? {
                'n' => value.push('\n'),
                letter @ ('"' | '\\' | '$') => value.push(letter),
                other => value.extend(['\\', other]),
            },
            letter => value.push(letter),
        }
    }
}

/// Whether nothing follows but a comment.
fn is_rest(text: &str) -> bool {
    let rest = text.trim_start();
    rest.is_empty() || (rest.starts_with('#') && rest.len() < text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".env"), text).unwrap();
        load(&directory.path().join(".env")).map_err(|error| error.rsplit('/').next().unwrap().to_owned())
    }

    // Files that would change the environment are tested on the whole program, where no other thread reads it.

    #[test]
    fn no_file_is_fine() {
        assert_eq!(load(Path::new("/nowhere/at/all/.env")), Ok(()));
    }

    #[test]
    fn a_malformed_line_is_named_but_not_shown() {
        for text in [
            "# a comment\n\n\nhush hush\n",
            "\n\n\nA=\"hush hush\n",
            "\n\n\nA='hush' hush",
            "\n\n\nA=\"hush\"#hush",
            "\n\n\nA='hush",
            "\n\n\nA=hu\0sh",
            "\n\n\n1A=hush",
            "\n\n\nA B=hush",
            "\n\n\n=hush",
        ] {
            assert_eq!(load_text(text), Err(".env, line 4: must have the form NAME=value".to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_what_stands_there() {
        for (line, value) in [
            ("A=pa$$word$x", "pa$$word$x"),
            ("A=${HOME}\\n", "${HOME}\\n"),
            ("A=\"pa$$word$x\"", "pa$$word$x"),
            ("A='pa$$w\"o\\rd$x'", "pa$$w\"o\\rd$x"),
            (r#"A="a\"b\\c\nd\$e\tf""#, "a\"b\\c\nd$e\\tf"),
            ("A=two words", "two words"),
            ("  export  A = x  ", "x"),
            ("A=x # comment", "x"),
            ("A=x#y", "x#y"),
            ("A=# comment", ""),
            ("A='x' # comment", "x"),
            ("A=it's", "it's"),
            ("A=a=b==", "a=b=="),
            ("\u{feff}A=x\r", "x"),
            ("A=", ""),
            ("A=\"\"", ""),
        ] {
            assert_eq!(read(line), Ok(vec![("A".to_owned(), value.to_owned())]), "{line:?}");
        }
        assert_eq!(read("# A=x\n\n   \n"), Ok(vec![]));
    }

    #[test]
    fn a_name_that_comes_twice_is_a_fault() {
        let twice = load_text("COREFY_API_KEY=hush\n# a comment\nexport COREFY_API_KEY=hush\n");
        assert_eq!(twice, Err(".env, line 3: COREFY_API_KEY is set in line 1 already".to_owned()));
    }

    #[test]
    fn what_is_handed_on_comes_out_as_it_was() {
        let values = ["pa$$word$x", "a\"b\\c\nd", "it's # no comment", " space ", "tab\t", "\\", "${HOME}", ""];
        let file: String = values.iter().map(|value| format!("A=\"{}\"\n", escape(value))).collect();
        let read: Vec<_> = dotenvy::from_read_iter(file.as_bytes()).map(|pair| pair.unwrap().1).collect();
        assert_eq!(read, values);
    }
}
