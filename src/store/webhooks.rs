//! Webhooks: every genuine one, kept redacted for audit, and processed by a worker.

use sqlx::any::AnyRow;

use super::{
    Backlog, Error, ReadSession, Store,
    columns::{get, optional_time, parse, parse_optional, time},
    list::Listing,
    list_query::ListQuery,
    writes::{
        ColumnType::{Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::{CLOCK_SKEW, Timestamp},
    ids::{PaymentIntentId, WebhookId},
    operation::WEBHOOK_LEASE,
};

/// How far a webhook has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// To be processed.
    Waiting,
    /// Worked off.
    Processed,
    /// About an object that we do not know; it can be replayed.
    Parked,
    /// A dead letter: it failed too often; it can be replayed.
    Dead,
}

impl WebhookState {
    /// All states, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Processed, Self::Parked, Self::Dead];

    /// The word for it in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Processed => "processed",
            Self::Parked => "parked",
            Self::Dead => "dead",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A webhook as received.
#[derive(Clone, Debug)]
pub struct WebhookRecord {
    /// Our id.
    pub id: WebhookId,
    /// SHA-256 of the body, hexadecimal: what tells a repetition.
    pub body_hash: String,
    /// Corefy's id of the event; may be empty.
    pub event_id: String,
    /// Corefy's type of the event; may be empty.
    pub event_type: String,
    /// Where it came from.
    pub source_address: String,
    /// The headers that matter, as JSON.
    pub headers: String,
    /// The body, redacted, as JSON.
    pub body: String,
    /// How far it has come.
    pub state: WebhookState,
    /// How often it was tried.
    pub attempts: i64,
    /// How often the same body came again.
    pub duplicates: i64,
    /// The error of the last attempt.
    pub error: Option<String>,
    /// When it came first.
    pub received_at: Timestamp,
    /// When it was processed.
    pub processed_at: Option<Timestamp>,
    /// The intent that it turned out to be about.
    pub payment_intent_id: Option<PaymentIntentId>,
}

/// Which webhooks a list shows; what is empty does not filter.
#[derive(Clone, Debug, Default)]
pub struct WebhookFilter {
    /// In one of these states.
    pub states: Vec<WebhookState>,
    /// Of this type of event.
    pub event_type: Option<String>,
    /// That came at this time or later.
    pub since: Option<Timestamp>,
    /// That came before this time.
    pub before: Option<Timestamp>,
}

/// A body that came before is counted. It is processed again if it had been given up, or has no id of an event: then nothing
/// shows that it tells of the same one, and something may have happened since. Such a one is not due before a
/// second has passed since it was processed: a storm of the same leads to one look a second. While one is processed, the next
/// counts as another attempt, so that it is not ended by what was read before it came.
pub(super) static ARRIVAL: Statement = Statement {
    rank: Rank::WebhookArrival,
    columns: &[
        ("id", Text),
        ("body_hash", Text),
        ("event_id", Text),
        ("event_type", Text),
        ("source_address", Text),
        ("headers", Text),
        ("body", Text),
        ("state", Text),
        ("received_at", Int),
    ],
    sql: "INSERT INTO webhooks (id, body_hash, event_id, event_type, source_address, headers, body, state,
             attempts, next_attempt_at, lease_until, duplicates, error, received_at, processed_at)
         SELECT id, body_hash, event_id, event_type, source_address, headers, body, state,
             0, received_at, 0, 0, NULL, received_at, NULL
         FROM {rows} WHERE TRUE
         ON CONFLICT (body_hash) DO UPDATE SET duplicates = webhooks.duplicates + 1,
             attempts = CASE WHEN webhooks.state IN ('parked', 'dead') THEN 0
                 WHEN webhooks.event_id <> '' THEN webhooks.attempts
                 WHEN webhooks.state = 'processed' THEN 0
                 WHEN webhooks.lease_until > 0 THEN webhooks.attempts + 1 ELSE webhooks.attempts END,
             next_attempt_at = CASE WHEN webhooks.state IN ('parked', 'dead') THEN excluded.received_at
                 WHEN webhooks.event_id <> '' THEN webhooks.next_attempt_at
                 WHEN webhooks.state = 'processed' AND webhooks.processed_at > excluded.received_at - 1000000
                     AND webhooks.processed_at <= excluded.received_at THEN webhooks.processed_at + 1000000
                 WHEN webhooks.state = 'processed' OR webhooks.lease_until > 0 THEN excluded.received_at
                 ELSE webhooks.next_attempt_at END,
             lease_until = CASE WHEN webhooks.event_id = '' THEN 0 ELSE webhooks.lease_until END,
             processed_at = CASE WHEN webhooks.event_id = '' THEN NULL ELSE webhooks.processed_at END,
             state = CASE WHEN webhooks.state IN ('parked', 'dead') OR webhooks.event_id = '' THEN 'waiting'
                 ELSE webhooks.state END",
};

pub(super) static ATTEMPT: Statement = Statement {
    rank: Rank::WebhookAttempt,
    columns: &[
        ("id", Text),
        ("attempts", Int),
        ("state", Text),
        ("error", Text),
        ("next_attempt_at", Int),
        ("processed_at", Int),
        ("payment_intent_id", Text),
    ],
    sql: "UPDATE webhooks SET state = new.state, error = new.error, next_attempt_at = new.next_attempt_at,
             processed_at = new.processed_at, lease_until = 0, payment_intent_id = new.payment_intent_id
         FROM {rows} WHERE webhooks.id = new.id AND webhooks.attempts = new.attempts",
};

/// A lease that ends later than one that is taken now was taken by a clock that has been put back since.
pub(super) static REPLAY: Statement = Statement {
    rank: Rank::WebhookReplay,
    columns: &[("id", Text), ("due_at", Int), ("longest_lease", Int)],
    sql: "UPDATE webhooks SET state = 'waiting', attempts = 0, next_attempt_at = new.due_at, processed_at = NULL
         FROM {rows} WHERE webhooks.id = new.id
         AND (webhooks.lease_until <= new.due_at OR webhooks.lease_until > new.longest_lease)",
};

impl WebhookFilter {
    fn select(&self, select: ListQuery) -> Result<ListQuery, Error> {
        let states: Vec<_> = self.states.iter().map(|state| state.as_str().to_owned()).collect();
        select
            .and_in("state", &states)?
            .and("event_type", "=", self.event_type.clone())?
            .and("received_at", ">=", self.since.map(|time| time.0))?
            .and("received_at", "<", self.before.map(|time| time.0))
    }
}

impl ReadSession {
    /// The webhook.
    pub async fn webhook(&mut self, id: &WebhookId) -> Result<Option<WebhookRecord>, Error> {
        let query = sqlx::query("SELECT * FROM webhooks WHERE id = $1").bind(id.as_str());
        query.fetch_optional(self.connection()).await?.as_ref().map(read).transpose()
    }

    /// The newest webhooks, at most `limit`, older than `after`.
    pub async fn webhooks(
        &mut self,
        filter: &WebhookFilter,
        after: Option<&WebhookId>,
        limit: u32,
    ) -> Result<Vec<WebhookRecord>, Error> {
        let select = |later: Option<String>| {
            let later = later.or_else(|| after.map(ToString::to_string));
            filter.select(ListQuery::from("webhooks"))?.and("id", "<", later)
        };
        self.list(Listing::newest("webhooks"), limit, select, |row, _| read(row)).await
    }

    /// How many webhooks there are.
    pub async fn webhook_count(&mut self, filter: &WebhookFilter) -> Result<u64, Error> {
        let select = filter.select(ListQuery::count("webhooks"))?;
        let rows = select.fetch(self.connection(), "total", 1).await?;
        rows.first().map_or(Ok(0), |row| Ok(get::<i64>(row, "total")?.unsigned_abs()))
    }

    /// The webhooks that are still to be processed.
    pub async fn webhooks_waiting(&mut self) -> Result<Backlog, Error> {
        let sql = "SELECT COUNT(*) AS count, MIN(received_at) AS oldest FROM webhooks WHERE state = 'waiting'";
        Backlog::read(&sqlx::query(sql).fetch_one(self.connection()).await?)
    }

    /// When the last webhook came that is kept, repetitions left out.
    pub async fn webhook_last(&mut self) -> Result<Option<Timestamp>, Error> {
        // Ids ascend with time, and have an index.
        let query = sqlx::query("SELECT received_at FROM webhooks ORDER BY id DESC LIMIT 1");
        let row = query.fetch_optional(self.connection()).await?;
        row.map(|row| time(&row, "received_at")).transpose()
    }

    /// The webhooks that were given up in this state, parked or dead.
    pub async fn webhooks_given_up(&mut self, state: WebhookState) -> Result<Backlog, Error> {
        // The two states name the index of what was given up.
        let sql = "SELECT COUNT(*) AS count, MIN(received_at) AS oldest FROM webhooks
             WHERE state IN ('parked', 'dead') AND state = $1";
        Backlog::read(&sqlx::query(sql).bind(state.as_str()).fetch_one(self.connection()).await?)
    }
}

impl Store {
    /// Claims up to `limit` webhooks that are due, until `lease_until`; each claim counts as an attempt.
    pub async fn claim_due_webhooks(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<WebhookRecord>, Error> {
        let sql = self.shared.dialect.claiming(
            "UPDATE webhooks SET lease_until = $2, attempts = attempts + 1 WHERE id IN ({claim}) RETURNING *",
            // A lease that ends later than one that is taken now was taken by a clock that has been put back since.
            "SELECT id FROM webhooks WHERE state = 'waiting' AND next_attempt_at <= $1
             AND (lease_until <= $1 OR lease_until > $3) ORDER BY next_attempt_at, id LIMIT +$4",
        );
        let query = sqlx::query(sql).bind(now.0).bind(lease_until.0);
        let query = query.bind((lease_until + CLOCK_SKEW).0).bind(i64::from(limit));
        let rows = self.fetch(query).await?;
        self.shared.readable("webhooks", &rows, |row, _| read(row))
    }
}

/// Adds a webhook, or counts that its body came again. Two of one body are one row, which the name of the row says.
pub(super) fn arrival(webhook: &WebhookRecord) -> Write {
    let row = RowValues::new()
        .and(webhook.id.as_str())
        .and(webhook.body_hash.as_str())
        .and(webhook.event_id.as_str())
        .and(webhook.event_type.as_str())
        .and(webhook.source_address.as_str())
        .and(webhook.headers.as_str())
        .and(webhook.body.as_str())
        .and(webhook.state.as_str())
        .and(webhook.received_at.0);
    Write::new(Rank::WebhookArrival, &webhook.body_hash, row)
}

/// Ends an attempt. Does nothing when another has begun since.
pub(super) fn attempt(webhook: &WebhookRecord, next_attempt_at: Option<Timestamp>) -> Write {
    let row = RowValues::new()
        .and(webhook.id.as_str())
        .and(webhook.attempts)
        .and(webhook.state.as_str())
        .and(webhook.error.as_deref())
        .and(next_attempt_at.map(|time| time.0))
        .and(webhook.processed_at.map(|time| time.0))
        .and(webhook.payment_intent_id.as_ref().map(PaymentIntentId::as_str));
    Write::new(Rank::WebhookAttempt, &webhook.body_hash, row)
}

/// Has a webhook processed again. Conflicts while it is being processed.
pub(super) fn replay(webhook: &WebhookRecord, now: Timestamp) -> Write {
    let longest = now + WEBHOOK_LEASE + CLOCK_SKEW;
    let row = RowValues::new().and(webhook.id.as_str()).and(now.0).and(longest.0);
    Write::new(Rank::WebhookReplay, &webhook.body_hash, row)
}

pub(super) fn read(row: &AnyRow) -> Result<WebhookRecord, Error> {
    Ok(WebhookRecord {
        id: parse(row, "id", WebhookId::parse)?,
        body_hash: get(row, "body_hash")?,
        event_id: get(row, "event_id")?,
        event_type: get(row, "event_type")?,
        source_address: get(row, "source_address")?,
        headers: get(row, "headers")?,
        body: get(row, "body")?,
        state: parse(row, "state", WebhookState::parse)?,
        attempts: get(row, "attempts")?,
        duplicates: get(row, "duplicates")?,
        error: get(row, "error")?,
        received_at: time(row, "received_at")?,
        processed_at: optional_time(row, "processed_at")?,
        payment_intent_id: parse_optional(row, "payment_intent_id", PaymentIntentId::parse)?,
    })
}
