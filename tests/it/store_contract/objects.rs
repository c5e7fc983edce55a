//! Objects to store: complete, valid, and each with ids of its own.

use corefy_gateway::{
    domain::{
        card::MaskedCard,
        clock::Timestamp,
        customer::{Address, Customer, CustomerDetails},
        decline::PaymentError,
        ids::{
            AttemptId, CustomerId, Ids, OperationId, PartnerId, PaymentIntentId, PaymentMethodId, RefundId,
            RiskDecisionId, WebhookId,
        },
        money::{Currency, Money},
        network_references::NetworkReferences,
        next_action::{NextAction, Redirect},
        operation::{Operation, OperationKind, OperationState},
        payment_intent::{Attempt, EndedAttempt, PaymentIntent, PaymentIntentDetails, PaymentIntentState, Progress},
        payment_method::PaymentMethod,
        private::Private,
        refund::{Refund, RefundDetails, RefundFailure, RefundState},
        risk::subject::SubjectId,
        upstream_state::UpstreamState,
    },
    store::{Change, CommitError, Conflict, Error, Store, Tracked, WebhookRecord, WebhookState},
};

use crate::support::database::{Backend, TestDatabase};

/// The time at which everything here was made.
pub const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

/// `seconds` after [`NOW`].
pub fn after(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000_000)
}

/// The fingerprint of every request under an idempotency key.
pub const FINGERPRINT: [u8; 32] = [7; 32];

/// The text in every field with personal data, so that an outsider can look for it.
pub const CANARY: &str = "canary-bird";

fn canary() -> Private {
    Private::new(CANARY)
}

pub fn acme() -> PartnerId {
    PartnerId::parse("acme").unwrap()
}

pub fn other() -> PartnerId {
    PartnerId::parse("other").unwrap()
}

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap())
}

fn address() -> Address {
    Address {
        first_name: canary(),
        last_name: canary(),
        line1: canary(),
        line2: canary(),
        city: canary(),
        state: canary(),
        postal_code: canary(),
        country: "DE".to_owned(),
    }
}

pub fn customer(partner: PartnerId, reference: Option<&str>) -> Customer {
    Customer {
        id: CustomerId::generate(&Ids::system()),
        partner_id: partner,
        upstream_id: None,
        reference_id: reference.map(str::to_owned),
        details: CustomerDetails {
            email: Private::new(format!("{CANARY}@example.com")),
            name: canary(),
            phone: canary(),
            address: Some(address()),
            metadata: [("note".to_owned(), CANARY.to_owned())].into(),
            at_corefy: None,
        },
        created_at: NOW,
        updated_at: NOW,
        erased_at: None,
        revision: 3,
    }
}

fn card() -> MaskedCard {
    MaskedCard {
        brand: "visa".to_owned(),
        first6: "411111".to_owned(),
        last4: "1111".to_owned(),
        expiry_month: 12,
        expiry_year: 2030,
        holder_name: canary(),
    }
}

pub fn payment_method(customer: &Customer) -> PaymentMethod {
    PaymentMethod {
        id: PaymentMethodId::generate(&Ids::system()),
        partner_id: customer.partner_id.clone(),
        customer_id: customer.id.clone(),
        upstream_id: None,
        kind: "card".to_owned(),
        card: Some(card()),
        card_subject: SubjectId::parse("card:0123456789abcdef0123456789abcdef"),
        card_at_corefy: Some(MaskedCard { expiry_year: 2031, ..card() }),
        created_at: NOW,
        updated_at: NOW,
        deleted_at: None,
        revision: 3,
    }
}

