//! Payment intents: create, confirm, read, list, cancel.

use std::sync::Arc;

use super::{
    call::{Answer, Caller},
    customers::ready,
    decision::Decision,
    paging::{Listed, Page, Paged},
    payment::{Payment, load_intent},
    payments::Payments,
    perform::{Command, Outcome, Reserved, Target, Verdict},
    reconcile::merge_payment,
};
use crate::{
    domain::{
        clock::Timestamp,
        confirmation::Confirmation,
        decline::{PaymentError, UPSTREAM_NO_RECORD},
        event::EventType,
        ids::{CustomerId, PaymentIntentId, PaymentMethodId},
        list_filters::PaymentIntentFilter,
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::{PaymentIntent, PaymentIntentDetails, PaymentIntentState as State, Progress},
        search_term::SearchedKind,
        snapshot::PaymentSnapshot,
        upstream_state::UpstreamState,
    },
    error::Error,
    store::Store,
    upstream::{self, Call},
};

mod confirm;
mod refusals;

use confirm::ConfirmCommand;
use refusals::{attempt_in_doubt, wrong_state};

/// The input of `CreatePaymentIntent`.
#[derive(Debug)]
pub struct CreatePaymentIntent {
    /// The amount to be paid.
    pub amount: Money,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The rest.
    pub details: PaymentIntentDetails,
}

impl Payments {
    /// Creates an intent here and at Corefy. Moves no money.
    pub async fn create_payment_intent(
        self: &Arc<Self>,
        caller: Caller,
        input: CreatePaymentIntent,
    ) -> Result<Answer<PaymentIntent>, Error> {
        self.perform(caller, CreatePaymentIntentCommand { id: PaymentIntentId::generate(self.ids()), input }).await
    }

    /// Makes an attempt to pay an intent. A decline and an unknown outcome are answers.
    pub async fn confirm_payment_intent(
        self: &Arc<Self>,
        caller: Caller,
        id: PaymentIntentId,
        confirmation: Confirmation<PaymentMethodId>,
    ) -> Result<Answer<PaymentIntent>, Error> {
        self.perform(caller, ConfirmCommand::new(id, confirmation)).await
    }

    /// Cancels an intent that is not being paid; the caller's `reason` may be empty.
    pub async fn cancel_payment_intent(
        self: &Arc<Self>,
        caller: Caller,
        id: PaymentIntentId,
        reason: String,
    ) -> Result<Answer<PaymentIntent>, Error> {
        self.perform(caller, CancelCommand { id, reason }).await
    }

    /// Reads an intent; asks Corefy first when there may be news, and when the last look is some minutes old.
    pub async fn get_payment_intent(
        self: &Arc<Self>,
        caller: &Caller,
        id: PaymentIntentId,
    ) -> Result<PaymentIntent, Error> {
        let not_found = || Error::not_found("payment_intent", id.as_str());
        let (intent, asked_at) =
            self.store.payment_intent_asked(&caller.partner_id, &id).await?.ok_or_else(not_found)?;
        if intent.awaits_news(self.now()) {
            self.ask_about_payment(&id).await;
        } else if !self.ask_about_settled(&intent, asked_at).await {
            return Ok(intent);
        }
        self.store.payment_intent(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists the partner's intents in the order of the filter. A page may be short, and even empty, before the last.
    pub async fn list_payment_intents(
        &self,
        caller: &Caller,
        filter: PaymentIntentFilter,
        page: Page,
    ) -> Result<Paged<PaymentIntent>, Error> {
        let partner = &caller.partner_id;
        let terms = self.store.term_hashes(partner, SearchedKind::PaymentIntent, &filter.terms);
        let tokens = self.page_tokens.of(caller, ("payment_intents", &filter, terms));
        let after = tokens.read_position(&page.token)?;
        let found = self.store.read().await?.payment_intents(partner, &filter, after, page.size + 1).await?;
        Ok(tokens.page_found(found, page.size, filter.order(), |intent| Listed {
            id: intent.id.as_str(),
            reference_id: intent.reference_id.as_deref(),
            created_at: intent.created_at,
            updated_at: intent.updated_at,
        }))
    }
}

/// `CreatePaymentIntent`.
pub(super) struct CreatePaymentIntentCommand {
    id: PaymentIntentId,
    input: CreatePaymentIntent,
}

impl CreatePaymentIntentCommand {
    /// The intent as it is reserved.
    fn intent(&self, operation: &Operation, sandbox: bool) -> PaymentIntent {
        PaymentIntent {
            id: self.id.clone(),
            partner_id: operation.partner_id.clone(),
            upstream_id: None,
            upstream_payment_id: None,
            state: State::Processing,
            amount: self.input.amount,
            received: 0,
            refunded: 0,
            refund_pending: 0,
            charged_back: 0,
            customer_id: self.input.customer_id.clone(),
            reference_id: self.input.reference_id.clone(),
            details: self.input.details.clone(),
            progress: Progress { is_unanswered: true, ..Progress::default() },
            upstream_version: Timestamp::default(),
            upstream_state: UpstreamState::default(),
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            sandbox,
            revision: 1,
        }
    }
}

impl Command for CreatePaymentIntentCommand {
    const KIND: OperationKind = OperationKind::CreatePaymentIntent;
    type Resource = PaymentIntent;
    type Snapshot = PaymentSnapshot;
    type Seen = Payment;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: Some(self.id.clone()) }
    }

