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
    upstream::{Error, commerce::Commerce, intents::Intents},
};
use reqwest::StatusCode;

use super::{
    corefy::{EchoingCorefy, scheduling},
    scenes::{Scene, Staged, by, card, saved},
};

/// The statuses that an answer comes with; the first byte says which.
pub const STATUSES: [u16; 14] = [200, 201, 204, 302, 400, 401, 402, 404, 409, 422, 423, 429, 500, 503];

/// The longest body that is tried, in bytes.
const LONGEST_BODY: usize = 8 * 1024;

/// A dialect, and the payments that it asks about.
struct Stage<D> {
    corefy: EchoingCorefy<D>,
    scenes: Vec<Scene>,
}

thread_local! {
    static COMMERCE: Stage<Commerce> = Stage::new();
    static INTENTS: Stage<Intents> = Stage::new();
}

impl<D: Staged> Stage<D> {
    fn new() -> Self {
        let corefy = EchoingCorefy::new(&["sk_test_1"], true);
        let amount = Money::new(1050, Currency::parse("EUR").expect("it is a currency"));
        Self { scenes: Scene::all(&corefy, amount), corefy }
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

impl<D: Staged> Stage<D> {
    /// Asks everything that is not about payments.
    fn ask_the_rest(&self) {
        let corefy = &self.corefy;
        let dialect = &corefy.dialect;
        let methods = corefy.outcome(dialect.supported_payment_methods(None, scheduling()));
        for method in told(methods).unwrap_or_default() {
            assert!(!method.kind.is_empty(), "a kind has no code: {method:?}");
        }
        corefy.outcome(dialect.test_connection());
        let customer = &self.scenes[0].customer;
        told(corefy.outcome(dialect.customer_create(corefy.call(), customer)));
        told(corefy.outcome(dialect.customer_recover(corefy.call(), customer)));
        told(corefy.outcome(dialect.customer_find(customer, scheduling())));
        let saved = told(corefy.outcome(dialect.payment_methods_of(customer, scheduling()))).unwrap_or_default();
        for method in saved.methods {
            assert!(!method.upstream_id.is_empty(), "a saved method has no id: {method:?}");
        }
    }

    /// Has Corefy answer with the status that the first byte says and the bytes behind it, and asks all that the dialect can ask.
    /// How many of the answers about payments and refunds could be read.
    fn ask_everything(&self, bytes: &[u8]) -> usize {
        let Some((first, body)) = bytes.split_first() else { return 0 };
        let body = &body[..body.len().min(LONGEST_BODY)];
        let status = StatusCode::from_u16(STATUSES[usize::from(*first) % STATUSES.len()]).expect("it is a status");
        self.corefy.answer(status, body);
        let read = self.scenes.iter().map(|scene| self.ask_about(scene)).sum();
        self.ask_the_rest();
        read
    }
}

/// Tries the commerce dialect. How many of the answers about payments and refunds could be read.
pub fn any_answer_of_commerce_is_read(bytes: &[u8]) -> usize {
    COMMERCE.with(|stage| stage.ask_everything(bytes))
}

/// The same without the number.
pub fn any_answer_of_commerce_breaks_no_law(bytes: &[u8]) {
    any_answer_of_commerce_is_read(bytes);
}

/// Tries the intents dialect.
pub fn any_answer_of_intents_breaks_no_law(bytes: &[u8]) {
    INTENTS.with(|stage| stage.ask_everything(bytes));
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
