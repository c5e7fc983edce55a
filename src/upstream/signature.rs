//! Signatures: made for what we send to Corefy, checked on what Corefy sends to us.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The signature of a request: lower-case hex of HMAC-SHA256 over method, path, body and time, parted by line feeds.
/// `path` begins with `/`; `body` is exactly what is sent, empty for a `GET`; `unix_seconds` is the `X-Timestamp`.
pub fn sign_request(secret: &SecretString, method: &str, path: &str, body: &[u8], unix_seconds: i64) -> String {
    let timestamp = unix_seconds.to_string();
    hex_hmac(secret, &[method.as_bytes(), b"\n", path.as_bytes(), b"\n", body, b"\n", timestamp.as_bytes()])
}

/// Whether `signature` is the lower-case hex of HMAC-SHA256 over `body` with one of `secrets`, the current one and
/// those it replaces. Every secret is tried, so that the time tells neither how much of it was right nor which matched.
/// An empty secret never matches: anybody could sign with it.
pub fn webhook_is_genuine(secrets: &[SecretString], signature: &str, body: &[u8]) -> bool {
    let usable = secrets.iter().filter(|secret| !secret.expose_secret().is_empty());
    let matches = usable.map(|secret| hex_hmac(secret, &[body]).as_bytes().ct_eq(signature.as_bytes()));
    matches.fold(Choice::from(0), |any, this| any | this).into()
}

fn hex_hmac(secret: &SecretString, parts: &[&[u8]]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"event_id":"evt_1","event_type":"payment.succeeded"}"#;
    const SIGNATURE: &str = "ad17cc4ac333fc8214670949273d0ceea7bf4d5a9759c3b520c0489872d48428";

    fn secrets(list: &[&str]) -> Vec<SecretString> {
        list.iter().map(|secret| SecretString::from(*secret)).collect()
    }

    #[test]
    fn a_request_is_signed_as_the_contract_says() {
        let secret = SecretString::from("sk_upstream_0123456789");
        let body = br#"{"amount":100.0,"currency":"USD"}"#;
        let signed = |method, path, body, time| sign_request(&secret, method, path, body, time);
        let right = "18a3fdba8d6d979e689b8ed406511a0552980e002906f28356d512f225adfe2c";
        assert_eq!(signed("POST", "/v1/payment-intents", body, 1_700_000_000), right);
        assert_ne!(signed("GET", "/v1/payment-intents", body, 1_700_000_000), right);
        assert_ne!(signed("POST", "/v1/payment-intent", body, 1_700_000_000), right);
        assert_ne!(signed("POST", "/v1/payment-intents", b"", 1_700_000_000), right);
        assert_ne!(signed("POST", "/v1/payment-intents", body, 1_700_000_001), right);
    }

    #[test]
    fn a_webhook_is_genuine_with_the_current_and_the_previous_secret() {
        assert!(webhook_is_genuine(&secrets(&["whsec_test_secret"]), SIGNATURE, BODY));
        assert!(webhook_is_genuine(&secrets(&["whsec_new", "whsec_test_secret"]), SIGNATURE, BODY));
        assert!(webhook_is_genuine(&secrets(&["whsec_test_secret", "whsec_old"]), SIGNATURE, BODY));
    }

    #[test]
    fn whatever_else_is_no_signature() {
        let known = secrets(&["whsec_test_secret"]);
        for forged in ["", "0", &SIGNATURE[1..], &SIGNATURE.to_uppercase(), &format!("{SIGNATURE}0"), &"0".repeat(64)] {
            assert!(!webhook_is_genuine(&known, forged, BODY), "{forged}");
        }
        assert!(!webhook_is_genuine(&known, SIGNATURE, b"{}"));
        assert!(!webhook_is_genuine(&secrets(&["whsec_other"]), SIGNATURE, BODY));
        assert!(!webhook_is_genuine(&[], SIGNATURE, BODY));
    }

    #[test]
    fn an_empty_secret_never_matches() {
        let empty = secrets(&[""]);
        assert!(!webhook_is_genuine(&empty, &hex_hmac(&empty[0], &[BODY]), BODY));
    }
}
