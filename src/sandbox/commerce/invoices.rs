//! Invoices: made, read and found.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use url::Url;

use super::{
    invoice::{INVOICE_PREFIX, Invoice, UsedCard, payment_id},
    services::{fields_of, method_of, parts_of},
    wire::{InvoiceRequest, ObjectRequest, decimal},
};
use crate::{
    domain::{
        clock::Timestamp,
        money::{Currency, MAX_DIGITS, Money},
    },
    sandbox::{
        answer::{Done, FieldProblems, Halt, SandboxOutcome, SandboxRefusal, read},
        cards::CardEffect,
        confirm::is_digits,
        faults::Switches,
        intents::is_link,
        kept::ReferenceKind,
        payment::{EXPIRED, SandboxPayment, SandboxStatus},
        script::{SCRIPT_KEY, Script, check_script},
        state::State,
    },
};

/// How long an invoice can be paid, unless it says otherwise.
pub const INVOICE_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How many attempts a payer has on the hosted page, unless the invoice says otherwise.
const TRIES: u8 = 5;
/// The greatest number of members of `metadata`.
const MAX_METADATA: usize = 20;

impl State {
    pub(super) fn create_invoice(&mut self, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: ObjectRequest<InvoiceRequest> = read(body)?;
        let amount = check_request(&request.data.kind, &request.data.attributes)?;
        let request = request.data.attributes;
        let saved = self.saved_card(&request, switches)?;
        self.check_reference(ReferenceKind::Intent, request.reference_id.as_ref(), switches)
            .map_err(|_| taken(switches))?;
        let own = saved.as_ref().map(|card| card.effect).filter(|_| is_instant(&request));
        let instant = own.map(|own| self.scripted_instant(&request).unwrap_or(own));
        if let Some(CardEffect::Fault(fault)) = instant.filter(|effect| !effect.executes()) {
            return Err(Halt::Fault(fault));
        }
        let id = self.add_invoice(request, amount, saved);
        self.tell_of_payment(&id, None, |_| ());
        let fault = match instant {
            Some(effect) => self.attempt(&id, effect, false)?,
            None => None,
        };
        let done = self.answer_with_invoice(201, &id, switches)?;
        Ok(Done { fault, ..done })
    }

    /// The outcome by script of an attempt that is made with the invoice.
    fn scripted_instant(&mut self, request: &InvoiceRequest) -> Option<CardEffect> {
        let key = self.script_key(Some(request.reference_id.as_deref()?), "");
        self.next_attempt(&script_of(request)?, key)
    }

    /// The saved card that an invoice is to be paid with.
    fn saved_card(&self, request: &InvoiceRequest, switches: &Switches) -> Result<Option<UsedCard>, SandboxRefusal> {
        let Some(token) = &request.token else { return Ok(None) };
        let customer = request.customer["reference_id"].as_str();
        let saved = self.kept.vault.card(token.expose_secret(), customer);
        let mut problems = FieldProblems::default();
        problems.check(saved.is_some(), "token", "is not a card of this customer");
        let is_refused = switches.commerce.refuse_instant && is_instant(request);
        problems.check(!is_refused, "gateway_options.cardgate.instant", "is not allowed for this account");
        problems.refuse()?;
        Ok(saved.cloned())
    }

    /// Adds an invoice; answers with its id.
    fn add_invoice(&mut self, request: InvoiceRequest, amount: Money, saved: Option<UsedCard>) -> String {
        let (id, now) = (self.new_id(INVOICE_PREFIX), self.clock.now());
        let expires = request.expires.map_or(now + INVOICE_LIFETIME, Timestamp::from_seconds);
        let mut payment = SandboxPayment::new(id.clone(), payment_id(&id), amount, now);
        payment.reference = Some(request.reference_id.clone().unwrap_or_else(|| self.new_id("ref-")));
        payment.description.clone_from(&request.description);
        payment.payment_method = request.service.as_deref().and_then(method_of).unwrap_or_default().to_owned();
        let customer = request.customer["reference_id"].as_str();
        payment.customer_id = customer.map(|reference| self.customer_id_of(reference));
        payment.script = script_of(&request);
        payment.invoice = Some(Box::new(self.invoice_of(request, saved)));
        self.claim_reference(ReferenceKind::Intent, payment.reference.as_ref(), &id);
        self.kept.lifetimes.insert((expires, id.clone()));
        self.kept.intents.insert(id.clone(), payment);
        id
    }

    fn invoice_of(&self, request: InvoiceRequest, saved: Option<UsedCard>) -> Invoice {
        let cardgate = request.gateway_options.unwrap_or_default().cardgate;
        Invoice {
            service: request.service,
            test_mode: request.test_mode.unwrap_or(self.commerce.test_mode),
            descriptor: request.descriptor,
            customer: request.customer,
            metadata: request.metadata,
            return_url: request.return_url,
            return_urls: request.return_urls.unwrap_or_default(),
            notify_url: request.callback_url.and_then(|url| Url::parse(&url).ok()),
            tokenize: cardgate.tokenize,
            tries_left: cardgate.retry_limit.unwrap_or(TRIES).max(1),
            last_decline: None,
            card: saved.clone().filter(|_| cardgate.instant),
            saved,
            saved_as: None,
            paid_at: None,
        }
    }

