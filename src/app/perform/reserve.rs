//! The first step of a mutating call: what must exist before anything is sent is made durable, or nothing is sent.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{App, Caller, Command, Outcome, Reserved, Target};
use crate::{
    domain::{
        ids::OperationId,
        operation::{LEASE, NO_BASELINE, Operation, OperationState},
    },
    error::{Error, Reason},
    store::{self, NewOperation, Tx, Versions},
    telemetry::trace::carried,
    upstream::{self, NotSent},
};

/// How long a call waits for its reservation before it is refused: a caller whose request was not sent yet is served
/// better by a quick refusal.
const RESERVE_LIMIT: Duration = Duration::from_millis(1900);
/// How much longer it waits where others are being served meanwhile: the database works, and there is a line.
const LINE_LIMIT: Duration = Duration::from_secs(3);
/// How often a reservation is tried of which the database does not say whether it stands.
const TRIES: u32 = 3;
/// When a caller whose reservation took too long may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A reservation that stands.
pub(super) struct Reservation<R> {
    pub(super) operation: Operation,
    pub(super) reserved: Reserved<R>,
    pub(super) versions: Versions,
}

/// The result of an attempt to reserve.
enum ReserveAttempt<R> {
    /// It is reserved.
    Made(Reservation<R>),
    /// Another call has the idempotency key, or an earlier attempt of this call stands.
    Taken,
    /// The database did not say whether this stands.
    Uncertain(Reservation<R>, store::Error),
}

impl App {
    /// Reserves within [`RESERVE_LIMIT`]; `None` when another call has the idempotency key. What is reserved later is taken
    /// back: its caller was told that nothing was sent.
    pub(super) async fn reserve<C: Command>(
        &self,
        caller: &Caller,
        mut command: C,
        id: &OperationId,
    ) -> Result<(Option<Reservation<C::Resource>>, C), Error> {
        if !self.reservations.admits() {
            return Err(too_late("the gateway's database has just failed"));
        }
        let (app, caller, id) = (self.clone(), caller.clone(), id.clone());
        let work = async move {
            let reserved = app.reserve_with_retry(&caller, &mut command, &id).await;
            (reserved, command)
        };
        let mut reserving = self.tasks.spawn(carried(work));
        let waited = match timeout(RESERVE_LIMIT, &mut reserving).await {
            Err(_) if self.reservations.works() => timeout(LINE_LIMIT, &mut reserving).await,
            waited => waited,
        };
        match waited {
            Ok(Ok((reserved, command))) => {
                let has_failed = reserved.as_ref().is_err_and(|error| error.reason == Reason::StoreUnavailable);
                self.reservations.note(has_failed);
                Ok((reserved?, command))
            }
            Ok(Err(panic)) => {
                Err(Error::new(Reason::Internal, "the gateway failed; this call sent nothing").because(panic))
            }
            Err(_) => {
                self.reservations.note(true);
                let app = self.clone();
                self.tasks.spawn(async move {
                    if let Ok((Ok(Some(late)), _)) = reserving.await {
                        app.take_back::<C>(late).await;
                    }
                });
                Err(too_late("the gateway's database did not answer in time"))
            }
        }
    }

    /// Reserves. A draft does it, where nobody is in the way; what hinders a draft decides nothing, for its idempotency key
    /// is not known to be free. Where the database does not say whether an attempt stands, the next one finds out: it
    /// reserves under the same id, and so waits for the attempt before it to end, and meets it if it stands.
    async fn reserve_with_retry<C: Command>(
        &self,
        caller: &Caller,
        command: &mut C,
        id: &OperationId,
    ) -> Result<Option<Reservation<C::Resource>>, Error> {
        let mut uncertain = None;
        match self.reserve_in(self.store.begin_optimistic(Versions::default()), caller, command, id).await {
            Ok(ReserveAttempt::Made(drafted)) if !matches!(drafted.reserved, Reserved::AskFirst) => {
                return Ok(Some(drafted));
            }
            Ok(ReserveAttempt::Uncertain(drafted, cause)) => uncertain = Some((drafted, cause)),
            Err(error) if error.reason == Reason::StoreUnavailable => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_to_reserve(caller, command, id).await {
                Ok(ReserveAttempt::Made(made)) => return Ok(Some(made)),
                Ok(ReserveAttempt::Uncertain(maybe, cause)) if tries < TRIES => uncertain = Some((maybe, cause)),
                Ok(ReserveAttempt::Uncertain(maybe, cause)) => return Err(self.give_up::<C>(Some(maybe), cause.into())),
                Ok(ReserveAttempt::Taken) => {
                    let Some((maybe, cause)) = uncertain else { return Ok(None) };
                    return self.own(maybe, cause).await;
                }
                Err(error) => return Err(self.give_up::<C>(uncertain.map(|(maybe, _)| maybe), error)),
            }
        }
    }

