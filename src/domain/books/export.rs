//! The range of an export, and from when on it is whole.

use std::time::Duration;

use super::{columns, columns::Heading, event, payment, refund};
use crate::domain::{clock::Timestamp, words::words};

/// How old rows must be to be exported. A row has the time at which it was decided, and is there once it is committed: a call is
/// refused whose commit takes longer than 5 seconds, and a commit of which the database does not say whether it stands is tried
/// three times for at most 10 seconds each. With [`CLOCK_SKEW`](crate::domain::clock::CLOCK_SKEW) between gateways that is
/// less than a minute; the rest is for machines that stood still in between.
pub const SETTLED_AFTER: Duration = Duration::from_secs(5 * 60);

words! {
    /// The objects that are exported.
    ExportedKind {
        /// Payment intents, each as it is now.
        Payments => "payments",
        /// Refunds, each as it is now.
        Refunds => "refunds",
        /// Events, each with its object as it was then.
        Events => "events",
    }
}

impl ExportedKind {
    /// The headings of its columns, in order.
    pub fn headings(self) -> Vec<Heading> {
        match self {
            Self::Payments => columns::headings(payment::COLUMNS),
            Self::Refunds => columns::headings(refund::COLUMNS),
            Self::Events => columns::headings(event::COLUMNS),
        }
    }
}

/// The objects of one kind that were made at `from` or later and before `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The kind.
    pub kind: ExportedKind,
    /// The beginning of the range, which is in it.
    pub from: Timestamp,
    /// The end of the range, which is not in it.
    pub before: Timestamp,
}

impl Export {
    /// Up to the last moment that is settled at `now`, where no end is given. The errors are the fields that are wrong, with why.
    pub fn new(
        kind: ExportedKind,
        from: Timestamp,
        before: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, (RangeEnd, String)> {
        let settled = now.before(SETTLED_AFTER);
        let before_or_now = before.unwrap_or(settled);
        let minutes = SETTLED_AFTER.as_secs() / 60;
        if before_or_now > settled {
            let why = format!("must lie at least {minutes} minutes back: before, rows may still come");
            return Err((RangeEnd::Before, why));
        }
        if from >= before_or_now {
            let why = match before {
                Some(_) => "must lie before the end of the range".to_owned(),
                None => format!("must lie more than {minutes} minutes back"),
            };
            return Err((RangeEnd::From, why));
        }
        Ok(Self { kind, from, before: before_or_now })
    }
}

/// The ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeEnd {
    /// The beginning.
    From,
    /// The end.
    Before,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_where_no_more_rows_come() {
        let minutes = |count: i64| Timestamp::from_seconds(count * 60);
        let made = |from, before: Option<i64>| {
            let made = Export::new(ExportedKind::Payments, minutes(from), before.map(minutes), minutes(100));
            made.map(|made| made.before).map_err(|(end, _)| end)
        };
        assert_eq!(made(10, None), Ok(minutes(95)));
        assert_eq!(made(10, Some(95)), Ok(minutes(95)));
        assert_eq!(made(10, Some(96)), Err(RangeEnd::Before));
        assert_eq!(made(20, Some(20)), Err(RangeEnd::From));
        assert_eq!(made(95, None), Err(RangeEnd::From));
    }
}