    pub(super) fn read_invoice(&self, id: &str, switches: &Switches) -> SandboxOutcome {
        let payment = self.kept.intents.get(id).filter(|payment| payment.invoice.is_some() && !switches.hides(payment));
        payment.ok_or_else(|| SandboxRefusal::not_found("payment invoice"))?;
        self.answer_with_invoice(200, id, switches)
    }

    pub(super) fn list_invoices(&self, reference: Option<&str>, switches: &Switches) -> Done {
        let is_asked_for = |payment: &&SandboxPayment| {
            let is_of = reference.is_none_or(|reference| payment.reference.as_deref() == Some(reference));
            payment.invoice.is_some() && is_of && !switches.hides(payment)
        };
        let found = self.kept.intents.values().filter(is_asked_for);
        let data: Vec<Value> = found.filter_map(|payment| self.show_invoice(payment, switches)).collect();
        Done::new(200, &json!({"data": data, "included": []}))
    }

    /// Ends the lifetime of an invoice. `false` when none of this id is open.
    pub fn expire(&mut self, id: &str) -> bool {
        let payment = self.kept.intents.get(id).filter(|payment| payment.invoice.is_some());
        let is_open = payment.is_some_and(|payment| {
            matches!(payment.status, SandboxStatus::RequiresConfirmation | SandboxStatus::RequiresAction)
        });
        if is_open {
            self.move_payment(id, SandboxStatus::Failed(EXPIRED));
        }
        is_open
    }
}

/// The outcomes that an invoice's metadata asks for.
fn script_of(request: &InvoiceRequest) -> Option<Script> {
    Script::parse(request.metadata[SCRIPT_KEY].as_str()?).ok()
}

fn is_instant(request: &InvoiceRequest) -> bool {
    request.gateway_options.as_ref().is_some_and(|options| options.cardgate.instant)
}

/// The refusal of a reference that was used before.
fn taken(switches: &Switches) -> SandboxRefusal {
    let mut problems = FieldProblems::default();
    problems.check(false, "reference_id", "has already been taken");
    let mut refusal = problems.refusal("validation_error");
    refusal.status = switches.commerce.duplicates.status();
    refusal
}

/// Notes every wrong field of a request; answers with its amount.
fn check_request(kind: &str, request: &InvoiceRequest) -> Result<Money, SandboxRefusal> {
    let mut problems = FieldProblems::default();
    problems.check(matches!(kind, "payment-invoices" | "payment-invoice"), "/data/type", "must be payment-invoices");
    let currency = Currency::parse(&request.currency);
    problems.check(currency.is_some(), "currency", "is not an ISO 4217 code");
    let major = decimal(&request.amount);
    let in_range = major
        .is_some_and(|major| major.is_sign_positive() && !major.is_zero() && major < 10_i64.pow(MAX_DIGITS).into());
    problems.check(in_range, "amount", "must be a number greater than 0");
    let amount = currency.zip(major).and_then(|(currency, major)| Money::from_major(major, currency));
    problems.check(!in_range || currency.is_none() || amount.is_some(), "amount", "has too many decimals");
    problems.check(request.flow.as_deref().is_none_or(|flow| flow == "charge"), "flow", "is not supported");
    let reference_fits = request.reference_id.as_ref().is_none_or(|text| (1..=255).contains(&text.chars().count()));
    problems.check(reference_fits, "reference_id", "must have 1 to 255 characters");
    check_service(&mut problems, request);
    let has_customer = request.customer.as_object().is_some_and(|customer| !customer.is_empty());
    let is_named = request.customer["reference_id"].as_str().is_some_and(|reference| !reference.is_empty());
    problems.check(!has_customer || is_named, "customer.reference_id", "must be given");
    let phone = request.customer["phone"].as_str().unwrap_or_default();
    problems.check(is_digits(phone), "customer.phone", "must be digits");
    let metadata = request.metadata.as_object().map_or(0, serde_json::Map::len);
    problems.check(metadata <= MAX_METADATA, "metadata", "must have at most 20 members");
    check_links(&mut problems, request);
    check_script(&mut problems, request.metadata[SCRIPT_KEY].as_str());
    problems.refuse()?;
    amount.ok_or_else(|| SandboxRefusal::new(422, "validation_error", "the amount cannot be counted"))
}

fn check_service(problems: &mut FieldProblems, request: &InvoiceRequest) {
    let Some(service) = &request.service else { return };
    let currency = request.currency.to_lowercase();
    let is_of_currency = parts_of(service).is_some_and(|(_, own, _)| own == currency);
    problems.check(is_of_currency, "service", "is not a service of this currency");
    for field in fields_of(service) {
        let value = request.service_fields[field.key].as_str().unwrap_or_default();
        problems.check((field.is_right)(value), &format!("service_fields.{}", field.key), "is not valid");
    }
}

fn check_links(problems: &mut FieldProblems, request: &InvoiceRequest) {
    let links = request.return_urls.clone().unwrap_or_default();
    for (field, link) in [
        ("return_url", &request.return_url),
        ("return_urls.success", &links.success),
        ("return_urls.pending", &links.pending),
        ("return_urls.fail", &links.fail),
        ("callback_url", &request.callback_url),
    ] {
        problems.check(is_link(link), field, "must be a URL");
    }
}
