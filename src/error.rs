//! The refusal of a use case: a public reason with its facts, and a private cause that only the log sees. `rpc::status`
//! turns it into a gRPC status; nothing else does.

use std::{collections::BTreeMap, error::Error as StdError, fmt, ops::Deref, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{store, upstream};

/// Why a request was refused: the names of `error_reason.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum Reason {
    FieldsInvalid,
    CredentialsInvalid,
    ScopeMissing,
    ResourceNotFound,
    ReferenceIdTaken,
    IdempotencyKeyReused,
    IdempotencyKeyInUse,
    PaymentIntentState,
    AttemptInDoubt,
    PaymentMethodMismatch,
    CustomerNotReady,
    PaymentNotRefundable,
    RefundExceedsPayment,
    UpstreamRejected,
    UpstreamUnavailable,
    UpstreamRateLimited,
    UpstreamMisconfigured,
    UpstreamUnreadable,
    CapabilityMissing,
    StoreUnavailable,
    ShuttingDown,
    DeadlineExceeded,
    Internal,
    KeyRateLimited,
    AuthFailuresLimited,
    EventNotKept,
    EventReaderTooSlow,
    EventStreamsLimited,
    MethodUnknown,
    IdempotencyKeyRequired,
    RevisionStale,
    RiskListsFull,
    ReviewDecided,
    BlockedByRisk,
    PaymentMethodDeleted,
    CustomerErased,
    PaymentsUnderWay,
    ExportsLimited,
}

/// How many wrong fields the sentence of a refusal has with their reasons; the details have all.
const FIELDS_IN_SENTENCE: usize = 3;

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The field by its proto path, for example `billing_address.country`.
    pub field: String,
    /// The rule for its value. Never repeats the value.
    pub description: String,
}

/// A refusal. Small to pass around; its parts are reached through [`Deref`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Error(Box<ErrorParts>);

/// The parts of an [`Error`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorParts {
    /// Why.
    pub reason: Reason,
    /// A sentence for the developer. Contains nothing private.
    pub message: String,
    /// The facts by name, as `error_reason.proto` lists them.
    pub metadata: BTreeMap<String, String>,
    /// Every wrong field.
    pub violations: Vec<Violation>,
    /// How long to wait before trying again, where that helps.
    pub retry_after: Option<Duration>,
    /// Whether it was said before, to an earlier call under the same idempotency key.
    #[serde(skip)]
    pub is_replayed: bool,
    /// The cause, for the log alone.
    #[serde(skip)]
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A refusal for `reason`, said in `message`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorParts {
            reason,
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            retry_after: None,
            is_replayed: false,
            cause: None,
        }))
    }

    /// A refusal that names every wrong field; its sentence says of the first ones what is wrong.
    pub fn fields(violations: Vec<Violation>) -> Self {
        let mut told: Vec<_> = violations
            .iter()
            .take(FIELDS_IN_SENTENCE)
            .map(|Violation { field, description }| format!("{field}: {description}"))
            .collect();
        if violations.len() > FIELDS_IN_SENTENCE {
            told.push(format!("and {} more", violations.len() - FIELDS_IN_SENTENCE));
        }
        let mut error = Self::new(Reason::FieldsInvalid, told.join("; "));
        error.0.violations = violations;
        error
    }

    /// A refusal because of one field.
    pub fn field(field: &str, description: impl Into<String>) -> Self {
        Self::fields(vec![Violation { field: field.to_owned(), description: description.into() }])
    }

    /// The partner has no `kind` with this id; another partner's counts as none.
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(Reason::ResourceNotFound, format!("there is no {kind} {id}"))
            .with("resource_type", kind)
            .with("resource_id", id)
    }

    /// The same in other words.
    #[must_use]
    pub fn worded(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Notes that an earlier call was refused so, under the same idempotency key.
    #[must_use]
    pub fn replayed(mut self) -> Self {
        self.0.is_replayed = true;
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds to what it says.
    #[must_use]
    pub fn adding(mut self, clause: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(clause);
        self
    }

    /// Adds what lies behind it, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Box::new(cause));
        self
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync)> {
        self.0.cause.as_deref()
    }
}

