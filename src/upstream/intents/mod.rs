//! The `intents` dialect: which call carries which operation.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::transport::{HttpAnswer, HttpFailure, HttpRequest, SetupError, Transport};
use super::{
    Call, ConnectionTest, Error, NewPaymentMethod, Notice, PaymentContext, Priority, Scheduling, Upstream, lenient,
    not_at_corefy,
    reading::unreadable,
    require,
    signature::{self, WrongSignature},
};
use crate::domain::{
    capability::Capability,
    clock::{Clock, Timestamp},
    confirmation::Confirmation,
    customer::Customer,
    money::Money,
    payment_method::{PaymentMethod, SupportedPaymentMethod},
    refund::Refund,
    snapshot::{
        CustomerSnapshot, PaymentMethodSnapshot, PaymentMethodsSnapshot, PaymentSnapshot, PaymentStatus, RefundSnapshot,
    },
};

mod answers;
#[cfg(test)]
mod conformance;
mod keys;
mod next_action;
mod redact;
mod refusals;
mod requests;
#[cfg(test)]
mod tests;
mod unread;
mod webhook;
pub mod wire;

use keys::CredentialHeaders;
pub use keys::Credentials;
pub use redact::REDACT;
use refusals::{CorefyRefusal, Failed};

const SUPPORTED_METHODS: &str = "/v1/payment-methods/supported";

/// Corefy, spoken to in the `intents` dialect.
#[derive(Debug)]
pub struct Intents {
    transport: Transport,
    keys: CredentialHeaders,
    credentials: watch::Receiver<Credentials>,
}

impl Intents {
    /// Fails when a key cannot stand in a header. Each request and each webhook goes by the credentials as they are then. The clock
    /// gives the time that is signed.
    pub fn new(
        transport: Transport,
        credentials: watch::Receiver<Credentials>,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        let keys = CredentialHeaders::new(credentials.clone(), clock)?;
        Ok(Self { transport, keys, credentials })
    }

    async fn ask<T: DeserializeOwned>(&self, request: &HttpRequest<'_>) -> Result<T, Failed> {
        let answer = self.transport.send(request, &self.keys).await?;
        if !answer.status.is_success() {
            return Err(Failed::Refused(refusals::read(&answer)));
        }
        lenient::read(&answer.body).map_err(|error| request.unclear(unreadable(&error)).into())
    }

    async fn create_intent(&self, call: Call<'_>, context: &PaymentContext<'_>) -> Result<PaymentSnapshot, Failed> {
        let request = HttpRequest::mutation("payment_intent.create", "/v1/payment-intents", call)
            .about(context.intent)
            .with_body(&requests::create_intent(context));
        let answer = self.ask(&request).await?;
        answers::created(answer, context.intent).map_err(|mismatch| request.unclear(mismatch).into())
    }

    /// Reads the payment with Corefy's id `id`, which has the reference of our intent.
    async fn find_made(
        &self,
        id: &str,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        let request =
            HttpRequest::read("payment.find", "/v1/payments/{id}", call.scheduling).about(context.intent).with_id(id);
        let Some(answer) = left_behind(self.ask(&request).await)? else { return Ok(None) };
        let checked = answers::existing(answer, id, context.intent);
        checked.map(Some).map_err(|mismatch| request.unclear(mismatch))
    }

