//! Equal books have no difference, each single change is exactly one of its kind, and what is under way is pending.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    standing::{Standing, of_payments, of_refunds},
    *,
};
use crate::domain::{
    clock::Timestamp,
    decline::PaymentError,
    ids::{Ids, OperationId, PartnerId, PaymentIntentId, RefundId},
    money::{Currency, Money},
    network_references::NetworkReferences,
    next_action::{NextAction, Redirect},
    operation::{NO_BASELINE, Operation, OperationKind, OperationState},
    payment_intent::{PaymentIntent, PaymentIntentDetails, PaymentIntentState as State, Progress},
    private::Private,
    refund::{Refund, RefundDetails, RefundState},
    snapshot::{PaymentSnapshot, PaymentStatus, RefundSnapshot},
    upstream_state::UpstreamState,
};

const LONG_AGO: Timestamp = Timestamp(1_700_000_000_000_000);
const NOW: Timestamp = Timestamp(1_700_009_000_000_000);
const PATIENCE: Patience = Patience { as_of: NOW, settling: Duration::from_secs(60) };

fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, Currency::parse(code).unwrap())
}

/// A payment of both books, which agree.
#[derive(Clone, Debug)]
struct Books {
    intent: PaymentIntent,
    refunds: Vec<Refund>,
    operations: Vec<Operation>,
    there: PaymentSnapshot,
}

impl Books {
    fn new(state: State, status: PaymentStatus, amount: i64) -> Self {
        let received = match state {
            State::Succeeded => amount,
            State::PartiallyPaid => amount - 1,
            _ => 0,
        };
        let intent = PaymentIntent {
            id: PaymentIntentId::generate(&Ids::system()),
            partner_id: PartnerId::parse("acme").unwrap(),
            upstream_id: Some("in_1".to_owned()),
            upstream_payment_id: None,
            state,
            amount: money(amount, "USD"),
            received,
            refunded: 0,
            refund_pending: 0,
            charged_back: 0,
            customer_id: None,
            reference_id: None,
            details: PaymentIntentDetails {
                payment_method_type: "card".to_owned(),
                customer_email: Private::default(),
                customer_name: Private::default(),
                customer_phone: Private::default(),
                description: String::new(),
                return_url: String::new(),
                failure_url: String::new(),
                billing_address: None,
                metadata: Default::default(),
            },
            progress: Progress::default(),
            upstream_version: LONG_AGO,
            upstream_state: UpstreamState::default(),
            created_at: LONG_AGO,
            updated_at: LONG_AGO,
            sandbox: false,
            revision: 1,
        };
        let there = PaymentSnapshot {
            upstream_id: "in_1".to_owned(),
            upstream_payment_id: None,
            status,
            amount: Some(money(amount, "USD")),
            received,
            charged_back: 0,
            network_references: NetworkReferences::default(),
            refunds: Some(Vec::new()),
            version: LONG_AGO,
            state: None,
            saved: None,
        };
        Self { intent, refunds: Vec::new(), operations: Vec::new(), there }
    }

    fn paid() -> Self {
        Self::new(State::Succeeded, PaymentStatus::Paid, 1000)
    }

    /// One more refund in both.
    fn refund(&mut self, amount: i64, state: RefundState) {
        let id = RefundId::generate(&Ids::system());
        let upstream_id = format!("ref_{}", self.refunds.len());
        self.there.refunds.get_or_insert_default().push(RefundSnapshot {
            upstream_id: upstream_id.clone(),
            reference: Some(id.to_string()),
            state: Some(state),
            amount: Some(money(amount, "USD")),
            failure: None,
        });
        self.intent.shift_refund(amount, None, Some(state));
        self.refunds.push(Refund {
            id,
            partner_id: self.intent.partner_id.clone(),
            payment_intent_id: self.intent.id.clone(),
            upstream_id: Some(upstream_id),
            state,
            amount: money(amount, "USD"),
            reference_id: None,
            details: RefundDetails::default(),
            failure: None,
            created_at: LONG_AGO,
            updated_at: LONG_AGO,
            erased_at: None,
            revision: 1,
        });
    }

