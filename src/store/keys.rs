//! The tables of partners and of their API keys.

use std::collections::HashSet;

use ipnet::IpNet;
use sqlx::any::AnyRow;

use super::{
    Error, Session, Tx,
    columns::{get, optional_time, parse, time},
    session::Connected,
};
use crate::domain::{
    api_key::{ApiKey, Scope},
    clock::Timestamp,
    ids::PartnerId,
    key_pair::{PublicKey, SecretHash},
    network,
};

impl<C: Connected> Session<C> {
    /// The key.
    pub async fn api_key(&mut self, id: &PublicKey) -> Result<Option<ApiKey>, Error> {
        let query = sqlx::query("SELECT * FROM api_keys WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// Every key, oldest first; of one partner, if one is named.
    pub async fn api_keys(&mut self, partner: Option<&PartnerId>) -> Result<Vec<ApiKey>, Error> {
        let sql = "SELECT * FROM api_keys WHERE $1 = '' OR partner_id = $1 ORDER BY created_at, id";
        let query = sqlx::query(sql).bind(partner.map_or("", PartnerId::as_str));
        let rows = query.fetch_all(self.connection()).await?;
        self.shared.readable("api_keys", &rows, |row, _| read(row))
    }

    /// The names of all keys that are not revoked.
    pub async fn api_key_names(&mut self) -> Result<HashSet<String>, Error> {
        let query = sqlx::query("SELECT id FROM api_keys WHERE revoked_at IS NULL");
        query.fetch_all(self.connection()).await?.iter().map(|row| get(row, "id")).collect()
    }

    /// The partner that is called `name`.
    pub async fn partner_named(&mut self, name: &str) -> Result<Option<PartnerId>, Error> {
        let query = sqlx::query("SELECT id FROM partners WHERE name = $1").bind(name);
        let row = query.fetch_optional(self.connection()).await?;
        row.map(|row| parse(&row, "id", PartnerId::parse)).transpose()
    }
}

impl Tx {
    /// Adds a partner. `false`: the short name is another partner's, and nothing was added.
    pub async fn partner_insert(&mut self, id: &PartnerId, name: &str, now: Timestamp) -> Result<bool, Error> {
        let sql = "INSERT INTO partners (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
        let query = sqlx::query(sql).bind(id.as_str()).bind(name).bind(now.0);
        Ok(query.execute(self.connection()).await?.rows_affected() == 1)
    }

    /// Adds a key. `false`: it is there already.
    pub async fn api_key_insert(&mut self, key: &ApiKey) -> Result<bool, Error> {
        let sql = "INSERT INTO api_keys (id, partner_id, name, secret_hash, previous_secret_hash, scopes, allowed,
                 expires_at, revoked_at, last_used_at, created_at)
             VALUES ($1, $2, $3, $4, NULL, $5, $6, $7, NULL, NULL, $8) ON CONFLICT (id) DO NOTHING";
        let query = sqlx::query(sql)
            .bind(key.id.as_str())
            .bind(key.partner_id.as_str())
            .bind(key.name.as_str())
            .bind(key.secret_hash.clone())
            .bind(join(&key.scopes, |scope| scope.as_str().to_owned()))
            .bind(join(&key.allowed, ToString::to_string))
            .bind(key.expires_at.map(|time| time.0))
            .bind(key.created_at.0);
        Ok(query.execute(self.connection()).await?.rows_affected() == 1)
    }

    /// Revokes a key. `false`: there is no such key, or it is revoked already.
    pub async fn api_key_revoke(&mut self, id: &PublicKey, now: Timestamp) -> Result<bool, Error> {
        let query = sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
        let query = query.bind(id.as_str()).bind(now.0);
        Ok(query.execute(self.connection()).await?.rows_affected() == 1)
    }

    /// Gives a key another secret; the one it had is good beside it until `overlap_until`. `false`: there is no such key,
    /// or it is not good at `now`, or it has this secret already.
    pub async fn api_key_rotate(
        &mut self,
        id: &PublicKey,
        secret_hash: &SecretHash,
        overlap_until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE api_keys
             SET previous_secret_hash = secret_hash, previous_expires_at = $3, secret_hash = $2
             WHERE id = $1 AND secret_hash <> $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)";
        let query = sqlx::query(sql).bind(id.as_str()).bind(secret_hash.to_vec()).bind(overlap_until.0).bind(now.0);
        Ok(query.execute(self.connection()).await?.rows_affected() == 1)
    }

    /// Notes that a key was used.
    pub async fn api_key_used(&mut self, id: &PublicKey, now: Timestamp) -> Result<(), Error> {
        let query = sqlx::query("UPDATE api_keys SET last_used_at = $2 WHERE id = $1").bind(id.as_str()).bind(now.0);
        query.execute(self.connection()).await?;
        Ok(())
    }
}

fn join<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(",")
}

fn split<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').filter(|part| !part.is_empty()).map(parse).collect()
}

fn read(row: &AnyRow) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: parse(row, "id", PublicKey::parse)?,
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        name: get(row, "name")?,
        secret_hash: get(row, "secret_hash")?,
        previous_secret_hash: get(row, "previous_secret_hash")?,
        previous_expires_at: optional_time(row, "previous_expires_at")?,
        scopes: parse(row, "scopes", |text| split(text, Scope::parse))?,
        allowed: parse(row, "allowed", |text| split::<IpNet>(text, network::parse))?,
        expires_at: optional_time(row, "expires_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
        last_used_at: optional_time(row, "last_used_at")?,
        created_at: time(row, "created_at")?,
    })
}
