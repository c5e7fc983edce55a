//! Refusals: what Corefy says when it does not do what was asked, told with our names of the fields.

use super::{answers, wire};
use crate::upstream::transport::Answer;
use crate::upstream::{Error, Rejection, text};

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
    Refused(Refusal),
    /// There was no answer, or none that can be understood.
    Unclear(Error),
}

/// A refusal, with what only this dialect can do something with.
#[derive(Debug)]
pub struct Refusal {
    /// What the caller is told.
    pub rejection: Rejection,
    /// Whether the body is one of Corefy's, and not of something on the way to it.
    pub is_of_corefy: bool,
    /// Corefy's id of the object that already has our reference.
    pub existing: Option<String>,
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

/// Reads the answer of a refusal, whose body may be anything.
pub fn read(answer: &Answer) -> Refusal {
    let status = answer.status.as_u16();
    let body: wire::ErrorBody = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = Some(text::code(&body.error_code)).filter(|code| !code.is_empty());
    let is_of_corefy = code.is_some();
    let message = Some(text::sentence(&body.message)).filter(|message| !message.is_empty());
    let is_duplicate = status == 409 && body.error_code == DUPLICATE_REFERENCE;
    let told = body.errors.iter().flat_map(|(name, messages)| messages.iter().map(move |message| (name, message)));
    let rejection = Rejection {
        http_status: status,
        code: code.unwrap_or_else(|| format!("http_{status}")),
        message: message.unwrap_or_else(|| "Corefy gave no reason.".to_owned()),
        fields: told.take(MOST_FIELDS).map(|(name, message)| (field(name), text::sentence(message))).collect(),
    };
    Refusal { rejection, is_of_corefy, existing: body.id.filter(|_| is_duplicate).and_then(|id| answers::id(id).ok()) }
}

/// The refusal of what cannot even be asked, because Corefy does not know what it is about.
pub fn not_at_corefy(what: &str) -> Error {
    Error::Rejected(Rejection {
        http_status: 404,
        code: "not_at_corefy".to_owned(),
        message: format!("Corefy does not know the {what}."),
        fields: Vec::new(),
    })
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
        "callback_url" => "return_url",
        "address_line1" => "address.line1",
        "address_line2" => "address.line2",
        "city" => "address.city",
        "state" => "address.state",
        "postal_code" => "address.postal_code",
        "country" => "address.country",
        _ => return text::bounded(name, LONGEST_FIELD),
    };
    ours.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> Refusal {
        read(&Answer::new(status.try_into().unwrap(), body.as_bytes().to_vec()))
    }

    #[test]
    fn fields_have_our_names() {
        for (theirs, ours) in [
            ("card_number", "card.number"),
            ("data.card_number", "card.number"),
            ("three_ds_cavv", "three_d_secure.cavv"),
            ("callback_url", "return_url"),
            ("city", "address.city"),
            ("type", "type"),
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
        let Refusal { rejection, existing, .. } = refusal(422, &body.to_string());
        assert_eq!((rejection.http_status, rejection.code.as_str()), (422, "validation_error"));
        assert!(rejection.message.starts_with("************1111 x"));
        assert_eq!(rejection.message.chars().count(), text::LONGEST_SENTENCE);
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
        assert!(refusal(404, r#"{"message": "no such payment", "error_code": "not_found"}"#).is_of_corefy);
        assert!(!refusal(404, "<html>no backend</html>").is_of_corefy);
        assert!(!refusal(404, r#"{"message": "no route"}"#).is_of_corefy);
    }

    #[test]
    fn only_a_taken_reference_names_what_exists() {
        let body = |code: &str| serde_json::json!({"message": "", "error_code": code, "id": "in_1"}).to_string();
        assert_eq!(refusal(409, &body("duplicate_reference")).existing.as_deref(), Some("in_1"));
        assert_eq!(refusal(409, &body("conflict")).existing, None);
        assert_eq!(refusal(422, &body("duplicate_reference")).existing, None);
    }
}
