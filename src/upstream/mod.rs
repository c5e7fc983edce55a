//! Corefy, whichever of its APIs is spoken. `reqwest` is used here and nowhere else.
//!
//! A dialect is one folder: `mod.rs` says which call carries which operation, `wire.rs` has the shapes of its bodies.
//! All share [`transport`]: timeouts, retries of what is safe to repeat, the rate limiter and the circuit breaker.

use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{
    capability::Capability,
    clock::Timestamp,
    confirmation::Confirmation,
    customer::Customer,
    ids::OperationId,
    payment_intent::PaymentIntent,
    payment_method::{CARD, OtherMethod, PaymentMethod, SupportedPaymentMethod},
    refund::Refund,
    snapshot::{CustomerSnapshot, PaymentMethodSnapshot, PaymentMethodsSnapshot, PaymentSnapshot, RefundSnapshot},
};

pub mod call_log;
pub mod intents;
mod log_subject;
mod priority;
mod sanitize;
#[cfg(test)]
mod scripted;
pub mod signature;
pub mod transport;

pub use log_subject::Subject;
pub use priority::{Priority, Scheduling};
pub use transport::NoConnection;

/// The outcome of a call without success. The variant decides what the caller may do next; see "Outcomes" in
/// `ARCHITECTURE.md`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Corefy refused the request in its own words: definitely nothing was done.
    #[error("Corefy refused the request: {0}")]
    Rejected(Rejection),
    /// Definitely nothing was sent; the call may be made again.
    #[error("nothing was sent to Corefy: {reason}")]
    NotSent {
        /// Why not.
        reason: NotSent,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The request may or may not have been carried out. Only asking Corefy can show which.
    #[error("the outcome at Corefy is not known: {0}")]
    Unknown(String),
    /// This dialect lacks a capability; nothing was sent.
    #[error("the Corefy API in use lacks {}", .0.as_str())]
    Unsupported(Capability),
    /// The answer to a read could not be understood, or did not come.
    #[error("Corefy's answer could not be read: {0}")]
    Protocol(String),
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No connection could be made.
    #[error("no connection: {0}")]
    Unreachable(NoConnection),
    /// The circuit breaker is open after too many failures.
    #[error("too many calls failed just now")]
    CircuitOpen,
    /// The rate limit is used up for longer than a call may wait.
    #[error("the rate limit is used up")]
    RateLimited,
    /// The time for it was over, because the gateway had stood still.
    #[error("it came too late to be sent")]
    TooLate,
}

/// Corefy's refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {http_status}, {code}")]
pub struct Rejection {
    /// 400 to 499.
    pub http_status: u16,
    /// Corefy's code, or `http_<status>`. At most 64 characters.
    pub code: String,
    /// Corefy's sentence, at most 500 characters, with whatever looks like a card number masked.
    pub message: String,
    /// The invalid fields, by our field paths (`billing_address.country`), each with its reason.
    pub fields: Vec<(String, String)>,
}

impl Rejection {
    /// Whether it is our own credentials that were refused, and not the request.
    pub fn is_about_credentials(&self) -> bool {
        matches!(self.http_status, 401 | 403)
    }
}

/// The operation a mutating call belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Sent as `Idempotency-Key`; the same at every repetition.
    pub operation_id: &'a OperationId,
    /// The gRPC request it serves, for logs.
    pub request_id: &'a str,
    /// The last moment at which it may be sent: later, another task may have taken over the operation.
    pub not_after: Timestamp,
    /// Its priority and deadline in the rate limiter.
    pub scheduling: Scheduling,
}

/// An intent with what a dialect may need beside it.
#[derive(Clone, Copy, Debug)]
pub struct PaymentContext<'a> {
    /// The intent.
    pub intent: &'a PaymentIntent,
    /// Its customer, when it has one.
    pub customer: Option<&'a Customer>,
}

/// A payment method to save: what is kept of it, and what is only passed on.
#[derive(Debug)]
pub struct NewPaymentMethod<'a> {
    /// The customer that it is saved for.
    pub customer: &'a Customer,
    /// The part that is kept.
    pub method: &'a PaymentMethod,
    /// The part that is only passed on.
    pub data: &'a PaymentMethodData,
}

/// The part of a payment method that is passed on and never kept.
#[derive(Debug)]
pub enum PaymentMethodData {
    /// A card without CVV.
    Card(crate::domain::card::Card),
    /// A wallet or alternative method.
    Other(OtherMethod),
}

