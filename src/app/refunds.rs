//! Refunds: create, read, list.

use std::sync::Arc;

use super::{
    call::{Answer, Caller},
    decision::Decision,
    paging::{Listed, Page, Paged},
    payment::Payment,
    payments::Payments,
    perform::{Command, Outcome, Reserved, Target, Verdict},
};
use crate::{
    domain::{
        clock::Timestamp,
        event::EventType,
        ids::{PaymentIntentId, RefundId},
        list_filters::RefundFilter,
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::PaymentIntent,
        refund::{Refund, RefundDetails, RefundFailure, RefundState},
        search_term::SearchedKind,
        snapshot::RefundSnapshot,
    },
    error::{Error, Reason},
    store::{Store, Tracked},
    upstream::{self, Call},
};

mod merge;

pub(super) use merge::{advance, find, give_up_refund, merge_refunds};
use merge::{merge_refund, take_back};

/// The input of `CreateRefund`.
#[derive(Debug)]
pub struct CreateRefund {
    /// The payment.
    pub payment_intent_id: PaymentIntentId,
    /// Decimal in the payment's currency; `None` is the whole rest.
    pub amount: Option<String>,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The rest.
    pub details: RefundDetails,
}

impl Payments {
    /// Gives money back. An unknown outcome is an answer: the refund is pending, its amount reserved.
    pub async fn create_refund(self: &Arc<Self>, caller: Caller, input: CreateRefund) -> Result<Answer<Refund>, Error> {
        self.perform(caller, CreateRefundCommand { id: RefundId::generate(self.ids()), input }).await
    }

    /// Reads a refund; asks Corefy first while it is pending, and when the last look is some minutes old.
    pub async fn get_refund(self: &Arc<Self>, caller: &Caller, id: RefundId) -> Result<Refund, Error> {
        let not_found = || Error::not_found("refund", id.as_str());
        let mut session = self.store.read().await?;
        let refund = session.refund(&caller.partner_id, &id).await?.ok_or_else(not_found)?;
        let payment = session.payment_intent_any_asked(&refund.payment_intent_id).await?;
        drop(session);
        let was_given_up = refund.failure.as_ref().is_some_and(RefundFailure::is_given_up);
        if refund.state == RefundState::Pending || was_given_up {
            self.ask_about_payment(&refund.payment_intent_id).await;
        } else {
            let Some((intent, asked_at)) = payment else { return Ok(refund) };
            if !self.ask_about_settled(&intent, asked_at).await {
                return Ok(refund);
            }
        }
        self.store.read().await?.refund(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists the partner's refunds in the order of the filter. A page may be short, and even empty, before the last.
    pub async fn list_refunds(
        &self,
        caller: &Caller,
        filter: RefundFilter,
        page: Page,
    ) -> Result<Paged<Refund>, Error> {
        let partner = &caller.partner_id;
        let terms = self.store.term_hashes(partner, SearchedKind::Refund, &filter.terms);
        let tokens = self.page_tokens.of(caller, ("refunds", &filter, terms));
        let after = tokens.read_position(&page.token)?;
        let found = self.store.read().await?.refunds(partner, &filter, after, page.size + 1).await?;
        Ok(tokens.page_found(found, page.size, filter.order(), |refund| Listed {
            id: refund.id.as_str(),
            reference_id: refund.reference_id.as_deref(),
            created_at: refund.created_at,
            updated_at: refund.updated_at,
        }))
    }
}

/// `CreateRefund`.
struct CreateRefundCommand {
    id: RefundId,
    input: CreateRefund,
}

impl CreateRefundCommand {
    /// How much to refund: what was asked, or the whole rest; never more than the rest.
    fn amount(&self, intent: &PaymentIntent) -> Result<Money, Error> {
        if !intent.state.is_paid() {
            let message = format!("a payment intent in state {} has nothing to refund", intent.state.as_str());
            return Err(Error::new(Reason::PaymentNotRefundable, message).with("state", intent.state.as_str()));
        }
        let rest = intent.refundable();
        let amount = match &self.input.amount {
            Some(text) => Money::parse(text, intent.amount.currency).map_err(|wrong| Error::field("amount", wrong))?,
            None => rest,
        };
        if amount.minor > rest.minor || rest.minor == 0 {
            let message = match rest.minor {
                0 => "nothing is left to refund".to_owned(),
                _ => format!("only {rest} {} is left to refund", rest.currency.code()),
            };
            return Err(Error::new(Reason::RefundExceedsPayment, message)
                .with("refundable_amount", rest.to_string())
                .with("currency", rest.currency.code()));
        }
        Ok(amount)
    }
}

impl Command for CreateRefundCommand {
    const KIND: OperationKind = OperationKind::CreateRefund;
    type Resource = Refund;
    type Snapshot = RefundSnapshot;
    type Seen = Payment;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: Some(self.input.payment_intent_id.clone()) }
    }

