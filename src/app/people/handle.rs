//! The use cases of people, and what they share.

use crate::{
    app::{call::Caller, paging::PageTokens},
    domain::{
        audit::{Actor, Note},
        clock::Timestamp,
        environment::Environment,
        ids::PartnerId,
        retention::Retention,
    },
    store::Store,
};

/// The use cases of people. Needs the database but not Corefy.
pub struct People {
    pub(super) store: Store,
    pub(super) environment: Environment,
    pub(super) page_tokens: PageTokens,
    pub(super) retention: Retention,
}

/// The author of a request about a person: a caller, or an operator by a command.
#[derive(Clone, Debug)]
pub struct Requester {
    /// The partner whose payer the person is.
    pub partner_id: PartnerId,
    /// The author, and the reason.
    pub note: Note,
}

impl People {
    /// On this database, with the times of retention of the gateway that uses it.
    pub fn new(store: Store, environment: Environment, retention: Retention) -> Self {
        let page_tokens = PageTokens::new(store.hash_key());
        Self { store, environment, page_tokens, retention }
    }

    /// The present moment, by the clock of this process.
    pub fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }
}

impl From<&Caller> for Requester {
    fn from(caller: &Caller) -> Self {
        let note = Note { by: Actor::Key(caller.key_id.clone()), reason: String::new() };
        Self { partner_id: caller.partner_id.clone(), note }
    }
}
