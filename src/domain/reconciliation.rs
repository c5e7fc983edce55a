//! Reconciliation: the gateway's books beside Corefy's, payment by payment and refund by refund, and where the two differ.

mod compare;
mod difference;
mod mismatch;
mod ours;
mod refunds;
mod standing;
mod theirs;
mod totals;

pub use compare::{compare, missing_here};
pub use difference::{Certainty, Difference, DifferenceKind};
pub use mismatch::{MOST_DIFFERENCES, Mismatch};
pub use ours::{OurPayment, Patience};
pub use theirs::{Shown, TheirPayment, TheirRefunds, TheirState};
pub use totals::{Total, Totals};

#[cfg(test)]
mod tests;
