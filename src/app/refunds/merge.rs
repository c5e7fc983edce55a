//! How what Corefy says of refunds is merged. Whatever moves a refund moves the sums of its intent in the same decision.

use crate::{
    app::{decision::Decision, payment::Payment},
    domain::{
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::EventType,
        ids::RefundId,
        operation::Operation,
        payment_intent::PaymentIntent,
        refund::{Refund, RefundDetails, RefundFailure, RefundState},
        snapshot::{RefundMatch, RefundMerge, RefundSnapshot, match_refunds},
    },
    error::Error,
    store::Tracked,
};

/// The refund of an operation among those of its payment.
pub(in crate::app) fn find<'a>(
    refunds: &'a mut [Tracked<Refund>],
    operation: &Operation,
) -> Result<&'a mut Tracked<Refund>, Error> {
    let found = refunds.iter_mut().find(|refund| refund.id.as_str() == operation.subject_id);
    found.ok_or_else(|| Error::not_found("refund", &operation.subject_id))
}

/// Takes back a refund that certainly was not made, with its share of the intent's sums.
pub(super) fn take_back(
    intent: &mut PaymentIntent,
    refund: &mut Tracked<Refund>,
    now: Timestamp,
    decision: &mut Decision,
) {
    advance(intent, refund, RefundState::Canceled, &[EventType::RefundCanceled], now, decision);
    refund.delete();
}

/// Gives up a refund of which Corefy, asked again and again, shows no trace. It is never sent again by us; but Corefy is
/// still asked for a week.
pub(in crate::app) fn give_up_refund(
    intent: &mut PaymentIntent,
    refund: &mut Tracked<Refund>,
    now: Timestamp,
    decision: &mut Decision,
) {
    if refund.state != RefundState::Pending {
        return;
    }
    refund.failure = Some(RefundFailure {
        code: UPSTREAM_NO_RECORD.to_owned(),
        message: "Corefy has no record of the refund; nothing was given back".to_owned(),
    });
    intent.watch(now);
    advance(intent, refund, RefundState::Failed, &[EventType::RefundFailed], now, decision);
}

/// Merges what Corefy says of a payment's refunds, a complete list. Returns why it contradicts us, if it does.
pub(in crate::app) fn merge_refunds(
    payment: &mut Payment,
    snapshots: &[RefundSnapshot],
    now: Timestamp,
    decision: &mut Decision,
) -> Option<&'static str> {
    let mut conflict = None;
    for (snapshot, matched) in in_order_of_certainty(&payment.refunds, snapshots) {
        let found = match merge_match(payment, snapshot, matched, now, decision) {
            // Room may be held for one that Corefy will turn out never to have got: then this is taken in, and until then nothing is wrong.
            Err(RefundConflict::NoRoom(_)) if payment.refunds.iter().any(|refund| refund.is_outcome_unknown()) => None,
            merged => merged.err(),
        };
        conflict = conflict.or(found);
    }
    conflict.map(RefundConflict::why)
}

/// The snapshots with our refunds. Those that are certain come first: they make room, and end a likeness that was none.
fn in_order_of_certainty<'a>(
    known: &[Tracked<Refund>],
    snapshots: &'a [RefundSnapshot],
) -> Vec<(&'a RefundSnapshot, RefundMatch)> {
    let ours: Vec<&Refund> = known.iter().map(|refund| &**refund).collect();
    let mut matches: Vec<_> = snapshots.iter().zip(match_refunds(&ours, snapshots)).collect();
    matches.sort_by_key(|(_, matched)| !matches!(matched, RefundMatch::Certain(_)));
    matches
}

fn merge_match(
    payment: &mut Payment,
    snapshot: &RefundSnapshot,
    matched: RefundMatch,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), RefundConflict> {
    let Payment { intent, refunds, .. } = payment;
    match matched {
        RefundMatch::Certain(place) => merge_refund(intent, &mut refunds[place], snapshot, now, decision),
        RefundMatch::Likely(place) => {
            // Should ours be shown beside it later, then this is another.
            look_again(intent, now);
            merge_refund(intent, &mut refunds[place], snapshot, now, decision)
        }
        RefundMatch::OneOfSeveral(_) => {
            Err(RefundConflict::Other("a refund without a reference could be one of several"))
        }
        // The next look takes it in: the database has each id once.
        RefundMatch::Mistaken => Ok(()),
        RefundMatch::Foreign => adopt(intent, snapshot, now, decision).map(|adopted| refunds.extend(adopted)),
    }
}

