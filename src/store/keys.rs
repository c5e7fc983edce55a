//! The tables of partners and of their API keys.

use std::collections::HashSet;

use ipnet::IpNet;
use sqlx::any::AnyRow;

use super::{
    Error, ReadSession,
    columns::{get, optional_time, parse, time},
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    api_key::{ApiKey, Scope},
    clock::Timestamp,
    ids::PartnerId,
    key_pair::{PublicKey, SecretHash},
    network,
};

pub(super) static INSERT_PARTNER: Statement = Statement {
    rank: Rank::PartnerInsert,
    columns: &[("id", Text), ("name", Text), ("created_at", Int)],
    sql: "INSERT INTO partners (id, name, created_at)
         SELECT id, name, created_at FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::ApiKeyInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("name", Text),
        ("secret_hash", Bytes),
        ("scopes", Text),
        ("allowed", Text),
        ("expires_at", Int),
        ("created_at", Int),
    ],
    sql: "INSERT INTO api_keys (id, partner_id, name, secret_hash, previous_secret_hash, scopes, allowed,
             expires_at, revoked_at, last_used_at, created_at)
         SELECT id, partner_id, name, secret_hash, NULL, scopes, allowed, expires_at, NULL, NULL, created_at
         FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

pub(super) static ROTATE: Statement = Statement {
    rank: Rank::ApiKeyRotate,
    columns: &[("id", Text), ("secret_hash", Bytes), ("overlap_until", Int), ("rotated_at", Int)],
    sql: "UPDATE api_keys SET previous_secret_hash = api_keys.secret_hash, previous_expires_at = new.overlap_until,
             secret_hash = new.secret_hash
         FROM {rows} WHERE api_keys.id = new.id AND api_keys.secret_hash <> new.secret_hash
         AND api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > new.rotated_at)",
};

pub(super) static REVOKE: Statement = Statement {
    rank: Rank::ApiKeyRevoke,
    columns: &[("id", Text), ("revoked_at", Int)],
    sql: "UPDATE api_keys SET revoked_at = new.revoked_at
         FROM {rows} WHERE api_keys.id = new.id AND api_keys.revoked_at IS NULL",
};

pub(super) static USE: Statement = Statement {
    rank: Rank::ApiKeyUse,
    columns: &[("id", Text), ("used_at", Int)],
    sql: "UPDATE api_keys SET last_used_at = new.used_at FROM {rows} WHERE api_keys.id = new.id",
};

impl ReadSession {
    /// The key.
    pub async fn api_key(&mut self, id: &PublicKey) -> Result<Option<ApiKey>, Error> {
        let query = sqlx::query("SELECT * FROM api_keys WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.by_key()).await?.as_ref().map(read).transpose()
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
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| parse(&row, "id", PartnerId::parse)).transpose()
    }
}

/// Adds a partner. Conflicts when another has its short name or its name.
pub(super) fn partner_insertion(id: &PartnerId, name: &str, created_at: Timestamp) -> Write {
    let row = RowValues::new().and(id.as_str()).and(name).and(created_at.0);
    Write::new(Rank::PartnerInsert, id.as_str(), row)
}

/// Adds a key. Conflicts when there is one of this id.
pub(super) fn insertion(key: &ApiKey) -> Write {
    let (scopes, allowed) =
        (join(&key.scopes, |scope| scope.as_str().to_owned()), join(&key.allowed, ToString::to_string));
    let row = RowValues::new()
        .and(key.id.as_str())
        .and(key.partner_id.as_str())
        .and(key.name.as_str())
        .and(&key.secret_hash[..])
        .and(scopes.as_str())
        .and(allowed.as_str())
        .and(key.expires_at.map(|time| time.0))
        .and(key.created_at.0);
    Write::new(Rank::ApiKeyInsert, key.id.as_str(), row)
}

/// Gives a key another secret; the one it had is good beside it until `overlap_until`. Conflicts when there is no such key, when
/// it is not good any more, and when it has this secret already.
pub(super) fn rotation(
    id: &PublicKey,
    secret_hash: &SecretHash,
    overlap_until: Timestamp,
    rotated_at: Timestamp,
) -> Write {
    let row = RowValues::new().and(id.as_str()).and(&secret_hash[..]).and(overlap_until.0).and(rotated_at.0);
    Write::new(Rank::ApiKeyRotate, id.as_str(), row)
}

/// Revokes a key. Conflicts when there is no such key, and when it is revoked already.
pub(super) fn revocation(id: &PublicKey, revoked_at: Timestamp) -> Write {
    Write::new(Rank::ApiKeyRevoke, id.as_str(), RowValues::new().and(id.as_str()).and(revoked_at.0))
}

/// Notes that a key was used.
pub(super) fn usage(id: &PublicKey, used_at: Timestamp) -> Write {
    Write::new(Rank::ApiKeyUse, id.as_str(), RowValues::new().and(id.as_str()).and(used_at.0))
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
