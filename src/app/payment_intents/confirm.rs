//! Confirming a payment intent: the attempt to pay it.

use secrecy::ExposeSecret as _;

use super::refusals::{attempt_in_doubt, wrong_state};
use crate::{
    app::{
        call::Caller,
        customers,
        decision::Decision,
        payment::{Payment, load_intent},
        payment_methods,
        payments::Payments,
        perform::{Command, Outcome, Reserved, Seen, Target, Verdict},
        reconcile::{give_up_attempt, merge_payment},
        screening::{Attempted, Screening},
    },
    domain::{
        card::MaskedCard,
        clock::Timestamp,
        confirmation::{Confirmation, PaymentSource},
        customer::Customer,
        event::EventType,
        ids::{AttemptId, PaymentIntentId, PaymentMethodId, RiskDecisionId},
        operation::{NO_BASELINE, Operation, OperationKind, OperationState},
        payment_intent::{Attempt, PaymentIntent, PaymentIntentState as State},
        payment_method::{CARD, PaymentMethod},
        risk::{action::Action, counted_attempt::CountedAttempt, subject::SubjectId},
        snapshot::{Evidence, PaymentSnapshot},
    },
    error::{Error, Reason},
    store::Store,
    upstream::{self, Call, Priority, Scheduling},
};

/// `ConfirmPaymentIntent`.
pub(super) struct ConfirmCommand {
    id: PaymentIntentId,
    confirmation: Confirmation<PaymentMethodId>,
    /// Whether Corefy was asked about the attempt before.
    has_asked: bool,
}

/// A payment, and what else an attempt to pay it depends on.
pub(super) struct Confirming {
    payment: Payment,
    /// The operations on it that are open, or may still be under way.
    operations: Vec<Operation>,
    /// The saved method it is to be paid by.
    method: Option<PaymentMethod>,
    /// Everything that the decision about its risk looks at; `None` where nothing is screened, and once it is made.
    screening: Option<Screening>,
    /// The attempt as it was counted, once that is durable.
    counted: Option<CountedAttempt>,
}

impl Seen for Confirming {
    fn write(&self, decision: &mut Decision, now: Timestamp) {
        self.payment.write(decision, now);
    }

    fn mark_committed(&mut self) {
        self.payment.mark_committed();
        self.counted = self.screening.take().and_then(Screening::into_counted);
    }

    fn take_counted(&mut self) -> Option<CountedAttempt> {
        self.counted.take()
    }
}

impl ConfirmCommand {
    pub fn new(id: PaymentIntentId, confirmation: Confirmation<PaymentMethodId>) -> Self {
        Self { id, confirmation, has_asked: false }
    }

    /// Whether the attempt may begin.
    fn check(&self, app: &Payments, seen: &Confirming, operation: &Operation) -> Result<(), Error> {
        Self::check_room(app, seen, operation)?;
        self.check_method(seen)
    }

    /// Whether the saved method, if it is to be one, can pay the intent: it must be of the intent's customer.
    fn check_method(&self, seen: &Confirming) -> Result<(), Error> {
        let PaymentSource::Saved(id) = &self.confirmation.source else { return Ok(()) };
        let method = seen.method.as_ref().ok_or_else(|| Error::not_found("payment_method", id.as_str()))?;
        if Some(&method.customer_id) != seen.payment.intent.customer_id.as_ref() {
            let message = "the payment method is not of the intent's customer";
            return Err(Error::new(Reason::PaymentMethodMismatch, message));
        }
        if method.is_deleted() {
            return Err(payment_methods::deleted(method));
        }
        if method.upstream_id.is_none() { Err(customers::not_ready(id.as_str())) } else { Ok(()) }
    }

    /// The saved method, when it is to be one, and is there.
    async fn read_method(&self, app: &Payments, operation: &Operation) -> Result<Option<PaymentMethod>, Error> {
        let PaymentSource::Saved(id) = &self.confirmation.source else { return Ok(None) };
        Ok(app.store.read().await?.payment_method(&operation.partner_id, id).await?)
    }

    /// The card of the attempt, when it is one.
    fn card(&self, method: Option<&PaymentMethod>) -> Option<MaskedCard> {
        match &self.confirmation.source {
            PaymentSource::Card(card) => Some(card.masked()),
            PaymentSource::Saved(_) => method?.card.clone(),
            PaymentSource::Other(_) | PaymentSource::HostedPage => None,
        }
    }

