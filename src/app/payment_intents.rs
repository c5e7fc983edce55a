//! Payment intents: create, confirm, read, list, cancel.

use std::time::Duration;

use super::{
    Answer, App, Caller,
    paging::{Page, Paged},
    perform::{Command, Outcome, Reserved, Target, Verdict},
    reconcile::{merge_payment, poll_at},
};
use crate::{
    domain::{
        clock::Timestamp,
        confirmation::Confirmation,
        customer::Customer,
        decline::{PaymentError, UPSTREAM_NO_RECORD},
        event::EventType,
        ids::{CustomerId, PaymentIntentId, PaymentMethodId},
        money::Money,
        operation::{Operation, OperationKind},
        payment_intent::{PaymentIntent, PaymentIntentDetails, PaymentIntentState as State, Progress},
        snapshot::PaymentSnapshot,
    },
    error::{Error, Reason},
    store::Tx,
    upstream::{self, Call, PaymentContext},
};

mod confirm;

use confirm::ConfirmCommand;

pub use crate::store::PaymentIntentFilter;

/// When it is worth asking again about an attempt that is under way.
const ATTEMPT_RETRY: Duration = Duration::from_secs(2);

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

impl App {
    /// Creates an intent here and at Corefy. Moves no money.
    pub async fn create_payment_intent(
        &self,
        caller: Caller,
        input: CreatePaymentIntent,
    ) -> Result<Answer<PaymentIntent>, Error> {
        self.perform(caller, CreatePaymentIntentCommand { id: PaymentIntentId::generate(), input, customer: None })
            .await
    }

    /// Makes an attempt to pay an intent. A decline and an unknown outcome are answers.
    pub async fn confirm_payment_intent(
        &self,
        caller: Caller,
        id: PaymentIntentId,
        confirmation: Confirmation<PaymentMethodId>,
    ) -> Result<Answer<PaymentIntent>, Error> {
        self.perform(caller, ConfirmCommand::new(id, confirmation)).await
    }

    /// Cancels an intent that is not being paid; the caller's `reason` may be empty.
    pub async fn cancel_payment_intent(
        &self,
        caller: Caller,
        id: PaymentIntentId,
        reason: String,
    ) -> Result<Answer<PaymentIntent>, Error> {
        self.perform(caller, CancelCommand { id, reason }).await
    }

    /// Reads an intent; asks Corefy first when there may be news, and when the last look is some minutes old.
    pub async fn get_payment_intent(&self, caller: &Caller, id: PaymentIntentId) -> Result<PaymentIntent, Error> {
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

    /// Lists the partner's intents, newest first.
    pub async fn list_payment_intents(
        &self,
        caller: &Caller,
        filter: PaymentIntentFilter,
        page: Page,
    ) -> Result<Paged<PaymentIntent>, Error> {
        let tokens = self.page_tokens(caller, ("payment_intents", &filter));
        let after = tokens.read_position(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.payment_intents(&caller.partner_id, &filter, after, page.size + 1).await?;
        Ok(tokens.page_by_creation(found, page.size, |intent| (intent.created_at, intent.id.as_str())))
    }
}

async fn load(app: &App, id: &str) -> Result<PaymentIntent, Error> {
    let not_found = || Error::not_found("payment_intent", id);
    let id = PaymentIntentId::parse(id).ok_or_else(not_found)?;
    app.store.read().await?.payment_intent_any(&id).await?.ok_or_else(not_found)
}

pub(super) async fn lock(tx: &mut Tx, id: &str) -> Result<PaymentIntent, Error> {
    let not_found = || Error::not_found("payment_intent", id);
    let id = PaymentIntentId::parse(id).ok_or_else(not_found)?;
    tx.payment_intent_lock(&id).await?.ok_or_else(not_found)
}

/// The partner's intent, locked.
pub(super) async fn lock_own(tx: &mut Tx, operation: &Operation, id: &PaymentIntentId) -> Result<PaymentIntent, Error> {
    let intent = tx.payment_intent_lock(id).await?.filter(|intent| intent.partner_id == operation.partner_id);
    intent.ok_or_else(|| Error::not_found("payment_intent", id.as_str()))
}

/// `CreatePaymentIntent`.
pub(super) struct CreatePaymentIntentCommand {
    id: PaymentIntentId,
    input: CreatePaymentIntent,
    customer: Option<Customer>,
}

impl Command for CreatePaymentIntentCommand {
    const KIND: OperationKind = OperationKind::CreatePaymentIntent;
    type Resource = PaymentIntent;
    type Snapshot = PaymentSnapshot;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: Some(self.id.clone()) }
    }

    async fn reserve(
        &mut self,
        app: &App,
        tx: &mut Tx,
        operation: &mut Operation,
    ) -> Result<Reserved<PaymentIntent>, Error> {
        if let Some(id) = &self.input.customer_id {
            self.customer = Some(super::customers::ready(tx, &operation.partner_id, id).await?);
        }
        let intent = PaymentIntent {
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
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            sandbox: app.is_sandbox,
            revision: 1,
        };
        if !tx.payment_intent_insert(&intent).await? {
            let reference = intent.reference_id.unwrap_or_default();
            let taken = tx.payment_intent_id_referenced(&operation.partner_id, &reference).await?;
            return Err(reference_taken(&reference, taken.map(|id| id.to_string())));
        }
        Ok(Reserved::Send(intent))
    }

