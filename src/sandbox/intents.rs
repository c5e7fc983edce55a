//! Payments: created, shown, and moved from state to state.

use serde_json::{Value, json};

use super::{
    answer::{Done, FieldProblems, SandboxOutcome, SandboxRefusal, read},
    faults::{ShownRefunds, ShownTime, Switches},
    kept::ReferenceKind,
    ledger::{LedgerEntry, LedgerEntryKind},
    payment::{INTENT_PREFIX, SandboxPayment, SandboxStatus, intent_id_of},
    script::{SCRIPT_KEY, check_script},
    state::State,
};
use crate::{
    domain::{
        clock::Timestamp,
        money::{Currency, MAX_DIGITS, Money},
    },
    upstream::intents::wire::{self, Amount, CreateIntentBody, Entries, Moment},
};

impl State {
    pub fn create_intent(&mut self, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: CreateIntentBody = read(body)?;
        let amount = self.check_intent(&request)?;
        self.check_reference(ReferenceKind::Intent, request.reference_id.as_ref(), switches)?;
        let payment = SandboxPayment::of_intent(self.new_id(INTENT_PREFIX), request, amount, self.clock.now());
        let id = payment.id.clone();
        self.claim_reference(ReferenceKind::Intent, payment.reference.as_ref(), &id);
        self.kept.intents.insert(id.clone(), payment);
        self.answer_with_intent(201, &id, switches)
    }

    fn check_intent(&self, request: &CreateIntentBody) -> Result<Money, SandboxRefusal> {
        let mut problems = FieldProblems::default();
        let currency = Currency::parse(&request.currency);
        problems.check(currency.is_some(), "currency", "is not an ISO 4217 code");
        let Amount(major) = request.amount;
        let in_range = major.is_sign_positive() && !major.is_zero() && major < 10_i64.pow(MAX_DIGITS).into();
        problems.check(in_range, "amount", "must be more than 0 and have at most 12 digits");
        let amount = currency.and_then(|currency| Money::from_major(major, currency));
        problems.check(currency.is_none() || amount.is_some(), "amount", "has more decimals than the currency");
        problems.check((1..=100).contains(&request.payment_method.len()), "payment_method", "must be given");
        let fits = |text: &Option<String>, limit| text.as_ref().is_none_or(|text| text.chars().count() <= limit);
        problems.check(fits(&request.description, 255), "description", "must have at most 255 characters");
        problems.check(fits(&request.reference_id, 100), "reference_id", "must have at most 100 characters");
        problems.check(is_link(&request.callback_url), "callback_url", "must be a URL");
        problems.check(is_link(&request.failure_url), "failure_url", "must be a URL");
        let known = request.customer_id.as_ref().is_none_or(|id| self.kept.customers.contains_key(id));
        problems.check(known, "customer_id", "does not exist");
        check_script(&mut problems, request.metadata.get(SCRIPT_KEY).map(String::as_str));
        problems.refuse()?;
        amount.ok_or_else(|| SandboxRefusal::new(422, "validation_error", "the amount cannot be counted"))
    }

    pub fn read_payment(&self, id: &str, switches: &Switches) -> SandboxOutcome {
        let id = intent_id_of(id);
        let shown = self.kept.intents.get(&id).and_then(|payment| switches.shown_payment(payment));
        if switches.hide_payments || !self.kept.intents.contains_key(&id) || shown.is_some_and(Value::is_null) {
            return Err(SandboxRefusal::not_found("payment").into());
        }
        let done = self.answer_with_intent(200, &id, switches)?;
        Ok(match shown {
            Some(shown) => Done { body: with_members(&done.body, shown).unwrap_or(done.body), ..done },
            None => done,
        })
    }

    /// Answers with the intent of this id, which exists.
    pub fn answer_with_intent(&self, status: u16, id: &str, switches: &Switches) -> SandboxOutcome {
        let payment = self.kept.intents.get(id).ok_or_else(|| SandboxRefusal::not_found("payment"))?;
        let mut shown = self.show_intent(payment);
        switches.distort(&mut shown);
        Ok(Done::new(status, &shown))
    }

