//! Rules that hold of a payment and its refunds whatever Corefy says, and in whatever order it arrives.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    ids::{Ids, PartnerId, PaymentIntentId, RefundId},
    money::Currency,
    next_action::Redirect,
    payment_intent::{Attempt, PaymentIntentDetails},
    private::Private,
    refund::{Refund, RefundDetails, RefundState},
};

const AMOUNT: i64 = 100;
const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap())
}

pub(super) fn intent(state: State) -> PaymentIntent {
    PaymentIntent {
        id: PaymentIntentId::generate(&Ids::system()),
        partner_id: PartnerId::parse("acme").unwrap(),
        upstream_id: Some("int_1".to_owned()),
        upstream_payment_id: None,
        state,
        amount: usd(AMOUNT),
        received: match state {
            State::Succeeded => AMOUNT,
            State::PartiallyPaid => 1,
            _ => 0,
        },
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
        upstream_version: Timestamp(0),
        upstream_state: UpstreamState::default(),
        created_at: NOW,
        updated_at: NOW,
        sandbox: false,
        revision: 1,
    }
}

fn action() -> NextAction {
    let url = Private::new("https://example.com");
    NextAction::Redirect(Redirect { url, method: "GET".to_owned(), params: Default::default() })
}

fn declined() -> PaymentError {
    PaymentError { code: "declined".to_owned(), message: "Declined".to_owned() }
}

fn statuses() -> [PaymentStatus; 7] {
    [
        PaymentStatus::AwaitingConfirmation,
        PaymentStatus::RequiresAction(action()),
        PaymentStatus::Processing,
        PaymentStatus::Paid,
        PaymentStatus::Failed(declined()),
        PaymentStatus::Canceled,
        PaymentStatus::Unknown("odd".to_owned()),
    ]
}

fn snapshot(status: PaymentStatus, received: i64, version: i64) -> PaymentSnapshot {
    PaymentSnapshot {
        upstream_id: "int_1".to_owned(),
        status,
        amount: Some(usd(AMOUNT)),
        received,
        charged_back: 0,
        network_references: NetworkReferences::default(),
        refunds: Some(Vec::new()),
        upstream_payment_id: None,
        version: Timestamp(version),
        state: None,
        saved: None,
    }
}

prop_compose! {
    /// Anything Corefy might say, sane or not.
    fn any_snapshot()(
        status in prop::sample::select(statuses().to_vec()),
        amount in prop_oneof![9 => Just(Some(AMOUNT)), 1 => (1..2 * AMOUNT).prop_map(Some), 1 => Just(None)],
        received in prop_oneof![Just(0), Just(AMOUNT), 0..=AMOUNT + 2],
        charged_back in prop_oneof![9 => Just(0), 1 => 0..=AMOUNT],
        version in 0_i64..6,
        approval_code in prop_oneof![Just(None), Just(Some("A1".to_owned())), Just(Some("B2".to_owned()))],
    ) -> PaymentSnapshot {
        let network_references = NetworkReferences { approval_code, ..NetworkReferences::default() };
        PaymentSnapshot {
            amount: amount.map(usd),
            charged_back,
            network_references,
            ..snapshot(status, received, version)
        }
    }
}

fn merge_into(intent: &mut PaymentIntent, snapshot: &PaymentSnapshot) -> Merge {
    let merge = snapshot.merge(intent);
    if let Merge::Apply(change) = merge.clone() {
        change.apply(intent, NOW);
    }
    merge
}

