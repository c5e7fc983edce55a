//! A payment as a decision sees it: its intent and refunds as they were read, and how the decision leaves them.

use super::{decision::Decision, perform::Seen, reconcile::poll_at};
use crate::{
    domain::{
        clock::Timestamp, customer::Customer, event::EventType, ids::PaymentIntentId, payment_intent::PaymentIntent,
        refund::Refund,
    },
    error::Error,
    store::{self, Change, Store, Tracked},
    upstream::PaymentContext,
};

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
        Self::read(store, &id).await?.ok_or_else(not_found)
    }

    /// The payment as calls to Corefy need it.
    pub fn context(&self) -> PaymentContext<'_> {
        PaymentContext { intent: &self.intent, customer: self.customer.as_ref() }
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
