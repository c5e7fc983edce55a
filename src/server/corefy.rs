//! The client of Corefy that the settings ask for: one transport, and on it the dialect of the API that is spoken.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

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

/// The client of Corefy, with what belongs to it.
pub struct CorefyClient {
    /// The client; connects only when something is sent.
    pub upstream: Arc<dyn Upstream>,
    /// The records of what it sends.
    pub api_calls: CallRecords,
    /// The place of its credentials.
    pub credentials: CredentialsSender,
}

/// Hands the client of Corefy other credentials while it works.
pub enum CredentialsSender {
    /// For the `intents` API.
    Intents(watch::Sender<intents::Credentials>),
    /// For the `commerce` API.
    Commerce(watch::Sender<commerce::Credentials>),
}

impl CredentialsSender {
    /// Has the client use the credentials of these settings, for each request that begins and each webhook that comes from now on.
    ///
    /// # Errors
    /// When they cannot be used, or are those of another API; then nothing has changed.
    pub fn replace(&self, config: &UpstreamConfig) -> Result<(), SetupError> {
        match (self, &config.api) {
            (Self::Intents(place), UpstreamApi::Intents { secret_key, client_key }) => {
                let credentials = intents_credentials(config, secret_key, client_key);
                credentials.check()?;
                place.send_replace(credentials);
            }
            (Self::Commerce(place), UpstreamApi::Commerce(commerce)) => {
                let credentials = commerce_credentials(config, commerce);
                credentials.check()?;
                place.send_replace(credentials);
            }
            _ => return Err(SetupError::new("COREFY_API cannot change while the gateway runs")),
        }
        Ok(())
    }
}

/// The client of Corefy. Without a `source` it has the whole rate limit to itself.
pub fn upstream(
    config: &UpstreamConfig,
    harness: &Harness,
    telemetry: Telemetry,
    source: Option<Arc<dyn TokenSource>>,
) -> Result<CorefyClient, SetupError> {
    let (transport, api_calls) = transport(config, harness)?;
    let transport = transport.with_telemetry(telemetry);
    let transport = match source {
        Some(source) => transport.with_token_source(source),
        None => transport,
    };
    let (upstream, credentials) = dialect(config, transport, harness.environment.clock.clone())?;
    Ok(CorefyClient { upstream, api_calls, credentials })
}

/// The `commerce` dialect alone, and the records of what it sends, for a test of an account.
pub fn commerce_upstream(
    config: &UpstreamConfig,
    commerce: &CommerceConfig,
    harness: &Harness,
) -> Result<(Commerce, CallRecords), SetupError> {
    let (transport, api_calls) = transport(config, harness)?;
    let (_, credentials) = watch::channel(commerce_credentials(config, commerce));
    let settings = commerce_settings(config, commerce);
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

/// The dialect of the API that is set, on this transport, and the place of its credentials.
fn dialect(
    config: &UpstreamConfig,
    transport: Transport,
    clock: Clock,
) -> Result<(Arc<dyn Upstream>, CredentialsSender), SetupError> {
    match &config.api {
        UpstreamApi::Intents { secret_key, client_key } => {
            let (place, credentials) = watch::channel(intents_credentials(config, secret_key, client_key));
            Ok((Arc::new(Intents::new(transport, credentials, clock)?), CredentialsSender::Intents(place)))
        }
        UpstreamApi::Commerce(commerce) => {
            let (place, credentials) = watch::channel(commerce_credentials(config, commerce));
            let settings = commerce_settings(config, commerce);
            Ok((Arc::new(Commerce::new(transport, credentials, settings, clock)?), CredentialsSender::Commerce(place)))
        }
    }
}

fn intents_credentials(
    config: &UpstreamConfig,
    secret_key: &SecretString,
    client_key: &SecretString,
) -> intents::Credentials {
    intents::Credentials {
        api_key: config.api_key.clone(),
        secret_key: secret_key.clone(),
        client_key: client_key.clone(),
        webhook_secrets: webhook_secrets(config),
    }
}

fn commerce_credentials(config: &UpstreamConfig, commerce: &CommerceConfig) -> commerce::Credentials {
    commerce::Credentials {
        account_id: commerce.account_id.clone(),
        api_key: config.api_key.clone(),
        webhook_secrets: webhook_secrets(config),
        public_key: commerce.public_key.as_ref().map(|key| key.expose_secret().to_owned()),
    }
}

fn commerce_settings(config: &UpstreamConfig, commerce: &CommerceConfig) -> CommerceSettings {
    let mut public_url = config.base_url.clone();
    public_url.set_path("");
    CommerceSettings {
        card_gate_url: commerce.card_gate_url.clone(),
        public_url: Some(commerce.public_url.clone().unwrap_or(public_url)),
        callback_url: commerce.callback_url.clone(),
        test_mode: config.sandbox_mode,
        services: commerce.services.clone(),
    }
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
