//! The contract of the store, on both databases.

mod api_calls;
mod budgets;
mod claims;
mod customers;
mod database;
mod events;
mod keys;
mod objects;
mod operations;
mod optimistic_tx;
mod payment_intents;
mod payment_methods;
mod refunds;
mod sealing;
mod webhooks;
