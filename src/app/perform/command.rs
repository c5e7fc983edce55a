//! The description of a mutating call: its three steps, and their outcomes.

use std::{future::Future, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    app::{App, Caller},
    domain::{
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::{EventObject, EventType},
        ids::PaymentIntentId,
        operation::{Operation, OperationKind},
    },
    error::{Error, Reason},
    store::Tx,
    upstream::{self, Call},
};

/// A mutating call in its three steps.
pub(in crate::app) trait Command: Send + Sync + 'static {
    /// The kind of the call.
    const KIND: OperationKind;
    /// The object that it returns.
    type Resource: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Corefy's answer to it.
    type Snapshot: Clone + Send + Sync;

    /// The object that it is about. Written to the journal before anything else is locked.
    fn target(&self) -> Target;

    /// Checks the rules and writes what must exist before anything is sent. An error leaves no trace.
    fn reserve(
        &mut self,
        app: &App,
        tx: &mut Tx,
        operation: &mut Operation,
    ) -> impl Future<Output = Result<Reserved<Self::Resource>, Error>> + Send;

    /// Asks Corefy what [`Reserved::AskFirst`] wants to know, with no transaction open.
    fn ask(&mut self, _: &App, _: &Caller) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// Sends it to Corefy.
    fn send(
        self,
        app: &App,
        call: Call<'_>,
        reserved: &Self::Resource,
    ) -> impl Future<Output = Result<Self::Snapshot, upstream::Error>> + Send;

    /// Writes what the outcome means for the objects, and says what it means for the operation.
    fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<Self::Snapshot>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Verdict<Self::Resource>, Error>> + Send;

    /// Whether the object shows what came of the operation that is to make or move it. Then the operation ends with it, and
    /// every repeated call gets the same.
    fn is_decided(resource: &Self::Resource) -> bool;

    /// The object as it is now.
    fn load(app: &App, id: &str) -> impl Future<Output = Result<Self::Resource, Error>> + Send;
}

/// The object of a mutating call.
pub(in crate::app) struct Target {
    /// The id of the object it makes or moves.
    pub subject_id: String,
    /// The intent whose money it moves, when it moves any.
    pub payment_intent_id: Option<PaymentIntentId>,
}

/// The result of a reservation.
pub(in crate::app) enum Reserved<R> {
    /// The object as reserved; now send.
    Send(R),
    /// Nothing has to be sent.
    Done(R),
    /// Corefy must be asked first ([`Command::ask`]); nothing is reserved.
    AskFirst,
}

/// The outcome of sending, or of a later lookup.
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
    /// It stays open until a person has looked.
    NeedsOperator(R),
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

/// Emits an event of this type, since the object is taken back, unless its caller is about to learn it: a reader that was
/// given its id meanwhile finds nothing under it any more.
pub(in crate::app) async fn emit_taken_back(
    tx: &mut Tx,
    operation: &Operation,
    kind: EventType,
    object: impl Into<EventObject>,
    now: Timestamp,
) -> Result<(), Error> {
    if operation.is_first_holder() {
        return Ok(());
    }
    Ok(tx.events_insert(&[kind], &object.into(), now).await?)
}
