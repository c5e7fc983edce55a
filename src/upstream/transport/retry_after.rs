//! The `Retry-After` header: seconds, or a date.

use std::time::{Duration, SystemTime};

use crate::domain::clock::Timestamp;

/// The longest that Corefy can make a call wait before it is repeated.
pub const LONGEST: Duration = Duration::from_secs(10);

/// Reads the header at `now`, at most [`LONGEST`]. `None` when it is neither seconds nor a date (RFC 9110, 10.2.3).
pub fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let is_seconds = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wait =
        if is_seconds { Duration::from_secs(value.parse().unwrap_or(u64::MAX)) } else { date(value)?.since(now) };
    Some(wait.min(LONGEST))
}

/// Reads a date in each of the three forms that HTTP knows (RFC 9110, 5.6.7). One before 1970 counts as 1970.
pub fn date(value: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(value).ok()?;
    let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(Timestamp::from_seconds(i64::try_from(since.as_secs()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        let now = Timestamp::parse_rfc3339("1994-11-06T08:49:30Z").unwrap();
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ("0", seconds(0)),
            ("3", seconds(3)),
            (" 4 ", seconds(4)),
            ("86400", Some(LONGEST)),
            ("99999999999999999999999", Some(LONGEST)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", seconds(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", seconds(0)),
            ("Sun, 06 Nov 1994 18:49:37 GMT", Some(LONGEST)),
            ("Sunday, 06-Nov-94 08:49:36 GMT", seconds(6)),
            ("Sun Nov  6 08:49:35 1994", seconds(5)),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sunday, 06-Nov-94 08:49:36", None),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (value, expected) in cases {
            assert_eq!(parse(value, now), expected, "{value}");
        }
    }
}
