//! Refusals: Corefy's reason for not doing what was asked, with our names of the fields.

use serde_json::{Map, Value};

use crate::domain::decline;
use crate::upstream::{
    Error, Rejection,
    lenient::{self, Lenient as _},
    sanitize,
    transport::HttpAnswer,
};

/// The most field errors that are kept of one refusal.
const MOST_FIELDS: usize = 20;

/// The longest name of a field, in characters.
const LONGEST_FIELD: usize = 100;

/// The code of a refusal that has no word to make one of.
const NAMELESS: &str = "refused_by_corefy";

/// A call without success.
#[derive(Debug)]
pub enum NoSuccess {
    /// Corefy refused in its own words.
    Refused(JsonApiRefusal),
    /// There was no answer, or none that can be understood.
    Unclear(Error),
}

/// A refusal of Corefy's own.
#[derive(Debug)]
pub struct JsonApiRefusal(pub Rejection);

impl JsonApiRefusal {
    /// Whether it says that the same was asked before, so that it does not prove that nothing was done.
    pub fn is_conflict(&self) -> bool {
        let Rejection { http_status, code, .. } = &self.0;
        let says_so = |word: &str| matches!(word, "already" | "conflict" | "duplicate" | "duplicated");
        matches!(http_status, 409 | 423) || code.split('_').any(says_so)
    }

    /// Whether it tells of an attempt to pay that was made and declined, and not of a request that is wrong.
    pub fn is_decline(&self) -> bool {
        const PAYMENT_REQUIRED: u16 = 402;
        self.0.http_status == PAYMENT_REQUIRED || decline::is_outcome(&self.0.code)
    }
}

impl From<NoSuccess> for Error {
    fn from(failed: NoSuccess) -> Self {
        match failed {
            NoSuccess::Refused(refusal) => Self::Rejected(refusal.0),
            NoSuccess::Unclear(error) => error,
        }
    }
}

impl From<Error> for NoSuccess {
    fn from(error: Error) -> Self {
        Self::Unclear(error)
    }
}

/// Corefy's code in the body of a refusal. `None` when the body is not one of Corefy's own, but of something between it
/// and us, which proves nothing.
pub fn code(body: &[u8]) -> Option<String> {
    let errors = own(body)?;
    let told = |name| errors.iter().find_map(|error| text(error, name));
    let word = told("code").filter(|code| !code.bytes().all(|byte| byte.is_ascii_digit()));
    let code = sanitize::code(&word.or_else(|| told("title")).unwrap_or_default());
    Some(if code.is_empty() { NAMELESS.to_owned() } else { code })
}

/// Reads a body of Corefy's own: errors of JSON:API, or the Card Gate's one error, and nothing beside them. A body with other
/// members is some other system's, of which many have a list of errors.
fn own(body: &[u8]) -> Option<Vec<Map<String, Value>>> {
    let Value::Object(body) = lenient::json(body).ok()? else { return None };
    if body.keys().any(|name| !matches!(name.as_str(), "errors" | "error" | "meta" | "jsonapi")) {
        return None;
    }
    match (body.get("errors"), body.get("error")) {
        (Some(Value::Array(errors)), None) => {
            let errors: Option<Vec<_>> = errors.iter().map(|error| error.as_object().cloned()).collect();
            let is_own = |error: &Map<String, Value>| text(error, "title").or_else(|| text(error, "detail")).is_some();
            errors.filter(|errors| errors.first().is_some_and(is_own))
        }
        (None, Some(Value::Object(error))) if error.len() == 1 && text(error, "message").is_some() => {
            Some(vec![error.clone()])
        }
        _ => None,
    }
}

fn text(error: &Map<String, Value>, name: &str) -> Option<String> {
    String::lenient(error.get(name)?.clone())
}

/// Reads one of Corefy's own refusals. The status stands in for whatever its body lacks.
pub fn read(answer: &HttpAnswer) -> JsonApiRefusal {
    let http_status = answer.status.as_u16();
    let errors = own(&answer.body).unwrap_or_default();
    let told = |error: &Map<String, Value>| {
        ["detail", "title", "message"].into_iter().find_map(|name| text(error, name)).unwrap_or_default()
    };
    let message = errors.first().map(|error| sanitize::sentence(&told(error))).filter(|message| !message.is_empty());
    let fields = errors.iter().filter_map(|error| Some((field(&pointer(error)?)?, sanitize::sentence(&told(error)))));
    JsonApiRefusal(Rejection {
        http_status,
        code: code(&answer.body).unwrap_or_else(|| format!("http_{http_status}")),
        message: message.unwrap_or_else(|| "Corefy gave no reason.".to_owned()),
        fields: fields.take(MOST_FIELDS).collect(),
    })
}

/// The place in the request that an error is about.
fn pointer(error: &Map<String, Value>) -> Option<String> {
    String::lenient(error.get("source")?.get("pointer")?.clone())
}

