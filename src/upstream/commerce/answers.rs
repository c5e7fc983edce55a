//! Translates Corefy's answers into our types. An answer that contradicts the request, or has no equivalent, is a mismatch. A
//! mismatch proves nothing: neither that the thing was done nor that it was not.

mod invoices;
mod methods;
mod refunds;
mod resolutions;
mod saved;
mod statuses;

pub use invoices::{ShownInvoice, network_references};
pub use methods::{check_fields, supported};
pub use refunds::{refund_state, refunded, refunds};
pub use statuses::{InvoiceStanding, is_known_status, standing};
