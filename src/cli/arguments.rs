//! How the values of flags that several commands share are read.

use std::time::Duration;

use crate::domain::clock::{Clock, Timestamp};

/// A moment as RFC 3339, or how long it is past: `30m`, `24h`, `7d`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let past = age(text).map(|age| Timestamp(Clock::system().now().0.saturating_sub(micros(age))));
    let wrong = || "must be a time such as 2026-11-23T10:00:00Z, or an age such as 30m, 24h or 7d".to_owned();
    past.or_else(|| Timestamp::parse_rfc3339(text)).ok_or_else(wrong)
}

fn age(text: &str) -> Option<Duration> {
    let seconds = match text.chars().last()? {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    Some(Duration::from_secs(seconds * u64::from(number)))
}

fn micros(age: Duration) -> i64 {
    i64::try_from(age.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        assert_eq!(moment("2026-11-23T10:00:00Z"), Ok(Timestamp(1_795_428_000_000_000)));
        let two_hours_past = moment("2h").unwrap();
        let seconds = Clock::system().now().since(two_hours_past).as_secs();
        assert!((7200..7260).contains(&seconds), "{seconds}");
        for wrong in ["", "h", "-1h", "1w", "yesterday", "1é"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
