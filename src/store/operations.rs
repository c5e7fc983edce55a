//! The operation journal: reserved before anything is sent, finished only under the epoch that was claimed.

use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;

use super::{
    Backlog, Error, FrozenAnswer, Lease, ReadSession, Sealer, Store,
    columns::{get, optional_time, parse, parse_optional, time},
    list_query::ListQuery,
    read_batcher::Lookup,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::{CLOCK_SKEW, Timestamp},
    ids::{OperationId, PartnerId, PaymentIntentId},
    list_filters::OperationFilter,
    operation::{Operation, OperationKind, OperationState},
};

/// An operation as it stands in the journal.
#[derive(Clone, Debug)]
pub struct OperationRecord {
    /// The operation.
    pub operation: Operation,
    /// The fingerprint of the request it was reserved for.
    pub fingerprint: Option<Vec<u8>>,
    /// When Corefy is asked about it next.
    pub next_check_at: Option<Timestamp>,
    /// When its outcome was known.
    pub finished_at: Option<Timestamp>,
    answer: Option<Vec<u8>>,
}

/// An operation with what became of it.
#[derive(Clone, Debug)]
pub struct OperationSummary {
    /// The operation.
    pub operation: Operation,
    /// When its outcome was known.
    pub finished_at: Option<Timestamp>,
    /// When Corefy is asked about it next.
    pub next_check_at: Option<Timestamp>,
}

pub(super) static INSERT: Statement = Statement {
    rank: Rank::OperationInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("kind", Text),
        ("subject_id", Text),
        ("payment_intent_id", Text),
        ("state", Text),
        ("epoch", Int),
        ("lease_until", Int),
        ("sent_at", Int),
        ("misses", Int),
        ("baseline", Int),
        ("idempotency_key", Text),
        ("fingerprint", Bytes),
        ("request_id", Text),
        ("next_check_at", Int),
        ("answer", Bytes),
        ("finished_at", Int),
    ],
    sql: "INSERT INTO operations (id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until,
             next_check_at, sent_at, misses, baseline, idempotency_key, fingerprint, request_id, answer, finished_at)
         SELECT id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until,
             next_check_at, sent_at, misses, baseline, idempotency_key, fingerprint, request_id, answer, finished_at
         FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};
/// The state is asked for by CASE so that PostgreSQL, which knows how few operations are not done, does not look for those
/// first instead of looking for the ids.
pub(super) static FINISH: Statement = Statement {
    rank: Rank::OperationFinish,
    columns: &[("id", Text), ("epoch", Int), ("next_epoch", Int), ("answer", Bytes), ("finished_at", Int)],
    sql: "UPDATE operations SET state = 'done', epoch = new.next_epoch, answer = new.answer,
             finished_at = new.finished_at, next_check_at = NULL
         FROM {rows} WHERE operations.id = new.id AND operations.epoch = new.epoch
         AND CASE operations.state WHEN 'done' THEN FALSE ELSE TRUE END",
};

/// Gives a lease back; one that was given back already is not held.
pub(super) static LEAVE_OPEN: Statement = Statement {
    rank: Rank::OperationLeaveOpen,
    columns: &[
        ("id", Text),
        ("epoch", Int),
        ("next_epoch", Int),
        ("state", Text),
        ("next_check_at", Int),
        ("misses", Int),
    ],
    sql: "UPDATE operations SET state = new.state, epoch = new.next_epoch, next_check_at = new.next_check_at,
             misses = new.misses, lease_until = 0,
             call_ended = CASE WHEN operations.epoch = 1 THEN 1 ELSE operations.call_ended END
         FROM {rows} WHERE operations.id = new.id AND operations.epoch = new.epoch AND operations.lease_until <> 0
         AND CASE operations.state WHEN 'done' THEN FALSE ELSE TRUE END",
};

pub(super) static RELEASE: Statement = Statement {
    rank: Rank::OperationRelease,
    columns: &[("id", Text), ("epoch", Int)],
    sql: "DELETE FROM operations WHERE (id, epoch) IN (SELECT new.id, new.epoch FROM {rows})
         AND CASE state WHEN 'done' THEN FALSE ELSE TRUE END",
};

pub(super) static RENEW: Statement = Statement {
    rank: Rank::OperationRenew,
    columns: &[("id", Text), ("epoch", Int), ("lease_until", Int)],
    sql: "UPDATE operations SET lease_until = new.lease_until
         FROM {rows} WHERE operations.id = new.id AND operations.epoch = new.epoch
         AND CASE operations.state WHEN 'done' THEN FALSE ELSE TRUE END",
};

