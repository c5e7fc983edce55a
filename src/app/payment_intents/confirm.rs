//! Confirming a payment intent: the attempt to pay it.

use super::{attempt_in_doubt, load, lock, lock_own, wrong_state};
use crate::{
    app::{
        App, Caller, customers,
        perform::{Command, Outcome, Reserved, Target, Verdict},
        reconcile::{give_up_attempt, merge_payment, poll_at},
    },
    domain::{
        clock::Timestamp,
        confirmation::{Confirmation, PaymentSource},
        customer::Customer,
        event::EventType,
        ids::{PaymentIntentId, PaymentMethodId},
        operation::{NO_BASELINE, Operation, OperationKind, OperationState},
        payment_intent::{Attempt, PaymentIntent, PaymentIntentState as State},
        payment_method::PaymentMethod,
        snapshot::{Evidence, PaymentSnapshot},
    },
    error::{Error, Reason},
    store::Tx,
    upstream::{self, Call, PaymentContext, Priority, Scheduling},
};

/// `ConfirmPaymentIntent`.
pub(super) struct ConfirmCommand {
    id: PaymentIntentId,
    confirmation: Confirmation<PaymentMethodId>,
    method: Option<PaymentMethod>,
    customer: Option<Customer>,
    /// Whether Corefy was asked about the attempt before.
    has_asked: bool,
}

impl ConfirmCommand {
    pub fn new(id: PaymentIntentId, confirmation: Confirmation<PaymentMethodId>) -> Self {
        Self { id, confirmation, method: None, customer: None, has_asked: false }
    }

    /// The saved method, which must be of the intent's customer.
    async fn find_method(&mut self, tx: &mut Tx, intent: &PaymentIntent) -> Result<(), Error> {
        let PaymentSource::Saved(id) = &self.confirmation.source else { return Ok(()) };
        let not_found = || Error::not_found("payment_method", id.as_str());
        let method = tx.payment_method(&intent.partner_id, id).await?.ok_or_else(not_found)?;
        if Some(&method.customer_id) != intent.customer_id.as_ref() {
            let message = "the payment method is not of the intent's customer";
            return Err(Error::new(Reason::PaymentMethodMismatch, message));
        }
        if method.upstream_id.is_none() {
            return Err(customers::not_ready(id.as_str()));
        }
        self.method = Some(method);
        Ok(())
    }

    /// The means of the attempt, as the intent shows them.
    fn attempt(&self) -> Attempt {
        match (&self.confirmation.source, &self.method) {
            (PaymentSource::Card(card), _) => Attempt { payment_method_id: None, card: Some(card.masked()) },
            (PaymentSource::Saved(id), method) => {
                let card = method.as_ref().and_then(|method| method.card.clone());
                Attempt { payment_method_id: Some(id.clone()), card }
            }
            (PaymentSource::Other(_) | PaymentSource::HostedPage, _) => Attempt::default(),
        }
    }
}

