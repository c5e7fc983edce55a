//! The client of Corefy that the settings ask for: one transport, and on it the dialect of the API that is spoken.

use std::sync::Arc;

use super::harness::Harness;
use crate::{
    config::{Config, UpstreamApi, UpstreamConfig},
    domain::{capability::Capability, clock::Clock},
    telemetry::Telemetry,
    upstream::{
        Upstream,
        call_log::{CallLog, CallRecords},
        intents::{Credentials, Intents, REDACT},
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
    let Harness { environment, sender, .. } = harness;
    let settings = TransportSettings {
        base_url: config.base_url.clone(),
        proxy: config.route.proxy.clone(),
        timeout: config.timeout,
        retries: config.retry_count,
        rate_per_minute: config.rate_limit_per_minute.get(),
    };
    let redact = match &config.api {
        UpstreamApi::Intents { .. } => REDACT,
        UpstreamApi::Commerce(_) => return Err(not_yet()),
    };
    let (log, api_calls) = CallLog::new(redact);
    let transport = Transport::new(settings, environment.clone(), log)?.with_telemetry(telemetry);
    let transport = match source {
        Some(source) => transport.with_token_source(source),
        None => transport,
    };
    let transport = match sender {
        Some(sender) => transport.with_sender(sender.clone()),
        None => transport,
    };
    Ok((dialect(config, transport, environment.clock.clone())?, api_calls))
}

/// The dialect of the API that is set, on this transport.
fn dialect(config: &UpstreamConfig, transport: Transport, clock: Clock) -> Result<Arc<dyn Upstream>, SetupError> {
    let secrets = [&config.webhook_secret, &config.webhook_secret_previous];
    let webhook_secrets = secrets.into_iter().flatten().cloned().collect();
    match &config.api {
        UpstreamApi::Intents { secret_key, client_key } => {
            let credentials = Credentials {
                api_key: config.api_key.clone(),
                secret_key: secret_key.clone(),
                client_key: client_key.clone(),
                webhook_secrets,
            };
            Ok(Arc::new(Intents::new(transport, credentials, clock)?))
        }
        UpstreamApi::Commerce(_) => Err(not_yet()),
    }
}

fn not_yet() -> SetupError {
    SetupError::new("the dialect of this API comes with a later change")
}

/// The things that requests may ask for: what the dialect can do, as far as the operator wants it.
pub(super) fn capabilities(upstream: &dyn Upstream, config: &Config) -> Vec<Capability> {
    let is_wanted = |capability: &Capability| config.raw_cards || *capability != Capability::RawCards;
    upstream.capabilities().iter().copied().filter(is_wanted).collect()
}
