//! Callbacks of the commerce API: their signature, what is kept of one, and what it is about.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use subtle::{Choice, ConstantTimeEq as _};

use super::notes::intent_id;
use super::wire::INVOICES;
use crate::upstream::{
    About, Notice,
    lenient::{self, Lenient as _},
    redaction::{self, LONGEST_VALUE, REDACTED, RedactionRule},
    signature::WrongSignature,
};

/// Characters of a signature: 20 bytes in base64.
const LENGTH: usize = 28;

/// The members that are kept, each with the most characters it may have.
const KEPT: [(&str, usize); 12] = [
    ("type", 50),
    ("id", LONGEST_VALUE),
    ("status", LONGEST_VALUE),
    ("resolution", LONGEST_VALUE),
    ("reference_id", LONGEST_VALUE),
    ("amount", LONGEST_VALUE),
    ("currency", LONGEST_VALUE),
    ("processed_amount", LONGEST_VALUE),
    ("refunded_amount", LONGEST_VALUE),
    ("charged_back_amount", LONGEST_VALUE),
    ("test_mode", 50),
    ("updated", LONGEST_VALUE),
];

const RULE: RedactionRule = RedactionRule { kept: &KEPT, objects: &["data", "attributes"], lists: &[] };

/// Accepts a signature that was made over exactly this body by one of these secrets, when the body is of their mode. Each is tried
/// whatever the body says, so that the time tells nothing of them.
///
/// # Errors
/// Why it is not accepted.
pub fn verify(
    secrets: &[SecretString],
    test_mode: bool,
    signature: Option<&str>,
    body: &[u8],
) -> Result<(), WrongSignature> {
    let signature = signature.filter(|given| !given.is_empty()).ok_or(WrongSignature::Missing)?;
    let is_base64 = STANDARD.decode(signature).is_ok_and(|bytes| bytes.len() == <Sha1 as sha1::Digest>::output_size());
    if signature.len() != LENGTH || !is_base64 {
        return Err(WrongSignature::Malformed);
    }
    let matches = |secret: &SecretString| {
        let secret = Some(secret.expose_secret()).filter(|secret| !secret.is_empty());
        secret.map_or(Choice::from(0), |secret| sign(secret, body).as_bytes().ct_eq(signature.as_bytes()))
    };
    let matched = secrets.iter().map(matches).fold(Choice::from(0), |any, one| any | one);
    if bool::from(matched) && is_test(body) == test_mode { Ok(()) } else { Err(WrongSignature::Mismatch) }
}

/// The signature of a body: the hash of it between two copies of the secret.
fn sign(secret: &str, body: &[u8]) -> String {
    let hash = Sha1::new().chain_update(secret).chain_update(body).chain_update(secret).finalize();
    STANDARD.encode(hash)
}

/// Whether a body is about a payment in test mode. What does not say so is about a live one.
fn is_test(body: &[u8]) -> bool {
    let told = lenient::json(body).ok().and_then(|body| body.pointer("/data/attributes/test_mode").cloned());
    told.and_then(bool::lenient).unwrap_or_default()
}

/// The part of a body that may be kept: the members we act on; of all others only the names. `None` when it is not a
/// JSON object.
pub fn redact(body: &[u8]) -> Option<String> {
    let Value::Object(members) = lenient::json(body).ok()? else { return None };
    Some(Value::Object(redaction::members(members, &RULE)).to_string())
}

/// The meaning of a redacted body. `None` when it names no object. Corefy gives neither an event nor its type: it tells how the
/// object stands, and that is what the type is made of.
pub fn read(redacted: &str) -> Option<Notice> {
    let body: Value = serde_json::from_str(redacted).ok()?;
    let kind = known_value(body.pointer("/data/type"))?;
    let attribute = |name: &str| known_value(body.pointer("/data/attributes")?.get(name));
    let event_type = attribute("status").map_or_else(|| kind.clone(), |status| format!("{kind}.{status}"));
    let about = match kind.as_str() {
        INVOICES | "payment-invoice" => About::Payment {
            upstream_ids: known_value(body.pointer("/data/id")).into_iter().collect(),
            reference: attribute("reference_id").map(|reference| intent_id(&reference).to_owned()),
            // A payment that is known to be paid may be paid once more by another invoice.
            only_success: false,
        },
        _ => About::Other,
    };
    Some(Notice { event_id: String::new(), event_type, about })
}

