//! The one table from refusals to gRPC statuses.
//!
//! A handler answers with an [`Error`]; on its way through tonic it travels as the source of a bare status, and the layer
//! around all calls turns that into the status that goes out. Only there is the request id known.

use std::{collections::HashMap, error::Error as _, sync::Arc};

use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};
use tracing::warn;

use crate::{
    error::{Error, Reason, Violation},
    pb::ErrorReason,
};

use super::{handler::REPLAYED, sizes};

/// A fact about a call, by its name in the metadata of every reason.
pub(super) type Fact<'a> = (&'static str, &'a str);

/// The fact that says which call it is.
pub(super) fn request_id(id: &str) -> Fact<'_> {
    ("request_id", id)
}

/// The fact that gRPC's own repetition has made the call before, so often: what is said of this attempt need not be true of
/// those.
pub(super) fn previous_attempts(count: &str) -> Fact<'_> {
    ("previous_attempts", count)
}

/// The domain of every reason.
const DOMAIN: &str = "corefy-gateway";
/// The prefix of the reasons' names in the protos, which the wire leaves out.
const PREFIX: &str = "ERROR_REASON_";

/// How many bytes the sentence and the details of a refusal may have on their way. Clients refuse more than 8 KiB of headers, some
/// of them without a word of what was refused.
const MOST_TRAILERS: usize = 7 * 1024;
/// The longest sentence of a refusal, in bytes.
const LONGEST_SENTENCE: usize = 800;
/// The most bytes of the details that are not about fields: the reason, its facts, and when to try again.
const FACTS: usize = 1200;
/// The most bytes that a wrong field takes beside its name and what it must be.
const FRAME: usize = 12;

/// The table: each reason's public name and gRPC code. BadRequest, RetryInfo and the facts are added when the refusal
/// has them.
fn row(reason: Reason) -> (ErrorReason, Code) {
    match reason {
        Reason::FieldsInvalid => (ErrorReason::FieldsInvalid, Code::InvalidArgument),
        Reason::CredentialsInvalid => (ErrorReason::CredentialsInvalid, Code::Unauthenticated),
        Reason::ScopeMissing => (ErrorReason::ScopeMissing, Code::PermissionDenied),
        Reason::ResourceNotFound => (ErrorReason::ResourceNotFound, Code::NotFound),
        Reason::ReferenceIdTaken => (ErrorReason::ReferenceIdTaken, Code::AlreadyExists),
        Reason::IdempotencyKeyReused => (ErrorReason::IdempotencyKeyReused, Code::InvalidArgument),
        Reason::IdempotencyKeyInUse => (ErrorReason::IdempotencyKeyInUse, Code::Aborted),
        Reason::PaymentIntentState => (ErrorReason::PaymentIntentState, Code::FailedPrecondition),
        Reason::AttemptInDoubt => (ErrorReason::AttemptInDoubt, Code::FailedPrecondition),
        Reason::PaymentMethodMismatch => (ErrorReason::PaymentMethodMismatch, Code::FailedPrecondition),
        Reason::CustomerNotReady => (ErrorReason::CustomerNotReady, Code::FailedPrecondition),
        Reason::PaymentNotRefundable => (ErrorReason::PaymentNotRefundable, Code::FailedPrecondition),
        Reason::RefundExceedsPayment => (ErrorReason::RefundExceedsPayment, Code::FailedPrecondition),
        Reason::UpstreamRejected => (ErrorReason::UpstreamRejected, Code::FailedPrecondition),
        Reason::UpstreamUnavailable => (ErrorReason::UpstreamUnavailable, Code::Unavailable),
        Reason::UpstreamRateLimited => (ErrorReason::UpstreamRateLimited, Code::ResourceExhausted),
        Reason::UpstreamMisconfigured => (ErrorReason::UpstreamMisconfigured, Code::Internal),
        Reason::UpstreamUnreadable => (ErrorReason::UpstreamUnreadable, Code::Internal),
        Reason::CapabilityMissing => (ErrorReason::CapabilityMissing, Code::Unimplemented),
        Reason::StoreUnavailable => (ErrorReason::StoreUnavailable, Code::Unavailable),
        Reason::ShuttingDown => (ErrorReason::ShuttingDown, Code::Unavailable),
        Reason::DeadlineExceeded => (ErrorReason::DeadlineExceeded, Code::DeadlineExceeded),
        Reason::Internal => (ErrorReason::Internal, Code::Internal),
        Reason::EventNotKept => (ErrorReason::EventNotKept, Code::OutOfRange),
        Reason::EventReaderTooSlow => (ErrorReason::EventReaderTooSlow, Code::Aborted),
        Reason::EventStreamsLimited => (ErrorReason::EventStreamsLimited, Code::ResourceExhausted),
        Reason::ExportsLimited => (ErrorReason::ExportsLimited, Code::ResourceExhausted),
        Reason::KeyRateLimited => (ErrorReason::KeyRateLimited, Code::ResourceExhausted),
        Reason::MethodUnknown => (ErrorReason::MethodUnknown, Code::Unimplemented),
        Reason::IdempotencyKeyRequired => (ErrorReason::IdempotencyKeyRequired, Code::InvalidArgument),
        Reason::RevisionStale => (ErrorReason::RevisionStale, Code::Aborted),
        Reason::RiskListsFull => (ErrorReason::RiskListsFull, Code::FailedPrecondition),
        Reason::ReviewDecided => (ErrorReason::ReviewDecided, Code::FailedPrecondition),
        Reason::CustomerErased => (ErrorReason::CustomerErased, Code::FailedPrecondition),
        Reason::PaymentsUnderWay => (ErrorReason::PaymentsUnderWay, Code::FailedPrecondition),
        Reason::PaymentMethodDeleted => (ErrorReason::PaymentMethodDeleted, Code::FailedPrecondition),
        Reason::BlockedByRisk => (ErrorReason::BlockedByRisk, Code::FailedPrecondition),
        Reason::AuthFailuresLimited => (ErrorReason::AuthFailuresLimited, Code::ResourceExhausted),
    }
}

