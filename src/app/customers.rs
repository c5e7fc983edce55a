//! Customers: create, update, read, list, and taking over what was changed at Corefy.

use std::sync::Arc;

use super::{
    call::{Answer, Caller},
    decision::{CONFLICTS, Decision},
    lookup,
    paging::{Listed, Page, Paged},
    payments::Payments,
    perform::{Command, Creation, Outcome, Reserved, Seen, Target, Verdict, emit_taken_back},
};
use crate::{
    domain::{
        clock::Timestamp,
        customer::{Customer, CustomerDetails},
        event::EventType,
        ids::CustomerId,
        list_filters::CustomerFilter,
        operation::{Operation, OperationKind},
        search_term::SearchedKind,
        snapshot::CustomerSnapshot,
    },
    error::Error,
    store::{Change, CommitError, Store, Tracked},
    upstream::{self, Call, Priority, Scheduling},
};

mod stored;
mod update;

pub(super) use stored::{erased, not_ready, ready};
use stored::{load, read_for};
pub use update::UpdateCustomer;
use update::UpdateCustomerCommand;

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

    /// Changes a customer here; Corefy has no such call.
    pub async fn update_customer(
        self: &Arc<Self>,
        caller: Caller,
        input: UpdateCustomer,
    ) -> Result<Answer<Customer>, Error> {
        self.perform(caller, UpdateCustomerCommand(input)).await
    }

    /// Reads a customer.
    pub async fn get_customer(&self, caller: &Caller, id: CustomerId) -> Result<Customer, Error> {
        let not_found = || Error::not_found("customer", id.as_str());
        self.store.read().await?.customer(&caller.partner_id, &id).await?.ok_or_else(not_found)
    }

    /// Lists the partner's customers in the order of the filter. A page may be short, and even empty, before the last.
    pub async fn list_customers(
        &self,
        caller: &Caller,
        filter: CustomerFilter,
        page: Page,
    ) -> Result<Paged<Customer>, Error> {
        let partner = &caller.partner_id;
        let terms = self.store.term_hashes(partner, SearchedKind::Customer, &filter.terms);
        let tokens = self.page_tokens.of(caller, ("customers", &filter, terms));
        let after = tokens.read_position(&page.token)?;
        let found = self.store.read().await?.customers(partner, &filter, after, page.size + 1).await?;
        Ok(tokens.page_found(found, page.size, filter.order(), |customer| Listed {
            id: customer.id.as_str(),
            reference_id: customer.reference_id.as_deref(),
            created_at: customer.created_at,
            updated_at: customer.updated_at,
        }))
    }

    /// Takes over what Corefy shows of how the customer is reached. `false`: it changed here meanwhile, so that what was
    /// shown may be older, and has to be asked for again.
    pub(super) async fn refresh_customer(&self, known: &Customer) -> Result<bool, Error> {
        if known.is_erased() {
            return Ok(true);
        }
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
        let asked_at = self.now();
        let found = self.upstream.customer_recover(lookup::call(operation), &customer).await;
        self.settle_found::<CreateCustomerCommand>(operation, asked_at, found).await
    }
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
            erased_at: None,
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
        read_for(store, operation, kept).await
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

    async fn load(payments: &Payments, id: &str) -> Result<Customer, Error> {
        load(payments, id).await
    }
}
