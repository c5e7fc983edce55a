//! How the truth is found out: Corefy is asked what it knows of a payment, and what it says is merged. Recovery, polls,
//! webhooks and reads all come through here.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    decision::{CONFLICTS, Decision},
    lookup,
    payment::{Payment, poll_at},
    payment_intents::CreatePaymentIntentCommand,
    payments::Payments,
    perform::{Command, Outcome, Seen as _, Settled, Settling},
};
use crate::{
    domain::{
        clock::{CLOCK_SKEW, Timestamp},
        ids::PaymentIntentId,
        operation::{LEASE, Operation, OperationKind, OperationState, next_check},
        payment_intent::{PaymentIntent, REST_LOOK_INTERVAL},
        snapshot::PaymentSnapshot,
    },
    error::{Error, Reason},
    store::{Change, CommitError, Lease},
    telemetry::trace::carried,
    upstream::{self, Priority, Scheduling},
};

mod merge;

use merge::{LookTimes, conclude_claimed, emit_if_overdue, finish_if_found, is_absent_after_miss};
pub(super) use merge::{give_up_attempt, merge_payment};

/// A payment is asked about by reads at most this often.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a read waits for the answer; asking goes on behind it.
const ASK_WAIT: Duration = Duration::from_secs(3);
/// When Corefy is asked again about a payment that is at rest and could not be asked about: somebody had a reason to ask.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// When a poll that failed is made again at the latest.
const POLL_AGAIN: Duration = Duration::from_secs(15 * 60);
/// How many operations, and how many polls, one step of recovery takes, all at the same time.
const BATCH: u32 = 8;