/// The subject of the quota that is used up, when that is the reason.
fn quota_subject(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::UpstreamRateLimited => Some("corefy-calls"),
        Reason::KeyRateLimited => Some("calls-of-the-key"),
        Reason::EventStreamsLimited => Some("streams-of-the-key"),
        Reason::ExportsLimited => Some("exports-of-the-key"),
        _ => None,
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut status = Self::new(row(error.reason).1, error.to_string());
        status.set_source(Arc::new(error));
        status
    }
}

/// The status that a call with these `facts` ends with. The cause of a refusal of ours is logged here and goes no
/// further.
pub(super) fn outgoing(status: Status, facts: &[Fact<'_>]) -> Status {
    if let Some(error) = status.source().and_then(|source| source.downcast_ref::<Error>()) {
        if let Some(cause) = error.cause() {
            warn!(reason = ?error.reason, %cause, "a call was refused");
        }
        return detailed(error, facts);
    }
    match status.code() {
        // The codes of tonic for a message that is too large, as received or decompressed; the second would even make
        // clients send it again.
        Code::OutOfRange | Code::ResourceExhausted => detailed(&too_large(), facts),
        // The code of tonic for a message that it cannot decode.
        Code::Internal => detailed(&undecodable(), facts),
        _ => status,
    }
}

fn too_large() -> Error {
    let limit = sizes::MAX_REQUEST_BYTES;
    Error::new(Reason::FieldsInvalid, format!("the request must have at most {limit} bytes, decompressed"))
}

fn undecodable() -> Error {
    let message = "the request cannot be decoded as the message of this call; compare the protos of client and gateway";
    Error::new(Reason::FieldsInvalid, message)
}

fn detailed(error: &Error, facts: &[Fact<'_>]) -> Status {
    let (name, code) = row(error.reason);
    let mut metadata: HashMap<_, _> = error.metadata.clone().into_iter().collect();
    metadata.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));

    let mut details = ErrorDetails::new();
    details.set_error_info(name.as_str_name().trim_start_matches(PREFIX), DOMAIN, metadata);
    let message = bounded(&error.to_string());
    if !error.violations.is_empty() {
        details.set_bad_request(fitting(&error.violations, &message));
    }
    if error.retry_after.is_some() {
        details.set_retry_info(error.retry_after);
    }
    if let Some(subject) = quota_subject(error.reason) {
        details.add_quota_failure_violation(subject, &message);
    }
    let mut metadata = MetadataMap::new();
    if error.is_replayed {
        metadata.insert(REPLAYED, MetadataValue::from_static("true"));
    }
    Status::with_error_details_and_metadata(code, message, details, metadata)
}