    fn shown_refunds(&mut self) -> &mut Vec<RefundSnapshot> {
        self.there.refunds.as_mut().unwrap()
    }

    fn open(&mut self, kind: OperationKind, state: OperationState, subject: &str) {
        self.operations.push(Operation {
            id: OperationId::generate(&Ids::system()),
            partner_id: self.intent.partner_id.clone(),
            kind,
            subject_id: subject.to_owned(),
            payment_intent_id: Some(self.intent.id.clone()),
            state,
            epoch: 1,
            lease_until: NOW,
            baseline: NO_BASELINE,
            sent_at: LONG_AGO,
            misses: 0,
            request_id: String::new(),
        });
    }

    fn compare(&self, shown: Shown<'_>) -> Vec<(DifferenceKind, Certainty)> {
        let refunds = self.refunds.iter().collect();
        let ours = OurPayment { intent: &self.intent, refunds, operations: &self.operations };
        compare(&ours, shown, PATIENCE).into_iter().map(|found| (found.kind, found.certainty)).collect()
    }

    fn differences(&self) -> Vec<(DifferenceKind, Certainty)> {
        self.compare(Shown::Payment((&self.there).into()))
    }
}

fn failed() -> PaymentStatus {
    PaymentStatus::Failed(PaymentError { code: "declined".to_owned(), message: String::new() })
}

fn action() -> PaymentStatus {
    PaymentStatus::RequiresAction(NextAction::Redirect(Redirect {
        url: Private::new("https://bank.example/".to_owned()),
        method: "GET".to_owned(),
        params: Default::default(),
    }))
}

/// Every way for Corefy to show a payment.
fn statuses() -> [PaymentStatus; 7] {
    [
        PaymentStatus::AwaitingConfirmation,
        action(),
        PaymentStatus::Processing,
        PaymentStatus::Paid,
        failed(),
        PaymentStatus::Canceled,
        PaymentStatus::Unknown("on_hold".to_owned()),
    ]
}

/// Two states that mean the same.
fn same_states() -> impl Strategy<Value = (State, PaymentStatus)> {
    let pairs: Vec<_> = State::ALL
        .into_iter()
        .flat_map(|here| statuses().map(|there| (here, there)))
        .filter(|(here, there)| of_payments(*here, there.into()) == Standing::Same)
        .collect();
    prop::sample::select(pairs)
}

fn books() -> impl Strategy<Value = Books> {
    let refunds = prop::collection::vec((1..50_i64, prop::sample::select(RefundState::ALL.to_vec())), 0..5);
    (same_states(), 500..100_000_i64, refunds).prop_map(|((here, there), amount, refunds)| {
        let mut books = Books::new(here, there, amount);
        if here.is_paid() {
            refunds.into_iter().for_each(|(amount, state)| books.refund(amount, state));
        }
        books
    })
}

