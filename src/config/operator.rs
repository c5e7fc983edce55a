//! The operator that gives a command, as far as the machine knows: for the audit log.

use std::{env, fs, os::unix::fs::MetadataExt as _};

use crate::domain::audit::Operator;

/// The longest name that is kept, in characters.
const MAX_NAME: usize = 100;

/// The user that runs this process, and the host.
pub fn this_operator() -> Operator {
    let taken_on_by = env::var("SUDO_USER").map(|user| format!(" (sudo by {user})")).unwrap_or_default();
    let user = user().unwrap_or_else(|| "unknown".to_owned()) + &taken_on_by;
    let host = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    Operator { user: clean(&user), host: host.map_or_else(|_| "unknown".to_owned(), |host| clean(&host)) }
}

/// The owner of this process by the system's own account of it; what the environment says anyone can set, so that counts
/// only where there is no such account.
fn user() -> Option<String> {
    let Ok(process) = fs::metadata("/proc/self") else { return env::var("USER").ok() };
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(process.uid(), &users).unwrap_or_else(|| format!("uid {}", process.uid())))
}

/// The name of a user in a text of the form of `/etc/passwd`.
fn name_of(uid: u32, users: &str) -> Option<String> {
    let uid = uid.to_string();
    users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| match fields[..] {
        [name, _, id, ..] if id == uid => Some(name.to_owned()),
        _ => None,
    })
}

fn clean(name: &str) -> String {
    name.trim().chars().filter(|letter| !letter.is_control()).take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_its_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\njane:x:1000:1000::/home/jane:/bin/sh\n";
        assert_eq!(name_of(1000, users).as_deref(), Some("jane"));
        assert_eq!(name_of(0, users).as_deref(), Some("root"));
        assert_eq!(name_of(1, users), None);
    }

    #[test]
    fn a_name_cannot_break_a_line() {
        assert_eq!(clean("host\n\u{1b}[31m"), "host[31m");
    }
}
