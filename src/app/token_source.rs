//! Leases the tokens of the rate limit, which the gateways on one database share.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;

use crate::{
    domain::{
        ids::Ids,
        quota::{Bucket, Demand, Lease, Quota},
    },
    store::Store,
    upstream::transport::TokenSource,
};

/// Leases by the database's count.
struct SharedTokens {
    store: Store,
    /// This process among the gateways.
    gateway: String,
}

/// The source for the gateways on `store`. `None`: only one gateway uses it, which needs no shared source.
pub fn for_store(store: &Store, ids: &Ids) -> Option<Arc<dyn TokenSource>> {
    let gateway = ids.uuid().to_string();
    store.is_shared().then(|| Arc::new(SharedTokens { store: store.clone(), gateway }) as Arc<dyn TokenSource>)
}

#[async_trait]
impl TokenSource for SharedTokens {
    async fn lease(&self, bucket: Bucket, quota: Quota, demand: Demand) -> Result<Lease, Box<dyn Error + Send + Sync>> {
        Ok(self.store.lease_tokens(bucket, quota, &self.gateway, demand).await?)
    }
}
