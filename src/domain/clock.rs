//! Time as the gateway sees it: handed in, so that tests can turn it.

use std::fmt;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A moment, in microseconds since 1970-01-01 UTC: the form in which both databases keep it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// By how much the clocks of gateways on one database may differ without one taking another's for put back.
pub const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// A range of moments; a bound that is `None` does not bound it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub before: Option<Timestamp>,
}

impl TimeRange {
    /// Whether nothing bounds it.
    pub fn is_open(self) -> bool {
        self.from.is_none() && self.before.is_none()
    }
}

impl Timestamp {
    /// From whole seconds since 1970; saturates.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// Whether this moment is to come and was set at most `ahead` before it. One that is further ahead was set by a clock
    /// that has been put back since, and counts as past: nothing waits for a clock to catch up.
    pub fn is_awaited(self, now: Self, ahead: Duration) -> bool {
        now < self && self <= now + ahead + CLOCK_SKEW
    }

    /// Whether `period` has gone by at `now` since this moment. A moment that is to come was set by a clock that has been put
    /// back since, and counts as over.
    pub fn is_over(self, now: Self, period: Duration) -> bool {
        now < self || now.since(self) >= period
    }

    /// The moment that lies this duration before; saturates.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Parses RFC 3339, as `2026-11-23T10:00:00Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
        i64::try_from(time.unix_timestamp_nanos() / 1000).ok().map(Self)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .ok()
            .and_then(|time| time.format(&time::format_description::well_known::Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("out of range"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the time comes from. Cloned freely; all clones of a clock that can be turned turn together.
#[derive(Clone, Debug, Default)]
pub struct Clock(TimeSource);

/// The source of a clock's time; the numbers are microseconds.
#[derive(Clone, Debug, Default)]
enum TimeSource {
    /// The machine.
    #[default]
    Machine,
    /// The machine, and so much more.
    Ahead(Arc<AtomicI64>),
    /// A test, which turns it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(TimeSource::Machine)
    }

    /// The machine's clock, ahead of it by as much as [`Clock::advance`] is told.
    pub fn ahead() -> Self {
        Self(TimeSource::Ahead(Arc::default()))
    }

    /// A clock that stands at `start` until [`Clock::advance`] turns it.
    pub fn manual(start: Timestamp) -> Self {
        Self(TimeSource::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::Machine => of_machine(),
            TimeSource::Ahead(_) => of_machine() + self.lead(),
            TimeSource::Manual(micros) => Timestamp(micros.load(Ordering::SeqCst)),
        }
    }

    /// How far it is ahead of the machine's clock; zero for one that is not made to be.
    pub fn lead(&self) -> Duration {
        match &self.0 {
            TimeSource::Ahead(micros) => Duration::from_micros(micros.load(Ordering::SeqCst).unsigned_abs()),
            TimeSource::Machine | TimeSource::Manual(_) => Duration::ZERO,
        }
    }

    /// Turns the clock forward. Does nothing to the machine's.
    pub fn advance(&self, by: Duration) {
        if let TimeSource::Ahead(micros) | TimeSource::Manual(micros) = &self.0 {
            let turned = Timestamp(micros.load(Ordering::SeqCst)) + by;
            micros.store(turned.0, Ordering::SeqCst);
        }
    }

    /// Whether [`Clock::advance`] turns it.
    pub fn can_be_turned(&self) -> bool {
        !matches!(self.0, TimeSource::Machine)
    }

    /// Puts a manual clock back. Does nothing to another.
    pub fn put_back(&self, by: Duration) {
        if let TimeSource::Manual(micros) = &self.0 {
            micros.store(self.now().before(by).0, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
fn of_machine() -> Timestamp {
    Timestamp(i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_goes_on_with_the_machine_s() {
        let (clock, machine) = (Clock::ahead(), Clock::system());
        let day = Duration::from_secs(86_400);
        assert_eq!(clock.lead(), Duration::ZERO);
        clock.clone().advance(day);
        clock.put_back(day);
        assert_eq!(clock.lead(), day, "all clones turn, and forward only");
        let (before, ahead, after) = (machine.now(), clock.now(), machine.now());
        assert!(before + day <= ahead && ahead <= after + day);
        machine.advance(day);
        assert!(machine.now() < before + day && !machine.can_be_turned());
    }
}
