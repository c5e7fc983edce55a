//! The contract of every dialect.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{
    call::{Call, NewPaymentMethod, PaymentContext},
    error::Error,
    priority::Scheduling,
    signature::WrongSignature,
    transport::{Authorize, HttpAnswer, HttpFailure, HttpRequest, Transport},
};
use crate::domain::{
    capability::Capability,
    clock::Timestamp,
    confirmation::Confirmation,
    customer::Customer,
    money::Money,
    payment_method::{PaymentMethod, SupportedPaymentMethod},
    refund::Refund,
    snapshot::{CustomerSnapshot, PaymentMethodSnapshot, PaymentMethodsSnapshot, PaymentSnapshot, RefundSnapshot},
};

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

impl ConnectionTest {
    /// Makes the call, once, and judges it: the error of `verdict` says in a sentence why there is no connection.
    pub(super) async fn of(
        transport: &Transport,
        request: &HttpRequest<'_>,
        authorize: &dyn Authorize,
        verdict: impl FnOnce(&Result<HttpAnswer, HttpFailure>) -> Result<(), String>,
    ) -> Self {
        let started = Instant::now();
        let outcome = transport.attempt(request, authorize).await;
        let latency = started.elapsed();
        let status = outcome.as_ref().ok().map(|answer| answer.status);
        let verdict = verdict(&outcome);
        Self {
            is_reachable: status.is_some(),
            is_authenticated: verdict == Ok(()),
            is_refused: matches!(&outcome, Ok(answer) if answer.is_refusal()),
            latency,
            date: outcome.as_ref().ok().and_then(|answer| answer.date),
            http_status: status.map_or(0, |status| status.as_u16()),
            message: verdict.err().unwrap_or_else(|| "Corefy accepted the credentials.".to_owned()),
        }
    }
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

/// Fails with the first capability that is needed and lacking.
pub fn require(available: &[Capability], mut needed: impl Iterator<Item = Capability>) -> Result<(), Error> {
    let missing = needed.find(|capability| !available.contains(capability));
    missing.map_or(Ok(()), |capability| Err(Error::Unsupported(capability)))
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
        context: &PaymentContext<'_>,
    ) -> Result<PaymentSnapshot, Error>;

    /// Looks up a creation whose answer was lost: `None` when Corefy has no record of it. May repeat the creation,
    /// which moves no money.
    async fn payment_intent_recover(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<Option<PaymentSnapshot>, Error>;

    /// Makes an attempt to pay. Moves money; sent at most once for each operation.
    async fn payment_intent_confirm(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        confirmation: &Confirmation<PaymentMethod>,
    ) -> Result<PaymentSnapshot, Error>;

    /// Reads the payment with its refunds: `None` when Corefy has no record of it.
    async fn payment_find(
        &self,
        context: &PaymentContext<'_>,
        scheduling: Scheduling,
    ) -> Result<Option<PaymentSnapshot>, Error>;

    /// Gives money back. Moves money; sent at most once for each operation.
    async fn refund_create(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
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

    /// Reads the kinds of payment methods that the account accepts, at most 1000; with an amount only those that take it, where Corefy
    /// tells.
    async fn supported_payment_methods(
        &self,
        amount: Option<Money>,
        scheduling: Scheduling,
    ) -> Result<Vec<SupportedPaymentMethod>, Error>;

    /// Makes one cheap authenticated call.
    async fn test_connection(&self) -> ConnectionTest;

    /// Corefy's own time, as its last answer told it. `None` before the first that does.
    fn last_told_time(&self) -> Option<Timestamp>;

    /// The header that carries a webhook's signature, lower case.
    fn webhook_signature_header(&self) -> &'static str;

    /// Accepts `signature` when it was made over exactly `body` with a current secret. Takes the same time for every
    /// signature of the right form.
    fn webhook_verify(&self, signature: Option<&str>, body: &[u8]) -> Result<(), WrongSignature>;

    /// The part of a webhook's body that may be kept: the members we act on, as JSON. `None` when it is not a JSON
    /// object.
    fn webhook_redact(&self, body: &[u8]) -> Option<String>;

    /// The meaning of a redacted body. `None` when it lacks the shape of a webhook.
    fn webhook_read(&self, redacted: &str) -> Option<Notice>;
}
