//! The kinds of payment methods that the Corefy account accepts: asked for once a minute at most for each
//! amount, however many callers ask.

use super::{call::Caller, payments::Payments};
use crate::{
    domain::{
        money::{Currency, Money},
        payment_method::SupportedPaymentMethod,
    },
    error::Error,
    upstream::{Priority, Scheduling},
};

mod cache;

pub(super) use cache::SupportedCache;

impl Payments {
    /// Names the kinds of payment methods that the account accepts, as Corefy showed them within the last minute; with an amount, as
    /// far as Corefy tells which take it. Callers that ask for the same at one time wait for one answer; a failure is not kept.
    pub async fn list_supported_payment_methods(
        &self,
        caller: &Caller,
        currency: Option<Currency>,
        amount: Option<Money>,
    ) -> Result<Vec<SupportedPaymentMethod>, Error> {
        let scheduling = Scheduling::until(Priority::Read, caller.deadline);
        let methods = self.supported.get(&*self.upstream, amount, scheduling, self.now()).await?;
        let is_wanted = |method: &&SupportedPaymentMethod| {
            let currencies = &method.currencies;
            currency
                .is_none_or(|currency| currencies.is_empty() || currencies.iter().any(|code| code == currency.code()))
        };
        Ok(methods.iter().filter(is_wanted).cloned().collect())
    }
}
