//! How every mutating call is made: **reserve** (read, decide, commit) → **send** (HTTP) → **settle** (read, decide, commit).
//! It runs in a task of its own, so that a caller that hangs up changes nothing; and whatever stops it on
//! the way leaves a row in the journal from which recovery goes on.
//!
//! The steps that most calls do without are in boxes of their own (`Box::pin`): the task of every call has room for the largest
//! step that it may come to, and is moved, written and cleared as a whole.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{
    call::{Answer, Caller},
    decision::Decision,
    payments::Payments,
};
use crate::{
    domain::{
        ids::OperationId,
        operation::{Operation, OperationState},
    },
    error::{Error, Reason},
    store::{CommitError, Lease},
    telemetry::{
        catalogue::{KEYS_REUSED, REPLAYS},
        trace::carried,
    },
    upstream::{Call, Priority, Scheduling},
};

mod checkpoint;
mod command;
mod conclude;
mod reserve;
mod settle;

pub use checkpoint::{Checkpoint, Probe};
pub(super) use command::{Command, Creation, Outcome, Reserved, Seen, Target, Verdict, emit_taken_back};
pub(super) use conclude::{conclude, leave_open};
use reserve::Reservation;
pub(super) use settle::{Settled, Settling};

/// How long a call waits for an earlier one with the same idempotency key.
const IN_FLIGHT_WAIT: Duration = Duration::from_secs(2);
/// How often it looks whether the earlier one is finished.
const IN_FLIGHT_POLL: Duration = Duration::from_millis(50);

/// The state of an earlier call under the same idempotency key, as a later one finds it.
enum Earlier<R> {
    /// Its answer.
    Answered(Result<R, Error>),
    /// Nothing yet: it is running, or being ended at this moment.
    Running,
    /// Nothing: it was taken back, or there was none.
    Gone,
}

impl Payments {
    /// Makes a mutating call, once for each idempotency key, and returns its outcome.
    pub(super) async fn perform<C: Command>(
        self: &Arc<Self>,
        caller: Caller,
        command: C,
    ) -> Result<Answer<C::Resource>, Error> {
        if self.tasks.is_closed() {
            return Err(Error::new(Reason::ShuttingDown, "the gateway is shutting down; this call sent nothing")
                .retry_after(Duration::from_secs(1)));
        }
        let app = self.clone();
        let task = async move { app.perform_or_replay(caller, command).await };
        self.tasks.spawn(carried(task)).await.unwrap_or_else(|panic| {
            Err(Error::new(Reason::Internal, "the gateway failed; read the object to learn the truth").because(panic))
        })
    }

    /// Reserves first and looks for an earlier call only when its idempotency key is taken: most calls are the first.
    async fn perform_or_replay<C: Command>(
        self: &Arc<Self>,
        caller: Caller,
        mut command: C,
    ) -> Result<Answer<C::Resource>, Error> {
        let give_up = Instant::now() + IN_FLIGHT_WAIT;
        // One for all attempts: by it a later one meets an earlier one that stands.
        let id = OperationId::generate(self.ids());
        loop {
            let (reservation, returned) = self.reserve(&caller, command, &id).await.map_err(of_this_call)?;
            command = returned;
            match reservation {
                Some(Reservation { reserved: Reserved::AskFirst, .. }) => command.ask(self, &caller).await?,
                Some(Reservation { reserved: Reserved::Done(resource), .. }) => {
                    return Ok(Answer { resource, is_replayed: false });
                }
                Some(Reservation { reserved: Reserved::Refused(error), .. }) => return Err(error),
                Some(Reservation { operation, reserved: Reserved::Send(resource), seen }) => {
                    let resource = self.send_and_settle(command, operation, resource, seen, caller.deadline).await?;
                    return Ok(Answer { resource, is_replayed: false });
                }
                None => {
                    if let Some(answer) =
                        Box::pin(self.await_earlier::<C>(&caller, give_up)).await.map_err(of_this_call)?
                    {
                        self.telemetry.count(&REPLAYS, []);
                        return answer.map(|resource| Answer { resource, is_replayed: true }).map_err(Error::replayed);
                    }
                }
            }
        }
    }

    /// Waits for the answer of an earlier call under the caller's idempotency key, and only reads meanwhile: many may wait
    /// for one. `None` when that call was taken back, so that this one may reserve in its place.
    async fn await_earlier<C: Command>(
        self: &Arc<Self>,
        caller: &Caller,
        give_up: Instant,
    ) -> Result<Option<Result<C::Resource, Error>>, Error> {
        loop {
            match self.replay::<C>(caller).await? {
                Earlier::Answered(answer) => return Ok(Some(answer)),
                Earlier::Gone if Instant::now() < give_up => return Ok(None),
                Earlier::Running if Instant::now() < give_up => sleep(IN_FLIGHT_POLL).await,
                Earlier::Gone | Earlier::Running => {
                    let message = "a call with this idempotency key is running";
                    return Err(Error::new(Reason::IdempotencyKeyInUse, message).retry_after(IN_FLIGHT_WAIT));
                }
            }
        }
    }

