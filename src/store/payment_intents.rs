//! The table of payment intents.

use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{
    Error, ReadSession, Sealer, Store, Tracked,
    columns::{get, money, parse, parse_optional, time},
    object_write::{ObjectRanks, object_write},
    read_batcher::Lookup,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
use crate::domain::{
    clock::{CLOCK_SKEW, Timestamp},
    ids::{CustomerId, PartnerId, PaymentIntentId},
    payment_intent::{LONGEST_POLL_PAUSE, PaymentIntent, PaymentIntentState},
    upstream_state::UpstreamState,
};

pub(super) static INSERT: Statement = Statement {
    rank: Rank::PaymentIntentInsert,
    columns: &[
        ("id", Text),
        ("partner_id", Text),
        ("upstream_id", Text),
        ("upstream_payment_id", Text),
        ("state", Text),
        ("currency", Text),
        ("amount", Int),
        ("received", Int),
        ("refunded", Int),
        ("refund_pending", Int),
        ("charged_back", Int),
        ("customer_id", Text),
        ("reference_id", Text),
        ("details", Bytes),
        ("progress", Bytes),
        ("upstream_version", Int),
        ("upstream_state", Bytes),
        ("created_at", Int),
        ("updated_at", Int),
        ("sandbox", Int),
        ("revision", Int),
    ],
    sql: "INSERT INTO payment_intents (id, partner_id, upstream_id, upstream_payment_id, state, currency, amount, received,
             refunded, refund_pending, charged_back, customer_id, reference_id, details, progress, upstream_version,
             upstream_state, asked_at, poll_at, created_at, updated_at, sandbox, revision, row_version)
         SELECT id, partner_id, upstream_id, upstream_payment_id, state, currency, amount, received,
             refunded, refund_pending, charged_back, customer_id, reference_id, details, progress, upstream_version,
             upstream_state, 0, NULL, created_at, updated_at, sandbox, revision, 0
         FROM {rows} WHERE TRUE
         ON CONFLICT (partner_id, reference_id) DO NOTHING",
};
pub(super) static UPDATE: Statement = Statement {
    rank: Rank::PaymentIntentUpdate,
    columns: &[
        ("id", Text),
        ("row_version", Int),
        ("upstream_id", Text),
        ("upstream_payment_id", Text),
        ("state", Text),
        ("received", Int),
        ("refunded", Int),
        ("refund_pending", Int),
        ("charged_back", Int),
        ("progress", Bytes),
        ("upstream_version", Int),
        ("upstream_state", Bytes),
        ("poll_at", Int),
        ("updated_at", Int),
        ("revision", Int),
    ],
    sql: "UPDATE payment_intents SET row_version = payment_intents.row_version + 1, upstream_id = new.upstream_id,
             upstream_payment_id = new.upstream_payment_id, state = new.state, received = new.received,
             refunded = new.refunded, refund_pending = new.refund_pending, charged_back = new.charged_back,
             progress = new.progress, upstream_version = new.upstream_version, upstream_state = new.upstream_state,
             poll_at = new.poll_at, updated_at = new.updated_at, revision = new.revision
         FROM {rows}
         WHERE payment_intents.id = new.id
             AND payment_intents.row_version = new.row_version",
};

pub(super) static DELETE: Statement = Statement {
    rank: Rank::PaymentIntentDelete,
    columns: &[("id", Text), ("row_version", Int)],
    sql: "DELETE FROM payment_intents
         WHERE (id, row_version) IN (SELECT new.id, new.row_version FROM {rows})",
};

/// Which intents are polled before all others, and which after them: as in the indexes that are made for them.
const UNDER_WAY: &str = "(state NOT IN ('succeeded', 'partially_paid') OR refund_pending > 0)";
const SETTLED: &str = "state IN ('succeeded', 'partially_paid') AND refund_pending = 0";

static BY_ID: Lookup = Lookup { sql: "SELECT * FROM payment_intents WHERE id IN ({keys})", key: "id" };

