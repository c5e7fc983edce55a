//! Translates Corefy's answers into our types. An answer that contradicts the request, or has no equivalent, is a
//! mismatch. A mismatch proves nothing: neither that the thing was done nor that it was not.

mod customers;
mod failures;
mod payment_methods;
mod payments;
mod refunds;

pub use customers::{contact, customer, customer_shown};
pub use payment_methods::{masked_card, payment_method, payment_methods, supported};
pub use payments::{created, existing, is_known_status, read};
pub use refunds::{refund_state, refunded};
