//! Requests in which every field has something, and the objects that tests need beside the one they are about.

use corefy_gateway::pb::{self, create_payment_method_request::Details};

use super::client::{APPROVED, Client};

/// A customer with every field.
pub fn full_customer() -> pb::CreateCustomerRequest {
    pb::CreateCustomerRequest {
        email: "jane@example.com".to_owned(),
        name: "Jane Doe".to_owned(),
        phone: "+1 415 555 2671".to_owned(),
        address: Some(full_address()),
        reference_id: "customer-7".to_owned(),
        metadata: [("tier".to_owned(), "gold".to_owned())].into(),
    }
}

/// An address with every field.
pub fn full_address() -> pb::Address {
    pb::Address {
        first_name: "Jane".to_owned(),
        last_name: "Doe".to_owned(),
        line1: "1 Main Street".to_owned(),
        line2: "Flat 2".to_owned(),
        city: "San Francisco".to_owned(),
        state: "CA".to_owned(),
        postal_code: "94105".to_owned(),
        country: "US".to_owned(),
    }
}

/// An intent with every field but the customer's id.
pub fn full_intent() -> pb::CreatePaymentIntentRequest {
    pb::CreatePaymentIntentRequest {
        amount: "100".to_owned(),
        currency: "USD".to_owned(),
        payment_method_type: "card".to_owned(),
        customer_id: String::new(),
        customer_email: "jane@example.com".to_owned(),
        customer_name: "Jane Doe".to_owned(),
        customer_phone: "+1 (415) 555-2671".to_owned(),
        description: "Two tickets, übermorgen".to_owned(),
        reference_id: "order-7".to_owned(),
        return_url: "https://shop.example/thanks?order=7".to_owned(),
        failure_url: "https://shop.example/again".to_owned(),
        billing_address: Some(full_address()),
        metadata: [("order".to_owned(), "7".to_owned()), ("note".to_owned(), String::new())].into(),
    }
}

/// A request to save the approved card for a customer.
pub fn card_to_save(customer: &str) -> pb::CreatePaymentMethodRequest {
    let (number, holder_name) = (APPROVED.to_owned(), "Jane Doe".to_owned());
    saved_as(customer, Details::Card(pb::CardToSave { number, expiry_month: 12, expiry_year: 2040, holder_name }))
}

/// A payment method of this type, other than a card, to save.
pub fn wallet(customer: &str, kind: &str) -> pb::CreatePaymentMethodRequest {
    let fields = [("account".to_owned(), "jane@example.com".to_owned())].into();
    saved_as(customer, Details::Other(pb::OtherMethod { payment_method_type: kind.to_owned(), fields }))
}

/// A request to save this for a customer.
pub fn saved_as(customer: &str, details: Details) -> pb::CreatePaymentMethodRequest {
    pb::CreatePaymentMethodRequest { customer_id: customer.to_owned(), details: Some(details) }
}

/// The card that a request saves.
pub fn card_of(request: &mut pb::CreatePaymentMethodRequest) -> &mut pb::CardToSave {
    match &mut request.details {
        Some(Details::Card(card)) => card,
        _ => panic!("no card"),
    }
}

/// A confirmation by a saved payment method.
pub fn confirmation_by(intent: &str, method: &str) -> pb::ConfirmPaymentIntentRequest {
    pb::ConfirmPaymentIntentRequest {
        payment_intent_id: intent.to_owned(),
        source: Some(pb::confirm_payment_intent_request::Source::PaymentMethodId(method.to_owned())),
        ..Default::default()
    }
}

impl Client {
    /// A customer, by its id.
    pub async fn customer(&self, email: &str) -> String {
        let request = pb::CreateCustomerRequest { email: email.to_owned(), ..Default::default() };
        self.create_customer(request).await.unwrap().into_inner().customer.unwrap().id
    }

    /// The approved card, saved for a customer.
    pub async fn saved_card(&self, customer: &str) -> pb::PaymentMethod {
        self.create_payment_method(card_to_save(customer)).await.unwrap().into_inner().payment_method.unwrap()
    }

    /// The intent that `request` makes.
    pub async fn created(&self, request: pb::CreatePaymentIntentRequest) -> pb::PaymentIntent {
        self.create_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap()
    }

    /// Cancels the intent.
    pub async fn cancel(&self, id: &str) -> Result<pb::PaymentIntent, tonic::Status> {
        let request = pb::CancelPaymentIntentRequest { payment_intent_id: id.to_owned(), ..Default::default() };
        Ok(self.cancel_payment_intent(request).await?.into_inner().payment_intent.unwrap())
    }

    /// One page of the partner's intents.
    pub async fn intents(
        &self,
        request: pb::ListPaymentIntentsRequest,
    ) -> Result<pb::ListPaymentIntentsResponse, tonic::Status> {
        Ok(self.list_payment_intents(request).await?.into_inner())
    }

    /// One page of the partner's events.
    pub async fn events(&self, request: pb::ListEventsRequest) -> Result<pb::ListEventsResponse, tonic::Status> {
        Ok(self.list_events(request).await?.into_inner())
    }
}
