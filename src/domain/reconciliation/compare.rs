//! The comparison of one payment.

use super::{
    difference::{Certainty, Difference, DifferenceKind as Kind},
    ours::{OurPayment, Patience},
    refunds::compare_refunds,
    standing::{Standing, of_payments},
    theirs::{Shown, TheirPayment, TheirState},
};
use crate::domain::{clock::Timestamp, money::Money, payment_intent::PaymentIntent};

/// The differences between a payment here and what Corefy shows of it.
pub fn compare(ours: &OurPayment<'_>, shown: Shown<'_>, patience: Patience) -> Vec<Difference> {
    match shown {
        Shown::Payment(theirs) => compare_shown(ours, &theirs, patience),
        Shown::Absent => missing_there(ours, patience).into_iter().collect(),
        Shown::NotListed if ours.intent.received > 0 => missing_there(ours, patience).into_iter().collect(),
        Shown::NotListed => Vec::new(),
    }
}

/// The difference that a payment of Corefy's is which the gateway lacks; `None` where no money is in it.
pub fn missing_here(theirs: &TheirPayment<'_>, patience: Patience) -> Option<Difference> {
    let amount = theirs.amount.filter(|_| theirs.is_paid())?;
    let certainty = if patience.is_fresh(theirs.version) { Certainty::Pending } else { Certainty::Real };
    let received = Money::new(theirs.received, amount.currency);
    Some(Difference::of_payment(Kind::MissingHere, certainty, ("", theirs.state.word()), received))
}

/// A payment that Corefy never had is not missing there.
fn missing_there(ours: &OurPayment<'_>, patience: Patience) -> Option<Difference> {
    let intent = ours.intent;
    let is_under_way = ours.is_under_way(Timestamp::default(), patience);
    let is_expected = intent.upstream_id.is_some() || intent.received > 0 || is_under_way;
    let certainty = Standing::Progress.certainty(is_under_way).filter(|_| is_expected)?;
    let at_stake = if intent.received > 0 { intent.money(intent.received) } else { intent.amount };
    Some(Difference::of_payment(Kind::MissingThere, certainty, (intent.state.as_str(), ""), at_stake))
}

fn compare_shown(ours: &OurPayment<'_>, theirs: &TheirPayment<'_>, patience: Patience) -> Vec<Difference> {
    let intent = ours.intent;
    let is_under_way = ours.is_under_way(theirs.version, patience);
    let mut found: Vec<_> = state(intent, theirs, is_under_way).into_iter().collect();
    let currency = theirs.amount.map(|amount| amount.currency).filter(|currency| *currency != intent.amount.currency);
    if let Some(currency) = currency {
        let codes = (intent.amount.currency.code(), currency.code());
        found.push(Difference::of_payment(Kind::Currency, Certainty::Real, codes, intent.amount));
        return found;
    }
    found.extend(amount(intent, theirs, is_under_way));
    found.extend(charged_back(intent, theirs, is_under_way));
    found.extend(compare_refunds(ours, theirs.refunds, patience));
    found
}

fn state(intent: &PaymentIntent, theirs: &TheirPayment<'_>, is_under_way: bool) -> Option<Difference> {
    let certainty = of_payments(intent.state, theirs.state).certainty(is_under_way)?;
    let moved = intent.received.max(theirs.received);
    let at_stake = if moved > 0 { intent.money(moved) } else { intent.amount };
    let states = (intent.state.as_str(), theirs.state.word());
    Some(Difference::of_payment(Kind::State, certainty, states, at_stake))
}

/// Of what was received where both say that it was; where neither does, of what is to be paid. Of an attempt that came to nothing
/// Corefy's amount says nothing.
fn amount(intent: &PaymentIntent, theirs: &TheirPayment<'_>, is_under_way: bool) -> Option<Difference> {
    let (here, there) = match theirs.state {
        TheirState::Paid if intent.state.is_paid() => (intent.received, theirs.received),
        TheirState::Paid => (intent.amount.minor, theirs.received.max(intent.amount.minor)),
        TheirState::AwaitingConfirmation | TheirState::RequiresAction | TheirState::Processing => {
            (intent.amount.minor, theirs.amount?.minor)
        }
        TheirState::Failed | TheirState::Canceled | TheirState::Unknown(_) => return None,
    };
    let may_follow = theirs.is_paid() && there > here && there <= intent.amount.minor;
    Difference::of_sums(Kind::Amount, intent, (here, there), may_follow && is_under_way)
}

fn charged_back(intent: &PaymentIntent, theirs: &TheirPayment<'_>, is_under_way: bool) -> Option<Difference> {
    let (here, there) = (intent.charged_back, theirs.charged_back.filter(|_| theirs.is_paid())?);
    Difference::of_sums(Kind::ChargedBack, intent, (here, there), there > here && is_under_way)
}
