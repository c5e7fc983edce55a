//! Rows of the model as objects of the domain, so that its own functions decide about them, and back again.

use std::time::Duration;

use corefy_gateway::domain::{
    clock::Timestamp,
    customer::Metadata,
    decline::PaymentError,
    environment::Environment,
    ids::{OperationId, PartnerId, PaymentIntentId, RefundId},
    money::{Currency, Money},
    network_references::NetworkReferences,
    operation::{LEASE, Operation, OperationKind, OperationState, SEND_MARGIN},
    payment_intent::{PaymentIntent, PaymentIntentDetails, PaymentIntentState, Progress},
    private::Private,
    refund::{Refund, RefundDetails, RefundState},
    snapshot::{PaymentSnapshot, PaymentStatus, RefundSnapshot},
    upstream_state::UpstreamState,
};

use super::situation::{CorefyStatus, IntentRow, JournalRow, LeaseState, PAIR, RefundRow, View};

/// The present moment: ages are kept, and no moments, so that it can stand still.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
/// How long sending takes at most.
pub const SEND_LIMIT: Duration = Duration::from_secs(30 + SEND_MARGIN.as_secs());
/// The amount of the intent, in minor units.
pub const AMOUNT: u8 = 100;

/// The objects of the domain, of which rows of the model fill in what they know.
pub struct DomainObjects {
    intent: PaymentIntent,
    refunds: [Refund; PAIR],
    operation: Operation,
}

impl DomainObjects {
    /// An intent over [`AMOUNT`], with refunds of these amounts.
    pub fn new(refunds: [u8; PAIR]) -> Self {
        let ids = Environment::from_seed(NOW, 1).ids;
        let partner_id = PartnerId::parse("acme").unwrap();
        let id = PaymentIntentId::generate(&ids);
        let amount = Money::new(i64::from(AMOUNT), Currency::parse("USD").unwrap());
        let refund = |minor: u8| Refund {
            id: RefundId::generate(&ids),
            partner_id: partner_id.clone(),
            payment_intent_id: id.clone(),
            upstream_id: None,
            state: RefundState::Pending,
            amount: Money::new(i64::from(minor), amount.currency),
            reference_id: None,
            details: RefundDetails::default(),
            failure: None,
            created_at: NOW,
            updated_at: NOW,
            erased_at: None,
            revision: 1,
        };
        let operation = Operation {
            id: OperationId::generate(&ids),
            partner_id: partner_id.clone(),
            kind: OperationKind::ConfirmPaymentIntent,
            subject_id: id.to_string(),
            payment_intent_id: Some(id.clone()),
            state: OperationState::Sent,
            epoch: 1,
            lease_until: NOW,
            sent_at: NOW,
            misses: 0,
            baseline: NOW,
            request_id: String::new(),
        };
        let refunds = refunds.map(refund);
        Self { intent: new_intent(id, partner_id, amount), refunds, operation }
    }

    /// The row of an intent as its creation reserves it.
    pub fn created(&self) -> IntentRow {
        intent_row(&self.intent)
    }

    /// The intent of a row.
    pub fn intent(&self, row: IntentRow) -> PaymentIntent {
        let mut intent = self.intent.clone();
        intent.state = row.state;
        intent.received = i64::from(row.received);
        intent.refunded = i64::from(row.refunded);
        intent.refund_pending = i64::from(row.refund_pending);
        intent.upstream_version = Timestamp(i64::from(row.upstream_version));
        intent.upstream_id = row.is_at_corefy.then(upstream_id);
        intent.progress.is_unanswered = row.is_unanswered;
        intent.progress.last_error = row.has_error.then(payment_error);
        intent.progress.watch_until = row.is_watched.then_some(Timestamp(i64::MAX));
        intent
    }

    /// The refund of a row, which the call at `place` made.
    pub fn refund(&self, place: usize, row: RefundRow) -> Refund {
        let upstream_id = row.is_at_corefy.then(|| refund_upstream_id(place));
        Refund { state: row.state, upstream_id, ..self.refunds[place].clone() }
    }

