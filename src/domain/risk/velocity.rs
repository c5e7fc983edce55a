//! Velocities: how often something happened to a subject within a window, before the attempt that is decided about.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{action::words, subject::Dimension};

words! {
    /// The windows, each to the present moment.
    Window {
        /// Ten minutes.
        TenMinutes => "10m",
        /// An hour.
        Hour => "1h",
        /// A day.
        Day => "24h",
        /// A week.
        Week => "7d",
    }
}

words! {
    /// The things that are counted.
    Measure {
        /// Attempts that were let through, whatever came of them.
        Attempts => "attempts",
        /// Attempts that the card's issuer declined.
        Declines => "declines",
        /// Different cards among the attempts; not kept for BINs.
        DistinctCards => "distinct_cards",
        /// The sum of the attempts' amounts, in minor units of the base currency; attempts without a rate are left out.
        Amount => "amount",
    }
}

impl Window {
    /// Its length.
    pub fn length(self) -> Duration {
        const MINUTE: u64 = 60;
        Duration::from_secs(match self {
            Self::TenMinutes => 10 * MINUTE,
            Self::Hour => 60 * MINUTE,
            Self::Day => 24 * 60 * MINUTE,
            Self::Week => 7 * 24 * 60 * MINUTE,
        })
    }
}

/// The velocities of an attempt's subjects. What is not in it is 0 where the dimension is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Velocities(BTreeMap<String, i64>);

impl Velocities {
    /// Notes a value.
    pub fn set(&mut self, dimension: Dimension, window: Window, measure: Measure, value: i64) {
        if value != 0 {
            self.0.insert(key(dimension, window, measure), value);
        }
    }

    /// The value; 0 when nothing happened.
    pub fn get(&self, dimension: Dimension, window: Window, measure: Measure) -> i64 {
        self.0.get(&key(dimension, window, measure)).copied().unwrap_or_default()
    }

    /// Every value that is not 0, as `ip/1h/attempts`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(key, value)| (key.as_str(), *value))
    }
}

fn key(dimension: Dimension, window: Window, measure: Measure) -> String {
    format!("{}/{}/{}", dimension.as_str(), window.as_str(), measure.as_str())
}
