//! `UpdateCustomer`.

use crate::{
    app::{
        decision::Decision,
        payments::Payments,
        perform::{Command, Outcome, Reserved, Target, Verdict},
    },
    domain::{
        clock::Timestamp,
        customer::{Customer, CustomerDetails, CustomerField},
        event::EventType,
        ids::CustomerId,
        operation::{Operation, OperationKind},
    },
    error::{Error, Reason},
    store::{Store, Tracked},
    upstream::{self, Call},
};

use super::stored::{load, not_ready, read_for, require_unerased};

/// The input of `UpdateCustomer`.
#[derive(Debug)]
pub struct UpdateCustomer {
    /// The customer.
    pub id: CustomerId,
    /// The fields to change.
    pub fields: Vec<CustomerField>,
    /// Their new values; other fields are ignored.
    pub details: CustomerDetails,
    /// The revision that the customer must have.
    pub expected_revision: Option<i64>,
}

/// `UpdateCustomer`. Ours alone: Corefy's API has no such call.
pub(super) struct UpdateCustomerCommand(pub UpdateCustomer);

impl Command for UpdateCustomerCommand {
    const KIND: OperationKind = OperationKind::UpdateCustomer;
    type Resource = Customer;
    type Snapshot = ();
    type Seen = Tracked<Customer>;

    fn target(&self) -> Target {
        Target { subject_id: self.0.id.to_string(), payment_intent_id: None }
    }

    async fn read(&self, payments: &Payments, operation: &Operation) -> Result<Tracked<Customer>, Error> {
        let customer = payments.store.read().await?.customer_tracked(&self.0.id).await?;
        let own = customer.filter(|customer| customer.partner_id == operation.partner_id);
        own.ok_or_else(|| Error::not_found("customer", self.0.id.as_str()))
    }

    fn reserve(
        &self,
        _: &Payments,
        customer: &mut Tracked<Customer>,
        operation: &mut Operation,
        decision: &mut Decision,
    ) -> Result<Reserved<Customer>, Error> {
        // Recovery may have to send the creation again, and must send the same.
        if customer.upstream_id.is_none() {
            return Err(not_ready(customer.id.as_str()));
        }
        require_unerased(customer)?;
        if self.0.expected_revision.is_some_and(|expected| expected != customer.revision) {
            return Err(stale(customer));
        }
        let mut details = customer.details.clone();
        if details.edit(&self.0.details, &self.0.fields) {
            customer.details = details;
            customer.touch(operation.sent_at);
            decision.changes.emit(EventType::CustomerUpdated, customer.to_inner(), operation.sent_at);
        }
        Ok(Reserved::Done(customer.to_inner()))
    }

    async fn send(self, _: &Payments, _: Call<'_>, _: &Tracked<Customer>, _: &Customer) -> Result<(), upstream::Error> {
        Ok(())
    }

    async fn read_for_outcome(
        store: &Store,
        operation: &Operation,
        _: &Outcome<()>,
        kept: Option<Tracked<Customer>>,
    ) -> Result<Tracked<Customer>, Error> {
        read_for(store, operation, kept).await
    }

    fn settle(
        customer: &mut Tracked<Customer>,
        _: &Operation,
        _: Outcome<()>,
        _: Timestamp,
        _: &mut Decision,
    ) -> Result<Verdict<Customer>, Error> {
        Ok(Verdict::Done(customer.to_inner()))
    }

    fn is_decided(_: &Customer) -> bool {
        true
    }

    async fn load(payments: &Payments, id: &str) -> Result<Customer, Error> {
        load(payments, id).await
    }
}

/// The customer has another revision than the call expects.
fn stale(customer: &Customer) -> Error {
    let revision = customer.revision.to_string();
    let message = format!("the customer has changed since: it has the revision {revision}");
    Error::new(Reason::RevisionStale, message).with("resource_id", customer.id.as_str()).with("revision", revision)
}
