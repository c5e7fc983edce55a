//! The table of erasures, and what they read.

use std::time::Duration;

use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{
    Error, OperationRecord, ReadSession, Store, Tracked, api_calls,
    columns::{get, optional_time, parse, parse_optional, time},
    events,
    list::{Listing, ReadRow},
    list_query::ListQuery,
    object_write::{ObjectRanks, object_write},
    operations, payment_methods, risk_decisions,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    api_call::ApiCall,
    clock::{CLOCK_SKEW, Timestamp},
    erasure::job::{Erasure, ErasureStage, ErasureSubject},
    event::Event,
    ids::{CustomerId, ErasureId, PartnerId, PaymentIntentId, RiskDecisionId},
    payment_method::PaymentMethod,
    risk::decision::RiskDecision,
    search_term::TermHash,
};

#[cfg(test)]
mod plans;

pub(super) static INSERT: Statement = Statement {
    rank: Rank::ErasureInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("customer_id", Text),
        ("term", Bytes),
        ("stage", Text),
        ("requested_by", Text),
        ("reason", Text),
        ("requested_at", Int),
        ("due_at", Int),
        ("emptied", Int),
        ("revision", Int),
    ],
    sql: "INSERT INTO erasures (id, partner_id, customer_id, term, stage, requested_by, reason, requested_at, due_at, emptied,
             revision)
         SELECT id, partner_id, customer_id, term, stage, requested_by, reason, requested_at, due_at, emptied, revision
         FROM {rows} WHERE TRUE
         ON CONFLICT DO NOTHING",
};

pub(super) static UPDATE: Statement = Statement {
    rank: Rank::ErasureUpdate,
    columns: &[
        ("id", Text),
        ("stage", Text),
        ("done_until", Int),
        ("done_until_id", Text),
        ("due_at", Int),
        ("finished_at", Int),
        ("emptied", Int),
        ("revision", Int),
        ("read_revision", Int),
    ],
    sql: "UPDATE erasures SET stage = new.stage, done_until = new.done_until, done_until_id = new.done_until_id,
             due_at = new.due_at, finished_at = new.finished_at, emptied = new.emptied, revision = new.revision
         FROM {rows}
         WHERE erasures.id = new.id AND erasures.revision = new.read_revision AND new.revision > new.read_revision",
};

pub(super) static DELETE: Statement = Statement {
    rank: Rank::ErasureDelete,
    columns: &[("id", Text), ("read_revision", Int)],
    sql: "DELETE FROM erasures WHERE (id, revision) IN (SELECT new.id, new.read_revision FROM {rows})",
};

/// The object whose records are read.
#[derive(Clone, Copy, Debug)]
pub enum RecordsOf<'a> {
    /// A payment: with what is recorded of its refunds, but for their events.
    Payment(&'a PaymentIntentId),
    /// A refund, a customer or a payment method, by its id.
    Object(&'a str),
}

/// A payment that is being made or given back.
const UNDER_WAY: &str = "(state IN ('processing', 'requires_action') OR refund_pending > 0 OR EXISTS (SELECT 1 FROM operations
     WHERE operations.payment_intent_id = payment_intents.id AND operations.state IN ('sent', 'in_doubt', 'needs_operator')))";

/// Where records are read from.
struct RecordSource<T> {
    table: &'static str,
    /// The condition for those of the object.
    of: &'static str,
    read: ReadRow<T>,
}

const OF_PAYMENT: &str = "payment_intent_id = {}";
const OF_SUBJECT: &str = "subject_id = {} AND payment_intent_id IS NULL";
const OF_CUSTOMER: &str = "customer_id = {} AND payment_intent_id IS NULL";
const ABOUT: &str = "object_id = {}";
const NOTED_OF_PAYMENT: &str = "payment_intent_id = {} AND note <> ''";
const NOTED_OF_CUSTOMER: &str =
    "id IN (SELECT id FROM risk_decisions WHERE customer_id = {} AND payment_intent_id IS NULL) AND note <> ''";

