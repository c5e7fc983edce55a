//! The last step of a mutating call: its outcome is written, once, however often that is tried.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{App, Command, Outcome, Verdict, conclude};
use crate::{
    domain::operation::Operation,
    error::{Error, Reason},
    store::{self, OutcomeStatus, Tx, Versions},
};

/// How long an outcome is tried to be written. After that the lease of the call is over, and recovery finds it out.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait after the first try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The result of an attempt to write an outcome.
pub(in crate::app) enum Settled<R> {
    /// It is written; this is the answer.
    Written(Result<R, Error>),
    /// Another holder has claimed the operation since, and nothing was written.
    Lost,
    /// The database did not say whether it is written; this is the answer if it is.
    Uncertain(Result<R, Error>, store::Error),
}

impl App {
    /// Writes an outcome, and tries again when the database does not answer: what Corefy said may not be said twice. `None`
    /// as in [`Settled::Lost`].
    pub(super) async fn settle_with_retry<C: Command>(
        &self,
        operation: &Operation,
        outcome: Outcome<C::Snapshot>,
        versions: Versions,
    ) -> Result<Option<Result<C::Resource, Error>>, Error> {
        let (mut pause, give_up) = (FIRST_PAUSE, Instant::now() + PATIENCE);
        let mut uncertain = None;
        loop {
            let failed = match self.settle_or_find::<C>(operation, &outcome, &versions, &mut uncertain).await {
                Ok(Settled::Written(answer)) => return Ok(Some(answer)),
                Ok(Settled::Lost) => return Ok(None),
                Ok(Settled::Uncertain(answer, cause)) => {
                    uncertain = Some(answer);
                    Error::from(cause)
                }
                Err(error) if error.reason == Reason::StoreUnavailable => error,
                Err(error) => return Err(error),
            };
            if Instant::now() >= give_up {
                return Err(failed);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Writes an outcome, after it has found out that an attempt before, whose answer is `uncertain`, does not stand.
    async fn settle_or_find<C: Command>(
        &self,
        operation: &Operation,
        outcome: &Outcome<C::Snapshot>,
        versions: &Versions,
        uncertain: &mut Option<Result<C::Resource, Error>>,
    ) -> Result<Settled<C::Resource>, Error> {
        if uncertain.is_some() {
            match self.store.begin().await?.operation_outcome_status(operation).await? {
                OutcomeStatus::Open => {}
                OutcomeStatus::Lost => return Ok(Settled::Lost),
                OutcomeStatus::Written => return Ok(uncertain.take().map_or(Settled::Lost, Settled::Written)),
            }
        }
        self.settle::<C>(operation, outcome.clone(), versions.clone()).await
    }

    /// Writes an outcome, by a draft where nobody is in the way; `known` is what it need not read.
    pub(in crate::app) async fn settle<C: Command>(
        &self,
        operation: &Operation,
        outcome: Outcome<C::Snapshot>,
        versions: Versions,
    ) -> Result<Settled<C::Resource>, Error> {
        match self.settle_in::<C>(self.store.begin_optimistic(versions), operation, outcome.clone()).await {
            Ok(settled) => return Ok(settled),
            Err(error) if error.reason == Reason::StoreUnavailable => return Err(error),
            Err(_) => {}
        }
        self.settle_in::<C>(self.store.begin().await?, operation, outcome).await
    }

    async fn settle_in<C: Command>(
        &self,
        mut tx: Tx,
        operation: &Operation,
        outcome: Outcome<C::Snapshot>,
    ) -> Result<Settled<C::Resource>, Error> {
        let now = self.now();
        tx.acts_for(std::slice::from_ref(operation));
        let verdict = match C::settle(&mut tx, operation, outcome, now).await? {
            // A webhook or a read has found out what the answer did not tell.
            Verdict::InDoubt(resource) if C::is_decided(&resource) => Verdict::Done(resource),
            verdict => verdict,
        };
        if !conclude(&mut tx, operation, &verdict, now).await? {
            return Ok(Settled::Lost);
        }
        let committed = tx.commit().await;
        let answer = match verdict {
            Verdict::Done(resource) | Verdict::InDoubt(resource) | Verdict::NeedsOperator(resource) => Ok(resource),
            Verdict::Refused(error) | Verdict::Released(error) => Err(error),
        };
        match committed {
            Ok(()) => Ok(Settled::Written(answer)),
            Err(cause @ store::Error::Uncertain(_)) => {
                tracing::warn!(operation = %operation.id, %cause, "it is unknown whether an outcome was committed; checking");
                Ok(Settled::Uncertain(answer, cause))
            }
            Err(error) => Err(error.into()),
        }
    }
}