    /// Finds out what a refusal means that reads as a decline: an attempt that was made leaves its failure behind, which must be
    /// known before another begins.
    async fn declined(
        &self,
        refusal: CorefyRefusal,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<PaymentSnapshot, Error> {
        let rejection = refusal.rejection;
        match self.payment_find(context, call.scheduling).await {
            Ok(Some(shown)) if matches!(shown.status, PaymentStatus::Failed(_)) => Ok(shown),
            Ok(Some(shown)) if shown.status == PaymentStatus::AwaitingConfirmation => Err(Error::Rejected(rejection)),
            Ok(_) | Err(_) => Err(Error::Unknown(format!("{rejection}, and the payment does not show why"))),
        }
    }

    async fn create_customer(&self, call: Call<'_>, customer: &Customer) -> Result<CustomerSnapshot, Failed> {
        let request = HttpRequest::mutation("customer.create", "/v1/customers", call)
            .about(customer)
            .with_body(&requests::create_customer(customer));
        let answer = self.ask(&request).await?;
        answers::customer(answer, customer).map_err(|mismatch| request.unclear(mismatch).into())
    }

    async fn find_customer(
        &self,
        id: &str,
        customer: &Customer,
        scheduling: Scheduling,
    ) -> Result<Option<CustomerSnapshot>, Error> {
        let request = HttpRequest::read("customer.find", "/v1/customers/{id}", scheduling).about(customer).with_id(id);
        let Some(answer) = left_behind(self.ask(&request).await)? else { return Ok(None) };
        let snapshot = answers::customer(answer, customer).map_err(|mismatch| request.unclear(mismatch))?;
        if snapshot.upstream_id != id {
            return Err(request.unclear("the answer is about another customer"));
        }
        Ok(Some(snapshot))
    }
}

/// Judges a connection test; the error says in a sentence why there is no connection.
fn verdict(outcome: &Result<HttpAnswer, HttpFailure>) -> Result<(), String> {
    match outcome {
        Ok(answer) if answer.status.is_success() => {
            let list = lenient::read::<wire::List<wire::SupportedMethod>>(&answer.body);
            list.map(|_| ())
                .map_err(|_| format!("What answered, with {}, does not speak as Corefy does.", answer.words()))
        }
        Ok(answer) if answer.is_foreign() => Err(format!("The answer was {}.", answer.words())),
        Ok(answer) => Err(format!("Corefy answered {}.", answer.words())),
        Err(HttpFailure::NotSent { reason, .. }) => Err(format!("Nothing was sent: {reason}.")),
        Err(HttpFailure::Broken(detail)) => Err(format!("Corefy did not answer: {detail}.")),
    }
}

/// `None` when Corefy itself says that there is no such thing.
fn found<T>(outcome: Result<T, Failed>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(Failed::Refused(refusal)) if refusal.rejection.http_status == 404 => Ok(None),
        Err(failed) => Err(failed.into()),
    }
}

/// The same where something is looked for that a creation left behind: that the reading was refused says nothing of the
/// creation.
fn left_behind<T>(outcome: Result<T, Failed>) -> Result<Option<T>, Error> {
    found(outcome).map_err(|error| match error {
        Error::Rejected(rejection) => Error::Protocol(rejection.to_string()),
        error => error,
    })
}

/// The outcome of a creation whose object exists already. Only recovery can tell where that object could not be read.
fn made<T>(found: Result<Option<T>, Error>) -> Result<T, Error> {
    let unread = |why: String| Error::Unknown(format!("HTTP 409, the reference is taken, and the object: {why}"));
    found.map_err(|error| unread(error.to_string()))?.ok_or_else(|| unread("not found".to_owned()))
}

/// The outcome of what moves money. Neither a conflict nor a decline proves that nothing was done.
fn moved<T>(outcome: Result<T, Failed>) -> Result<T, Error> {
    match outcome {
        Err(Failed::Refused(refusal)) if refusal.is_conflict() || refusal.is_decline() => {
            Err(Error::Unknown(refusal.rejection.to_string()))
        }
        outcome => Ok(outcome?),
    }
}