impl RecordsOf<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Payment(id) => id.as_str(),
            Self::Object(id) => id,
        }
    }

    /// The condition, which has an index of its own.
    fn condition(&self, of_object: &'static str) -> &'static str {
        match self {
            Self::Payment(_) => OF_PAYMENT,
            Self::Object(_) => of_object,
        }
    }
}

impl ReadSession {
    /// The erasure with this id, of whichever partner.
    pub async fn erasure(&mut self, id: &ErasureId) -> Result<Option<Erasure>, Error> {
        let query = sqlx::query("SELECT * FROM erasures WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// Erasures that were asked for since `from`, of one partner if one is named, by their ids, at most `limit`, after this one.
    pub async fn erasures(
        &mut self,
        partner: Option<&PartnerId>,
        from: Option<Timestamp>,
        after: Option<&ErasureId>,
        limit: u32,
    ) -> Result<Vec<Erasure>, Error> {
        let select = |later: Option<String>| {
            ListQuery::from("erasures")
                .and("partner_id", "=", partner.map(ToString::to_string))?
                .and("requested_at", ">=", from.map(|from| from.0))?
                .and("id", ">", later.or_else(|| after.map(ToString::to_string)))
        };
        let listing = Listing { table: "erasures", key: |row| get(row, "id"), order: "id" };
        self.list(listing, limit, select, |row, _| read(row)).await
    }

    /// The erasure of the customer, if it was asked for.
    pub async fn erasure_of(&mut self, customer: &CustomerId) -> Result<Option<Erasure>, Error> {
        let query = sqlx::query("SELECT * FROM erasures WHERE customer_id = $1").bind(customer.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// The erasure of the payer that is being carried out.
    pub async fn erasure_of_payer(&mut self, partner: &PartnerId, term: TermHash) -> Result<Option<Erasure>, Error> {
        let sql = "SELECT * FROM erasures WHERE partner_id = $1 AND term = $2 AND finished_at IS NULL";
        let query = sqlx::query(sql).bind(partner.as_str()).bind(term.as_bytes().to_vec());
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// Which of these payments are under way.
    pub async fn under_way_among(&mut self, ids: &[String]) -> Result<Vec<String>, Error> {
        let rows = ListQuery::from("payment_intents")
            .only(UNDER_WAY)
            .and_in("id", ids)?
            .fetch(self.connection(), "id", u32::try_from(ids.len()).unwrap_or(u32::MAX))
            .await?;
        rows.iter().map(|row| get(row, "id")).collect()
    }

    /// The ids of what is under way for a customer, oldest first, at most `limit`: payments that are being made or given back,
    /// and payment methods that are being saved.
    pub async fn under_way(&mut self, customer: &CustomerId, limit: u32) -> Result<Vec<String>, Error> {
        let sql = format!(
            "SELECT id FROM payment_intents WHERE customer_id = $1 AND {UNDER_WAY}
             UNION ALL SELECT id FROM payment_methods WHERE customer_id = $1 AND upstream_id IS NULL
             ORDER BY id LIMIT +$2"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(customer.as_str()).bind(i64::from(limit));
        query.fetch_all(self.connection()).await?.iter().map(|row| get(row, "id")).collect()
    }

    /// The intents of a customer in the order in which they were made, at most `limit`, after this one.
    pub async fn payment_intents_made(
        &mut self,
        customer: &CustomerId,
        after: Option<&(Timestamp, PaymentIntentId)>,
        limit: u32,
    ) -> Result<Vec<(Timestamp, PaymentIntentId)>, Error> {
        let mut select = ListQuery::from("payment_intents").and("customer_id", "=", Some(customer.to_string()))?;
        if let Some((made_at, id)) = after {
            select = select.and_after("created_at", made_at.0, id.to_string())?;
        }
        let rows = select.fetch(self.connection(), "created_at, id", limit).await?;
        rows.iter().map(|row| Ok((time(row, "created_at")?, parse(row, "id", PaymentIntentId::parse)?))).collect()
    }

    /// The payment methods of a customer, deleted ones too, by their ids, at most `limit`, after this one.
    pub async fn payment_methods_all(
        &mut self,
        customer: &CustomerId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Tracked<PaymentMethod>>, Error> {
        let of = "customer_id = {}";
        let source = RecordSource { table: "payment_methods", of, read: payment_methods::tracked };
        self.records_of(source, customer.as_str(), after, limit).await
    }

    /// Operations on an object by their ids, at most `limit`, after the id `after`.
    pub async fn operations_of(
        &mut self,
        of: RecordsOf<'_>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<OperationRecord>, Error> {
        let read: ReadRow<_> = |row, _| operations::read(row);
        let source = RecordSource { table: "operations", of: of.condition(OF_SUBJECT), read };
        self.records_of(source, of.id(), after, limit).await
    }

    /// Calls to Corefy about an object, in the same way.
    pub async fn calls_of(&mut self, of: RecordsOf<'_>, after: &str, limit: u32) -> Result<Vec<ApiCall>, Error> {
        let source = RecordSource { table: "api_calls", of: of.condition("subject_id = {}"), read: api_calls::read };
        self.records_of(source, of.id(), after, limit).await
    }

    /// Decisions about risk of a payment, or of a customer's without one, in the same way.
    pub async fn decisions_of(
        &mut self,
        of: RecordsOf<'_>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<RiskDecision>, Error> {
        let read = risk_decisions::read;
        let source = RecordSource { table: "risk_decisions", of: of.condition(OF_CUSTOMER), read };
        self.records_of(source, of.id(), after, limit).await
    }

    /// Reviews that have a note, of a payment, or of a customer's attempts without one, in the same way.
    pub async fn noted_reviews_of(
        &mut self,
        of: RecordsOf<'_>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<RiskDecisionId>, Error> {
        let read: ReadRow<_> = |row, _| parse(row, "id", RiskDecisionId::parse);
        let table = "risk_reviews";
        let source = match of {
            RecordsOf::Payment(_) => RecordSource { table, of: NOTED_OF_PAYMENT, read },
            RecordsOf::Object(_) => RecordSource { table, of: NOTED_OF_CUSTOMER, read },
        };
        self.records_of(source, of.id(), after, limit).await
    }

    /// Events about an object itself, in the same way.
    pub async fn events_about(&mut self, of: RecordsOf<'_>, after: &str, limit: u32) -> Result<Vec<Event>, Error> {
        let source = RecordSource { table: "events", of: ABOUT, read: events::read };
        self.records_of(source, of.id(), after, limit).await
    }

    async fn records_of<T>(
        &mut self,
        source: RecordSource<T>,
        of: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<T>, Error> {
        let RecordSource { table, of: condition, read } = source;
        let select = |later: Option<String>| {
            let after = later.unwrap_or_else(|| after.to_owned());
            select_records(table, condition, of, &after)
        };
        self.list(Listing { table, key: |row| get(row, "id"), order: "id" }, limit, select, read).await
    }
}

/// The records of which the condition holds for `of`, after the id `after`.
fn select_records(table: &str, condition: &'static str, of: &str, after: &str) -> Result<ListQuery, Error> {
    ListQuery::from(table).holding(condition, of.to_owned())?.and("id", ">", Some(after.to_owned()))
}

impl Store {
    /// Claims the erasure whose step has been due for longest, until `lease_until`. A step that is due later than any is made to
    /// wait was put off by a clock that has been put back since.
    pub async fn claim_due_erasure(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        longest_wait: Duration,
    ) -> Result<Option<Tracked<Erasure>>, Error> {
        let sql = self.shared.dialect.claiming(
            "UPDATE erasures SET due_at = $2, revision = revision + 1 WHERE id IN ({claim}) RETURNING *",
            "SELECT id FROM erasures WHERE finished_at IS NULL AND (due_at <= $1 OR due_at > $3) ORDER BY due_at LIMIT 1",
        );
        let query = sqlx::query(sql).bind(now.0).bind(lease_until.0).bind((now + longest_wait + CLOCK_SKEW).0);
        let rows = self.fetch(query).await?;
        let erasure = rows.first().map(read).transpose()?;
        Ok(erasure.map(|erasure| {
            let revision = erasure.revision;
            Tracked::stored(erasure, revision)
        }))
    }

    /// Has SQLite's log of what was written, which may still have what was emptied since, begin anew. `false`: somebody reads it.
    /// PostgreSQL overwrites what was emptied when it vacuums.
    pub async fn empty_log(&self) -> Result<bool, Error> {
        if !self.shared.dialect.has_one_writer() {
            return Ok(true);
        }
        let rows = self.fetch(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")).await?;
        rows.first().map_or(Ok(true), |row| Ok(get::<i64>(row, "busy")? == 0))
    }
}

const RANKS: ObjectRanks =
    ObjectRanks { insert: Rank::ErasureInsert, update: Rank::ErasureUpdate, delete: Rank::ErasureDelete };

/// The row that the erasure needs.
pub(super) fn write(erasure: &Tracked<Erasure>) -> Result<Option<Write>, Error> {
    let update = |erasure: &Erasure, read_revision: i64| Ok(update(erasure).and(read_revision));
    object_write(erasure, erasure.id.as_str(), &RANKS, |erasure| Ok(insertion(erasure)), update)
}

fn insertion(erasure: &Erasure) -> RowValues {
    let (customer, term) = match &erasure.subject {
        ErasureSubject::Customer(id) => (Some(id.as_str()), None),
        ErasureSubject::Payer(term) => (None, Some(term.as_bytes())),
    };
    RowValues::new()
        .and(erasure.id.as_str())
        .and(erasure.partner_id.as_str())
        .and(customer)
        .and(term)
        .and(erasure.stage.as_str())
        .and(erasure.requested_by.as_str())
        .and(erasure.reason.as_str())
        .and(erasure.requested_at.0)
        .and(erasure.due_at.0)
        .and(erasure.emptied)
        .and(erasure.revision)
}

/// Everything of an erasure that changes.
fn update(erasure: &Erasure) -> RowValues {
    let (made_at, id) = erasure.done_until.as_ref().map(|(made_at, id)| (made_at.0, id.as_str())).unzip();
    RowValues::new()
        .and(erasure.id.as_str())
        .and(erasure.stage.as_str())
        .and(made_at)
        .and(id)
        .and(erasure.due_at.0)
        .and(erasure.finished_at.map(|time| time.0))
        .and(erasure.emptied)
        .and(erasure.revision)
}

fn read(row: &AnyRow) -> Result<Erasure, Error> {
    let last = parse_optional(row, "done_until_id", PaymentIntentId::parse)?;
    Ok(Erasure {
        id: parse(row, "id", ErasureId::parse)?,
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        subject: subject(row)?,
        stage: parse(row, "stage", ErasureStage::parse)?,
        done_until: optional_time(row, "done_until")?.zip(last),
        requested_by: get(row, "requested_by")?,
        reason: get(row, "reason")?,
        requested_at: time(row, "requested_at")?,
        due_at: time(row, "due_at")?,
        finished_at: optional_time(row, "finished_at")?,
        emptied: get(row, "emptied")?,
        revision: get(row, "revision")?,
    })
}

fn subject(row: &AnyRow) -> Result<ErasureSubject, Error> {
    if let Some(customer) = parse_optional(row, "customer_id", CustomerId::parse)? {
        return Ok(ErasureSubject::Customer(customer));
    }
    let term: Option<Vec<u8>> = get(row, "term")?;
    let term = term.and_then(|bytes| TermHash::from_bytes(&bytes));
    term.map(ErasureSubject::Payer).ok_or_else(|| Error::corrupt("an erasure of nobody".to_owned()))
}
