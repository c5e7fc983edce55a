//! The types of objects, and how many of them are read.

/// The type of a payment invoice.
pub const INVOICES: &str = "payment-invoices";

/// The most entries of a list that are read.
pub const LONGEST_LIST: usize = 1000;