/// Transitions that may never happen, whatever Corefy says.
fn check_step(before: &PaymentIntent, after: &PaymentIntent) -> Result<(), TestCaseError> {
    prop_assert!(!before.state.is_paid() || after.state.is_paid(), "what is paid stays paid");
    prop_assert!((before.received..=AMOUNT).contains(&after.received));
    prop_assert!(after.charged_back >= before.charged_back);
    let references = |intent: &PaymentIntent| intent.progress.network_references.clone();
    prop_assert!(references(before).is_empty() || !references(after).is_empty(), "what is known stays known");
    prop_assert!(references(after).is_empty() || after.state.is_paid(), "they are of the payment that was received");
    prop_assert!(after.upstream_version >= before.upstream_version);
    prop_assert!(before.state == after.state || before.state.may_become(after.state));
    prop_assert_eq!(after.state == State::Succeeded, after.received == AMOUNT, "paid in full is all received");
    prop_assert_eq!(after.state.is_paid(), after.received > 0);
    prop_assert!(after.progress.next_action.is_none() || after.state == State::RequiresAction);
    prop_assert!(after.progress.last_error.is_none() || !after.state.is_paid());
    let (error, known) = (&after.progress.last_error, &before.progress.last_error);
    let is_untried = after.state == State::RequiresConfirmation;
    prop_assert!(!is_untried || error.is_none() || error == known, "no attempt has had an error");
    Ok(())
}

#[test]
fn a_look_without_the_answer_to_an_attempt_counts_no_more_once_that_has_come() {
    let mut asked = intent(State::RequiresConfirmation);
    asked.begin_attempt(Attempt::default(), NOW);
    let mut answered = asked.clone();
    answered.progress.is_unanswered = false;
    for status in statuses() {
        let is_under_way = status == PaymentStatus::Processing;
        let seen = PaymentSnapshot { status, ..snapshot(PaymentStatus::Processing, 0, 0) };
        assert_eq!(seen.is_superseded(&asked, &answered), is_under_way, "{seen:?}");
        assert!(!seen.is_superseded(&asked, &asked) && !seen.is_superseded(&answered, &answered), "{seen:?}");
    }
}

#[test]
fn an_attempt_that_is_found_under_way_is_told_once() {
    let mut intent = intent(State::RequiresConfirmation);
    intent.begin_attempt(Attempt::default(), NOW);
    let under_way = snapshot(PaymentStatus::Processing, 0, 1);
    let Merge::Apply(change) = merge_into(&mut intent, &under_way) else { panic!("nothing was found") };
    assert_eq!(change.events, [EventType::PaymentIntentProcessing]);
    assert_eq!(merge_into(&mut intent, &under_way), Merge::Unchanged);
    let Merge::Apply(change) = merge_into(&mut intent, &snapshot(PaymentStatus::Processing, 0, 2)) else {
        panic!("the version is new")
    };
    assert!(change.events.is_empty(), "it was told before");
}

proptest! {
    #[test]
    fn truth_only_moves_forward(
        start in prop::sample::select(State::ALL.to_vec()),
        snapshots in prop::collection::vec(any_snapshot(), 1..12),
    ) {
        let mut intent = intent(start);
        for snapshot in snapshots {
            let before = intent.clone();
            let merge = merge_into(&mut intent, &snapshot);
            check_step(&before, &intent)?;
            if !matches!(merge, Merge::Apply(_)) {
                prop_assert_eq!(&before, &intent);
            }
            let told = intent.clone();
            let again = merge_into(&mut intent, &snapshot);
            prop_assert!(!matches!(again, Merge::Apply(_)), "the same twice changed something: {:?}", again);
            prop_assert_eq!(told, intent.clone());
        }
    }

    #[test]
    fn success_wins_whenever_it_comes(
        start in prop::sample::select(State::ALL.to_vec()),
        snapshots in prop::collection::vec(any_snapshot(), 0..8),
        place in any::<prop::sample::Index>(),
        version in 0_i64..6,
    ) {
        let mut snapshots = snapshots;
        let place = place.index(snapshots.len() + 1);
        snapshots.insert(place, snapshot(PaymentStatus::Paid, AMOUNT, version));
        let mut intent = intent(start);
        for snapshot in &snapshots {
            merge_into(&mut intent, snapshot);
        }
        prop_assert_eq!(intent.state, State::Succeeded);
        prop_assert_eq!(intent.received, AMOUNT);
    }
}