proptest! {
    #[test]
    fn equal_books_have_no_difference(books in books(), sums_only in any::<bool>()) {
        prop_assert_eq!(books.differences(), []);
        if sums_only {
            let refunds = TheirRefunds::Sum(books.intent.refunded);
            let theirs = TheirPayment { refunds, charged_back: None, ..(&books.there).into() };
            prop_assert_eq!(books.compare(Shown::Payment(theirs)), []);
        }
    }

    #[test]
    fn another_amount_is_that_and_no_other_difference(mut books in books(), by in 1..400_i64) {
        let is_told = !matches!(books.there.status, PaymentStatus::Failed(_) | PaymentStatus::Canceled);
        books.there.amount = Some(money(books.intent.amount.minor - by, "USD"));
        books.there.received = (books.there.received - by).max(0);
        let expected = if is_told { vec![(DifferenceKind::Amount, Certainty::Real)] } else { vec![] };
        prop_assert_eq!(books.differences(), expected);
    }

    #[test]
    fn another_currency_is_that_and_no_other_difference(mut books in books()) {
        books.there.amount = Some(money(books.intent.amount.minor, "EUR"));
        prop_assert_eq!(books.differences(), [(DifferenceKind::Currency, Certainty::Real)]);
    }

    #[test]
    fn each_change_of_a_refund_is_one_difference_of_its_kind(
        mut books in books().prop_filter("with refunds", |books| !books.refunds.is_empty()), at in any::<prop::sample::Index>(),
    ) {
        let at = at.index(books.refunds.len());
        let moved = matches!(books.refunds[at].state, RefundState::Pending | RefundState::Succeeded);
        let expected = |kind| if moved { vec![(kind, Certainty::Real)] } else { vec![] };
        let mut gone = books.clone();
        gone.shown_refunds().remove(at);
        prop_assert_eq!(gone.differences(), expected(DifferenceKind::RefundMissingThere));
        let mut foreign = books.clone();
        foreign.refunds.remove(at);
        prop_assert_eq!(foreign.differences(), expected(DifferenceKind::RefundMissingHere));
        let mut other = books.clone();
        other.shown_refunds()[at].amount = Some(money(77, "USD"));
        prop_assert_eq!(other.differences(), expected(DifferenceKind::RefundAmount));
        let state = if moved { RefundState::Failed } else { RefundState::Succeeded };
        books.shown_refunds()[at].state = Some(state);
        prop_assert_eq!(books.differences(), [(DifferenceKind::RefundState, Certainty::Real)]);
    }
}

#[test]
fn states_of_payments_that_differ_are_real_unless_something_is_under_way() {
    for here in State::ALL {
        for there in statuses() {
            let standing = of_payments(here, (&there).into());
            let at_rest = Books::new(here, there.clone(), 1000);
            let states = |books: &Books| {
                let found = books.differences().into_iter().find(|(kind, _)| *kind == DifferenceKind::State);
                found.map(|(_, certainty)| certainty)
            };
            let (resting, moving) = match standing {
                Standing::Same => (None, None),
                Standing::Progress => (Some(Certainty::Real), Some(Certainty::Pending)),
                Standing::Contradiction => (Some(Certainty::Real), Some(Certainty::Real)),
            };
            assert_eq!(states(&at_rest), resting, "{here:?} {there:?}");
            let mut open = at_rest.clone();
            open.open(OperationKind::ConfirmPaymentIntent, OperationState::InDoubt, "pi");
            let (mut fresh_here, mut fresh_there) = (at_rest.clone(), at_rest.clone());
            fresh_here.intent.updated_at = NOW.before(Duration::from_secs(59));
            fresh_there.there.version = NOW;
            for under_way in [open, fresh_here, fresh_there] {
                assert_eq!(states(&under_way), moving, "{here:?} {there:?}");
            }
            let (mut refunding, mut stuck, mut old) = (at_rest.clone(), at_rest.clone(), at_rest);
            refunding.open(OperationKind::CreateRefund, OperationState::Sent, "re");
            stuck.open(OperationKind::ConfirmPaymentIntent, OperationState::NeedsOperator, "pi");
            old.intent.updated_at = NOW.before(Duration::from_secs(60));
            for resting_all_the_same in [refunding, stuck, old] {
                assert_eq!(states(&resting_all_the_same), resting, "{here:?} {there:?}");
            }
        }
    }
}

