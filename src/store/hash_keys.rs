//! The table of the hash key: a row under each master key that opens the database. There is one, and two while the master key is
//! being changed.

use sqlx::{AnyConnection, Row as _};

use super::{Dialect, Error, Keyring, ReadSession, Sealer, audit_head, columns::get};
use crate::domain::{audit::AuditChain, hash_key::HashKey};

/// The migration that made the table.
const SINCE: i64 = 29;
/// The migration that made the head of the audit log.
const AUDITED_SINCE: i64 = 19;
/// The number of the first row.
const FIRST: i64 = 1;
/// The column, as it is sealed.
const COLUMN: &str = "secret";

/// A row as it is kept.
struct SealedKey {
    number: i64,
    secret: Vec<u8>,
}

/// The hash key of a database that is up to date. A new database gets one; under a new master key it is sealed again.
///
/// # Errors
/// [`Error::MasterKey`] when the keys open no row, [`Error::OtherMasterKey`] when there is one that they do not open.
pub(super) async fn hash_key(on: &mut AnyConnection, keys: &Keyring) -> Result<HashKey, Error> {
    let mut rows = read(on).await?;
    if rows.is_empty() {
        let key = first(on, keys).await?;
        insert(on, keys, FIRST, &key).await?;
        // Another gateway that began at the same moment may have been first.
        rows = read(on).await?;
    }
    let key = open_all(&rows, keys)?;
    if !rows.iter().any(|row| is_current(row, &keys.sealer)) {
        let next = rows.last().map_or(FIRST, |last| last.number + 1);
        insert(on, keys, next, &key).await?;
    }
    Ok(key)
}

/// The same of a database that may have to be migrated first, in which nothing is written.
pub(super) async fn hash_key_as_it_is(
    dialect: Dialect,
    on: &mut AnyConnection,
    keys: &Keyring,
) -> Result<HashKey, Error> {
    let schema = dialect.schema(on).await?;
    let rows = if schema.applied.contains(&SINCE) { read(on).await? } else { Vec::new() };
    if !rows.is_empty() {
        return open_all(&rows, keys);
    }
    if schema.applied.contains(&AUDITED_SINCE) { first(on, keys).await } else { Ok(keys.of_unaudited()) }
}

/// Deletes the rows that the master key does not open, once nothing else is sealed under another.
pub(super) async fn forget_others(on: &mut AnyConnection, sealer: &Sealer) -> Result<(), Error> {
    for row in read(on).await? {
        if !is_current(&row, sealer) {
            let deletion = sqlx::query("DELETE FROM hash_keys WHERE number = $1").bind(row.number);
            deletion.execute(&mut *on).await?;
        }
    }
    Ok(())
}

impl ReadSession {
    /// Whether what is stored is sealed under two master keys, of which one is being changed for the other.
    pub async fn is_under_two_master_keys(&mut self) -> Result<bool, Error> {
        let rows: i64 = sqlx::query("SELECT COUNT(*) FROM hash_keys").fetch_one(self.connection()).await?.try_get(0)?;
        Ok(rows > 1)
    }
}

/// The key of a database that has none yet. Where earlier versions have written it is one of the master keys, which one the seal of the
/// audit log's head tells: no program serves or makes a key without a row there.
async fn first(on: &mut AnyConnection, keys: &Keyring) -> Result<HashKey, Error> {
    let head = audit_head::read(&mut *on).await?;
    if !head.is_new() {
        let has_sealed = |key: &HashKey| AuditChain::new(key).is_sealed(&head);
        return keys.of_old().into_iter().find(has_sealed).ok_or(Error::MasterKey);
    }
    let partners: i64 = sqlx::query("SELECT COUNT(*) FROM partners").fetch_one(on).await?.try_get(0)?;
    Ok(if partners > 0 { keys.of_unaudited() } else { keys.new_hash_key() })
}

async fn read(on: &mut AnyConnection) -> Result<Vec<SealedKey>, Error> {
    let rows = sqlx::query("SELECT number, secret FROM hash_keys ORDER BY number").fetch_all(on).await?;
    rows.iter().map(|row| Ok(SealedKey { number: get(row, "number")?, secret: get(row, "secret")? })).collect()
}

/// The key, which all rows have.
fn open_all(rows: &[SealedKey], keys: &Keyring) -> Result<HashKey, Error> {
    let mut opened: Vec<_> = rows.iter().filter_map(|row| open(row, keys).ok()).collect();
    match opened.pop() {
        None => Err(Error::MasterKey),
        Some(_) if opened.len() + 1 < rows.len() => Err(Error::OtherMasterKey),
        Some(key) => Ok(key),
    }
}

fn open(row: &SealedKey, keys: &Keyring) -> Result<HashKey, Error> {
    let text: String = keys.sealer.open(&owner(row.number), COLUMN, &row.secret)?;
    Ok(HashKey::new(text.into()))
}

fn is_current(row: &SealedKey, sealer: &Sealer) -> bool {
    sealer.is_current(&owner(row.number), COLUMN, &row.secret)
}

/// Nothing happens where there is a row of this number.
async fn insert(on: &mut AnyConnection, keys: &Keyring, number: i64, key: &HashKey) -> Result<(), Error> {
    let secret = keys.sealer.seal(&owner(number), COLUMN, &key.expose())?;
    let sql = "INSERT INTO hash_keys (number, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(number).bind(secret).execute(on).await?;
    Ok(())
}

/// The row, as what is sealed in it belongs to it.
fn owner(number: i64) -> String {
    format!("hash_key_{number}")
}