#[test]
fn every_move_of_an_intent_is_allowed_or_not_as_the_table_says() {
    // From \ to: payment method, confirmation, action, processing, succeeded, partially paid, canceled.
    let table = [
        (State::RequiresPaymentMethod, "..xxxxx"),
        (State::RequiresConfirmation, "x.xxxxx"),
        (State::RequiresAction, "xx.xxxx"),
        (State::Processing, "xxx.xxx"),
        (State::Succeeded, "......."),
        (State::PartiallyPaid, "....x.."),
        (State::Canceled, "....xx."),
    ];
    assert_eq!(table.map(|(from, _)| from), State::ALL);
    for (from, row) in table {
        let allowed: String = State::ALL.map(|to| if from.may_become(to) { 'x' } else { '.' }).iter().collect();
        assert_eq!(allowed, row, "{from:?}");
    }
}

#[test]
fn every_move_of_a_refund_is_allowed_or_not_as_the_table_says() {
    // From \ to: pending, succeeded, failed, canceled.
    let table = [
        (RefundState::Pending, ".xxx"),
        (RefundState::Succeeded, "..x."),
        (RefundState::Failed, ".x.."),
        (RefundState::Canceled, ".x.."),
    ];
    assert_eq!(table.map(|(from, _)| from), RefundState::ALL);
    for (from, row) in table {
        let allowed: String = RefundState::ALL.map(|to| if from.may_become(to) { 'x' } else { '.' }).iter().collect();
        assert_eq!(allowed, row, "{from:?}");
    }
}

#[test]
fn a_state_is_a_trace_of_an_attempt_only_when_it_is_not_the_one_before() {
    for status in statuses() {
        let trace =
            [6, 7, 8].map(|version| snapshot(status.clone(), 0, version).evidence_of_attempt_since(Timestamp(7)));
        let expected = match status {
            PaymentStatus::Paid => [Evidence::Outcome; 3],
            PaymentStatus::RequiresAction(_) | PaymentStatus::Processing => {
                [Evidence::Unclear, Evidence::Outcome, Evidence::Outcome]
            }
            PaymentStatus::Failed(_) | PaymentStatus::Canceled => [Evidence::None, Evidence::None, Evidence::Outcome],
            PaymentStatus::AwaitingConfirmation => [Evidence::None; 3],
            PaymentStatus::Unknown(_) => [Evidence::Unclear; 3],
        };
        assert_eq!(trace, expected, "{status:?}");
    }
}

#[test]
fn what_contradicts_us_is_never_applied() {
    let euro = Money::new(AMOUNT, Currency::parse("EUR").unwrap());
    let paid = || snapshot(PaymentStatus::Paid, AMOUNT, 1);
    let contradictions = [
        ("the currency differs", PaymentSnapshot { amount: Some(euro), ..paid() }),
        ("more was received than asked", PaymentSnapshot { received: AMOUNT + 1, ..paid() }),
        ("the amount differs", PaymentSnapshot { amount: Some(usd(99)), ..snapshot(PaymentStatus::Processing, 0, 1) }),
        ("the amount that was paid is missing", PaymentSnapshot { amount: None, ..paid() }),
    ];
    for (why, snapshot) in contradictions {
        assert_eq!(snapshot.merge(&intent(State::Processing)), Merge::Conflict(why));
    }
}

#[test]
fn a_decline_is_believed_whatever_amount_it_tells() {
    let euro = Money::new(7, Currency::parse("EUR").unwrap());
    for amount in [None, Some(euro), Some(usd(AMOUNT + 1))] {
        let mut intent = intent(State::Processing);
        merge_into(&mut intent, &PaymentSnapshot { amount, ..snapshot(PaymentStatus::Failed(declined()), 0, 1) });
        assert_eq!(intent.state, State::RequiresPaymentMethod, "{amount:?}");
    }
}