    async fn read(&self, app: &Payments, operation: &Operation) -> Result<Payment, Error> {
        let customer = match &self.input.customer_id {
            Some(id) => Some(ready(&mut app.store.read().await?, &operation.partner_id, id).await?),
            None => None,
        };
        Ok(Payment::new(self.intent(operation, app.is_sandbox), customer))
    }

    fn reserve(
        &self,
        _: &Payments,
        payment: &mut Payment,
        _: &mut Operation,
        _: &mut Decision,
    ) -> Result<Reserved<PaymentIntent>, Error> {
        Ok(Reserved::Send(payment.intent.to_inner()))
    }

    fn reference(&self) -> Option<&str> {
        self.input.reference_id.as_deref()
    }

    async fn send(
        self,
        app: &Payments,
        call: Call<'_>,
        payment: &Payment,
        _: &PaymentIntent,
    ) -> Result<PaymentSnapshot, upstream::Error> {
        app.upstream.payment_intent_create(call, &payment.context()).await
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<PaymentSnapshot>,
        kept: Option<Payment>,
    ) -> Result<Payment, Error> {
        Payment::kept_or_read(store, operation, kept).await
    }

    fn settle(
        payment: &mut Payment,
        operation: &Operation,
        outcome: Outcome<PaymentSnapshot>,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<Verdict<PaymentIntent>, Error> {
        let is_first_answer = operation.is_first_holder();
        match outcome {
            Outcome::Answered(snapshot) => {
                if merge_payment(payment, &snapshot, None, now, decision).conflict().is_some() {
                    return Ok(Verdict::NeedsOperator(payment.intent.to_inner()));
                }
                payment.intent.touch(now);
                payment.emit(EventType::PaymentIntentCreated, now, decision);
                Ok(Verdict::Done(payment.intent.to_inner()))
            }
            Outcome::Refused(error) if is_first_answer => {
                payment.intent.delete();
                Ok(Verdict::Refused(error.into()))
            }
            Outcome::NotSent(error) if is_first_answer => {
                payment.intent.delete();
                Ok(Verdict::Released(error.into()))
            }
            // The caller may know the intent already: it stays, but can never be paid.
            Outcome::Refused(_) | Outcome::Absent => {
                payment.intent.progress.last_error = Some(PaymentError {
                    code: UPSTREAM_NO_RECORD.to_owned(),
                    message: "Corefy did not take the payment; nothing was charged".to_owned(),
                });
                payment.intent.enter(State::Canceled, now);
                payment.emit(EventType::PaymentIntentCanceled, now, decision);
                Ok(Verdict::Done(payment.intent.to_inner()))
            }
            Outcome::NotSent(_) | Outcome::Unknown => Ok(Verdict::InDoubt(payment.unchanged())),
        }
    }

    fn is_decided(intent: &PaymentIntent) -> bool {
        intent.upstream_id.is_some() || intent.state == State::Canceled
    }

    async fn load(app: &Payments, id: &str) -> Result<PaymentIntent, Error> {
        load_intent(&app.store, id).await
    }
}

/// `CancelPaymentIntent`. Ours alone: neither of Corefy's APIs has it, and what is never confirmed is never charged.
struct CancelCommand {
    id: PaymentIntentId,
    reason: String,
}

impl Command for CancelCommand {
    const KIND: OperationKind = OperationKind::CancelPaymentIntent;
    type Resource = PaymentIntent;
    type Snapshot = ();
    type Seen = Payment;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: None }
    }

    async fn read(&self, app: &Payments, operation: &Operation) -> Result<Payment, Error> {
        Payment::read_own(&app.store, operation, &self.id).await
    }

    fn reserve(
        &self,
        _: &Payments,
        payment: &mut Payment,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<PaymentIntent>, Error> {
        match payment.intent.state {
            State::RequiresConfirmation | State::RequiresPaymentMethod => {
                payment.intent.progress.cancellation_reason.clone_from(&self.reason);
                payment.intent.enter(State::Canceled, operation.sent_at);
                payment.emit(EventType::PaymentIntentCanceled, operation.sent_at, decision);
                Ok(Reserved::Done(payment.intent.to_inner()))
            }
            State::Canceled => Ok(Reserved::Done(payment.unchanged())),
            State::Processing | State::RequiresAction => Err(attempt_in_doubt(&payment.intent)),
            State::Succeeded | State::PartiallyPaid => Err(wrong_state(&payment.intent, "canceled")),
        }
    }

    async fn send(self, _: &Payments, _: Call<'_>, _: &Payment, _: &PaymentIntent) -> Result<(), upstream::Error> {
        Ok(())
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<()>,
        kept: Option<Payment>,
    ) -> Result<Payment, Error> {
        Payment::kept_or_read(store, operation, kept).await
    }

    fn settle(
        payment: &mut Payment,
        _: &Operation,
        _: Outcome<()>,
        _: Timestamp,
        _: &mut Decision,
    ) -> Result<Verdict<PaymentIntent>, Error> {
        Ok(Verdict::Done(payment.unchanged()))
    }

    fn is_decided(intent: &PaymentIntent) -> bool {
        intent.state == State::Canceled
    }

    async fn load(app: &Payments, id: &str) -> Result<PaymentIntent, Error> {
        load_intent(&app.store, id).await
    }
}
