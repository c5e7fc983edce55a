//! Payment methods: save, read, list; and taking over what Corefy shows of a customer's.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;

use super::{
    call::{Answer, Caller},
    customers::ready,
    decision::{CONFLICTS, Decision},
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
        risk::action::Action,
        snapshot::PaymentMethodSnapshot,
    },
    error::{Error, Reason},
    store::{Change, CommitError, Store, Tracked},
    upstream::{self, Call, NewPaymentMethod, Priority, Scheduling},
};

pub use crate::upstream::PaymentMethodData;

/// How far Corefy's clock may be behind ours when a saved method is told by its time of creation.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

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
        self.settle_found::<CreatePaymentMethodCommand>(operation, found).await
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

    /// Takes over what Corefy shows of the payment methods of `customers`, who are one there: changed cards, and methods
    /// that were saved elsewhere. Where they are several, nobody can tell whose a new method is, and none gets to see it.
    pub(super) async fn refresh_payment_methods(&self, customers: &[Customer]) -> Result<(), Error> {
        let Some(first) = customers.first() else { return Ok(()) };
        let shown = self.upstream.payment_methods_of(first, Scheduling::of(Priority::Read)).await?.methods;
        for _ in 0..CONFLICTS {
            let decision = self.take_over_methods(customers, &shown).await?;
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::new(Reason::StoreUnavailable, "too many calls change the same payment methods"))
    }

    /// Decides what is taken over of the methods that Corefy shows.
    async fn take_over_methods(
        &self,
        customers: &[Customer],
        shown: &[PaymentMethodSnapshot],
    ) -> Result<Decision, Error> {
        let (mut decision, now) = (Decision::by(self.ids(), &[]), self.now());
        let mut session = self.store.read().await?;
        for customer in customers {
            for snapshot in shown {
                let known = session.payment_method_upstream(&customer.id, &snapshot.upstream_id).await?;
                match known {
                    Some(method) => update(method, snapshot, now, &mut decision),
                    None if customers.len() > 1 => {}
                    None => {
                        let awaited = session.payment_methods_awaited(&customer.id).await?;
                        adopt_unless_awaited(customer, &awaited, snapshot, now, &mut decision);
                    }
                }
            }
        }
        Ok(decision)
    }
}

/// Whether what Corefy shows can be the method that was sent at `sent_at`.
fn fits(method: &PaymentMethod, sent_at: Timestamp, snapshot: &PaymentMethodSnapshot) -> bool {
    let is_recent = snapshot.created_at.0 == 0 || snapshot.created_at + CLOCK_SKEW >= sent_at;
    let is_same_card = match (&method.card, &snapshot.card) {
        (Some(ours), Some(shown)) => {
            (&ours.first6, &ours.last4, ours.expiry_month, ours.expiry_year)
                == (&shown.first6, &shown.last4, shown.expiry_month, shown.expiry_year)
        }
        _ => true,
    };
    is_recent && is_same_card && method.kind == snapshot.kind
}

/// Takes over a changed card.
fn update(
    mut method: Tracked<PaymentMethod>,
    snapshot: &PaymentMethodSnapshot,
    now: Timestamp,
    decision: &mut Decision,
) {
    if snapshot.card.is_none() || snapshot.card == method.card {
        return;
    }
    method.card.clone_from(&snapshot.card);
    method.touch(now);
    decision.changes.emit(EventType::PaymentMethodUpdated, method.to_inner(), now);
    decision.changes.push(Change::PaymentMethod(method));
}

/// Takes in a method that was saved elsewhere. One that may be what a call of ours is saving is left to that call, which
/// could not tell it from others any more.
fn adopt_unless_awaited(
    customer: &Customer,
    awaited: &[PaymentMethod],
    snapshot: &PaymentMethodSnapshot,
    now: Timestamp,
    decision: &mut Decision,
) {
    let is_awaited = awaited.iter().any(|method| fits(method, method.created_at, snapshot));
    if snapshot.kind.is_empty() || is_awaited {
        return;
    }
    let method = PaymentMethod {
        id: PaymentMethodId::generate(decision.ids()),
        partner_id: customer.partner_id.clone(),
        customer_id: customer.id.clone(),
        upstream_id: Some(snapshot.upstream_id.clone()),
        kind: snapshot.kind.clone(),
        card: snapshot.card.clone(),
        card_subject: None,
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    decision.changes.emit(EventType::PaymentMethodCreated, method.clone(), now);
    decision.changes.push(Change::PaymentMethod(Tracked::new(method)));
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
    known: Option<PaymentMethod>,
    /// Everything that the decision about its risk looks at; `None` where nothing is screened, and once it is made.
    screening: Option<Screening>,
}

impl Seen for Saving {
    fn write(&self, decision: &mut Decision, _: Timestamp) {
        decision.changes.push(Change::PaymentMethod(self.method.clone()));
    }

    fn mark_committed(&mut self) {
        self.method.mark_committed();
        self.screening = None;
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
        app.require_of_corefy([Capability::CreatePaymentMethod])?;
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
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            revision: 1,
        };
        drop(session);
        let screening = app.screening(&attempted(operation, &customer, &method)).await?;
        Ok(Saving { method: Tracked::new(method), customer: Some(customer), known: None, screening })
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
        let not_found = || Error::not_found("payment_method", &operation.subject_id);
        let mut session = store.read().await?;
        let method = match kept {
            Some(kept) => kept.method,
            None => {
                let id = PaymentMethodId::parse(&operation.subject_id).ok_or_else(not_found)?;
                session.payment_method_tracked(&id).await?.ok_or_else(not_found)?
            }
        };
        let known = match outcome {
            Outcome::Answered(snapshot) => {
                session.payment_method_upstream(&method.customer_id, &snapshot.upstream_id).await?
            }
            Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::Unknown | Outcome::Absent => None,
        };
        Ok(Saving { method, customer: None, known: known.map(Tracked::into_inner), screening: None })
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
                if let Some(known) = known.take() {
                    method.delete();
                    return Ok(Verdict::Done(known));
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
        let not_found = || Error::not_found("payment_method", id);
        let id = PaymentMethodId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.payment_method_any(&id).await?.ok_or_else(not_found)
    }
}
