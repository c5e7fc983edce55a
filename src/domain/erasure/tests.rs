//! Objects with the same word in every text that a person may be told by: after their erasure it is nowhere.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::domain::{
    clock::Timestamp,
    customer::Customer,
    decline::PaymentError,
    event::EventObject,
    ids::{CustomerId, Ids, PaymentIntentId, PaymentMethodId, RefundId},
    money::{Currency, Money},
    network_references::NetworkReferences,
    payment_intent::PaymentIntent,
    payment_method::PaymentMethod,
    refund::Refund,
    snapshot::{Merge, PaymentSnapshot, PaymentStatus},
};

const CANARY: &str = "canary-bird";
const NOW: Timestamp = Timestamp(9_000_000);

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn text(object: &impl Serialize) -> String {
    serde_json::to_string(object).unwrap()
}

fn address() -> Value {
    json!({"first_name": CANARY, "last_name": CANARY, "line1": CANARY, "line2": CANARY, "city": CANARY, "state": CANARY,
        "postal_code": CANARY, "country": "US"})
}

fn card() -> Value {
    json!({"brand": "visa", "first6": "411111", "last4": "7777", "expiry_month": 12, "expiry_year": 2030,
        "holder_name": CANARY})
}

fn customer() -> Customer {
    let contact = json!({"email": CANARY, "name": CANARY, "phone": CANARY});
    read(json!({"id": CustomerId::generate(&Ids::system()), "partner_id": "acme", "upstream_id": "cfcus_1",
        "reference_id": "customer-1", "created_at": Timestamp(1), "updated_at": Timestamp(2), "revision": 3,
        "details": {"email": CANARY, "name": CANARY, "phone": CANARY, "address": address(),
            "metadata": {"note": CANARY}, "at_corefy": contact}}))
}

fn method() -> PaymentMethod {
    read(json!({"id": PaymentMethodId::generate(&Ids::system()), "partner_id": "acme",
        "customer_id": CustomerId::generate(&Ids::system()), "upstream_id": "cfpm_1", "kind": "card", "card": card(),
        "card_subject": "card:7777", "card_at_corefy": card(), "created_at": Timestamp(1), "updated_at": Timestamp(2),
        "revision": 3}))
}

fn intent() -> PaymentIntent {
    let attempt = json!({"payment_method_id": PaymentMethodId::generate(&Ids::system()), "card": card()});
    let amount = Money::new(1000, Currency::parse("USD").unwrap());
    read(json!({"id": PaymentIntentId::generate(&Ids::system()), "partner_id": "acme", "upstream_id": "cfpi_1",
        "upstream_payment_id": "cfpay_1", "state": "requires_payment_method", "amount": amount, "received": 0,
        "refunded": 0, "refund_pending": 0, "charged_back": 0, "customer_id": null, "reference_id": "order-1",
        "details": {"payment_method_type": "card", "customer_email": CANARY, "customer_name": CANARY,
            "customer_phone": CANARY, "description": CANARY, "return_url": CANARY, "failure_url": CANARY,
            "billing_address": address(), "metadata": {"note": CANARY}},
        "progress": {"attempt": attempt, "ended_attempts": [{"attempt": attempt, "upstream_id": "cfpi_0", "error": {"code": "lost_card", "message": CANARY}}], "attempts": 2,
            "next_action": {"redirect": {"url": CANARY, "method": "GET", "params": {"token": CANARY}}},
            "network_references": {"retrieval_reference_number": "001122334455"},
            "last_error": {"code": "do_not_honor", "message": CANARY}, "cancellation_reason": CANARY},
        "upstream_version": Timestamp(1), "created_at": Timestamp(1), "updated_at": Timestamp(2), "revision": 3}))
}

fn refund() -> Refund {
    let amount = Money::new(500, Currency::parse("USD").unwrap());
    read(json!({"id": RefundId::generate(&Ids::system()), "partner_id": "acme",
        "payment_intent_id": PaymentIntentId::generate(&Ids::system()), "upstream_id": "cfre_1", "state": "failed",
        "amount": amount, "reference_id": "refund-1", "details": {"reason": CANARY, "metadata": {"note": CANARY}},
        "failure": {"code": "closed", "message": CANARY}, "created_at": Timestamp(1), "updated_at": Timestamp(2),
        "revision": 3}))
}

