//! The inputs of a decision about the risk of an attempt, from what was read of it and what its caller brought.

use std::net::IpAddr;

use crate::{
    domain::{
        card::MaskedCard,
        customer::{Customer, Metadata},
        network,
        operation::Operation,
        payment_intent::PaymentIntent,
        risk::{
            inputs::{CardInputs, CustomerInputs, EmailInputs, IpInputs, RiskInputs},
            subject::{SubjectHasher, SubjectId},
        },
    },
    reference_data::{BinFacts, IpFacts, ReferenceData},
};

/// An attempt to pay, or to save a card, as far as it is screened.
pub(in crate::app) struct Attempted<'a> {
    /// The call.
    pub operation: &'a Operation,
    /// The payment; none where a card is saved without one.
    pub intent: Option<&'a PaymentIntent>,
    /// The customer, when there is one.
    pub customer: Option<&'a Customer>,
    /// Type code of the payment method.
    pub payment_method_type: &'a str,
    /// The card, masked, and its number as a subject, as far as it is known.
    pub card: Option<(MaskedCard, Option<SubjectId>)>,
    /// The payer's IP address, as the caller sent it.
    pub ip: Option<IpAddr>,
    /// Whether the caller brought a 3-D Secure authentication.
    pub is_authenticated: bool,
}

/// The facts about an attempt that come from elsewhere than the attempt itself.
pub(in crate::app) struct Surroundings<'a> {
    /// Makes subjects of what must not be kept.
    pub subjects: &'a SubjectHasher,
    /// Everything else that the operator knows of cards, addresses, domains and currencies.
    pub reference: &'a ReferenceData,
    /// Whether no money can move.
    pub is_sandbox: bool,
}

impl Attempted<'_> {
    /// The inputs, but for the customer's outcomes, which are read next.
    pub fn inputs(&self, around: &Surroundings) -> RiskInputs {
        let at = self.operation.sent_at;
        RiskInputs {
            payment_intent_id: self.intent.map(|intent| intent.id.clone()),
            partner_id: self.operation.partner_id.clone(),
            amount: self.intent.map(|intent| intent.amount),
            base_amount: self.intent.and_then(|intent| around.reference.base(intent.amount)),
            payment_method_type: self.payment_method_type.to_owned(),
            card: self.card.as_ref().map(|(card, subject)| card_inputs(card, subject.clone(), around.reference)),
            ip: self.payer_ip().map(|ip| ip_inputs(ip, around)),
            email: self.email().map(|address| email_inputs(address, around)),
            billing_country: self.billing_country(),
            customer: self.customer.map(|customer| CustomerInputs {
                id: customer.id.clone(),
                age_days: i64::try_from(at.since(customer.created_at).as_secs() / DAY).unwrap_or(i64::MAX),
                successes: 0,
                declines: 0,
                chargebacks: 0,
            }),
            attempt: self.intent.map_or(0, |intent| intent.progress.attempts) + 1,
            is_authenticated: self.is_authenticated,
            metadata: self.intent.map_or_else(Metadata::new, |intent| intent.details.metadata.clone()),
            is_sandbox: around.is_sandbox,
            at,
        }
    }

    /// The payer's IP address. One that cannot be a payer's on the internet is that of a proxy or of the shop itself, shared by
    /// all payers: it says nothing of one.
    pub fn payer_ip(&self) -> Option<IpAddr> {
        self.ip.filter(|address| network::is_public(*address))
    }

    fn email(&self) -> Option<&str> {
        let given = self.intent.map(|intent| intent.details.customer_email.expose()).filter(|email| !email.is_empty());
        given
            .or_else(|| self.customer.map(|customer| customer.details.email.expose()))
            .filter(|email| !email.is_empty())
    }

    fn billing_country(&self) -> Option<String> {
        let billing = self.intent.and_then(|intent| intent.details.billing_address.as_ref());
        let address = billing.or_else(|| self.customer.and_then(|customer| customer.details.address.as_ref()));
        address.map(|address| address.country.clone()).filter(|country| !country.is_empty())
    }
}

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

fn card_inputs(card: &MaskedCard, subject: Option<SubjectId>, reference: &ReferenceData) -> CardInputs {
    let BinFacts { country, funding, issuer } = reference.card(&card.first6);
    CardInputs { bin: card.first6.clone(), brand: card.brand.clone(), subject, country, funding, issuer }
}

fn ip_inputs(address: IpAddr, around: &Surroundings) -> IpInputs {
    let IpFacts { country, network } = around.reference.ip(address);
    IpInputs { subject: around.subjects.ip(address), country, network }
}

fn email_inputs(address: &str, around: &Surroundings) -> EmailInputs {
    let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain).to_lowercase();
    let is_disposable = around.reference.is_disposable(&domain);
    EmailInputs { subject: around.subjects.email(address), domain, is_disposable }
}