    async fn send(self, app: &App, call: Call<'_>, intent: &PaymentIntent) -> Result<PaymentSnapshot, upstream::Error> {
        app.upstream.payment_intent_create(call, PaymentContext { intent, customer: self.customer.as_ref() }).await
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<PaymentSnapshot>,
        now: Timestamp,
    ) -> Result<Verdict<PaymentIntent>, Error> {
        let mut intent = lock(tx, &operation.subject_id).await?;
        let is_first_answer = operation.is_first_holder();
        match outcome {
            Outcome::Answered(snapshot) => {
                if merge_payment(tx, &mut intent, &snapshot, None, now).await?.conflict().is_some() {
                    return Ok(Verdict::NeedsOperator(intent));
                }
                intent.upstream_id = Some(snapshot.upstream_id);
                intent.touch(now);
                tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
                tx.events_insert(&[EventType::PaymentIntentCreated], &intent.clone().into(), now).await?;
                Ok(Verdict::Done(intent))
            }
            Outcome::Refused(error) if is_first_answer => {
                tx.payment_intent_delete(&intent.id).await?;
                Ok(Verdict::Refused(error.into()))
            }
            Outcome::NotSent(error) if is_first_answer => {
                tx.payment_intent_delete(&intent.id).await?;
                Ok(Verdict::Released(error.into()))
            }
            // The caller may know the intent already: it stays, but can never be paid.
            Outcome::Refused(_) | Outcome::Absent => {
                intent.progress.last_error = Some(PaymentError {
                    code: UPSTREAM_NO_RECORD.to_owned(),
                    message: "Corefy did not take the payment; nothing was charged".to_owned(),
                });
                intent.enter(State::Canceled, now);
                tx.payment_intent_update(&intent, None).await?;
                tx.events_insert(&[EventType::PaymentIntentCanceled], &intent.clone().into(), now).await?;
                Ok(Verdict::Done(intent))
            }
            Outcome::NotSent(_) | Outcome::Unknown => Ok(Verdict::InDoubt(intent)),
        }
    }

    fn is_decided(intent: &PaymentIntent) -> bool {
        intent.upstream_id.is_some() || intent.state == State::Canceled
    }

    async fn load(app: &App, id: &str) -> Result<PaymentIntent, Error> {
        load(app, id).await
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

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: None }
    }

    async fn reserve(
        &mut self,
        _: &App,
        tx: &mut Tx,
        operation: &mut Operation,
    ) -> Result<Reserved<PaymentIntent>, Error> {
        let mut intent = lock_own(tx, operation, &self.id).await?;
        match intent.state {
            State::RequiresConfirmation | State::RequiresPaymentMethod => {
                intent.progress.cancellation_reason.clone_from(&self.reason);
                intent.enter(State::Canceled, operation.sent_at);
                tx.payment_intent_update(&intent, None).await?;
                tx.events_insert(&[EventType::PaymentIntentCanceled], &intent.clone().into(), operation.sent_at)
                    .await?;
                Ok(Reserved::Done(intent))
            }
            State::Canceled => Ok(Reserved::Done(intent)),
            State::Processing | State::RequiresAction => Err(attempt_in_doubt(&intent)),
            State::Succeeded | State::PartiallyPaid => Err(wrong_state(&intent, "canceled")),
        }
    }

    async fn send(self, _: &App, _: Call<'_>, _: &PaymentIntent) -> Result<(), upstream::Error> {
        Ok(())
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        _: Outcome<()>,
        _: Timestamp,
    ) -> Result<Verdict<PaymentIntent>, Error> {
        lock(tx, &operation.subject_id).await.map(Verdict::Done)
    }

    fn is_decided(intent: &PaymentIntent) -> bool {
        intent.state == State::Canceled
    }

    async fn load(app: &App, id: &str) -> Result<PaymentIntent, Error> {
        load(app, id).await
    }
}

fn attempt_in_doubt(intent: &PaymentIntent) -> Error {
    let message = "an attempt to pay this intent is under way, or its outcome is not known yet";
    Error::new(Reason::AttemptInDoubt, message).with("state", intent.state.as_str()).retry_after(ATTEMPT_RETRY)
}

fn wrong_state(intent: &PaymentIntent, verb: &str) -> Error {
    let message = format!("a payment intent in state {} cannot be {verb}", intent.state.as_str());
    Error::new(Reason::PaymentIntentState, message).with("state", intent.state.as_str())
}

/// The partner has used this reference for an object of the same kind.
pub(super) fn reference_taken(reference: &str, by: Option<String>) -> Error {
    let by = by.unwrap_or_default();
    let owner = if by.is_empty() { "another object" } else { by.as_str() };
    Error::new(Reason::ReferenceIdTaken, format!("the reference_id is taken by {owner}"))
        .with("reference_id", reference)
        .with("resource_id", by)
}