impl ReadSession {
    /// The operation.
    pub async fn operation(&mut self, id: &OperationId) -> Result<Option<OperationRecord>, Error> {
        let query = sqlx::query("SELECT * FROM operations WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.by_key()).await?.as_ref().map(read).transpose()
    }

    /// The operation that the partner reserved under the idempotency key of this hash.
    pub async fn operation_keyed(&mut self, partner: &PartnerId, key: &str) -> Result<Option<OperationRecord>, Error> {
        let query = sqlx::query("SELECT * FROM operations WHERE partner_id = $1 AND idempotency_key = $2");
        let row = query.bind(partner.as_str()).bind(key).fetch_optional(self.by_key()).await?;
        row.as_ref().map(read).transpose()
    }

    /// The operations whose outcome is not known, of all partners, oldest first, at most `limit`.
    pub async fn operations(&mut self, filter: &OperationFilter, limit: u32) -> Result<Vec<OperationRecord>, Error> {
        let states: Vec<_> = filter.states.iter().map(|state| state.as_str().to_owned()).collect();
        let rows = ListQuery::from("operations")
            .only("state IN ('sent', 'in_doubt', 'needs_operator')")
            .and_in("state", &states)?
            .and("kind", "=", filter.kind.map(OperationKind::as_str))?
            .and("partner_id", "=", filter.partner.as_ref().map(|partner| partner.as_str().to_owned()))?
            .fetch(self.connection(), "sent_at, id", limit)
            .await?;
        self.shared.readable("operations", &rows, |row, _| read(row))
    }

    /// The operations whose outcome is not known and that are looked up: in doubt, or left behind by a process that died.
    pub async fn operations_in_doubt(&mut self, now: Timestamp) -> Result<Backlog, Error> {
        // The three states name the index of what is open.
        let sql = "SELECT COUNT(*) AS count, MIN(sent_at) AS oldest FROM operations
             WHERE state IN ('sent', 'in_doubt', 'needs_operator')
             AND (state = 'in_doubt' OR (state = 'sent' AND lease_until <= $1))";
        Backlog::read(&sqlx::query(sql).bind(now.0).fetch_one(self.connection()).await?)
    }

    /// The operations that wait for a person.
    pub async fn operations_for_operator(&mut self) -> Result<Backlog, Error> {
        let sql = "SELECT COUNT(*) AS count, MIN(sent_at) AS oldest FROM operations
             WHERE state IN ('sent', 'in_doubt', 'needs_operator') AND state = 'needs_operator'";
        Backlog::read(&sqlx::query(sql).fetch_one(self.connection()).await?)
    }

    /// The answer that was frozen when the operation was done.
    pub fn operation_answer<T: DeserializeOwned>(&self, stored: &OperationRecord) -> Result<Option<T>, Error> {
        let owner = stored.operation.id.as_str();
        stored.answer.as_deref().map(|answer| self.shared.sealer.open(owner, "answer", answer)).transpose()
    }
}

/// Operations that are open, and operations that were ended while the call that reserved them had not. CASE as in [`FINISH`].
static UNENDED: Lookup = Lookup {
    sql: "SELECT * FROM operations WHERE payment_intent_id IN ({keys})
         AND CASE state WHEN 'done' THEN epoch > 1 AND call_ended = 0 ELSE TRUE END ORDER BY id",
    key: "payment_intent_id",
};

impl Store {
    /// The operations on an intent's money whose outcome is not known, and those that others have ended while the call that
    /// reserved them may have been under way, oldest first. One that cannot be read fails them all: what is sent next depends
    /// on every one of them.
    pub async fn operations_unended(&self, payment: &PaymentIntentId) -> Result<Vec<Operation>, Error> {
        let rows = self.read_batcher.rows(&UNENDED, payment.as_str()).await?;
        rows.iter().map(|row| read(row).map(|stored| stored.operation)).collect()
    }
}

impl Store {
    /// Claims up to `limit` operations that are due and that nobody holds, each under a new epoch, until `lease_until`.
    pub async fn claim_due_operations(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Operation>, Error> {
        let subselect = "SELECT id FROM operations WHERE state IN ('sent', 'in_doubt') AND next_check_at <= $1
             AND (lease_until <= $1 OR lease_until > $3) ORDER BY next_check_at LIMIT +$4";
        let query = sqlx::query(self.claim(subselect)).bind(now.0).bind(lease_until.0);
        let query = query.bind((lease_until + CLOCK_SKEW).0).bind(i64::from(limit));
        let rows = self.fetch(query).await?;
        // One that cannot be read is due again when its lease ends, and keeps none of the others from being looked up.
        self.shared.readable("operations", &rows, |row, _| Ok(read(row)?.operation))
    }

    /// Claims the open operations on an intent's money, or on the object `subject`, that nobody holds, due or not.
    pub async fn claim_operations_for(
        &self,
        subject: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<Operation>, Error> {
        let subselect = "SELECT id FROM operations WHERE (subject_id = $4 OR payment_intent_id = $4)
             AND state IN ('sent', 'in_doubt', 'needs_operator') AND (lease_until <= $1 OR lease_until > $3)";
        let query = sqlx::query(self.claim(subselect)).bind(now.0).bind(lease_until.0);
        let query = query.bind((lease_until + CLOCK_SKEW).0).bind(subject);
        let rows = self.fetch(query).await?;
        rows.iter().map(|row| read(row).map(|stored| stored.operation)).collect()
    }

    /// A lease that ends later than one that is taken now was taken by a clock that has been put back since, and does not
    /// hold. Nor does the age of what was sent in the future count before now.
    fn claim(&self, subselect: &str) -> sqlx::AssertSqlSafe<String> {
        let update = "UPDATE operations SET epoch = epoch + 1, lease_until = $2,
                 sent_at = CASE WHEN sent_at > $1 THEN $1 ELSE sent_at END
             WHERE id IN ({claim}) RETURNING *";
        self.shared.dialect.claiming(update, subselect)
    }
}

/// Reserves an operation. Conflicts when the partner has used the idempotency key, or there is an operation of this id.
pub(super) fn insertion(
    operation: &Operation,
    idempotency: Option<&(String, [u8; 32])>,
    answer: Option<&FrozenAnswer>,
    sealer: &Sealer,
) -> Result<Write, Error> {
    let id = operation.id.as_str();
    let answer = answer.map(|answer| seal(id, answer, sealer)).transpose()?;
    let is_done = answer.is_some();
    let state = if is_done { OperationState::Done } else { operation.state };
    let row = RowValues::new()
        .and(id)
        .and(operation.partner_id.as_str())
        .and(operation.kind.as_str())
        .and(operation.subject_id.as_str())
        .and(operation.payment_intent_id.as_ref().map(PaymentIntentId::as_str))
        .and(state.as_str())
        .and(operation.epoch)
        .and(operation.lease_until.0)
        .and(operation.sent_at.0)
        .and(operation.misses)
        .and(operation.baseline.0)
        .and(idempotency.map(|(key, _)| key.as_str()))
        .and(idempotency.map(|(_, fingerprint)| &fingerprint[..]))
        .and(operation.request_id.as_str())
        .and((!is_done).then_some(operation.lease_until.0))
        .and(answer.as_deref())
        .and(is_done.then_some(operation.sent_at.0));
    Ok(Write::new(Rank::OperationInsert, id, row))
}

/// Ends an operation with its frozen answer. Conflicts when another holder has claimed it since.
pub(super) fn finish(
    lease: &Lease,
    answer: &FrozenAnswer,
    finished_at: Timestamp,
    sealer: &Sealer,
) -> Result<Write, Error> {
    let id = lease.operation_id.as_str();
    let answer = seal(id, answer, sealer)?;
    let row = RowValues::new().and(id).and(lease.epoch).and(lease.next_epoch()).and(&answer[..]).and(finished_at.0);
    Ok(Write::new(Rank::OperationFinish, id, row))
}

/// Leaves an operation open, and gives it back. Conflicts as [`finish`] does, and when it was given back already.
pub(super) fn leave_open(lease: &Lease, misses: i64, next_check_at: Option<Timestamp>) -> Write {
    let state = if next_check_at.is_some() { OperationState::InDoubt } else { OperationState::NeedsOperator };
    let id = lease.operation_id.as_str();
    let row = RowValues::new()
        .and(id)
        .and(lease.epoch)
        .and(lease.next_epoch())
        .and(state.as_str())
        .and(next_check_at.map(|time| time.0))
        .and(misses);
    Write::new(Rank::OperationLeaveOpen, id, row)
}

/// Takes back a reservation of which nothing was sent. Conflicts as [`finish`] does.
pub(super) fn release(lease: &Lease) -> Write {
    let id = lease.operation_id.as_str();
    Write::new(Rank::OperationRelease, id, RowValues::new().and(id).and(lease.epoch))
}

/// Extends a lease, as far as it is held still.
pub(super) fn renew(lease: &Lease, lease_until: Timestamp) -> Write {
    let id = lease.operation_id.as_str();
    Write::new(Rank::OperationRenew, id, RowValues::new().and(id).and(lease.epoch).and(lease_until.0))
}

pub(super) fn seal(id: &str, answer: &FrozenAnswer, sealer: &Sealer) -> Result<Vec<u8>, Error> {
    let json = answer.0.as_ref().map_err(|error| Error::corrupt(error.to_string()))?;
    sealer.seal_json(id, "answer", json)
}

pub(super) fn past(row: &AnyRow) -> Result<OperationSummary, Error> {
    let (finished_at, next_check_at) = (optional_time(row, "finished_at")?, optional_time(row, "next_check_at")?);
    Ok(OperationSummary { operation: read(row)?.operation, finished_at, next_check_at })
}

pub(super) fn read(row: &AnyRow) -> Result<OperationRecord, Error> {
    let operation = Operation {
        id: parse(row, "id", OperationId::parse)?,
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        kind: parse(row, "kind", OperationKind::parse)?,
        subject_id: get(row, "subject_id")?,
        payment_intent_id: parse_optional(row, "payment_intent_id", PaymentIntentId::parse)?,
        state: parse(row, "state", OperationState::parse)?,
        epoch: get(row, "epoch")?,
        lease_until: time(row, "lease_until")?,
        sent_at: time(row, "sent_at")?,
        misses: get(row, "misses")?,
        baseline: time(row, "baseline")?,
        request_id: get(row, "request_id")?,
    };
    Ok(OperationRecord {
        operation,
        fingerprint: get(row, "fingerprint")?,
        next_check_at: optional_time(row, "next_check_at")?,
        finished_at: optional_time(row, "finished_at")?,
        answer: get(row, "answer")?,
    })
}
