//! Every mutating call, with what must be true of it in the end.

use corefy_gateway::pb::{self, PaymentIntentState as State, RefundState};
use tonic::Status;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_intent, new_payment_method, new_refund},
    money::CONFIRM,
};

/// The objects of the calls.
pub struct TestedObjects {
    customer: String,
    pub intent: String,
    pub canceled: String,
    pub paid: pb::PaymentIntent,
}

/// A mutating call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestedCall {
    CreateIntent,
    Confirm,
    Cancel,
    Refund,
    CreateCustomer,
    CreateMethod,
}

impl TestedCall {
    pub const ALL: [Self; 6] =
        [Self::CreateIntent, Self::Confirm, Self::Cancel, Self::Refund, Self::CreateCustomer, Self::CreateMethod];
    /// Calls that send something.
    pub const SENT: [Self; 5] =
        [Self::CreateIntent, Self::Confirm, Self::Refund, Self::CreateCustomer, Self::CreateMethod];

    /// Where it goes at Corefy.
    pub fn path(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::CreateIntent => Some(("POST", "/v1/payment-intents")),
            Self::Confirm => Some(CONFIRM),
            Self::Refund => Some(("POST", "/v1/refunds")),
            Self::CreateCustomer => Some(("POST", "/v1/customers")),
            Self::CreateMethod => Some(("POST", "/v1/payment-methods")),
            Self::Cancel => None,
        }
    }
}

impl TestedObjects {
    pub async fn new(client: &Client) -> Self {
        let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap().id;
        Self {
            customer,
            intent: client.intent("50.00").await.id,
            canceled: client.intent("40.00").await.id,
            paid: client.paid_intent("30.00").await,
        }
    }

    /// Makes the call under an idempotency key of its own; the same again is its repetition. Answers with the id of its
    /// object.
    pub async fn call(&self, client: &Client, kind: TestedCall) -> Result<String, Status> {
        let key = format!("{kind:?}-{}", self.customer);
        Ok(match kind {
            TestedCall::CreateIntent => {
                let response = client.create_payment_intent(keyed(&key, new_intent("20.00"))).await?.into_inner();
                let intent = response.payment_intent.unwrap();
                assert_eq!(intent.state(), State::RequiresConfirmation);
                intent.id
            }
            TestedCall::Confirm => {
                let request = confirmation(&self.intent, APPROVED);
                let response = client.confirm_payment_intent(keyed(&key, request)).await?.into_inner();
                let intent = response.payment_intent.unwrap();
                assert_eq!(intent.state(), State::Succeeded);
                intent.id
            }
            TestedCall::Cancel => {
                let request =
                    pb::CancelPaymentIntentRequest { payment_intent_id: self.canceled.clone(), ..Default::default() };
                let response = client.cancel_payment_intent(keyed(&key, request)).await?.into_inner();
                let intent = response.payment_intent.unwrap();
                assert_eq!(intent.state(), State::Canceled);
                intent.id
            }
            TestedCall::Refund => {
                let request = new_refund(&self.paid.payment_id, "10.00");
                let refund = client.create_refund(keyed(&key, request)).await?.into_inner().refund.unwrap();
                assert_eq!(refund.state(), RefundState::Succeeded);
                refund.id
            }
            TestedCall::CreateCustomer => {
                client.create_customer(keyed(&key, new_customer())).await?.into_inner().customer.unwrap().id
            }
            TestedCall::CreateMethod => {
                let request = new_payment_method(&self.customer);
                let response = client.create_payment_method(keyed(&key, request)).await?.into_inner();
                response.payment_method.unwrap().id
            }
        })
    }

    /// Asserts that the object that `kind` was answered with is there.
    pub async fn assert_is_kept(&self, client: &Client, kind: TestedCall, id: &str) {
        let id = id.to_owned();
        match kind {
            TestedCall::CreateIntent => assert_eq!(client.get(&id).await.id, id),
            TestedCall::Confirm => assert_eq!(client.get(&id).await.state(), State::Succeeded),
            TestedCall::Cancel => assert_eq!(client.get(&id).await.state(), State::Canceled),
            TestedCall::Refund => drop(client.get_refund(pb::GetRefundRequest { id }).await.unwrap()),
            TestedCall::CreateCustomer => {
                drop(client.get_customer(pb::GetCustomerRequest { id }).await.unwrap());
            }
            TestedCall::CreateMethod => {
                drop(client.get_payment_method(pb::GetPaymentMethodRequest { id }).await.unwrap());
            }
        }
    }

    /// Asserts that every call was made once and no more: by the money that moved, by what was sent, and by the events.
    pub async fn assert_made_once(&self, app: &TestApp, client: &Client) {
        let ledger = app.sandbox.ledger();
        assert_eq!((ledger.charged(&self.intent), ledger.refunded(&self.paid.id)), (5000, 1000));
        app.assert_books_agree(client, &self.intent).await;
        app.assert_books_agree(client, &self.paid.id).await;
        for id in [&self.intent, &self.paid.id] {
            let mut types = client.event_types(id).await;
            let all = types.len();
            types.sort();
            types.dedup();
            assert_eq!(types.len(), all, "an event of {id} was told twice: {types:?}");
        }
    }
}

/// How often each call was sent, in the order of [`TestedCall::SENT`].
pub fn sent(app: &TestApp) -> Vec<u64> {
    TestedCall::SENT.iter().map(|kind| app.sent(kind.path().unwrap())).collect()
}