#[test]
fn a_success_after_the_end_is_told_as_late() {
    use EventType::{PaymentIntentLateSuccess as Late, PaymentIntentSucceeded as Succeeded};
    for (start, events) in [
        (State::Canceled, vec![Late, Succeeded]),
        (State::RequiresPaymentMethod, vec![Late, Succeeded]),
        (State::Processing, vec![Succeeded]),
        (State::PartiallyPaid, vec![Succeeded]),
    ] {
        let Merge::Apply(change) = snapshot(PaymentStatus::Paid, AMOUNT, 1).merge(&intent(start)) else {
            panic!("{start:?}: not applied")
        };
        assert_eq!(change.events, events, "{start:?}");
    }
}

#[test]
fn a_canceled_intent_asks_nothing_of_the_payer() {
    let mut canceled = intent(State::Canceled);
    merge_into(&mut canceled, &snapshot(PaymentStatus::RequiresAction(action()), 0, 1));
    assert_eq!((canceled.state, canceled.progress), (State::Canceled, Progress::default()));
}

pub(super) fn refund(intent: &PaymentIntent, state: RefundState, amount: i64) -> Refund {
    Refund {
        id: RefundId::generate(&Ids::system()),
        partner_id: intent.partner_id.clone(),
        payment_intent_id: intent.id.clone(),
        upstream_id: None,
        state,
        amount: usd(amount),
        reference_id: None,
        details: RefundDetails::default(),
        failure: None,
        created_at: NOW,
        updated_at: NOW,
        erased_at: None,
        revision: 1,
    }
}

fn refund_snapshot(refund: &Refund, state: Option<RefundState>) -> RefundSnapshot {
    RefundSnapshot {
        upstream_id: "rf_1".to_owned(),
        reference: Some(refund.id.to_string()),
        state,
        amount: Some(refund.amount),
        failure: None,
    }
}

#[test]
fn a_refund_snapshot_moves_a_refund_as_the_table_says_and_tells_of_it() {
    use EventType as Event;
    use RefundState::{Canceled, Failed, Pending, Succeeded};
    let late = Some(vec![Event::RefundLateSuccess, Event::RefundSucceeded]);
    let table = [
        (
            Pending,
            [
                None,
                Some(vec![Event::RefundSucceeded]),
                Some(vec![Event::RefundFailed]),
                Some(vec![Event::RefundCanceled]),
            ],
        ),
        (Succeeded, [None, None, Some(vec![Event::RefundFailed]), None]),
        (Failed, [None, late.clone(), None, None]),
        (Canceled, [None, late, None, None]),
    ];
    let intent = intent(State::Succeeded);
    for (from, row) in table {
        let refund = refund(&intent, from, 5);
        for (to, events) in RefundState::ALL.into_iter().zip(row) {
            let expected = match &events {
                Some(_) => (Some(to), events),
                None => (None, None),
            };
            let merged = match refund_snapshot(&refund, Some(to)).merge(&refund) {
                RefundMerge::Apply(state, events) => (Some(state), Some(events.to_vec())),
                RefundMerge::Unchanged | RefundMerge::Conflict(_) => (None, None),
            };
            assert_eq!(merged, expected, "{from:?} to {to:?}");
        }
        assert_eq!(refund_snapshot(&refund, None).merge(&refund), RefundMerge::Unchanged, "a word we do not know");
        for amount in [Some(usd(6)), None] {
            let other = RefundSnapshot { amount, ..refund_snapshot(&refund, Some(Succeeded)) };
            assert!(matches!(other.merge(&refund), RefundMerge::Conflict(_)));
            let nothing = RefundSnapshot { amount, ..refund_snapshot(&refund, Some(Failed)) };
            assert!(!matches!(nothing.merge(&refund), RefundMerge::Conflict(_)));
        }
    }
}

/// One thing that happens to the refunds of a payment.
#[derive(Clone, Debug)]
enum Happening {
    /// A caller asks for one of this amount.
    Reserve(i64),
    /// Corefy shows the one at this place like this.
    Show(usize, RefundState),
}

