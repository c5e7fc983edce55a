//! Attempts to pay: which card or saved method, and what it does.

use secrecy::ExposeSecret;

use super::{
    answer::{Done, FieldProblems, Halt, SandboxOutcome, SandboxRefusal, read},
    cards::CardEffect,
    faults::{Fault, Switches},
    kept::PendingOutcome,
    payment::{GIVEN_UP, SandboxStatus},
    state::State,
    times::PROCESSING_TIME,
};
use crate::{
    domain::{card::satisfies_luhn, clock::Timestamp},
    upstream::intents::wire::{ConfirmIntentBody, Secret},
};

impl State {
    pub fn confirm_intent(&mut self, id: &str, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: ConfirmIntentBody = read(body)?;
        let payment = self.kept.intents.get(id).ok_or_else(|| SandboxRefusal::not_found("payment intent"))?;
        match payment.status {
            SandboxStatus::RequiresConfirmation | SandboxStatus::Failed(_) => {}
            SandboxStatus::Succeeded if switches.charge_again => {}
            SandboxStatus::RequiresAction
            | SandboxStatus::Processing
            | SandboxStatus::Succeeded
            | SandboxStatus::Canceled => {
                return Err(SandboxRefusal::invalid_state(&format!("the payment is {}", payment.status.word())).into());
            }
        }
        let own = self.effect_of(&request)?;
        let effect = self.scripted_attempt(id).unwrap_or(own);
        let fault = self.attempt(id, effect, request.three_ds_cavv.is_some())?;
        let done = self.answer_with_intent(200, id, switches)?;
        Ok(Done { fault, ..done })
    }

    /// Does what the card does; answers with the fault that its answer suffers.
    pub fn attempt(&mut self, id: &str, effect: CardEffect, is_authenticated: bool) -> Result<Option<Fault>, Halt> {
        match effect {
            CardEffect::Challenge if !is_authenticated => self.challenge(id),
            CardEffect::Display(kind) => self.show_details(id, kind),
            CardEffect::ChallengeThenDecline(code) if !is_authenticated => {
                self.challenge(id);
                self.kept.intents.entry(id.to_owned()).and_modify(|payment| payment.doom = Some(code));
            }
            CardEffect::Approve | CardEffect::Challenge => self.charge(id),
            CardEffect::ApproveThenChargeBack => self.charge_for_a_while(id),
            CardEffect::Decline(code) | CardEffect::ChallengeThenDecline(code) => {
                self.move_payment(id, SandboxStatus::Failed(code))
            }
            CardEffect::Stall => self.move_payment(id, SandboxStatus::Processing),
            CardEffect::Process => {
                self.kept.pending.insert(id.to_owned(), (self.clock.now() + PROCESSING_TIME, PendingOutcome::Charge));
                self.move_payment(id, SandboxStatus::Processing);
            }
            CardEffect::Fault(fault) if fault.executes() => {
                self.charge(id);
                return Ok(Some(fault));
            }
            CardEffect::Fault(fault) => return Err(Halt::Fault(fault)),
        }
        Ok(None)
    }

    fn challenge(&mut self, id: &str) {
        if let Some(payment) = self.kept.intents.get_mut(id) {
            payment.shown = None;
        }
        self.move_payment(id, SandboxStatus::RequiresAction);
    }

    /// Lets the payer answer a challenge, details that they were shown, or the page of an invoice. `false` when nothing is asked.
    pub fn complete_action(&mut self, id: &str, is_approved: bool) -> bool {
        let Some(payment) = self.kept.intents.get_mut(id) else { return false };
        let code = match payment.status {
            SandboxStatus::RequiresAction if payment.shown.is_none() => "authentication_failed",
            SandboxStatus::RequiresAction => GIVEN_UP,
            SandboxStatus::RequiresConfirmation if payment.invoice.is_some() => GIVEN_UP,
            _ => return false,
        };
        let doom = payment.doom.take();
        match doom.or((!is_approved).then_some(code)) {
            None => self.charge_as_saved(id),
            Some(code) => {
                self.kept.pending.remove(id);
                self.move_payment(id, SandboxStatus::Failed(code));
            }
        }
        true
    }

    fn effect_of(&self, request: &ConfirmIntentBody) -> Result<CardEffect, SandboxRefusal> {
        let mut problems = FieldProblems::default();
        if let Some(id) = &request.payment_method_id {
            let saved = self.kept.methods.get(id).map(|method| method.effect);
            problems.check(saved.is_some(), "payment_method_id", "does not exist");
            problems.check(request.card_number.is_none(), "card_number", "must not stand beside payment_method_id");
            problems.refuse()?;
            return Ok(saved.unwrap_or(CardEffect::Approve));
        }
        let number = exposed(request.card_number.as_ref());
        let card = CardInput {
            number,
            month: request.card_expiry_month.as_deref().unwrap_or_default(),
            year: request.card_expiry_year.as_deref().unwrap_or_default(),
        };
        card.check(&mut problems, self.clock.now());
        let cvv = exposed(request.card_cvv.as_ref());
        problems.check((3..=4).contains(&cvv.len()) && is_digits(cvv), "card_cvv", "must be 3 or 4 digits");
        problems.refuse()?;
        Ok(CardEffect::of(number))
    }
}

/// A card as it comes over the wire, without CVV. Lives as long as its request.
pub(super) struct CardInput<'a> {
    pub number: &'a str,
    pub month: &'a str,
    pub year: &'a str,
}

impl CardInput<'_> {
    /// Notes what is wrong with it.
    pub fn check(&self, problems: &mut FieldProblems, now: Timestamp) {
        let number = self.number;
        let is_number = (12..=19).contains(&number.len()) && is_digits(number) && satisfies_luhn(number);
        problems.check(is_number, "card_number", "is not a card number");
        let month = self.month.parse::<u8>().ok().filter(|month| (1..=12).contains(month));
        problems.check(month.is_some(), "card_expiry_month", "must be 1 to 12");
        let is_year = self.year.len() == 4 && is_digits(self.year);
        problems.check(is_year, "card_expiry_year", "must be four digits");
        // RFC 3339 begins with year and month, which sort as text.
        let last_month = format!("{}-{:02}", self.year, month.unwrap_or(12));
        let this_month: String = now.to_string().chars().take(7).collect();
        problems.check(!is_year || last_month >= this_month, "card_expiry_year", "is in the past");
    }
}

/// The text of a secret, empty when there is none.
pub(super) fn exposed(secret: Option<&Secret>) -> &str {
    secret.map_or("", |secret| secret.0.expose_secret())
}

/// Whether a text has no other characters than digits.
pub(super) fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
