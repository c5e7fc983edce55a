//! Reads `.env`. Must run while the process has one thread, for it changes the environment.

use std::{fs, io, path::Path};

/// Sets the variables of the file at `path` that are not set yet. No such file is fine. A `$NAME` in a value that is
/// not in single quotes stands for that variable.
///
/// The error names the line, but does not show it: it may hold a secret.
pub fn load(path: &Path) -> Result<(), String> {
    let file = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{file}: cannot be read: {error}")),
    };
    match dotenvy::from_read(text.as_bytes()) {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::LineParse(line, _)) => {
            Err(format!("{file}, line {}: must have the form NAME=value", line_number(&text, &line)))
        }
        Err(_) => Err(format!("{file}: cannot be read")),
    }
}

/// The number of the line in `text` that begins with `start`.
fn line_number(text: &str, start: &str) -> usize {
    let before = text.find(start).unwrap_or_default();
    text[..before].matches('\n').count() + 1
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
        for text in ["# a comment\n\n\nhush hush\n", "\n\n\nA=\"hush hush\n"] {
            assert_eq!(load_text(text), Err(".env, line 4: must have the form NAME=value".to_owned()));
        }
    }
}
