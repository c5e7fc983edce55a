//! The status of an invoice, in the dialect's words.

use super::{
    invoice::Invoice,
    resolutions::{AWAITS_3DS, OK, resolution_of},
    switches::CreatedStatus,
};
use crate::sandbox::{
    faults::Switches,
    payment::{EXPIRED, SandboxPayment, SandboxStatus},
    records::RefundStatus,
    state::State,
};

impl State {
    /// The word for how an invoice stands.
    pub(super) fn status_word(&self, payment: &SandboxPayment, invoice: &Invoice, switches: &Switches) -> &'static str {
        let was_tried = invoice.last_decline.is_some();
        let is_pending = switches.commerce.created_as == CreatedStatus::ProcessPending && invoice.service.is_some();
        match payment.status {
            SandboxStatus::RequiresConfirmation if was_tried || is_pending => "process_pending",
            SandboxStatus::RequiresConfirmation => "created",
            SandboxStatus::RequiresAction | SandboxStatus::Processing => "process_pending",
            SandboxStatus::Canceled => "terminated",
            SandboxStatus::Failed(EXPIRED) => "expired",
            SandboxStatus::Failed(_) => "process_failed",
            SandboxStatus::Succeeded => self.paid_word(payment),
        }
    }

    /// The word for what became of the money of a paid invoice.
    fn paid_word(&self, payment: &SandboxPayment) -> &'static str {
        let paid = payment.amount.minor;
        match payment.charged_back {
            0 => {}
            all if all == paid => return "charged_back",
            _ => return "partially_charged_back",
        }
        let mut refunds = self.refunds_of(payment);
        if refunds.any(|refund| refund.state == RefundStatus::Pending) {
            return "refunding";
        }
        let last = self.refunds_of(payment).last().map(|refund| refund.state);
        match (self.refunded(payment), last) {
            (_, Some(RefundStatus::Failed(_))) => "refund_failed",
            (0, _) => "processed",
            (all, _) if all == paid => "refunded",
            _ => "partially_refunded",
        }
    }
}

/// The word for why an invoice stands as it does.
pub(super) fn resolution_word(payment: &SandboxPayment, invoice: &Invoice) -> &'static str {
    match payment.status {
        SandboxStatus::Failed(code) => resolution_of(code),
        SandboxStatus::RequiresAction | SandboxStatus::Processing => {
            if invoice.card.as_ref().is_some_and(|card| card.is_3ds) { AWAITS_3DS } else { OK }
        }
        SandboxStatus::RequiresConfirmation => invoice.last_decline.map_or(OK, resolution_of),
        SandboxStatus::Succeeded | SandboxStatus::Canceled => OK,
    }
}
