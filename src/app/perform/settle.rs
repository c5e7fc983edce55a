//! The last step of a mutating call: its outcome is written, once, however often that is tried.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Command, Outcome, Seen as _, Verdict, conclude};
use crate::{
    app::{
        decision::{CONFLICTS, Decision},
        payments::Payments,
    },
    domain::operation::{Operation, OperationState},
    error::{Error, Reason},
    store::{self, CommitError, Conflict, Lease},
};

/// How long an outcome is tried to be written. After that the lease of the call is over, and recovery finds it out.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait after the first try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The result of writing an outcome.
pub(in crate::app) enum Settled<R> {
    /// It is written; this is the answer.
    Written(Result<R, Error>),
    /// Another holder has claimed the operation since, and nothing was written.
    Lost,
}

/// An outcome on its way into the store.
pub(in crate::app) struct Settling<C: Command> {
    outcome: Outcome<C::Snapshot>,
    /// The objects as the reservation left them, which need not be read again.
    kept: Option<Box<C::Seen>>,
    /// The answer, if an attempt stands of which the database did not say whether it does.
    uncertain: Option<Result<C::Resource, Error>>,
}

/// How far the holder of an operation has come with writing its outcome.
enum Fate {
    /// Nothing is written.
    Open,
    /// It is written, or the operation was taken back.
    Written,
    /// Another holder has claimed the operation.
    Lost,
}

impl<C: Command> Settling<C> {
    /// An outcome of which nothing was written yet.
    pub fn new(outcome: Outcome<C::Snapshot>, kept: Option<Box<C::Seen>>) -> Self {
        Self { outcome, kept, uncertain: None }
    }
}

impl Payments {
    /// Writes an outcome, and tries again when the database does not answer: what Corefy said may not be said twice. `None`
    /// as in [`Settled::Lost`].
    pub(super) async fn settle_with_retry<C: Command>(
        &self,
        operation: &Operation,
        outcome: Outcome<C::Snapshot>,
        kept: Option<Box<C::Seen>>,
    ) -> Result<Option<Result<C::Resource, Error>>, Error> {
        let (mut pause, give_up) = (FIRST_PAUSE, Instant::now() + PATIENCE);
        let mut settling = Settling::<C>::new(outcome, kept);
        loop {
            let failed = match self.settle(operation, &mut settling).await {
                Ok(Settled::Written(answer)) => return Ok(Some(answer)),
                Ok(Settled::Lost) => return Ok(None),
                // Also where the database refuses the row: to try again does no harm.
                Err(error) if matches!(error.reason, Reason::StoreUnavailable | Reason::Internal) => error,
                Err(error) => return Err(error),
            };
            if Instant::now() >= give_up {
                return Err(failed);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reads, decides and commits what an outcome means, until that stands or cannot.
    ///
    /// # Errors
    /// As the database fails. When it did not say whether the outcome stands, another call with the same `settling` finds out.
    pub(in crate::app) async fn settle<C: Command>(
        &self,
        operation: &Operation,
        settling: &mut Settling<C>,
    ) -> Result<Settled<C::Resource>, Error> {
        let _turn = self.queues.wait(operation.queue()).await;
        for _ in 0..CONFLICTS {
            if settling.uncertain.is_some() {
                match self.fate(operation).await? {
                    Fate::Open => {}
                    Fate::Lost => return Ok(Settled::Lost),
                    Fate::Written => return Ok(settling.uncertain.take().map_or(Settled::Lost, Settled::Written)),
                }
            }
            let (verdict, decision) = self.judge(operation, settling).await?;
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(Settled::Written(verdict.into_answer())),
                Err(CommitError::Conflict(Conflict::LeaseLost)) if settling.uncertain.is_none() => {
                    return Ok(Settled::Lost);
                }
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(cause)) => {
                    if matches!(cause, store::Error::Uncertain(_)) {
                        tracing::warn!(operation = %operation.id, %cause, "it is unknown whether an outcome was committed; checking");
                        settling.uncertain = Some(verdict.into_answer());
                    }
                    return Err(cause.into());
                }
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same object").retry_after(LONGEST_PAUSE))
    }

    /// Decides what an outcome means, for the objects and for the operation.
    async fn judge<C: Command>(
        &self,
        operation: &Operation,
        settling: &mut Settling<C>,
    ) -> Result<(Verdict<C::Resource>, Decision), Error> {
        let kept = settling.kept.take().map(|kept| *kept);
        let mut seen = C::read_for_outcome(&self.store, operation, &settling.outcome, kept).await?;
        let now = self.now();
        let mut decision = Decision::by(self.ids(), std::slice::from_ref(operation));
        let verdict = match C::settle(&mut seen, operation, settling.outcome.clone(), now, &mut decision)? {
            // A webhook or a read has found out what the answer did not tell.
            Verdict::InDoubt(resource) if C::is_decided(&resource) => Verdict::Done(resource),
            verdict => verdict,
        };
        conclude(&mut decision, operation, Lease::held(operation), &verdict, now);
        seen.write(&mut decision, now);
        Ok((verdict, decision))
    }

    /// Whether the holder of an operation still has to write its outcome.
    async fn fate(&self, operation: &Operation) -> Result<Fate, Error> {
        let Some(stored) = self.store.read().await?.operation(&operation.id).await? else { return Ok(Fate::Written) };
        if stored.operation.epoch != operation.epoch {
            return Ok(Fate::Lost);
        }
        let is_given_back = stored.operation.lease_until.0 == 0;
        let is_written = stored.operation.state == OperationState::Done || is_given_back;
        Ok(if is_written { Fate::Written } else { Fate::Open })
    }
}
