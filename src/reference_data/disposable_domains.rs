//! The list of domains that give disposable email addresses: one a line, in any case; empty lines and lines that begin with `#`
//! do not count.

use std::collections::HashSet;

/// Lines at most.
const MOST_LINES: usize = 2_000_000;
/// Bytes of a domain at most.
const LONGEST_DOMAIN: usize = 253;

/// The list.
pub(super) struct DisposableDomains(HashSet<Box<str>>);

impl DisposableDomains {
    pub(super) fn read(content: Vec<u8>) -> Result<Self, String> {
        let text = String::from_utf8(content).map_err(|_| "is not UTF-8".to_owned())?;
        let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim));
        let domains = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let domain = |(number, line): (usize, &str)| match number {
            MOST_LINES.. => Err(format!("has more than {MOST_LINES} lines")),
            _ if is_domain(line) => Ok(line.to_lowercase().into()),
            _ => Err(format!("line {number}: must be a domain such as example.com")),
        };
        domains.map(domain).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the domain or one above it is on the list.
    pub(super) fn has(&self, domain: &str) -> bool {
        let mut rest = Some(domain);
        while let Some(domain) = rest {
            if self.0.contains(domain) {
                return true;
            }
            rest = domain.split_once('.').map(|(_, above)| above);
        }
        false
    }
}

fn is_domain(line: &str) -> bool {
    line.len() <= LONGEST_DOMAIN
        && line.contains('.')
        && !line.contains(|c: char| c.is_whitespace() || c.is_control() || "@/:,;*".contains(c))
}
