//! Customers and the payment methods they have saved.

use std::collections::BTreeMap;

use super::{
    answer::{Done, FieldProblems, SandboxOutcome, SandboxRefusal, read},
    cards::CardEffect,
    confirm::{CardInput, exposed},
    displays,
    faults::Switches,
    kept::ReferenceKind,
    records::SavedMethod,
    state::State,
};
use crate::{
    domain::{card::Card, payment_method::CARD, private::Private},
    upstream::intents::wire::{
        CreatePaymentMethodBody, List, Moment, SavedCard, Secret, SupportedMethod, WireCustomer, WirePaymentMethod,
        WireWebhook,
    },
};

/// The kinds of payment methods that the sandbox's account accepts: type, name, currencies.
const SUPPORTED: &[(&str, &str, &[&str])] = &[
    (CARD, "Card", &["USD", "EUR", "GBP", "KES", "NGN", "ZAR", "GHS", "JPY", "KWD"]),
    ("apple_pay", "Apple Pay", &["USD", "EUR", "GBP", "ZAR", "JPY", "KWD"]),
    ("google_pay", "Google Pay", &["USD", "EUR", "GBP", "ZAR", "JPY", "KWD"]),
    ("paypal", "PayPal", &["USD", "EUR", "GBP", "JPY"]),
    ("qr", "QR code", &["USD", "EUR", "GBP", "KES", "NGN", "ZAR", "GHS"]),
    ("voucher", "Voucher", &["USD", "EUR", "GBP", "NGN", "ZAR"]),
    ("bank_transfer", "Bank transfer", &["USD", "EUR", "GBP", "NGN", "ZAR"]),
    ("mobile_money", "Mobile money", &["KES", "GHS"]),
];

pub(super) fn supported_methods() -> Done {
    let data = SUPPORTED.iter().map(|(kind, name, currencies)| SupportedMethod {
        kind: (*kind).to_owned(),
        name: (*name).to_owned(),
        currencies: currencies.iter().map(|&code| code.to_owned()).collect(),
    });
    Done::new(200, &List { data: data.collect() })
}

impl State {
    pub fn create_customer(&mut self, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let mut customer: WireCustomer = read(body)?;
        check_customer(&customer)?;
        self.check_reference(ReferenceKind::Customer, customer.reference_id.as_ref(), switches)?;
        let same = self.kept.customers.values().find(|known| switches.merge_customers && known.email == customer.email);
        if let Some(known) = same {
            return Ok(Done::new(201, &WireCustomer { id: known.id.clone(), ..customer }));
        }
        let id = self.new_id("cfcus_");
        self.claim_reference(ReferenceKind::Customer, customer.reference_id.as_ref(), &id);
        customer.id = Some(id.clone());
        let reference = customer.reference_id.clone();
        self.emit_customer_webhook(WireWebhook {
            event_type: "customer.created".to_owned(),
            customer_id: Some(id.clone()),
            reference_id: reference,
            ..WireWebhook::default()
        });
        let done = Done::new(201, &customer);
        self.kept.customers.insert(id, customer);
        Ok(done)
    }

    /// Changes a customer's contact, and sends a webhook. `false` when there is no such customer.
    pub fn change_customer(&mut self, id: &str, email: &str, name: &str) -> bool {
        let Some(customer) = self.kept.customers.get_mut(id) else { return false };
        customer.email = Some(email.to_owned());
        customer.name = Some(name.to_owned());
        self.emit_customer_webhook(WireWebhook {
            event_type: "customer.updated".to_owned(),
            customer_id: Some(id.to_owned()),
            ..WireWebhook::default()
        });
        true
    }

    pub fn read_customer(&self, id: &str) -> SandboxOutcome {
        let customer = self.kept.customers.get(id).ok_or_else(|| SandboxRefusal::not_found("customer"))?;
        Ok(Done::new(200, customer))
    }

    pub fn create_payment_method(&mut self, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: CreatePaymentMethodBody = read(body)?;
        let mut problems = FieldProblems::default();
        problems.check(self.kept.customers.contains_key(&request.customer_id), "customer_id", "does not exist");
        let is_known = SUPPORTED.iter().any(|(kind, ..)| *kind == request.kind);
        problems.check(is_known, "type", "is not among the supported ones");
        let card = CardInput {
            number: exposed(request.data.get("card_number")),
            month: exposed(request.data.get("card_expiry_month")),
            year: exposed(request.data.get("card_expiry_year")),
        };
        let is_card = request.kind == CARD;
        if is_card {
            card.check(&mut problems, self.clock.now());
        }
        problems.refuse()?;
        let effect = match displays::of_type(&request.kind) {
            Some(shown) => CardEffect::Display(shown),
            None if is_card => CardEffect::of(card.number),
            None => CardEffect::Approve,
        };
        let method = WirePaymentMethod {
            id: self.new_id("cfpm_"),
            card: is_card.then(|| masked(&card, &request.data)),
            customer_id: Some(request.customer_id),
            kind: request.kind,
            created_at: Some(Moment(self.clock.now())),
        };
        let is_same = |known: &&WirePaymentMethod| known.customer_id == method.customer_id && known.card == method.card;
        match self.kept.methods.values().map(|saved| &saved.shown).find(is_same).filter(|_| switches.merge_customers) {
            Some(known) => Ok(Done::new(201, known)),
            None => Ok(self.save_method(method, effect)),
        }
    }