    /// The card as a subject of risk, when its number is known or was known when it was saved.
    fn card_subject(&self, app: &Payments, method: Option<&PaymentMethod>) -> Option<SubjectId> {
        match &self.confirmation.source {
            PaymentSource::Card(card) => Some(app.subjects.card(card.number.expose_secret())),
            PaymentSource::Saved(_) => method?.card_subject.clone(),
            PaymentSource::Other(_) | PaymentSource::HostedPage => None,
        }
    }

    /// The means of the attempt, as the intent shows them.
    fn attempt(&self, id: AttemptId, method: Option<&PaymentMethod>, risk: Option<RiskDecisionId>) -> Attempt {
        let payment_method_id = match &self.confirmation.source {
            PaymentSource::Saved(id) => Some(id.clone()),
            PaymentSource::Card(_) | PaymentSource::Other(_) | PaymentSource::HostedPage => None,
        };
        Attempt {
            id: Some(id),
            payment_method_id,
            is_by_merchant: self.confirmation.is_by_merchant(),
            card: self.card(method),
            risk_decision_id: risk,
            ..Attempt::default()
        }
    }

    /// The attempt as it is screened.
    fn attempted<'a>(
        &'a self,
        app: &Payments,
        operation: &'a Operation,
        payment: &'a Payment,
        method: Option<&'a PaymentMethod>,
    ) -> Attempted<'a> {
        let payment_method_type = match &self.confirmation.source {
            PaymentSource::Card(_) => CARD,
            PaymentSource::Saved(_) => method.map_or(CARD, |method| &method.kind),
            PaymentSource::Other(other) => &other.kind,
            PaymentSource::HostedPage => &payment.intent.details.payment_method_type,
        };
        Attempted {
            operation,
            intent: Some(&payment.intent),
            customer: payment.customer.as_ref(),
            payment_method_type,
            card: self.card(method).map(|card| (card, self.card_subject(app, method))),
            ip: self.confirmation.browser_info.as_ref().and_then(|browser| browser.ip.expose().parse().ok()),
            is_authenticated: self.confirmation.three_d_secure.is_some(),
        }
    }

    /// Whether there is room for an attempt to pay. A webhook, recovery or an operator may have ended the attempt before its
    /// own call did: only when that has ended too is there room.
    fn check_room(app: &Payments, seen: &Confirming, operation: &Operation) -> Result<(), Error> {
        let intent = &seen.payment.intent;
        if intent.is_erased() || seen.payment.customer.as_ref().is_some_and(Customer::is_erased) {
            return Err(customers::erased(intent.id.as_str()));
        }
        match intent.state {
            State::RequiresConfirmation | State::RequiresPaymentMethod => {}
            State::Processing | State::RequiresAction => return Err(attempt_in_doubt(intent)),
            State::Succeeded | State::PartiallyPaid | State::Canceled => return Err(wrong_state(intent, "confirmed")),
        }
        let is_in_the_way = |other: &Operation| {
            let is_attempt = other.kind == Self::KIND && other.id != operation.id;
            let is_open = other.state != OperationState::Done;
            is_attempt && (is_open || other.may_be_under_way(operation.sent_at, app.send_limit))
        };
        if seen.operations.iter().any(is_in_the_way) { Err(attempt_in_doubt(intent)) } else { Ok(()) }
    }
}

