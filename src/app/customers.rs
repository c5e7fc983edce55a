//! Customers: create, read, list, and taking over what was changed at Corefy.

use std::{sync::Arc, time::Duration};

use super::{
    call::{Answer, Caller},
    decision::{CONFLICTS, Decision},
    lookup,
    paging::{Page, Paged},
    payments::Payments,
    perform::{Command, Creation, Outcome, Reserved, Seen, Target, Verdict, emit_taken_back},
};
use crate::{
    domain::{
        clock::Timestamp,
        customer::{Customer, CustomerDetails},
        event::EventType,
        ids::{CustomerId, PartnerId},
        list_filters::CustomerFilter,
        operation::{Operation, OperationKind},
        snapshot::CustomerSnapshot,
    },
    error::{Error, Reason},
    store::{Change, CommitError, ReadSession, Store, Tracked},
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

impl Payments {
    /// Creates a customer here and at Corefy. An unknown outcome is an answer: the customer has no upstream id yet.
    pub async fn create_customer(
        self: &Arc<Self>,
        caller: Caller,
        input: CreateCustomer,
    ) -> Result<Answer<Customer>, Error> {
        self.perform(caller, CreateCustomerCommand { id: CustomerId::generate(self.ids()), input }).await
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
        let tokens = self.page_tokens.of(caller, ("customers", &filter));
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
        for _ in 0..CONFLICTS {
            let tracked = self.store.read().await?.customer_tracked(&known.id).await?;
            let Some(mut customer) = tracked else { return Ok(true) };
            let is_as_known = *customer == *known;
            if !customer.details.take_over(&shown.contact) {
                return Ok(true);
            }
            if !is_as_known {
                return Ok(false);
            }
            let (mut decision, now) = (Decision::by(self.ids(), &[]), self.now());
            customer.touch(now);
            decision.changes.emit(EventType::CustomerUpdated, customer.to_inner(), now);
            decision.changes.push(Change::Customer(customer));
            match decision.commit(&self.store).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Conflict(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Finds out what became of a customer's creation.
    pub(super) async fn recover_customer(&self, operation: &Operation) -> Result<(), Error> {
        let customer = CreateCustomerCommand::load(self, &operation.subject_id).await?;
        let found = self.upstream.customer_recover(lookup::call(operation), &customer).await;
        self.settle_found::<CreateCustomerCommand>(operation, found).await
    }
}

/// The partner's customer, which Corefy must know.
pub(super) async fn ready(session: &mut ReadSession, partner: &PartnerId, id: &CustomerId) -> Result<Customer, Error> {
    let not_found = || Error::not_found("customer", id.as_str());
    let customer = session.customer(partner, id).await?.ok_or_else(not_found)?;
    if customer.upstream_id.is_none() { Err(not_ready(id.as_str())) } else { Ok(customer) }
}

/// Corefy's answer to the object's creation is not known yet.
pub(super) fn not_ready(id: &str) -> Error {
    let message = format!("Corefy's answer to the creation of {id} is not known yet");
    Error::new(Reason::CustomerNotReady, message).with("resource_id", id).retry_after(NOT_READY_RETRY)
}

impl Seen for Tracked<Customer> {
    fn write(&self, decision: &mut Decision, _: Timestamp) {
        decision.changes.push(Change::Customer(self.clone()));
    }

    fn mark_committed(&mut self) {
        Tracked::mark_committed(self);
    }
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
    type Seen = Tracked<Customer>;

    fn target(&self) -> Target {
        Target { subject_id: self.id.to_string(), payment_intent_id: None }
    }

    async fn read(&self, _: &Payments, operation: &Operation) -> Result<Tracked<Customer>, Error> {
        Ok(Tracked::new(Customer {
            id: self.id.clone(),
            partner_id: operation.partner_id.clone(),
            upstream_id: None,
            reference_id: self.input.reference_id.clone(),
            details: self.input.details.clone(),
            created_at: operation.sent_at,
            updated_at: operation.sent_at,
            revision: 1,
        }))
    }

    fn reserve(
        &self,
        _: &Payments,
        customer: &mut Tracked<Customer>,
        _: &mut Operation,
        _: &mut Decision,
    ) -> Result<Reserved<Customer>, Error> {
        Ok(Reserved::Send(customer.to_inner()))
    }

    fn reference(&self) -> Option<&str> {
        self.input.reference_id.as_deref()
    }

    async fn send(
        self,
        app: &Payments,
        call: Call<'_>,
        customer: &Tracked<Customer>,
        _: &Customer,
    ) -> Result<CustomerSnapshot, upstream::Error> {
        app.upstream.customer_create(call, customer).await
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<CustomerSnapshot>,
        kept: Option<Tracked<Customer>>,
    ) -> Result<Tracked<Customer>, Error> {
        if let Some(customer) = kept {
            return Ok(customer);
        }
        let not_found = || Error::not_found("customer", &operation.subject_id);
        let id = CustomerId::parse(&operation.subject_id).ok_or_else(not_found)?;
        store.read().await?.customer_tracked(&id).await?.ok_or_else(not_found)
    }

    fn settle(
        customer: &mut Tracked<Customer>,
        operation: &Operation,
        outcome: Outcome<CustomerSnapshot>,
        now: Timestamp,
        decision: &mut Decision,
    ) -> Result<Verdict<Customer>, Error> {
        Ok(match Creation::from(outcome) {
            Creation::Made(snapshot) => {
                customer.upstream_id = Some(snapshot.upstream_id);
                customer.touch(now);
                decision.changes.emit(EventType::CustomerCreated, customer.to_inner(), now);
                Verdict::Done(customer.to_inner())
            }
            Creation::Unknown => Verdict::InDoubt(customer.to_inner()),
            Creation::TakenBack(verdict) => {
                customer.delete();
                let object = customer.to_inner();
                emit_taken_back(operation, EventType::CustomerCreationFailed, object, now, decision);
                verdict
            }
        })
    }

    fn is_decided(customer: &Customer) -> bool {
        customer.upstream_id.is_some()
    }

    async fn load(app: &Payments, id: &str) -> Result<Customer, Error> {
        let not_found = || Error::not_found("customer", id);
        let id = CustomerId::parse(id).ok_or_else(not_found)?;
        app.store.read().await?.customer_any(&id).await?.ok_or_else(not_found)
    }
}
