//! Which of a payment's refunds each refund that Corefy shows is: by Corefy's id, by our reference, or, where it carries no
//! reference, by its amount.

use super::RefundSnapshot;
use crate::domain::refund::Refund;

/// The refund of ours that a snapshot shows, by its place among ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundMatch {
    /// It has our reference, or an id that is noted.
    Certain(usize),
    /// It has no reference, and this is the only one of ours of its amount that Corefy has not shown. It may be one that was made
    /// elsewhere, until ours is shown.
    Likely(usize),
    /// The same, and this is one of several.
    OneOfSeveral(usize),
    /// None of ours, though its id is noted for one: that was shown to be another since.
    Mistaken,
    /// None of ours.
    Foreign,
}

/// Matches each snapshot of a complete list to another refund of ours, in the order of the list.
///
/// Our reference is believed before an id, for that may have been noted when an amount was all that there was to tell by; and
/// of two snapshots of one reference, the one that has come to something.
pub fn match_refunds(ours: &[&Refund], shown: &[RefundSnapshot]) -> Vec<RefundMatch> {
    let mut matching = Matching::new(ours, shown);
    let is_noted = |snapshot: &RefundSnapshot| ours.iter().any(|refund| snapshot.has_id_of(refund));
    matching.match_certain(|snapshot, refund| snapshot.has_id_of(refund) && snapshot.has_reference_of(refund));
    matching.match_certain(|snapshot, refund| snapshot.has_reference_of(refund) && !is_noted(snapshot));
    matching.match_certain(RefundSnapshot::has_id_of);
    matching.match_certain(RefundSnapshot::has_reference_of);
    matching.match_by_amount();
    let matched = |(snapshot, matched)| match matched {
        RefundMatch::Foreign if is_noted(snapshot) => RefundMatch::Mistaken,
        matched => matched,
    };
    shown.iter().zip(matching.matches).map(matched).collect()
}

/// A matching that is being made.
struct Matching<'a> {
    ours: &'a [&'a Refund],
    shown: &'a [RefundSnapshot],
    /// Of each snapshot.
    matches: Vec<RefundMatch>,
    /// Of each of ours: whether a snapshot is matched to it.
    is_taken: Vec<bool>,
}