    /// The intent as the contract shows it.
    pub fn show_intent(&self, payment: &SandboxPayment) -> wire::WireIntent {
        let told = |minor| Some(Amount(Money::new(minor, payment.amount.currency).major()));
        let action = (payment.status == SandboxStatus::RequiresAction).then(|| self.next_action(payment));
        let error = match payment.status {
            SandboxStatus::Failed(code) => Some(super::refunds::failure(code)),
            _ => None,
        };
        wire::WireIntent {
            id: payment.id.clone(),
            payment_id: Some(payment.payment_id.clone()),
            status: payment.status.word().to_owned(),
            amount: Some(Amount(payment.amount.major())),
            currency: payment.amount.currency.code().to_owned(),
            payment_method: Some(payment.payment_method.clone()),
            customer_id: payment.customer_id.clone(),
            reference_id: payment.reference.clone(),
            description: payment.description.clone(),
            next_action: action,
            error,
            amount_refunded: told(self.refunded(payment)),
            amount_charged_back: told(payment.charged_back),
            refunds: Some(self.refunds_of(payment).map(|refund| self.show_refund(refund)).collect()),
            created_at: Some(Moment(payment.created_at)),
            updated_at: Some(Moment(payment.updated_at)),
            metadata: Some(json!(payment.metadata)),
        }
    }

    /// Changes the state of a payment, and tells of it.
    pub fn move_payment(&mut self, id: &str, status: SandboxStatus) {
        let now = self.clock.now();
        let Some(payment) = self.kept.intents.get_mut(id) else { return };
        payment.status = status;
        payment.touch(now);
        self.tell_of_payment(id, status.event(), |_| ());
    }

    /// Charges the payer. Whether that may be done is the caller's to judge.
    pub fn charge(&mut self, id: &str) {
        let Some(payment) = self.kept.intents.get(id) else { return };
        let entry = LedgerEntry {
            kind: LedgerEntryKind::Charge,
            intent_id: payment.id.clone(),
            reference: payment.reference.clone(),
            refund_reference: None,
            amount: payment.amount,
            at: self.clock.now(),
        };
        self.kept.ledger.entries.push(entry);
        self.kept.pending.remove(id);
        self.note_paid(id);
        self.move_payment(id, SandboxStatus::Succeeded);
    }
}

/// The JSON object `body` with these members in place of its own; `None` when it is none.
fn with_members(body: &str, members: &Value) -> Option<String> {
    let mut shown: serde_json::Map<String, Value> = serde_json::from_str(body).ok()?;
    shown.extend(members.as_object()?.clone());
    serde_json::to_string(&shown).ok()
}

impl Switches {
    /// How reads show this payment, if differently.
    pub(super) fn shown_payment(&self, payment: &SandboxPayment) -> Option<&Value> {
        let by_reference = || self.shown_payments.get(payment.reference.as_ref()?);
        self.shown_payments.get(&payment.id).or_else(by_reference)
    }

    /// Makes a payment look as the switches have it.
    fn distort(&self, shown: &mut wire::WireIntent) {
        if self.show_unknown_status {
            shown.status = "on_hold".to_owned();
        }
        shown.updated_at = shown.updated_at.and_then(|Moment(exact)| match self.shown_time {
            ShownTime::Exact => Some(Moment(exact)),
            ShownTime::WholeSeconds => Some(Moment(Timestamp(exact.0 - exact.0.rem_euclid(1_000_000)))),
            ShownTime::Missing => None,
        });
        match self.shown_refunds {
            ShownRefunds::All => {}
            ShownRefunds::WithoutReferences => {
                let refunds = shown.refunds.iter_mut().flat_map(|refunds| &mut refunds.read);
                refunds.for_each(|refund| refund.reference_id = None);
            }
            ShownRefunds::SumOnly => shown.refunds = None,
            ShownRefunds::SumAndEmptyList => shown.refunds = Some(Entries::default()),
            ShownRefunds::None => {
                shown.refunds = Some(Entries::default());
                shown.amount_refunded = Some(Amount(0.into()));
            }
        }
    }
}

/// Whether a text, if there is one, is a link that a payer can be sent to.
pub(super) fn is_link(link: &Option<String>) -> bool {
    // Links to apps among them, of any scheme; none that a browser would run.
    let is_safe = |text: &String| url::Url::parse(text).is_ok_and(|url| !matches!(url.scheme(), "javascript" | "data"));
    link.as_ref().is_none_or(is_safe)
}