#[test]
fn a_state_is_the_same_where_merging_leaves_it_and_never_when_a_move_is_certain() {
    for here in State::ALL {
        for there in statuses() {
            let books = Books::new(here, there.clone(), 1000);
            let merged = books.there.merge(&books.intent);
            let mut after = books.intent.clone();
            if let crate::domain::snapshot::Merge::Apply(change) = merged {
                change.apply(&mut after, NOW);
            }
            if of_payments(here, (&there).into()) == Standing::Same {
                assert_eq!(after.state, here, "{here:?} {there:?}");
            }
        }
    }
    // Money that only one of the two has is never the same.
    for here in State::ALL.into_iter().filter(|state| !state.is_paid()) {
        assert_ne!(of_payments(here, TheirState::Paid), Standing::Same, "{here:?}");
    }
    for there in statuses().into_iter().filter(|status| *status != PaymentStatus::Paid) {
        assert_ne!(of_payments(State::Succeeded, (&there).into()), Standing::Same, "{there:?}");
    }
}

#[test]
fn states_of_refunds_that_differ_are_real_unless_something_is_under_way() {
    for here in RefundState::ALL {
        for there in RefundState::ALL.into_iter().map(Some).chain([None]) {
            let mut books = Books::paid();
            books.refund(100, here);
            books.shown_refunds()[0].state = there;
            let (resting, moving) = match of_refunds(here, there) {
                Standing::Same => (vec![], vec![]),
                Standing::Progress => (vec![Certainty::Real], vec![Certainty::Pending]),
                Standing::Contradiction => (vec![Certainty::Real], vec![Certainty::Real]),
            };
            let certainties = |books: &Books| {
                let found = books.differences();
                assert!(found.iter().all(|(kind, _)| *kind == DifferenceKind::RefundState), "{found:?}");
                found.into_iter().map(|(_, certainty)| certainty).collect::<Vec<_>>()
            };
            assert_eq!(certainties(&books), resting, "{here:?} {there:?}");
            let mut fresh = books.clone();
            fresh.refunds[0].updated_at = NOW;
            let id = books.refunds[0].id.to_string();
            books.open(OperationKind::CreateRefund, OperationState::InDoubt, &id);
            assert_eq!((certainties(&books), certainties(&fresh)), (moving.clone(), moving), "{here:?} {there:?}");
        }
    }
}

#[test]
fn refunds_without_references_are_told_apart_by_their_amounts() {
    let mut books = Books::paid();
    for amount in [100, 100, 200] {
        books.refund(amount, RefundState::Pending);
    }
    books.refunds.iter_mut().for_each(|refund| refund.upstream_id = None);
    books.shown_refunds().iter_mut().for_each(|refund| refund.reference = None);
    assert_eq!(books.differences(), []);
    books.shown_refunds().remove(0);
    assert_eq!(books.differences(), [(DifferenceKind::RefundMissingThere, Certainty::Real)]);
}

#[test]
fn a_payment_is_missing_there_when_corefy_has_no_record_of_it_or_lists_none_though_it_is_paid() {
    let missing = |certainty| vec![(DifferenceKind::MissingThere, certainty)];
    let mut books = Books::paid();
    assert_eq!(books.compare(Shown::Absent), missing(Certainty::Real));
    assert_eq!(books.compare(Shown::NotListed), missing(Certainty::Real));
    books.intent.updated_at = NOW;
    assert_eq!(books.compare(Shown::Absent), missing(Certainty::Pending));
    let mut unpaid = Books::new(State::RequiresConfirmation, PaymentStatus::AwaitingConfirmation, 1000);
    assert_eq!(unpaid.compare(Shown::Absent), missing(Certainty::Real));
    assert_eq!(unpaid.compare(Shown::NotListed), []);
    unpaid.intent.upstream_id = None;
    assert_eq!(unpaid.compare(Shown::Absent), [], "Corefy never had it");
    unpaid.open(OperationKind::CreatePaymentIntent, OperationState::InDoubt, "pi");
    assert_eq!(unpaid.compare(Shown::Absent), missing(Certainty::Pending));
}

