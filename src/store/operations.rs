//! The operation journal: reserved before anything is sent, finished only under the epoch that was claimed.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{
    Backlog, Error, Session, Tx,
    columns::{get, optional_time, parse, parse_optional, time},
    list_query::ListQuery,
    read_batcher::Lookup,
    session::Connected,
    writes::{
        ColumnType::{Bytes, Int, Text},
        RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::{CLOCK_SKEW, Timestamp},
    ids::{OperationId, PartnerId, PaymentIntentId},
    operation::{Operation, OperationKind, OperationState},
};

/// An operation to be reserved, with what makes its repetition the same.
#[derive(Clone, Copy, Debug)]
pub struct NewOperation<'a> {
    /// The operation, under epoch 1.
    pub operation: &'a Operation,
    /// The hash of the caller's key, and the fingerprint of its request.
    pub idempotency: Option<(&'a str, &'a [u8; 32])>,
}

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

/// Which open operations a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct OperationFilter {
    /// In one of these states.
    pub states: Vec<OperationState>,
    /// Of this kind.
    pub kind: Option<OperationKind>,
    /// Of this partner.
    pub partner: Option<PartnerId>,
}

/// How far the holder of an operation has come with writing its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeStatus {
    /// Nothing is written.
    Open,
    /// It is written, or the operation was taken back.
    Written,
    /// Another holder has claimed the operation.
    Lost,
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
    ],
    sql: "INSERT INTO operations (id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until,
             next_check_at, sent_at, misses, baseline, idempotency_key, fingerprint, request_id)
         SELECT id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until,
             lease_until, sent_at, misses, baseline, idempotency_key, fingerprint, request_id
         FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};
/// The state is asked for by CASE so that PostgreSQL, which knows how few operations are not done, does not look for those
/// first instead of looking for the ids.
pub(super) static FINISH: Statement = Statement {
    columns: &[("id", Text), ("epoch", Int), ("answer", Bytes), ("finished_at", Int)],
    sql:
        "UPDATE operations SET state = 'done', answer = new.answer, finished_at = new.finished_at, next_check_at = NULL
         FROM {rows} WHERE operations.id = new.id AND operations.epoch = new.epoch
         AND CASE operations.state WHEN 'done' THEN FALSE ELSE TRUE END",
};

pub(super) static RENEW: Statement = Statement {
    columns: &[("id", Text), ("epoch", Int), ("lease_until", Int)],
    sql: "UPDATE operations SET lease_until = new.lease_until
         FROM {rows} WHERE operations.id = new.id AND operations.epoch = new.epoch
         AND CASE operations.state WHEN 'done' THEN FALSE ELSE TRUE END",
};

