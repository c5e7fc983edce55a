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

/// Why a webhook's signature does not prove that it is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongSignature {
    /// There is none.
    #[error("it has no signature")]
    Missing,
    /// It has not the form of one: digits of another kind, or of another number.
    #[error("its signature has another form than those of Corefy")]
    Malformed,
    /// The digits have `sha256=` before them, as other senders have it.
    #[error("its signature begins with sha256=, which Corefy's does not")]
    Prefixed,
    /// It was made over another body or with another secret.
    #[error("its signature is of another body or another secret")]
    Mismatch,
}

impl WrongSignature {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Missing, Self::Malformed, Self::Prefixed, Self::Mismatch];

    /// Names it in the metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed => "signature_malformed",
            Self::Prefixed => "signature_prefixed",
            Self::Mismatch => "signature",
        }
    }
}

/// Digits of a signature.
const DIGITS: usize = 64;
/// Other senders write this before theirs.
const FOREIGN_PREFIX: &str = "sha256=";

/// Accepts `signature` when it is the hex, in either case, of HMAC-SHA256 over `body` with one of `secrets`, the
/// current one and those it replaces. Every secret is tried, so that the time reveals neither how much of it was right
/// nor which one matched. An empty secret never matches: anyone could sign with it.
///
/// # Errors
/// Why it is not accepted.
pub fn verify_webhook(secrets: &[SecretString], signature: Option<&str>, body: &[u8]) -> Result<(), WrongSignature> {
    let signature = signature.filter(|given| !given.is_empty()).ok_or(WrongSignature::Missing)?;
    if signature.get(..FOREIGN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(FOREIGN_PREFIX)) {
        return Err(WrongSignature::Prefixed);
    }
    if signature.len() != DIGITS || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(WrongSignature::Malformed);
    }
    let signature = signature.to_ascii_lowercase();
    let usable = secrets.iter().filter(|secret| !secret.expose_secret().is_empty());
    let matches = usable.map(|secret| hex_hmac(secret, &[body]).as_bytes().ct_eq(signature.as_bytes()));
    let matched: bool = matches.fold(Choice::from(0), |any, this| any | this).into();
    if matched { Ok(()) } else { Err(WrongSignature::Mismatch) }
}

fn hex_hmac(secret: &SecretString, parts: &[&[u8]]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    base16ct::lower::encode_string(&mac.finalize().into_bytes())
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

    fn verified(list: &[&str], signature: &str, body: &[u8]) -> Result<(), WrongSignature> {
        verify_webhook(&secrets(list), Some(signature), body)
    }

    #[test]
    fn a_webhook_is_genuine_with_the_current_and_the_previous_secret() {
        for known in
            [&["whsec_test_secret"][..], &["whsec_new", "whsec_test_secret"], &["whsec_test_secret", "whsec_old"]]
        {
            assert_eq!(verified(known, SIGNATURE, BODY), Ok(()));
        }
    }

    #[test]
    fn the_digits_of_a_signature_may_be_in_upper_case() {
        assert_eq!(verified(&["whsec_test_secret"], &SIGNATURE.to_uppercase(), BODY), Ok(()));
    }

    #[test]
    fn whatever_else_is_no_signature_and_the_kind_is_named() {
        use WrongSignature::{Malformed, Mismatch, Missing, Prefixed};
        let known = ["whsec_test_secret"];
        let wrong = [
            ("", Missing),
            ("0", Malformed),
            (&SIGNATURE[1..], Malformed),
            (&format!("{SIGNATURE}0"), Malformed),
            (&"g".repeat(64), Malformed),
            ("sha256=", Prefixed),
            (&format!("sha256={SIGNATURE}"), Prefixed),
            (&format!("SHA256={SIGNATURE}"), Prefixed),
            (&"0".repeat(64), Mismatch),
        ];
        for (signature, why) in wrong {
            assert_eq!(verified(&known, signature, BODY), Err(why), "{signature}");
        }
        assert_eq!(verify_webhook(&secrets(&known), None, BODY), Err(Missing));
        assert_eq!(verified(&known, SIGNATURE, b"{}"), Err(Mismatch));
        assert_eq!(verified(&["whsec_other"], SIGNATURE, BODY), Err(Mismatch));
        assert_eq!(verified(&[], SIGNATURE, BODY), Err(Mismatch));
    }

    #[test]
    fn an_empty_secret_never_matches() {
        let signed = hex_hmac(&SecretString::from(""), &[BODY]);
        assert_eq!(verified(&[""], &signed, BODY), Err(WrongSignature::Mismatch));
    }
}