    /// Renews the card of a saved method, and sends a webhook. `false` when there is none.
    pub fn renew_card(&mut self, method: &str, expiry_year: u16) -> bool {
        let Some(saved) = self.kept.methods.get_mut(method) else { return false };
        let Some(card) = &mut saved.shown.card else { return false };
        card.expiry_year = expiry_year;
        let shown = saved.shown.clone();
        self.emit_method_webhook(&shown);
        true
    }

    /// The saved methods of a customer that are cards: those that end in `last4`, or all.
    pub fn cards_of(&self, customer: &str, last4: Option<&str>) -> Vec<String> {
        let is_meant = |shown: &&WirePaymentMethod| {
            let card = shown.card.as_ref().filter(|_| shown.customer_id.as_deref() == Some(customer));
            card.is_some_and(|card| last4.is_none_or(|last4| card.last4 == last4))
        };
        let meant = self.kept.methods.values().map(|method| &method.shown).filter(is_meant);
        meant.map(|shown| shown.id.clone()).collect()
    }

    /// Saves a card without a request, and sends a webhook. `None` when there is no such customer.
    pub fn save_card_elsewhere(&mut self, customer: &str) -> Option<String> {
        self.kept.customers.get(customer)?;
        let card = CardInput { number: "5555555555554444", month: "11", year: "2035" };
        let shown = WirePaymentMethod {
            id: self.new_id("cfpm_"),
            card: Some(masked(&card, &BTreeMap::new())),
            customer_id: Some(customer.to_owned()),
            kind: CARD.to_owned(),
            created_at: Some(Moment(self.clock.now())),
        };
        let id = shown.id.clone();
        self.save_method(shown, CardEffect::Approve);
        Some(id)
    }

    fn save_method(&mut self, shown: WirePaymentMethod, effect: CardEffect) -> Done {
        self.emit_method_webhook(&shown);
        let done = Done::new(201, &shown);
        self.kept.methods.insert(shown.id.clone(), SavedMethod { shown, effect });
        done
    }

    fn emit_method_webhook(&mut self, method: &WirePaymentMethod) {
        self.emit_customer_webhook(WireWebhook {
            event_type: "payment_method.updated".to_owned(),
            customer_id: method.customer_id.clone(),
            payment_method: Some(method.kind.clone()),
            ..WireWebhook::default()
        });
    }

    pub fn list_payment_methods(&self, customer_id: &str) -> SandboxOutcome {
        if !self.kept.customers.contains_key(customer_id) {
            return Err(SandboxRefusal::not_found("customer").into());
        }
        let of_customer = |shown: &&WirePaymentMethod| shown.customer_id.as_deref() == Some(customer_id);
        let data = self.kept.methods.values().map(|method| &method.shown).filter(of_customer).cloned().collect();
        Ok(Done::new(200, &List { data }))
    }

    fn emit_customer_webhook(&mut self, webhook: WireWebhook) {
        let event_time = Some(Moment(self.clock.now()));
        self.tell(&WireWebhook { event_id: self.new_id("cfevt_"), event_time, ..webhook });
    }
}

fn check_customer(customer: &WireCustomer) -> Result<(), SandboxRefusal> {
    let mut problems = FieldProblems::default();
    let email = customer.email.as_deref().unwrap_or_default();
    let is_email = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    problems.check(is_email, "email", "is not an email address");
    let limits = [
        ("name", &customer.name, 100),
        ("phone", &customer.phone, 20),
        ("address_line1", &customer.address_line1, 100),
        ("address_line2", &customer.address_line2, 100),
        ("city", &customer.city, 50),
        ("state", &customer.state, 50),
        ("postal_code", &customer.postal_code, 20),
        ("country", &customer.country, 2),
        ("reference_id", &customer.reference_id, 100),
    ];
    for (field, text, limit) in limits {
        let fits = text.as_ref().is_none_or(|text| text.chars().count() <= limit);
        problems.check(fits, field, &format!("must have at most {limit} characters"));
    }
    problems.refuse()
}

fn masked(card: &CardInput<'_>, data: &BTreeMap<String, Secret>) -> SavedCard {
    let full = Card {
        number: card.number.into(),
        expiry_month: card.month.parse().unwrap_or_default(),
        expiry_year: card.year.parse().unwrap_or_default(),
        cvv: None,
        holder_name: Private::new(exposed(data.get("card_holder_name"))),
    };
    let masked = full.masked();
    SavedCard {
        brand: masked.brand,
        first6: masked.first6,
        last4: masked.last4,
        expiry_month: masked.expiry_month,
        expiry_year: masked.expiry_year,
        holder_name: masked.holder_name.expose().to_owned(),
    }
}
