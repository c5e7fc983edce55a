//! A refused call, taken apart.

use std::{collections::BTreeMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A refusal as a caller sees it.
#[derive(Debug)]
pub struct CallRefusal {
    /// The gRPC code.
    pub code: Code,
    /// The sentence.
    pub message: String,
    /// The reason of its ErrorInfo.
    pub reason: String,
    /// The metadata of its ErrorInfo but for the request id.
    pub facts: BTreeMap<String, String>,
    /// The id of the request.
    pub request_id: String,
    /// The fields that its BadRequest names, in order of the alphabet.
    pub fields: Vec<String>,
    /// The delay in its RetryInfo.
    pub retry_after: Option<Duration>,
    /// Whether it has a QuotaFailure.
    pub is_about_quota: bool,
}

impl From<Status> for CallRefusal {
    /// Fails when the status has not what every refusal has.
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
        assert_eq!(info.domain, "corefy-gateway");
        let mut facts: BTreeMap<_, _> = info.metadata.clone().into_iter().collect();
        let request_id = facts.remove("request_id").unwrap_or_default();
        assert!(!request_id.is_empty(), "no request id in {status:?}");
        let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        assert!(violations.iter().all(|wrong| !wrong.description.is_empty()), "{violations:?}");
        let mut fields: Vec<_> = violations.into_iter().map(|wrong| wrong.field).collect();
        fields.sort();
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: info.reason.clone(),
            facts,
            request_id,
            fields,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            is_about_quota: details.quota_failure().is_some(),
        }
    }
}

/// The refusal that the call must have come to.
pub fn refused<T>(result: Result<T, Status>) -> CallRefusal {
    match result {
        Ok(_) => panic!("the call was not refused"),
        Err(status) => status.into(),
    }
}

/// The fields of the refusal that the call must have come to because of them.
pub fn wrong_fields<T>(result: Result<T, Status>) -> Vec<String> {
    let refusal = refused(result);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::InvalidArgument, "FIELDS_INVALID"), "{refusal:?}");
    refusal.fields
}

/// Facts as a refusal has them.
pub fn facts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
