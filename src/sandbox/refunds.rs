//! Refunds: made, settled and shown, within the room that keeps them below what was charged.

use super::{
    answer::{Done, FieldProblems, Halt, SandboxOutcome, SandboxRefusal, read},
    failure_codes::{REFUND_DECLINED, RETURNED_BY_BANK},
    faults::{Fault, Switches},
    kept::{PendingOutcome, ReferenceKind},
    ledger::{LedgerEntry, LedgerEntryKind},
    payment::{SandboxPayment, SandboxStatus, intent_id_of},
    records::{RefundRecord, RefundStatus},
    state::State,
    test_refunds::{RETURN_TIME, RefundEffect},
    times::PROCESSING_TIME,
};
use crate::{
    domain::money::Money,
    upstream::intents::wire::{self, Amount, CreateRefundBody, Moment},
};

/// A failure as the contract shows it.
pub(super) fn failure(code: &str) -> wire::WireFailure {
    wire::WireFailure { code: code.to_owned(), message: format!("It failed: {}.", code.replace('_', " ")) }
}

impl State {
    pub fn create_refund(&mut self, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: CreateRefundBody = read(body)?;
        let payment = self.kept.intents.get(&intent_id_of(&request.payment_id));
        let payment = payment.ok_or_else(|| SandboxRefusal::not_found("payment"))?;
        let intent_id = payment.id.clone();
        self.check_reference(ReferenceKind::Refund, request.reference_id.as_ref(), switches)?;
        let amount = self.check_refund(&request, payment)?;
        let (id, fault) = self.give_back(&intent_id, amount, request.reason, request.reference_id)?;
        let made = self.kept.refunds.get(&id).ok_or_else(|| SandboxRefusal::not_found("refund"))?;
        Ok(Done { fault, ..Done::new(201, &self.show_refund(made)) })
    }

    /// Makes a refund that may be made, and lets the effect of its amount happen. Answers with its id, and the fault that the
    /// answer suffers.
    pub fn give_back(
        &mut self,
        intent_id: &str,
        amount: Money,
        reason: Option<String>,
        reference: Option<String>,
    ) -> Result<(String, Option<Fault>), Halt> {
        let effect = self.scripted_refund(intent_id).unwrap_or_else(|| RefundEffect::of(amount.minor));
        let fault = match effect {
            RefundEffect::Refuse => {
                return Err(SandboxRefusal::new(422, "refund_refused", "the refund was refused").into());
            }
            RefundEffect::Fault(fault) if !fault.executes() => return Err(Halt::Fault(fault)),
            RefundEffect::Fault(fault) => Some(fault),
            _ => None,
        };
        let id = self.add_refund(intent_id, amount, reason, reference);
        self.begin_refund(&id, effect);
        Ok((id, fault))
    }

    /// The amount that may be given back.
    fn check_refund(&self, request: &CreateRefundBody, payment: &SandboxPayment) -> Result<Money, SandboxRefusal> {
        if payment.status != SandboxStatus::Succeeded {
            return Err(SandboxRefusal::invalid_state("the payment is not paid"));
        }
        let room = self.refund_room(payment);
        let amount = match request.amount {
            Some(Amount(major)) => Money::from_major(major, payment.amount.currency),
            None => Some(Money::new(room, payment.amount.currency)),
        };
        let mut problems = FieldProblems::default();
        problems.check(amount.is_some(), "amount", "has more decimals than the currency");
        let is_positive = amount.is_none_or(|amount| amount.minor > 0 || request.amount.is_none());
        problems.check(is_positive, "amount", "must be more than 0");
        let fits = |text: &Option<String>, limit| text.as_ref().is_none_or(|text| text.chars().count() <= limit);
        problems.check(fits(&request.reason, 255), "reason", "must have at most 255 characters");
        problems.check(fits(&request.reference_id, 100), "reference_id", "must have at most 100 characters");
        problems.refuse()?;
        amount
            .filter(|amount| (1..=room).contains(&amount.minor))
            .ok_or_else(|| SandboxRefusal::new(422, "refund_exceeds_payment", "more than what is left of the payment"))
    }

    /// Adds a pending refund; answers with its id.
    pub fn add_refund(
        &mut self,
        intent_id: &str,
        amount: Money,
        reason: Option<String>,
        reference: Option<String>,
    ) -> String {
        let id = self.new_id("cfre_");
        self.claim_reference(ReferenceKind::Refund, reference.as_ref(), &id);
        let record = RefundRecord {
            id: id.clone(),
            intent_id: intent_id.to_owned(),
            amount,
            state: RefundStatus::Pending,
            reason,
            reference,
            created_at: self.clock.now(),
        };
        self.kept.refunds.insert(id.clone(), record);
        if let Some(payment) = self.kept.intents.get_mut(intent_id) {
            payment.refund_ids.push(id.clone());
            payment.touch(self.clock.now());
        }
        id
    }