fn happening() -> impl Strategy<Value = Happening> {
    let state = prop::sample::select(RefundState::ALL.to_vec());
    prop_oneof![
        (1..=AMOUNT).prop_map(Happening::Reserve),
        (0..6_usize, state).prop_map(|(place, state)| Happening::Show(place, state)),
    ]
}

/// Moves a refund and its share of the intent's sums, as long as the money is there.
fn show(intent: &mut PaymentIntent, refund: &mut Refund, state: RefundState) {
    let RefundMerge::Apply(state, _) = refund_snapshot(refund, Some(state)).merge(refund) else { return };
    let amount = refund.amount.minor;
    if intent.has_room_for(amount, Some(refund.state), state) {
        intent.shift_refund(amount, Some(refund.state), Some(state));
        refund.state = state;
    }
}

proptest! {
    #[test]
    fn no_more_is_given_back_than_was_received(happenings in prop::collection::vec(happening(), 1..40)) {
        let mut intent = intent(State::Succeeded);
        let mut refunds: Vec<Refund> = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Reserve(amount) if amount <= intent.refundable().minor => {
                    intent.shift_refund(amount, None, Some(RefundState::Pending));
                    refunds.push(refund(&intent, RefundState::Pending, amount));
                }
                Happening::Reserve(_) => {}
                Happening::Show(place, state) => {
                    if let Some(refund) = refunds.get_mut(place) {
                        show(&mut intent, refund, state);
                    }
                }
            }
            let sum = |state| refunds.iter().filter(|refund| refund.state == state).map(|refund| refund.amount.minor).sum::<i64>();
            prop_assert_eq!(intent.refund_pending, sum(RefundState::Pending));
            prop_assert_eq!(intent.refunded, sum(RefundState::Succeeded));
            prop_assert!(intent.refund_pending + intent.refunded <= intent.received);
        }
    }
}

#[test]
fn network_references_are_those_of_the_payment_and_none_is_lost_by_an_answer_without_it() {
    let told = |rrn: Option<&str>, arn: Option<&str>| NetworkReferences {
        retrieval_reference_number: rrn.map(str::to_owned),
        acquirer_reference_number: arn.map(str::to_owned),
        ..NetworkReferences::default()
    };
    let shown = |status: PaymentStatus, version, network_references| {
        let received = if status == PaymentStatus::Paid { AMOUNT } else { 0 };
        PaymentSnapshot { network_references, ..snapshot(status, received, version) }
    };
    let mut intent = intent(State::Processing);
    merge_into(&mut intent, &shown(PaymentStatus::Failed(declined()), 1, told(Some("1"), Some("1"))));
    assert!(intent.progress.network_references.is_empty(), "those of an attempt that came to nothing");
    for (version, network_references, known) in [
        (2, told(Some("2"), None), told(Some("2"), None)),
        (3, told(None, None), told(Some("2"), None)),
        (4, told(None, Some("4")), told(Some("2"), Some("4"))),
        (5, told(Some("5"), None), told(Some("5"), Some("4"))),
    ] {
        let revision = intent.revision;
        let merge = merge_into(&mut intent, &shown(PaymentStatus::Paid, version, network_references.clone()));
        let Merge::Apply(change) = merge else { panic!("a version is news: {merge:?}") };
        assert!(version == 2 || change.events.is_empty(), "{:?}", change.events);
        assert_eq!(intent.progress.network_references, known);
        assert_eq!(intent.revision - revision, i64::from(version != 3), "what is known already is no change");
        let again = shown(PaymentStatus::Paid, version, network_references);
        assert_eq!(merge_into(&mut intent, &again), Merge::Unchanged);
    }
    let older = shown(PaymentStatus::Paid, 2, told(Some("2"), None));
    assert_eq!(merge_into(&mut intent, &older), Merge::Stale);
    assert_eq!(intent.progress.network_references, told(Some("5"), Some("4")));
}
