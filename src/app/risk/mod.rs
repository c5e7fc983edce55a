//! Risk: the policy that attempts are decided by, and all that a person does about it. Rules and lists are the gateway's; decisions
//! and reviews are the partners'.
//!
//! # Layout
//! `policy` is what is in force, in memory; `rules`, `lists` and `reviews` change what is kept, each with an entry in the audit;
//! `decisions` shows what was decided, and `backtest` what other rules would have.

pub mod backtest;
pub mod decisions;
mod handle;
pub mod lists;
pub mod policy;
pub mod reviews;
pub mod rules;

pub use handle::Risk;
