//! Reconciliation: payments beside what Corefy shows of them, asked or in a file of its books, and what differs settled by Corefy's
//! word. Nothing is changed but by [`Reconciliation::apply`] and the entry in the audit log.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{decision::Decision, parts::App, payment::Payment};
use crate::{
    domain::{
        audit::{AuditAction, AuditEntry, Note},
        clock::{TimeRange, Timestamp},
        environment::Environment,
        event::EventType,
        ids::{PartnerId, PaymentIntentId},
        payment_intent::PaymentIntent,
        reconciliation::{Difference, Mismatch, OurPayment, Patience, Shown, Totals, compare},
        refund::Refund,
        snapshot::PaymentSnapshot,
    },
    error::{Error, Reason},
    store::{Change, Changes, ListPosition, Store, Tracked},
    upstream::{self, NotSent, PaymentContext, Priority, Scheduling},
};

/// How many payments are read at a time.
pub const PAYMENTS_AT_A_TIME: u32 = 100;
/// How often Corefy is asked about one payment, beside what the transport repeats.
const TRIES: u32 = 4;
/// The pause after the first try that failed; it doubles with each.
const PAUSE: Duration = Duration::from_secs(1);
/// The shortest and the longest pause while the rate limit is used up.
const RATE_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long a payment waits for its turn in the rate limit at most. What the others leave is little, but never nothing.
const LONGEST_RATE_WAIT: Duration = Duration::from_secs(600);

/// The comparison with Corefy's books.
#[derive(Clone)]
pub struct Reconciliation {
    store: Store,
    environment: Environment,
    settling: Duration,
    corefy: Option<App>,
}

/// The payments that are compared, and how.
#[derive(Clone, Debug)]
pub struct ReconciliationRun {
    /// The range in which they were created.
    pub created: TimeRange,
    /// The only partner whose they are; `None`: all partners.
    pub partner: Option<PartnerId>,
    /// Whether Corefy's side is a file.
    pub is_against_file: bool,
    /// Whether what differs is settled by Corefy's word.
    pub applies: bool,
}

/// Why a payment could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// Corefy gave no answer about this payment that could be read.
    #[error("{0}")]
    Unanswered(upstream::Error),
    /// Others would fail as well.
    #[error("{0}")]
    Failed(#[from] Error),
}

impl Reconciliation {
    /// In this database; changes that are younger than `settling` may be in one of the books alone. Without `corefy`, Corefy cannot be
    /// asked.
    pub fn new(store: Store, environment: Environment, settling: Duration, corefy: Option<App>) -> Self {
        Self { store, environment, settling, corefy }
    }

    /// Every partner.
    pub async fn partners(&self) -> Result<Vec<PartnerId>, Error> {
        Ok(self.store.read().await?.partners().await?)
    }

    /// The partner's payments of a range after a position, in the order of creation, at most [`PAYMENTS_AT_A_TIME`].
    pub async fn payments(
        &self,
        partner: &PartnerId,
        created: TimeRange,
        after: Option<&ListPosition>,
    ) -> Result<Vec<PaymentIntent>, Error> {
        let mut session = self.store.read().await?;
        Ok(session.payment_intents_created(partner, created, after, PAYMENTS_AT_A_TIME).await?)
    }

    /// The payment that has this id at Corefy, or else this one, if that has none there.
    pub async fn payment_named(
        &self,
        upstream_id: Option<&str>,
        id: Option<&PaymentIntentId>,
    ) -> Result<Option<PaymentIntent>, Error> {
        let mut session = self.store.read().await?;
        if let Some(upstream_id) = upstream_id
            && let Some(found) = session.payment_intent_id_upstream(upstream_id).await?
        {
            return Ok(session.payment_intent_any(&found).await?);
        }
        let Some(id) = id else { return Ok(None) };
        let found = session.payment_intent_any(id).await?;
        Ok(found.filter(|intent| upstream_id.is_none() || intent.upstream_id.is_none()))
    }

    /// The differences between a payment and what Corefy says of it now.
    pub async fn compare_with_corefy(&self, intent: &PaymentIntent) -> Result<Vec<Difference>, CompareError> {
        let refunds = self.refunds_of(intent).await?;
        let refunds = refunds.iter().map(|refund| &**refund).collect();
        let shown = self.ask(PaymentContext { intent, customer: None, refunds }).await?;
        let shown = shown.as_ref().map_or(Shown::Absent, |snapshot| Shown::Payment(snapshot.into()));
        Ok(self.compare(intent, shown, self.environment.clock.now()).await?)
    }

