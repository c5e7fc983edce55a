//! The client of Corefy that the settings ask for: one transport, and on it the dialect of the API that is spoken.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::harness::Harness;
use crate::{
    config::{CommerceConfig, Config, UpstreamApi, UpstreamConfig},
    domain::{capability::Capability, clock::Clock},
    telemetry::Telemetry,
    upstream::{
        Upstream,
        call_log::{CallLog, CallRecords},
        commerce::{self, Commerce, CommerceSettings},
        intents::{self, Intents},
        transport::{SetupError, TokenSource, Transport, TransportSettings},
    },
};

/// The client of Corefy, and the records of what it sends; connects only when something is sent. Without a `source` it
/// has the whole rate limit to itself.
pub fn upstream(
    config: &UpstreamConfig,
    harness: &Harness,
    telemetry: Telemetry,
    source: Option<Arc<dyn TokenSource>>,
) -> Result<(Arc<dyn Upstream>, CallRecords), SetupError> {
    let (transport, api_calls) = transport(config, harness)?;
    let transport = transport.with_telemetry(telemetry);
    let transport = match source {
        Some(source) => transport.with_token_source(source),
        None => transport,
    };
    Ok((dialect(config, transport, harness.environment.clock.clone())?, api_calls))
}

/// The `commerce` dialect alone, and the records of what it sends, for a test of an account.
pub fn commerce_upstream(
    config: &UpstreamConfig,
    commerce: &CommerceConfig,
    harness: &Harness,
) -> Result<(Commerce, CallRecords), SetupError> {
    let (transport, api_calls) = transport(config, harness)?;
    let (credentials, settings) = commerce_parts(config, commerce);
    Ok((Commerce::new(transport, credentials, settings, harness.environment.clock.clone())?, api_calls))
}

/// The way to Corefy, and the records of what goes over it.
fn transport(config: &UpstreamConfig, harness: &Harness) -> Result<(Transport, CallRecords), SetupError> {
    let settings = TransportSettings {
        base_url: config.base_url.clone(),
        proxy: config.route.proxy.clone(),
        timeout: config.timeout,
        retries: config.retry_count,
        rate_per_minute: config.rate_limit_per_minute.get(),
    };
    let redact = match &config.api {
        UpstreamApi::Intents { .. } => intents::REDACT,
        UpstreamApi::Commerce(_) => commerce::REDACT,
    };
    let (log, api_calls) = CallLog::new(redact);
    let environment = harness.environment.clone();
    let transport = match harness.sender.clone() {
        Some(sender) => Transport::sending_by(sender, settings, environment, log),
        None => Transport::new(settings, environment, log),
    };
    Ok((transport?, api_calls))
}

/// The dialect of the API that is set, on this transport.
fn dialect(config: &UpstreamConfig, transport: Transport, clock: Clock) -> Result<Arc<dyn Upstream>, SetupError> {
    match &config.api {
        UpstreamApi::Intents { secret_key, client_key } => {
            let credentials = intents::Credentials {
                api_key: config.api_key.clone(),
                secret_key: secret_key.clone(),
                client_key: client_key.clone(),
                webhook_secrets: webhook_secrets(config),
            };
            Ok(Arc::new(Intents::new(transport, credentials, clock)?))
        }
        UpstreamApi::Commerce(commerce) => {
            let (credentials, settings) = commerce_parts(config, commerce);
            Ok(Arc::new(Commerce::new(transport, credentials, settings, clock)?))
        }
    }
}

/// The parts of the `commerce` dialect that the settings name.
fn commerce_parts(config: &UpstreamConfig, commerce: &CommerceConfig) -> (commerce::Credentials, CommerceSettings) {
    let public_key = commerce.public_key.as_ref().map(|key| key.expose_secret().to_owned());
    let credentials = commerce::Credentials {
        account_id: commerce.account_id.clone(),
        api_key: config.api_key.clone(),
        webhook_secrets: webhook_secrets(config),
        public_key,
    };
    let mut public_url = config.base_url.clone();
    public_url.set_path("");
    let settings = CommerceSettings {
        card_gate_url: commerce.card_gate_url.clone(),
        public_url: Some(commerce.public_url.clone().unwrap_or(public_url)),
        callback_url: commerce.callback_url.clone(),
        test_mode: config.sandbox_mode,
        services: commerce.services.clone(),
    };
    (credentials, settings)
}

/// The secrets that webhooks may be signed with.
fn webhook_secrets(config: &UpstreamConfig) -> Vec<SecretString> {
    [&config.webhook_secret, &config.webhook_secret_previous].into_iter().flatten().cloned().collect()
}

/// The things that requests may ask for: what the dialect can do, as far as the operator wants it.
pub(super) fn capabilities(upstream: &dyn Upstream, config: &Config) -> Vec<Capability> {
    let is_wanted = |capability: &Capability| config.raw_cards || *capability != Capability::RawCards;
    upstream.capabilities().iter().copied().filter(is_wanted).collect()
}