impl Payments {
    /// Processes what is due: operations whose outcome is not known, then payments that may have news. Returns how many
    /// it took.
    pub async fn recover(self: &Arc<Self>) -> Result<usize, Error> {
        let now = self.now();
        if self.was_put_back(now).await? {
            tracing::warn!("the clock was set back; everything scheduled for later is checked now");
            self.store.pull_in_stamps(now).await?;
        }
        self.last_recovery.store(now.0, Ordering::Relaxed);
        let operations = self.store.claim_due_operations(now, now + LEASE, BATCH).await?;
        // The operations are claimed, and are looked up whether or not this works.
        let (polls, failed) = match self.store.claim_polls(now, now + self.longest_look(), BATCH).await {
            Ok(polls) => (polls, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let count = operations.len() + polls.len();
        let mut lookups = JoinSet::new();
        for operation in operations {
            let (app, holding) = (self.clone(), self.leases.hold(&operation));
            lookups.spawn(async move {
                app.reconcile_or_postpone(operation).await;
                drop(holding);
            });
        }
        for id in polls {
            let app = self.clone();
            lookups.spawn(async move {
                log_failure(id.as_str(), app.refresh_payment(&id, Scheduling::of(Priority::Poll)).await)
            });
        }
        while let Some(ended) = lookups.join_next().await {
            if let Err(panic) = ended {
                tracing::error!(%panic, "a lookup failed; it is repeated when its lease ends");
            }
        }
        failed.map_or(Ok(count), |error| Err(error.into()))
    }

    /// Whether the clock has been put back since the last step of recovery; before the first, since the newest operation was
    /// reserved.
    async fn was_put_back(&self, now: Timestamp) -> Result<bool, Error> {
        let mut seen = Timestamp(self.last_recovery.load(Ordering::Relaxed));
        if seen == Timestamp::default() {
            seen = self.store.read().await?.operation_newest().await?.unwrap_or(now);
        }
        Ok(now + CLOCK_SKEW < seen)
    }

    /// How long one look at a payment takes at most, waiting for a token included: a read is repeated within twice the
    /// timeout. A poll whose holder died is made again after this.
    fn longest_look(&self) -> Duration {
        self.send_limit.saturating_mul(2)
    }

    /// Finds out what became of one claimed operation. What fails is tried again later; what our own rules forbid to be
    /// written is given to an operator, for it would be forbidden every time.
    async fn reconcile_or_postpone(&self, operation: Operation) {
        let Err(error) = self.reconcile(operation.clone()).await else { return };
        let again = || next_check(operation.sent_at, self.now(), operation.misses);
        let next = if error.reason == Reason::Internal { None } else { again() };
        tracing::error!(operation = %operation.id, %error, cause = ?error.cause(), ?next, "an operation is postponed");
        let mut postponed = Decision::by(self.ids(), &[]);
        let (lease, misses) = (Lease::held(&operation), operation.misses);
        postponed.changes.push(Change::LeaveOperationOpen { lease, misses, next_check_at: next });
        match postponed.commit(&self.store).await {
            // Another has it, or it was given back already.
            Ok(()) | Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Failed(error)) => log_failure(operation.id.as_str(), Err::<(), _>(error.into())),
        }
    }

    async fn reconcile(&self, operation: Operation) -> Result<(), Error> {
        match (operation.kind, operation.payment_intent_id.clone()) {
            (OperationKind::CreatePaymentIntent, Some(id)) => self.recover_payment_intent(&id, &operation).await,
            (_, Some(id)) => {
                self.reconcile_payment(&id, vec![operation], Scheduling::of(Priority::InDoubt)).await.map(|_| ())
            }
            (OperationKind::CreateCustomer, None) => self.recover_customer(&operation).await,
            (OperationKind::CreatePaymentMethod, None) => self.recover_payment_method(&operation).await,
            (kind, None) => {
                let message = format!("an operation {} without a payment is open", kind.as_str());
                Err(Error::new(Reason::Internal, message))
            }
        }
    }

    /// Asks Corefy about a payment, and about every operation on it that nobody else is at. `false`: Corefy did not show
    /// the payment. `scheduling` is that of a question which concerns no operation.
    pub(super) async fn refresh_payment(&self, id: &PaymentIntentId, scheduling: Scheduling) -> Result<bool, Error> {
        let claimed = self.claim_for(id.as_str()).await?;
        let _held: Vec<_> = claimed.iter().map(|operation| self.leases.hold(operation)).collect();
        match claimed.iter().find(|operation| operation.kind == OperationKind::CreatePaymentIntent) {
            // On the heap: few calls have to look, and each would carry the room for it.
            Some(creation) => Box::pin(self.recover_payment_intent(id, creation)).await.map(|()| true),
            None => Box::pin(self.reconcile_payment(id, claimed, scheduling)).await,
        }
    }

    /// Asks Corefy about a payment because somebody reads it: at most once a second, and the reader waits for a bounded time.
    pub(super) async fn ask_about_payment(self: &Arc<Self>, id: &PaymentIntentId) {
        self.ask_after(id, ASK_INTERVAL).await;
    }

    /// Asks Corefy about a payment at rest because somebody reads it, if it is worth a look.
    pub(super) async fn ask_about_settled(self: &Arc<Self>, intent: &PaymentIntent, asked_at: Timestamp) -> bool {
        let is_worth_it = intent.is_worth_a_look(asked_at, self.now());
        if is_worth_it {
            self.ask_after(&intent.id, REST_LOOK_INTERVAL).await;
        }
        is_worth_it
    }

    /// Asks Corefy about a payment unless it was asked within `interval`.
    async fn ask_after(self: &Arc<Self>, id: &PaymentIntentId, interval: Duration) {
        let (app, id, give_up) = (self.clone(), id.clone(), Instant::now() + ASK_WAIT);
        let asking = async move {
            let now = app.now();
            let is_due = app.store.ask_about_payment_intent(&id, now.before(interval), now).await?;
            let scheduling = Scheduling::until(Priority::Read, give_up);
            if is_due { app.refresh_payment(&id, scheduling).await.map(|_| ()) } else { Ok(()) }
        };
        self.wait_for(asking).await;
    }

    /// Looks up what became of the operations on `subject` because a caller asks again.
    pub(super) async fn look_up_soon(self: &Arc<Self>, subject: &str) {
        if let Some(id) = PaymentIntentId::parse(subject) {
            return self.ask_about_payment(&id).await;
        }
        let (app, subject) = (self.clone(), subject.to_owned());
        let looking = async move {
            for operation in app.claim_for(&subject).await? {
                let _held = app.leases.hold(&operation);
                app.reconcile(operation).await?;
            }
            Ok(())
        };
        self.wait_for(looking).await;
    }

    /// Runs `work` in a task of its own and waits for it at most [`ASK_WAIT`]; a failure is only logged, for what is
    /// stored is still true.
    async fn wait_for(&self, work: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let logged = async { log_failure("read", work.await) };
        // A timeout ends the waiting, not the work.
        drop(timeout(ASK_WAIT, self.tasks.spawn(carried(logged))).await);
    }

    async fn claim_for(&self, subject: &str) -> Result<Vec<Operation>, Error> {
        let now = self.now();
        Ok(self.store.claim_operations_for(subject, now, now + LEASE).await?)
    }

    async fn recover_payment_intent(&self, id: &PaymentIntentId, operation: &Operation) -> Result<(), Error> {
        let Some(payment) = Payment::read(&self.store, id).await? else { return Ok(()) };
        let asked_at = self.now();
        let found = self.upstream.payment_intent_recover(lookup::call(operation), &payment.context()).await;
        self.settle_found::<CreatePaymentIntentCommand>(operation, asked_at, found).await
    }

    /// Settles a claimed creation by what Corefy, which was asked at `asked_at`, knows of it.
    pub(super) async fn settle_found<C: Command>(
        &self,
        operation: &Operation,
        asked_at: Timestamp,
        found: Result<Option<C::Snapshot>, upstream::Error>,
    ) -> Result<(), Error> {
        let mut operation = operation.clone();
        let times = LookTimes { asked_at, now: self.now(), send_limit: self.send_limit };
        let outcome = match found {
            Ok(Some(snapshot)) => Outcome::Answered(snapshot),
            Ok(None) if is_absent_after_miss(&mut operation, times) => Outcome::Absent,
            // Only a fault of the request itself tells of its first sending too.
            Err(upstream::Error::Rejected(rejection)) if matches!(rejection.http_status, 400 | 422) => {
                Outcome::Refused(Arc::new(upstream::Error::Rejected(rejection)))
            }
            Ok(None) | Err(_) => Outcome::Unknown,
        };
        match self.settle(&operation, &mut Settling::<C>::new(outcome, None)).await? {
            Settled::Written(_) | Settled::Lost => Ok(()),
        }
    }

    /// Asks Corefy about a payment and settles the `claimed` operations on it by the answer. `false`: Corefy did not show
    /// the payment.
    async fn reconcile_payment(
        &self,
        id: &PaymentIntentId,
        claimed: Vec<Operation>,
        scheduling: Scheduling,
    ) -> Result<bool, Error> {
        let scheduling =
            if claimed.is_empty() { scheduling } else { Scheduling { priority: Priority::InDoubt, ..scheduling } };
        let Some(asked) = Payment::read(&self.store, id).await? else { return Ok(false) };
        let asked_at = self.now();
        let found = self.upstream.payment_find(&asked.context(), scheduling).await;
        if let Err(error) = &found {
            tracing::warn!(payment_intent = %id, %error, "could not ask Corefy about a payment");
        }
        let has_failed = found.is_err();
        let shown = found.ok().flatten();
        if let Some(snapshot) = &shown {
            self.take_over_saved(asked.customer.as_ref(), snapshot).await;
        }
        let _turn = self.queues.wait(id.as_str()).await;
        for _ in 0..CONFLICTS {
            let Some(mut payment) = Payment::read(&self.store, id).await? else { return Ok(false) };
            let open = self.store.operations_unended(id).await?;
            let open: Vec<_> = open.into_iter().filter(|operation| operation.state != OperationState::Done).collect();
            let is_held =
                |claimed: &Operation| open.iter().any(|open| open.id == claimed.id && open.epoch == claimed.epoch);
            if !claimed.iter().all(is_held) {
                // Another holder has it now and will see the same; nothing of this is written.
                return Ok(shown.is_some());
            }
            let is_current = |shown: &&PaymentSnapshot| !shown.is_superseded(&asked.intent, &payment.intent);
            let current = shown.as_ref().filter(is_current);
            let has_failed = has_failed || current.is_some() != shown.is_some();
            let look = Look { shown: current, has_failed, claimed: &claimed, open: &open };
            let mut decision = Decision::by(self.ids(), &open);
            let times = LookTimes { asked_at, now: self.now(), send_limit: self.send_limit };
            decide(&mut payment, &look, times, &mut decision);
            payment.write(&mut decision, times.now);
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(shown.is_some()),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same payment"))
    }
}

/// One look at a payment.
struct Look<'a> {
    /// The payment as Corefy showed it.
    shown: Option<&'a PaymentSnapshot>,
    /// Whether Corefy gave no answer that could be read, or one that no longer counts.
    has_failed: bool,
    /// The operations that the look is for.
    claimed: &'a [Operation],
    /// Every operation on the payment that is open.
    open: &'a [Operation],
}

/// Decides what a look means: for the payment, for its refunds, and for the operations on it that are open.
fn decide(payment: &mut Payment, look: &Look<'_>, times: LookTimes, decision: &mut Decision) {
    let now = times.now;
    let attempt = look.open.iter().rfind(|operation| operation.kind == OperationKind::ConfirmPaymentIntent);
    let evidence = look.shown.map(|snapshot| (snapshot, merge_payment(payment, snapshot, attempt, now, decision)));
    let others = look.open.iter().filter(|open| look.claimed.iter().all(|claimed| claimed.id != open.id));
    for operation in others.filter(|operation| !operation.is_first_call_running(now)) {
        finish_if_found(payment, operation, evidence, now, decision);
    }
    for operation in look.claimed {
        conclude_claimed(payment, operation.clone(), evidence, times, decision);
    }
    // An operation that is open tells of itself.
    if look.open.is_empty() {
        emit_if_overdue(payment, now, decision);
    }
    if look.has_failed {
        let again = poll_at(&payment.intent, now).map_or(now + ASK_AGAIN, |at| at.min(now + POLL_AGAIN));
        payment.poll_at(Some(again));
    }
    payment.unchanged();
}

/// One lookup that failed holds up no other; it is made again when its lease is over.
fn log_failure<T>(what: &str, result: Result<T, Error>) {
    if let Err(error) = result {
        tracing::warn!(what, %error, cause = ?error.cause(), "a lookup failed");
    }
}
