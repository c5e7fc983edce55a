//! The database that every run begins with: migrated, with two partners. It is made once, and copied.

use std::sync::{Arc, OnceLock};

use corefy_gateway::domain::environment::Environment;
use secrecy::ExposeSecret as _;
use tokio::runtime::Builder;

use super::calls::Caller;
use crate::support::{
    app::{START, create_key},
    database::TestDatabase,
};

/// The partners.
const PARTNERS: [&str; 2] = ["Acme", "Bolt"];

/// A database in bytes, and the callers in it.
pub struct Template {
    content: Vec<u8>,
    pub callers: Vec<Caller>,
}

impl Template {
    /// The one of this process.
    pub fn get() -> Arc<Self> {
        static MADE: OnceLock<Arc<Template>> = OnceLock::new();
        let make = || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            Arc::new(runtime.block_on(Self::make()))
        };
        MADE.get_or_init(make).clone()
    }

    async fn make() -> Self {
        let database = TestDatabase::in_lock_step();
        let environment = Environment::from_seed(START, 0);
        let mut callers = Vec::new();
        for name in PARTNERS {
            let key = create_key(&database, &environment, |new| new.partner_name = name.to_owned()).await;
            let store = database.store().await;
            let keys = store.read().await.unwrap().api_keys(None).await.unwrap();
            let partner = keys.last().unwrap().partner_id.clone();
            store.close().await;
            callers.push(Caller { partner, api_key: key.expose_secret().to_owned() });
        }
        Self { content: database.raw().await, callers }
    }

    /// A copy of it.
    pub fn database(&self) -> TestDatabase {
        TestDatabase::in_lock_step_with(&self.content)
    }
}
