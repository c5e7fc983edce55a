//! The settings of Corefy's `commerce` API: its hosts, the account, and which of the account's services pays what.

use std::collections::BTreeMap;

use secrecy::SecretString;
use url::Url;

use super::{
    report::{SettingsReport, given},
    rules::{API_KEY_LENGTH, FROM_COREFY, check_mode, encrypted, is_address},
    settings::UpstreamSettings,
};
use crate::domain::money::Currency;

/// The longest account id, type code or service code, in characters.
const LONGEST_CODE: usize = 100;
/// The form of a list of services.
const SERVICES: &str = "services such as card:EUR=payment_card_eur_hpp or ideal=ideal_eur_hpp, separated by commas";

/// The part of the connection to Corefy that only the `commerce` API has.
#[derive(Clone, Debug)]
pub struct CommerceConfig {
    /// The account, which begins with `coma_`; sent with each request.
    pub account_id: String,
    /// The Card Gate: scheme, host, and the path that comes before all others. Without it no card is confirmed.
    pub card_gate_url: Option<Url>,
    /// The public API, in the same form; `None`: below the host of the private one.
    pub public_url: Option<Url>,
    /// Opens the public API, which tells what an account can be paid by.
    pub public_key: Option<SecretString>,
    /// Where Corefy sends its callbacks; `None`: where the account's settings say.
    pub callback_url: Option<Url>,
    /// The service that pays a type of payment method, in a currency or in all that have no entry of their own.
    pub services: BTreeMap<(String, Option<Currency>), String>,
}

impl UpstreamSettings {
    /// The private API's address, which Corefy gives each account.
    pub(super) fn commerce_base_url(&self, report: &mut SettingsReport) -> Option<Url> {
        match address("COREFY_BASE_URL", self.corefy_base_url.as_deref(), report)? {
            Some(url) => Some(url),
            None => report.wrong("COREFY_BASE_URL", "is missing; Corefy's account manager gives each account its own"),
        }
    }

    /// The settings that only this API has.
    pub(super) fn commerce(&self, is_test: bool, report: &mut SettingsReport) -> Option<CommerceConfig> {
        let account_id = match self.corefy_account_id.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => report.value("COREFY_ACCOUNT_ID", text, "an account's id such as coma_…", code),
            None => report.wrong("COREFY_ACCOUNT_ID", format_args!("is missing; {FROM_COREFY}")),
        };
        let card_gate_url = address("COREFY_CARD_GATE_URL", self.corefy_card_gate_url.as_deref(), report);
        let public_url = address("COREFY_PUBLIC_URL", self.corefy_public_url.as_deref(), report);
        let callback_url = address("COREFY_CALLBACK_URL", self.corefy_callback_url.as_deref(), report);
        let public_key = report.optional_secret("COREFY_PUBLIC_KEY", &self.corefy_public_key, API_KEY_LENGTH);
        let services = self.services(report);
        for (variable, key) in
            [("COREFY_PUBLIC_KEY", &self.corefy_public_key), ("COREFY_WEBHOOK_SECRET", &self.corefy_webhook_secret)]
        {
            given(key).iter().for_each(|key| check_mode(variable, key, is_test, report));
        }
        Some(CommerceConfig {
            account_id: account_id?,
            card_gate_url: card_gate_url?,
            public_url: public_url?,
            public_key: public_key?,
            callback_url: callback_url?,
            services: services?,
        })
    }

    fn services(&self, report: &mut SettingsReport) -> Option<BTreeMap<(String, Option<Currency>), String>> {
        const VARIABLE: &str = "COREFY_SERVICES";
        let entries = report.list(VARIABLE, self.corefy_services.as_deref(), SERVICES, service)?;
        let mut services = BTreeMap::new();
        for (kind, currency, service) in entries {
            let name = currency.map_or_else(|| kind.clone(), |currency| format!("{kind}:{}", currency.code()));
            if services.insert((kind, currency), service).is_some() {
                return report.wrong(VARIABLE, format_args!("must name {name} once"));
            }
        }
        Some(services)
    }
}

/// An address with any path: the inner `None` when there is none. The text is not shown: it may hold a password.
fn address(variable: &str, text: Option<&str>, report: &mut SettingsReport) -> Option<Option<Url>> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Some(None) };
    match Url::parse(text).ok().filter(is_address) {
        None => report.wrong(variable, "must be a scheme, a host and perhaps a path, such as https://com.example/api"),
        Some(url) => encrypted(variable, url, report).map(Some),
    }
}

/// `TYPE=SERVICE` or `TYPE:CURRENCY=SERVICE`.
fn service(text: &str) -> Option<(String, Option<Currency>, String)> {
    let (left, service) = text.split_once('=')?;
    let (kind, currency) = match left.split_once(':') {
        Some((kind, currency)) => (kind, Some(Currency::parse_payable(currency.trim()).ok()?)),
        None => (left, None),
    };
    Some((code(kind)?, currency, code(service)?))
}

/// A code as Corefy has them: letters, digits, `_` and `-`.
fn code(text: &str) -> Option<String> {
    let text = text.trim();
    let is_code = (1..=LONGEST_CODE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    is_code.then(|| text.to_owned())
}
