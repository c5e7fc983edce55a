//! Customers: create, read, list, and taking over what was changed at Corefy.

use std::time::Duration;

use super::{
    Answer, App, Caller,
    paging::{Page, Paged},
    payment_intents::reference_taken,
    perform::{Command, Creation, Outcome, Reserved, Target, Verdict, emit_taken_back},
    reconcile::call,
};
use crate::{
    domain::{
        clock::Timestamp,
        customer::{Customer, CustomerDetails},
        event::EventType,
        ids::{CustomerId, PartnerId},
        operation::{Operation, OperationKind},
        snapshot::CustomerSnapshot,
    },
    error::{Error, Reason},
    store::{CustomerFilter, Tx},
    upstream::{self, Call, Priority, Scheduling},
};

/// When it is worth asking again about an object that Corefy has not confirmed yet.
const NOT_READY_RETRY: Duration = Duration::from_secs(2);

/// The input of `CreateCustomer`.
#[derive(Debug)]
pub struct CreateCustomer {
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The rest.
    pub details: CustomerDetails,
}

impl App {
    /// Creates a customer here and at Corefy. An unknown outcome is an answer: the customer has no upstream id yet.
    pub async fn create_customer(&self, caller: Caller, input: CreateCustomer) -> Result<Answer<Customer>, Error> {
        self.perform(caller, CreateCustomerCommand { id: CustomerId::generate(), input }).await
    }

    /// Reads a customer.
    pub async fn get_customer(&self, caller: &Caller, id: CustomerId) -> Result<Customer, Error> {
        let not_found = || Error::not_found("customer", id.as_str());
        self.store.read().await?.customer(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists the partner's customers, newest first.
    pub async fn list_customers(
        &self,
        caller: &Caller,
        reference_id: Option<String>,
        page: Page,
    ) -> Result<Paged<Customer>, Error> {
        let filter = CustomerFilter { reference_id };
        let tokens = self.page_tokens(caller, ("customers", &filter));
        let after = tokens.read(&page.token)?;
        let mut session = self.store.read().await?;
        let found = session.customers(&caller.partner_id, &filter, after, page.size + 1).await?;
        Ok(tokens.page(found, page.size, |customer| customer.id.as_str()))
    }

    /// Takes over what Corefy shows of how the customer is reached. `false`: it changed here meanwhile, so that what was
    /// shown may be older, and has to be asked for again.
    pub(super) async fn refresh_customer(&self, known: &Customer) -> Result<bool, Error> {
        let shown = self.upstream.customer_find(known, Scheduling::of(Priority::Read)).await?;
        let Some(shown) = shown else { return Ok(true) };
        if !known.details.clone().take_over(&shown.contact) {
            return Ok(true);
        }
        let now = self.now();
        let mut tx = self.store.begin().await?;
        let Some(mut customer) = tx.customer_lock(&known.id).await? else { return Ok(true) };
        let is_as_known = customer == *known;
        if !customer.details.take_over(&shown.contact) {
            return Ok(true);
        }
        if !is_as_known {
            return Ok(false);
        }
        customer.touch(now);
        tx.customer_update(&customer).await?;
        tx.events_insert(&[EventType::CustomerUpdated], &customer.into(), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Finds out what became of a customer's creation.
    pub(super) async fn recover_customer(&self, operation: &Operation) -> Result<(), Error> {
        let customer = CreateCustomerCommand::load(self, &operation.subject_id).await?;
        let found = self.upstream.customer_recover(call(operation), &customer).await;
        self.settle_found::<CreateCustomerCommand>(operation, found).await
    }
}

/// The partner's customer, which Corefy must know.
pub(super) async fn ready(tx: &mut Tx, partner: &PartnerId, id: &CustomerId) -> Result<Customer, Error> {
    let not_found = || Error::not_found("customer", id.as_str());
    let customer = tx.customer(partner, id).await?.ok_or_else(not_found)?;
    if customer.upstream_id.is_none() { Err(not_ready(id.as_str())) } else { Ok(customer) }
}

/// Corefy's answer to the object's creation is not known yet.
pub(super) fn not_ready(id: &str) -> Error {
    let message = format!("Corefy's answer to the creation of {id} is not known yet");
    Error::new(Reason::CustomerNotReady, message).with("resource_id", id).retry_after(NOT_READY_RETRY)
}

/// `CreateCustomer`.
pub(super) struct CreateCustomerCommand {
    id: CustomerId,
    input: CreateCustomer,
}

impl Command for CreateCustomerCommand {
    const KIND: OperationKind = OperationKind::CreateCustomer;
    type Resource = Customer;
    type Snapshot = CustomerSnapshot;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: None }
    }

    async fn reserve(&mut self, _: &App, tx: &mut Tx, operation: &mut Operation) -> Result<Reserved<Customer>, Error> {
        let customer = Customer {
            id: self.id.clone(),
            partner_id: operation.partner_id.clone(),
            upstream_id: None,
            reference_id: self.input.reference_id.clone(),
            details: self.input.details.clone(),
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            revision: 1,
        };
        if !tx.customer_insert(&customer).await? {
            let reference = customer.reference_id.unwrap_or_default();
            let taken = tx.customer_id_referenced(&operation.partner_id, &reference).await?;
            return Err(reference_taken(&reference, taken.map(|id| id.to_string())));
        }
        Ok(Reserved::Send(customer))
    }

    async fn send(self, app: &App, call: Call<'_>, customer: &Customer) -> Result<CustomerSnapshot, upstream::Error> {
        app.upstream.customer_create(call, customer).await
    }

    async fn settle(
        tx: &mut Tx,
        operation: &Operation,
        outcome: Outcome<CustomerSnapshot>,
        now: Timestamp,
    ) -> Result<Verdict<Customer>, Error> {
        let not_found = || Error::not_found("customer", &operation.subject_id);
        let id = CustomerId::parse(&operation.subject_id).ok_or_else(not_found)?;
        let mut customer = tx.customer(&operation.partner_id, &id).await?.ok_or_else(not_found)?;
        match outcome.into() {
            Creation::Made(snapshot) => {
                customer.upstream_id = Some(snapshot.upstream_id);
                customer.touch(now);
                tx.customer_update(&customer).await?;
                tx.events_insert(&[EventType::CustomerCreated], &customer.clone().into(), now).await?;
                Ok(Verdict::Done(customer))
            }
            Creation::Unknown => Ok(Verdict::InDoubt(customer)),
            Creation::TakenBack(verdict) => {
                tx.customer_delete(&id).await?;
                emit_taken_back(tx, operation, EventType::CustomerCreationFailed, customer, now).await?;
                Ok(verdict)
            }
        }
    }

    fn is_decided(customer: &Customer) -> bool {
        customer.upstream_id.is_some()
    }

    async fn load(app: &App, id: &str) -> Result<Customer, Error> {
        let not_found = || Error::not_found("customer", id);
        let id = CustomerId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.customer_any(&id).await?.ok_or_else(not_found)
    }
}