    /// The differences between a payment and what a file shows of it that was made at `as_of`.
    pub async fn compare(
        &self,
        intent: &PaymentIntent,
        shown: Shown<'_>,
        as_of: Timestamp,
    ) -> Result<Vec<Difference>, Error> {
        let patience = self.patience(as_of);
        let refunds = self.refunds_of(intent).await?;
        let ours = OurPayment { intent, refunds: refunds.iter().map(|refund| &**refund).collect(), operations: &[] };
        if intent.upstream_id.is_some() && compare(&ours, shown, patience).is_empty() {
            return Ok(Vec::new());
        }
        // It may have changed while Corefy was asked.
        let operations = self.store.operations_unended(&intent.id).await?;
        let Some(payment) = Payment::read(&self.store, &intent.id).await? else { return Ok(Vec::new()) };
        let refunds = payment.refunds.iter().map(|refund| &**refund).collect();
        Ok(compare(&OurPayment { intent: &payment.intent, refunds, operations: &operations }, shown, patience))
    }

    async fn refunds_of(&self, intent: &PaymentIntent) -> Result<Vec<Tracked<Refund>>, Error> {
        if !intent.may_have_refunds() {
            return Ok(Vec::new());
        }
        Ok(self.store.read().await?.refunds_of(&intent.id).await?)
    }

    /// How long changes have to be in both books, when the other was made at `as_of`.
    pub fn patience(&self, as_of: Timestamp) -> Patience {
        Patience { as_of, settling: self.settling }
    }

    /// Asks Corefy about a payment, behind all other calls, and again where that failed or the rate limit was used up.
    async fn ask(&self, context: PaymentContext<'_>) -> Result<Option<PaymentSnapshot>, CompareError> {
        let upstream = &self.corefy()?.payments.upstream;
        let (mut tries, give_up) = (0, Instant::now() + LONGEST_RATE_WAIT);
        loop {
            let error = match upstream.payment_find(&context, Scheduling::of(Priority::Books)).await {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) => error,
            };
            match &error {
                upstream::Error::NotSent { reason: NotSent::RateLimited | NotSent::TooLate, retry_after }
                    if Instant::now() < give_up =>
                {
                    sleep((*retry_after).clamp(RATE_PAUSES.0, RATE_PAUSES.1)).await;
                }
                upstream::Error::Rejected(rejection) if rejection.is_about_credentials() => {
                    return Err(CompareError::Failed(error.into()));
                }
                upstream::Error::Rejected(_) => return Err(CompareError::Unanswered(error)),
                _ if tries + 1 < TRIES => {
                    sleep(PAUSE.saturating_mul(2_u32.pow(tries))).await;
                    tries += 1;
                }
                _ => return Err(CompareError::Unanswered(error)),
            }
        }
    }

    /// Tells a payment's differences by an event, and then settles them the ordinary way: Corefy is asked, and what it says is merged
    /// as ever. `false`: none of them stays.
    pub async fn apply(&self, intent: &PaymentIntent, differences: &[Difference]) -> Result<bool, Error> {
        let (corefy, now) = (self.corefy()?, self.environment.clock.now());
        let Some(mismatch) = Mismatch::of(intent, differences, now) else { return Ok(false) };
        let mut decision = Decision::by(&self.environment.ids, &[]);
        decision.changes.emit(EventType::ReconcileMismatch, mismatch, now);
        self.store.commit_once(&decision.changes).await?;
        corefy.payments.refresh_payment(&intent.id, Scheduling::of(Priority::Books)).await?;
        corefy.api_calls.write_api_calls().await?;
        Ok(true)
    }

    /// Has a run that has ended audited.
    pub async fn note(&self, note: &Note, run: &ReconciliationRun, totals: &Totals) -> Result<(), Error> {
        let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let what = json!({
            "from": moment(run.created.from),
            "to": moment(run.created.before),
            "partner": run.partner.as_ref().map(PartnerId::as_str),
            "against": if run.is_against_file { "file" } else { "corefy" },
            "applied": run.applies,
            "compared": totals.compared,
            "not_compared": totals.not_compared,
            "differences": totals.real_by_kind(),
            "pending": totals.pending(),
        });
        let Environment { ids, clock, .. } = &self.environment;
        let entry = AuditEntry::new(ids, clock.now(), note, AuditAction::BooksReconcile, ("books", "")).to(&what);
        self.store.commit_once(&Changes::from_iter([Change::AuditEntry(Box::new(entry))])).await?;
        Ok(())
    }

    fn corefy(&self) -> Result<&App, Error> {
        self.corefy.as_ref().ok_or_else(|| Error::new(Reason::Internal, "Corefy cannot be asked"))
    }
}
