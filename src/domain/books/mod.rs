//! Books: payments, refunds and events as rows of columns that stay, for spreadsheets, warehouses and accountants. No row has
//! personal data or free text but the caller's own reference, so what was exported need not follow an erasure.

mod cell;
mod columns;
mod event;
mod export;
mod object;
mod payment;
mod refund;
mod text;

pub use cell::{Cell, ColumnType, DECIMALS};
pub use columns::Heading;
pub use export::{Export, ExportedKind, RangeEnd, SETTLED_AFTER};
pub use object::{Exported, Place};
pub use text::{TextFormat, TextRows};
