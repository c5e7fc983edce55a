//! The one error of the client.

use std::{collections::HashMap, error::Error, fmt, sync::LazyLock, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, ErrorInfo, FieldViolation, StatusExt};

use crate::pb::ErrorReason;

/// The domain of the gateway's own reasons.
const DOMAIN: &str = "corefy-gateway";
/// In the metadata of a reason: gRPC itself had made the call before.
const PREVIOUS_ATTEMPTS: &str = "previous_attempts";
/// In the metadata of a status: an attempt before the last one may have arrived.
pub(super) const DOUBTED: &str = "an-attempt-may-have-arrived";

static NONE: LazyLock<HashMap<String, String>> = LazyLock::new(HashMap::new);

/// A call that did not succeed: refused by the gateway, or not answered by it. A declined payment is not one.
///
/// It is made from the [`Status`] that a call ends with: `?` does it.
#[derive(Clone, Debug)]
pub struct GatewayError {
    status: Status,
    details: Box<ErrorDetails>,
}

impl GatewayError {
    /// The gRPC code.
    pub fn code(&self) -> Code {
        self.status.code()
    }

    /// A sentence for developers.
    pub fn message(&self) -> &str {
        self.status.message()
    }

    /// A name of `ErrorReason` without its prefix, such as `FIELDS_INVALID`; empty when it was not the gateway that
    /// spoke.
    pub fn reason(&self) -> &str {
        self.info().map_or("", |info| &info.reason)
    }

    /// The reason as a value of the enum; `Unspecified` for an empty one and for one that is younger than this client.
    pub fn reason_code(&self) -> ErrorReason {
        ErrorReason::from_str_name(&format!("ERROR_REASON_{}", self.reason())).unwrap_or_default()
    }

    /// The invalid fields of the request, each with its reason.
    pub fn fields(&self) -> &[FieldViolation] {
        self.details.bad_request().map_or(&[], |request| &request.field_violations)
    }

    /// After how long the same call may succeed; `None` when waiting does not help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.details.retry_info().and_then(|retry| retry.retry_delay)
    }

    /// The id by which the gateway's operator finds the call; empty when the gateway was not reached.
    pub fn request_id(&self) -> &str {
        self.status.metadata().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    /// The metadata that `ErrorReason` documents for this reason.
    pub fn metadata(&self) -> &HashMap<String, String> {
        self.info().map_or(&NONE, |info| &info.metadata)
    }

    /// Whether this call provably sent nothing to Corefy: in each attempt, the gateway itself said so. Otherwise make the
    /// call again under the same idempotency key, or read the object: it may have been done.
    pub fn nothing_was_sent(&self) -> bool {
        let is_of_these = matches!(self.code(), Code::Unavailable | Code::ResourceExhausted);
        let is_first = !self.metadata().contains_key(PREVIOUS_ATTEMPTS);
        is_of_these && is_first && self.info().is_some() && !self.status.metadata().contains_key(DOUBTED)
    }

    /// The gateway's own reason.
    fn info(&self) -> Option<&ErrorInfo> {
        self.details.error_info().filter(|info| info.domain == DOMAIN)
    }
}

impl From<Status> for GatewayError {
    fn from(status: Status) -> Self {
        let details = Box::new(status.get_error_details());
        Self { status, details }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => write!(f, "{:?}: {}", self.code(), self.message())?,
            reason => write!(f, "{reason}: {}", self.message())?,
        }
        for FieldViolation { field, description, .. } in self.fields() {
            write!(f, "; {field}: {description}")?;
        }
        match self.request_id() {
            "" => Ok(()),
            id => write!(f, " (request {id})"),
        }
    }
}

impl Error for GatewayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.status.source()
    }
}