impl Command for ConfirmCommand {
    const KIND: OperationKind = OperationKind::ConfirmPaymentIntent;
    type Resource = PaymentIntent;
    type Snapshot = PaymentSnapshot;
    type Seen = Confirming;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: Some(self.id.clone()) }
    }

    async fn read(&self, app: &Payments, operation: &Operation) -> Result<Confirming, Error> {
        app.require(self.confirmation.needs())?;
        // At once, so that the call waits for one batch of lookups and not for several; the intent's version says when they do not fit.
        let (payment, operations, method) = tokio::try_join!(
            Payment::read_own(&app.store, operation, &self.id),
            async { Ok(app.store.operations_unended(&self.id).await?) },
            self.read_method(app, operation),
        )?;
        let mut seen = Confirming { payment, operations, method, screening: None, counted: None };
        // A call that is refused in any case does not wait for the turns of its subjects.
        if self.check(app, &seen, operation).is_ok() {
            let attempted = self.attempted(app, operation, &seen.payment, seen.method.as_ref());
            seen.screening = app.screening(&attempted).await?;
        }
        Ok(seen)
    }

    fn reserve(
        &self,
        app: &Payments,
        seen: &mut Confirming,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<PaymentIntent>, Error> {
        let intent = &seen.payment.intent;
        // An attempt that was given up may have been made after all: Corefy is asked before there is another.
        if intent.progress.watch_until.is_some() && !intent.state.is_paid() && !self.has_asked {
            return Ok(Reserved::AskFirst);
        }
        self.check(app, seen, operation)?;
        let screened = seen.screening.as_mut().map(|screening| screening.decide(operation, decision));
        if screened.as_ref().is_some_and(|screened| screened.action == Action::Block) {
            seen.payment.intent.block_attempt(operation.sent_at);
            seen.payment.emit(EventType::PaymentIntentBlocked, operation.sent_at, decision);
            return Ok(Reserved::Done(seen.payment.intent.to_inner()));
        }
        let intent = &mut seen.payment.intent;
        if intent.state != State::RequiresConfirmation {
            operation.baseline = intent.upstream_version;
        }
        let id = AttemptId::generate(decision.ids());
        let attempt = self.attempt(id, seen.method.as_ref(), screened.map(|screened| screened.id));
        intent.begin_attempt(attempt, operation.sent_at);
        let reserved = intent.to_inner();
        // The operation has Corefy asked.
        seen.payment.poll_at(None);
        Ok(Reserved::Send(reserved))
    }

    async fn ask(&mut self, app: &Payments, caller: &Caller) -> Result<(), Error> {
        let scheduling = Scheduling::until(Priority::InDoubt, caller.deadline);
        self.has_asked = app.refresh_payment(&self.id, scheduling).await?;
        if self.has_asked { Ok(()) } else { Err(attempt_in_doubt(&load_intent(&app.store, self.id.as_str()).await?)) }
    }

    async fn send(
        self,
        app: &Payments,
        call: Call<'_>,
        seen: &Confirming,
        _: &PaymentIntent,
    ) -> Result<PaymentSnapshot, upstream::Error> {
        let lost = || upstream::not_at_corefy("payment method");
        let confirmation = self.confirmation.with_method(seen.method.clone()).ok_or_else(lost)?;
        let snapshot = app.upstream.payment_intent_confirm(call, &seen.payment.context(), &confirmation).await?;
        app.take_over_saved(seen.payment.customer.as_ref(), &snapshot).await;
        Ok(snapshot)
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<PaymentSnapshot>,
        kept: Option<Confirming>,
    ) -> Result<Confirming, Error> {
        let payment = Payment::kept_or_read(store, operation, kept.map(|kept| kept.payment)).await?;
        Ok(Confirming { payment, operations: Vec::new(), method: None, screening: None, counted: None })
    }

    fn settle(
        seen: &mut Confirming,
        _: &Operation,
        outcome: Outcome<PaymentSnapshot>,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<Verdict<PaymentIntent>, Error> {
        let payment = &mut seen.payment;
        match outcome {
            Outcome::Answered(snapshot) if snapshot.evidence_of_attempt_since(NO_BASELINE) == Evidence::Outcome => {
                // A contradiction is not believed at once: recovery reads the payment and decides.
                if merge_payment(payment, &snapshot, None, now, decision).conflict().is_some() {
                    return Ok(Verdict::InDoubt(payment.unchanged()));
                }
                Ok(Verdict::Done(payment.unchanged()))
            }
            Outcome::Refused(error) if payment.intent.state == State::Processing => {
                go_back(&mut payment.intent, now);
                Ok(Verdict::Refused(error.into()))
            }
            Outcome::NotSent(error) if payment.intent.state == State::Processing => {
                go_back(&mut payment.intent, now);
                Ok(Verdict::Released(error.into()))
            }
            // A refusal of what a webhook says was done is no refusal.
            Outcome::Answered(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Unknown => {
                Ok(Verdict::InDoubt(payment.unchanged()))
            }
            Outcome::Absent => {
                give_up_attempt(payment, now, decision);
                Ok(Verdict::Done(payment.unchanged()))
            }
        }
    }

    /// As long as an attempt is open, only its own outcome moves the intent.
    fn is_decided(intent: &PaymentIntent) -> bool {
        intent.state != State::Processing
    }

    async fn load(app: &Payments, id: &str) -> Result<PaymentIntent, Error> {
        load_intent(&app.store, id).await
    }
}

/// Undoes the beginning of an attempt that certainly was not made. The intent is where it was before, of which nobody is told anew: an
/// error is there only where an attempt before it has failed.
fn go_back(intent: &mut PaymentIntent, now: Timestamp) {
    intent.progress.take_back();
    let had_failed = intent.progress.last_error.is_some();
    intent.enter(if had_failed { State::RequiresPaymentMethod } else { State::RequiresConfirmation }, now);
}