    /// The operation of a row.
    pub fn operation(&self, kind: OperationKind, row: &JournalRow) -> Operation {
        let lease_until = match row.lease {
            LeaseState::Held => NOW + LEASE,
            LeaseState::Over => NOW.before(LEASE),
            LeaseState::GivenBack => Timestamp(0),
        };
        Operation {
            kind,
            state: row.state,
            epoch: i64::from(row.epoch),
            lease_until,
            sent_at: NOW.before(age(row.age)),
            misses: i64::from(row.misses),
            baseline: Timestamp(i64::from(row.baseline)),
            ..self.operation.clone()
        }
    }

    /// Corefy's view of the payment, as a dialect reads it.
    pub fn snapshot(&self, view: &View) -> PaymentSnapshot {
        let status = match view.status {
            CorefyStatus::AwaitingConfirmation => PaymentStatus::AwaitingConfirmation,
            CorefyStatus::Processing => PaymentStatus::Processing,
            CorefyStatus::Paid => PaymentStatus::Paid,
            CorefyStatus::Failed => PaymentStatus::Failed(payment_error()),
        };
        let is_paid = view.status == CorefyStatus::Paid;
        let refunds = (0..PAIR).filter(|place| view.refunds[*place]).map(|place| self.refund_snapshot(place));
        PaymentSnapshot {
            upstream_id: upstream_id(),
            upstream_payment_id: None,
            status,
            amount: Some(self.intent.amount),
            received: if is_paid { i64::from(AMOUNT) } else { 0 },
            charged_back: 0,
            network_references: NetworkReferences::default(),
            refunds: Some(refunds.collect()),
            version: Timestamp(i64::from(view.version)),
            state: None,
            saved: None,
        }
    }

    /// The refund that the call at `place` made, as Corefy shows it.
    pub fn refund_snapshot(&self, place: usize) -> RefundSnapshot {
        let refund = &self.refunds[place];
        RefundSnapshot {
            upstream_id: refund_upstream_id(place),
            reference: Some(refund.id.to_string()),
            state: Some(RefundState::Succeeded),
            amount: Some(refund.amount),
            failure: None,
        }
    }
}

/// The row of an intent.
pub fn intent_row(intent: &PaymentIntent) -> IntentRow {
    let small = |minor: i64| u8::try_from(minor).unwrap();
    IntentRow {
        state: intent.state,
        received: small(intent.received),
        refunded: small(intent.refunded),
        refund_pending: small(intent.refund_pending),
        upstream_version: small(intent.upstream_version.0),
        is_at_corefy: intent.upstream_id.is_some(),
        is_unanswered: intent.progress.is_unanswered,
        has_error: intent.progress.last_error.is_some(),
        is_watched: intent.progress.watch_until.is_some(),
    }
}

/// The row of a refund.
pub fn refund_row(refund: &Refund) -> RefundRow {
    RefundRow { state: refund.state, is_at_corefy: refund.upstream_id.is_some() }
}

/// An age that is kept in seconds.
pub fn age(seconds: u8) -> Duration {
    Duration::from_secs(seconds.into())
}

fn upstream_id() -> String {
    "payment".to_owned()
}

fn refund_upstream_id(place: usize) -> String {
    format!("refund {place}")
}

fn payment_error() -> PaymentError {
    PaymentError { code: "declined".to_owned(), message: String::new() }
}

/// The intent as its creation is reserved.
fn new_intent(id: PaymentIntentId, partner_id: PartnerId, amount: Money) -> PaymentIntent {
    let details = PaymentIntentDetails {
        payment_method_type: String::new(),
        customer_email: Private::default(),
        customer_name: Private::default(),
        customer_phone: Private::default(),
        description: String::new(),
        return_url: String::new(),
        failure_url: String::new(),
        billing_address: None,
        metadata: Metadata::default(),
    };
    PaymentIntent {
        id,
        partner_id,
        upstream_id: None,
        upstream_payment_id: None,
        state: PaymentIntentState::Processing,
        amount,
        received: 0,
        refunded: 0,
        refund_pending: 0,
        charged_back: 0,
        customer_id: None,
        reference_id: None,
        details,
        progress: Progress { is_unanswered: true, ..Progress::default() },
        upstream_version: Timestamp(0),
        upstream_state: UpstreamState::default(),
        created_at: NOW,
        updated_at: NOW,
        sandbox: false,
        revision: 1,
    }
}
