//! Writes that can be gathered: a statement takes any number of rows as one JSON array, so that one text serves one row
//! and a hundred, and several statements go to the database at once. How the two databases take them is below this.

use std::fmt::Write as _;

use sqlx::{Any, AnyConnection, Arguments as _, Encode, Type, any::AnyArguments};

use super::{
    CommitError, Conflict, Dialect, Error, api_calls, audit, customers, events, keys, operations, payment_intents,
    payment_methods, refunds, webhooks,
};

mod postgres;
mod sqlite;

pub(super) use sqlite::CHECKS as SQLITE_CHECKS;

/// A statement that writes rows.
pub(super) struct Statement {
    /// Its place among the statements that go together.
    pub(super) rank: Rank,
    /// The columns of a row, in the order of a [`RowValues`]'s values.
    pub(super) columns: &'static [(&'static str, ColumnType)],
    /// `{rows}` stands for the rows, as a table of the name `new`. In the statement for events `{position}` stands for
    /// each one's place in their order.
    pub(super) sql: &'static str,
}

/// The order in which statements that go together are run, and so in which rows are locked: payment intents before
/// operations that end, and the sequence of events after everything else. The first that does not fit names the conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    OperationInsert,
    CustomerInsert,
    CustomerUpdate,
    PaymentIntentInsert,
    PaymentIntentUpdate,
    PaymentMethodInsert,
    PaymentMethodUpdate,
    PaymentMethodDelete,
    RefundInsert,
    RefundUpdate,
    RefundDelete,
    PaymentIntentDelete,
    CustomerDelete,
    OperationRenew,
    OperationFinish,
    OperationLeaveOpen,
    OperationRelease,
    AuditEntryInsert,
    OperatorCommandInsert,
    PartnerInsert,
    ApiKeyInsert,
    ApiKeyRotate,
    ApiKeyRevoke,
    ApiKeyUse,
    ApiCallInsert,
    WebhookArrival,
    WebhookAttempt,
    WebhookReplay,
    EventInsert,
}

impl Rank {
    /// Every rank, in order. Its length is that of the enum: a rank that is missing here does not compile.
    const ALL: [Self; Self::EventInsert as usize + 1] = [
        Self::OperationInsert,
        Self::CustomerInsert,
        Self::CustomerUpdate,
        Self::PaymentIntentInsert,
        Self::PaymentIntentUpdate,
        Self::PaymentMethodInsert,
        Self::PaymentMethodUpdate,
        Self::PaymentMethodDelete,
        Self::RefundInsert,
        Self::RefundUpdate,
        Self::RefundDelete,
        Self::PaymentIntentDelete,
        Self::CustomerDelete,
        Self::OperationRenew,
        Self::OperationFinish,
        Self::OperationLeaveOpen,
        Self::OperationRelease,
        Self::AuditEntryInsert,
        Self::OperatorCommandInsert,
        Self::PartnerInsert,
        Self::ApiKeyInsert,
        Self::ApiKeyRotate,
        Self::ApiKeyRevoke,
        Self::ApiKeyUse,
        Self::ApiCallInsert,
        Self::WebhookArrival,
        Self::WebhookAttempt,
        Self::WebhookReplay,
        Self::EventInsert,
    ];

