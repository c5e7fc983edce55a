//! Refusals: Corefy's reason for not doing what was asked, with our names of the fields.

use serde_json::Value;

use super::wire;
use crate::domain::decline;
use crate::upstream::transport::HttpAnswer;
use crate::upstream::{Error, Rejection, lenient, reading, sanitize};

/// The most field errors that are kept of one refusal.
const MOST_FIELDS: usize = 20;

/// The longest name of a field, in characters.
const LONGEST_FIELD: usize = 100;

/// The error code of a reference that is taken.
const DUPLICATE_REFERENCE: &str = "duplicate_reference";

/// A call without success.
#[derive(Debug)]
pub enum Failed {
    /// Corefy refused.
    Refused(CorefyRefusal),
    /// There was no answer, or none that can be understood.
    Unclear(Error),
}

/// A refusal, with what only this dialect can do something with.
#[derive(Debug)]
pub struct CorefyRefusal {
    /// The refusal as the caller sees it.
    pub rejection: Rejection,
    /// Corefy's id of the object that already has our reference.
    pub existing: Option<String>,
}

impl CorefyRefusal {
    /// Whether it says that the same was asked before, by its status or its code. Of a call that moves money that may be the
    /// second of two requests that something on the way made of ours, so that it does not prove that nothing was done.
    pub fn is_conflict(&self) -> bool {
        let Rejection { http_status, code, .. } = &self.rejection;
        let says_so = |word: &str| matches!(word, "already" | "conflict" | "duplicate" | "duplicated");
        matches!(http_status, 409 | 423) || code.split('_').any(says_so)
    }

    /// Whether it tells of an attempt to pay that was made and declined, and not of a request that is wrong.
    pub fn is_decline(&self) -> bool {
        const PAYMENT_REQUIRED: u16 = 402;
        self.rejection.http_status == PAYMENT_REQUIRED || decline::is_outcome(&self.rejection.code)
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(refusal) => Self::Rejected(refusal.rejection),
            Failed::Unclear(error) => error,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Unclear(error)
    }
}

/// Corefy's code in the body of a refusal. `None` when the body is not one of Corefy's own, but of something between it
/// and us, which proves nothing.
pub fn code(body: &[u8]) -> Option<String> {
    own(body).map(|(code, _)| code)
}

/// Reads a body of Corefy's own: an object with an `error_code` of text. A number there is Corefy's only beside a
/// `message`, for others count their errors under this name too.
fn own(body: &[u8]) -> Option<(String, wire::ErrorBody)> {
    let value = lenient::json(body).ok()?;
    let is_own = match value.get("error_code")? {
        Value::String(_) => true,
        Value::Number(_) => value.get("message").is_some(),
        _ => false,
    };
    let body: wire::ErrorBody = serde_json::from_value(value).ok().filter(|_| is_own)?;
    let code = sanitize::code(&body.error_code);
    (!code.is_empty()).then_some((code, body))
}

/// Reads one of Corefy's own refusals. The status stands in for whatever its body lacks.
pub fn read(answer: &HttpAnswer) -> CorefyRefusal {
    let status = answer.status.as_u16();
    let (code, body) = own(&answer.body).unwrap_or_else(|| (format!("http_{status}"), wire::ErrorBody::default()));
    let message = Some(sanitize::sentence(&body.message)).filter(|message| !message.is_empty());
    let is_duplicate = status == 409 && code == DUPLICATE_REFERENCE;
    let told = body.errors.iter().flat_map(|(name, messages)| messages.iter().map(move |message| (name, message)));
    let rejection = Rejection {
        http_status: status,
        code,
        message: message.unwrap_or_else(|| "Corefy gave no reason.".to_owned()),
        fields: told.take(MOST_FIELDS).map(|(name, message)| (field(name), sanitize::sentence(message))).collect(),
    };
    CorefyRefusal { rejection, existing: body.id.filter(|_| is_duplicate).and_then(|id| reading::id(id).ok()) }
}

/// Our path of the field that Corefy calls `name`; a name that is not known passes through.
fn field(name: &str) -> String {
    let ours = match name.strip_prefix("data.").unwrap_or(name) {
        "card_number" => "card.number",
        "card_expiry_month" => "card.expiry_month",
        "card_expiry_year" => "card.expiry_year",
        "card_cvv" => "card.cvv",
        "card_holder_name" => "card.holder_name",
        "three_ds_version" => "three_d_secure.version",
        "three_ds_eci" => "three_d_secure.eci",
        "three_ds_cavv" => "three_d_secure.cavv",
        "three_ds_xid" => "three_d_secure.xid",
        "type" => "other.payment_method_type",
        "callback_url" => "return_url",
        "address_line1" => "address.line1",
        "address_line2" => "address.line2",
        "city" => "address.city",
        "state" => "address.state",
        "postal_code" => "address.postal_code",
        "country" => "address.country",
        _ => return sanitize::bounded(name, LONGEST_FIELD),
    };
    ours.to_owned()
}