    async fn read(&self, app: &Payments, operation: &Operation) -> Result<Payment, Error> {
        Payment::read_own(&app.store, operation, &self.input.payment_intent_id).await
    }

    fn reserve(
        &self,
        _: &Payments,
        payment: &mut Payment,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<Refund>, Error> {
        let now = operation.sent_at;
        let refund = Refund {
            id: self.id.clone(),
            partner_id: operation.partner_id.clone(),
            payment_intent_id: payment.intent.id.clone(),
            upstream_id: None,
            state: RefundState::Pending,
            amount: self.amount(&payment.intent)?,
            reference_id: self.input.reference_id.clone(),
            details: self.input.details.clone(),
            failure: None,
            created_at: now,
            updated_at: now,
            erased_at: None,
            revision: 1,
        };
        payment.intent.shift_refund(refund.amount.minor, None, Some(RefundState::Pending));
        payment.intent.touch(now);
        payment.refunds.push(Tracked::new(refund.clone()));
        decision.changes.emit(EventType::RefundCreated, refund.clone(), now);
        Ok(Reserved::Send(refund))
    }

    fn reference(&self) -> Option<&str> {
        self.input.reference_id.as_deref()
    }

    async fn send(
        self,
        app: &Payments,
        call: Call<'_>,
        payment: &Payment,
        refund: &Refund,
    ) -> Result<RefundSnapshot, upstream::Error> {
        app.upstream.refund_create(call, &payment.context(), refund).await
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<RefundSnapshot>,
        kept: Option<Payment>,
    ) -> Result<Payment, Error> {
        match kept {
            Some(payment) => Ok(payment),
            None => read_for(store, operation).await,
        }
    }

    fn settle(
        payment: &mut Payment,
        operation: &Operation,
        outcome: Outcome<RefundSnapshot>,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<Verdict<Refund>, Error> {
        let Payment { intent, refunds, .. } = payment;
        let refund = find(refunds, operation)?;
        let is_untouched = refund.is_outcome_unknown();
        let was_refused = matches!(outcome, Outcome::Refused(_));
        let verdict = match outcome {
            Outcome::Answered(snapshot) => match merge_refund(intent, refund, &snapshot, now, decision) {
                // A contradiction is not believed at once: recovery reads the payment and decides.
                Err(_) => Verdict::InDoubt(refund.to_inner()),
                Ok(()) => Verdict::Done(refund.to_inner()),
            },
            Outcome::Refused(error) if is_untouched => {
                take_back(intent, refund, now, decision);
                Verdict::Refused(error.into())
            }
            Outcome::NotSent(error) if is_untouched => {
                take_back(intent, refund, now, decision);
                Verdict::Released(error.into())
            }
            // A refusal of what a webhook says was done is no refusal.
            Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Unknown => Verdict::InDoubt(refund.to_inner()),
            Outcome::Absent => {
                give_up_refund(intent, refund, now, decision);
                Verdict::Done(refund.to_inner())
            }
        };
        intent.require_unchanged();
        if was_refused {
            // Corefy may refuse because the payment was refunded there without us, so it is asked soon.
            payment.poll_at(Some(now));
        }
        Ok(verdict)
    }

    fn is_decided(refund: &Refund) -> bool {
        !refund.is_outcome_unknown()
    }

    async fn load(app: &Payments, id: &str) -> Result<Refund, Error> {
        let not_found = || Error::not_found("refund", id);
        let id = RefundId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.refund_any(&id).await?.ok_or_else(not_found)
    }
}

/// The payment of a refund's operation.
pub(super) async fn read_for(store: &Store, operation: &Operation) -> Result<Payment, Error> {
    let not_found = || Error::not_found("refund", &operation.subject_id);
    let payment = operation.payment_intent_id.as_ref().ok_or_else(not_found)?;
    Box::pin(Payment::read(store, payment)).await?.ok_or_else(not_found)
}