    /// The statement of this rank.
    fn statement(self) -> &'static Statement {
        match self {
            Self::OperationInsert => &operations::INSERT,
            Self::CustomerInsert => &customers::INSERT,
            Self::CustomerUpdate => &customers::UPDATE,
            Self::PaymentIntentInsert => &payment_intents::INSERT,
            Self::PaymentIntentUpdate => &payment_intents::UPDATE,
            Self::PaymentMethodInsert => &payment_methods::INSERT,
            Self::PaymentMethodUpdate => &payment_methods::UPDATE,
            Self::PaymentMethodDelete => &payment_methods::DELETE,
            Self::RefundInsert => &refunds::INSERT,
            Self::RefundUpdate => &refunds::UPDATE,
            Self::RefundDelete => &refunds::DELETE,
            Self::PaymentIntentDelete => &payment_intents::DELETE,
            Self::CustomerDelete => &customers::DELETE,
            Self::OperationRenew => &operations::RENEW,
            Self::OperationFinish => &operations::FINISH,
            Self::OperationLeaveOpen => &operations::LEAVE_OPEN,
            Self::OperationRelease => &operations::RELEASE,
            Self::AuditEntryInsert => &audit::INSERT,
            Self::OperatorCommandInsert => &audit::INSERT_COMMAND,
            Self::PartnerInsert => &keys::INSERT_PARTNER,
            Self::ApiKeyInsert => &keys::INSERT,
            Self::ApiKeyRotate => &keys::ROTATE,
            Self::ApiKeyRevoke => &keys::REVOKE,
            Self::ApiKeyUse => &keys::USE,
            Self::ApiCallInsert => &api_calls::INSERT,
            Self::WebhookArrival => &webhooks::ARRIVAL,
            Self::WebhookAttempt => &webhooks::ATTEMPT,
            Self::WebhookReplay => &webhooks::REPLAY,
            Self::EventInsert => &events::INSERT,
        }
    }

    /// Whether a row that its statement does not write is a conflict. It is none when a lease that was lost is not renewed,
    /// when a call is in the log already, when another attempt at a webhook has begun, and when a key that was used is gone.
    fn requires_rows(self) -> bool {
        !matches!(self, Self::OperationRenew | Self::ApiKeyUse | Self::ApiCallInsert | Self::WebhookAttempt)
    }

    /// Whether its rows may wait for others: no call waits for them.
    fn is_patient(self) -> bool {
        matches!(
            self,
            Self::ApiKeyUse | Self::ApiCallInsert | Self::WebhookArrival | Self::WebhookAttempt | Self::WebhookReplay
        )
    }

    /// The meaning of a row that its statement did not write.
    fn conflict(self) -> Conflict {
        match self {
            Self::OperationInsert => Conflict::KeyTaken,
            Self::CustomerInsert | Self::PaymentIntentInsert | Self::RefundInsert => Conflict::ReferenceTaken,
            Self::PartnerInsert => Conflict::PartnerTaken,
            Self::ApiKeyInsert | Self::ApiKeyRotate | Self::ApiKeyRevoke => Conflict::KeyChanged,
            Self::OperationRenew
            | Self::OperationFinish
            | Self::OperationLeaveOpen
            | Self::OperationRelease
            | Self::WebhookReplay => Conflict::LeaseLost,
            Self::CustomerUpdate
            | Self::PaymentIntentUpdate
            | Self::PaymentMethodInsert
            | Self::PaymentMethodUpdate
            | Self::PaymentMethodDelete
            | Self::RefundUpdate
            | Self::RefundDelete
            | Self::PaymentIntentDelete
            | Self::CustomerDelete
            | Self::AuditEntryInsert
            | Self::OperatorCommandInsert
            | Self::ApiKeyUse
            | Self::ApiCallInsert
            | Self::WebhookArrival
            | Self::WebhookAttempt
            | Self::EventInsert => Conflict::Stale,
        }
    }
}

/// The type of a column: text, a number, or bytes; each may be NULL.
#[derive(Clone, Copy)]
pub(super) enum ColumnType {
    Text,
    Int,
    Bytes,
}

/// One row of one statement.
pub(super) struct Write {
    pub(super) rank: Rank,
    /// Names the row in its table: mostly its id.
    pub(super) id: String,
    row: RowValues,
}

/// The values of a row. Bytes have no JSON: all rows' bytes travel as one value, and the JSON says which of them belong to
/// which row.
#[derive(Default)]
pub(super) struct RowValues {
    /// The elements of its array, each with a comma before it.
    json: String,
    bytes: Vec<u8>,
}

/// A value of a row.
pub(super) trait Value {
    fn push_to(&self, row: &mut RowValues);
}

