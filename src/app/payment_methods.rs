//! Payment methods: save, read, list; and taking over what Corefy shows of a customer's.

use std::time::Duration;

use super::{
    Answer, App, Caller,
    customers::ready,
    paging::{Page, Paged},
    perform::{Command, Creation, Outcome, Reserved, Target, Verdict, emit_taken_back},
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
        snapshot::PaymentMethodSnapshot,
    },
    error::Error,
    store::Tx,
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

impl App {
    /// Saves a payment method at Corefy. An unknown outcome is an answer: the method has no upstream id yet.
    pub async fn create_payment_method(
        &self,
        caller: Caller,
        input: CreatePaymentMethod,
    ) -> Result<Answer<PaymentMethod>, Error> {
        self.perform(caller, CreatePaymentMethodCommand { id: PaymentMethodId::generate(), input, customer: None })
            .await
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
        let tokens = self.page_tokens(caller, ("payment_methods", &customer.id));
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
        let now = self.now();
        let mut tx = self.store.begin().await?;
        for customer in customers {
            for snapshot in &shown {
                match tx.payment_method_upstream(&customer.id, &snapshot.upstream_id).await? {
                    Some(method) => update(&mut tx, method, snapshot, now).await?,
                    None if customers.len() > 1 => {}
                    None => adopt_unless_awaited(&mut tx, customer, snapshot, now).await?,
                }
            }
        }
        tx.commit().await?;
        Ok(())
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

async fn update(
    tx: &mut Tx,
    known: PaymentMethod,
    snapshot: &PaymentMethodSnapshot,
    now: Timestamp,
) -> Result<(), Error> {
    if snapshot.card.is_none() || snapshot.card == known.card {
        return Ok(());
    }
    // Several webhooks may tell of the same change at the same moment: the first takes it over, the others see it.
    let locked = tx.payment_method_lock(&known.id).await?;
    let Some(mut method) = locked.filter(|method| method.card != snapshot.card) else { return Ok(()) };
    method.card.clone_from(&snapshot.card);
    method.touch(now);
    tx.payment_method_update(&method).await?;
    Ok(tx.events_insert(&[EventType::PaymentMethodUpdated], &method.into(), now).await?)
}

/// Takes in a method that was saved elsewhere. One that may be what a call of ours is saving is left to that call, which
/// could not tell it from others any more.
async fn adopt_unless_awaited(
    tx: &mut Tx,
    customer: &Customer,
    snapshot: &PaymentMethodSnapshot,
    now: Timestamp,
) -> Result<(), Error> {
    if snapshot.kind.is_empty() {
        return Ok(());
    }
    let awaited = tx.payment_methods_awaited(&customer.id).await?;
    if awaited.iter().any(|method| fits(method, method.created_at, snapshot)) {
        return Ok(());
    }
    let method = PaymentMethod {
        id: PaymentMethodId::generate(),
        partner_id: customer.partner_id.clone(),
        customer_id: customer.id.clone(),
        upstream_id: Some(snapshot.upstream_id.clone()),
        kind: snapshot.kind.clone(),
        card: snapshot.card.clone(),
        created_at: now,
        updated_at: now,
        revision: 1,
    };
    if tx.payment_method_insert(&method).await? {
        tx.events_insert(&[EventType::PaymentMethodCreated], &method.into(), now).await?;
    }
    Ok(())
}

/// `CreatePaymentMethod`.
pub(super) struct CreatePaymentMethodCommand {
    id: PaymentMethodId,
    input: CreatePaymentMethod,
    customer: Option<Customer>,
}

impl Command for CreatePaymentMethodCommand {
    const KIND: OperationKind = OperationKind::CreatePaymentMethod;
    type Resource = PaymentMethod;
    type Snapshot = PaymentMethodSnapshot;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: None }
    }

    async fn reserve(
        &mut self,
        app: &App,
        tx: &mut Tx,
        operation: &mut Operation,
    ) -> Result<Reserved<PaymentMethod>, Error> {
        app.require_of_corefy([Capability::CreatePaymentMethod])?;
        let customer = ready(tx, &operation.partner_id, &self.input.customer_id).await?;
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
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            revision: 1,
        };
        tx.payment_method_insert(&method).await?;
        self.customer = Some(customer);
        Ok(Reserved::Send(method))
    }

    async fn send(
        self,
        app: &App,
        call: Call<'_>,
        method: &PaymentMethod,
    ) -> Result<PaymentMethodSnapshot, upstream::Error> {
        let lost = || upstream::Error::Unknown("the reservation has no customer".to_owned());
        let customer = self.customer.as_ref().ok_or_else(lost)?;
        let new = NewPaymentMethod { customer, method, data: &self.input.data };
        app.upstream.payment_method_create(call, new).await
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<PaymentMethodSnapshot>,
        now: Timestamp,
    ) -> Result<Verdict<PaymentMethod>, Error> {
        let not_found = || Error::not_found("payment_method", &operation.subject_id);
        let id = PaymentMethodId::parse(&operation.subject_id).ok_or_else(not_found)?;
        let mut method = tx.payment_method(&operation.partner_id, &id).await?.ok_or_else(not_found)?;
        match outcome.into() {
            Creation::Made(snapshot) => {
                // Corefy may answer a card that it has already with the method it has.
                if let Some(known) = tx.payment_method_upstream(&method.customer_id, &snapshot.upstream_id).await? {
                    tx.payment_method_delete(&id).await?;
                    return Ok(Verdict::Done(known));
                }
                method.upstream_id = Some(snapshot.upstream_id);
                method.touch(now);
                tx.payment_method_update(&method).await?;
                tx.events_insert(&[EventType::PaymentMethodCreated], &method.clone().into(), now).await?;
                Ok(Verdict::Done(method))
            }
            Creation::Unknown => Ok(Verdict::InDoubt(method)),
            Creation::TakenBack(verdict) => {
                tx.payment_method_delete(&id).await?;
                emit_taken_back(tx, operation, EventType::PaymentMethodCreationFailed, method, now).await?;
                Ok(verdict)
            }
        }
    }

    fn is_decided(method: &PaymentMethod) -> bool {
        method.upstream_id.is_some()
    }

    async fn load(app: &App, id: &str) -> Result<PaymentMethod, Error> {
        let not_found = || Error::not_found("payment_method", id);
        let id = PaymentMethodId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.payment_method_any(&id).await?.ok_or_else(not_found)
    }
}
