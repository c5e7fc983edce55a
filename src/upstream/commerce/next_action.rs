//! The step of a payer, read from an answer.

use super::wire::{FormFields, SaleStep};
use crate::domain::{
    next_action::{NextAction, Redirect},
    private::Private,
};
use crate::upstream::payer_page::payer_page;

/// A page that the payer's browser goes to.
pub fn page(url: Option<&Private>) -> Option<NextAction> {
    form(url, "GET", Some(FormFields::default()))
}

/// The step by which the payer's bank is asked. Its form is passed on as it is, or not at all.
pub fn bank_step(step: SaleStep) -> Option<NextAction> {
    form(step.action.as_ref(), &step.method, step.params)
}

/// A form that the payer's browser sends; no method is `GET`.
pub fn form(action: Option<&Private>, method: &str, params: Option<FormFields>) -> Option<NextAction> {
    let url = payer_page(action?.expose())?;
    let method = method.trim().to_ascii_uppercase();
    let method = if method.is_empty() { "GET".to_owned() } else { method };
    let is_known = matches!(method.as_str(), "GET" | "POST");
    let params = params.filter(|_| is_known)?.0;
    Some(NextAction::Redirect(Redirect { url, method, params }))
}
