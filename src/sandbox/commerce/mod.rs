//! The `commerce` dialect: payment invoices, the card gate, the public API, and the pages that payers see. An invoice is a
//! payment like an intent's, so that both dialects share one ledger and one way to move it.
//!
//! # Layout
//!
//! - `route`, `dispatch`, `auth`, `errors`: which call it is, who makes it, and how it is refused
//! - `invoice`, `invoices`, `document`, `status`, `network_references`: an invoice as it is kept, made, found and shown
//! - `services`: the ways to pay
//! - `sales`, `corefy_cards`, `expiries`, `card_tokens`, `resolutions`: what a card does, and the token that opens the card gate
//! - `vault`, `saved_cards`: saved cards and customers, and payments by them
//! - `refunds`, `account`: the other calls
//! - `hosted`, `page`: the payer's pages
//! - `callbacks`: what the gateway is told
//! - `switches`: how Corefy is to be where its documents leave it open
//!
//! Its wire types are its own and not the client's: a mistake shared with the client would go unseen.

mod account;
pub(super) mod auth;
pub(super) mod callbacks;
pub(super) mod card_tokens;
pub(super) mod corefy_cards;
mod dispatch;
mod document;
pub(super) mod errors;
pub(super) mod expiries;
mod hosted;
pub(super) mod invoice;
pub(super) mod invoices;
mod network_references;
pub(super) mod page;
mod refunds;
mod resolutions;
pub(super) mod route;
mod sales;
mod saved_cards;
mod services;
mod status;
pub(super) mod switches;
#[cfg(test)]
mod tests;
pub(super) mod vault;
mod wire;
