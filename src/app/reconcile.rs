//! How the truth is found out: Corefy is asked what it knows of a payment, and what it says is merged. Recovery, polls,
//! webhooks and reads all come through here.

use std::time::Duration;

use tokio::{task::JoinSet, time::timeout};
use tracing::Instrument as _;

use super::{
    App,
    payment_intents::{Create, customer_of},
    perform::{Command, Outcome, Verdict, conclude},
    refunds::{give_up_refund, merge_refunds},
};
use crate::{
    domain::{
        clock::Timestamp,
        event::EventType,
        ids::{PaymentIntentId, RefundId},
        operation::{Operation, OperationKind, RECOVERY_LEASE, is_absent, next_check},
        payment_intent::{PaymentError, PaymentIntent, PaymentIntentState, Progress, UPSTREAM_NO_RECORD},
        snapshot::{Merge, PaymentSnapshot, PaymentStatus},
    },
    error::Error,
    store::Tx,
    upstream::{self, Call, Order},
};

/// A payment is asked about by reads at most this often.
const ASK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a read waits for the answer; asking goes on behind it.
const ASK_WAIT: Duration = Duration::from_secs(3);
/// How many operations, and how many polls, one step of recovery takes, all at the same time.
const BATCH: u32 = 8;

impl App {
    /// Works off what is due: operations whose outcome is not known, then payments that may have news. Answers how many
    /// it took.
    pub async fn recover(&self) -> Result<usize, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let operations = tx.operations_claim_due(now, now + RECOVERY_LEASE, BATCH).await?;
        let polls = tx.payment_intents_poll(now, now + RECOVERY_LEASE, BATCH).await?;
        tx.commit().await?;
        let count = operations.len() + polls.len();
        let mut lookups = JoinSet::new();
        for operation in operations {
            let app = self.clone();
            lookups.spawn(async move { log_failure(&operation.id.to_string(), app.reconcile(operation).await) });
        }
        for id in polls {
            let app = self.clone();
            lookups.spawn(async move { log_failure(id.as_str(), app.reconcile_payment(&id, Vec::new()).await) });
        }
        lookups.join_all().await;
        Ok(count)
    }

    /// Finds out what became of one claimed operation.
    async fn reconcile(&self, operation: Operation) -> Result<(), Error> {
        match (operation.kind, operation.payment_intent_id.clone()) {
            (OperationKind::CreatePaymentIntent, Some(id)) => self.recover_payment_intent(&id, &operation).await,
            (_, Some(id)) => self.reconcile_payment(&id, vec![operation]).await,
            (OperationKind::CreateCustomer, None) => self.recover_customer(&operation).await,
            (OperationKind::CreatePaymentMethod, None) => self.recover_payment_method(&operation).await,
            (kind, None) => {
                tracing::error!(operation = %operation.id, kind = kind.as_str(), "an operation without a payment is open");
                Ok(())
            }
        }
    }

    /// Asks Corefy about a payment, and about every operation on it that nobody else is at.
    pub(super) async fn refresh_payment(&self, id: &PaymentIntentId) -> Result<(), Error> {
        let claimed = self.claim_for(id.as_str()).await?;
        match claimed.iter().find(|operation| operation.kind == OperationKind::CreatePaymentIntent) {
            Some(creation) => self.recover_payment_intent(id, creation).await,
            None => self.reconcile_payment(id, claimed).await,
        }
    }

    /// Asks Corefy about a payment because somebody reads it: at most once a second, and the reader waits only so long.
    pub(super) async fn ask_about_payment(&self, id: &PaymentIntentId) {
        let (app, id) = (self.clone(), id.clone());
        let asking = async move {
            let now = app.now();
            let mut tx = app.store.begin().await?;
            let is_due = tx.payment_intent_ask(&id, Timestamp(now.0 - ASK_INTERVAL.as_micros() as i64), now).await?;
            tx.commit().await?;
            if is_due { app.refresh_payment(&id).await } else { Ok(()) }
        };
        self.wait_for(asking).await;
    }

    /// Looks up what became of the operations on `subject` because a caller asks again.
    pub(super) async fn look_up_soon(&self, subject: &str) {
        if let Some(id) = PaymentIntentId::parse(subject) {
            return self.ask_about_payment(&id).await;
        }
        let (app, subject) = (self.clone(), subject.to_owned());
        let looking = async move {
            for operation in app.claim_for(&subject).await? {
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
        drop(timeout(ASK_WAIT, self.tasks.spawn(logged.in_current_span())).await);
    }

    async fn claim_for(&self, subject: &str) -> Result<Vec<Operation>, Error> {
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let claimed = tx.operations_claim_for(subject, now, now + RECOVERY_LEASE).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    async fn recover_payment_intent(&self, id: &PaymentIntentId, operation: &Operation) -> Result<(), Error> {
        let Some(intent) = self.store.read().await?.payment_intent_any(id).await? else { return Ok(()) };
        let customer = customer_of(&self.store, &intent).await?;
        let order = Order { intent: &intent, customer: customer.as_ref() };
        let found = self.upstream.payment_intent_recover(call(operation), order).await;
        self.settle_found::<Create>(operation, found).await
    }

    /// Settles a claimed creation by what Corefy knows of it.
    pub(super) async fn settle_found<C: Command>(
        &self,
        operation: &Operation,
        found: Result<Option<C::Snapshot>, upstream::Error>,
    ) -> Result<(), Error> {
        let mut operation = operation.clone();
        let outcome = match found {
            Ok(Some(snapshot)) => Outcome::Answered(snapshot),
            Ok(None) if is_absent_now(&mut operation, self.now()) => Outcome::Absent,
            // Only a fault of the request itself tells of its first sending too.
            Err(upstream::Error::Rejected(rejection)) if matches!(rejection.http_status, 400 | 422) => {
                Outcome::Refused(upstream::Error::Rejected(rejection))
            }
            Ok(None) | Err(_) => Outcome::Unknown,
        };
        self.settle::<C>(&operation, outcome).await?;
        Ok(())
    }

    /// Asks Corefy about a payment and settles the `claimed` operations on it by the answer.
    async fn reconcile_payment(&self, id: &PaymentIntentId, claimed: Vec<Operation>) -> Result<(), Error> {
        let Some(intent) = self.store.read().await?.payment_intent_any(id).await? else { return Ok(()) };
        let customer = customer_of(&self.store, &intent).await?;
        let found = self.upstream.payment_find(Order { intent: &intent, customer: customer.as_ref() }).await;
        if let Err(error) = &found {
            tracing::warn!(payment_intent = %id, %error, "could not ask Corefy about a payment");
        }
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let Some(mut intent) = tx.payment_intent_lock(id).await? else { return Ok(()) };
        let mut conflict = None;
        if let Ok(Some(snapshot)) = &found {
            let open = tx.operations_open(id).await?;
            let attempt = open.iter().find(|operation| operation.kind == OperationKind::ConfirmPaymentIntent);
            conflict = merge_payment(&mut tx, &mut intent, snapshot, attempt, now).await?;
        }
        for mut operation in claimed {
            let finding = match &found {
                Ok(Some(_)) if conflict.is_some() => Finding::Contradicted,
                Ok(Some(snapshot)) if tells_of(snapshot, &operation) => Finding::Told,
                Ok(found) if is_miss(found.as_ref(), &operation) && is_absent_now(&mut operation, now) => {
                    Finding::Absent
                }
                Ok(_) | Err(_) => Finding::Open,
            };
            if !conclude_finding(&mut tx, &mut intent, &operation, finding, now).await? {
                // Another holder has it now and will see the same; nothing of this is written.
                return Ok(());
            }
        }
        tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// One lookup that failed holds up no other; it is made again when its lease is over.
fn log_failure(what: &str, result: Result<(), Error>) {
    if let Err(error) = result {
        tracing::warn!(what, %error, cause = ?error.cause(), "a lookup failed");
    }
}

/// What looking up a payment says of one operation on it.
#[derive(Clone, Copy)]
enum Finding {
    /// Its outcome, which is merged already.
    Told,
    /// Something that contradicts what we know.
    Contradicted,
    /// For certain that Corefy never got it.
    Absent,
    /// Nothing yet.
    Open,
}

/// Ends a claimed operation by the finding, or leaves it open. `false`: another holder has claimed it since.
async fn conclude_finding(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    operation: &Operation,
    finding: Finding,
    now: Timestamp,
) -> Result<bool, Error> {
    if operation.kind != OperationKind::CreateRefund {
        if matches!(finding, Finding::Absent) {
            give_up_attempt(tx, intent, now).await?;
        }
        return conclude(tx, operation, &verdict(finding, intent.clone()), now).await;
    }
    let Some(id) = RefundId::parse(&operation.subject_id) else { return Ok(true) };
    let Some(mut refund) = tx.refund_any(&id).await? else { return Ok(true) };
    if matches!(finding, Finding::Absent) {
        give_up_refund(tx, intent, &mut refund, now).await?;
    }
    conclude(tx, operation, &verdict(finding, refund), now).await
}

fn verdict<R>(finding: Finding, resource: R) -> Verdict<R> {
    match finding {
        Finding::Told | Finding::Absent => Verdict::Done(resource),
        Finding::Contradicted => Verdict::NeedsOperator(resource),
        Finding::Open => Verdict::InDoubt(resource),
    }
}

/// Whether the snapshot shows what became of `operation`.
fn tells_of(snapshot: &PaymentSnapshot, operation: &Operation) -> bool {
    match operation.kind {
        OperationKind::CreateRefund => {
            snapshot.refunds.iter().any(|refund| refund.reference.as_ref() == Some(&operation.subject_id))
        }
        _ => snapshot.tells_of_attempt_since(operation.baseline),
    }
}

/// Whether an answer that does not tell of `operation` cleanly shows no trace of it. A status that we do not know may be
/// one of an attempt, and a refund's absence shows whatever the payment's status is.
fn is_miss(found: Option<&PaymentSnapshot>, operation: &Operation) -> bool {
    let is_unreadable = found.is_some_and(|snapshot| matches!(snapshot.status, PaymentStatus::Unknown(_)));
    operation.kind == OperationKind::CreateRefund || !is_unreadable
}

/// Counts a clean miss; whether it is the one that makes the operation certain to be absent.
fn is_absent_now(operation: &mut Operation, now: Timestamp) -> bool {
    operation.misses += 1;
    is_absent(operation.sent_at, now, operation.misses)
}

/// The operation as Corefy is told of it.
pub(super) fn call(operation: &Operation) -> Call<'_> {
    Call { operation_id: &operation.id, request_id: &operation.request_id }
}

/// When Corefy is to be asked about the intent next, as long as there may be news.
pub(super) fn poll_at(intent: &PaymentIntent, now: Timestamp) -> Option<Timestamp> {
    if intent.awaits_news() { next_check(intent.updated_at, now) } else { None }
}

/// Merges what Corefy says of a payment and of its refunds, and tells the events. While an `attempt` is open, a snapshot
/// that may be older than it says nothing of the payment. Answers why it contradicts us, if it does.
pub(super) async fn merge_payment(
    tx: &mut Tx,
    intent: &mut PaymentIntent,
    snapshot: &PaymentSnapshot,
    attempt: Option<&Operation>,
    now: Timestamp,
) -> Result<Option<&'static str>, Error> {
    let mut conflict = None;
    if attempt.is_none_or(|attempt| snapshot.tells_of_attempt_since(attempt.baseline)) {
        match snapshot.merge(intent) {
            Merge::Apply(change) => {
                let events = change.events.clone();
                change.apply(intent, now);
                tx.events_insert(&events, &intent.clone().into(), now).await?;
            }
            Merge::Conflict(why) => conflict = Some(why),
            Merge::Unchanged | Merge::Stale => {}
        }
    }
    if conflict.is_none() {
        conflict = merge_refunds(tx, intent, &snapshot.refunds, now).await?;
    }
    if let Some(why) = conflict {
        tracing::error!(payment_intent = %intent.id, why, "Corefy contradicts what we know; a person has to look");
        tx.event_insert_once(EventType::PaymentIntentOrphanCharge, &intent.clone().into(), now).await?;
    }
    Ok(conflict)
}

/// Gives up an attempt of which Corefy, asked again and again, has no record. It is never sent again by us.
pub(super) async fn give_up_attempt(tx: &mut Tx, intent: &mut PaymentIntent, now: Timestamp) -> Result<(), Error> {
    if !intent.state.may_become(PaymentIntentState::RequiresPaymentMethod) {
        return Ok(());
    }
    let last_error = PaymentError {
        code: UPSTREAM_NO_RECORD.to_owned(),
        message: "Corefy has no record of the attempt; nothing was charged".to_owned(),
    };
    intent.state = PaymentIntentState::RequiresPaymentMethod;
    intent.progress = Progress { next_action: None, last_error: Some(last_error) };
    intent.updated_at = now;
    tx.payment_intent_update(intent, None).await?;
    tx.events_insert(&[EventType::PaymentIntentPaymentFailed], &intent.clone().into(), now).await?;
    Ok(())
}