    /// Looks what an earlier call under the caller's idempotency key has for a later one.
    async fn replay<C: Command>(self: &Arc<Self>, caller: &Caller) -> Result<Earlier<C::Resource>, Error> {
        let Some(idempotency) = &caller.idempotency else { return Ok(Earlier::Gone) };
        let mut session = self.store.read().await?;
        let Some(earlier) = session.operation_keyed(&caller.partner_id, &idempotency.key).await? else {
            return Ok(Earlier::Gone);
        };
        drop(session);
        if earlier.fingerprint.as_deref() != Some(&idempotency.fingerprint[..]) || earlier.operation.kind != C::KIND {
            self.telemetry.count(&KEYS_REUSED, []);
            return Err(Error::new(
                Reason::IdempotencyKeyReused,
                "this idempotency key was used with another request; use a new key for a new request",
            ));
        }
        let operation = &earlier.operation;
        if operation.is_first_call_running(self.now()) {
            return Ok(Earlier::Running);
        }
        if operation.state != OperationState::Done {
            self.look_up_soon(&operation.subject_id).await;
        }
        Ok(self.answer_to::<C>(&operation.id).await?.map_or(Earlier::Running, Earlier::Answered))
    }

    /// The answer of an operation whose own call is not there to give it: the one that was frozen, or else the object as it
    /// is. An object that shows what came of the operation is frozen with it, before anybody has seen it. `None`: it was taken
    /// back, or is being ended at this moment.
    async fn answer_to<C: Command>(&self, id: &OperationId) -> Result<Option<Result<C::Resource, Error>>, Error> {
        let mut session = self.store.read().await?;
        let Some(current) = session.operation(id).await? else { return Ok(None) };
        let answer = session.operation_answer(&current)?;
        // Given back before the next is taken: a task that waits for a second one while it holds a first can wait for ever.
        drop(session);
        if answer.is_some() {
            return Ok(answer);
        }
        let operation = current.operation;
        let resource = C::load(self, &operation.subject_id).await?;
        if !C::is_decided(&resource) {
            return Ok(Some(Ok(resource)));
        }
        let (mut decision, now) = (Decision::by(self.ids(), std::slice::from_ref(&operation)), self.now());
        conclude(&mut decision, &operation, Lease::taken_over(&operation), &Verdict::Done(&resource), now);
        match decision.commit(&self.store).await {
            Ok(()) => Ok(Some(Ok(resource))),
            Err(CommitError::Conflict(_)) => Ok(None),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }

    async fn send_and_settle<C: Command>(
        self: &Arc<Self>,
        command: C,
        operation: Operation,
        resource: C::Resource,
        mut seen: Box<C::Seen>,
        deadline: Instant,
    ) -> Result<C::Resource, Error> {
        let _held = self.leases.hold(&operation);
        self.reached(Checkpoint::Reserved).await;
        let not_after = operation.sent_at + self.send_limit;
        let scheduling = Scheduling::until(C::KIND.into(), deadline);
        let call = Call { operation_id: &operation.id, request_id: &operation.request_id, not_after, scheduling };
        let sent = {
            let sending = pin!(timeout(self.send_limit, command.send(self, call, &seen, &resource)));
            self.looking_meanwhile(&operation, sending).await
        };
        self.reached(Checkpoint::Answered).await;
        let outcome = sent.map_or(Outcome::Unknown, Outcome::from);
        let counted = seen.take_counted().filter(|_| matches!(outcome, Outcome::NotSent(_)));
        let settled = self.settle_with_retry::<C>(&operation, outcome, Some(seen)).await;
        if let (Ok(Some(Err(_))), Some(counted)) = (&settled, counted) {
            Box::pin(self.take_back_counted(&counted)).await;
        }
        self.reached(Checkpoint::Settled).await;
        match settled {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                tracing::error!(operation = %operation.id, "the answer came after the operation had been given to another");
                Box::pin(self.look_up_soon(&operation.subject_id)).await;
                match Box::pin(self.answer_to::<C>(&operation.id)).await {
                    Ok(Some(answer)) => answer,
                    // The reserved object is certain, and promises nothing.
                    Ok(None) | Err(_) => Ok(resource),
                }
            }
            // Nothing that was sent can be taken back: the caller learns what is certain, and recovery finds out the rest.
            Err(error) => {
                tracing::error!(operation = %operation.id, cause = ?error.cause(), "the outcome could not be written");
                Ok(resource)
            }
        }
    }

    /// Waits for what is `sending`. When that takes long, Corefy is asked meanwhile about the payment: what was done and is not
    /// answered is known long before the call times out. What it shows is merged; the operation stays with its call.
    async fn looking_meanwhile<T>(
        self: &Arc<Self>,
        operation: &Operation,
        mut sending: Pin<&mut (impl Future<Output = T> + Send)>,
    ) -> T {
        let Some(payment) = operation.payment_intent_id.clone().filter(|_| operation.kind.moves_money()) else {
            return sending.await;
        };
        tokio::select! {
            biased;
            sent = &mut sending => return sent,
            () = sleep(self.look_while_sending) => {}
        }
        let app = self.clone();
        let look = async move {
            if let Err(error) = app.refresh_payment(&payment, Scheduling::of(Priority::InDoubt)).await {
                tracing::warn!(payment_intent = %payment, %error, "a payment that is being sent could not be asked about");
            }
        };
        self.tasks.spawn(carried(look));
        sending.await
    }

    async fn reached(&self, checkpoint: Checkpoint) {
        if let Some(probe) = &self.probe {
            probe(checkpoint).await;
        }
    }
}

/// Says of a call that the database stopped what is certain: an earlier call under its idempotency key may have been made.
fn of_this_call(error: Error) -> Error {
    if error.reason == Reason::StoreUnavailable { error.adding("this call sent nothing") } else { error }
}
