//! The chain of the audit log: each row has a keyed hash over itself and the hash of the row before it, under a key that is not in
//! the database. So whoever can write the database and lacks the master key can forge no row, and change, remove or move none
//! unnoticed. The head says which rows there are, under a seal of the same key.

use super::{entry::AuditEntry, record::AuditRecord};
use crate::domain::hash_key::{HashKey, Purpose, keyed_hash};

/// The rows that there are: from the first that is kept to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The place of the last row; 0 before there was any.
    pub sequence: i64,
    /// The hash of the last row; empty before there was any.
    pub hash: Vec<u8>,
    /// The place of the first row that is kept; that of the next one when none is.
    pub first_sequence: i64,
    /// The hash of the row before that one; empty when all are kept.
    pub hash_before_first: Vec<u8>,
    /// The keyed hash of all this; empty before there was any row.
    pub seal: Vec<u8>,
}

impl AuditHead {
    /// Whether it is that of a log which never had a row.
    pub fn is_new(&self) -> bool {
        self.sequence == 0 && self.first_sequence == 1 && self.seal.is_empty()
    }
}

/// Links rows, and checks how they are linked.
#[derive(Clone)]
pub struct AuditChain([u8; 32]);

impl AuditChain {
    /// Under the key for it.
    pub fn new(hash_key: &HashKey) -> Self {
        Self(hash_key.derive(Purpose::AuditChain))
    }

    /// The rows of `entries` behind those that there are, and the head with them.
    pub fn append(&self, head: &AuditHead, entries: &[&AuditEntry]) -> (AuditHead, Vec<AuditRecord>) {
        let mut next = head.clone();
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let row = AuditRecord::unhashed(entry, next.sequence + 1, &next.hash);
            let row = AuditRecord { hash: self.hash(&row).to_vec(), ..row };
            (next.sequence, next.hash) = (row.sequence, row.hash.clone());
            rows.push(row);
        }
        (self.sealed(next), rows)
    }

    /// The head once everything up to this row is gone.
    pub fn prune(&self, head: &AuditHead, last_gone: &AuditRecord) -> AuditHead {
        let (first_sequence, hash_before_first) = (last_gone.sequence + 1, last_gone.hash.clone());
        self.sealed(AuditHead { first_sequence, hash_before_first, ..head.clone() })
    }

    /// Whether the head was written under this key, or is that of a log without rows.
    pub fn is_sealed(&self, head: &AuditHead) -> bool {
        head.is_new() || head.seal == self.seal(head)
    }

    /// The hash that a row has to have.
    pub fn hash(&self, row: &AuditRecord) -> [u8; 32] {
        let numbers = [row.sequence, row.made_at.0].map(i64::to_be_bytes);
        let optional = |text: &Option<String>| text.as_ref().map_or_else(String::new, |text| format!("={text}"));
        let (before, after) = (optional(&row.before), optional(&row.after));
        let texts = [
            &row.id,
            &row.actor_kind,
            &row.actor,
            &row.host,
            &row.action,
            &row.object_kind,
            &row.object,
            &row.reason,
            &before,
            &after,
        ];
        let mut parts: Vec<&[u8]> = vec![b"row", &numbers[0], &numbers[1]];
        parts.extend(texts.map(|text| text.as_bytes()));
        parts.push(&row.previous_hash);
        keyed_hash(&self.0, &parts)
    }

    fn sealed(&self, head: AuditHead) -> AuditHead {
        AuditHead { seal: self.seal(&head).to_vec(), ..head }
    }

    fn seal(&self, head: &AuditHead) -> [u8; 32] {
        let numbers = [head.sequence, head.first_sequence].map(i64::to_be_bytes);
        keyed_hash(&self.0, &[b"head", &numbers[0], &head.hash, &numbers[1], &head.hash_before_first])
    }
}
