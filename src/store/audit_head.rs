//! The row of the audit log's head.

use sqlx::{Any, Executor};

use super::{Error, columns::get};
use crate::domain::audit::AuditHead;

/// Reads it, whether it is sealed or not.
pub(super) async fn read<'c>(on: impl Executor<'c, Database = Any>) -> Result<AuditHead, Error> {
    let row = sqlx::query("SELECT * FROM audit_head WHERE id = 1").fetch_one(on).await?;
    Ok(AuditHead {
        sequence: get(&row, "sequence")?,
        hash: get(&row, "hash")?,
        first_sequence: get(&row, "first_sequence")?,
        hash_before_first: get(&row, "hash_before_first")?,
        seal: get(&row, "seal")?,
    })
}
