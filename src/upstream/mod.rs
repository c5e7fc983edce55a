//! Corefy, whichever of its APIs is spoken. `reqwest` is used here and nowhere else.
//!
//! A dialect is one folder: `mod.rs` says which call carries which operation, `wire.rs` has the shapes of its bodies.
//! All share [`transport`]: timeouts, retries of what is safe to repeat, the rate limiter and the circuit breaker.

mod amounts;
mod call;
pub mod call_log;
pub mod commerce;
#[cfg(test)]
mod conformance;
mod contract;
mod error;
pub mod intents;
mod lenient;
mod log_subject;
mod payer_page;
mod priority;
mod reading;
mod redaction;
mod sanitize;
#[cfg(test)]
mod scripted;
pub mod signature;
pub mod transport;
mod values;

pub use call::{Call, NewPaymentMethod, PaymentContext, PaymentMethodData};
pub use contract::{About, ConnectionTest, Notice, Upstream, require};
pub use error::{Error, NotSent, Rejection, not_at_corefy};
pub use log_subject::Subject;
pub use priority::{Priority, Scheduling};
pub use transport::NoConnection;
