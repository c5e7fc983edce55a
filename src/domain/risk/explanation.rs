//! Explanations: what a decision looked at, by the names that conditions have for it. Nothing in them identifies a person: cards,
//! emails and IP addresses are subjects, and metadata is told by its keys alone.

use super::{
    decision::RiskDecision,
    inputs::{CardInputs, CustomerInputs, EmailInputs, IpInputs},
};
use crate::domain::money::Money;

/// A fact by its name: `card.country`, and its value.
pub type NamedFact = (String, String);

/// The facts that were known, in the order of the names' groups.
pub fn facts_of(decision: &RiskDecision) -> Vec<NamedFact> {
    let inputs = &decision.inputs;
    let mut facts = Named::default();
    facts.add("payment.method_type", &inputs.payment_method_type);
    facts.add("payment.attempt", inputs.attempt);
    facts.add("payment.partner", &inputs.partner_id);
    facts.add("payment.is_sandbox", inputs.is_sandbox);
    facts.add("payment.is_authenticated", inputs.is_authenticated);
    facts.add_some("payment.amount", inputs.amount.map(with_code));
    facts.add_some("payment.base_amount", inputs.base_amount.map(with_code));
    if let Some(card) = &inputs.card {
        facts.add_card(card);
    }
    if let Some(IpInputs { subject, country, network }) = &inputs.ip {
        facts.add("ip.subject", subject);
        facts.add_some("ip.country", country.as_ref());
        facts.add_some("ip.network", network.as_ref());
    }
    if let Some(EmailInputs { subject, domain, is_disposable }) = &inputs.email {
        facts.add("email.subject", subject);
        facts.add("email.domain", domain);
        facts.add("email.is_disposable", is_disposable);
    }
    facts.add_some("billing.country", inputs.billing_country.as_ref());
    if let Some(CustomerInputs { id, age_days, successes, declines, chargebacks }) = &inputs.customer {
        facts.add("customer.id", id);
        facts.add("customer.age_days", age_days);
        facts.add("customer.successes", successes);
        facts.add("customer.declines", declines);
        facts.add("customer.chargebacks", chargebacks);
    }
    let keys: Vec<_> = inputs.metadata.keys().map(String::as_str).collect();
    facts.add_some("metadata", (!keys.is_empty()).then(|| keys.join(", ")));
    facts.add_some("lists of ip", (!decision.ip_lists.is_empty()).then(|| decision.ip_lists.join(", ")));
    facts.0
}

#[derive(Default)]
struct Named(Vec<NamedFact>);

impl Named {
    fn add(&mut self, name: &str, value: impl ToString) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    fn add_some(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn add_card(&mut self, card: &CardInputs) {
        self.add("card.bin", &card.bin);
        self.add("card.brand", &card.brand);
        self.add_some("card.subject", card.subject.as_ref());
        self.add_some("card.country", card.country.as_ref());
        self.add_some("card.funding", card.funding.as_ref());
        self.add_some("card.issuer", card.issuer.as_ref());
    }
}

fn with_code(amount: Money) -> String {
    format!("{amount} {}", amount.currency.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::{Ids, OperationId, RiskDecisionId},
        risk::{action::Action, decision::Step, samples::Sample},
    };

    #[test]
    fn an_explanation_has_every_input_and_no_person() {
        let sample = Sample::whole();
        let mut inputs = sample.inputs.clone();
        inputs.metadata = [("phone".to_owned(), "+1 415 555 2671".to_owned())].into();
        let decision = RiskDecision {
            id: RiskDecisionId::generate(&Ids::system()),
            operation_id: OperationId::generate(&Ids::system()),
            rules_version: 1,
            action: Action::Allow,
            step: Step::Default,
            decided_by: String::new(),
            results: Vec::new(),
            decided_at: inputs.at,
            inputs,
            velocities: sample.velocities.clone(),
            ip_lists: vec!["offices".to_owned()],
            took_micros: 1,
        };
        let facts = facts_of(&decision);
        let value = |name: &str| facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert!(value("payment.amount").unwrap().ends_with(decision.inputs.amount.unwrap().currency.code()));
        assert!(value("card.subject").unwrap().starts_with("card:"));
        assert_eq!((value("metadata"), value("lists of ip")), (Some("phone"), Some("offices")));
        assert!(!format!("{facts:?}").contains("555 2671"), "{facts:?}");
    }
}
