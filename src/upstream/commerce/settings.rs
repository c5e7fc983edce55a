//! The settings of the dialect: where its other hosts are, and which service at Corefy serves which payment method.

use std::collections::BTreeMap;

use url::Url;

use crate::domain::{money::Currency, payment_method::CARD};
use crate::upstream::transport::{SetupError, require_host};

/// Where and how a commerce account is used.
#[derive(Clone, Debug)]
pub struct CommerceSettings {
    /// The Card Gate, which takes cards: `http` or `https`, host and path. Without it cards are paid on Corefy's page alone.
    pub card_gate_url: Option<Url>,
    /// The public API, which tells the services of the account. Without it, or without a public key, only those of
    /// [`Self::services`] are known.
    pub public_url: Option<Url>,
    /// The address that callbacks are sent to; `None`: the one that the account is set to.
    pub callback_url: Option<Url>,
    /// Whether payments are made in test mode, where no money moves.
    pub test_mode: bool,
    /// Corefy's service codes by our type code, for one currency or for all that have no code of their own.
    pub services: BTreeMap<(String, Option<Currency>), String>,
}

impl CommerceSettings {
    /// Fails when a host cannot be called.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let check = |name, url: &Option<Url>| url.as_ref().map_or(Ok(()), |url| require_host(name, url));
        check("Card Gate's URL", &self.card_gate_url)?;
        check("public API's URL", &self.public_url)
    }

    /// The service for a type of payment method. Cards have one in any case, by Corefy's own rule for the names of services.
    pub(super) fn service(&self, kind: &str, currency: Currency) -> Option<String> {
        let of = |currency| self.services.get(&(kind.to_owned(), currency)).cloned();
        let default = || (kind == CARD).then(|| format!("payment_card_{}_hpp", currency.code().to_ascii_lowercase()));
        of(Some(currency)).or_else(|| of(None)).or_else(default)
    }

    /// The type of payment method that a service serves, when it serves one that we know.
    pub(super) fn kind_of(&self, service: &str, currency: Currency) -> Option<&str> {
        let kinds = self.services.keys().map(|(kind, _)| kind.as_str()).chain([CARD]);
        kinds.into_iter().find(|kind| self.service(kind, currency).as_deref() == Some(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(services: &[(&str, Option<&str>, &str)]) -> CommerceSettings {
        let currency = |code: &str| Currency::parse(code).unwrap();
        CommerceSettings {
            card_gate_url: Url::parse("https://gate.test").ok(),
            public_url: None,
            callback_url: None,
            test_mode: true,
            services: services
                .iter()
                .map(|(kind, code, service)| (((*kind).to_owned(), code.map(currency)), (*service).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn a_service_for_one_currency_goes_before_one_for_all_and_cards_always_have_one() {
        let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
        let known = settings(&[("blik", None, "blik_eur_hpp"), ("blik", Some("USD"), "blik_usd_hpp")]);
        assert_eq!(known.service("blik", eur).as_deref(), Some("blik_eur_hpp"));
        assert_eq!(known.service("blik", usd).as_deref(), Some("blik_usd_hpp"));
        assert_eq!(known.service("card", usd).as_deref(), Some("payment_card_usd_hpp"));
        assert_eq!(known.service("ideal", eur), None);
        let own = settings(&[("card", None, "bank_card_hpp")]);
        assert_eq!(own.service("card", usd).as_deref(), Some("bank_card_hpp"));
        assert_eq!(own.kind_of("bank_card_hpp", usd), Some("card"));
        assert_eq!(known.kind_of("blik_eur_hpp", usd), None);
    }

    #[test]
    fn a_host_that_cannot_be_called_is_refused() {
        let mut wrong = settings(&[]);
        assert!(wrong.check().is_ok());
        wrong.public_url = Url::parse("file:///etc").ok();
        assert!(wrong.check().is_err());
    }
}
