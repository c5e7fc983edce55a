//! Risk: whether an attempt to pay is let through, before anything is sent. Pure: the inputs and the history that a decision
//! needs are read before it.
//!
//! # Layout
//! `inputs` is what a decision may look at, `velocity` what happened before, `decision` its result; `subject` names the cards,
//! people and addresses that are counted, and `lists` are the named sets of them; `history` counts their attempts in `buckets`,
//! and `outcome` what came of those; `guard` blocks card testing.
//! `rule_set` has the operator's rules, whose conditions (`condition`) are asked about `facts`; `decide` puts lists, guard and
//! rules in their order.

pub mod action;
pub mod backtest;
pub mod buckets;
pub mod condition;
pub mod counted_attempt;
pub mod decide;
pub mod decision;
pub mod explanation;
pub mod facts;
pub mod guard;
pub mod history;
pub mod inputs;
pub mod list_entry;
pub mod lists;
pub mod outcome;
pub mod policy;
pub mod rates;
pub mod review;
pub mod rule_set;
pub mod rules_version;
#[cfg(test)]
pub mod samples;
pub mod subject;
pub mod velocity;
