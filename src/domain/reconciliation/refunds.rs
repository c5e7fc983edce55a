//! The comparison of a payment's refunds.

use super::{
    difference::{Certainty, Difference, DifferenceKind as Kind},
    ours::{OurPayment, Patience},
    standing::{Standing, of_refunds},
    theirs::TheirRefunds,
};
use crate::domain::{
    money::Money,
    refund::{Refund, RefundState},
    snapshot::{RefundMatch, RefundSnapshot, match_refunds},
};

/// The differences between the refunds here and those at Corefy.
pub(super) fn compare_refunds(ours: &OurPayment<'_>, theirs: TheirRefunds<'_>, patience: Patience) -> Vec<Difference> {
    match theirs {
        TheirRefunds::Each(theirs) => each(ours, theirs, patience),
        TheirRefunds::Sum(there) => sum(ours, there, patience).into_iter().collect(),
        TheirRefunds::Unknown => Vec::new(),
    }
}

/// Refunds under way may be in the sum, or not yet.
fn sum(ours: &OurPayment<'_>, there: i64, patience: Patience) -> Option<Difference> {
    let here = ours.intent.refunded;
    let is_fresh = ours.refunds.iter().any(|refund| patience.is_fresh(refund.updated_at));
    let is_pending = is_fresh || (here..=here.saturating_add(ours.intent.refund_pending)).contains(&there);
    Difference::of_sums(Kind::Refunded, ours.intent, (here, there), is_pending)
}

fn each(ours: &OurPayment<'_>, theirs: &[RefundSnapshot], patience: Patience) -> Vec<Difference> {
    let (mut found, mut missing) = (Vec::new(), vec![true; ours.refunds.len()]);
    for (snapshot, matched) in theirs.iter().zip(match_refunds(&ours.refunds, theirs)) {
        match matched {
            RefundMatch::Certain(place) | RefundMatch::Likely(place) | RefundMatch::OneOfSeveral(place) => {
                missing[place] = false;
                found.extend(of_pair(ours, ours.refunds[place], snapshot, patience));
            }
            RefundMatch::Mistaken | RefundMatch::Foreign => found.extend(missing_here(ours, snapshot, patience)),
        }
    }
    let missing = ours.refunds.iter().zip(missing).filter(|(_, is_missing)| *is_missing);
    found.extend(missing.filter_map(|(refund, _)| missing_there(ours, refund, patience)));
    found
}

fn of_pair(
    ours: &OurPayment<'_>,
    refund: &Refund,
    snapshot: &RefundSnapshot,
    patience: Patience,
) -> Option<Difference> {
    let about = |kind, certainty, values: (String, String), at_stake| Difference {
        refund_id: Some(refund.id.clone()),
        upstream_refund_id: Some(snapshot.upstream_id.clone()),
        ..Difference::of_payment(kind, certainty, values, at_stake)
    };
    let amount = snapshot.amount.filter(|amount| !snapshot.came_to_nothing() && *amount != refund.amount);
    if let Some(there) = amount {
        let off = refund.amount.minor.saturating_sub(there.minor).saturating_abs();
        let values = (refund.amount.to_string(), there.to_string());
        return Some(about(Kind::RefundAmount, Certainty::Real, values, Money::new(off, refund.amount.currency)));
    }
    let is_under_way = ours.is_refund_open(refund) || patience.is_fresh(refund.updated_at);
    let certainty = of_refunds(refund.state, snapshot.state).certainty(is_under_way)?;
    let there = snapshot.state.map_or("unknown", RefundState::as_str).to_owned();
    Some(about(Kind::RefundState, certainty, (refund.state.as_str().to_owned(), there), refund.amount))
}

/// A refund that came to nothing, or may have, gave nothing back that anybody misses.
fn missing_here(ours: &OurPayment<'_>, snapshot: &RefundSnapshot, patience: Patience) -> Option<Difference> {
    let state = snapshot.state.filter(|state| matches!(state, RefundState::Pending | RefundState::Succeeded))?;
    let is_fresh = patience.is_fresh(ours.intent.updated_at) || has_open_refund(ours);
    let certainty = Standing::Progress.certainty(is_fresh)?;
    let amount = snapshot.amount.unwrap_or_else(|| ours.intent.money(0));
    let difference = Difference::of_payment(Kind::RefundMissingHere, certainty, ("", state.as_str()), amount);
    Some(Difference { upstream_refund_id: Some(snapshot.upstream_id.clone()), ..difference })
}

fn has_open_refund(ours: &OurPayment<'_>) -> bool {
    ours.refunds.iter().any(|refund| ours.is_refund_open(refund))
}

fn missing_there(ours: &OurPayment<'_>, refund: &Refund, patience: Patience) -> Option<Difference> {
    let is_awaited = matches!(refund.state, RefundState::Pending | RefundState::Succeeded);
    let is_under_way = ours.is_refund_open(refund) || patience.is_fresh(refund.updated_at);
    let certainty = Standing::Progress.certainty(is_under_way).filter(|_| is_awaited)?;
    let state = refund.state.as_str();
    let difference = Difference::of_payment(Kind::RefundMissingThere, certainty, (state, ""), refund.amount);
    Some(Difference { refund_id: Some(refund.id.clone()), ..difference })
}
