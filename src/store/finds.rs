//! Looks for a value wherever it may be the name of something, in all partners' rows, each by an index.

use sqlx::{AssertSqlSafe, any::AnyRow};

use super::{
    Error, ReadSession,
    columns::{get, time},
};
use crate::domain::{
    clock::Timestamp,
    ids::{
        ApiCallId, AuditEntryId, ChargebackId, CustomerId, ErasureId, EventId, OperationId, PartnerId, PaymentIntentId,
        PaymentMethodId, RefundId, RiskDecisionId, WebhookId,
    },
    key_pair::PublicKey,
};

/// The most rows that one way of looking returns.
pub const MOST_FOUND: u32 = 20;

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// Its id.
    pub id: String,
    /// The partner that it belongs to, if it belongs to one.
    pub partner: Option<String>,
    /// The id of the object that it is about, or belongs to.
    pub about: Option<String>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// A table in which something is looked for.
struct Table {
    name: &'static str,
    prefix: &'static str,
    /// The columns `partner`, `about` and `made_at`, in SQL.
    columns: [&'static str; 3],
    /// The columns that have an id of Corefy's, each with an index of its own.
    upstream: &'static [&'static str],
    /// Whether its objects have references of the partner's.
    has_reference: bool,
}

const TABLES: [Table; 13] = [
    Table {
        name: "payment_intents",
        prefix: PaymentIntentId::PREFIX,
        columns: ["partner_id", "customer_id", "created_at"],
        upstream: &["upstream_id", "upstream_payment_id"],
        has_reference: true,
    },
    Table {
        name: "refunds",
        prefix: RefundId::PREFIX,
        columns: ["partner_id", "payment_intent_id", "created_at"],
        upstream: &["upstream_id"],
        has_reference: true,
    },
    Table {
        name: "chargebacks",
        prefix: ChargebackId::PREFIX,
        columns: ["partner_id", "payment_intent_id", "created_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "customers",
        prefix: CustomerId::PREFIX,
        columns: ["partner_id", "NULL", "created_at"],
        upstream: &["upstream_id"],
        has_reference: true,
    },
    Table {
        name: "payment_methods",
        prefix: PaymentMethodId::PREFIX,
        columns: ["partner_id", "customer_id", "created_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "events",
        prefix: EventId::PREFIX,
        columns: ["partner_id", "object_id", "created_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "operations",
        prefix: OperationId::PREFIX,
        columns: ["partner_id", "subject_id", "sent_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "webhooks",
        prefix: WebhookId::PREFIX,
        columns: ["NULL", "payment_intent_id", "received_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "risk_decisions",
        prefix: RiskDecisionId::PREFIX,
        columns: ["partner_id", "payment_intent_id", "created_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "api_calls",
        prefix: ApiCallId::PREFIX,
        columns: ["partner_id", "COALESCE(subject_id, payment_intent_id)", "created_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "api_keys",
        prefix: PublicKey::PREFIX,
        columns: ["partner_id", "NULL", "created_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "erasures",
        prefix: ErasureId::PREFIX,
        columns: ["partner_id", "customer_id", "requested_at"],
        upstream: &[],
        has_reference: false,
    },
    Table {
        name: "audit_log",
        prefix: AuditEntryId::PREFIX,
        columns: ["NULL", "object", "made_at"],
        upstream: &[],
        has_reference: false,
    },
];

impl ReadSession {
    /// The row that has this id of ours, if there is one.
    pub async fn find_id(&mut self, id: &str) -> Result<Vec<FoundRow>, Error> {
        match TABLES.iter().find(|table| id.starts_with(table.prefix)) {
            Some(table) => self.find(table, "id = $1", id).await,
            None => Ok(Vec::new()),
        }
    }

    /// The rows that have this id at Corefy.
    pub async fn find_upstream_id(&mut self, id: &str) -> Result<Vec<FoundRow>, Error> {
        let mut found = Vec::new();
        for table in &TABLES {
            for column in table.upstream {
                found.extend(self.find(table, &format!("{column} = $1"), id).await?);
            }
        }
        found.dedup();
        Ok(found)
    }

    /// The rows that have this reference, of any partner.
    pub async fn find_reference(&mut self, reference: &str) -> Result<Vec<FoundRow>, Error> {
        let mut found = Vec::new();
        for table in TABLES.iter().filter(|table| table.has_reference) {
            let of = "partner_id IN (SELECT id FROM partners) AND reference_id = $1";
            found.extend(self.find(table, of, reference).await?);
        }
        Ok(found)
    }

    /// The calls to Corefy that this request caused.
    pub async fn find_request(&mut self, request: &str) -> Result<Vec<FoundRow>, Error> {
        let Some(calls) = TABLES.iter().find(|table| table.prefix == ApiCallId::PREFIX) else { return Ok(Vec::new()) };
        self.find(calls, "request_id = $1", request).await
    }

    /// The short names of all partners, in their order.
    pub async fn partners(&mut self) -> Result<Vec<PartnerId>, Error> {
        let rows = sqlx::query("SELECT id FROM partners ORDER BY id").fetch_all(self.connection()).await?;
        rows.iter().map(|row| super::columns::parse(row, "id", PartnerId::parse)).collect()
    }

    async fn find(&mut self, table: &Table, of: &str, value: &str) -> Result<Vec<FoundRow>, Error> {
        let Table { name, columns: [partner, about, made_at], .. } = table;
        let sql = format!(
            "SELECT id, CAST({partner} AS TEXT) AS partner, CAST({about} AS TEXT) AS about, {made_at} AS made_at
             FROM {name} WHERE {of} ORDER BY id DESC LIMIT {MOST_FOUND}"
        );
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(value).fetch_all(self.connection()).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<FoundRow, Error> {
    Ok(FoundRow {
        id: get(row, "id")?,
        partner: get(row, "partner")?,
        about: get(row, "about")?,
        made_at: time(row, "made_at")?,
    })
}