/// Our path of the field that a pointer of theirs leads to; `None` where it leads to no field.
fn field(pointer: &str) -> Option<String> {
    let path: Vec<_> = pointer.split(['/', '.']).filter(|part| !part.is_empty()).collect();
    let start = path.iter().position(|part| *part == "attributes").map_or(0, |place| place + 1);
    let path = path.get(start..).filter(|path| !path.is_empty() && *path != ["data"])?;
    let ours = match path {
        ["card_number"] => "card.number",
        ["card_holder"] => "card.holder_name",
        ["cvv"] => "card.cvv",
        ["exp_month"] => "card.expiry_month",
        ["exp_year"] => "card.expiry_year",
        ["customer", "email"] => "customer_email",
        ["customer", "name" | "first_name" | "surname"] => "customer_name",
        ["customer", "phone"] => "customer_phone",
        ["customer", "reference_id"] | ["customer"] => "customer_id",
        ["customer", "address", "country"] => "billing_address.country",
        ["customer", "address", "region"] => "billing_address.state",
        ["customer", "address", "city"] => "billing_address.city",
        ["customer", "address", "street" | "full_address"] => "billing_address.line1",
        ["customer", "address", "post_code"] => "billing_address.postal_code",
        ["return_url"] | ["return_urls", "success" | "pending"] | ["return_urls"] => "return_url",
        ["return_urls", "fail"] => "failure_url",
        ["service"] => "payment_method_type",
        ["token"] => "payment_method_id",
        ["service_fields", key] => return Some(sanitize::bounded(&format!("other.fields.{key}"), LONGEST_FIELD)),
        ["browser_info", key] => return Some(browser_field(key)),
        other => return Some(sanitize::bounded(&other.join("."), LONGEST_FIELD)),
    };
    Some(ours.to_owned())
}

/// Our path of a field of the browser.
fn browser_field(key: &str) -> String {
    let ours = match key {
        "browser_accept_header" => "accept_header",
        "browser_color_depth" => "color_depth",
        "browser_ip" => "ip",
        "browser_java_enabled" => "java_enabled",
        "browser_language" => "language",
        "browser_screen_height" => "screen_height",
        "browser_screen_width" => "screen_width",
        "browser_tz" => "timezone_offset_minutes",
        "browser_user_agent" => "user_agent",
        other => other,
    };
    sanitize::bounded(&format!("browser_info.{ours}"), LONGEST_FIELD)
}

/// Bodies of proxies, firewalls and load balancers.
#[cfg(test)]
pub const NOT_COREFYS: [&str; 14] = [
    "",
    "Forbidden",
    "<html>no backend</html>",
    "<html><head><title>499 Client Closed Request</title></head><body><center>nginx</center></body></html>",
    "null",
    "[]",
    "{}",
    r#"{"errors": []}"#,
    r#"{"message": "no Route matched with those values"}"#,
    r#"{"message": "Forbidden", "errors": [{"title": "x"}]}"#,
    r#"{"error": "too many connections"}"#,
    r#"{"error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}}"#,
    r#"{"success": false, "errors": [{"code": 1003, "message": "Direct IP access not allowed"}], "result": null}"#,
    r#"{"title": "Error 1020: Access denied", "status": 403, "error_code": 1020, "error_name": "access_denied", "cloudflare_error": true}"#,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, body: &str) -> JsonApiRefusal {
        read(&HttpAnswer::new(status.try_into().unwrap(), body.as_bytes().to_vec()))
    }

    #[test]
    fn fields_have_our_names() {
        for (theirs, ours) in [
            ("/data/attributes/card_number", "card.number"),
            ("data.attributes.cvv", "card.cvv"),
            ("/data/attributes/customer/address/post_code", "billing_address.postal_code"),
            ("/data/attributes/return_urls/fail", "failure_url"),
            ("/data/attributes/service_fields/phone", "other.fields.phone"),
            ("/data/attributes/browser_info/browser_tz", "browser_info.timezone_offset_minutes"),
            ("/data/attributes/amount", "amount"),
            ("descriptor/text", "descriptor.text"),
        ] {
            assert_eq!(field(theirs).as_deref(), Some(ours), "{theirs}");
        }
        for nothing in ["", "/", "/data", "/data/attributes"] {
            assert_eq!(field(nothing), None, "{nothing}");
        }
        assert_eq!(field(&"x".repeat(1000)).unwrap().len(), LONGEST_FIELD);
    }

    #[test]
    fn a_refusal_is_told_in_bounds_and_without_card_numbers() {
        let error = json!({"status": 422, "title": "Invalid data", "detail": "4111111111111111 is wrong",
            "source": {"pointer": "/data/attributes/card_number"}});
        let rejection = refusal(422, &json!({"errors": vec![error; 100]}).to_string()).0;
        assert_eq!((rejection.http_status, rejection.code.as_str()), (422, "invalid_data"));
        assert_eq!(rejection.message, "************1111 is wrong");
        assert_eq!(rejection.fields.len(), MOST_FIELDS);
        assert_eq!(rejection.fields[0], ("card.number".to_owned(), "************1111 is wrong".to_owned()));
    }

    #[test]
    fn the_card_gate_s_own_form_is_read_too() {
        let rejection = refusal(422, r#"{"error": {"message": "Card is not supported"}}"#).0;
        assert_eq!((rejection.code.as_str(), rejection.message.as_str()), (NAMELESS, "Card is not supported"));
        assert!(rejection.fields.is_empty());
    }

    #[test]
    fn what_stands_on_the_way_to_corefy_does_not_speak_for_it() {
        for own in [
            r#"{"errors": [{"status": "404", "title": "Not found"}]}"#,
            r#"{"errors": [{"detail": "no such payment"}]}"#,
            "\u{feff}{\"errors\": [{\"title\": \"x\", \"code\": 7}], \"meta\": []}",
        ] {
            assert!(code(own.as_bytes()).is_some(), "{own}");
        }
        for foreign in NOT_COREFYS {
            assert_eq!(code(foreign.as_bytes()), None, "{foreign}");
        }
    }

    #[test]
    fn conflicts_and_declines_are_told_from_requests_that_are_wrong() {
        let of = |status, title: &str| refusal(status, &json!({"errors": [{"title": title}]}).to_string());
        assert!(of(409, "x").is_conflict() && of(422, "Duplicate reference").is_conflict());
        assert!(!of(422, "Unprocessable Content").is_conflict());
        assert!(of(402, "x").is_decline() && of(422, "Insufficient funds").is_decline());
        assert!(!of(422, "Invalid card").is_decline());
    }
}
