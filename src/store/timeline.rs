//! The records that the timeline of a payment is made of, each kind oldest first, after a place in the one order of all.

use super::{
    Error, ReadSession, api_calls,
    columns::{get, time},
    events,
    list::ReadRow,
    list_query::ListQuery,
    operations::{self, OperationSummary},
    risk_decisions,
    webhooks::{self, WebhookRecord},
};
use crate::domain::{
    api_call::ApiCall,
    clock::Timestamp,
    event::Event,
    ids::{ApiCallId, EventId, OperationId, PaymentIntentId, RiskDecisionId, WebhookId},
    risk::decision::RiskDecision,
    timeline::TimelinePlace,
};

/// Operations with the time of their end, or of the next check of them.
const ENDED: &str = "(SELECT operations.*, CASE WHEN finished_at IS NOT NULL THEN finished_at
     WHEN state IN ('sent', 'in_doubt') THEN next_check_at END AS ended_at FROM operations) AS ended";
/// Of the payment.
const OF_PAYMENT: &str = "payment_intent_id = {}";
/// About the payment or one of its refunds.
const ABOUT_PAYMENT: &str = "object_id IN (SELECT id FROM refunds WHERE payment_intent_id = {} UNION ALL SELECT {})";

/// One kind of records.
struct TimelineSource<T> {
    /// The table, as it is named in the log.
    table: &'static str,
    /// The same as SQL has it.
    rows: &'static str,
    /// The condition for those of one payment.
    of: &'static str,
    /// The column that has the time of their entries.
    time: &'static str,
    /// Whether these entries are ends of calls.
    is_end: bool,
    /// The prefix of the ids.
    prefix: &'static str,
    read: ReadRow<T>,
}

impl ReadSession {
    /// Operations on a payment, by the time at which they were reserved.
    pub async fn operations_begun(
        &mut self,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<OperationSummary>, Error> {
        let source = TimelineSource {
            table: "operations",
            rows: "operations",
            of: OF_PAYMENT,
            time: "sent_at",
            is_end: false,
            prefix: OperationId::PREFIX,
            read: |row, _| operations::past(row),
        };
        self.records(source, payment, after, limit).await
    }

    /// Operations on a payment that have ended or are checked again, by the time of that, which is given with each.
    pub async fn operations_ended(
        &mut self,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<(OperationSummary, Timestamp)>, Error> {
        let source = TimelineSource {
            table: "operations",
            rows: ENDED,
            of: "payment_intent_id = {} AND ended_at IS NOT NULL",
            time: "ended_at",
            is_end: true,
            prefix: OperationId::PREFIX,
            read: |row, _| Ok((operations::past(row)?, time(row, "ended_at")?)),
        };
        self.records(source, payment, after, limit).await
    }

    /// Calls to Corefy about a payment or its refunds.
    pub async fn api_calls_of(
        &mut self,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<ApiCall>, Error> {
        let source = TimelineSource {
            table: "api_calls",
            rows: "api_calls",
            of: OF_PAYMENT,
            time: "created_at",
            is_end: false,
            prefix: ApiCallId::PREFIX,
            read: api_calls::read,
        };
        self.records(source, payment, after, limit).await
    }

    /// Webhooks about a payment.
    pub async fn webhooks_of(
        &mut self,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<WebhookRecord>, Error> {
        let source = TimelineSource {
            table: "webhooks",
            rows: "webhooks",
            of: OF_PAYMENT,
            time: "received_at",
            is_end: false,
            prefix: WebhookId::PREFIX,
            read: |row, _| webhooks::read(row),
        };
        self.records(source, payment, after, limit).await
    }

    /// Events about a payment or its refunds.
    pub async fn events_of(
        &mut self,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<Event>, Error> {
        let source = TimelineSource {
            table: "events",
            rows: "events",
            of: ABOUT_PAYMENT,
            time: "created_at",
            is_end: false,
            prefix: EventId::PREFIX,
            read: events::read,
        };
        self.records(source, payment, after, limit).await
    }

    /// Decisions about the risk of attempts to pay a payment.
    pub async fn risk_decisions_of(
        &mut self,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<RiskDecision>, Error> {
        let source = TimelineSource {
            table: "risk_decisions",
            rows: "risk_decisions",
            of: OF_PAYMENT,
            time: "created_at",
            is_end: false,
            prefix: RiskDecisionId::PREFIX,
            read: risk_decisions::read,
        };
        self.records(source, payment, after, limit).await
    }

    /// The first `limit` records that can be read, so that fewer are the end of them.
    async fn records<T>(
        &mut self,
        source: TimelineSource<T>,
        payment: &PaymentIntentId,
        after: Option<&TimelinePlace>,
        limit: u32,
    ) -> Result<Vec<T>, Error> {
        let (mut found, mut after) = (Vec::new(), after.cloned());
        loop {
            let select =
                source.after(ListQuery::from(source.rows).holding(source.of, payment.to_string())?, after.take())?;
            let order = format!("{}, id", source.time);
            let rows = select.fetch(self.connection(), &order, limit).await?;
            found.extend(self.shared.readable(source.table, &rows, source.read)?);
            match rows.last() {
                Some(last) if rows.len() == limit as usize && found.len() < limit as usize => {
                    let id: String = get(last, "id")?;
                    after = Some(TimelinePlace::new(time(last, source.time)?, source.is_end, &id));
                }
                _ => break,
            }
        }
        found.truncate(limit as usize);
        Ok(found)
    }
}

impl<T> TimelineSource<T> {
    /// Only records whose entries come after this place.
    fn after(&self, select: ListQuery, place: Option<TimelinePlace>) -> Result<ListQuery, Error> {
        let Some(TimelinePlace { at, is_end, digits }) = place else { return Ok(select) };
        match (self.is_end, is_end) {
            (true, false) => select.and(self.time, ">=", Some(at.0)),
            (false, true) => select.and(self.time, ">", Some(at.0)),
            (false, false) | (true, true) => select.and_after(self.time, at.0, format!("{}{digits}", self.prefix)),
        }
    }
}