impl<'a> Matching<'a> {
    fn new(ours: &'a [&'a Refund], shown: &'a [RefundSnapshot]) -> Self {
        Self { ours, shown, matches: vec![RefundMatch::Foreign; shown.len()], is_taken: vec![false; ours.len()] }
    }

    /// Matches what is not matched yet by a rule that leaves no doubt.
    fn match_certain(&mut self, rule: impl Fn(&RefundSnapshot, &Refund) -> bool) {
        let mut places: Vec<_> = (0..self.shown.len()).collect();
        places.sort_by_key(|place| self.shown[*place].came_to_nothing());
        for place in places {
            let snapshot = &self.shown[place];
            if self.matches[place] == RefundMatch::Foreign
                && let Some(&ours) = self.left(|refund| rule(snapshot, refund)).first()
            {
                self.take(place, ours, RefundMatch::Certain);
            }
        }
    }

    /// Matches what is left and has no reference by its amount.
    fn match_by_amount(&mut self) {
        let count = |snapshot: &RefundSnapshot| self.left(|refund| snapshot.may_be_of(refund)).len();
        let candidates: Vec<_> = self.shown.iter().map(count).collect();
        for (place, snapshot) in self.shown.iter().enumerate() {
            if self.matches[place] != RefundMatch::Foreign || snapshot.reference.is_some() {
                continue;
            }
            if let Some(&ours) = self.left(|refund| snapshot.may_be_of(refund)).first() {
                let is_only = candidates[place] == 1;
                self.take(place, ours, if is_only { RefundMatch::Likely } else { RefundMatch::OneOfSeveral });
            }
        }
    }

    fn take(&mut self, place: usize, ours: usize, matched: fn(usize) -> RefundMatch) {
        self.matches[place] = matched(ours);
        self.is_taken[ours] = true;
    }

    /// The places of those of ours that are not matched yet and fit the rule.
    fn left(&self, rule: impl Fn(&Refund) -> bool) -> Vec<usize> {
        (0..self.ours.len()).filter(|place| !self.is_taken[*place] && rule(self.ours[*place])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{intent, refund},
        RefundMatch::{Certain, Foreign, Likely, Mistaken, OneOfSeveral},
        *,
    };
    use crate::domain::{payment_intent::PaymentIntentState, refund::RefundState};

    /// Two refunds of ours of 5 cents and one of 7, by which of Corefy's ids they are noted.
    fn ours(noted: [Option<&str>; 3]) -> [Refund; 3] {
        let intent = intent(PaymentIntentState::Succeeded);
        let mut refunds = [5, 5, 7].map(|amount| refund(&intent, RefundState::Pending, amount));
        for (refund, id) in refunds.iter_mut().zip(noted) {
            refund.upstream_id = id.map(str::to_owned);
        }
        refunds
    }

    /// A refund of as much as this one of ours, with its reference if it `is_named`.
    fn shown(id: &str, ours: &Refund, is_named: bool) -> RefundSnapshot {
        RefundSnapshot {
            upstream_id: id.to_owned(),
            reference: is_named.then(|| ours.id.to_string()),
            state: Some(RefundState::Succeeded),
            amount: Some(ours.amount),
            failure: None,
        }
    }

    #[track_caller]
    fn assert_matches(ours: &[Refund], shown: &[RefundSnapshot], expected: &[RefundMatch]) {
        assert_eq!(match_refunds(&ours.iter().collect::<Vec<_>>(), shown), expected);
    }

    #[test]
    fn a_reference_tells_before_an_amount_does_in_either_order() {
        let refunds = ours([None, Some("rf_9"), None]);
        let (elsewhere, named) = (shown("rf_1", &refunds[0], false), shown("rf_2", &refunds[0], true));
        assert_matches(&refunds, &[elsewhere.clone(), named.clone()], &[Foreign, Certain(0)]);
        assert_matches(&refunds, &[named, elsewhere], &[Certain(0), Foreign]);
    }

    #[test]
    fn an_amount_tells_while_there_is_nothing_else_and_leaves_two_of_it_open() {
        let refunds = ours([None, None, None]);
        let without = |id, place: usize| shown(id, &refunds[place], false);
        assert_matches(&refunds, &[without("rf_1", 2), without("rf_2", 2)], &[Likely(2), Foreign]);
        assert_matches(&refunds, &[without("rf_1", 0), without("rf_2", 0)], &[OneOfSeveral(0), OneOfSeveral(1)]);
        let named = shown("rf_2", &refunds[1], true);
        assert_matches(&refunds, &[without("rf_1", 0), named], &[Likely(0), Certain(1)]);
    }

    #[test]
    fn a_refund_that_was_known_by_its_amount_is_known_by_its_reference_once_that_is_shown() {
        let refunds = ours([Some("rf_1"), Some("rf_9"), None]);
        let (elsewhere, named) = (shown("rf_1", &refunds[0], false), shown("rf_2", &refunds[0], true));
        assert_matches(&refunds, std::slice::from_ref(&elsewhere), &[Certain(0)]);
        assert_matches(&refunds, &[elsewhere.clone(), named.clone()], &[Mistaken, Certain(0)]);
        assert_matches(&refunds, &[named, elsewhere], &[Certain(0), Mistaken]);
    }

    #[test]
    fn of_two_with_one_reference_the_one_that_is_noted_or_came_to_something_is_ours() {
        let failed = |snapshot| RefundSnapshot { state: Some(RefundState::Failed), ..snapshot };
        for (noted, expected) in [(Some("rf_1"), [Certain(0), Foreign]), (None, [Foreign, Certain(0)])] {
            let refunds = ours([noted, None, None]);
            let (first, second) = (shown("rf_1", &refunds[0], true), shown("rf_2", &refunds[0], true));
            assert_matches(&refunds, &[failed(first), second], &expected);
        }
    }

    #[test]
    fn a_refund_that_was_taken_in_stays_what_it_is_when_it_shows_a_reference() {
        let refunds = ours([None, Some("rf_1"), None]);
        assert_matches(&refunds, &[shown("rf_1", &refunds[0], true)], &[Certain(1)]);
    }
}
