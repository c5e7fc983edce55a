//! Changes: a decision as data. A use case returns them, and [`Store::commit`](super::Store::commit) makes them durable
//! together or not at all.

use serde::Serialize;

use super::{Tracked, WebhookRecord};
use crate::domain::{
    api_call::ApiCall,
    api_key::ApiKey,
    audit::AuditEntry,
    chargeback::Chargeback,
    clock::Timestamp,
    customer::Customer,
    erasure::job::Erasure,
    event::{Event, EventObject, EventType},
    ids::{OperationId, PartnerId, RiskDecisionId},
    key_pair::{PublicKey, SecretHash},
    operation::Operation,
    payment_intent::PaymentIntent,
    payment_method::PaymentMethod,
    refund::Refund,
    risk::{
        counted_attempt::CountedAttempt, decision::RiskDecision, history::RiskSubject, list_entry::ListEntry,
        lists::ListKind, outcome::RiskOutcome, review::Review, rules_version::RulesVersion,
    },
};

/// One change. Each is written by a statement of its own, which fails the commit when it does not fit what is stored.
pub enum Change {
    /// Reserves an operation; conflicts when the idempotency key or the id is taken.
    ReserveOperation {
        /// The operation, under epoch 1.
        operation: Operation,
        /// The hash of the caller's key, and the fingerprint of its request.
        idempotency: Option<(String, [u8; 32])>,
        /// The answer of an operation that ends with its reservation.
        answer: Option<FrozenAnswer>,
    },
    /// Ends an operation with its frozen answer, under the epoch that is held.
    FinishOperation {
        /// The lease under which the outcome was found out.
        lease: Lease,
        /// The answer to every repeated call.
        answer: FrozenAnswer,
        /// When its outcome was known.
        finished_at: Timestamp,
    },
    /// Leaves an operation open, and gives its lease back.
    LeaveOperationOpen {
        /// The lease that is given back.
        lease: Lease,
        /// How often Corefy was asked and cleanly knew nothing of it.
        misses: i64,
        /// When Corefy is asked next; `None`: an operator has to find out.
        next_check_at: Option<Timestamp>,
    },
    /// Takes back a reservation of which nothing was sent.
    ReleaseOperation(Lease),
    /// Extends a lease, as far as it is held still.
    RenewLease(Lease, Timestamp),
    /// Writes an intent as it was left, and when Corefy is asked about it next.
    PaymentIntent(Box<Tracked<PaymentIntent>>, Option<Timestamp>),
    /// Writes a refund as it was left.
    Refund(Tracked<Refund>),
    /// Adds a chargeback; conflicts when its payment has one of the same sum.
    Chargeback(Chargeback),
    /// Writes a customer as it was left.
    Customer(Tracked<Customer>),
    /// Writes a payment method as it was left.
    PaymentMethod(Tracked<PaymentMethod>),
    /// Writes an erasure as it was left; conflicts when its customer has one.
    Erasure(Tracked<Erasure>),
    /// Writes what an erasure has emptied.
    Emptied(Box<Emptied>),
    /// Adds a decision about the risk of an attempt; where it lets the attempt through, the attempt is counted for its BIN.
    RiskDecision(Box<RiskDecision>),
    /// Writes a subject of risk as it was left.
    RiskSubject(Tracked<RiskSubject>),
    /// Takes an attempt that was not made from the counters of its BIN.
    RiskAttemptTakenBack(CountedAttempt),
    /// Adds the outcome of an attempt, for all its subjects; one that is there already, or whose decision is not kept any more,
    /// is left out.
    RiskOutcome(RiskOutcome),
    /// Adds a call to the log of calls to Corefy; one that is there already is left as it is.
    ApiCall(ApiCall),
    /// Opens a review; conflicts when its decision has one.
    RiskReview(Box<Review>),
    /// Writes the decision about a review; conflicts when it is not open any more.
    RiskReviewDecision(Box<Review>),
    /// Writes what came of the refund that a rejected review wanted; conflicts when that is known already.
    RiskReviewRefund(Box<Review>),
    /// Counts a change of rules or lists; conflicts when another was made since this revision was read.
    RiskPolicy {
        /// The revision that was read.
        read_revision: i64,
    },
    /// Adds a version of the rules; conflicts when there is one of its number.
    RiskRules(RulesVersion),
    /// Adds a list; conflicts when there is one of this name.
    RiskList {
        /// Its name.
        name: String,
        /// The kind of its entries.
        kind: ListKind,
        /// When it was made.
        created_at: Timestamp,
    },
    /// Adds an entry to a list, or replaces what is known of it. A commit has each entry once.
    RiskListEntry(ListEntry),
    /// Removes an entry from a list; conflicts when there is none.
    RemoveRiskListEntry {
        /// The list.
        list: String,
        /// The value, as it is kept.
        value: String,
    },
    /// Adds a decision to the audit log, behind the last one; conflicts when it is there already.
    AuditEntry(Box<AuditEntry>),
    /// Adds a partner; conflicts when another has its id or its name.
    NewPartner {
        /// The short name.
        id: PartnerId,
        /// The name, for people.
        name: String,
        /// When it was added.
        created_at: Timestamp,
    },
    /// Adds an API key; conflicts when there is one of this id.
    NewApiKey(Box<ApiKey>),
    /// Gives a key another secret, beside which the one before is good for a time; conflicts when there is no such key that is
    /// good, or when it has this secret already.
    RotateApiKey {
        /// The key.
        id: PublicKey,
        /// The hash of the new secret.
        secret_hash: SecretHash,
        /// Until when the secret before is good.
        overlap_until: Timestamp,
        /// When the secret is changed.
        rotated_at: Timestamp,
    },
    /// Revokes a key at this time; conflicts when there is no such key, or it is revoked already.
    RevokeApiKey(PublicKey, Timestamp),
    /// Notes when a key was last used.
    ApiKeyUsed(PublicKey, Timestamp),
    /// Adds a webhook, due at once. One whose body came before is counted, and due again where that may tell of something new.
    WebhookArrival(Box<WebhookRecord>),
    /// Ends an attempt at a webhook, which is done or waits for its next; changes nothing where another has begun since.
    WebhookAttempt(Box<WebhookRecord>, Option<Timestamp>),
    /// Has a webhook processed again at this time, whatever came of it before; conflicts while it is being processed.
    WebhookReplay(Box<WebhookRecord>, Timestamp),
    /// Adds an event, at the next position in the order of all.
    Event(NewEvent),
}

