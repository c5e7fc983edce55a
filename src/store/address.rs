//! Where the database is: the one reading of DATABASE_URL, for the driver and for all else.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use url::Url;

use super::Error;

/// The file of an SQLite database.
pub(super) fn sqlite_file(url: &str) -> Option<PathBuf> {
    let (path, _) = sqlite_parts(url)?;
    Some(PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned()))
}

/// The path and the parameters of an SQLite database, as they are written.
fn sqlite_parts(url: &str) -> Option<(&str, Option<&str>)> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    Some(rest.split_once('?').map_or((rest, None), |(path, parameters)| (path, Some(parameters))))
}

/// The URL for the driver, which reads it by rules of its own: the path of a file is absolute, so that nothing of it can be
/// taken for a host or a step up, and every character that means something in a URL is encoded. The file's directory must
/// exist.
pub(super) fn for_driver(url: &str) -> Result<String, Error> {
    let (Some(path), Some((_, parameters))) = (sqlite_file(url), sqlite_parts(url)) else {
        return Ok(url.to_owned());
    };
    let path = absolute(&path).map_err(|error| file_error(&path, &error))?;
    let encoded =
        Url::from_file_path(&path).map_err(|()| file_error(&path, &io::Error::from(io::ErrorKind::InvalidInput)))?;
    let parameters = parameters.map(|parameters| format!("?{parameters}")).unwrap_or_default();
    Ok(format!("sqlite://{}{parameters}", encoded.path()))
}

/// The file that belongs to the database's file at `path`, with this suffix after its name: beside the file itself, whatever links
/// lead to it.
pub(super) fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let mut name: OsString = fs::canonicalize(path).or_else(|_| absolute(path))?.into();
    name.push(suffix);
    Ok(name.into())
}

/// The path from the root, its directory without links.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    Ok(fs::canonicalize(directory.unwrap_or(Path::new(".")))?.join(name))
}

/// The error about an SQLite file, which names it and says whether its directory is what is missing.
pub(super) fn file_error(path: &Path, error: &dyn std::fmt::Display) -> Error {
    let missing = path.parent().filter(|directory| !directory.as_os_str().is_empty() && !directory.exists());
    let shown = path.display();
    Error::Unreachable(match missing {
        Some(directory) => format!("the file {shown} cannot be opened: there is no directory {}", directory.display()),
        None => format!("the file {shown} cannot be opened: {error}"),
    })
}

/// Where a PostgreSQL database is, without the password.
pub(super) fn place(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "the address in DATABASE_URL".to_owned() };
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let host = parameter("host").or_else(|| url.host_str().map(str::to_owned)).unwrap_or_default();
    let port = parameter("port").or_else(|| url.port().map(|port| port.to_string())).unwrap_or("5432".to_owned());
    let name = percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy();
    format!("PostgreSQL at {host}:{port}, database {name:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_is_written_once_decoded() {
        for (url, path) in [
            ("sqlite://gateway.db", "gateway.db"),
            ("sqlite:///var/lib/my%20gateway/a.db", "/var/lib/my gateway/a.db"),
            ("sqlite:///var/lib/my gateway/a.db", "/var/lib/my gateway/a.db"),
            ("sqlite://data/../gateway.db?mode=rwc", "data/../gateway.db"),
            ("sqlite://50%25%23.db", "50%#.db"),
            ("sqlite:gateway.db", "gateway.db"),
        ] {
            assert_eq!(sqlite_file(url).unwrap(), Path::new(path), "{url}");
        }
        assert_eq!(sqlite_file("postgres://host/name"), None);
    }

    #[test]
    fn the_driver_opens_the_same_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir(root.join("a b")).unwrap();
        for (path, expected) in [
            ("a%20b/c.db", "a%20b/c.db"),
            ("a b/c%23?mode=rwc", "a%20b/c%23?mode=rwc"),
            ("a b/../50%25.db", "50%25.db"),
        ] {
            let url = for_driver(&format!("sqlite://{}/{path}", root.display())).unwrap();
            assert_eq!(url, format!("sqlite://{}/{expected}", root.display()));
        }
    }

    #[test]
    fn what_belongs_to_a_file_is_beside_it_whatever_links_lead_there() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        let (file, link) = (root.join("real.db"), root.join("link.db"));
        assert_eq!(beside(&file, "-wal").unwrap(), root.join("real.db-wal"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(beside(&link, "-wal").unwrap(), root.join("real.db-wal"));
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = for_driver("sqlite:///no/such/place/gateway.db").unwrap_err().to_string();
        assert_eq!(error, "the file /no/such/place/gateway.db cannot be opened: there is no directory /no/such/place");
    }

    #[test]
    fn a_place_is_shown_without_the_password() {
        let place = place("postgres://app:geheim@db.example:6432/pay%20ments");
        assert_eq!(place, "PostgreSQL at db.example:6432, database \"pay ments\"");
    }
}
