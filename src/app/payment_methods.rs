//! Payment methods: save, read, list.

use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::{
    call::{Answer, Caller},
    customers::ready,
    decision::Decision,
    paging::{Page, Paged},
    payments::Payments,
    perform::{Command, Creation, Outcome, Reserved, Seen, Target, Verdict, emit_taken_back},
    screening::{Attempted, Screening},
};
use crate::{
    domain::{
        capability::Capability,
        clock::Timestamp,
        customer::Customer,
        event::EventType,
        ids::{CustomerId, PaymentMethodId},
        operation::{Operation, OperationKind},
        payment_method::PaymentMethod,
        risk::{action::Action, counted_attempt::CountedAttempt},
        snapshot::PaymentMethodSnapshot,
    },
    error::{Error, Reason},
    store::{Change, Store, Tracked},
    upstream::{self, Call, NewPaymentMethod, Priority, Scheduling},
};

pub use crate::upstream::PaymentMethodData;

mod edit;
mod stored;
mod take_over;

use edit::EditCommand;
pub use edit::{DeletePaymentMethod, UpdatePaymentMethod};
pub(super) use stored::deleted;
use stored::{load, read_for};
use take_over::fits;

/// The input of `CreatePaymentMethod`.
#[derive(Debug)]
pub struct CreatePaymentMethod {
    /// The customer.
    pub customer_id: CustomerId,
    /// The card or other method, passed on and not kept.
    pub data: PaymentMethodData,
}

impl Payments {
    /// Saves a payment method at Corefy. An unknown outcome is an answer: the method has no upstream id yet.
    pub async fn create_payment_method(
        self: &Arc<Self>,
        caller: Caller,
        input: CreatePaymentMethod,
    ) -> Result<Answer<PaymentMethod>, Error> {
        self.perform(caller, CreatePaymentMethodCommand { id: PaymentMethodId::generate(self.ids()), input }).await
    }

    /// Changes a saved card here; Corefy has no such call.
    pub async fn update_payment_method(
        self: &Arc<Self>,
        caller: Caller,
        input: UpdatePaymentMethod,
    ) -> Result<Answer<PaymentMethod>, Error> {
        self.perform(caller, EditCommand(input)).await
    }

    /// Deletes a payment method here; Corefy has no such call.
    pub async fn delete_payment_method(
        self: &Arc<Self>,
        caller: Caller,
        input: DeletePaymentMethod,
    ) -> Result<Answer<PaymentMethod>, Error> {
        self.perform(caller, EditCommand(input)).await
    }

