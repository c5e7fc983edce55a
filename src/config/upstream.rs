//! Where Corefy is, and how to speak to it: the rules that hold for each of its APIs, and those of `intents`.

use std::{num::NonZeroU32, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::{
    UpstreamRoute,
    commerce::CommerceConfig,
    report::{SettingsReport, given},
    rules::{
        API_KEY_LENGTH, CLIENT_KEY_LENGTH, FROM_COREFY, SECRET_KEY_LENGTH, WEBHOOK_SECRET_LENGTH, encrypted,
        is_scheme_and_host,
    },
    settings::UpstreamSettings,
};
use crate::domain::operation::LONGEST_TIMEOUT_SECONDS;

/// Where Corefy is, and how to speak to it.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The API that is spoken, and what only that one needs.
    pub api: UpstreamApi,
    /// Sent with each request. Visible ASCII.
    pub api_key: SecretString,
    /// Scheme, host and port; in the `commerce` API with the path that comes before all others.
    pub base_url: Url,
    /// The way there.
    pub route: UpstreamRoute,
    /// Verifies webhooks; without it every webhook is refused.
    pub webhook_secret: Option<SecretString>,
    /// The webhook secret before the last change.
    pub webhook_secret_previous: Option<SecretString>,
    /// For one request as a whole.
    pub timeout: Duration,
    /// How often a request that is safe to repeat is repeated.
    pub retry_count: u32,
    /// Requests in any 60 seconds at most.
    pub rate_limit_per_minute: NonZeroU32,
    /// Whether Corefy is asked to take the traffic as a test.
    pub sandbox_mode: bool,
}

/// The APIs of Corefy that the gateway speaks, each with what only it needs.
#[derive(Clone, Debug)]
pub enum UpstreamApi {
    /// Payment intents.
    Intents {
        /// Signs requests, is never sent.
        secret_key: SecretString,
        /// Sent with each request; names the merchant. Visible ASCII.
        client_key: SecretString,
    },
    /// Payment invoices and the Card Gate.
    Commerce(Box<CommerceConfig>),
}

impl UpstreamApi {
    /// The settings that authenticate the gateway to Corefy, for people.
    pub fn credentials(&self) -> &'static str {
        match self {
            Self::Intents { .. } => "COREFY_API_KEY, COREFY_SECRET_KEY and COREFY_CLIENT_KEY",
            Self::Commerce(_) => "COREFY_ACCOUNT_ID and COREFY_API_KEY",
        }
    }
}

/// The names of the APIs, as they are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiName {
    Intents,
    Commerce,
}

impl ApiName {
    pub(super) fn read(text: &str, report: &mut SettingsReport) -> Option<Self> {
        report.value("COREFY_API", text, "intents or commerce", Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "intents" => Some(Self::Intents),
            "commerce" => Some(Self::Commerce),
            _ => None,
        }
    }
}

impl UpstreamSettings {
    pub(super) fn read(&self, report: &mut SettingsReport) -> Option<UpstreamConfig> {
        let name = ApiName::read(&self.corefy_api, report);
        let sandbox_mode = report.truth("COREFY_SANDBOX_MODE", &self.corefy_sandbox_mode);
        let is_test = sandbox_mode.unwrap_or_default();
        let api_key = report.secret("COREFY_API_KEY", &self.corefy_api_key, API_KEY_LENGTH, FROM_COREFY);
        let api = name.and_then(|name| self.api(name, is_test, report));
        let base_url = name.and_then(|name| match name {
            ApiName::Intents => self.base_url(is_test, report),
            ApiName::Commerce => self.commerce_base_url(report),
        });
        let route = base_url.as_ref().and_then(|base_url| UpstreamRoute::of_process(base_url, report));
        let timeout = report.whole("COREFY_TIMEOUT_SECONDS", &self.corefy_timeout_seconds, 1..=LONGEST_TIMEOUT_SECONDS);
        let retry_count = report.whole("COREFY_RETRY_COUNT", &self.corefy_retry_count, 0..=10);
        let rate_limit =
            report.whole("COREFY_RATE_LIMIT_PER_MINUTE", &self.corefy_rate_limit_per_minute, 1..=1_000_000);
        let webhook_secrets = self.webhook_secrets(report);
        let (webhook_secret, webhook_secret_previous) = webhook_secrets?;
        Some(UpstreamConfig {
            api: api?,
            api_key: api_key?,
            base_url: base_url?,
            route: route?,
            webhook_secret,
            webhook_secret_previous,
            timeout: Duration::from_secs(timeout?.into()),
            retry_count: retry_count?,
            rate_limit_per_minute: NonZeroU32::new(rate_limit?)?,
            sandbox_mode: sandbox_mode?,
        })
    }

    fn api(&self, name: ApiName, is_test: bool, report: &mut SettingsReport) -> Option<UpstreamApi> {
        if name == ApiName::Commerce {
            return self.commerce(is_test, report).map(|config| UpstreamApi::Commerce(Box::new(config)));
        }
        let secret_key = report.secret("COREFY_SECRET_KEY", &self.corefy_secret_key, SECRET_KEY_LENGTH, FROM_COREFY);
        let client_key = report.secret("COREFY_CLIENT_KEY", &self.corefy_client_key, CLIENT_KEY_LENGTH, FROM_COREFY);
        Some(UpstreamApi::Intents { secret_key: secret_key?, client_key: client_key? })
    }

    /// The previous secret serves a change of secrets; alone it is a mistake.
    fn webhook_secrets(&self, report: &mut SettingsReport) -> Option<(Option<SecretString>, Option<SecretString>)> {
        const PREVIOUS: &str = "COREFY_WEBHOOK_SECRET_PREVIOUS";
        if given(&self.corefy_webhook_secret).is_none() && given(&self.corefy_webhook_secret_previous).is_some() {
            return report.wrong(PREVIOUS, "must not be set without COREFY_WEBHOOK_SECRET");
        }
        let mut read = |variable, secret| report.optional_secret(variable, secret, WEBHOOK_SECRET_LENGTH);
        let current = read("COREFY_WEBHOOK_SECRET", &self.corefy_webhook_secret);
        current.zip(read(PREVIOUS, &self.corefy_webhook_secret_previous))
    }

    fn base_url(&self, is_test: bool, report: &mut SettingsReport) -> Option<Url> {
        let default = if is_test { "https://api.sandbox.corefy.com" } else { "https://api.corefy.com" };
        let text = self.corefy_base_url.as_deref().filter(|text| !text.is_empty()).unwrap_or(default);
        match Url::parse(text).ok().filter(is_scheme_and_host) {
            // The text is not shown: it may hold a password.
            None => report.wrong("COREFY_BASE_URL", "must be a scheme and a host such as https://api.corefy.com"),
            Some(url) => encrypted("COREFY_BASE_URL", url, report),
        }
    }
}