impl Store {
    /// The intent, if it is the partner's.
    pub async fn payment_intent(
        &self,
        partner: &PartnerId,
        id: &PaymentIntentId,
    ) -> Result<Option<PaymentIntent>, Error> {
        Ok(self.payment_intent_asked(partner, id).await?.map(|(intent, _)| intent))
    }

    /// The same, and when Corefy was asked about it because of a read or a poll.
    pub async fn payment_intent_asked(
        &self,
        partner: &PartnerId,
        id: &PaymentIntentId,
    ) -> Result<Option<(PaymentIntent, Timestamp)>, Error> {
        let rows = self.read_batcher.rows(&BY_ID, id.as_str()).await?;
        let found = rows.first().map(|row| read_asked(row, &self.shared.sealer)).transpose()?;
        Ok(found.filter(|(intent, _)| intent.partner_id == *partner))
    }

    /// The intent, whatever partner's it is, to be decided about.
    pub async fn payment_intent_tracked(&self, id: &PaymentIntentId) -> Result<Option<Tracked<PaymentIntent>>, Error> {
        let rows = self.read_batcher.rows(&BY_ID, id.as_str()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Tracked::stored(read(row, &self.shared.sealer)?, get(row, "row_version")?)))
    }
}

/// The row that the intent needs, and when Corefy is to be asked about it next.
pub(super) fn write(
    intent: &Tracked<PaymentIntent>,
    poll_at: Option<Timestamp>,
    sealer: &Sealer,
) -> Result<Option<Write>, Error> {
    let insertion = |intent: &PaymentIntent| insertion(intent, sealer);
    let update = |intent: &PaymentIntent, version: i64| update(intent, version, poll_at, sealer);
    object_write(intent, intent.id.as_str(), &RANKS, insertion, update)
}

const RANKS: ObjectRanks = ObjectRanks {
    insert: Rank::PaymentIntentInsert,
    update: Rank::PaymentIntentUpdate,
    delete: Rank::PaymentIntentDelete,
};

fn insertion(intent: &PaymentIntent, sealer: &Sealer) -> Result<RowValues, Error> {
    let details = sealer.seal(intent.id.as_str(), "details", &intent.details)?;
    let progress = sealer.seal(intent.id.as_str(), "progress", &intent.progress)?;
    Ok(RowValues::new()
        .and(intent.id.as_str())
        .and(intent.partner_id.as_str())
        .and(intent.upstream_id.as_deref())
        .and(intent.upstream_payment_id.as_deref())
        .and(intent.state.as_str())
        .and(intent.amount.currency.code())
        .and(intent.amount.minor)
        .and(intent.received)
        .and(intent.refunded)
        .and(intent.refund_pending)
        .and(intent.charged_back)
        .and(intent.customer_id.as_ref().map(CustomerId::as_str))
        .and(intent.reference_id.as_deref())
        .and(&details[..])
        .and(&progress[..])
        .and(intent.upstream_version.0)
        .and(upstream_state(intent, sealer)?.as_deref())
        .and(intent.created_at.0)
        .and(intent.updated_at.0)
        .and(i64::from(intent.sandbox))
        .and(intent.revision))
}

/// The dialect's notes, sealed; `None` where there are none, as in a dialect that takes none.
fn upstream_state(intent: &PaymentIntent, sealer: &Sealer) -> Result<Option<Vec<u8>>, Error> {
    let notes = Some(&intent.upstream_state).filter(|notes| !notes.is_empty());
    notes.map(|notes| sealer.seal(intent.id.as_str(), "upstream_state", notes)).transpose()
}