    /// Reads a payment method.
    pub async fn get_payment_method(&self, caller: &Caller, id: PaymentMethodId) -> Result<PaymentMethod, Error> {
        let not_found = || Error::not_found("payment_method", id.as_str());
        self.store.read().await?.payment_method(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists a customer's payment methods, newest first.
    pub async fn list_payment_methods(
        &self,
        caller: &Caller,
        customer: CustomerId,
        page: Page,
    ) -> Result<Paged<PaymentMethod>, Error> {
        let customer = self.get_customer(caller, customer).await?;
        let tokens = self.page_tokens.of(caller, ("payment_methods", &customer.id));
        let after = tokens.read(&page.token)?;
        let found = self.store.read().await?.payment_methods(&customer.id, after, page.size + 1).await?;
        Ok(tokens.page(found, page.size, |method| method.id.as_str()))
    }

    /// Finds out what became of a payment method's saving: Corefy shows one that fits and that we do not know, or not.
    pub(super) async fn recover_payment_method(&self, operation: &Operation) -> Result<(), Error> {
        let method = CreatePaymentMethodCommand::load(self, &operation.subject_id).await?;
        let mut session = self.store.read().await?;
        let Some(customer) = session.customer_any(&method.customer_id).await? else { return Ok(()) };
        drop(session);
        let asked_at = self.now();
        let shown = self.upstream.payment_methods_of(&customer, Scheduling::of(Priority::InDoubt)).await;
        let found = match shown {
            Ok(shown) => {
                let fit = self.first_unknown_fit(&method, operation.sent_at, shown.methods).await?;
                // Of a list that lacks some, one that is not there may be among those.
                let is_certain = fit.is_some() || shown.is_complete;
                if is_certain { Ok(fit) } else { Err(upstream::Error::Protocol("the list is not complete".to_owned())) }
            }
            // That the reading was refused says nothing of the saving.
            Err(error) => Err(upstream::Error::Protocol(error.to_string())),
        };
        let upstream_id = found.as_ref().ok().and_then(Option::as_ref).map(|found| found.upstream_id.clone());
        let settled = self.settle_found::<CreatePaymentMethodCommand>(operation, asked_at, found).await;
        match (settled, upstream_id) {
            (Err(error), Some(found)) if error.reason == Reason::Internal => {
                Err(self.explain_failure(error, &method, &found).await?)
            }
            (settled, _) => settled,
        }
    }

    /// The failure to write what was found for `method`: where another saving of the same card has taken it meanwhile, the next look
    /// finds another, and nobody has to see to it.
    async fn explain_failure(&self, error: Error, method: &PaymentMethod, found: &str) -> Result<Error, Error> {
        let mut session = self.store.read().await?;
        let taken = session.payment_method_upstream(&method.customer_id, found).await?;
        let is_taken = taken.is_some_and(|taken| taken.id != method.id);
        let why = "another saving of the same card has taken what was found";
        Ok(if is_taken { Error::new(Reason::StoreUnavailable, why).because(error) } else { error })
    }

    async fn first_unknown_fit(
        &self,
        method: &PaymentMethod,
        sent_at: Timestamp,
        shown: Vec<PaymentMethodSnapshot>,
    ) -> Result<Option<PaymentMethodSnapshot>, Error> {
        let mut session = self.store.read().await?;
        for snapshot in shown {
            if fits(method, sent_at, &snapshot)
                && session.payment_method_upstream(&method.customer_id, &snapshot.upstream_id).await?.is_none()
            {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }
}

/// The saving of a card as it is screened.
fn attempted<'a>(operation: &'a Operation, customer: &'a Customer, method: &'a PaymentMethod) -> Attempted<'a> {
    Attempted {
        operation,
        intent: None,
        customer: Some(customer),
        payment_method_type: &method.kind,
        card: method.card.clone().map(|card| (card, method.card_subject.clone())),
        ip: None,
        is_authenticated: false,
    }
}

/// `CreatePaymentMethod`.
pub(super) struct CreatePaymentMethodCommand {
    id: PaymentMethodId,
    input: CreatePaymentMethod,
}

/// A method that is saved, and what else its saving depends on.
pub(super) struct Saving {
    method: Tracked<PaymentMethod>,
    /// The customer, for sending.
    customer: Option<Customer>,
    /// The customer's method that Corefy answered with: it may answer a card that it has already with the method it has.
    known: Option<Tracked<PaymentMethod>>,
    /// Everything that the decision about its risk looks at; `None` where nothing is screened, and once it is made.
    screening: Option<Screening>,
    /// The attempt as it was counted, once that is durable.
    counted: Option<CountedAttempt>,
}

impl Seen for Saving {
    fn write(&self, decision: &mut Decision, _: Timestamp) {
        for method in std::iter::once(&self.method).chain(&self.known) {
            decision.changes.push(Change::PaymentMethod(method.clone()));
        }
    }

    fn mark_committed(&mut self) {
        self.method.mark_committed();
        self.known = None;
        self.counted = self.screening.take().and_then(Screening::into_counted);
    }

    fn take_counted(&mut self) -> Option<CountedAttempt> {
        self.counted.take()
    }
}

impl Command for CreatePaymentMethodCommand {
    const KIND: OperationKind = OperationKind::CreatePaymentMethod;
    type Resource = PaymentMethod;
    type Snapshot = PaymentMethodSnapshot;
    type Seen = Saving;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: None }
    }

