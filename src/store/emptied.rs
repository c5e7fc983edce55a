//! Rows that an erasure has emptied: what is otherwise written once and never changed.

use super::{
    Emptied, Error, Sealer, operations, payment_intents, refunds,
    tracked::RowWrite,
    writes::{
        ColumnType::{Bytes, Int, Text},
        Rank, RowValues, Statement, Write,
    },
};
pub(super) static PAYMENT_INTENT: Statement = Statement {
    rank: Rank::PaymentIntentEmpty,
    columns: &[("id", Text), ("row_version", Int), ("details", Bytes), ("progress", Bytes), ("revision", Int)],
    sql: "UPDATE payment_intents SET row_version = payment_intents.row_version + 1, details = new.details,
             progress = new.progress, revision = new.revision
         FROM {rows} WHERE payment_intents.id = new.id AND payment_intents.row_version = new.row_version",
};

pub(super) static REFUND: Statement = Statement {
    rank: Rank::RefundEmpty,
    columns: &[
        ("id", Text),
        ("details", Bytes),
        ("failure", Bytes),
        ("erased_at", Int),
        ("revision", Int),
        ("read_revision", Int),
    ],
    sql: "UPDATE refunds SET details = new.details, failure = new.failure, erased_at = new.erased_at,
             revision = new.revision
         FROM {rows} WHERE refunds.id = new.id AND refunds.revision = new.read_revision",
};

pub(super) static EVENT: Statement = Statement {
    rank: Rank::EventEmpty,
    columns: &[("id", Text), ("object", Bytes)],
    sql: "UPDATE events SET object = new.object FROM {rows} WHERE events.id = new.id",
};

pub(super) static ANSWER: Statement = Statement {
    rank: Rank::OperationEmpty,
    columns: &[("id", Text), ("answer", Bytes)],
    sql: "UPDATE operations SET answer = new.answer FROM {rows} WHERE operations.id = new.id",
};

pub(super) static API_CALL: Statement = Statement {
    rank: Rank::ApiCallEmpty,
    columns: &[("id", Text), ("exchange", Bytes)],
    sql: "UPDATE api_calls SET exchange = new.exchange FROM {rows} WHERE api_calls.id = new.id",
};

pub(super) static RISK_DECISION: Statement = Statement {
    rank: Rank::RiskDecisionEmpty,
    columns: &[("id", Text), ("record", Bytes)],
    sql: "UPDATE risk_decisions SET card = NULL, ip = NULL, email = NULL, bin = NULL, record = new.record
         FROM {rows} WHERE risk_decisions.id = new.id",
};

pub(super) static RISK_REVIEW: Statement = Statement {
    rank: Rank::RiskReviewEmpty,
    columns: &[("id", Text)],
    sql: "UPDATE risk_reviews SET note = '' FROM {rows} WHERE risk_reviews.id = new.id",
};

/// The row of what was emptied; `None` when nothing was.
pub(super) fn write(emptied: &Emptied, sealer: &Sealer) -> Result<Option<Write>, Error> {
    Ok(match emptied {
        Emptied::PaymentIntent(intent) => match intent.row_write() {
            Some(RowWrite::Update(version)) => {
                let row = payment_intents::emptied(intent, version, sealer)?;
                Some(Write::new(Rank::PaymentIntentEmpty, intent.id.as_str(), row))
            }
            _ => None,
        },
        Emptied::Refund(refund) => match refund.row_write() {
            Some(RowWrite::Update(version)) => {
                let row = refunds::emptied(refund, sealer)?.and(version);
                Some(Write::new(Rank::RefundEmpty, refund.id.as_str(), row))
            }
            _ => None,
        },
        Emptied::Event(event) => Some(sealed(Rank::EventEmpty, event.id.as_str(), "object", &event.object, sealer)?),
        Emptied::Answer(id, answer) => {
            let row = RowValues::new().and(id.as_str()).and(&operations::seal(id.as_str(), answer, sealer)?[..]);
            Some(Write::new(Rank::OperationEmpty, id.as_str(), row))
        }
        Emptied::ApiCall(call) => {
            Some(sealed(Rank::ApiCallEmpty, call.id.as_str(), "exchange", &call.exchange, sealer)?)
        }
        Emptied::RiskDecision(decision) => {
            Some(sealed(Rank::RiskDecisionEmpty, decision.id.as_str(), "record", decision, sealer)?)
        }
        Emptied::RiskReview(id) => {
            Some(Write::new(Rank::RiskReviewEmpty, id.as_str(), RowValues::new().and(id.as_str())))
        }
    })
}

/// A row of one sealed column.
fn sealed<T: serde::Serialize>(rank: Rank, id: &str, column: &str, value: &T, sealer: &Sealer) -> Result<Write, Error> {
    let row = RowValues::new().and(id).and(&sealer.seal(id, column, value)?[..]);
    Ok(Write::new(rank, id, row))
}