/// Everything of an intent that can change.
fn update(
    intent: &PaymentIntent,
    version: i64,
    poll_at: Option<Timestamp>,
    sealer: &Sealer,
) -> Result<RowValues, Error> {
    let progress = sealer.seal(intent.id.as_str(), "progress", &intent.progress)?;
    Ok(RowValues::new()
        .and(intent.id.as_str())
        .and(version)
        .and(intent.upstream_id.as_deref())
        .and(intent.upstream_payment_id.as_deref())
        .and(intent.state.as_str())
        .and(intent.received)
        .and(intent.refunded)
        .and(intent.refund_pending)
        .and(intent.charged_back)
        .and(&progress[..])
        .and(intent.upstream_version.0)
        .and(upstream_state(intent, sealer)?.as_deref())
        .and(poll_at.map(|time| time.0))
        .and(intent.updated_at.0)
        .and(intent.revision))
}

/// Everything of an intent that an erasure empties.
pub(super) fn emptied(intent: &PaymentIntent, version: i64, sealer: &Sealer) -> Result<RowValues, Error> {
    let details = sealer.seal(intent.id.as_str(), "details", &intent.details)?;
    let progress = sealer.seal(intent.id.as_str(), "progress", &intent.progress)?;
    Ok(RowValues::new().and(intent.id.as_str()).and(version).and(&details[..]).and(&progress[..]).and(intent.revision))
}

impl ReadSession {
    /// The intent, of any partner.
    pub async fn payment_intent_any(&mut self, id: &PaymentIntentId) -> Result<Option<PaymentIntent>, Error> {
        Ok(self.payment_intent_any_asked(id).await?.map(|(intent, _)| intent))
    }

    /// The same, and when Corefy was asked about it because of a read or a poll.
    pub async fn payment_intent_any_asked(
        &mut self,
        id: &PaymentIntentId,
    ) -> Result<Option<(PaymentIntent, Timestamp)>, Error> {
        let query = sqlx::query("SELECT * FROM payment_intents WHERE id = $1").bind(id.as_str());
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| read_asked(&row, &self.shared.sealer)).transpose()
    }

    /// The id of the intent that has this id at Corefy, or whose payment has it.
    pub async fn payment_intent_id_upstream(&mut self, upstream: &str) -> Result<Option<PaymentIntentId>, Error> {
        let sql = "SELECT id FROM payment_intents WHERE upstream_id = $1 OR upstream_payment_id = $1 LIMIT 1";
        let query = sqlx::query(sql).bind(upstream);
        let row = query.fetch_optional(self.by_key()).await?;
        row.map(|row| parse(&row, "id", PaymentIntentId::parse)).transpose()
    }

    /// The id of the partner's intent with this reference.
    pub async fn payment_intent_id_referenced(
        &mut self,
        partner: &PartnerId,
        reference: &str,
    ) -> Result<Option<PaymentIntentId>, Error> {
        let query = sqlx::query("SELECT id FROM payment_intents WHERE partner_id = $1 AND reference_id = $2");
        let row = query.bind(partner.as_str()).bind(reference).fetch_optional(self.by_key()).await?;
        row.map(|row| parse(&row, "id", PaymentIntentId::parse)).transpose()
    }
}

