//! Payments that a payer makes elsewhere: the kinds of payment methods that answer with details to show, and those details.

use std::time::Duration;

use super::{
    kept::PendingOutcome,
    payment::{SandboxPayment, SandboxStatus},
    state::State,
};
use crate::{
    domain::next_action::DisplayKind,
    upstream::intents::wire::{Moment, WireNextAction},
};

/// How long the details are good, by the sandbox's clock; then the attempt fails with [`EXPIRED`](super::payment::EXPIRED).
pub const DISPLAY_TIME: Duration = Duration::from_secs(24 * 3600);

/// The details that a payer is shown for this type of payment method.
pub(super) fn of_type(method: &str) -> Option<DisplayKind> {
    match method {
        "qr" => Some(DisplayKind::QrCode),
        "voucher" => Some(DisplayKind::Voucher),
        "bank_transfer" => Some(DisplayKind::BankTransfer),
        _ => None,
    }
}

impl State {
    /// Has the payer pay elsewhere.
    pub fn show_details(&mut self, id: &str, kind: DisplayKind) {
        let expires_at = self.clock.now() + DISPLAY_TIME;
        self.kept.pending.insert(id.to_owned(), (expires_at, PendingOutcome::Expire));
        if let Some(payment) = self.kept.intents.get_mut(id) {
            payment.shown = Some((kind, expires_at));
        }
        self.move_payment(id, SandboxStatus::RequiresAction);
    }

    /// The page on which the payer of this payment acts.
    pub fn page_of(&self, payment: &SandboxPayment) -> String {
        let base = self.base_url.as_str().trim_end_matches('/');
        let page = if payment.shown.is_some() { "pay" } else { "3ds" };
        format!("{base}/{page}/{}", payment.id)
    }

    /// The step that the payer of this payment has to take.
    pub fn next_action(&self, payment: &SandboxPayment) -> WireNextAction {
        let page = self.page_of(payment);
        let Some((kind, expires_at)) = payment.shown else {
            return WireNextAction { kind: "redirect".to_owned(), url: page, ..WireNextAction::default() };
        };
        let number = payment.id.bytes().rev().take(9).map(|byte| char::from(b'0' + byte % 10)).collect::<String>();
        let (data, what) = match kind {
            DisplayKind::QrCode => (page.clone(), "Scan the code"),
            DisplayKind::Voucher => (number, "Pay the voucher at a cash desk"),
            DisplayKind::BankTransfer => (format!("GB33BUKB20201555555555\n{number}"), "Transfer the amount"),
        };
        WireNextAction {
            kind: kind.as_str().to_owned(),
            data,
            text: format!("{what}.\nIn the sandbox it is paid at {page}"),
            expires_at: Some(Moment(expires_at)),
            ..WireNextAction::default()
        }
    }
}
