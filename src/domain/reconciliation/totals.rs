//! The sums of a comparison.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::difference::{Certainty, Difference, DifferenceKind};

/// How many payments were compared, and the differences by kind, certainty and currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Payments that were compared.
    pub compared: u64,
    /// Payments that could not be compared.
    pub not_compared: u64,
    /// The sums, in the order of kinds.
    pub differences: Vec<Total>,
}

/// The differences of one kind, certainty and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// The kind.
    pub kind: DifferenceKind,
    /// Whether they stay.
    pub certainty: Certainty,
    /// The code of the currency.
    pub currency: String,
    /// How many there are.
    pub count: u64,
    /// The sum of the amounts that they are about, as a decimal.
    pub at_stake: rust_decimal::Decimal,
}

impl Totals {
    /// Adds a difference.
    pub fn add(&mut self, difference: &Difference) {
        let (amount, code) = (difference.at_stake.major(), difference.at_stake.currency.code());
        let place = |total: &Total| (total.kind, total.certainty, total.currency.clone());
        let key = (difference.kind, difference.certainty, code.to_owned());
        match self.differences.binary_search_by(|total| place(total).cmp(&key)) {
            Ok(found) => {
                let total = &mut self.differences[found];
                total.count += 1;
                total.at_stake = total.at_stake.saturating_add(amount);
            }
            Err(free) => {
                let (kind, certainty, currency) = key;
                self.differences.insert(free, Total { kind, certainty, currency, count: 1, at_stake: amount });
            }
        }
    }

    /// How many differences stay.
    pub fn real(&self) -> u64 {
        self.of(Certainty::Real)
    }

    /// How many may be gone at the next look.
    pub fn pending(&self) -> u64 {
        self.of(Certainty::Pending)
    }

    fn of(&self, certainty: Certainty) -> u64 {
        self.differences.iter().filter(|total| total.certainty == certainty).map(|total| total.count).sum()
    }

    /// How many real differences there are of each kind.
    pub fn real_by_kind(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for total in self.differences.iter().filter(|total| total.certainty == Certainty::Real) {
            *counts.entry(total.kind.as_str()).or_default() += total.count;
        }
        counts
    }
}
