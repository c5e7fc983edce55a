//! The first step of a mutating call: what must exist before anything is sent is made durable, or nothing is sent.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Command, Outcome, Reserved, Seen as _, Target};
use crate::{
    app::{
        call::Caller,
        decision::{CONFLICTS, Decision},
        payments::Payments,
    },
    domain::{
        ids::OperationId,
        operation::{LEASE, NO_BASELINE, Operation, OperationKind, OperationState},
    },
    error::{Error, Reason},
    store::{self, Change, CommitError, Conflict, FrozenAnswer},
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
pub(super) struct Reservation<C: Command> {
    pub(super) operation: Operation,
    pub(super) reserved: Reserved<C::Resource>,
    /// The objects as they were reserved.
    pub(super) seen: Box<C::Seen>,
}

/// The result of committing a reservation.
enum Committed {
    /// It stands.
    Durable,
    /// It does not fit what is stored.
    Conflict(Conflict),
    /// The database did not say whether it stands.
    Uncertain(store::Error),
}

impl Payments {
    /// Reserves within [`RESERVE_LIMIT`]; `None` when another call has the idempotency key. What is reserved later is taken
    /// back: its caller was told that nothing was sent.
    pub(super) async fn reserve<C: Command>(
        self: &Arc<Self>,
        caller: &Caller,
        command: C,
        id: &OperationId,
    ) -> Result<(Option<Reservation<C>>, C), Error> {
        if !self.reservations.admits() {
            return Err(too_late("the gateway's database has just failed"));
        }
        let (app, caller, id) = (self.clone(), caller.clone(), id.clone());
        let work = async move {
            let reserved = app.decide_and_commit(&caller, &command, &id).await;
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
                        app.take_back(late).await;
                    }
                });
                Err(too_late("the gateway's database did not answer in time"))
            }
        }
    }

    /// Reads, decides and commits until that stands or is refused. A refusal writes nothing; it counts only where no earlier
    /// call has the idempotency key, which is then answered as that call was.
    async fn decide_and_commit<C: Command>(
        self: &Arc<Self>,
        caller: &Caller,
        command: &C,
        id: &OperationId,
    ) -> Result<Option<Reservation<C>>, Error> {
        let _turn = self.queues.wait(command.target().queue()).await;
        for _ in 0..CONFLICTS {
            let mut operation = self.new_operation::<C>(caller, command.target(), id);
            let (reservation, decision) = match self.decide(caller, command, &mut operation).await {
                Ok((Reserved::AskFirst, seen, _)) => {
                    return Ok(Some(Reservation { operation, reserved: Reserved::AskFirst, seen }));
                }
                Ok((reserved, seen, decision)) => (Reservation { operation, reserved, seen }, decision),
                Err(refusal) if Box::pin(self.is_key_taken(caller, &refusal)).await? => return Ok(None),
                Err(refusal) => return Err(Box::pin(self.explain_refusal(caller, command, refusal)).await?),
            };
            match self.commit_reservation(&decision, &reservation.operation).await? {
                Committed::Durable => return Ok(Some(reservation.committed())),
                Committed::Conflict(Conflict::KeyTaken) => return Ok(None),
                Committed::Conflict(Conflict::ReferenceTaken) => {
                    return Err(reference_taken(command, Box::pin(self.find_reference(caller, command)).await?));
                }
                Committed::Conflict(
                    Conflict::Stale
                    | Conflict::LeaseLost
                    | Conflict::Locked
                    | Conflict::AuditMoved
                    | Conflict::PartnerTaken
                    | Conflict::KeyChanged,
                ) => {}
                Committed::Uncertain(cause) => {
                    let app = self.clone();
                    self.tasks.spawn(async move { app.take_back(reservation.committed()).await });
                    return Err(cause.into());
                }
            }
        }
        Err(too_late("too many calls change the same object"))
    }

    /// Decides what is to be reserved.
    async fn decide<C: Command>(
        &self,
        caller: &Caller,
        command: &C,
        operation: &mut Operation,
    ) -> Result<(Reserved<C::Resource>, Box<C::Seen>, Decision), Error> {
        let mut seen = Box::new(command.read(self, operation).await?);
        let mut decision = Decision::by(self.ids(), std::slice::from_ref(operation));
        let reserved = command.reserve(self, &mut seen, operation, &mut decision)?;
        let answer = match &reserved {
            Reserved::Done(resource) => Some(FrozenAnswer::of(&Ok::<_, Error>(resource))),
            Reserved::Refused(error) => Some(FrozenAnswer::of(&Err::<C::Resource, _>(error))),
            Reserved::Send(_) | Reserved::AskFirst => None,
        };
        let idempotency = caller.idempotency.as_ref().map(|given| (given.key.clone(), given.fingerprint));
        decision.changes.push(Change::ReserveOperation { operation: operation.clone(), idempotency, answer });
        seen.write(&mut decision, operation.sent_at);
        Ok((reserved, seen, decision))
    }

    /// Whether an earlier call has the caller's idempotency key, so that its answer counts instead of the refusal.
    async fn is_key_taken(&self, caller: &Caller, refusal: &Error) -> Result<bool, Error> {
        let Some(idempotency) = &caller.idempotency else { return Ok(false) };
        if refusal.reason == Reason::StoreUnavailable {
            return Ok(false);
        }
        let mut session = self.store.read().await?;
        Ok(session.operation_keyed(&caller.partner_id, &idempotency.key).await?.is_some())
    }

    /// Commits a reservation. Where the database does not say whether it stands, the same is committed again: it conflicts
    /// with itself if it does, after it has waited for the attempt before to end.
    async fn commit_reservation(&self, decision: &Decision, operation: &Operation) -> Result<Committed, Error> {
        let (mut uncertain, mut tries, mut waits) = (None, 0, 0);
        while tries < TRIES && waits < CONFLICTS {
            tries += 1;
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(Committed::Durable),
                Err(CommitError::Failed(cause @ store::Error::Uncertain(_))) => {
                    tracing::warn!(operation = %operation.id, %cause, "it is unknown whether a reservation was committed; checking");
                    uncertain = Some(cause);
                }
                // The attempt before may be what holds the row.
                Err(CommitError::Conflict(Conflict::Locked)) if uncertain.is_some() => {
                    (tries, waits) = (tries - 1, waits + 1)
                }
                Err(CommitError::Conflict(conflict)) => {
                    let Some(cause) = uncertain else { return Ok(Committed::Conflict(conflict)) };
                    return self.own(operation, conflict, cause).await;
                }
                Err(CommitError::Failed(error)) => {
                    return uncertain.map_or(Err(error.into()), |cause| Ok(Committed::Uncertain(cause)));
                }
            }
        }
        Ok(uncertain.map_or(Committed::Conflict(Conflict::Stale), Committed::Uncertain))
    }

    /// Whether the reservation that conflicts is this call's own, which stands after all.
    async fn own(&self, operation: &Operation, conflict: Conflict, cause: store::Error) -> Result<Committed, Error> {
        let Some(stored) = self.store.read().await?.operation(&operation.id).await? else {
            return Ok(Committed::Conflict(conflict));
        };
        let is_held = stored.operation.epoch == operation.epoch;
        if is_held { Ok(Committed::Durable) } else { Err(cause.into()) }
    }

    /// A refusal, or where the reference is taken, that: the object that has it may be what the refusal is about, as a refund
    /// that was made before has taken its share of what is left.
    async fn explain_refusal<C: Command>(&self, caller: &Caller, command: &C, refusal: Error) -> Result<Error, Error> {
        if matches!(refusal.reason, Reason::StoreUnavailable | Reason::ResourceNotFound) {
            return Ok(refusal);
        }
        let taken = self.find_reference(caller, command).await?;
        Ok(if taken.is_some() { reference_taken(command, taken) } else { refusal })
    }

    /// The id of the partner's object that has the command's reference.
    async fn find_reference<C: Command>(&self, caller: &Caller, command: &C) -> Result<Option<String>, Error> {
        let (Some(reference), partner) = (command.reference(), &caller.partner_id) else { return Ok(None) };
        let mut session = self.store.read().await?;
        Ok(match C::KIND {
            OperationKind::CreatePaymentIntent => {
                session.payment_intent_id_referenced(partner, reference).await?.map(|id| id.to_string())
            }
            OperationKind::CreateRefund => {
                session.refund_id_referenced(partner, reference).await?.map(|id| id.to_string())
            }
            OperationKind::CreateCustomer => {
                session.customer_id_referenced(partner, reference).await?.map(|id| id.to_string())
            }
            OperationKind::ConfirmPaymentIntent
            | OperationKind::CancelPaymentIntent
            | OperationKind::CreatePaymentMethod
            | OperationKind::UpdateCustomer
            | OperationKind::UpdatePaymentMethod
            | OperationKind::DeletePaymentMethod => None,
        })
    }

    fn new_operation<C: Command>(&self, caller: &Caller, target: Target, id: &OperationId) -> Operation {
        let now = self.now();
        let Target { subject_id, payment_intent_id } = target;
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
    async fn take_back<C: Command>(&self, late: Reservation<C>) {
        let Reservation { operation, reserved: Reserved::Send(_), mut seen } = late else { return };
        let reason = upstream::Error::NotSent { reason: NotSent::TooLate, retry_after: RETRY_AFTER };
        let taken_back = self.settle_with_retry::<C>(&operation, Outcome::NotSent(Arc::new(reason)), None).await;
        let is_taken_back = taken_back.is_ok();
        if let (Ok(Some(Err(_))), Some(counted)) = (&taken_back, seen.take_counted()) {
            self.take_back_counted(&counted).await;
        }
        tracing::warn!(operation = %operation.id, is_taken_back, "a reservation came too late; nothing was sent");
    }
}

impl<C: Command> Reservation<C> {
    /// The same once it is durable.
    fn committed(mut self) -> Self {
        self.seen.mark_committed();
        self
    }
}

/// The partner has used the reference for an object of the same kind.
fn reference_taken<C: Command>(command: &C, by: Option<String>) -> Error {
    let by = by.unwrap_or_default();
    let owner = if by.is_empty() { "another object" } else { by.as_str() };
    Error::new(Reason::ReferenceIdTaken, format!("the reference_id is taken by {owner}"))
        .with("reference_id", command.reference().unwrap_or_default())
        .with("resource_id", by)
}

fn too_late(message: &str) -> Error {
    Error::new(Reason::StoreUnavailable, message).retry_after(RETRY_AFTER)
}