/// An intent of 100.00 USD on which every field that can be empty is not.
pub fn payment_intent(partner: PartnerId, reference: Option<&str>) -> PaymentIntent {
    PaymentIntent {
        id: PaymentIntentId::generate(&Ids::system()),
        partner_id: partner,
        upstream_id: None,
        upstream_payment_id: Some("cfpay_1".to_owned()),
        state: PaymentIntentState::RequiresConfirmation,
        amount: usd(10_000),
        received: 0,
        refunded: 0,
        refund_pending: 0,
        charged_back: 0,
        customer_id: None,
        reference_id: reference.map(str::to_owned),
        details: PaymentIntentDetails {
            payment_method_type: "card".to_owned(),
            customer_email: Private::new(format!("{CANARY}@example.com")),
            customer_name: canary(),
            customer_phone: canary(),
            description: CANARY.to_owned(),
            return_url: format!("https://example.com/{CANARY}"),
            failure_url: format!("https://example.com/{CANARY}"),
            billing_address: Some(address()),
            metadata: [("note".to_owned(), CANARY.to_owned())].into(),
        },
        progress: Progress {
            next_action: Some(NextAction::Redirect(Redirect {
                url: Private::new(format!("https://example.com/{CANARY}")),
                method: "GET".to_owned(),
                params: [("token".to_owned(), canary())].into(),
            })),
            last_error: Some(PaymentError { code: "declined".to_owned(), message: CANARY.to_owned() }),
            network_references: NetworkReferences {
                retrieval_reference_number: Some("001122334455".to_owned()),
                approval_code: Some("A1B2C3".to_owned()),
                acquirer_reference_number: Some("24692164300100123456789".to_owned()),
            },
            watch_until: Some(NOW),
            contradicted_since: Some(NOW),
            attempt: Some(Attempt {
                id: Some(AttemptId::generate(&Ids::system())),
                number: 4,
                started_at: NOW,
                payment_method_id: Some(PaymentMethodId::generate(&Ids::system())),
                card: Some(card()),
                is_by_merchant: true,
                risk_decision_id: Some(RiskDecisionId::generate(&Ids::system())),
            }),
            ended_attempts: vec![EndedAttempt {
                attempt: Attempt { card: Some(card()), ..Attempt::default() },
                upstream_id: Some("in_0".to_owned()),
                error: Some(PaymentError { code: "declined".to_owned(), message: CANARY.to_owned() }),
            }],
            attempts: 3,
            attempt_number: 4,
            is_unanswered: true,
            is_contradiction_reported: true,
            is_overdue_reported: true,
            succeeded_at: Some(NOW),
            canceled_at: Some(NOW),
            cancellation_reason: CANARY.to_owned(),
            erased_at: None,
        },
        upstream_version: NOW,
        upstream_state: UpstreamState::new(CANARY.to_owned()),
        created_at: NOW,
        updated_at: NOW,
        sandbox: true,
        revision: 3,
    }
}

/// An intent of which everything was received.
pub fn paid_intent(partner: PartnerId) -> PaymentIntent {
    let intent = payment_intent(partner, None);
    PaymentIntent { state: PaymentIntentState::Succeeded, received: intent.amount.minor, ..intent }
}

pub fn refund(intent: &PaymentIntent, reference: Option<&str>) -> Refund {
    Refund {
        id: RefundId::generate(&Ids::system()),
        partner_id: intent.partner_id.clone(),
        payment_intent_id: intent.id.clone(),
        upstream_id: None,
        state: RefundState::Pending,
        amount: intent.money(500),
        reference_id: reference.map(str::to_owned),
        details: RefundDetails { reason: CANARY.to_owned(), metadata: [("note".to_owned(), CANARY.to_owned())].into() },
        failure: Some(RefundFailure { code: "declined".to_owned(), message: CANARY.to_owned() }),
        created_at: NOW,
        updated_at: NOW,
        erased_at: None,
        revision: 3,
    }
}

/// An operation that was sent at [`NOW`] and is held for ten seconds.
pub fn operation(kind: OperationKind, subject: &str, payment: Option<&PaymentIntentId>) -> Operation {
    Operation {
        id: OperationId::generate(&Ids::system()),
        partner_id: acme(),
        kind,
        subject_id: subject.to_owned(),
        payment_intent_id: payment.cloned(),
        state: OperationState::Sent,
        epoch: 1,
        lease_until: after(10),
        sent_at: NOW,
        misses: 0,
        baseline: Timestamp(7),
        request_id: "req_1".to_owned(),
    }
}

