//! A payment as a decision sees it: its intent and refunds as they were read, and how the decision leaves them.

use std::time::Duration;

use super::{decision::Decision, perform::Seen};
use crate::{
    domain::{
        clock::Timestamp, customer::Customer, event::EventType, ids::PaymentIntentId, operation::Operation,
        payment_intent::PaymentIntent, refund::Refund,
    },
    error::Error,
    store::{self, Change, Store, Tracked},
    upstream::PaymentContext,
};

/// When Corefy is asked again after it has contradicted us for the first time.
pub(super) const CONTRADICTION_CHECK: Duration = Duration::from_secs(2);

/// A payment.
pub(super) struct Payment {
    /// The intent.
    pub intent: Tracked<PaymentIntent>,
    /// Every refund of it, oldest first.
    pub refunds: Vec<Tracked<Refund>>,
    /// The intent's customer, when it has one.
    pub customer: Option<Customer>,
    next_poll: NextPoll,
}

/// When Corefy is asked about the payment next without anybody's asking.
#[derive(Clone, Copy)]
enum NextPoll {
    /// As its state has it.
    Scheduled,
    /// Then, or not at all.
    Set(Option<Timestamp>),
}

impl Payment {
    /// Makes a payment of a new intent.
    pub fn new(intent: PaymentIntent, customer: Option<Customer>) -> Self {
        Self { intent: Tracked::new(intent), refunds: Vec::new(), customer, next_poll: NextPoll::Scheduled }
    }

    /// Reads a payment, whatever partner's it is.
    pub async fn read(store: &Store, id: &PaymentIntentId) -> Result<Option<Self>, store::Error> {
        let Some(intent) = store.payment_intent_tracked(id).await? else { return Ok(None) };
        let (mut refunds, mut customer) = (Vec::new(), None);
        if intent.customer_id.is_some() || intent.may_have_refunds() {
            let mut session = store.read().await?;
            customer = session.customer_of(&intent).await?;
            if intent.may_have_refunds() {
                refunds = session.refunds_of(id).await?;
            }
        }
        Ok(Some(Self { intent, refunds, customer, next_poll: NextPoll::Scheduled }))
    }

    /// Reads the payment of the object `subject`, which an operation is about.
    pub async fn read_for(store: &Store, subject: &str) -> Result<Self, Error> {
        let not_found = || Error::not_found("payment_intent", subject);
        let id = PaymentIntentId::parse(subject).ok_or_else(not_found)?;
        Box::pin(Self::read(store, &id)).await?.ok_or_else(not_found)
    }

    /// Reads the payment of the intent, which must be of the operation's partner.
    pub async fn read_own(store: &Store, operation: &Operation, id: &PaymentIntentId) -> Result<Self, Error> {
        let own =
            Box::pin(Self::read(store, id)).await?.filter(|payment| payment.intent.partner_id == operation.partner_id);
        own.ok_or_else(|| Error::not_found("payment_intent", id.as_str()))
    }

    /// The payment of the intent that an operation is about: the one that was kept, or as it is now.
    pub async fn kept_or_read(store: &Store, operation: &Operation, kept: Option<Self>) -> Result<Self, Error> {
        match kept {
            Some(payment) => Ok(payment),
            None => Self::read_for(store, &operation.subject_id).await,
        }
    }

    /// The payment as calls to Corefy need it.
    pub fn context(&self) -> PaymentContext<'_> {
        let refunds = self.refunds.iter().map(|refund| &**refund).collect();
        PaymentContext { intent: &self.intent, customer: self.customer.as_ref(), refunds }
    }

    /// Adds an event of this type about the intent as it is now.
    pub fn emit(&self, kind: EventType, now: Timestamp, decision: &mut Decision) {
        decision.changes.emit(kind, self.intent.to_inner(), now);
    }

    /// The intent of a decision that leaves it as it is, and stands only if it still is.
    pub fn unchanged(&mut self) -> PaymentIntent {
        self.intent.require_unchanged();
        self.intent.to_inner()
    }

    /// Has Corefy asked next at this time, instead of when the state has it.
    pub fn poll_at(&mut self, at: Option<Timestamp>) {
        self.next_poll = NextPoll::Set(at);
    }
}

impl Seen for Payment {
    fn write(&self, decision: &mut Decision, now: Timestamp) {
        let next_poll = match self.next_poll {
            NextPoll::Scheduled => poll_at(&self.intent, now),
            NextPoll::Set(at) => at,
        };
        if self.intent.is_pending() {
            decision.changes.push(Change::PaymentIntent(Box::new(self.intent.clone()), next_poll));
        }
        for refund in self.refunds.iter().filter(|refund| refund.is_pending()) {
            decision.changes.push(Change::Refund(refund.clone()));
        }
    }

    fn mark_committed(&mut self) {
        self.intent.mark_committed();
        self.refunds.iter_mut().for_each(Tracked::mark_committed);
        self.next_poll = NextPoll::Scheduled;
    }
}

/// When Corefy is to be asked about the intent next, as long as there may be news.
pub(super) fn poll_at(intent: &PaymentIntent, now: Timestamp) -> Option<Timestamp> {
    let doubtful = intent.is_doubtful(now).then(|| now + CONTRADICTION_CHECK);
    intent.next_poll(now).into_iter().chain(doubtful).min()
}

/// The intent with this id, whatever partner's it is.
pub(super) async fn load_intent(store: &Store, id: &str) -> Result<PaymentIntent, Error> {
    let not_found = || Error::not_found("payment_intent", id);
    let id = PaymentIntentId::parse(id).ok_or_else(not_found)?;
    store.read().await?.payment_intent_any(&id).await?.ok_or_else(not_found)
}