impl Store {
    /// Notes that Corefy is asked about the intent now. `false`: it was asked less than a moment ago, at or after
    /// `not_since`.
    pub async fn ask_about_payment_intent(
        &self,
        id: &PaymentIntentId,
        not_since: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Error> {
        // A look in the future was noted by a clock that has been put back since.
        let sql = "UPDATE payment_intents SET asked_at = $3 WHERE id = $1 AND (asked_at < $2 OR asked_at > $4)";
        let query = sqlx::query(sql).bind(id.as_str()).bind(not_since.0).bind(now.0).bind((now + CLOCK_SKEW).0);
        Ok(self.execute(query).await? == 1)
    }

    /// Claims up to `limit` intents whose poll is due and that no open operation looks after already: none of them is
    /// due again before `until`. Those that are settled come last.
    pub async fn claim_polls(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentIntentId>, Error> {
        let mut claimed = Vec::new();
        for kind in [UNDER_WAY, SETTLED] {
            let room = i64::from(limit).saturating_sub(i64::try_from(claimed.len()).unwrap_or(i64::MAX));
            let due = format!(
                "SELECT id FROM payment_intents WHERE poll_at <= $1 AND {kind} AND NOT EXISTS (SELECT 1 FROM operations
                   WHERE operations.payment_intent_id = payment_intents.id AND operations.state IN ('sent', 'in_doubt'))
                 ORDER BY poll_at LIMIT +$3"
            );
            let update = "UPDATE payment_intents SET poll_at = $2, asked_at = $1 WHERE id IN ({claim}) RETURNING id";
            let query = sqlx::query(self.shared.dialect.claiming(update, &due)).bind(now.0).bind(until.0).bind(room);
            for row in self.fetch(query).await? {
                claimed.push(parse(&row, "id", PaymentIntentId::parse)?);
            }
        }
        Ok(claimed)
    }

    /// Has the polls that wait for a later time be due at `now`; of settled payments, those only that wait longer than any
    /// is made to wait.
    pub(super) async fn pull_in_polls(&self, now: Timestamp) -> Result<(), Error> {
        for (kind, after) in [(UNDER_WAY, now), (SETTLED, now + LONGEST_POLL_PAUSE)] {
            let sql = format!("UPDATE payment_intents SET poll_at = $1 WHERE poll_at > $2 AND {kind}");
            self.execute(sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(after.0)).await?;
        }
        Ok(())
    }

    /// Goes through `limit` intents after the id `after`, and has those polled at `now` that were created or changed at
    /// `since` or later. Returns the last id it came to and the number that is polled; `None` when there are no more.
    pub async fn recheck_payment_intents(
        &self,
        since: Timestamp,
        after: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Option<(String, u64)>, Error> {
        let sql = "SELECT MAX(id) AS last FROM
             (SELECT id FROM payment_intents WHERE id > $1 ORDER BY id LIMIT +$2) AS step";
        let query = sqlx::query(sql).bind(after).bind(i64::from(limit));
        let row = query.fetch_one(self.read().await?.connection()).await?;
        let Some(last) = get::<Option<String>>(&row, "last")? else { return Ok(None) };
        let sql = "UPDATE payment_intents SET poll_at = $4 WHERE id > $1 AND id <= $2
             AND (created_at >= $3 OR updated_at >= $3) AND upstream_id IS NOT NULL";
        let query = sqlx::query(sql).bind(after).bind(last.as_str()).bind(since.0).bind(now.0);
        let count = self.execute(query).await?;
        Ok(Some((last, count)))
    }
}

fn read_asked(row: &AnyRow, sealer: &Sealer) -> Result<(PaymentIntent, Timestamp), Error> {
    Ok((read(row, sealer)?, time(row, "asked_at")?))
}

pub(super) fn read(row: &AnyRow, sealer: &Sealer) -> Result<PaymentIntent, Error> {
    let id = parse(row, "id", PaymentIntentId::parse)?;
    Ok(PaymentIntent {
        partner_id: parse(row, "partner_id", PartnerId::parse)?,
        upstream_id: get(row, "upstream_id")?,
        upstream_payment_id: get(row, "upstream_payment_id")?,
        state: parse(row, "state", PaymentIntentState::parse)?,
        amount: money(row)?,
        received: get(row, "received")?,
        refunded: get(row, "refunded")?,
        refund_pending: get(row, "refund_pending")?,
        charged_back: get(row, "charged_back")?,
        customer_id: parse_optional(row, "customer_id", CustomerId::parse)?,
        reference_id: get(row, "reference_id")?,
        details: sealer.open(id.as_str(), "details", &get::<Vec<u8>>(row, "details")?)?,
        progress: sealer.open(id.as_str(), "progress", &get::<Vec<u8>>(row, "progress")?)?,
        upstream_version: time(row, "upstream_version")?,
        upstream_state: match get::<Option<Vec<u8>>>(row, "upstream_state")? {
            Some(sealed) => sealer.open(id.as_str(), "upstream_state", &sealed)?,
            None => UpstreamState::default(),
        },
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        sandbox: get::<i64>(row, "sandbox")? != 0,
        revision: get(row, "revision")?,
        id,
    })
}
