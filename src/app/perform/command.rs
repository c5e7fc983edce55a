//! The steps of a mutating call as each kind of call makes them, and the results of these steps. Reading is apart from
//! deciding: `reserve` and `settle` are pure functions of what was read.

use std::{future::Future, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    app::{call::Caller, decision::Decision, payments::Payments},
    domain::{
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::{EventObject, EventType},
        ids::PaymentIntentId,
        operation::{Operation, OperationKind, queue},
        risk::counted_attempt::CountedAttempt,
    },
    error::{Error, Reason},
    store::Store,
    upstream::{self, Call},
};

/// A mutating call in its steps: read, reserve, send, read what the outcome needs, settle.
pub(in crate::app) trait Command: Send + Sync + 'static {
    /// The kind of call.
    const KIND: OperationKind;
    /// The object that it answers.
    type Resource: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Corefy's answer to it.
    type Snapshot: Clone + Send + Sync;
    /// The objects that are read, decided about and written.
    type Seen: Seen;

    /// The object that it is about, told to the journal before anything else.
    fn target(&self) -> Target;

    /// Reads what the reservation is decided by.
    fn read(&self, app: &Payments, operation: &Operation) -> impl Future<Output = Result<Self::Seen, Error>> + Send;

    /// Checks the rules, and decides what must exist before anything is sent. An error leaves no trace.
    fn reserve(
        &self,
        app: &Payments,
        seen: &mut Self::Seen,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<Self::Resource>, Error>;

    /// The caller's own reference of the object that is made.
    fn reference(&self) -> Option<&str> {
        None
    }

    /// Asks Corefy what [`Reserved::AskFirst`] wants to know, with nothing reserved.
    fn ask(&mut self, _: &Payments, _: &Caller) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// Sends it to Corefy.
    fn send(
        self,
        app: &Payments,
        call: Call<'_>,
        seen: &Self::Seen,
        reserved: &Self::Resource,
    ) -> impl Future<Output = Result<Self::Snapshot, upstream::Error>> + Send;

    /// Reads what the meaning of the outcome is decided by, as far as it is not `kept` from the reservation.
    fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        outcome: &Outcome<Self::Snapshot>,
        kept: Option<Self::Seen>,
    ) -> impl Future<Output = Result<Self::Seen, Error>> + Send;

    /// Decides what the outcome means for the objects, and returns what it means for the operation.
    fn settle(
        seen: &mut Self::Seen,
        operation: &Operation,
        outcome: Outcome<Self::Snapshot>,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<Verdict<Self::Resource>, Error>;

    /// Whether the object shows what came of the operation that is to make or move it. Then the operation ends with it, and
    /// every repeated call gets the same.
    fn is_decided(resource: &Self::Resource) -> bool;

    /// The object as it is now.
    fn load(app: &Payments, id: &str) -> impl Future<Output = Result<Self::Resource, Error>> + Send;
}

/// Objects that were read, and are decided about.
pub(in crate::app) trait Seen: Send + Sync {
    /// Adds the writes of all that was decided about them.
    fn write(&self, decision: &mut Decision, now: Timestamp);

    /// Notes that what was decided is durable.
    fn mark_committed(&mut self);

    /// Takes out the attempt that risk counts for it, if it does.
    fn take_counted(&mut self) -> Option<CountedAttempt> {
        None
    }
}

/// The object that a mutating call is about.
pub(in crate::app) struct Target {
    /// The id of the object it makes or moves.
    pub subject_id: String,
    /// The intent whose money it moves, when it moves any.
    pub payment_intent_id: Option<PaymentIntentId>,
}

impl Target {
    /// The id of the object in whose queue decisions about the call wait.
    pub fn queue(&self) -> &str {
        queue(self.payment_intent_id.as_ref(), &self.subject_id)
    }
}