/// Erases `object` twice, and returns it: the second time must find nothing.
fn erased<T: Clone + Serialize>(object: &T, erase: impl Fn(&mut T, Timestamp) -> bool) -> T {
    let mut object = object.clone();
    let before = text(&object);
    assert!(before.contains(CANARY) && !before.contains("erased_at"), "{before}");
    assert!(erase(&mut object, NOW));
    let after = text(&object);
    assert!(!after.contains(CANARY) && !after.contains("7777"), "{after}");
    assert!(!erase(&mut object, Timestamp(NOW.0 + 1)), "nothing is left to erase");
    assert_eq!(text(&object), after);
    object
}

#[test]
fn nothing_of_a_person_is_left_and_the_numbers_stay() {
    let (customer, intent, refund) = (customer(), intent(), refund());
    let shell = erased(&customer, Customer::erase);
    assert_eq!((shell.erased_at, shell.revision, shell.updated_at), (Some(NOW), 4, customer.updated_at));
    assert_eq!(
        (&shell.id, &shell.upstream_id, &shell.reference_id),
        (&customer.id, &customer.upstream_id, &customer.reference_id)
    );

    let method = method();
    let shell = erased(&method, PaymentMethod::erase);
    assert_eq!((shell.deleted_at, &shell.id, &shell.upstream_id), (Some(NOW), &method.id, &method.upstream_id));

    let shell = erased(&intent, PaymentIntent::erase);
    assert!(shell.is_erased());
    let facts = |intent: &PaymentIntent| (intent.amount, intent.state, intent.updated_at, intent.reference_id.clone());
    assert_eq!(facts(&shell), facts(&intent));
    assert_eq!((shell.revision, shell.progress.attempts), (intent.revision + 1, 2));
    assert!(!shell.progress.network_references.is_empty());
    assert_eq!(shell.progress.network_references, intent.progress.network_references);
    assert_eq!(shell.progress.last_error.map(|error| error.code).as_deref(), Some("do_not_honor"));

    let shell = erased(&refund, Refund::erase);
    assert_eq!((shell.erased_at, shell.amount, shell.state), (Some(NOW), refund.amount, refund.state));
    assert_eq!(shell.failure.map(|failure| failure.code).as_deref(), Some("closed"));
}

#[test]
fn what_is_told_of_an_erased_payer_later_is_not_kept() {
    let mut intent = intent();
    intent.erase(NOW);
    let error = PaymentError { code: "lost_card".to_owned(), message: CANARY.to_owned() };
    let shown = PaymentSnapshot {
        upstream_id: "cfpi_1".to_owned(),
        upstream_payment_id: None,
        status: PaymentStatus::Failed(error),
        amount: Some(intent.amount),
        received: 0,
        charged_back: 0,
        network_references: NetworkReferences::default(),
        refunds: None,
        version: Timestamp(5),
        state: None,
        saved: None,
    };
    let Merge::Apply(change) = shown.merge(&intent) else { panic!("it is news") };
    change.apply(&mut intent, Timestamp(10_000_000));
    assert_eq!(intent.progress.last_error.as_ref().map(|error| error.code.as_str()), Some("lost_card"));
    assert!(!text(&intent).contains(CANARY));
    assert_eq!(shown.merge(&intent), Merge::Unchanged, "the same is no news for being told without its words");

    let (mut customer, mut refund) = (customer(), refund());
    customer.erase(NOW);
    (customer.details.name, customer.details.metadata) = (crate::domain::private::Private::new(CANARY), [].into());
    customer.touch(NOW);
    refund.erase(NOW);
    refund.details.reason = CANARY.to_owned();
    refund.touch(NOW);
    assert!(!text(&customer).contains(CANARY) && !text(&refund).contains(CANARY));
}

#[test]
fn a_copy_in_an_event_is_emptied_and_stays_as_old_as_it_is() {
    for mut object in [
        EventObject::from(customer()),
        EventObject::from(method()),
        EventObject::from(intent()),
        EventObject::from(refund()),
    ] {
        object.strip(NOW);
        let after = text(&object);
        assert!(!after.contains(CANARY) && !after.contains("7777") && after.contains("\"revision\":3"), "{after}");
    }
}
