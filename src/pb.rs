//! Generated messages, services and clients, and a `Debug` that leaves out the fields with the option `debug_redact`.

#![allow(missing_docs, clippy::all, clippy::unwrap_used)]

tonic::include_proto!("corefy.gateway.v1");

include!(concat!(env!("OUT_DIR"), "/redacted_debug.rs"));
include!(concat!(env!("OUT_DIR"), "/personal_data.rs"));

/// The compiled protos, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));

/// The name of an enum's word, or its number where this version has no word for it.
fn word<E: TryFrom<i32> + std::fmt::Debug>(number: i32) -> String {
    E::try_from(number).map_or_else(|_| number.to_string(), |word| format!("{word:?}"))
}
