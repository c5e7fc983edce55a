//! The operator's choice of the payments that the gateway takes.

use super::{
    amount_limits::{self, AmountLimits},
    money::{Currency, Money},
};

/// Rules for new payments. What was taken before they were changed goes on by itself.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    /// The currencies; empty: all that payments can be made in.
    pub currencies: Vec<Currency>,
    /// The largest amounts.
    pub amount_limits: AmountLimits,
    /// Schemes of apps, beside http and https, that payers may be sent back to: `myapp`.
    pub return_url_schemes: Vec<String>,
}

impl Acceptance {
    /// Whether payments may be made in `currency`.
    pub fn takes(&self, currency: Currency) -> bool {
        self.currencies.is_empty() || self.currencies.contains(&currency)
    }

    /// The largest amount in each currency that payments may be made in, by code.
    pub fn largest_amounts(&self) -> Vec<Money> {
        let taken = amount_limits::currencies().filter(|currency| self.takes(*currency));
        let mut amounts: Vec<_> = taken.map(|currency| self.amount_limits.of(currency)).collect();
        amounts.sort_unstable_by_key(|amount| amount.currency.code());
        amounts
    }
}
