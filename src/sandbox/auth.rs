//! Authenticates the caller: checks the credentials and the signature of a request, with code of its own and not the
//! client's, so that a mistake in one shows in the other.

use std::time::Duration;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::{answer::SandboxRefusal, options::SandboxOptions};
use crate::domain::clock::{Clock, Timestamp};

/// How far the caller's clock may be off.
const MAX_SKEW: Duration = Duration::from_secs(300);

/// Lower-case hexadecimal HMAC-SHA256.
pub(super) fn hmac_hex(secret: &SecretString, message: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(message);
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
}

/// Refuses a request that is not the configured merchant's.
pub(super) fn authenticate(
    settings: &SandboxOptions,
    clock: &Clock,
    headers: &HeaderMap,
    (method, path, body): (&str, &str, &[u8]),
) -> Result<(), SandboxRefusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refuse = |why: &str| Err(SandboxRefusal::new(401, "authentication_failed", why));
    let bearer = format!("Bearer {}", settings.api_key.expose_secret());
    if header("authorization") != bearer || header("x-api-key") != settings.api_key.expose_secret() {
        return refuse("the API key is wrong");
    }
    if header("x-client-key") != settings.client_key.expose_secret() {
        return refuse("the client key is wrong");
    }
    let timestamp = header("x-timestamp");
    let Ok(seconds) = timestamp.parse::<i64>() else { return refuse("X-Timestamp is not a number of seconds") };
    // The gateway's clock need not follow one that was put ahead.
    let (now, lead) = (clock.now(), clock.lead());
    let is_off = |now: Timestamp| seconds.abs_diff(now.seconds()) > MAX_SKEW.as_secs();
    if is_off(now) && is_off(now.before(lead)) {
        return refuse("X-Timestamp is too far off");
    }
    let message = [method.as_bytes(), path.as_bytes(), body, timestamp.as_bytes()].join(&b'\n');
    if header("x-signature") != hmac_hex(&settings.secret_key, &message) {
        return refuse("the signature is wrong");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_s_vectors_come_out() {
        let request = b"POST\n/v1/payment-intents\n{\"amount\":100.0,\"currency\":\"USD\"}\n1700000000";
        assert_eq!(
            hmac_hex(&"sk_upstream_0123456789".into(), request),
            "18a3fdba8d6d979e689b8ed406511a0552980e002906f28356d512f225adfe2c"
        );
        assert_eq!(
            hmac_hex(&"whsec_test_secret".into(), br#"{"event_id":"evt_1","event_type":"payment.succeeded"}"#),
            "ad17cc4ac333fc8214670949273d0ceea7bf4d5a9759c3b520c0489872d48428"
        );
    }
}