#[async_trait]
impl Upstream for Intents {
    fn dialect(&self) -> &'static str {
        "intents"
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::RawCards, Capability::CreatePaymentMethod, Capability::ExternalThreeDSecure]
    }

    /// A reference that is taken was taken by this call, of which something on the way made two.
    async fn payment_intent_create(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<PaymentSnapshot, Error> {
        match self.create_intent(call, context).await {
            Err(Failed::Refused(CorefyRefusal { existing: Some(id), .. })) => {
                made(self.find_made(&id, call, context).await)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Repeats the creation under the same idempotency key and reference; where the reference is taken, that intent is
    /// ours.
    async fn payment_intent_recover(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        match self.create_intent(call, context).await {
            Err(Failed::Refused(CorefyRefusal { existing: Some(id), .. })) => self.find_made(&id, call, context).await,
            outcome => Ok(Some(outcome?)),
        }
    }

    async fn payment_intent_confirm(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        confirmation: &Confirmation<PaymentMethod>,
    ) -> Result<PaymentSnapshot, Error> {
        require(self.capabilities(), confirmation.needs())?;
        let id = context.intent.upstream_id.as_deref().ok_or_else(|| not_at_corefy("payment intent"))?;
        let body = requests::confirm_intent(confirmation)?;
        let request = HttpRequest::mutation("payment_intent.confirm", "/v1/payment-intents/{id}/confirm", call)
            .about(context.intent)
            .with_id(id)
            .with_body(&body);
        match self.ask(&request).await {
            Err(Failed::Refused(refusal)) if refusal.is_decline() => self.declined(refusal, call, context).await,
            outcome => answers::read(moved(outcome)?, id).map_err(|mismatch| request.unclear(mismatch)),
        }
    }

    async fn payment_find(
        &self,
        context: &PaymentContext<'_>,
        scheduling: Scheduling,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        let Some(id) = context.intent.upstream_id.as_deref() else { return Ok(None) };
        let request =
            HttpRequest::read("payment.find", "/v1/payments/{id}", scheduling).about(context.intent).with_id(id);
        let Some(answer) = found(self.ask(&request).await)? else { return Ok(None) };
        answers::read(answer, id).map(Some).map_err(|mismatch| request.unclear(mismatch))
    }

    async fn refund_create(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        refund: &Refund,
    ) -> Result<RefundSnapshot, Error> {
        let id = context.intent.upstream_id.as_deref().ok_or_else(|| not_at_corefy("payment"))?;
        let request = HttpRequest::mutation("refund.create", "/v1/refunds", call)
            .about(refund)
            .with_body(&requests::create_refund(id, refund));
        let answer = moved(self.ask(&request).await)?;
        answers::refunded(answer, refund).map_err(|mismatch| request.unclear(mismatch))
    }

    async fn customer_create(&self, call: Call<'_>, customer: &Customer) -> Result<CustomerSnapshot, Error> {
        match self.create_customer(call, customer).await {
            Err(Failed::Refused(CorefyRefusal { existing: Some(id), .. })) => {
                made(self.find_customer(&id, customer, call.scheduling).await)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn customer_recover(&self, call: Call<'_>, customer: &Customer) -> Result<Option<CustomerSnapshot>, Error> {
        match self.create_customer(call, customer).await {
            Err(Failed::Refused(CorefyRefusal { existing: Some(id), .. })) => {
                self.find_customer(&id, customer, call.scheduling).await
            }
            outcome => Ok(Some(outcome?)),
        }
    }

    async fn customer_find(
        &self,
        customer: &Customer,
        scheduling: Scheduling,
    ) -> Result<Option<CustomerSnapshot>, Error> {
        let Some(id) = customer.upstream_id.as_deref() else { return Ok(None) };
        let request = HttpRequest::read("customer.find", "/v1/customers/{id}", scheduling).about(customer).with_id(id);
        let Some(answer) = left_behind(self.ask(&request).await)? else { return Ok(None) };
        answers::customer_shown(answer, customer, id).map_err(|mismatch| request.unclear(mismatch))
    }

    async fn payment_method_create(
        &self,
        call: Call<'_>,
        new: NewPaymentMethod<'_>,
    ) -> Result<PaymentMethodSnapshot, Error> {
        let customer_id = new.customer.upstream_id.as_deref().ok_or_else(|| not_at_corefy("customer"))?;
        let request = HttpRequest::mutation("payment_method.create", "/v1/payment-methods", call)
            .about(new.method)
            .with_body(&requests::create_payment_method(customer_id, &new));
        let answer = self.ask(&request).await?;
        answers::payment_method(answer, customer_id).map_err(|mismatch| request.unclear(mismatch))
    }

    async fn payment_methods_of(
        &self,
        customer: &Customer,
        scheduling: Scheduling,
    ) -> Result<PaymentMethodsSnapshot, Error> {
        let nothing = PaymentMethodsSnapshot { methods: Vec::new(), is_complete: true };
        let Some(id) = customer.upstream_id.as_deref() else { return Ok(nothing) };
        let request = HttpRequest::read("payment_method.list", "/v1/customers/{id}/payment-methods", scheduling)
            .about(customer)
            .with_id(id);
        let list: wire::List<wire::WirePaymentMethod> = self.ask(&request).await?;
        Ok(answers::payment_methods(list, id))
    }

    /// Corefy tells no limits of methods.
    async fn supported_payment_methods(
        &self,
        _: Option<Money>,
        scheduling: Scheduling,
    ) -> Result<Vec<SupportedPaymentMethod>, Error> {
        let request = HttpRequest::read("payment_method.list_supported", SUPPORTED_METHODS, scheduling);
        let list: wire::List<wire::SupportedMethod> = self.ask(&request).await?;
        Ok(list.data.read.into_iter().take(wire::LONGEST_LIST).filter_map(answers::supported).collect())
    }

    async fn test_connection(&self) -> ConnectionTest {
        let request = HttpRequest::read("connection.test", SUPPORTED_METHODS, Scheduling::of(Priority::Read));
        ConnectionTest::of(&self.transport, &request, &self.keys, verdict).await
    }

    fn last_told_time(&self) -> Option<Timestamp> {
        self.transport.last_told_time()
    }

    fn webhook_signature_header(&self) -> &'static str {
        "x-signature"
    }

    fn webhook_verify(&self, signature: Option<&str>, body: &[u8]) -> Result<(), WrongSignature> {
        signature::verify_webhook(&self.credentials.borrow().webhook_secrets, signature, body)
    }

    fn webhook_redact(&self, body: &[u8]) -> Option<String> {
        webhook::redact(body)
    }

    fn webhook_read(&self, redacted: &str) -> Option<Notice> {
        webhook::read(redacted)
    }
}
