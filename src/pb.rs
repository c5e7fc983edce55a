//! Generated messages, services and clients, and a `Debug` for those that carry a card or a person.

#![allow(missing_docs, clippy::all, clippy::unwrap_used)]

use std::fmt;

tonic::include_proto!("corefy.gateway.v1");

/// The compiled protos, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

macro_rules! debug_nothing {
    ($($message:ident),*) => {
        $(impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), "([private])"))
            }
        })*
    };
}

debug_nothing!(
    Card,
    CardToSave,
    ThreeDSecure,
    Address,
    Redirect,
    DisplayDetails,
    CreatePaymentIntentRequest,
    CreateCustomerRequest,
    CreatePaymentMethodRequest
);
