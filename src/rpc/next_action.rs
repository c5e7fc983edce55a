//! The step of a payer, as callers see it.

use crate::{
    domain::next_action::{DisplayDetails, DisplayKind, NextAction, Redirect},
    pb::{self, next_action::Action},
};

use super::timestamps;

impl From<NextAction> for pb::NextAction {
    fn from(action: NextAction) -> Self {
        let action = match action {
            NextAction::Redirect(redirect) => Action::Redirect(redirect.into()),
            NextAction::Display(details) => Action::Display(details.into()),
        };
        Self { action: Some(action) }
    }
}

impl From<Redirect> for pb::Redirect {
    fn from(redirect: Redirect) -> Self {
        let params = redirect.params.into_iter().map(|(name, value)| (name, value.expose().to_owned()));
        Self { url: redirect.url.expose().to_owned(), method: redirect.method, params: params.collect() }
    }
}

impl From<DisplayDetails> for pb::DisplayDetails {
    fn from(details: DisplayDetails) -> Self {
        let kind = match details.kind {
            DisplayKind::QrCode => pb::DisplayDetailsKind::QrCode,
            DisplayKind::Voucher => pb::DisplayDetailsKind::Voucher,
            DisplayKind::BankTransfer => pb::DisplayDetailsKind::BankTransfer,
        };
        Self {
            kind: kind.into(),
            data: details.data.expose().to_owned(),
            text: details.text.expose().to_owned(),
            expires_at: details.expires_at.map(timestamps::wire),
        }
    }
}