/// A member with a value: neither empty nor redacted.
fn known_value(value: Option<&Value>) -> Option<String> {
    String::lenient(value?.clone()).filter(|text| text != REDACTED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECRET: &str = "sk_test_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    const BODY: &str = r#"{"data":{"type":"payment-invoices","id":"cpi_AbCdEfGh12345678","attributes":{"status":"processed","resolution":"ok","amount":10.5,"currency":"EUR","reference_id":"order-1001","test_mode":true,"callback_url":"https:\/\/shop.example\/cb"}}}"#;
    const SIGNATURE: &str = "9mvcanecMKvs975nJ+cGtybuUaA=";

    fn secrets(secrets: &[&str]) -> Vec<SecretString> {
        secrets.iter().map(|secret| (*secret).into()).collect()
    }

    #[test]
    fn a_callback_is_signed_as_corefy_documents_it() {
        assert_eq!(BODY.len(), 238);
        assert_eq!(sign(SECRET, BODY.as_bytes()), SIGNATURE);
        assert_eq!(sign("sk", b"{}"), "6O+bmE9b4RTIy5WAs3PHZXdD1fU=");
        let current_and_previous = secrets(&["sk_test_1", SECRET]);
        assert_eq!(verify(&current_and_previous, true, Some(SIGNATURE), BODY.as_bytes()), Ok(()));
    }

    #[test]
    fn whatever_else_is_no_signature_and_the_kind_is_named() {
        use WrongSignature::{Malformed, Mismatch, Missing};
        let test = secrets(&[SECRET]);
        let unescaped = BODY.replace("\\/", "/");
        assert_eq!(sign(SECRET, unescaped.as_bytes()), "BJ7sr91PdgKIoYWsV8yqrnRyIaM=");
        for (signature, body, why) in [
            (Some(SIGNATURE), unescaped.as_str(), Mismatch),
            (Some("BJ7sr91PdgKIoYWsV8yqrnRyIaM="), BODY, Mismatch),
            (Some("ZjY2YmRjNmE3NzljMzBhYmVjZjdiZTY3MjdlNzA2YjcyNmVlNTFhMA=="), BODY, Malformed),
            (Some("f66bdc6a779c30abecf7be6727e706b726ee51a0"), BODY, Malformed),
            (Some(&SIGNATURE[..27]), BODY, Malformed),
            (Some("????????????????????????????"), BODY, Malformed),
            (Some(""), BODY, Missing),
            (None, BODY, Missing),
        ] {
            assert_eq!(verify(&test, true, signature, body.as_bytes()), Err(why), "{signature:?}");
        }
    }

    #[test]
    fn a_secret_counts_only_for_payments_of_its_mode_and_an_empty_one_never() {
        let body = |test_mode: Value| json!({"data": {"attributes": {"test_mode": test_mode}}}).to_string();
        let verified = |secret: &str, test_mode: bool, body: &str| {
            verify(&secrets(&[secret]), test_mode, Some(&sign(secret, body.as_bytes())), body.as_bytes()).is_ok()
        };
        for (of_gateway, of_body, is_genuine) in [
            (false, json!(false), true),
            (false, json!(null), true),
            (false, json!(true), false),
            (true, json!(true), true),
            (true, json!(1), true),
            (true, json!(false), false),
        ] {
            assert_eq!(verified("sk_1", of_gateway, &body(of_body.clone())), is_genuine, "{of_gateway} {of_body}");
        }
        assert!(!verified("", false, &body(json!(false))) && !verified("", true, &body(json!(true))));
    }

    #[test]
    fn only_what_we_act_on_is_kept() {
        let body = json!({"data": {"type": "payment-invoices", "id": "cpi_1", "attributes": {"status": "processed",
            "reference_id": "pi_1-2", "amount": 10.5, "updated": 1730721021, "test_mode": true, "hpp_url": "canary",
            "customer": {"id": "canary"}, "payload": {"token": "canary", "id": "canary"}, "metadata": {"id": "canary"}},
            "relationships": {"customer": {"data": {"id": "canary"}}}}, "included": [{"id": "canary"}]});
        let kept = redact(body.to_string().as_bytes()).unwrap();
        assert!(!kept.contains("canary"), "{kept}");
        let notice = read(&kept).unwrap();
        assert_eq!((notice.event_id.as_str(), notice.event_type.as_str()), ("", "payment-invoices.processed"));
        let about = About::Payment {
            upstream_ids: vec!["cpi_1".to_owned()],
            reference: Some("pi_1".to_owned()),
            only_success: false,
        };
        assert_eq!(notice.about, about);
    }

    #[test]
    fn a_callback_about_something_else_is_left_alone() {
        let about = |body: Value| read(&redact(body.to_string().as_bytes()).unwrap()).map(|notice| notice.about);
        assert_eq!(about(json!({"data": {"type": "payout-invoices", "id": "cpoi_1"}})), Some(About::Other));
        for odd in [json!({}), json!({"data": []}), json!({"data": {"id": "cpi_1"}})] {
            assert_eq!(about(odd.clone()), None, "{odd}");
        }
    }
}
