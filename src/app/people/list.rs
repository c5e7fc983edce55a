//! Erasures as they are shown.

use super::handle::{People, Requester};
use crate::{
    domain::{
        clock::Timestamp,
        erasure::job::Erasure,
        ids::{CustomerId, ErasureId, PartnerId},
    },
    error::Error,
};

impl People {
    /// Reads an erasure of the partner.
    pub async fn get_erasure(&self, requester: &Requester, id: ErasureId) -> Result<Erasure, Error> {
        let found = self.store.read().await?.erasure(&id).await?;
        let own = found.filter(|erasure| erasure.partner_id == requester.partner_id);
        own.ok_or_else(|| Error::not_found("erasure", id.as_str()))
    }

    /// Reads an erasure of any partner.
    pub async fn find_erasure(&self, id: &ErasureId) -> Result<Option<Erasure>, Error> {
        Ok(self.store.read().await?.erasure(id).await?)
    }

    /// The partner of a customer.
    pub async fn partner_of(&self, customer: &CustomerId) -> Result<PartnerId, Error> {
        let found = self.store.read().await?.customer_any(customer).await?;
        found.map(|found| found.partner_id).ok_or_else(|| Error::not_found("customer", customer.as_str()))
    }

    /// Erasures that were asked for since `from`, of one partner if one is named, by their ids, at most `limit`, after this one.
    pub async fn erasures(
        &self,
        partner: Option<&PartnerId>,
        from: Option<Timestamp>,
        after: Option<&ErasureId>,
        limit: u32,
    ) -> Result<Vec<Erasure>, Error> {
        Ok(self.store.read().await?.erasures(partner, from, after, limit).await?)
    }
}