    fn begin_refund(&mut self, id: &str, effect: RefundEffect) {
        let now = self.clock.now();
        let outcome = match effect {
            RefundEffect::PendThenSucceed => Some((now + PROCESSING_TIME, PendingOutcome::RefundSucceeds)),
            RefundEffect::PendThenFail => Some((now + PROCESSING_TIME, PendingOutcome::RefundFails)),
            RefundEffect::SucceedThenReturn => {
                self.refund_succeeds(id);
                Some((now + RETURN_TIME, PendingOutcome::RefundReturns))
            }
            RefundEffect::Fail => {
                self.refund_fails(id);
                None
            }
            RefundEffect::Succeed | RefundEffect::Refuse | RefundEffect::Fault(_) => {
                self.refund_succeeds(id);
                None
            }
        };
        self.kept.pending.extend(outcome.map(|outcome| (id.to_owned(), outcome)));
    }

    pub fn refund_succeeds(&mut self, id: &str) {
        self.enter(id, LedgerEntryKind::Refund);
        self.move_refund(id, RefundStatus::Succeeded, "refund.succeeded");
    }

    pub fn refund_fails(&mut self, id: &str) {
        self.move_refund(id, RefundStatus::Failed(REFUND_DECLINED), "refund.failed");
    }

    pub fn refund_returns(&mut self, id: &str) {
        self.enter(id, LedgerEntryKind::RefundReturned);
        self.move_refund(id, RefundStatus::Failed(RETURNED_BY_BANK), "refund.failed");
    }

    /// Notes the movement of a refund's money.
    fn enter(&mut self, id: &str, kind: LedgerEntryKind) {
        let Some(refund) = self.kept.refunds.get(id) else { return };
        self.kept.ledger.entries.push(LedgerEntry {
            kind,
            intent_id: refund.intent_id.clone(),
            reference: self.kept.intents.get(&refund.intent_id).and_then(|payment| payment.reference.clone()),
            refund_reference: refund.reference.clone(),
            amount: refund.amount,
            at: self.clock.now(),
        });
    }

    fn move_refund(&mut self, id: &str, status: RefundStatus, event: &str) {
        let now = self.clock.now();
        let Some(refund) = self.kept.refunds.get_mut(id) else { return };
        refund.state = status;
        let (amount, reference) = (refund.amount, refund.reference.clone());
        let intent_id = refund.intent_id.clone();
        let Some(payment) = self.kept.intents.get_mut(&intent_id) else { return };
        payment.touch(now);
        self.tell_of_payment(&intent_id, Some(event), |webhook| {
            webhook.amount = Some(Amount(amount.major()));
            webhook.status = Some(status.word().to_owned());
            webhook.reference_id = reference;
        });
    }

    /// The refunds of a payment, oldest first.
    pub fn refunds_of<'a>(&'a self, payment: &'a SandboxPayment) -> impl Iterator<Item = &'a RefundRecord> {
        payment.refund_ids.iter().filter_map(|id| self.kept.refunds.get(id))
    }

    /// The amount given back of a payment, in minor units.
    pub fn refunded(&self, payment: &SandboxPayment) -> i64 {
        let succeeded = self.refunds_of(payment).filter(|refund| refund.state == RefundStatus::Succeeded);
        succeeded.map(|refund| refund.amount.minor).sum()
    }

    /// The amount of a paid payment that may still be given back, in minor units: refunds under way count as given
    /// back, and what the payer's bank has taken back cannot be given back.
    pub fn refund_room(&self, payment: &SandboxPayment) -> i64 {
        let taken = self.refunds_of(payment).filter(|refund| !matches!(refund.state, RefundStatus::Failed(_)));
        payment.amount.minor - payment.charged_back - taken.map(|refund| refund.amount.minor).sum::<i64>()
    }

    /// The refund as the contract shows it.
    pub fn show_refund(&self, refund: &RefundRecord) -> wire::WireRefund {
        let error = match refund.state {
            RefundStatus::Failed(code) => Some(failure(code)),
            RefundStatus::Pending | RefundStatus::Succeeded => None,
        };
        wire::WireRefund {
            id: refund.id.clone(),
            payment_id: self.kept.intents.get(&refund.intent_id).map(|payment| payment.payment_id.clone()),
            status: refund.state.word().to_owned(),
            amount: Some(Amount(refund.amount.major())),
            currency: refund.amount.currency.code().to_owned(),
            reason: refund.reason.clone(),
            reference_id: refund.reference.clone(),
            error,
            created_at: Some(Moment(refund.created_at)),
        }
    }
}

impl RefundStatus {
    /// The contract's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
        }
    }
}
