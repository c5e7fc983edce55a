//! The contract of the store, on both databases, and on SQLite in lock step, as simulations have it.

mod api_calls;
mod audit;
mod budgets;
mod chargebacks;
mod claims;
mod commits;
mod customers;
mod database;
mod erasures;
mod events;
mod exports;
mod keys;
pub mod objects;
mod operations;
mod payment_intents;
mod payment_methods;
mod refunds;
mod risk_bins;
mod risk_decisions;
mod risk_history;
mod risk_policy;
mod sealing;
mod search_terms;
mod searches;
mod webhooks;