/// The result of a reservation.
pub(in crate::app) enum Reserved<R> {
    /// The object as reserved; now send.
    Send(R),
    /// Nothing has to be sent.
    Done(R),
    /// Nothing may be sent, and that is kept with what led to it: every repeated call gets this refusal.
    Refused(Error),
    /// Corefy must be asked first ([`Command::ask`]); nothing is reserved.
    AskFirst,
}

/// The result of sending, or of looking up later.
#[derive(Clone)]
pub(in crate::app) enum Outcome<S> {
    /// Corefy answered.
    Answered(S),
    /// Corefy refused: definitely nothing was done.
    Refused(Arc<upstream::Error>),
    /// Definitely nothing was done, and the fault was not the request's: the same call may be made again.
    NotSent(Arc<upstream::Error>),
    /// Not known.
    Unknown,
    /// Corefy was asked often and long enough: it never got it.
    Absent,
}

impl<S> From<Result<S, upstream::Error>> for Outcome<S> {
    fn from(result: Result<S, upstream::Error>) -> Self {
        match result {
            Ok(snapshot) => Self::Answered(snapshot),
            // Our own credentials are wrong: once they are mended the same call is welcome.
            Err(upstream::Error::Rejected(rejection)) if rejection.is_about_credentials() => {
                Self::NotSent(Arc::new(upstream::Error::Rejected(rejection)))
            }
            Err(error @ (upstream::Error::Rejected(_) | upstream::Error::Unsupported(_))) => {
                Self::Refused(Arc::new(error))
            }
            Err(error @ upstream::Error::NotSent { .. }) => Self::NotSent(Arc::new(error)),
            Err(upstream::Error::Unknown(_) | upstream::Error::Protocol(_)) => Self::Unknown,
        }
    }
}

/// The meaning of an outcome for the operation.
pub(in crate::app) enum Verdict<R> {
    /// It ends with this object.
    Done(R),
    /// It ends with this refusal.
    Refused(Error),
    /// It is taken back, as if it had never been called.
    Released(Error),
    /// It stays open; this is the object meanwhile.
    InDoubt(R),
    /// It stays open until an operator has looked.
    NeedsOperator(R),
}

impl<R> Verdict<R> {
    /// The answer to the caller.
    pub fn into_answer(self) -> Result<R, Error> {
        match self {
            Self::Done(resource) | Self::InDoubt(resource) | Self::NeedsOperator(resource) => Ok(resource),
            Self::Refused(error) | Self::Released(error) => Err(error),
        }
    }
}

/// The outcome of creating an object that is of no use without Corefy: a customer, a saved payment method.
pub(in crate::app) enum Creation<S, R> {
    /// Corefy has the object, as it shows it.
    Made(S),
    /// Not known.
    Unknown,
    /// Corefy does not have it and will not: the object goes, and the operation ends so.
    TakenBack(Verdict<R>),
}

impl<S, R> From<Outcome<S>> for Creation<S, R> {
    fn from(outcome: Outcome<S>) -> Self {
        match outcome {
            Outcome::Answered(snapshot) => Self::Made(snapshot),
            Outcome::Unknown => Self::Unknown,
            Outcome::Refused(error) => Self::TakenBack(Verdict::Refused(error.into())),
            Outcome::NotSent(error) => Self::TakenBack(Verdict::Released(error.into())),
            Outcome::Absent => Self::TakenBack(Verdict::Refused(no_record())),
        }
    }
}

/// Corefy, asked again and again, has no record of the object's creation.
fn no_record() -> Error {
    Error::new(Reason::UpstreamRejected, "Corefy has no record of the request; nothing was created")
        .with("upstream_code", UPSTREAM_NO_RECORD)
}

/// Adds an event of this type about an object that is taken back, unless its caller is about to be told: a caller that was given
/// its id meanwhile finds nothing under it any more.
pub(in crate::app) fn emit_taken_back(
    operation: &Operation,
    kind: EventType,
    object: impl Into<EventObject>,
    now: Timestamp,
    decision: &mut Decision,
) {
    if !operation.is_first_holder() {
        decision.changes.emit(kind, object, now);
    }
}
