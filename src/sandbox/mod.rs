//! A Corefy of our own for `make dev` and the tests: it speaks the dialects `intents` and `commerce`, keeps a ledger of the money that
//! really moved, and goes wrong in every way a real one can, on request.
//!
//! # Layout
//!
//! - [`cards`], [`test_refunds`]: the tables of test cards, and of amounts that refunds are tested with
//! - [`script`], `scripted`: outcomes that a payment brings itself
//! - [`faults`]: what can be made to go wrong from outside
//! - [`ledger`]: what really moved
//! - `server`: one request's way, through `dialect`, `auth`, `route` and `state`
//! - `payment`, `intents`, `confirm`, `displays`, `refunds`, `chargebacks`, `customers`: the calls and their consequences, each a method of `state`
//! - `commerce`: the calls of that dialect, and its payers' pages; all else is of `intents`, or of both
//! - `notify`, `webhooks`, `webhook_log`: signed, queued, delivered, and remembered
//! - `handle`, `start`, `shared`: how it is started, and what its parts share
//! - `ledgers`: a ledger for each API key, and which one a request is for
//! - `catch_up`: the gateway on the same clock
//! - `page`: what a browser sees
//! - `control`: what tests do to it, and `http_control`: the same by HTTP
//!
//! It checks signatures with code of its own: a mistake shared with the client would go unseen.

mod answer;
mod auth;
pub mod cards;
mod catch_up;
mod chargebacks;
mod commerce;
mod confirm;
mod connection;
mod control;
mod customers;
mod dialect;
mod dispatch;
mod displays;
pub mod faults;
mod handle;
mod http_control;
mod in_process;
mod intents;
pub mod ledger;
mod ledgers;
mod lock;
mod notify;
mod options;
mod page;
mod payment;
mod records;
mod refunds;
mod route;
pub mod script;
mod scripted;
mod seen_body;
mod server;
mod shared;
mod signed_webhook;
mod start;
mod state;
pub mod test_refunds;
#[cfg(test)]
mod tests;
mod times;
mod webhook_log;
mod webhooks;

pub use catch_up::CatchUp;
pub use chargebacks::CHARGEBACK_TIME;
pub use commerce::{
    card_tokens::TOKEN_LIFETIME,
    corefy_cards::{COREFY_CARDS, CorefyCard},
    invoices::INVOICE_LIFETIME,
    switches::{CommerceSwitches, CreatedStatus, DuplicateAnswer, RefundModel},
};
pub use control::{
    clock::{MAX_ADVANCE, MAX_LEAD},
    expectations::{ExpectedMoney, MoneyDifference, MovedMoney},
    not_possible::NotPossible,
};
pub use displays::DISPLAY_TIME;
pub use handle::Sandbox;
pub use ledgers::{LEDGER_HEADER, MAX_LEDGERS};
pub use options::{SandboxAccount, SandboxOptions};
pub use payment::EXPIRED;
pub use route::{MAX_SEEN_BODIES, MAX_SEEN_REQUESTS, SeenRequest};
pub use signed_webhook::{SignedWebhook, WebhookAbout};
pub use times::{HANG_TIME, PROCESSING_TIME};
pub use webhook_log::{MAX_REMEMBERED_WEBHOOKS, WebhookRecord, WebhookState};
