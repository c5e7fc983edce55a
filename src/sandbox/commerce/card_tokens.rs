//! Tokens that open the card gate for one session: JWTs of HS256.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use crate::domain::clock::Timestamp;

/// How long after the creation of its invoice a token opens the card gate.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// The token of the session `sid` of an invoice that was created at `created`.
pub(super) fn issue(key: &SecretString, sid: &str, created: Timestamp) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "HS256", "typ": "JWT"}));
    let claims = part(json!({"sid": sid, "expires": null, "exp": (created + TOKEN_LIFETIME).seconds()}));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(mac_of(key, &signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// The session that a token opens; `None` when it is not ours, or has expired.
pub(in crate::sandbox) fn session_of(key: &SecretString, token: &str, now: Timestamp) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        sid: String,
        exp: i64,
    }
    let (signed, signature) = token.rsplit_once('.')?;
    mac_of(key, signed).verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let (_, claims) = signed.split_once('.')?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    (now.seconds() < claims.exp).then_some(claims.sid)
}

fn mac_of(key: &SecretString, message: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes());
    mac.expect("HMAC takes keys of every length").chain_update(message.as_bytes())
}
