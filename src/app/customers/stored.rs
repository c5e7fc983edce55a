//! Customers as they are stored, for the calls that need one.

use std::time::Duration;

use crate::{
    app::payments::Payments,
    domain::{
        customer::Customer,
        ids::{CustomerId, PartnerId},
        operation::Operation,
    },
    error::{Error, Reason},
    store::{ReadSession, Store, Tracked},
};

/// When it is worth asking again about an object that Corefy has not confirmed yet.
const NOT_READY_RETRY: Duration = Duration::from_secs(2);

/// The partner's customer, which Corefy must know.
pub(in crate::app) async fn ready(
    session: &mut ReadSession,
    partner: &PartnerId,
    id: &CustomerId,
) -> Result<Customer, Error> {
    let not_found = || Error::not_found("customer", id.as_str());
    let customer = session.customer(partner, id).await?.ok_or_else(not_found)?;
    require_unerased(&customer)?;
    if customer.upstream_id.is_none() { Err(not_ready(id.as_str())) } else { Ok(customer) }
}

/// Refuses what would keep something of a person who was erased.
pub(in crate::app) fn require_unerased(customer: &Customer) -> Result<(), Error> {
    if customer.is_erased() { Err(erased(customer.id.as_str())) } else { Ok(()) }
}

/// The person behind the object was erased.
pub(in crate::app) fn erased(id: &str) -> Error {
    Error::new(Reason::CustomerErased, format!("the person behind {id} was erased")).with("resource_id", id)
}

/// Corefy's answer to the object's creation is not known yet.
pub(in crate::app) fn not_ready(id: &str) -> Error {
    let message = format!("Corefy's answer to the creation of {id} is not known yet");
    Error::new(Reason::CustomerNotReady, message).with("resource_id", id).retry_after(NOT_READY_RETRY)
}

/// The customer of an operation, unless it is `kept` from the reservation.
pub(super) async fn read_for(
    store: &Store,
    operation: &Operation,
    kept: Option<Tracked<Customer>>,
) -> Result<Tracked<Customer>, Error> {
    if let Some(customer) = kept {
        return Ok(customer);
    }
    let not_found = || Error::not_found("customer", &operation.subject_id);
    let id = CustomerId::parse(&operation.subject_id).ok_or_else(not_found)?;
    store.read().await?.customer_tracked(&id).await?.ok_or_else(not_found)
}

/// The customer as it is now.
pub(super) async fn load(payments: &Payments, id: &str) -> Result<Customer, Error> {
    let not_found = || Error::not_found("customer", id);
    let id = CustomerId::parse(id).ok_or_else(not_found)?;
    payments.store.read().await?.customer_any(&id).await?.ok_or_else(not_found)
}