impl PaymentMethodData {
    /// Type code.
    pub fn kind(&self) -> &str {
        match self {
            Self::Card(_) => CARD,
            Self::Other(other) => &other.kind,
        }
    }
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

/// The result of a connection test.
#[derive(Clone, Debug)]
pub struct ConnectionTest {
    /// Whether Corefy answered at all.
    pub is_reachable: bool,
    /// Whether it accepted our credentials.
    pub is_authenticated: bool,
    /// Whether it was Corefy itself that refused.
    pub is_refused: bool,
    /// How long the call took.
    pub latency: Duration,
    /// 0 when there was no answer.
    pub http_status: u16,
    /// A sentence about what came back.
    pub message: String,
    /// The time by the answer's `Date` header, to the second.
    pub date: Option<Timestamp>,
}

/// The content of a webhook. It is a hint: its object is read from Corefy before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Corefy's id of the event; may be empty.
    pub event_id: String,
    /// Corefy's type of the event; may be empty.
    pub event_type: String,
    /// Its object.
    pub about: About,
}

/// The object of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A payment or one of its refunds.
    Payment {
        /// Every id Corefy names for it, best first.
        upstream_ids: Vec<String>,
        /// The reference it was made with: our intent's or refund's id, when we made it.
        reference: Option<String>,
        /// Whether it says only that the payment succeeded, which needs no reading when we know it.
        only_success: bool,
    },
    /// A customer, by Corefy's id.
    Customer(String),
    /// The saved payment methods of a customer, by Corefy's id.
    PaymentMethods(String),
    /// Something we do not act on.
    Other,
}

/// One of Corefy's APIs. Every method is one operation; none is ever repeated by the implementation unless repeating
/// it moves no money.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// The name of this dialect.
    fn dialect(&self) -> &'static str;

    /// The things that this dialect can do, known before anything is asked of it.
    fn capabilities(&self) -> &'static [Capability];

    /// Creates the payment. Moves no money.
    async fn payment_intent_create(
        &self,
        call: Call<'_>,
        context: PaymentContext<'_>,
    ) -> Result<PaymentSnapshot, Error>;

    /// Looks up a creation whose answer was lost: `None` when Corefy has no record of it. May repeat the creation,
    /// which moves no money.
    async fn payment_intent_recover(
        &self,
        call: Call<'_>,
        context: PaymentContext<'_>,
    ) -> Result<Option<PaymentSnapshot>, Error>;

    /// Makes an attempt to pay. Moves money; sent at most once for each operation.
    async fn payment_intent_confirm(
        &self,
        call: Call<'_>,
        context: PaymentContext<'_>,
        confirmation: &Confirmation<PaymentMethod>,
    ) -> Result<PaymentSnapshot, Error>;

    /// Reads the payment with its refunds: `None` when Corefy has no record of it.
    async fn payment_find(
        &self,
        context: PaymentContext<'_>,
        scheduling: Scheduling,
    ) -> Result<Option<PaymentSnapshot>, Error>;

    /// Gives money back. Moves money; sent at most once for each operation.
    async fn refund_create(
        &self,
        call: Call<'_>,
        context: PaymentContext<'_>,
        refund: &Refund,
    ) -> Result<RefundSnapshot, Error>;

    /// Creates the customer.
    async fn customer_create(&self, call: Call<'_>, customer: &Customer) -> Result<CustomerSnapshot, Error>;

    /// Looks up a creation whose answer was lost, like [`Self::payment_intent_recover`].
    async fn customer_recover(&self, call: Call<'_>, customer: &Customer) -> Result<Option<CustomerSnapshot>, Error>;

    /// Reads the customer: `None` when Corefy has no record of it, or only one that was made by others.
    async fn customer_find(
        &self,
        customer: &Customer,
        scheduling: Scheduling,
    ) -> Result<Option<CustomerSnapshot>, Error>;

    /// Saves a payment method.
    async fn payment_method_create(
        &self,
        call: Call<'_>,
        new: NewPaymentMethod<'_>,
    ) -> Result<PaymentMethodSnapshot, Error>;

    /// Reads the payment methods that a customer has saved, at most 1000.
    async fn payment_methods_of(
        &self,
        customer: &Customer,
        scheduling: Scheduling,
    ) -> Result<PaymentMethodsSnapshot, Error>;

    /// Reads the kinds of payment methods that the account accepts, at most 1000.
    async fn supported_payment_methods(&self, scheduling: Scheduling) -> Result<Vec<SupportedPaymentMethod>, Error>;

    /// Makes one cheap authenticated call.
    async fn test_connection(&self) -> ConnectionTest;

    /// Corefy's own time, as its last answer told it. `None` before the first that does.
    fn last_told_time(&self) -> Option<Timestamp>;

    /// The header that carries a webhook's signature, lower case.
    fn webhook_signature_header(&self) -> &'static str;

    /// Accepts `signature` when it was made over exactly `body` with a current secret. Takes the same time for every
    /// signature of the right form.
    fn webhook_verify(&self, signature: Option<&str>, body: &[u8]) -> Result<(), signature::WrongSignature>;

    /// The part of a webhook's body that may be kept: the members we act on, as JSON. `None` when it is not a JSON
    /// object.
    fn webhook_redact(&self, body: &[u8]) -> Option<String>;

    /// The meaning of a redacted body. `None` when it lacks the shape of a webhook.
    fn webhook_read(&self, redacted: &str) -> Option<Notice>;
}