/// The sentence, cut where it is longer than [`LONGEST_SENTENCE`].
fn bounded(sentence: &str) -> String {
    match sentence.floor_char_boundary(LONGEST_SENTENCE) {
        end if end < sentence.len() => format!("{}…", &sentence[..end]),
        _ => sentence.to_owned(),
    }
}

/// The wrong fields for which there is room beside the sentence, first things first: always one, and usually all.
fn fitting(violations: &[Violation], sentence: &str) -> Vec<FieldViolation> {
    // Once as a header, in which other characters than those of ASCII are escaped, and once in the details, in base64.
    let escaped: usize = sentence.bytes().map(|byte| if byte.is_ascii() { 1 } else { 3 }).sum();
    let mut room = (MOST_TRAILERS - escaped) / 4 * 3 - sentence.len() - FACTS;
    let fit = violations.iter().take_while(|Violation { field, description }| {
        let needed = field.len() + description.len() + FRAME;
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    });
    fit.map(|Violation { field, description }| FieldViolation::new(field, description)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;
    use prost_types::{FileDescriptorProto, FileDescriptorSet};

    use super::*;
    use crate::pb;

    /// Every reason of the protos with the comment above it, without the first, which is not used.
    fn documented() -> Vec<(ErrorReason, String)> {
        let files = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let file = files.file.into_iter().find(|file| file.name().ends_with("/error_reason.proto")).unwrap();
        let numbers: Vec<_> = file.enum_type[0].value.iter().map(|value| value.number()).collect();
        let reasons = numbers.into_iter().enumerate().skip(1);
        reasons.map(|(place, number)| (ErrorReason::try_from(number).unwrap(), comment(&file, place))).collect()
    }

    /// The comment of a value of the file's first enum: path 5 (enums), 0, 2 (values), index.
    fn comment(file: &FileDescriptorProto, place: usize) -> String {
        let path = [5, 0, 2, i32::try_from(place).unwrap()];
        let locations = &file.source_code_info.as_ref().unwrap().location;
        locations.iter().find(|location| location.path == path).unwrap().leading_comments().trim().to_owned()
    }

    fn screaming(code: Code) -> String {
        let name = format!("{code:?}");
        let mut words = String::new();
        for (place, letter) in name.char_indices() {
            if place > 0 && letter.is_uppercase() {
                words.push('_');
            }
            words.push(letter.to_ascii_uppercase());
        }
        words
    }

    /// The reason by its public name.
    fn reason(name: ErrorReason) -> Reason {
        let word = name.as_str_name().trim_start_matches(PREFIX);
        serde_json::from_value(word.into()).unwrap_or_else(|_| panic!("no Reason for {word}"))
    }

    #[test]
    fn the_table_is_the_one_that_the_protos_document() {
        let documented = documented();
        assert_eq!(documented.len(), 38);
        for (name, comment) in documented {
            let (row_name, code) = row(reason(name));
            assert_eq!(row_name, name);
            let told = comment.split(['.', ',']).next().unwrap();
            assert_eq!(told, screaming(code), "{name:?}");
        }
    }

    #[test]
    fn a_refusal_fits_into_the_headers_that_clients_take() {
        let wrong = |count: usize, field: &str, description: &str| {
            let violation = |n| Violation { field: format!("{field}[{n}]"), description: description.to_owned() };
            Error::fields((0..count).map(violation).collect()).with("reference_id", "字".repeat(100))
        };
        let long = "字".repeat(500);
        for (error, all_fit) in [
            (
                wrong(100, "types", "must be a type of event such as refund.succeeded, or all of a kind of object"),
                false,
            ),
            (wrong(20, "metadata", &long), false),
            (wrong(30, "metadata[\"order\"]", "must have at most 500 characters"), true),
            (wrong(1, "amount", &"x".repeat(500)), true),
        ] {
            let count = error.violations.len();
            let status = outgoing(error.into(), &[request_id(&"r".repeat(128)), previous_attempts("4294967295")]);
            let named = status.get_details_bad_request().unwrap().field_violations.len();
            assert!(named > 0 && (named == count) == all_fit, "{named} of {count}");
            let headers = status.into_http::<()>().into_parts().0.headers;
            let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            assert!(size < 8 * 1024 - 300, "{size}");
        }
    }

    #[test]
    fn a_refusal_goes_out_with_its_facts_and_without_its_cause() {
        let error = Error::new(Reason::UpstreamRateLimited, "the rate limit is used up")
            .with("limit", "60")
            .retry_after(Duration::from_secs(3))
            .because(std::io::Error::other("secret cause"));
        let status = outgoing(error.into(), &[request_id("req-1")]);

        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "the rate limit is used up"));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("UPSTREAM_RATE_LIMITED", "corefy-gateway"));
        assert_eq!((info.metadata["request_id"].as_str(), info.metadata["limit"].as_str()), ("req-1", "60"));
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(3)));
        assert_eq!(details.quota_failure().unwrap().violations.len(), 1);
        assert!(!String::from_utf8_lossy(status.details()).contains("secret cause"));
    }

    #[test]
    fn an_attempt_that_grpc_repeats_says_so() {
        let refusal = Error::new(Reason::ShuttingDown, "going");
        let status = outgoing(refusal.into(), &[request_id("req-1"), previous_attempts("2")]);
        let metadata = status.get_error_details().error_info().unwrap().metadata.clone();
        assert_eq!((metadata["request_id"].as_str(), metadata["previous_attempts"].as_str()), ("req-1", "2"));
    }

    #[test]
    fn every_wrong_field_goes_out() {
        let mut fields = super::super::fields::Fields::default();
        fields.refuse("a", "must be b");
        fields.refuse("c", "must be d");
        let status = outgoing(fields.finish(Some(())).unwrap_err().into(), &[request_id("req-1")]);

        let details = status.get_error_details();
        let violations = &details.bad_request().unwrap().field_violations;
        let paths: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(paths, ["a", "c"]);
        assert_eq!(status.message(), "a: must be b; c: must be d");
        assert!(details.retry_info().is_none() && details.quota_failure().is_none());
    }

    #[test]
    fn the_sentence_has_the_first_wrong_fields_with_their_reasons() {
        let mut fields = super::super::fields::Fields::default();
        ["a", "b", "c", "d", "e"].into_iter().for_each(|field| fields.refuse(field, "is required"));
        let error = fields.finish(Some(())).unwrap_err();
        assert_eq!(error.to_string(), "a: is required; b: is required; c: is required; and 2 more");
    }

    #[test]
    fn a_refusal_that_was_said_before_says_so() {
        let refusal = || Error::new(Reason::UpstreamRejected, "no");
        let said_before = outgoing(refusal().replayed().into(), &[request_id("req-1")]);
        assert_eq!(said_before.metadata().get("idempotent-replayed").unwrap(), "true");
        assert!(!outgoing(refusal().into(), &[request_id("req-1")]).metadata().contains_key("idempotent-replayed"));
    }

    #[test]
    fn a_message_that_cannot_be_read_is_the_caller_s_fault_and_not_to_be_sent_again() {
        for code in [Code::Internal, Code::OutOfRange, Code::ResourceExhausted] {
            let status = outgoing(Status::new(code, "from tonic"), &[request_id("req-1")]);
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(status.get_error_details().error_info().unwrap().reason, "FIELDS_INVALID");
            let is_about_size = status.message() == "the request must have at most 1048576 bytes, decompressed";
            assert_eq!(is_about_size, code != Code::Internal, "{}", status.message());
        }
        assert_eq!(outgoing(Status::unimplemented(""), &[request_id("req-1")]).code(), Code::Unimplemented);
    }
}
