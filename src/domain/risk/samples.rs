//! Attempts for tests.

use super::{
    facts::Facts,
    inputs::{CardInputs, CustomerInputs, EmailInputs, IpInputs, RiskInputs},
    lists::{ListKind, Lists, PayerIp},
    subject::{Dimension, SubjectHasher},
    velocity::{Measure, Velocities, Window},
};
use crate::domain::{
    clock::Timestamp,
    hash_key::HashKey,
    ids::{CustomerId, Ids, PartnerId},
    money::{Currency, Money},
};

/// Facts with their owners.
#[derive(Debug)]
pub struct Sample {
    /// As [`Facts`] has it.
    pub inputs: RiskInputs,
    /// As [`Facts`] has it.
    pub velocities: Velocities,
    /// As [`Facts`] has it.
    pub lists: Lists,
}

impl Sample {
    /// A payment of 120.50 USD of which everything is known, on Thursday 2026-11-26 at 19:30 UTC; the address is 203.0.113.7,
    /// and the lists are `vips` (with the customer), `bad_bins` (with another BIN) and `offices` (with the address's network).
    pub fn whole() -> Self {
        let mut velocities = Velocities::default();
        velocities.set(Dimension::Ip, Window::Hour, Measure::Attempts, 7);
        velocities.set(Dimension::Card, Window::Day, Measure::Amount, 90_000);
        let inputs = inputs();
        Self { lists: lists(&inputs), inputs, velocities }
    }

    /// The same payment, of which only that is known which is always known.
    pub fn bare() -> Self {
        let mut sample = Self::whole();
        sample.inputs = RiskInputs {
            amount: None,
            base_amount: None,
            card: None,
            ip: None,
            email: None,
            billing_country: None,
            customer: None,
            metadata: Default::default(),
            ..sample.inputs
        };
        sample.velocities = Velocities::default();
        sample
    }

    /// The facts of it.
    pub fn facts(&self) -> Facts<'_> {
        let Self { inputs, velocities, lists } = self;
        let ip = inputs.ip.as_ref().map_or(PayerIp::Unknown, |_| PayerIp::Address([203, 0, 113, 7].into()));
        Facts { inputs, velocities, lists, ip }
    }
}

fn inputs() -> RiskInputs {
    let hasher = SubjectHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()));
    let currency = |code| Currency::parse_existing(code).unwrap();
    RiskInputs {
        payment_intent_id: None,
        partner_id: PartnerId::parse("acme").unwrap(),
        amount: Some(Money::new(12_050, currency("USD"))),
        base_amount: Some(Money::new(11_100, currency("EUR"))),
        payment_method_type: "card".to_owned(),
        card: Some(CardInputs {
            bin: "411111".to_owned(),
            brand: "visa".to_owned(),
            subject: Some(hasher.card("4111111111111111")),
            country: Some("US".to_owned()),
            funding: Some("credit".to_owned()),
            issuer: Some("Jane's Bank".to_owned()),
        }),
        ip: Some(IpInputs {
            subject: hasher.ip([203, 0, 113, 7].into()),
            country: Some("DE".to_owned()),
            network: Some("AS64496".to_owned()),
        }),
        email: Some(EmailInputs {
            subject: hasher.email("jane@example.com"),
            domain: "example.com".to_owned(),
            is_disposable: false,
        }),
        billing_country: Some("DE".to_owned()),
        customer: Some(CustomerInputs {
            id: CustomerId::generate(&Ids::system()),
            age_days: 3,
            successes: 2,
            declines: 1,
            chargebacks: 0,
        }),
        attempt: 2,
        is_authenticated: false,
        metadata: [("order_kind".to_owned(), "gift".to_owned()), ("note-1".to_owned(), "grüße".to_owned())].into(),
        is_sandbox: false,
        at: Timestamp::parse_rfc3339("2026-11-26T19:30:00Z").unwrap(),
    }
}

fn lists(inputs: &RiskInputs) -> Lists {
    let mut lists = Lists::default();
    for (name, kind) in [("vips", ListKind::Customer), ("bad_bins", ListKind::Bin), ("offices", ListKind::Ip)] {
        lists.add_list(name, kind).unwrap();
    }
    lists.add("vips", inputs.customer.as_ref().unwrap().id.as_str(), None).unwrap();
    lists.add("bad_bins", "400000", None).unwrap();
    lists.add("offices", "203.0.113.0/24", None).unwrap();
    lists
}
