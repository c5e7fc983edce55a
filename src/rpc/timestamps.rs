//! Moments on the wire.

use prost_types::Timestamp as Wire;

use crate::domain::clock::{TimeRange, Timestamp};

use super::fields::Fields;

/// The seconds that protobuf allows: the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Nanoseconds in a second.
const SECOND: i32 = 1_000_000_000;

/// A moment as callers see it.
pub(super) fn wire(time: Timestamp) -> Wire {
    let micros = i32::try_from(time.0.rem_euclid(1_000_000)).unwrap_or_default();
    Wire { seconds: time.seconds(), nanos: micros * 1000 }
}

/// Reads a bound of a time range. A bound finer than a microsecond is rounded up: moments are stored in microseconds,
/// and lie before the given bound exactly when they lie before the rounded one.
pub(super) fn bound(fields: &mut Fields, field: &str, time: Option<Wire>) -> Option<Timestamp> {
    let time = time?;
    if !SECONDS.contains(&time.seconds) || !(0..SECOND).contains(&time.nanos) {
        fields.refuse(field, "must be a time in the years 1 to 9999, with 0 to 999999999 nanoseconds");
        return None;
    }
    let micros = i64::from(time.nanos).div_euclid(1000) + i64::from(time.nanos % 1000 != 0);
    Some(Timestamp(Timestamp::from_seconds(time.seconds).0 + micros))
}

/// Reads the range between `{name}_from` and `{name}_before`, which must not be empty.
pub(super) fn range(fields: &mut Fields, name: &str, from: Option<Wire>, before: Option<Wire>) -> TimeRange {
    let (lower, upper) = (format!("{name}_from"), format!("{name}_before"));
    let range = TimeRange { from: bound(fields, &lower, from), before: bound(fields, &upper, before) };
    if range.from.is_some_and(|from| range.before.is_some_and(|before| from >= before)) {
        fields.refuse(&lower, format!("must be before {upper}"));
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(seconds: i64, nanos: i32) -> Option<Timestamp> {
        let mut fields = Fields::default();
        let time = bound(&mut fields, "created_from", Some(Wire { seconds, nanos }));
        fields.finish(time).ok()
    }

    #[test]
    fn moments_survive_the_wire() {
        for micros in [0, 1, 1_764_000_000_123_456, -1, -1_000_001] {
            let sent = wire(Timestamp(micros));
            assert_eq!(read(sent.seconds, sent.nanos), Some(Timestamp(micros)));
        }
    }

    #[test]
    fn what_is_finer_than_a_microsecond_is_rounded_up() {
        assert_eq!(read(0, 1), Some(Timestamp(1)));
        assert_eq!(read(0, 999_999_999), Some(Timestamp(1_000_000)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, SECOND), (253_402_300_800, 0)] {
            assert_eq!(read(seconds, nanos), None);
        }
    }
}