#[test]
fn a_payment_is_missing_here_when_money_was_received_for_it() {
    let books = Books::paid();
    let found = missing_here(&(&books.there).into(), PATIENCE).unwrap();
    assert_eq!(
        (found.kind, found.certainty, found.at_stake),
        (DifferenceKind::MissingHere, Certainty::Real, money(1000, "USD"))
    );
    let fresh = PaymentSnapshot { version: NOW, ..books.there.clone() };
    assert_eq!(missing_here(&(&fresh).into(), PATIENCE).unwrap().certainty, Certainty::Pending);
    let unpaid = PaymentSnapshot { status: failed(), ..books.there };
    assert_eq!(missing_here(&(&unpaid).into(), PATIENCE), None);
}

#[test]
fn what_was_charged_back_differs_for_good_only_at_rest() {
    let mut books = Books::paid();
    books.there.charged_back = 400;
    assert_eq!(books.differences(), [(DifferenceKind::ChargedBack, Certainty::Real)]);
    books.there.version = NOW;
    assert_eq!(books.differences(), [(DifferenceKind::ChargedBack, Certainty::Pending)]);
    (books.intent.charged_back, books.there.charged_back) = (400, 300);
    assert_eq!(books.differences(), [(DifferenceKind::ChargedBack, Certainty::Real)], "a chargeback is not taken back");
}

#[test]
fn a_sum_of_refunds_may_have_those_under_way_or_not() {
    let of_sum = |books: &Books, sum| {
        let theirs = TheirPayment { refunds: TheirRefunds::Sum(sum), ..(&books.there).into() };
        books.compare(Shown::Payment(theirs))
    };
    let mut books = Books::paid();
    books.refund(100, RefundState::Succeeded);
    books.refund(50, RefundState::Pending);
    assert_eq!(of_sum(&books, 100), []);
    assert_eq!(of_sum(&books, 150), [(DifferenceKind::Refunded, Certainty::Pending)]);
    for wrong in [0, 99, 151] {
        assert_eq!(of_sum(&books, wrong), [(DifferenceKind::Refunded, Certainty::Real)], "{wrong}");
    }
}

#[test]
fn totals_are_kept_by_kind_certainty_and_currency() {
    let difference = |kind, certainty, at_stake| Difference::of_payment(kind, certainty, ("", ""), at_stake);
    let mut totals = Totals::default();
    for found in [
        difference(DifferenceKind::State, Certainty::Real, money(150, "USD")),
        difference(DifferenceKind::Amount, Certainty::Real, money(5, "JPY")),
        difference(DifferenceKind::State, Certainty::Real, money(50, "USD")),
        difference(DifferenceKind::State, Certainty::Pending, money(70, "USD")),
        difference(DifferenceKind::State, Certainty::Real, money(10, "EUR")),
    ] {
        totals.add(&found);
    }
    let told: Vec<_> = totals
        .differences
        .iter()
        .map(|total| {
            format!(
                "{} {} {} {} {}",
                total.kind.as_str(),
                total.certainty.as_str(),
                total.currency,
                total.count,
                total.at_stake
            )
        })
        .collect();
    assert_eq!(
        told,
        ["amount real JPY 1 5", "state real EUR 1 0.10", "state real USD 2 2.00", "state pending USD 1 0.70"]
    );
    assert_eq!((totals.real(), totals.pending()), (4, 1));
    let text = serde_json::to_string(&totals).unwrap();
    assert_eq!(serde_json::from_str::<Totals>(&text).unwrap(), totals);
}

#[test]
fn words_of_states_read_back_and_what_is_not_known_stays_as_it_is() {
    for status in statuses() {
        let state = TheirState::from(&status);
        assert_eq!(TheirState::parse(state.word()), state);
    }
    for (word, state) in [
        ("Refunded", TheirState::Paid),
        (" PAID ", TheirState::Paid),
        ("declined", TheirState::Failed),
        ("expired", TheirState::Canceled),
        ("Pending", TheirState::Processing),
        ("on hold", TheirState::Unknown("on hold")),
    ] {
        assert_eq!(TheirState::parse(word), state, "{word}");
    }
}