/// A contradiction between what Corefy says of a refund and what we know, with why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefundConflict {
    /// More is given back than was received.
    NoRoom(&'static str),
    Other(&'static str),
}

impl RefundConflict {
    /// Why it contradicts us.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::NoRoom(why) | Self::Other(why) => why,
        }
    }
}

/// Merges what Corefy says of a refund of ours.
///
/// # Errors
/// Why it contradicts us.
pub(super) fn merge_refund(
    intent: &mut Tracked<PaymentIntent>,
    refund: &mut Tracked<Refund>,
    snapshot: &RefundSnapshot,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<(), RefundConflict> {
    let merged = snapshot.merge(refund);
    if let RefundMerge::Conflict(why) = merged {
        return Err(RefundConflict::Other(why));
    }
    if !snapshot.has_id_of(refund) {
        if refund.upstream_id.replace(snapshot.upstream_id.clone()).is_some() {
            look_again(intent, now);
        }
        refund.touch(now);
    }
    let RefundMerge::Apply(state, events) = merged else { return Ok(()) };
    if !intent.has_room_for(refund.amount.minor, Some(refund.state), state) {
        let why = "a refund that was given up was made after all, and its amount is refunded already";
        return Err(RefundConflict::NoRoom(why));
    }
    refund.failure = match state {
        RefundState::Failed => Some(snapshot.failure.clone().unwrap_or_else(unexplained)),
        RefundState::Pending | RefundState::Succeeded | RefundState::Canceled => None,
    };
    advance(intent, refund, state, events, now, decision);
    Ok(())
}

/// Has Corefy asked soon, and for a week: what was taken for a refund of ours may be another, made elsewhere.
fn look_again(intent: &mut PaymentIntent, now: Timestamp) {
    intent.touch(now);
    intent.watch(now);
}

fn unexplained() -> RefundFailure {
    RefundFailure { code: "refund_failed".to_owned(), message: "the refund was not carried out".to_owned() }
}

/// Moves a refund, and its share of the intent's sums with it.
pub(in crate::app) fn advance(
    intent: &mut PaymentIntent,
    refund: &mut Refund,
    state: RefundState,
    events: &[EventType],
    now: Timestamp,
    decision: &mut Decision,
) {
    intent.shift_refund(refund.amount.minor, Some(refund.state), Some(state));
    intent.touch(now);
    refund.state = state;
    refund.touch(now);
    for kind in events {
        decision.changes.emit(*kind, refund.clone(), now);
    }
}

/// Takes in a refund that was not made through the gateway, so that its amount cannot be refunded again; `None` when it takes
/// nothing.
///
/// # Errors
/// Why it contradicts us.
fn adopt(
    intent: &mut Tracked<PaymentIntent>,
    snapshot: &RefundSnapshot,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<Option<Tracked<Refund>>, RefundConflict> {
    let Some(state @ (RefundState::Pending | RefundState::Succeeded)) = snapshot.state else { return Ok(None) };
    let amount = snapshot.amount.filter(|amount| amount.currency == intent.amount.currency);
    let Some(amount) = amount.filter(|amount| intent.has_room_for(amount.minor, None, state)) else {
        return Err(RefundConflict::NoRoom("a refund that was not made here exceeds what is left"));
    };
    let refund = Refund {
        id: RefundId::generate(decision.ids()),
        partner_id: intent.partner_id.clone(),
        payment_intent_id: intent.id.clone(),
        upstream_id: Some(snapshot.upstream_id.clone()),
        state,
        amount,
        reference_id: None,
        details: RefundDetails::default(),
        failure: None,
        created_at: now,
        updated_at: now,
        erased_at: None,
        revision: 1,
    };
    intent.shift_refund(refund.amount.minor, None, Some(state));
    intent.touch(now);
    decision.changes.emit(EventType::PaymentIntentRefundedUpstream, intent.to_inner(), now);
    decision.changes.emit(EventType::RefundCreated, refund.clone(), now);
    Ok(Some(Tracked::new(refund)))
}
