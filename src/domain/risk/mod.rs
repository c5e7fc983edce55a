//! Risk: whether an attempt to pay is let through, before anything is sent. Pure: the inputs and the history that a decision
//! needs are read before it.
//!
//! # Layout
//! `inputs` is what a decision may look at, `velocity` what happened before, `decision` its result; `subject` names the cards,
//! people and addresses that are counted, and `lists` are the named sets of them.

pub mod action;
pub mod decision;
pub mod inputs;
pub mod list_entry;
pub mod lists;
pub mod review;
pub mod rules_version;
pub mod subject;
pub mod velocity;
