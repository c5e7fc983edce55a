//! The budget of calls to Corefy, shared by the gateways on one database.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    domain::quota::{Ask, Lease, Purse, Quota},
    store::Store,
    upstream::transport::Lender,
};

/// Lends what the database says is left for all.
struct SharedBudget {
    store: Store,
    /// This process, among those that ask.
    gateway: String,
}

/// Who lends to the gateways on `store`. `None`: there is one, and it need not ask.
pub fn lender(store: &Store) -> Option<Arc<dyn Lender>> {
    let gateway = Uuid::now_v7().to_string();
    store.is_shared().then(|| Arc::new(SharedBudget { store: store.clone(), gateway }) as Arc<dyn Lender>)
}

#[async_trait]
impl Lender for SharedBudget {
    async fn lend(&self, purse: Purse, quota: Quota, ask: Ask) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        let mut tx = self.store.begin().await?;
        let lease = tx.budget_lend(purse, quota, &self.gateway, ask).await?;
        tx.commit().await?;
        Ok(lease)
    }
}
