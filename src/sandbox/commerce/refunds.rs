//! Refunds of invoices, in the two ways that Corefy has.

use serde_json::{Value, json};

use super::{
    document::refund_members,
    switches::RefundModel,
    wire::{ObjectRequest, RefundInput, decimal},
};
use crate::{
    domain::money::Money,
    sandbox::{
        answer::{Done, FieldProblems, SandboxOutcome, SandboxRefusal, read},
        faults::Switches,
        kept::ReferenceKind,
        payment::{SandboxPayment, SandboxStatus},
        records::RefundRecord,
        state::State,
    },
};

impl State {
    pub(super) fn refund_invoice(&mut self, id: &str, body: &[u8], switches: &Switches) -> SandboxOutcome {
        let request: ObjectRequest<RefundInput> = read(body)?;
        let (kind, request) = (request.data.kind, request.data.attributes);
        let payment = self.kept.intents.get(id).filter(|payment| payment.invoice.is_some());
        let payment = payment.ok_or_else(|| SandboxRefusal::not_found("payment invoice"))?;
        let amount = self.check_refund_of(payment, &kind, &request, switches.commerce.refunds)?;
        self.check_reference(ReferenceKind::Refund, request.reference_id.as_ref(), switches)?;
        let (refund, fault) = self.give_back(id, amount, request.description, request.reference_id)?;
        let done = match switches.commerce.refunds {
            RefundModel::Old => self.answer_with_invoice(200, id, switches)?,
            RefundModel::New => Done::new(201, &self.kept.refunds.get(&refund).map(refund_document)),
        };
        Ok(Done { fault, ..done })
    }

    /// The amount that may be given back.
    fn check_refund_of(
        &self,
        payment: &SandboxPayment,
        kind: &str,
        request: &RefundInput,
        model: RefundModel,
    ) -> Result<Money, SandboxRefusal> {
        let mut problems = FieldProblems::default();
        problems.check(kind == "refund", "/data/type", "must be refund");
        let major = decimal(&request.amount).filter(|major| major.is_sign_positive() && !major.is_zero());
        let amount = major.and_then(|major| Money::from_major(major, payment.amount.currency));
        problems.check(amount.is_some(), "amount", "must be an amount of the invoice's currency");
        if model == RefundModel::New {
            let is_named = request.invoice_id.as_ref() == Some(&payment.id);
            problems.check(is_named, "invoiceId", "must be the invoice of the path");
            problems.check(request.reference_id.is_some(), "reference_id", "must be given");
        }
        let is_paid = payment.status == SandboxStatus::Succeeded;
        let has_room = amount.is_none_or(|amount| is_paid && amount.minor <= self.refund_room(payment));
        problems.check(has_room, "amount", "is more than can be refunded");
        problems.refuse()?;
        amount.ok_or_else(|| SandboxRefusal::new(422, "validation_error", "the amount cannot be counted"))
    }
}

/// A refund as an object of its own.
fn refund_document(refund: &RefundRecord) -> Value {
    let mut attributes = refund_members(refund);
    attributes.remove("id");
    let links = json!({"self": format!("/refunds/{}", refund.id)});
    json!({"data": {"type": "refunds", "id": refund.id, "attributes": attributes, "links": links}})
}