/// A webhook that came at [`NOW`].
pub fn webhook(body_hash: &str) -> WebhookRecord {
    WebhookRecord {
        id: WebhookId::generate(&Ids::system()),
        body_hash: body_hash.to_owned(),
        event_id: "ev_1".to_owned(),
        event_type: "invoice.succeeded".to_owned(),
        source_address: "127.0.0.1".to_owned(),
        headers: "{}".to_owned(),
        body: r#"{"type":"invoice"}"#.to_owned(),
        state: WebhookState::Waiting,
        attempts: 0,
        duplicates: 0,
        error: None,
        received_at: NOW,
        processed_at: None,
        payment_intent_id: None,
    }
}

/// Commits changes.
pub async fn commit(store: &Store, changes: impl IntoIterator<Item = Change>) -> Result<(), CommitError> {
    store.commit(&changes.into_iter().collect()).await
}

/// The change that inserts an intent.
pub fn new_intent(intent: &PaymentIntent) -> Change {
    Change::PaymentIntent(Box::new(Tracked::new(intent.clone())), None)
}

/// The change that inserts a refund.
pub fn new_refund(refund: &Refund) -> Change {
    Change::Refund(Tracked::new(refund.clone()))
}

/// The change that inserts a customer.
pub fn new_customer(customer: &Customer) -> Change {
    Change::Customer(Tracked::new(customer.clone()))
}

/// The change that inserts a payment method.
pub fn new_method(method: &PaymentMethod) -> Change {
    Change::PaymentMethod(Tracked::new(method.clone()))
}

/// The change that adds a webhook.
pub fn arrival(webhook: &WebhookRecord) -> Change {
    Change::WebhookArrival(Box::new(webhook.clone()))
}

/// The change that adds a partner.
pub fn new_partner(id: &PartnerId, name: &str) -> Change {
    Change::NewPartner { id: id.clone(), name: name.to_owned(), created_at: NOW }
}

/// The change that reserves an operation, under an idempotency key or none.
pub fn reservation(operation: &Operation, key: Option<&str>) -> Change {
    let idempotency = key.map(|key| (key.to_owned(), FINGERPRINT));
    Change::ReserveOperation { operation: operation.clone(), idempotency, answer: None }
}

/// The conflict of a commit that was not written.
pub fn conflict(outcome: Result<(), CommitError>) -> Conflict {
    match outcome {
        Err(CommitError::Conflict(conflict)) => conflict,
        other => panic!("{other:?} is no conflict"),
    }
}

pub async fn save_intent(store: &Store, intent: &PaymentIntent) {
    commit(store, [new_intent(intent)]).await.unwrap();
}

pub async fn save_operation(store: &Store, operation: &Operation) {
    commit(store, [reservation(operation, None)]).await.unwrap();
}

/// The stores of the gateways that share a database, each with connections of its own; SQLite has one.
pub async fn gateways(database: &TestDatabase) -> Vec<Store> {
    let mut stores = vec![database.store().await];
    while database.backend() == Backend::Postgres && stores.len() < 4 {
        stores.push(database.store().await);
    }
    stores
}

pub async fn save_customer(store: &Store, customer: &Customer) {
    commit(store, [new_customer(customer)]).await.unwrap();
}

pub async fn save_refund(store: &Store, refund: &Refund) {
    commit(store, [new_refund(refund)]).await.unwrap();
}

pub async fn save_method(store: &Store, method: &PaymentMethod) {
    commit(store, [new_method(method)]).await.unwrap();
}

/// Leaves a stored intent as this one is, to be polled at this time.
pub async fn update_intent(
    store: &Store,
    intent: &PaymentIntent,
    poll_at: Option<Timestamp>,
) -> Result<(), CommitError> {
    let mut tracked = store.payment_intent_tracked(&intent.id).await.unwrap().unwrap();
    *tracked = intent.clone();
    commit(store, [Change::PaymentIntent(Box::new(tracked), poll_at)]).await
}

/// The rule of the database that a commit would have broken.
pub fn broken_rule(outcome: Result<(), CommitError>) -> String {
    match outcome {
        Err(CommitError::Failed(Error::RuleBroken(rule))) => rule,
        other => panic!("{other:?} breaks no rule"),
    }
}