impl Deref for Error {
    type Target = ErrorParts;
    fn deref(&self) -> &ErrorParts {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {}

/// How long a caller should wait when the database did not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

impl From<store::Error> for Error {
    fn from(cause: store::Error) -> Self {
        match &cause {
            store::Error::Unavailable(_) | store::Error::Unreachable(_) => {
                Self::new(Reason::StoreUnavailable, "the gateway's database did not answer").retry_after(STORE_RETRY)
            }
            store::Error::Uncertain(_) => {
                let message = "the gateway's database did not say whether this was written";
                Self::new(Reason::StoreUnavailable, message).retry_after(STORE_RETRY)
            }
            store::Error::MasterKey | store::Error::OtherMasterKey => {
                Self::new(Reason::Internal, "the gateway has another key than its database")
            }
            store::Error::Corrupt(_) => Self::new(Reason::Internal, "the gateway could not read its own record"),
            store::Error::RuleBroken(_) => Self::new(Reason::Internal, "the gateway could not write its own record"),
        }
        .because(cause)
    }
}

impl From<store::CommitError> for Error {
    fn from(error: store::CommitError) -> Self {
        match error {
            store::CommitError::Failed(cause) => cause.into(),
            store::CommitError::Conflict(conflict) => {
                let message = "the gateway's record was changed by another call at the same time";
                Self::new(Reason::StoreUnavailable, message).retry_after(STORE_RETRY).because(conflict)
            }
        }
    }
}

impl From<upstream::Error> for Error {
    fn from(cause: upstream::Error) -> Self {
        Arc::new(cause).into()
    }
}

impl From<Arc<upstream::Error>> for Error {
    fn from(cause: Arc<upstream::Error>) -> Self {
        match &*cause {
            upstream::Error::Rejected(rejection) => rejected(rejection),
            upstream::Error::NotSent { reason: upstream::NotSent::RateLimited, retry_after } => {
                Self::new(Reason::UpstreamRateLimited, "the rate limit of calls to Corefy is used up; nothing was sent")
                    .retry_after(*retry_after)
            }
            upstream::Error::NotSent { reason: reason @ upstream::NotSent::NotPrepared, retry_after } => {
                Self::new(Reason::UpstreamUnavailable, format!("nothing was charged at Corefy: {reason}"))
                    .retry_after(*retry_after)
            }
            upstream::Error::NotSent { reason, retry_after } => Self::new(
                Reason::UpstreamUnavailable,
                format!("Corefy could not be reached ({reason}); nothing was sent"),
            )
            .retry_after(*retry_after),
            upstream::Error::Unsupported(capability) => {
                let name = capability.as_str();
                let message = format!("this gateway cannot do what the request asks for ({name})");
                Self::new(Reason::CapabilityMissing, message).with("capability", name)
            }
            // Only reads come here: the unknown outcome of anything else is data, not an error.
            upstream::Error::Unknown(detail) | upstream::Error::Protocol(detail) => Self::new(
                Reason::UpstreamUnreadable,
                format!("Corefy gave no answer that could be understood ({detail})"),
            ),
        }
        .because(cause)
    }
}

/// The meaning of Corefy's refusal for the caller: a fault of ours when it is about credentials, of the request's otherwise.
fn rejected(rejection: &upstream::Rejection) -> Error {
    if rejection.is_about_credentials() {
        return Error::new(Reason::UpstreamMisconfigured, "Corefy does not accept the gateway's own credentials");
    }
    let violations: Vec<_> = rejection
        .fields
        .iter()
        .map(|(field, description)| Violation { field: field.clone(), description: description.clone() })
        .collect();
    let error = if violations.is_empty() {
        Error::new(Reason::UpstreamRejected, format!("Corefy refused the request: {}", rejection.message))
    } else {
        Error::fields(violations)
    };
    error.with("upstream_code", &rejection.code).with("http_status", rejection.http_status.to_string())
}
