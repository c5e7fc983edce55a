//! The operator's choice of the payments that the gateway takes.

use super::{amount_limits::AmountLimits, money::Currency};

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
}
