//! Payment methods as they are stored, for the calls that need one.

use crate::{
    app::payments::Payments,
    domain::{ids::PaymentMethodId, operation::Operation, payment_method::PaymentMethod},
    error::{Error, Reason},
    store::{Store, Tracked},
};

/// The method was deleted, and cannot be used.
pub(in crate::app) fn deleted(method: &PaymentMethod) -> Error {
    Error::new(Reason::PaymentMethodDeleted, format!("the payment method {} was deleted", method.id))
}

/// The payment method of an operation, unless it is `kept` from the reservation.
pub(super) async fn read_for(
    store: &Store,
    operation: &Operation,
    kept: Option<Tracked<PaymentMethod>>,
) -> Result<Tracked<PaymentMethod>, Error> {
    if let Some(method) = kept {
        return Ok(method);
    }
    let not_found = || Error::not_found("payment_method", &operation.subject_id);
    let id = PaymentMethodId::parse(&operation.subject_id).ok_or_else(not_found)?;
    store.read().await?.payment_method_tracked(&id).await?.ok_or_else(not_found)
}

/// The payment method as it is now.
pub(super) async fn load(payments: &Payments, id: &str) -> Result<PaymentMethod, Error> {
    let not_found = || Error::not_found("payment_method", id);
    let id = PaymentMethodId::parse(id).ok_or_else(not_found)?;
    payments.store.read().await?.payment_method_any(&id).await?.ok_or_else(not_found)
}
