//! Calls about customers and their saved payment methods.

use corefy_gateway::{
    pb::{
        self, create_payment_method_request::Details, customer_service_client::CustomerServiceClient,
        payment_method_service_client::PaymentMethodServiceClient,
    },
    rpc::InProcess,
};

use super::calls::{CallAnswer, Signature};
use crate::support::client::{card, new_customer};

/// A call about a customer, with all that it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerRequest {
    /// Creates a customer with this reference of the caller's own.
    Create { reference: u8 },
    /// Saves this card.
    Save { customer: String, card: &'static str },
    /// Removes a saved payment method.
    Remove { method: String },
}

impl CustomerRequest {
    /// Makes the call.
    pub async fn make(self, service: InProcess, signed: &Signature) -> CallAnswer {
        let mut customers = CustomerServiceClient::new(service.clone());
        let mut methods = PaymentMethodServiceClient::new(service);
        match self {
            Self::Create { reference } => {
                let request =
                    pb::CreateCustomerRequest { reference_id: format!("customer-{reference}"), ..new_customer() };
                let answer = customers.create_customer(signed.on(request)).await;
                CallAnswer::of(answer, |made| {
                    let made = made.customer.unwrap();
                    CallAnswer::made(made.id.clone(), !made.upstream_id.is_empty(), &made)
                })
            }
            Self::Save { customer, card } => {
                let answer = methods.create_payment_method(signed.on(saving(customer, card))).await;
                CallAnswer::of(answer, |made| saved(made.payment_method))
            }
            Self::Remove { method } => {
                let answer =
                    methods.delete_payment_method(signed.on(pb::DeletePaymentMethodRequest { id: method })).await;
                CallAnswer::of(answer, |removed| saved(removed.payment_method))
            }
        }
    }
}

/// The request to save the card with this number.
fn saving(customer_id: String, number: &str) -> pb::CreatePaymentMethodRequest {
    let pb::Card { number, expiry_month, expiry_year, holder_name, .. } = card(number);
    let card = pb::CardToSave { number, expiry_month, expiry_year, holder_name };
    pb::CreatePaymentMethodRequest { customer_id, details: Some(Details::Card(card)) }
}

/// The answer of a call about a saved payment method.
fn saved(method: Option<pb::PaymentMethod>) -> CallAnswer {
    let method = method.unwrap();
    CallAnswer::made(method.id.clone(), !method.upstream_id.is_empty(), &method)
}
