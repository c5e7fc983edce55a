//! What the outcome of a creation means for an object that is of no use without Corefy: a customer, a saved payment method.

use super::perform::{Outcome, Verdict};
use crate::{
    domain::{
        clock::Timestamp,
        decline::UPSTREAM_NO_RECORD,
        event::{EventObject, EventType},
        operation::Operation,
    },
    error::{Error, Reason},
    store::Tx,
};

/// What became of a creation.
pub(super) enum Creation<S, R> {
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

/// Tells by an event of this type that the object is taken back, unless its caller is about to hear it: whoever was given its
/// id meanwhile finds nothing under it any more.
pub(super) async fn tell_of_taking_back(
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