    /// Refuses a call of which it could not be found out whether it has reserved anything: nothing is sent, and what turns out
    /// to stand is taken back.
    fn give_up<C: Command>(&self, maybe: Option<Reservation<C::Resource>>, error: Error) -> Error {
        if let Some(maybe) = maybe {
            let app = self.clone();
            self.tasks.spawn(async move { app.take_back::<C>(maybe).await });
        }
        error
    }

    async fn try_to_reserve<C: Command>(
        &self,
        caller: &Caller,
        command: &mut C,
        id: &OperationId,
    ) -> Result<ReserveAttempt<C::Resource>, Error> {
        self.reserve_in(self.store.begin().await?, caller, command, id).await
    }

    /// The reservation of an attempt that turned out to stand. `None`: it is not that attempt which is in the way.
    async fn own<R>(&self, maybe: Reservation<R>, cause: store::Error) -> Result<Option<Reservation<R>>, Error> {
        let Some(stored) = self.store.read().await?.operation(&maybe.operation.id).await? else { return Ok(None) };
        let is_held = stored.operation.epoch == maybe.operation.epoch;
        if is_held { Ok(Some(maybe)) } else { Err(cause.into()) }
    }

    async fn reserve_in<C: Command>(
        &self,
        mut tx: Tx,
        caller: &Caller,
        command: &mut C,
        id: &OperationId,
    ) -> Result<ReserveAttempt<C::Resource>, Error> {
        let mut operation = self.new_operation(caller, command, id);
        let idempotency = caller.idempotency.as_ref().map(|given| (given.key.as_str(), &given.fingerprint));
        if !tx.operation_insert(NewOperation { operation: &operation, idempotency }).await? {
            return Ok(ReserveAttempt::Taken);
        }
        tx.acts_for(std::slice::from_ref(&operation));
        let reserved = command.reserve(self, &mut tx, &mut operation).await?;
        match &reserved {
            Reserved::AskFirst => {
                return Ok(ReserveAttempt::Made(Reservation { operation, reserved, versions: Versions::default() }));
            }
            Reserved::Done(resource) => {
                tx.operation_finish(&operation, &Ok::<_, Error>(resource), operation.sent_at).await?;
            }
            Reserved::Send(_) if operation.baseline != NO_BASELINE => {
                tx.operation_rebase(NewOperation { operation: &operation, idempotency }).await?;
            }
            Reserved::Send(_) => {}
        }
        match tx.commit_versions().await {
            Ok(versions) => Ok(ReserveAttempt::Made(Reservation { operation, reserved, versions })),
            Err(cause @ store::Error::Uncertain(_)) => {
                tracing::warn!(operation = %operation.id, %cause, "it is unknown whether a reservation was committed; checking");
                Ok(ReserveAttempt::Uncertain(Reservation { operation, reserved, versions: Versions::default() }, cause))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn new_operation<C: Command>(&self, caller: &Caller, command: &C, id: &OperationId) -> Operation {
        let now = self.now();
        let Target { subject_id, payment_intent_id } = command.target();
        Operation {
            id: id.clone(),
            partner_id: caller.partner_id.clone(),
            kind: C::KIND,
            subject_id,
            payment_intent_id,
            state: OperationState::Sent,
            epoch: 1,
            lease_until: now + LEASE,
            sent_at: now,
            misses: 0,
            baseline: NO_BASELINE,
            request_id: caller.request_id.clone(),
        }
    }

    /// Takes back a reservation of which nothing was sent and nothing will be, so that its idempotency key is free again.
    /// Where that fails, its lease ends, and it is looked up.
    async fn take_back<C: Command>(&self, late: Reservation<C::Resource>) {
        let Reservation { operation, reserved: Reserved::Send(_), versions } = late else { return };
        let reason = upstream::Error::NotSent { reason: NotSent::TooLate, retry_after: RETRY_AFTER };
        let taken_back = self.settle_with_retry::<C>(&operation, Outcome::NotSent(Arc::new(reason)), versions).await;
        let is_taken_back = taken_back.is_ok();
        tracing::warn!(operation = %operation.id, is_taken_back, "a reservation came too late; nothing was sent");
    }
}

fn too_late(message: &str) -> Error {
    Error::new(Reason::StoreUnavailable, message).retry_after(RETRY_AFTER)
}
