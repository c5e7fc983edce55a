//! The card gate: an attempt to pay an invoice with a card.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    card_tokens,
    corefy_cards::effect_of,
    invoice::{UsedCard, invoice_id},
    resolutions::OK,
    services::is_for_cards,
    status::resolution_word,
    wire::{ObjectRequest, SaleRequest},
};
use crate::{
    domain::{
        card::{Card, satisfies_luhn},
        clock::Timestamp,
        private::Private,
    },
    sandbox::{
        answer::{Done, FieldProblems, Halt, SandboxOutcome, SandboxRefusal, read},
        cards::CardEffect,
        confirm::is_digits,
        faults::{Fault, Switches},
        payment::{SandboxPayment, SandboxStatus},
        state::State,
    },
};

/// The years that two digits stand for begin with this one.
const CENTURY: u16 = 2000;

impl State {
    pub(super) fn sell(&mut self, session: &str, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: ObjectRequest<SaleRequest> = read(body)?;
        let id = invoice_id(session);
        let payment = self.kept.intents.get(&id).ok_or_else(|| SandboxRefusal::not_found("payment invoice"))?;
        check_open(payment, switches)?;
        let card = self.used_card(&request.data.attributes)?;
        let fault = self.pay_with(&id, card)?;
        let payment = self.kept.intents.get(&id).ok_or_else(|| SandboxRefusal::not_found("payment invoice"))?;
        Ok(Done { fault, ..Done::new(201, &self.sale_answer(payment, switches)) })
    }

    /// Pays an invoice with a card; answers with the fault that the answer suffers.
    fn pay_with(&mut self, id: &str, card: UsedCard) -> Result<Option<Fault>, Halt> {
        let effect = self.scripted_attempt(id).unwrap_or(card.effect);
        self.pay_by(id, card, effect)
    }

    /// Pays an invoice with a card to this effect. The card keeps its own, which it has again when it is saved.
    pub(super) fn pay_by(&mut self, id: &str, card: UsedCard, effect: CardEffect) -> Result<Option<Fault>, Halt> {
        if let CardEffect::Fault(fault) = effect
            && !fault.executes()
        {
            return Err(Halt::Fault(fault));
        }
        if let Some(invoice) = self.kept.intents.get_mut(id).and_then(|payment| payment.invoice.as_deref_mut()) {
            invoice.card = Some(card);
        }
        self.attempt(id, effect, false)
    }

    /// The card of a request, if nothing is wrong with it.
    pub(super) fn used_card(&self, request: &SaleRequest) -> Result<UsedCard, SandboxRefusal> {
        let (month, year) = check_card(request, self.clock.now())?;
        let number = request.card_number.expose_secret();
        let (effect, is_3ds) = effect_of(number, &format!("{}{}", request.exp_month, request.exp_year));
        let card = Card {
            number: number.into(),
            expiry_month: month,
            expiry_year: year,
            cvv: None,
            holder_name: Private::new(request.card_holder.expose_secret()),
        };
        let client_ip = request.browser_info["browser_ip"].as_str().map(str::to_owned);
        Ok(UsedCard { id: self.new_id("card_"), masked: card.masked(), effect, is_3ds, client_ip })
    }

    /// The answer of the card gate: flat, and without amounts.
    fn sale_answer(&self, payment: &SandboxPayment, switches: &Switches) -> Value {
        let Some(invoice) = payment.invoice.as_deref() else { return Value::Null };
        let status = self.status_word(payment, invoice, switches);
        let resolution = resolution_word(payment, invoice);
        if payment.status == SandboxStatus::RequiresAction {
            return json!({"status": status, "auth_mode": "3ds", "auth_payload": self.acs_form(payment)});
        }
        if resolution == OK { json!({"status": status}) } else { json!({"status": status, "resolution": resolution}) }
    }

    /// The form that the payer's browser posts to the bank.
    pub(super) fn acs_form(&self, payment: &SandboxPayment) -> Value {
        let base = self.base_url.as_str().trim_end_matches('/');
        let term_url = format!("{base}/complete-auth?pid={}", payment.payment_id);
        let request = card_tokens::issue(&self.commerce.api_key, &payment.payment_id, payment.created_at);
        json!({
            "action": format!("{base}/acs/auth"),
            "method": "POST",
            "params": {"MD": STANDARD.encode(&payment.payment_id), "PaReq": request, "TermUrl": term_url},
        })
    }
}

/// Refuses a sale for an invoice that cannot be paid at the card gate, or not any more.
fn check_open(payment: &SandboxPayment, switches: &Switches) -> Result<(), SandboxRefusal> {
    let service = payment.invoice.as_deref().and_then(|invoice| invoice.service.as_deref());
    if !service.is_some_and(is_for_cards) {
        return Err(SandboxRefusal::new(422, "unprocessable", "the invoice is not paid by card"));
    }
    match payment.status {
        SandboxStatus::RequiresConfirmation => Ok(()),
        SandboxStatus::Succeeded if switches.charge_again => Ok(()),
        _ => Err(SandboxRefusal::invalid_state("the invoice cannot be paid any more")),
    }
}

/// Month and year of a card with which nothing is wrong.
fn check_card(card: &SaleRequest, now: Timestamp) -> Result<(u8, u16), SandboxRefusal> {
    let mut problems = FieldProblems::default();
    let number = card.card_number.expose_secret();
    let is_number = (12..=19).contains(&number.len()) && is_digits(number) && satisfies_luhn(number);
    problems.check(is_number, "card_number", "is not a card number");
    let cvv = card.cvv.expose_secret();
    problems.check((3..=4).contains(&cvv.len()) && is_digits(cvv), "cvv", "must be 3 or 4 digits");
    let two_digits = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() == 2 && is_digits(text));
    let month = two_digits(&card.exp_month).filter(|month| (1..=12).contains(month));
    problems.check(month.is_some(), "exp_month", "must be 01 to 12");
    let year = two_digits(&card.exp_year).map(|year| CENTURY + u16::from(year));
    problems.check(year.is_some(), "exp_year", "must be two digits");
    let expiry = year.zip(month).map(|(year, month)| (month, year));
    // RFC 3339 begins with year and month, which sort as text.
    let this_month: String = now.to_string().chars().take(7).collect();
    let is_later = expiry.is_none_or(|(month, year)| format!("{year}-{month:02}") >= this_month);
    problems.check(is_later, "exp_year", "is in the past");
    check_browser(&mut problems, &card.browser_info);
    problems.refuse()?;
    expiry.ok_or_else(|| SandboxRefusal::new(422, "validation_error", "the card has no expiry"))
}

/// Notes what is wrong with the payer's browser: all of it is text, but for one flag.
fn check_browser(problems: &mut FieldProblems, browser: &Value) {
    for (key, value) in browser.as_object().into_iter().flatten() {
        let is_right = if key == "browser_java_enabled" { value.is_boolean() } else { value.is_string() };
        problems.check(is_right, &format!("browser_info.{key}"), "has another type");
    }
}
