//! Faults of DATABASE_URL that can be seen before the database is looked for. The text itself is never shown: it may hold a
//! password.

use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

/// Says what DATABASE_URL must be.
const FORM: &str = "must be sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME";
/// Says the same of one that was torn apart by a character of its password.
const ENCODE: &str = "must be postgres://USER:PASSWORD@HOST/NAME, in which #, /, ?, %, @ and spaces of the user and the password \
                      are written as %23, %2F, %3F, %25, %40 and %20";
/// Says that nothing is kept in memory.
const MEMORY: &str =
    "must name a file: what SQLite keeps in memory is lost with the process, payments in doubt among it";
/// Says that the gateway writes.
const WRITABLE: &str = "must not open the file read-only: the gateway writes every payment to it";

/// The fault of `url`, as a sentence about it.
pub(super) fn fault(url: &str) -> Option<&'static str> {
    if let Some(rest) = url.strip_prefix("sqlite://") {
        return sqlite_fault(rest);
    }
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    match rest {
        None | Some("") => Some(FORM),
        Some(_) => postgres_fault(url),
    }
}

fn sqlite_fault(rest: &str) -> Option<&'static str> {
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let Ok(path) = percent_decode_str(path).decode_utf8() else { return Some(FORM) };
    let mut parameters = form_urlencoded::parse(parameters.as_bytes());
    if path.is_empty() || path.ends_with('/') {
        return Some(FORM);
    }
    if path == ":memory:" || parameters.clone().any(|(name, value)| name == "mode" && value == "memory") {
        return Some(MEMORY);
    }
    let is_read_only =
        parameters.any(|(name, value)| (name == "mode" && value == "ro") || (name == "immutable" && value != "false"));
    is_read_only.then_some(WRITABLE)
}

/// A `#`, `/` or `?` in a password ends what is before the host, so that the rest of it stands in a later part, with the
/// `@` that follows it.
fn postgres_fault(url: &str) -> Option<&'static str> {
    let Ok(parsed) = Url::parse(url) else { return Some(ENCODE) };
    let is_torn = parsed.fragment().is_some()
        || parsed.path().contains('@')
        || parsed.query().is_some_and(|query| query.contains('@'));
    let has_host = parsed.host_str().is_some_and(|host| !host.is_empty())
        || parsed.query_pairs().any(|(name, value)| name == "host" && !value.is_empty());
    match (is_torn, has_host) {
        (true, _) => Some(ENCODE),
        (false, false) => Some(FORM),
        (false, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_used_has_no_fault() {
        for url in [
            "sqlite://corefy-gateway.db",
            "sqlite:///var/lib/my%20gateway/a.db?mode=rwc",
            "postgres://app:p%23w@db.example/payments",
            "postgresql://app@[::1]:6432/payments?sslmode=verify-full",
            "postgres://app:p@ss@db.example/payments",
            "postgres:///payments?host=/var/run/postgresql",
            "postgres://app:pw@db.example",
        ] {
            assert_eq!(fault(url), None, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (url, expected) in [
            ("", FORM),
            ("mysql://host/name", FORM),
            ("sqlite://", FORM),
            ("sqlite://?mode=rwc", FORM),
            ("sqlite:///var/lib/", FORM),
            ("sqlite://%ff.db", FORM),
            ("sqlite://:memory:", MEMORY),
            ("sqlite://%3Amemory%3A", MEMORY),
            ("sqlite://a.db?cache=shared&mode=memory", MEMORY),
            ("sqlite://a.db?mode=ro", WRITABLE),
            ("sqlite://a.db?immutable=true", WRITABLE),
            ("postgres://", FORM),
            ("postgres:///payments", FORM),
            ("postgres://app:p#w@db.example/payments", ENCODE),
            ("postgres://app:12#w@db.example/payments", ENCODE),
            ("postgres://app:p/w@db.example/payments", ENCODE),
            ("postgres://app:12/w@db.example/payments", ENCODE),
            ("postgres://app:p?w@db.example/payments", ENCODE),
            ("postgres://app:12?w@db.example/payments", ENCODE),
        ] {
            assert_eq!(fault(url), Some(expected), "{url}");
        }
    }
}