impl RowValues {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The row with one more value.
    #[must_use]
    pub(super) fn and(mut self, value: impl Value) -> Self {
        value.push_to(&mut self);
        self
    }
}

impl Value for &str {
    fn push_to(&self, row: &mut RowValues) {
        row.json.push(',');
        // A text always has a JSON.
        row.json.push_str(&serde_json::to_string(self).unwrap_or_default());
    }
}

impl Value for i64 {
    fn push_to(&self, row: &mut RowValues) {
        // Writing to a string does not fail.
        let _ = write!(row.json, ",{self}");
    }
}

impl Value for &[u8] {
    fn push_to(&self, row: &mut RowValues) {
        let _ = write!(row.json, ",[{},{}]", row.bytes.len(), self.len());
        row.bytes.extend_from_slice(self);
    }
}

impl<V: Value> Value for Option<V> {
    fn push_to(&self, row: &mut RowValues) {
        match self {
            Some(value) => value.push_to(row),
            None => row.json.push_str(",null"),
        }
    }
}

impl Write {
    pub(super) fn new(rank: Rank, id: &str, row: RowValues) -> Self {
        Self { rank, id: id.to_owned(), row }
    }

    /// Whether it may wait for others: no call waits for it.
    pub(super) fn is_patient(&self) -> bool {
        self.rank.is_patient()
    }

    /// How long it is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.row.json.len() + self.row.bytes.len()
    }
}

/// The rows of one statement among those that go together.
struct StatementRows {
    rank: Rank,
    /// The rows as a JSON array of arrays: first where a row's bytes begin among those of all, then its values; for bytes,
    /// where in the row's they begin, and how many they are.
    rows: String,
    bytes: Vec<u8>,
    count: i64,
}

/// Writes rows together, each by the statement of its rank, in the order of the ranks: all of them, or, when one does not fit
/// that has to, none.
pub(super) async fn write_together<'a>(
    dialect: Dialect,
    writes: impl IntoIterator<Item = &'a Write> + Clone,
    on: &mut AnyConnection,
) -> Result<Result<(), Conflict>, Error> {
    let parts: Vec<_> = Rank::ALL.into_iter().filter_map(|rank| part(rank, writes.clone())).collect();
    let written = match dialect {
        Dialect::Sqlite => sqlite::write(parts, on).await,
        Dialect::Postgres => postgres::write(parts, on).await,
    };
    match written {
        Ok(()) => Ok(Ok(())),
        Err(CommitError::Conflict(conflict)) => Ok(Err(conflict)),
        Err(CommitError::Failed(error)) => Err(error),
    }
}

fn part<'a>(rank: Rank, writes: impl IntoIterator<Item = &'a Write>) -> Option<StatementRows> {
    let mut part = StatementRows { rank, rows: String::from("["), bytes: Vec::new(), count: 0 };
    for Write { row, .. } in writes.into_iter().filter(|write| write.rank == rank) {
        let comma = if part.count > 0 { "," } else { "" };
        let _ = write!(part.rows, "{comma}[{}{}]", part.bytes.len(), row.json);
        part.bytes.extend_from_slice(&row.bytes);
        part.count += 1;
    }
    part.rows.push(']');
    (part.count > 0).then_some(part)
}

fn add<'q, T: Encode<'q, Any> + Type<Any> + 'q>(arguments: &mut AnyArguments, value: T) -> Result<(), Error> {
    Ok(arguments.add(value).map_err(sqlx::Error::Encode)?)
}

impl Statement {
    fn is_of_events(&self) -> bool {
        self.rank == Rank::EventInsert
    }

    /// The columns, each as `read` has it of the place among the elements of a row.
    fn columns(&self, read: impl Fn(usize, ColumnType) -> String) -> String {
        let column =
            |(place, (name, kind)): (usize, &(&str, ColumnType))| format!("{} AS {name}", read(place + 1, *kind));
        self.columns.iter().enumerate().map(column).collect::<Vec<_>>().join(", ")
    }
}
