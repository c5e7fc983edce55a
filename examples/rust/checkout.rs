//! A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the events.
//!
//!     GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) cargo run

use std::{env, error::Error, process::Command};

use corefy_gateway::client::{Gateway, GatewayError, connect};
use corefy_gateway::pb::{
    Card, ConfirmPaymentIntentRequest, CreatePaymentIntentRequest, CreateRefundRequest, PaymentIntent,
    StreamEventsRequest, confirm_payment_intent_request::Source, event::Object, next_action::Action,
};

/// Pays 100 dollars with a card that wants the payer's approval.
async fn pay(gateway: &Gateway) -> Result<PaymentIntent, GatewayError> {
    let mut payments = gateway.payment_intents();
    let order = CreatePaymentIntentRequest {
        amount: "100.00".into(),
        currency: "USD".into(),
        customer_email: "payer@example.com".into(),
        ..Default::default()
    };
    let id = payments.create_payment_intent(order).await?.into_inner().payment_intent.unwrap_or_default().id;
    let number = "4000000000003220".into();
    let card = Card { number, expiry_month: 12, expiry_year: 2040, cvv: "123".into(), ..Default::default() };
    let source = Some(Source::Card(card));
    let confirmation = ConfirmPaymentIntentRequest { payment_intent_id: id, source, ..Default::default() };
    Ok(payments.confirm_payment_intent(confirmation).await?.into_inner().payment_intent.unwrap_or_default())
}

/// A shop redirects the payer's browser. Here it is yours, or a program that plays the payer.
fn send_payer_to(page: &str) -> Result<(), Box<dyn Error>> {
    match env::var("SCENARIO_CONTROL") {
        Ok(control) if Command::new(&control).args(["visit", page]).status()?.success() => {}
        Ok(_) => return Err("the payer could not approve".into()),
        Err(_) => println!("approve the payment at {page}"),
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let gateway = connect(&env::var("GATEWAY_TARGET")?, &env::var("GATEWAY_API_KEY")?)?;
    let intent = pay(&gateway).await?;
    if let Some(Action::Redirect(page)) = intent.next_action.and_then(|next| next.action) {
        send_payer_to(&page.url)?;
    }
    let mut events = gateway.follow_events(StreamEventsRequest {
        types: vec!["payment_intent.succeeded".into(), "refund.succeeded".into()],
        ..Default::default()
    });
    loop {
        match events.next().await?.object {
            Some(Object::PaymentIntent(paid)) if paid.id == intent.id => {
                println!("{} is paid: {} {}", paid.id, paid.amount_received, paid.currency);
                let (amount, reference_id) = (Some("25.00".into()), format!("part-{}", paid.id));
                let refund = CreateRefundRequest { payment_id: paid.id, amount, reference_id, ..Default::default() };
                gateway.refunds().create_refund(refund).await?;
            }
            Some(Object::Refund(refund)) if refund.payment_intent_id == intent.id => return Ok(()),
            _ => {}
        }
    }
}
