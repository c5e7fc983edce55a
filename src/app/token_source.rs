//! The rate limit of calls to Corefy, shared by the gateways on one database.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    domain::quota::{Bucket, Demand, Lease, Quota},
    store::Store,
    upstream::transport::TokenSource,
};

/// Lends what the database says is left for all.
struct SharedTokens {
    store: Store,
    /// This process, among those that ask.
    gateway: String,
}

/// Who lends to the gateways on `store`. `None`: there is one, and it need not ask.
pub fn for_store(store: &Store) -> Option<Arc<dyn TokenSource>> {
    let gateway = Uuid::now_v7().to_string();
    store.is_shared().then(|| Arc::new(SharedTokens { store: store.clone(), gateway }) as Arc<dyn TokenSource>)
}

#[async_trait]
impl TokenSource for SharedTokens {
    async fn lease(&self, bucket: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        let mut tx = self.store.begin().await?;
        let lease = tx.budget_lease(bucket, quota, &self.gateway, demand).await?;
        tx.commit().await?;
        Ok(lease)
    }
}
