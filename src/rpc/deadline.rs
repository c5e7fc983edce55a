//! How long a call may take.

use std::time::Duration;

use tonic::codegen::http::HeaderMap;

use super::metadata;

/// The longest a call may take, and the default for a caller without a deadline.
pub(super) const MAX_DEADLINE: Duration = Duration::from_secs(120);
/// How long before the caller's deadline we answer, at most; a tenth of it when that is less. The answer has to arrive
/// before the caller stops waiting, and before tonic's own timer, which would answer CANCELLED without details.
const ANSWER_MARGIN: Duration = Duration::from_millis(20);

/// How long the call with these headers may take.
pub(super) fn allowance(headers: &HeaderMap) -> Duration {
    let asked = headers.get(metadata::TIMEOUT).and_then(|value| parse(value.to_str().ok()?));
    let deadline = asked.unwrap_or(MAX_DEADLINE).min(MAX_DEADLINE);
    deadline.saturating_sub(ANSWER_MARGIN.min(deadline / 10))
}

/// Reads the header: 1 to 8 digits and a unit. A malformed header counts as absent, as in the gRPC libraries.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| fits)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(header: &'static str) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", header.parse().unwrap());
        allowance(&headers)
    }

    #[test]
    fn every_unit_is_understood() {
        let known = [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("5u", Duration::from_micros(5)),
            ("6n", Duration::from_nanos(6)),
        ];
        for (text, expected) in known {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_timeout_counts_as_absent() {
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "1 S", "1ä"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(allowed("soon"), allowance(&HeaderMap::new()));
    }

    #[test]
    fn the_answer_goes_out_before_the_deadline_and_never_later_than_the_cap() {
        assert_eq!(allowed("1S"), Duration::from_millis(980));
        assert_eq!(allowed("10m"), Duration::from_millis(9));
        assert_eq!(allowed("0S"), Duration::ZERO);
        assert!(allowed("99999999H") < MAX_DEADLINE);
        assert!(allowance(&HeaderMap::new()) < MAX_DEADLINE);
    }
}
