//! A callback is verified if it was signed over exactly its bytes, and never else.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use corefy_gateway::upstream::Upstream as _;
use sha1::{Digest as _, Sha1};

use super::corefy::EchoingCorefy;

/// The secrets that are known; the empty one is none, because anybody could sign with it.
const SECRETS: [&str; 3] = ["sk_test_current", "sk_test_previous", ""];

struct Gates {
    test: EchoingCorefy,
    live: EchoingCorefy,
}

thread_local! {
    static GATES: Gates = Gates { test: EchoingCorefy::new(&SECRETS, true), live: EchoingCorefy::new(&SECRETS, false) };
}

impl Gates {
    /// How many of the two modes let a callback in.
    fn letting_in(&self, signature: &str, body: &[u8]) -> usize {
        let lets_in = |corefy: &&EchoingCorefy| corefy.dialect.webhook_verify(Some(signature), body).is_ok();
        [&self.test, &self.live].iter().filter(|corefy| lets_in(corefy)).count()
    }
}

/// As Corefy signs: the Base64 of the SHA-1 of secret, body and secret.
fn sign(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(secret).chain_update(body).chain_update(secret).finalize())
}

/// Takes any bytes for a place, a change of the byte there, and a body; then for a signature and a body.
pub fn only_what_was_signed_is_verified(bytes: &[u8]) {
    let Some(([low, high, change], body)) = bytes.split_first_chunk::<3>() else { return };
    let place = usize::from(u16::from_le_bytes([*low, *high]));
    GATES.with(|gates| {
        for secret in SECRETS {
            let signature = sign(secret, body);
            let expected = usize::from(!secret.is_empty());
            assert_eq!(gates.letting_in(&signature, body), expected, "signed, and let in by just one mode");
            let changed = changed(body, place, *change);
            assert_eq!(gates.letting_in(&signature, &changed), 0, "let in with another byte at {place}");
            assert_eq!(gates.letting_in(&sign("sk_test_other", body), body), 0, "let in by another secret");
        }
        is_no_signature(gates, bytes);
    });
}

/// The body with one byte that differs; an empty one gets a byte.
fn changed(body: &[u8], place: usize, change: u8) -> Vec<u8> {
    let mut changed = body.to_vec();
    match body.len() {
        0 => changed.push(change),
        length => changed[place % length] ^= change.max(1),
    }
    changed
}

/// Bytes that nobody signed, cut into a signature and a body wherever they have a line's end.
fn is_no_signature(gates: &Gates, bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let signature = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let body = parts.next().unwrap_or_default();
    let was_signed = SECRETS.iter().any(|secret| !secret.is_empty() && sign(secret, body) == signature);
    assert_eq!(gates.letting_in(&signature, body), usize::from(was_signed), "{signature:?}");
}
