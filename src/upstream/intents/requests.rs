//! Builds the bodies of requests. Empty values are left out.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::wire;
use crate::domain::capability::Capability;
use crate::domain::card::Card;
use crate::domain::confirmation::{Confirmation, PaymentSource, ThreeDSecure};
use crate::domain::customer::Customer;
use crate::domain::money::Money;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::private::Private;
use crate::domain::refund::Refund;
use crate::upstream::{Error, NewPaymentMethod, PaymentContext, PaymentMethodData, not_at_corefy};

/// The creation of an intent.
pub fn create_intent(context: &PaymentContext<'_>) -> wire::CreateIntentBody {
    let (intent, details) = (context.intent, &context.intent.details);
    wire::CreateIntentBody {
        amount: major(intent.amount),
        currency: intent.amount.currency.code().to_owned(),
        payment_method: details.payment_method_type.clone(),
        description: given(&details.description),
        metadata: details.metadata.clone(),
        reference_id: Some(intent.id.to_string()),
        callback_url: given(&details.return_url),
        failure_url: given(&details.failure_url),
        customer_id: context.customer.and_then(|customer| customer.upstream_id.clone()),
    }
}

/// An attempt to pay. The contract has no field for the payer's browser, so that is not sent.
pub fn confirm_intent(confirmation: &Confirmation<PaymentMethod>) -> Result<wire::ConfirmIntentBody, Error> {
    let source = match &confirmation.source {
        PaymentSource::Card(card) => card_of(card),
        PaymentSource::Saved(method) => {
            let id = method.upstream_id.clone().ok_or_else(|| not_at_corefy("payment method"))?;
            wire::ConfirmIntentBody { payment_method_id: Some(id), ..Default::default() }
        }
        PaymentSource::Other(_) => return Err(Error::Unsupported(Capability::ConfirmOther)),
        PaymentSource::HostedPage => return Err(Error::Unsupported(Capability::HostedPage)),
    };
    Ok(match &confirmation.three_d_secure {
        Some(secure) => with_three_d_secure(source, secure),
        None => source,
    })
}

fn card_of(card: &Card) -> wire::ConfirmIntentBody {
    wire::ConfirmIntentBody {
        card_number: Some(wire::Secret(card.number.clone())),
        card_expiry_month: Some(month(card)),
        card_expiry_year: Some(year(card)),
        card_cvv: card.cvv.clone().map(wire::Secret),
        card_holder_name: given_private(&card.holder_name).map(secret),
        ..Default::default()
    }
}

fn with_three_d_secure(body: wire::ConfirmIntentBody, secure: &ThreeDSecure) -> wire::ConfirmIntentBody {
    let cavv = Some(secure.cavv.clone()).filter(|cavv| !secrecy::ExposeSecret::expose_secret(cavv).is_empty());
    wire::ConfirmIntentBody {
        three_ds_version: given(&secure.version),
        three_ds_eci: given(&secure.eci),
        three_ds_cavv: cavv.map(wire::Secret),
        // The contract's one field for the transaction ids of both versions.
        three_ds_xid: given(&secure.xid).or_else(|| given(&secure.ds_transaction_id)),
        ..body
    }
}

/// A refund of the payment with Corefy's id `payment_id`. The amount is always sent: "the whole rest" could be more
/// than was meant by the time it is read.
pub fn create_refund(payment_id: &str, refund: &Refund) -> wire::CreateRefundBody {
    wire::CreateRefundBody {
        payment_id: payment_id.to_owned(),
        amount: Some(major(refund.amount)),
        reason: given(&refund.details.reason),
        reference_id: Some(refund.id.to_string()),
    }
}

/// The creation of a customer.
pub fn create_customer(customer: &Customer) -> wire::WireCustomer {
    let details = &customer.details;
    let address = details.address.clone().unwrap_or_default();
    wire::WireCustomer {
        id: None,
        email: given_private(&details.email),
        name: given_private(&details.name),
        phone: given_private(&details.phone),
        address_line1: given_private(&address.line1),
        address_line2: given_private(&address.line2),
        city: given_private(&address.city),
        state: given_private(&address.state),
        postal_code: given_private(&address.postal_code),
        country: given(&address.country),
        reference_id: Some(customer.id.to_string()),
        metadata: details.metadata.clone(),
    }
}

/// A payment method to save for the customer with Corefy's id `customer_id`.
pub fn create_payment_method(customer_id: &str, new: &NewPaymentMethod<'_>) -> wire::CreatePaymentMethodBody {
    let data = match new.data {
        PaymentMethodData::Card(card) => card_data(card),
        PaymentMethodData::Other(other) => {
            other.fields.iter().map(|(name, value)| (name.clone(), secret(value.expose().to_owned()))).collect()
        }
    };
    wire::CreatePaymentMethodBody { customer_id: customer_id.to_owned(), kind: new.method.kind.clone(), data }
}

fn card_data(card: &Card) -> BTreeMap<String, wire::Secret> {
    let members = [
        ("card_number", Some(wire::Secret(card.number.clone()))),
        ("card_expiry_month", Some(secret(month(card)))),
        ("card_expiry_year", Some(secret(year(card)))),
        ("card_holder_name", given_private(&card.holder_name).map(secret)),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn major(money: Money) -> wire::Amount {
    wire::Amount(money.major())
}

fn month(card: &Card) -> String {
    format!("{:02}", card.expiry_month)
}

fn year(card: &Card) -> String {
    format!("{:04}", card.expiry_year)
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn given_private(text: &Private) -> Option<String> {
    given(text.expose())
}

fn secret(text: String) -> wire::Secret {
    wire::Secret(SecretString::from(text))
}