impl<C: Connected> Session<C> {
    /// The operation.
    pub async fn operation(&mut self, id: &OperationId) -> Result<Option<OperationRecord>, Error> {
        let query = sqlx::query("SELECT * FROM operations WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.connection().await?).await?.as_ref().map(read).transpose()
    }

    /// The operation that the partner reserved under the idempotency key of this hash.
    pub async fn operation_keyed(&mut self, partner: &PartnerId, key: &str) -> Result<Option<OperationRecord>, Error> {
        let query = sqlx::query("SELECT * FROM operations WHERE partner_id = $1 AND idempotency_key = $2");
        let row = query.bind(partner.as_str()).bind(key).fetch_optional(self.connection().await?).await?;
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
            .fetch(self.connection().await?, "sent_at, id", limit)
            .await?;
        self.shared.readable("operations", &rows, |row, _| read(row))
    }

    /// The operations whose outcome is not known and that are looked up: in doubt, or left behind by a process that died.
    pub async fn operations_in_doubt(&mut self, now: Timestamp) -> Result<Backlog, Error> {
        // The three states name the index of what is open.
        let sql = "SELECT COUNT(*) AS count, MIN(sent_at) AS oldest FROM operations
             WHERE state IN ('sent', 'in_doubt', 'needs_operator')
             AND (state = 'in_doubt' OR (state = 'sent' AND lease_until <= $1))";
        Backlog::read(&sqlx::query(sql).bind(now.0).fetch_one(self.connection().await?).await?)
    }

    /// The operations that wait for a person.
    pub async fn operations_for_operator(&mut self) -> Result<Backlog, Error> {
        let sql = "SELECT COUNT(*) AS count, MIN(sent_at) AS oldest FROM operations
             WHERE state IN ('sent', 'in_doubt', 'needs_operator') AND state = 'needs_operator'";
        Backlog::read(&sqlx::query(sql).fetch_one(self.connection().await?).await?)
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

impl Tx {
    /// The operations on an intent's money whose outcome is not known. One that cannot be read fails them all: what is sent
    /// next depends on every one of them.
    pub async fn operations_open(&mut self, payment: &PaymentIntentId) -> Result<Vec<Operation>, Error> {
        let unended = self.operations_unended(payment).await?;
        Ok(unended.into_iter().filter(|operation| operation.state != OperationState::Done).collect())
    }

    /// The same, and those that others have ended while the call that reserved them may have been under way.
    pub async fn operations_unended(&mut self, payment: &PaymentIntentId) -> Result<Vec<Operation>, Error> {
        if let Some(draft) = self.as_optimistic() {
            let rows = draft.rows(&UNENDED, payment.as_str()).await?;
            return rows.iter().map(|row| read(row).map(|stored| stored.operation)).collect();
        }
        let sql = AssertSqlSafe(UNENDED.sql.replace("{keys}", "$1"));
        let rows = sqlx::query(sql).bind(payment.as_str()).fetch_all(self.writer().await?).await?;
        rows.iter().map(|row| read(row).map(|stored| stored.operation)).collect()
    }

    /// Reserves an operation. `false`: the partner has used the idempotency key, or there is an operation of this id, and
    /// nothing was reserved. Waits for another call that is reserving the same.
    pub async fn operation_insert(&mut self, new: NewOperation<'_>) -> Result<bool, Error> {
        let operation = new.operation;
        let row = RowValues::new()
            .and(operation.id.as_str())
            .and(operation.partner_id.as_str())
            .and(operation.kind.as_str())
            .and(operation.subject_id.as_str())
            .and(operation.payment_intent_id.as_ref().map(PaymentIntentId::as_str))
            .and(operation.state.as_str())
            .and(operation.epoch)
            .and(operation.lease_until.0)
            .and(operation.sent_at.0)
            .and(operation.misses)
            .and(operation.baseline.0)
            .and(new.idempotency.map(|(key, _)| key))
            .and(new.idempotency.map(|(_, fingerprint)| &fingerprint[..]))
            .and(operation.request_id.as_str());
        self.write(&INSERT, operation.id.as_str(), row).await
    }

    /// Notes in the journal from which version on Corefy's word is about an operation that this transaction reserves.
    pub async fn operation_rebase(&mut self, new: NewOperation<'_>) -> Result<(), Error> {
        if self.is_optimistic() {
            // Takes the place of what was to be inserted.
            return self.operation_insert(new).await.map(|_| ());
        }
        let NewOperation { operation, .. } = new;
        let query = sqlx::query("UPDATE operations SET baseline = $2 WHERE id = $1");
        query.bind(operation.id.as_str()).bind(operation.baseline.0).execute(self.writer().await?).await?;
        Ok(())
    }

    /// Ends an operation with its frozen answer. `false`: another holder has claimed it since, and nothing was written.
    pub async fn operation_finish<T: Serialize>(
        &mut self,
        operation: &Operation,
        answer: &T,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let answer = self.shared.sealer.seal(operation.id.as_str(), "answer", answer)?;
        let row = RowValues::new().and(operation.id.as_str()).and(operation.epoch).and(&answer[..]).and(now.0);
        self.write(&FINISH, operation.id.as_str(), row).await
    }

    /// Leaves an operation open, and gives it back: in doubt until `next_check_at`, or for an operator when there is no next
    /// check. `false` as in [`Self::operation_finish`], and when it was given back already.
    pub async fn operation_leave_open(
        &mut self,
        operation: &Operation,
        next_check_at: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let sql = "UPDATE operations SET state = $3, next_check_at = $4, misses = $5, lease_until = 0,
                 call_ended = CASE WHEN epoch = 1 THEN 1 ELSE call_ended END
             WHERE id = $1 AND epoch = $2 AND state <> 'done' AND lease_until <> 0";
        let state = if next_check_at.is_some() { OperationState::InDoubt } else { OperationState::NeedsOperator };
        let query = sqlx::query(sql)
            .bind(operation.id.as_str())
            .bind(operation.epoch)
            .bind(state.as_str())
            .bind(next_check_at.map(|time| time.0))
            .bind(operation.misses);
        Ok(query.execute(self.writer().await?).await?.rows_affected() == 1)
    }

    /// Whether the holder of an operation still has to write its outcome; waits while another task is writing it.
    pub async fn operation_outcome_status(&mut self, operation: &Operation) -> Result<OutcomeStatus, Error> {
        let sql = self.shared.dialect.locking("SELECT epoch, state, lease_until FROM operations WHERE id = $1");
        let query = sqlx::query(sql).bind(operation.id.as_str());
        let Some(row) = query.fetch_optional(self.writer().await?).await? else { return Ok(OutcomeStatus::Written) };
        if get::<i64>(&row, "epoch")? != operation.epoch {
            return Ok(OutcomeStatus::Lost);
        }
        let is_done = parse(&row, "state", OperationState::parse)? == OperationState::Done;
        let is_given_back = get::<i64>(&row, "lease_until")? == 0;
        Ok(if is_done || is_given_back { OutcomeStatus::Written } else { OutcomeStatus::Open })
    }

    /// Takes back a reservation of which nothing was sent. `false` as in [`Self::operation_finish`].
    pub async fn operation_delete(&mut self, operation: &Operation) -> Result<bool, Error> {
        let query = sqlx::query("DELETE FROM operations WHERE id = $1 AND epoch = $2 AND state <> 'done'")
            .bind(operation.id.as_str())
            .bind(operation.epoch);
        Ok(query.execute(self.writer().await?).await?.rows_affected() == 1)
    }

    /// Claims up to `limit` operations that are due and that nobody holds, each under a new epoch, until `lease_until`.
    pub async fn operations_claim_due(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Operation>, Error> {
        let subselect = "SELECT id FROM operations WHERE state IN ('sent', 'in_doubt') AND next_check_at <= $1
             AND (lease_until <= $1 OR lease_until > $3) ORDER BY next_check_at LIMIT $4";
        let query = sqlx::query(self.claim(subselect)).bind(now.0).bind(lease_until.0);
        let query = query.bind((lease_until + CLOCK_SKEW).0).bind(i64::from(limit));
        let rows = query.fetch_all(self.writer().await?).await?;
        // One that cannot be read is due again when its lease ends, and keeps none of the others from being looked up.
        self.shared.readable("operations", &rows, |row, _| Ok(read(row)?.operation))
    }

    /// Claims the open operations on an intent's money, or on the object `subject`, that nobody holds, due or not.
    pub async fn operations_claim_for(
        &mut self,
        subject: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<Operation>, Error> {
        let subselect = "SELECT id FROM operations WHERE (subject_id = $4 OR payment_intent_id = $4)
             AND state IN ('sent', 'in_doubt', 'needs_operator') AND (lease_until <= $1 OR lease_until > $3)";
        let query = sqlx::query(self.claim(subselect)).bind(now.0).bind(lease_until.0);
        let query = query.bind((lease_until + CLOCK_SKEW).0).bind(subject);
        let rows = query.fetch_all(self.writer().await?).await?;
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

    /// Takes an open operation over from its holder, under a new epoch. `false`: another has done so, or it is done.
    pub async fn operation_take(&mut self, operation: &mut Operation) -> Result<bool, Error> {
        let sql = "UPDATE operations SET epoch = epoch + 1 WHERE id = $1 AND epoch = $2 AND state <> 'done'";
        let query = sqlx::query(sql).bind(operation.id.as_str()).bind(operation.epoch);
        let is_taken = query.execute(self.writer().await?).await?.rows_affected() == 1;
        operation.epoch += i64::from(is_taken);
        Ok(is_taken)
    }

    /// Extends the leases of these operations, as far as they are held under these epochs still.
    pub async fn operations_renew(&mut self, held: &[(OperationId, i64)], lease_until: Timestamp) -> Result<(), Error> {
        let renewals = held.iter().map(|(id, epoch)| {
            Write::new(&RENEW, id.as_str(), RowValues::new().and(id.as_str()).and(*epoch).and(lease_until.0))
        });
        self.write_all(&renewals.collect::<Vec<_>>()).await.map(|_| ())
    }
}

pub(super) fn past(row: &AnyRow) -> Result<OperationSummary, Error> {
    let (finished_at, next_check_at) = (optional_time(row, "finished_at")?, optional_time(row, "next_check_at")?);
    Ok(OperationSummary { operation: read(row)?.operation, finished_at, next_check_at })
}

fn read(row: &AnyRow) -> Result<OperationRecord, Error> {
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
