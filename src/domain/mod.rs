//! What payments are: pure rules, without I/O, async or framework. Imports nothing of the other modules.

pub mod api_call;
pub mod api_key;
pub mod audit;
pub mod card;
pub mod clock;
pub mod confirmation;
pub mod currency;
pub mod customer;
pub mod event;
pub mod ids;
pub mod key_pair;
pub mod master_key;
pub mod money;
pub mod network;
pub mod operation;
pub mod payment_intent;
pub mod payment_method;
pub mod private;
pub mod quota;
pub mod refund;
pub mod resolution;
pub mod snapshot;
pub mod timeline;
