//! Any answer is read without a panic, and whatever is made of it keeps the sums of a payment.

use corefy_gateway::{
    domain::{
        clock::Timestamp,
        confirmation::{Confirmation, Initiator, PaymentSource, StorageReason, StoredCredential},
        ids::PaymentMethodId,
        money::{Currency, Money},
        payment_intent::PaymentIntent,
        payment_method::{OtherMethod, PaymentMethod},
        snapshot::{Merge, PaymentSnapshot, PaymentStatus, RefundSnapshot},
    },
    upstream::{Error, Upstream as _},
};
use reqwest::StatusCode;

use super::{
    corefy::{EchoingCorefy, scheduling},
    scenes::{Scene, by, card, saved},
};

/// The statuses that an answer comes with; the first byte says which.
pub const STATUSES: [u16; 14] = [200, 201, 204, 302, 400, 401, 402, 404, 409, 422, 423, 429, 500, 503];

/// The longest body that is tried, in bytes.
const LONGEST_BODY: usize = 8 * 1024;

struct World {
    corefy: EchoingCorefy,
    scenes: [Scene; 3],
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let corefy = EchoingCorefy::new(&["sk_test_1"], true);
        let amount = Money::new(1050, Currency::parse("EUR").expect("it is a currency"));
        let scenes = [Scene::made, Scene::in_doubt, Scene::of_two_invoices].map(|make| make(&corefy, amount));
        Self { corefy, scenes }
    }

    /// All confirmations that the dialect can make.
    fn confirmations(&self, scene: &Scene) -> [Confirmation<PaymentMethod>; 6] {
        let method = || saved(&scene.customer, PaymentMethodId::generate(&self.corefy.environment.ids));
        let other = OtherMethod { kind: "ideal".to_owned(), fields: Default::default() };
        let (initiator, reason) = (Initiator::Merchant, StorageReason::Recurring);
        let stored = StoredCredential { initiator, reason, network_transaction_id: String::new() };
        [
            by(PaymentSource::Card(card())),
            Confirmation { save_payment_method: true, ..by(PaymentSource::Card(card())) },
            by(PaymentSource::HostedPage),
            by(PaymentSource::Other(other)),
            by(PaymentSource::Saved(method())),
            Confirmation { stored_credential: Some(stored), ..by(PaymentSource::Saved(method())) },
        ]
    }

    /// Asks everything about one payment; how many answers could be read.
    fn ask_about(&self, scene: &Scene) -> usize {
        let (corefy, context) = (&self.corefy, scene.context());
        let dialect = &corefy.dialect;
        let mut read = check(corefy.outcome(dialect.payment_intent_create(corefy.call(), &context)), scene);
        read += check_found(corefy.outcome(dialect.payment_intent_recover(corefy.call(), &context)), scene);
        read += check_found(corefy.outcome(dialect.payment_find(&context, scheduling())), scene);
        for confirmation in self.confirmations(scene) {
            read +=
                check(corefy.outcome(dialect.payment_intent_confirm(corefy.call(), &context, &confirmation)), scene);
        }
        let refunded = told(corefy.outcome(dialect.refund_create(corefy.call(), &context, &scene.refund)));
        let is_positive = |refund: &RefundSnapshot| refund.amount.is_none_or(|amount| amount.minor > 0);
        assert!(refunded.as_ref().is_none_or(is_positive), "a refund is not positive: {refunded:?}");
        read + usize::from(refunded.is_some())
    }
}

/// Has Corefy answer with the status that the first byte says and the bytes behind it, and asks all that the dialect can ask.
/// How many of the answers about payments and refunds could be read.
pub fn any_answer_is_read(bytes: &[u8]) -> usize {
    let Some((first, body)) = bytes.split_first() else { return 0 };
    let body = &body[..body.len().min(LONGEST_BODY)];
    let status = StatusCode::from_u16(STATUSES[usize::from(*first) % STATUSES.len()]).expect("it is a status");
    WORLD.with(|world| {
        let World { corefy, scenes } = world;
        corefy.answer(status, body);
        let read = scenes.iter().map(|scene| world.ask_about(scene)).sum();
        let methods = corefy.outcome(corefy.dialect.supported_payment_methods(None, scheduling()));
        for method in told(methods).unwrap_or_default() {
            assert!(!method.kind.is_empty(), "a kind has no code: {method:?}");
        }
        corefy.outcome(corefy.dialect.test_connection());
        if let Some(kept) = corefy.dialect.webhook_redact(body) {
            corefy.dialect.webhook_read(&kept);
        }
        read
    })
}

/// The answer, where there is one; an error can be printed.
fn told<T>(outcome: Result<T, Error>) -> Option<T> {
    outcome.map_err(|error| drop(format!("{error} {error:?}"))).ok()
}

fn check_found(outcome: Result<Option<PaymentSnapshot>, Error>, scene: &Scene) -> usize {
    told(outcome).flatten().map_or(0, |snapshot| check(Ok(snapshot), scene))
}

/// Whether there is a snapshot, as a number; what it says is checked.
fn check(outcome: Result<PaymentSnapshot, Error>, scene: &Scene) -> usize {
    let snapshot = told(outcome);
    if let Some(snapshot) = &snapshot {
        check_sums(snapshot);
        check_merge(snapshot, &scene.intent);
    }
    usize::from(snapshot.is_some())
}

fn check_sums(snapshot: &PaymentSnapshot) {
    let is_paid = snapshot.status == PaymentStatus::Paid;
    assert!((snapshot.received > 0) == is_paid, "paid, and nothing was received, or the other way round: {snapshot:?}");
    assert!(
        (0..=snapshot.received).contains(&snapshot.charged_back),
        "more is taken back than there was: {snapshot:?}"
    );
    assert!(snapshot.amount.is_none_or(|amount| amount.minor > 0), "an amount is not positive: {snapshot:?}");
    let refunds = snapshot.refunds.iter().flatten().filter_map(|refund| refund.amount);
    assert!(refunds.into_iter().all(|amount| amount.minor > 0), "a refund is not positive: {snapshot:?}");
}

/// Believing it never makes more of a payment than was asked.
fn check_merge(snapshot: &PaymentSnapshot, intent: &PaymentIntent) {
    let Merge::Apply(change) = snapshot.merge(intent) else { return };
    let mut believed = intent.clone();
    snapshot.note_in(&mut believed);
    change.apply(&mut believed, Timestamp::default());
    assert!((0..=believed.amount.minor).contains(&believed.received), "{believed:?}");
}