/// An object or a record without the person.
#[expect(clippy::large_enum_variant, reason = "a change has it in a box")]
pub enum Emptied {
    /// An intent; conflicts when it was written since it was read.
    PaymentIntent(Tracked<PaymentIntent>),
    /// A refund; conflicts when it was written since it was read.
    Refund(Tracked<Refund>),
    /// The object of an event. Changes nothing when it is not kept any more.
    Event(Event),
    /// The frozen answer of an operation. Changes nothing when it is not kept any more.
    Answer(OperationId, FrozenAnswer),
    /// The request and the answer of a call to Corefy. Changes nothing when it is not kept any more.
    ApiCall(ApiCall),
    /// The inputs of a decision. Changes nothing when it is not kept any more.
    RiskDecision(RiskDecision),
    /// The note of the review of this decision.
    RiskReview(RiskDecisionId),
}

/// The right to write the outcome of an operation: it is lost when another takes the operation over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The operation.
    pub operation_id: OperationId,
    /// The epoch under which it is held.
    pub epoch: i64,
    /// Whether it is taken over from its holder with this write.
    pub takes_over: bool,
}

impl Lease {
    /// The lease that was reserved or claimed.
    pub fn held(operation: &Operation) -> Self {
        Self { operation_id: operation.id.clone(), epoch: operation.epoch, takes_over: false }
    }

    /// The lease of another, or of nobody, that is taken over by the write itself.
    pub fn taken_over(operation: &Operation) -> Self {
        Self { takes_over: true, ..Self::held(operation) }
    }

    /// The epoch of the operation after the write.
    pub(super) fn next_epoch(&self) -> i64 {
        self.epoch + i64::from(self.takes_over)
    }
}

/// An answer as every repeated call gets it: JSON, sealed when it is written. Has no `Debug`, for it tells of people.
pub struct FrozenAnswer(pub(super) Result<Vec<u8>, serde_json::Error>);

impl FrozenAnswer {
    /// Freezes `answer` as it is now.
    pub fn of<T: Serialize>(answer: &T) -> Self {
        Self(serde_json::to_vec(answer))
    }
}

/// An event that is to be told.
pub struct NewEvent {
    /// The type.
    pub kind: EventType,
    /// The object as it is at that moment.
    pub object: EventObject,
    /// When it happened.
    pub created_at: Timestamp,
    /// The operation that it comes from.
    pub(super) cause: Option<Cause>,
}

/// An operation as far as events name it.
#[derive(Clone)]
pub(super) struct Cause {
    pub(super) subject_id: String,
    pub(super) operation_id: String,
    pub(super) request_id: String,
}

impl From<&Operation> for Cause {
    fn from(operation: &Operation) -> Self {
        Self {
            subject_id: operation.subject_id.clone(),
            operation_id: operation.id.to_string(),
            request_id: operation.request_id.clone(),
        }
    }
}

/// The changes of one decision, in the order in which they were made.
#[derive(Default)]
pub struct Changes {
    list: Vec<Change>,
    causes: Vec<Cause>,
}

impl FromIterator<Change> for Changes {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        Self { list: changes.into_iter().collect(), causes: Vec::new() }
    }
}

impl Changes {
    /// No changes yet, by these operations: events about their objects name them.
    pub fn by(operations: &[Operation]) -> Self {
        Self { list: Vec::new(), causes: operations.iter().map(Cause::from).collect() }
    }

    /// Adds a change.
    pub fn push(&mut self, change: Change) {
        self.list.push(change);
    }

    /// Adds an event of this type about `object` as it is now.
    pub fn emit(&mut self, kind: EventType, object: impl Into<EventObject>, now: Timestamp) {
        let object = object.into();
        let cause = self.causes.iter().rfind(|cause| cause.subject_id == object.id()).cloned();
        self.push(Change::Event(NewEvent { kind, object, created_at: now, cause }));
    }

    /// Each change, in its order.
    pub fn iter(&self) -> impl Iterator<Item = &Change> + Clone {
        self.list.iter()
    }

    /// The entries of the audit log among them.
    pub fn audit_entries(&self) -> impl Iterator<Item = &AuditEntry> {
        self.iter().filter_map(|change| if let Change::AuditEntry(entry) = change { Some(&**entry) } else { None })
    }

    /// The decisions about risk among them.
    pub fn risk_decisions(&self) -> impl Iterator<Item = &RiskDecision> {
        self.iter()
            .filter_map(|change| if let Change::RiskDecision(decision) = change { Some(&**decision) } else { None })
    }

    /// The events among them.
    pub fn events(&self) -> impl Iterator<Item = &NewEvent> {
        self.iter().filter_map(|change| if let Change::Event(event) = change { Some(event) } else { None })
    }
}