impl Command for ConfirmCommand {
    const KIND: OperationKind = OperationKind::ConfirmPaymentIntent;
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
        app.require_of_corefy(self.confirmation.needs())?;
        let mut intent = lock_own(tx, operation, &self.id).await?;
        // An attempt that was given up may have been made after all: Corefy is asked before there is another.
        if intent.progress.watch_until.is_some() && !intent.state.is_paid() && !self.has_asked {
            return Ok(Reserved::AskFirst);
        }
        may_begin(&intent)?;
        // A webhook, recovery or a person may have ended the attempt before its own call did: only when that has ended too
        // is there room.
        let unended = tx.operations_unended(&self.id).await?;
        let is_in_the_way = |other: &Operation| {
            let is_attempt = other.kind == Self::KIND && other.id != operation.id;
            let is_open = other.state != OperationState::Done;
            is_attempt && (is_open || other.may_be_under_way(operation.sent_at, app.send_limit))
        };
        if unended.iter().any(is_in_the_way) {
            return Err(attempt_in_doubt(&intent));
        }
        self.find_method(tx, &intent).await?;
        self.customer = tx.customer_of(&intent).await?;
        if intent.state != State::RequiresConfirmation {
            operation.baseline = intent.upstream_version;
        }
        intent.begin_attempt(self.attempt(), operation.sent_at);
        tx.payment_intent_update(&intent, None).await?;
        Ok(Reserved::Send(intent))
    }

    async fn ask(&mut self, app: &App, caller: &Caller) -> Result<(), Error> {
        let scheduling = Scheduling::until(Priority::InDoubt, caller.deadline);
        self.has_asked = app.refresh_payment(&self.id, scheduling).await?;
        if self.has_asked { Ok(()) } else { Err(attempt_in_doubt(&load(app, self.id.as_str()).await?)) }
    }

    async fn send(self, app: &App, call: Call<'_>, intent: &PaymentIntent) -> Result<PaymentSnapshot, upstream::Error> {
        let lost = || upstream::not_at_corefy("payment method");
        let confirmation = self.confirmation.with_method(self.method).ok_or_else(lost)?;
        let context = PaymentContext { intent, customer: self.customer.as_ref() };
        app.upstream.payment_intent_confirm(call, context, &confirmation).await
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<PaymentSnapshot>,
        now: Timestamp,
    ) -> Result<Verdict<PaymentIntent>, Error> {
        let mut intent = lock(tx, &operation.subject_id).await?;
        match outcome {
            Outcome::Answered(snapshot) if snapshot.evidence_of_attempt_since(NO_BASELINE) == Evidence::Outcome => {
                // A contradiction is not believed at once: recovery reads the payment and decides.
                if merge_payment(tx, &mut intent, &snapshot, None, now).await?.conflict().is_some() {
                    tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
                    return Ok(Verdict::InDoubt(intent));
                }
                if intent.state == State::Processing {
                    tx.events_insert(&[EventType::PaymentIntentProcessing], &intent.clone().into(), now).await?;
                }
                tx.payment_intent_update(&intent, poll_at(&intent, now)).await?;
                Ok(Verdict::Done(intent))
            }
            Outcome::Refused(error) if intent.state == State::Processing => {
                go_back(tx, &mut intent, now).await?;
                Ok(Verdict::Refused(error.into()))
            }
            Outcome::NotSent(error) if intent.state == State::Processing => {
                go_back(tx, &mut intent, now).await?;
                Ok(Verdict::Released(error.into()))
            }
            // A refusal of what a webhook says was done is no refusal.
            Outcome::Answered(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Unknown => {
                Ok(Verdict::InDoubt(intent))
            }
            Outcome::Absent => {
                give_up_attempt(tx, &mut intent, now).await?;
                Ok(Verdict::Done(intent))
            }
        }
    }

    /// As long as an attempt is open, only its own outcome moves the intent.
    fn is_decided(intent: &PaymentIntent) -> bool {
        intent.state != State::Processing
    }

    async fn load(app: &App, id: &str) -> Result<PaymentIntent, Error> {
        load(app, id).await
    }
}

/// Whether an attempt to pay may begin: at most one is alive at a time.
fn may_begin(intent: &PaymentIntent) -> Result<(), Error> {
    match intent.state {
        State::RequiresConfirmation | State::RequiresPaymentMethod => Ok(()),
        State::Processing | State::RequiresAction => Err(attempt_in_doubt(intent)),
        State::Succeeded | State::PartiallyPaid | State::Canceled => Err(wrong_state(intent, "confirmed")),
    }
}

/// Undoes the beginning of an attempt that certainly was not made.
async fn go_back(tx: &mut Tx, intent: &mut PaymentIntent, now: Timestamp) -> Result<(), Error> {
    intent.progress.take_back();
    let had_failed = intent.progress.last_error.is_some();
    intent.enter(if had_failed { State::RequiresPaymentMethod } else { State::RequiresConfirmation }, now);
    Ok(tx.payment_intent_update(intent, poll_at(intent, now)).await?)
}
