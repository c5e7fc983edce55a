//! The steps of a run: calls of partners, and failures at Corefy, chosen by chance.

use corefy_gateway::{
    pb::{self, payment_intent_service_client::PaymentIntentServiceClient, refund_service_client::RefundServiceClient},
    rpc::InProcess,
    sandbox::faults::Fault,
};
use fastrand::Rng;
use tonic::{Request, Status};

use crate::support::{
    client::{confirmation, new_intent, new_refund},
    money::{CONFIRM, CREATE, READ, REFUND},
};

/// The cards: approved, declined, processing, and a fault of each kind.
const CARDS: [&str; 7] = [
    "4111111111111111",
    "4111111111111111",
    "4111111111111111",
    "4000000000009995",
    "4000000000000077",
    "4000000000004442",
    "4000000000005019",
];
const FAULTS: [Fault; 5] = [
    Fault::Http(500),
    Fault::Http(429),
    Fault::HttpAfterExecute(502),
    Fault::DropAfterExecute,
    Fault::HangAfterExecute,
];

/// One call of a caller.
#[derive(Clone, Debug)]
pub enum Step {
    Create,
    Confirm(String, &'static str),
    Refund(String, String),
    Cancel(String),
    Read(String),
}

impl Step {
    /// Any of them, about one of the `intents`.
    pub fn any(rng: &mut Rng, intents: &[String]) -> Self {
        let Some(intent) = rng.choice(intents).cloned() else { return Self::Create };
        match rng.u8(0..10) {
            0..=2 => Self::Create,
            3..=5 => Self::Confirm(intent, rng.choice(CARDS).unwrap()),
            6..=7 => Self::Refund(intent, format!("{}.00", rng.u8(1..60))),
            8 => Self::Cancel(intent),
            _ => Self::Read(intent),
        }
    }

    /// Makes the call under this idempotency key. Returns the answer, and the intent if it was made.
    pub async fn make(self, service: InProcess, api_key: String, key: String) -> (String, Option<String>) {
        let mut intents = PaymentIntentServiceClient::new(service.clone());
        let mut refunds = RefundServiceClient::new(service);
        match self {
            Self::Create => {
                let answer = intents.create_payment_intent(signed(new_intent("100.00"), &api_key, &key)).await;
                let made = answer.as_ref().ok().and_then(|made| made.get_ref().payment_intent.clone());
                (told(answer.map(|made| made.into_inner().payment_intent)), made.map(|intent| intent.id))
            }
            Self::Confirm(id, card) => {
                let answer = intents.confirm_payment_intent(signed(confirmation(&id, card), &api_key, &key)).await;
                (told(answer.map(|made| made.into_inner().payment_intent)), None)
            }
            Self::Refund(id, amount) => {
                let answer = refunds.create_refund(signed(new_refund(&id, &amount), &api_key, &key)).await;
                (told(answer.map(|made| made.into_inner().refund)), None)
            }
            Self::Cancel(payment_intent_id) => {
                let request = pb::CancelPaymentIntentRequest { payment_intent_id, ..Default::default() };
                let answer = intents.cancel_payment_intent(signed(request, &api_key, &key)).await;
                (told(answer.map(|made| made.into_inner().payment_intent)), None)
            }
            Self::Read(id) => {
                let request = Request::new(pb::GetPaymentIntentRequest { id });
                let answer = intents.get_payment_intent(authorized(request, &api_key)).await;
                (told(answer.map(|made| made.into_inner().payment_intent)), None)
            }
        }
    }
}

/// A fault, and the requests that it hits.
pub fn any_fault(rng: &mut Rng) -> ((&'static str, &'static str), Fault) {
    (rng.choice([CREATE, CONFIRM, READ, REFUND]).unwrap(), rng.choice(FAULTS).unwrap())
}

/// A request with the caller's key.
pub fn authorized<T>(mut request: Request<T>, api_key: &str) -> Request<T> {
    request.metadata_mut().insert("authorization", format!("Bearer {api_key}").parse().unwrap());
    request
}

fn signed<T>(message: T, api_key: &str, key: &str) -> Request<T> {
    let mut request = authorized(Request::new(message), api_key);
    request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

fn told(answer: Result<impl std::fmt::Debug, Status>) -> String {
    match answer {
        Ok(message) => format!("{message:?}"),
        Err(status) => format!("{:?}: {}", status.code(), status.message()),
    }
}
