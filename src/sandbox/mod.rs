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
//! - `notify`, `webhooks`, `webhook_queue`, `webhook_log`: signed, queued, delivered, and remembered
//! - `handle`, `start`, `shared`: how it is started, and what its parts share
//! - `ledgers`, `named_ledgers`: a ledger for each API key, and which one a request is for
//! - `kept`, `memory`, `ledger_memory`, `memory_check`: all that decides what happens next, as one document; `as_written`,
//!   `failure_codes`: how parts of it are read; `change_signal`: when it may have changed
//! - `turning`, `catch_up`: the clock that is put ahead, and the gateway on it
//! - `page`: what a browser sees
//! - `control`: what tests do to it, and `http_control`: the same by HTTP
//!
//! It checks signatures with code of its own: a mistake shared with the client would go unseen.

mod answer;
mod as_written;
mod auth;
pub mod cards;
mod catch_up;
mod change_signal;
mod chargebacks;
mod commerce;
mod confirm;
mod connection;
mod control;
mod customers;
mod dialect;
mod dispatch;
mod displays;
mod failure_codes;
pub mod faults;
mod handle;
mod http_control;
mod in_process;
mod intents;
mod kept;
pub mod ledger;
mod ledger_memory;
mod ledgers;
mod lock;
mod memory;
mod memory_check;
mod named_ledgers;
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
mod turning;
mod webhook_log;
mod webhook_queue;
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
    expectations::{ExpectedMoney, MoneyDifference, MovedMoney},
    not_possible::NotPossible,
};
pub use displays::DISPLAY_TIME;
pub use handle::Sandbox;
pub use ledgers::LEDGER_HEADER;
pub use memory::{MAX_MEMORY, MemoryProblem, SandboxMemory};
pub use named_ledgers::MAX_LEDGERS;
pub use options::{SandboxAccount, SandboxOptions};
pub use payment::EXPIRED;
pub use route::{MAX_SEEN_BODIES, MAX_SEEN_REQUESTS, SeenRequest};
pub use signed_webhook::{SignedWebhook, WebhookAbout};
pub use times::{HANG_TIME, PROCESSING_TIME};
pub use turning::{MAX_ADVANCE, MAX_LEAD};
pub use webhook_log::{MAX_REMEMBERED_WEBHOOKS, WebhookRecord, WebhookState};
