//! Refunds: listed by the newer model of refunds; by the older one derived from how much of an invoice was given back.

use super::invoices::ShownInvoice;
use super::resolutions::failure;
use crate::domain::{
    decline::DECLINED,
    refund::{Refund, RefundFailure, RefundState},
    snapshot::RefundSnapshot,
};
use crate::upstream::amounts::{amount_that_counts, sum};
use crate::upstream::commerce::wire::InvoiceRefund;
use crate::upstream::lenient::Entries;
use crate::upstream::reading::{Mismatch, id};

/// The most refunds of one payment that are read.
const MOST_REFUNDS: usize = 1000;

/// The most open refunds that are told apart by how much was given back together.
const MOST_OPEN: usize = 10;

/// The state that a refund's word stands for.
pub fn refund_state(word: &str) -> Option<RefundState> {
    match word.trim().to_ascii_lowercase().as_str() {
        "created" | "pending" | "processing" | "process_pending" | "process_error" | "refunding" | "refund_pending"
        | "refund_error" => Some(RefundState::Pending),
        "processed" | "refunded" | "succeeded" => Some(RefundState::Succeeded),
        "process_failed" | "refund_failed" | "failed" | "expired" => Some(RefundState::Failed),
        "terminated" | "canceled" => Some(RefundState::Canceled),
        _ => None,
    }
}

/// The refund that `asked` asked for, by the newer model.
pub fn refunded(answer: InvoiceRefund, asked: &Refund) -> Result<RefundSnapshot, Mismatch> {
    let snapshot = refund(answer)?;
    match () {
        () if snapshot.reference.as_deref().is_some_and(|reference| reference != asked.id.as_str()) => {
            Err("the answer has another reference")
        }
        () if snapshot.amount.is_some_and(|amount| amount != asked.amount) && !snapshot.came_to_nothing() => {
            Err("the answer has another amount")
        }
        () => Ok(snapshot),
    }
}

fn refund(answer: InvoiceRefund) -> Result<RefundSnapshot, Mismatch> {
    let state = refund_state(&answer.status);
    let has_moved = state == Some(RefundState::Succeeded);
    let amount = amount_that_counts(has_moved, answer.amount, &answer.currency)?;
    let failure = failed(state, &(answer.resolution, answer.resolution_message));
    Ok(RefundSnapshot { upstream_id: id(answer.id)?, reference: answer.reference_id, state, amount, failure })
}

fn failed(state: Option<RefundState>, resolution: &(String, String)) -> Option<RefundFailure> {
    (state == Some(RefundState::Failed)).then(|| {
        let told = failure(&resolution.0, &resolution.1, DECLINED);
        RefundFailure { code: told.code, message: told.message }
    })
}

/// Every refund of a paid invoice; `None` where that cannot be told. `ours` are those that we know of.
pub fn refunds(shown: &ShownInvoice, ours: &[&Refund]) -> Option<Vec<RefundSnapshot>> {
    match &shown.refunds {
        _ if shown.received == 0 => None,
        Some(list) if !list.read.is_empty() || list.left_out > 0 => listed(list, shown.refunded?),
        Some(_) | None => derived(shown, ours),
    }
}

/// The refunds of a list, when every one of them can be read and together they explain what was given back.
fn listed(list: &Entries<InvoiceRefund>, refunded: i64) -> Option<Vec<RefundSnapshot>> {
    let is_whole = list.left_out == 0 && list.read.len() <= MOST_REFUNDS;
    let refunds: Vec<_> = list.read.iter().take(MOST_REFUNDS).cloned().map(refund).collect::<Result<_, _>>().ok()?;
    let tells_amounts = refunds.iter().all(|refund| refund.amount.is_some() || refund.came_to_nothing());
    let succeeded = refunds.iter().filter(|refund| refund.state == Some(RefundState::Succeeded));
    let explained = sum(succeeded.filter_map(|refund| refund.amount).map(|amount| amount.minor));
    (is_whole && tells_amounts && explained >= refunded).then_some(refunds)
}

/// The refunds by the older model, which tells only how much was given back and whether more is on its way: those of ours that
/// explain it, if it is plain which they are.
fn derived(shown: &ShownInvoice, ours: &[&Refund]) -> Option<Vec<RefundSnapshot>> {
    let of_state = |state| ours.iter().copied().filter(move |refund| refund.state == state);
    let succeeded: Vec<_> = of_state(RefundState::Succeeded).collect();
    let is_given_up = |refund: &&Refund| refund.failure.as_ref().is_some_and(RefundFailure::is_given_up);
    let open: Vec<_> =
        of_state(RefundState::Pending).chain(of_state(RefundState::Failed).filter(is_given_up)).collect();
    let known: i64 = succeeded.iter().map(|refund| refund.amount.minor).sum();
    let explaining = only_choice(&open, shown.refunded? - known)?;
    let is_left = |refund: &&Refund| explaining.iter().all(|other| other.id != refund.id);
    let left: Vec<_> = of_state(RefundState::Pending).filter(is_left).collect();
    let (others, state) = match (shown.word.as_str(), left.as_slice()) {
        ("refunding" | "refund_pending" | "refund_error", [refund]) => (vec![*refund], RefundState::Pending),
        // One that is not ours, or one of several.
        ("refunding" | "refund_pending" | "refund_error", _) => return None,
        ("refund_failed", _) => (ended_without_money(shown, &left)?, RefundState::Failed),
        _ => (Vec::new(), RefundState::Failed),
    };
    let done = succeeded.iter().chain(&explaining).map(|refund| as_shown(refund, RefundState::Succeeded, shown));
    Some(done.chain(others.into_iter().map(|refund| as_shown(refund, state, shown))).collect())
}

/// The refunds that failed, where an invoice says that the last did and nothing is under way: all that Corefy has taken. One whose
/// answer is missing is not among them: it is absent, unless it alone can be what failed. `None` where the word is older than one
/// that was taken.
fn ended_without_money<'a>(shown: &ShownInvoice, left: &[&'a Refund]) -> Option<Vec<&'a Refund>> {
    let is_news = |refund: &&Refund| shown.updated > refund.created_at;
    let was_taken = |refund: &&Refund| refund.upstream_id.is_some();
    if left.iter().any(|refund| was_taken(refund) && !is_news(refund)) {
        return None;
    }
    let is_alone = left.len() == 1;
    Some(left.iter().copied().filter(|refund| was_taken(refund) || (is_alone && is_news(refund))).collect())
}

/// The refunds that together are of this amount, if there is one choice of them only.
fn only_choice<'a>(open: &[&'a Refund], amount: i64) -> Option<Vec<&'a Refund>> {
    if open.len() > MOST_OPEN {
        return None;
    }
    let chosen = |choice: u32| open.iter().enumerate().filter(move |(place, _)| choice & (1 << place) != 0);
    let sum = |choice: u32| chosen(choice).map(|(_, refund)| refund.amount.minor).sum::<i64>();
    let mut choices = (0..1_u32 << open.len()).filter(|choice| sum(*choice) == amount);
    let only = choices.next().filter(|_| choices.next().is_none())?;
    Some(chosen(only).map(|(_, refund)| *refund).collect())
}

/// A refund of ours, as an invoice shows it that names none. It has no id there but ours.
fn as_shown(refund: &Refund, state: RefundState, shown: &ShownInvoice) -> RefundSnapshot {
    RefundSnapshot {
        upstream_id: refund.upstream_id.clone().unwrap_or_else(|| refund.id.to_string()),
        reference: Some(refund.id.to_string()),
        state: Some(state),
        amount: Some(refund.amount),
        failure: failed(Some(state), &shown.resolution),
    }
}
