//! Calls of callers, each under a key, and what they are answered.

use corefy_gateway::{
    pb::{
        self, PaymentIntentState, RefundState, confirm_payment_intent_request::Source,
        payment_intent_service_client::PaymentIntentServiceClient, refund_service_client::RefundServiceClient,
    },
    rpc::InProcess,
};
use tonic::{Request, Response, Status};

use super::customer_calls::CustomerRequest;
use crate::support::client::{confirmation, new_intent, new_refund, reason};

/// A partner, and its key.
#[derive(Clone, Debug)]
pub struct Caller {
    pub partner: corefy_gateway::domain::ids::PartnerId,
    pub api_key: String,
}

/// A call with all that it says, so that it can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallRequest {
    Create,
    /// Creates an intent of this customer.
    CreateFor {
        customer: String,
    },
    Confirm {
        intent: String,
        means: PaidBy,
    },
    Refund {
        intent: String,
        amount: String,
    },
    Cancel {
        intent: String,
    },
    Read {
        intent: String,
    },
    OfCustomer(CustomerRequest),
}

/// The means of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaidBy {
    Card(&'static str),
    /// On Corefy's page.
    Page,
    /// A card that is saved with it.
    CardToSave(&'static str),
    /// A saved payment method, charged by the merchant or by the customer.
    Saved {
        method: String,
        by_merchant: bool,
    },
}

/// The answer that a caller has heard.
#[derive(Clone, Debug)]
pub enum CallAnswer {
    /// The object.
    Object {
        id: String,
        /// Whether it is what came of the call for good.
        is_final: bool,
        text: String,
    },
    Refused {
        reason: String,
        message: String,
    },
    /// The gateway died, or the caller hung up.
    Cut,
}

impl CallAnswer {
    pub fn of<T>(answer: Result<Response<T>, Status>, read: impl FnOnce(T) -> Self) -> Self {
        match answer {
            Ok(answer) => read(answer.into_inner()),
            Err(status) => Self::Refused { reason: reason(&status), message: status.message().to_owned() },
        }
    }

    /// An object that Corefy has, or may have.
    pub fn made(id: String, is_at_corefy: bool, object: &impl std::fmt::Debug) -> Self {
        Self::Object { id, is_final: is_at_corefy, text: format!("{object:?}") }
    }

    fn intent(intent: Option<pb::PaymentIntent>, is_final: impl FnOnce(&pb::PaymentIntent) -> bool) -> Self {
        let intent = intent.unwrap();
        Self::Object { is_final: is_final(&intent), text: format!("{intent:?}"), id: intent.id }
    }

    fn refund(refund: Option<pb::Refund>) -> Self {
        let refund = refund.unwrap();
        // One that Corefy shows as pending is final, too, but cannot be told from one that it has not shown.
        let is_final = refund.state() != RefundState::Pending;
        Self::Object { is_final, text: format!("{refund:?}"), id: refund.id }
    }
}

impl CallRequest {
    /// Whether it changes something, so that it has a key.
    pub fn is_keyed(&self) -> bool {
        !matches!(self, Self::Read { .. })
    }

    /// Whether it makes an intent.
    pub fn makes_intent(&self) -> bool {
        matches!(self, Self::Create | Self::CreateFor { .. })
    }

    /// The saved payment method that it is to be paid by.
    pub fn saved_method(&self) -> Option<&str> {
        match self {
            Self::Confirm { means: PaidBy::Saved { method, .. }, .. } => Some(method),
            _ => None,
        }
    }

    /// Makes the call.
    pub async fn make(self, service: InProcess, api_key: String, key: String, request_id: String) -> CallAnswer {
        let mut intents = PaymentIntentServiceClient::new(service.clone());
        let mut refunds = RefundServiceClient::new(service.clone());
        let signed = Signature { api_key, key, request_id };
        match self {
            Self::Create | Self::CreateFor { .. } => {
                let customer_id = if let Self::CreateFor { customer } = self { customer } else { String::new() };
                let request = pb::CreatePaymentIntentRequest { customer_id, ..new_intent("100.00") };
                let answer = intents.create_payment_intent(signed.on(request)).await;
                // The outcome of a creation shows in nothing but a payment's later life.
                CallAnswer::of(answer, |made| CallAnswer::intent(made.payment_intent, |_| false))
            }
            Self::OfCustomer(request) => request.make(service, &signed).await,
            Self::Confirm { intent, means } => {
                let answer = intents.confirm_payment_intent(signed.on(means.confirming(&intent))).await;
                let is_final = |intent: &pb::PaymentIntent| intent.state() != PaymentIntentState::Processing;
                CallAnswer::of(answer, |made| CallAnswer::intent(made.payment_intent, is_final))
            }
            Self::Refund { intent, amount } => {
                let answer = refunds.create_refund(signed.on(new_refund(&intent, &amount))).await;
                CallAnswer::of(answer, |made| CallAnswer::refund(made.refund))
            }
            Self::Cancel { intent } => {
                let request = pb::CancelPaymentIntentRequest { payment_intent_id: intent, ..Default::default() };
                let answer = intents.cancel_payment_intent(signed.on(request)).await;
                CallAnswer::of(answer, |made| CallAnswer::intent(made.payment_intent, |_| true))
            }
            Self::Read { intent } => {
                let answer = intents.get_payment_intent(signed.on(pb::GetPaymentIntentRequest { id: intent })).await;
                CallAnswer::of(answer, |made| CallAnswer::intent(made.payment_intent, |_| true))
            }
        }
    }
}

impl PaidBy {
    /// The request to pay the intent so.
    fn confirming(self, intent: &str) -> pb::ConfirmPaymentIntentRequest {
        match self {
            Self::Card(card) => confirmation(intent, card),
            Self::Page => pb::ConfirmPaymentIntentRequest {
                payment_intent_id: intent.to_owned(),
                source: Some(Source::HostedPage(pb::HostedPage {})),
                ..Default::default()
            },
            Self::CardToSave(card) => {
                pb::ConfirmPaymentIntentRequest { save_payment_method: true, ..confirmation(intent, card) }
            }
            Self::Saved { method, by_merchant } => pb::ConfirmPaymentIntentRequest {
                payment_intent_id: intent.to_owned(),
                source: Some(Source::PaymentMethodId(method)),
                stored_credential: by_merchant.then(|| pb::StoredCredential {
                    initiator: pb::StoredCredentialInitiator::Merchant.into(),
                    reason: pb::StoredCredentialReason::Unscheduled.into(),
                    ..Default::default()
                }),
                ..Default::default()
            },
        }
    }
}

/// The metadata of a call.
pub struct Signature {
    api_key: String,
    key: String,
    request_id: String,
}

impl Signature {
    /// The message with this metadata.
    pub fn on<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {}", self.api_key).parse().unwrap());
        metadata.insert("idempotency-key", self.key.parse().unwrap());
        metadata.insert("x-request-id", self.request_id.parse().unwrap());
        request
    }
}