    async fn read(&self, app: &Payments, operation: &Operation) -> Result<Saving, Error> {
        let card = matches!(self.input.data, PaymentMethodData::Card(_)).then_some(Capability::RawCards);
        app.require([Capability::CreatePaymentMethod].into_iter().chain(card))?;
        let mut session = app.store.read().await?;
        let customer = ready(&mut session, &operation.partner_id, &self.input.customer_id).await?;
        let method = PaymentMethod {
            id: self.id.clone(),
            partner_id: operation.partner_id.clone(),
            customer_id: customer.id.clone(),
            upstream_id: None,
            kind: self.input.data.kind().to_owned(),
            card: match &self.input.data {
                PaymentMethodData::Card(card) => Some(card.masked()),
                PaymentMethodData::Other(_) => None,
            },
            card_subject: match &self.input.data {
                PaymentMethodData::Card(card) => Some(app.subjects.card(card.number.expose_secret())),
                PaymentMethodData::Other(_) => None,
            },
            card_at_corefy: None,
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            deleted_at: None,
            revision: 1,
        };
        drop(session);
        let screening = app.screening(&attempted(operation, &customer, &method)).await?;
        Ok(Saving { method: Tracked::new(method), customer: Some(customer), known: None, screening, counted: None })
    }

    fn reserve(
        &self,
        _: &Payments,
        saving: &mut Saving,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<PaymentMethod>, Error> {
        let screened = saving.screening.as_mut().map(|screening| screening.decide(operation, decision));
        if screened.is_some_and(|screened| screened.action == Action::Block) {
            saving.method.delete();
            let message = "the card was stopped for its risk; nothing was sent to Corefy";
            return Ok(Reserved::Refused(Error::new(Reason::BlockedByRisk, message)));
        }
        Ok(Reserved::Send(saving.method.to_inner()))
    }

    async fn send(
        self,
        app: &Payments,
        call: Call<'_>,
        saving: &Saving,
        method: &PaymentMethod,
    ) -> Result<PaymentMethodSnapshot, upstream::Error> {
        let lost = || upstream::Error::Unknown("the reservation has no customer".to_owned());
        let customer = saving.customer.as_ref().ok_or_else(lost)?;
        let new = NewPaymentMethod { customer, method, data: &self.input.data };
        app.upstream.payment_method_create(call, new).await
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        outcome: &Outcome<PaymentMethodSnapshot>,
        kept: Option<Saving>,
    ) -> Result<Saving, Error> {
        let method = read_for(store, operation, kept.map(|kept| kept.method)).await?;
        let mut session = store.read().await?;
        let known = match outcome {
            Outcome::Answered(snapshot) => {
                session.payment_method_upstream(&method.customer_id, &snapshot.upstream_id).await?
            }
            Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Unknown | Outcome::Absent => None,
        };
        Ok(Saving { method, customer: None, known, screening: None, counted: None })
    }

    fn settle(
        saving: &mut Saving,
        operation: &Operation,
        outcome: Outcome<PaymentMethodSnapshot>,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<Verdict<PaymentMethod>, Error> {
        let Saving { method, known, .. } = saving;
        Ok(match Creation::from(outcome) {
            Creation::Made(snapshot) => {
                if let Some(known) = known {
                    // A look finds only what nobody had: another saving of the same card was faster, and there is another to be found.
                    if !operation.is_first_holder() {
                        return Ok(Verdict::InDoubt(method.to_inner()));
                    }
                    method.delete();
                    if known.is_deleted() {
                        known.bring_back(method, now);
                        decision.changes.emit(EventType::PaymentMethodCreated, known.to_inner(), now);
                    }
                    return Ok(Verdict::Done(known.to_inner()));
                }
                method.upstream_id = Some(snapshot.upstream_id);
                method.touch(now);
                decision.changes.emit(EventType::PaymentMethodCreated, method.to_inner(), now);
                Verdict::Done(method.to_inner())
            }
            Creation::Unknown => Verdict::InDoubt(method.to_inner()),
            Creation::TakenBack(verdict) => {
                method.delete();
                let object = method.to_inner();
                emit_taken_back(operation, EventType::PaymentMethodCreationFailed, object, now, decision);
                verdict
            }
        })
    }

    fn is_decided(method: &PaymentMethod) -> bool {
        method.upstream_id.is_some()
    }

    async fn load(app: &Payments, id: &str) -> Result<PaymentMethod, Error> {
        load(app, id).await
    }
}