/// Bodies of proxies, firewalls and load balancers.
#[cfg(test)]
pub const NOT_COREFYS: [&str; 13] = [
    "",
    "Forbidden",
    "<html>no backend</html>",
    "<html><head><title>499 Client Closed Request</title></head><body><center>nginx</center></body></html>",
    "null",
    "[]",
    "{}",
    r#"{"message": "no Route matched with those values"}"#,
    r#"{"message": "Forbidden", "error_code": ""}"#,
    r#"{"error": "too many connections"}"#,
    r#"{"error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}}"#,
    r#"{"success": false, "errors": [{"code": 1003, "message": "Direct IP access not allowed"}], "result": null}"#,
    r#"{"title": "Error 1020: Access denied", "status": 403, "error_code": 1020, "error_name": "access_denied", "cloudflare_error": true}"#,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, body: &str) -> CorefyRefusal {
        read(&HttpAnswer::new(status.try_into().unwrap(), body.as_bytes().to_vec()))
    }

    #[test]
    fn fields_have_our_names() {
        for (theirs, ours) in [
            ("card_number", "card.number"),
            ("data.card_number", "card.number"),
            ("three_ds_cavv", "three_d_secure.cavv"),
            ("callback_url", "return_url"),
            ("city", "address.city"),
            ("type", "other.payment_method_type"),
            ("data.iban", "data.iban"),
        ] {
            assert_eq!(field(theirs), ours);
        }
        assert_eq!(field(&"x".repeat(1000)).len(), LONGEST_FIELD);
    }

    #[test]
    fn a_refusal_is_told_in_bounds_and_without_card_numbers() {
        let errors: std::collections::BTreeMap<_, _> =
            (0..100).map(|n| (format!("f{n}"), vec!["4111 1111 1111 1111 is wrong"])).collect();
        let body = serde_json::json!({
            "message": format!("4111111111111111 {}", "x".repeat(1000)), "error_code": "ValidationError", "errors": errors
        });
        let CorefyRefusal { rejection, existing, .. } = refusal(422, &body.to_string());
        assert_eq!((rejection.http_status, rejection.code.as_str()), (422, "validation_error"));
        assert!(rejection.message.starts_with("************1111 x"));
        assert_eq!(rejection.message.chars().count(), sanitize::LONGEST_SENTENCE);
        assert_eq!(rejection.fields.len(), MOST_FIELDS);
        assert!(rejection.fields.iter().all(|(_, message)| message == "**** **** **** 1111 is wrong"));
        assert_eq!(existing, None);
    }

    #[test]
    fn a_body_that_is_no_json_is_told_by_its_status() {
        let rejection = refusal(403, "<html>Forbidden</html>").rejection;
        assert_eq!((rejection.code.as_str(), rejection.message.as_str()), ("http_403", "Corefy gave no reason."));
    }

    #[test]
    fn what_stands_on_the_way_to_corefy_does_not_speak_for_it() {
        for own in [
            r#"{"message": "no such payment", "error_code": "not_found"}"#,
            r#"{"error_code": "not_found"}"#,
            r#"{"message": null, "error_code": "NotFound", "errors": []}"#,
            r#"{"message": "no such payment", "error_code": 1404}"#,
            "\u{feff}{\"error_code\": \"not_found\"}",
        ] {
            assert!(code(own.as_bytes()).is_some(), "{own}");
        }
        for foreign in NOT_COREFYS {
            assert_eq!(code(foreign.as_bytes()), None, "{foreign}");
        }
    }

    #[test]
    fn each_member_of_a_refusal_is_read_for_itself() {
        let odd = r#"{"message": "Bad card", "error_code": "validation_error", "errors": []}"#;
        let rejection = refusal(422, odd).rejection;
        assert_eq!((rejection.code.as_str(), rejection.message.as_str()), ("validation_error", "Bad card"));
        let odd =
            r#"{"message": ["x"], "error_code": 4001, "errors": {"card_number": "is wrong", "city": null, "x": [1]}}"#;
        let rejection = refusal(422, odd).rejection;
        assert_eq!((rejection.code.as_str(), rejection.message.as_str()), ("4001", "Corefy gave no reason."));
        let fields = [("card.number", "is wrong"), ("x", "1")].map(|(name, told)| (name.to_owned(), told.to_owned()));
        assert_eq!(rejection.fields, fields);
        let taken =
            |members: &str| refusal(409, &format!(r#"{{"error_code": "duplicate_reference", {members}}}"#)).existing;
        assert_eq!(taken(r#""id": "in_1", "message": null"#).as_deref(), Some("in_1"));
        assert_eq!(taken(r#""id": 17, "errors": null"#).as_deref(), Some("17"));
        assert_eq!(taken(r#""id": {}, "errors": []"#), None);
    }

    #[test]
    fn a_conflict_is_seen_by_its_status_or_its_code() {
        let is_conflict = |status, code: &str| refusal(status, &json!({"error_code": code}).to_string()).is_conflict();
        for (status, code) in [
            (409, "invalid_state"),
            (423, "locked"),
            (400, "duplicate_request"),
            (422, "AlreadyConfirmed"),
            (422, "payment.already.processed"),
        ] {
            assert!(is_conflict(status, code), "{status} {code}");
        }
        for (status, code) in [(422, "validation_error"), (404, "not_found"), (422, "card_locked"), (403, "forbidden")]
        {
            assert!(!is_conflict(status, code), "{status} {code}");
        }
    }

    #[test]
    fn a_decline_is_told_from_a_request_that_is_wrong() {
        let is_decline = |status, code: &str| refusal(status, &json!({"error_code": code}).to_string()).is_decline();
        for (status, code) in [(402, "x"), (422, "insufficient_funds"), (400, "CardDeclined"), (424, "timeout")] {
            assert!(is_decline(status, code), "{status} {code}");
        }
        for (status, code) in [(422, "validation_error"), (422, "invalid_card"), (404, "not_found"), (400, "refused")] {
            assert!(!is_decline(status, code), "{status} {code}");
        }
    }

    #[test]
    fn only_a_taken_reference_names_what_exists() {
        let body = |code: &str| serde_json::json!({"message": "", "error_code": code, "id": "in_1"}).to_string();
        assert_eq!(refusal(409, &body("duplicate_reference")).existing.as_deref(), Some("in_1"));
        assert_eq!(refusal(409, &body("conflict")).existing, None);
        assert_eq!(refusal(422, &body("duplicate_reference")).existing, None);
    }
}
