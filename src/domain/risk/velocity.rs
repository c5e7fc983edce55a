//! Velocities: how often something happened to a subject within a window, before the attempt that is decided about.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use serde::{Deserialize, Serialize};

use super::subject::Dimension;
use crate::domain::words::words;

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
#[serde(from = "Kept", into = "Kept")]
pub struct Velocities(BTreeMap<Key, i64>);

type Key = (Dimension, Measure, Window);

/// As they are kept, in few bytes, for every decision has them: the values of the windows, in their order.
type Kept = BTreeMap<Dimension, BTreeMap<Measure, Vec<i64>>>;

/// The name of each, as `ip/1h/attempts`.
static NAMES: LazyLock<BTreeMap<Key, String>> = LazyLock::new(|| {
    let keys = Dimension::ALL.iter().flat_map(|dimension| {
        let measures = Measure::ALL.iter().map(|measure| (*dimension, *measure));
        measures.flat_map(|(dimension, measure)| Window::ALL.iter().map(move |window| (dimension, measure, *window)))
    });
    keys.map(|key| (key, format!("{}/{}/{}", key.0.as_str(), key.2.as_str(), key.1.as_str()))).collect()
});

impl Velocities {
    /// Notes a value.
    pub fn set(&mut self, dimension: Dimension, window: Window, measure: Measure, value: i64) {
        if value != 0 {
            self.0.insert((dimension, measure, window), value);
        }
    }

    /// The value; 0 when nothing happened.
    pub fn get(&self, dimension: Dimension, window: Window, measure: Measure) -> i64 {
        self.0.get(&(dimension, measure, window)).copied().unwrap_or_default()
    }

    /// Every value that is not 0, as `ip/1h/attempts`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().filter_map(|(key, value)| Some((NAMES.get(key)?.as_str(), *value)))
    }
}

impl From<Velocities> for Kept {
    fn from(velocities: Velocities) -> Self {
        let mut kept = Self::new();
        for (dimension, measure, _) in velocities.0.keys() {
            let values = Window::ALL.iter().map(|window| velocities.get(*dimension, *window, *measure));
            kept.entry(*dimension).or_default().entry(*measure).or_insert_with(|| values.collect());
        }
        kept
    }
}

impl From<Kept> for Velocities {
    fn from(kept: Kept) -> Self {
        let mut velocities = Self::default();
        for (dimension, measures) in kept {
            for (measure, values) in measures {
                for (window, value) in Window::ALL.iter().zip(values) {
                    velocities.set(dimension, *window, measure, value);
                }
            }
        }
        velocities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn velocities_are_kept_in_few_bytes_and_named_in_full() {
        let mut velocities = Velocities::default();
        velocities.set(Dimension::Ip, Window::Hour, Measure::Attempts, 7);
        velocities.set(Dimension::Ip, Window::Week, Measure::Attempts, 9);
        velocities.set(Dimension::Bin, Window::TenMinutes, Measure::Amount, 500);
        velocities.set(Dimension::Card, Window::Day, Measure::Declines, 0);
        let json = serde_json::to_string(&velocities).unwrap();
        assert_eq!(json, r#"{"ip":{"attempts":[0,7,0,9]},"bin":{"amount":[500,0,0,0]}}"#);
        assert_eq!(serde_json::from_str::<Velocities>(&json).unwrap(), velocities);
        let named: Vec<_> = velocities.iter().collect();
        assert_eq!(named, [("ip/1h/attempts", 7), ("ip/7d/attempts", 9), ("bin/10m/amount", 500)]);
        assert_eq!(serde_json::from_str::<Velocities>("{}").unwrap(), Velocities::default());
    }
}
