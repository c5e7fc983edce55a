//! Inputs: what a decision may look at beside what happened before. Each may be missing. Cards, emails and IP addresses are in
//! it as subjects only, so that it can be kept; it is sealed where it is.

use serde::{Deserialize, Serialize};

use super::subject::{Dimension, SubjectId};
use crate::domain::{
    clock::Timestamp,
    customer::Metadata,
    ids::{CustomerId, PartnerId, PaymentIntentId},
    money::Money,
};

/// The inputs of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskInputs {
    /// The payment; none where a card is saved without one.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// The partner.
    pub partner_id: PartnerId,
    /// The amount; none where a card is saved without a payment.
    pub amount: Option<Money>,
    /// The amount in the base currency, where the operator has given a rate.
    pub base_amount: Option<Money>,
    /// Type code of the payment method, such as `card`.
    pub payment_method_type: String,
    /// The card, when it is one.
    pub card: Option<CardInputs>,
    /// The payer's IP address, when the caller sent it.
    pub ip: Option<IpInputs>,
    /// The payer's email address.
    pub email: Option<EmailInputs>,
    /// ISO 3166-1 alpha-2 of the billing address, upper case.
    pub billing_country: Option<String>,
    /// The customer.
    pub customer: Option<CustomerInputs>,
    /// The number of the attempt among those of the intent, from 1.
    pub attempt: u32,
    /// Whether the caller brought a 3-D Secure authentication.
    pub is_authenticated: bool,
    /// The intent's metadata.
    pub metadata: Metadata,
    /// Whether no money can move.
    pub is_sandbox: bool,
    /// The moment of the decision.
    pub at: Timestamp,
}

/// A card as a decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardInputs {
    /// The first six digits.
    pub bin: String,
    /// Brand in lower case.
    pub brand: String,
    /// The number as a subject; missing for a method that was saved elsewhere.
    pub subject: Option<SubjectId>,
    /// ISO 3166-1 alpha-2 of the issuer, by the operator's BIN table.
    pub country: Option<String>,
    /// `credit`, `debit` or `prepaid`, by the operator's BIN table.
    pub funding: Option<String>,
    /// The issuer's name, by the operator's BIN table.
    pub issuer: Option<String>,
}

/// An IP address as a decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpInputs {
    /// The address as a subject.
    pub subject: SubjectId,
    /// ISO 3166-1 alpha-2, by the operator's MMDB file.
    pub country: Option<String>,
    /// The autonomous system that it belongs to, such as `AS64496`, by the operator's MMDB file.
    pub network: Option<String>,
}

/// An email address as a decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailInputs {
    /// The address as a subject.
    pub subject: SubjectId,
    /// Its domain, in lower case.
    pub domain: String,
    /// Whether the domain is on the list of disposable ones.
    pub is_disposable: bool,
}

/// A customer as a decision sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerInputs {
    /// The customer.
    pub id: CustomerId,
    /// Whole days since it was created.
    pub age_days: i64,
    /// Payments of its that succeeded.
    pub successes: i64,
    /// Attempts of its that the issuer declined.
    pub declines: i64,
    /// Payments of its that were charged back.
    pub chargebacks: i64,
}

impl RiskInputs {
    /// The subject of this dimension, if it is known.
    pub fn subject(&self, dimension: Dimension) -> Option<SubjectId> {
        match dimension {
            Dimension::Card => self.card.as_ref().and_then(|card| card.subject.clone()),
            Dimension::Ip => self.ip.as_ref().map(|ip| ip.subject.clone()),
            Dimension::Email => self.email.as_ref().map(|email| email.subject.clone()),
            Dimension::Customer => self.customer.as_ref().map(|customer| SubjectId::of_customer(&customer.id)),
            Dimension::Bin => self.card.as_ref().map(|card| SubjectId::of_bin(&card.bin)),
        }
    }
}
