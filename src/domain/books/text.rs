//! Rows as text: CSV with a heading, or JSON, one object a line.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{cell::Cell, columns::Heading, export::ExportedKind, object::Exported};
use crate::domain::words::words;

words! {
    /// A format of lines.
    TextFormat {
        /// Values separated by commas (RFC 4180, lines end in LF), with the names of the columns in the first line.
        Csv => "csv",
        /// An object of JSON a line, whose members are the columns.
        Jsonl => "jsonl",
    }
}

/// The beginnings of a text that a spreadsheet takes for a formula, or passes over to find one.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes rows of one kind.
pub struct TextRows {
    headings: Vec<Heading>,
    format: TextFormat,
    /// Whether texts that a spreadsheet would run get an apostrophe before them.
    for_spreadsheets: bool,
}

impl TextRows {
    /// In this format.
    pub fn new(kind: ExportedKind, format: TextFormat) -> Self {
        Self { headings: kind.headings(), format, for_spreadsheets: false }
    }

    /// The same, with an apostrophe before each text that a spreadsheet would run as a formula, where the format is CSV.
    #[must_use]
    pub fn for_spreadsheets(self, for_spreadsheets: bool) -> Self {
        Self { for_spreadsheets, ..self }
    }

    /// Writes what comes before all rows.
    pub fn write_head(&self, to: impl Write) -> io::Result<()> {
        match self.format {
            TextFormat::Csv => csv(self.headings.iter().map(|heading| heading.name.to_owned()), to),
            TextFormat::Jsonl => Ok(()),
        }
    }

    /// Writes the line of an object.
    pub fn write(&self, object: &Exported, mut to: impl Write) -> io::Result<()> {
        let cells = object.cells();
        match self.format {
            TextFormat::Csv => csv(cells.iter().map(|cell| self.csv_cell(cell)), to),
            TextFormat::Jsonl => {
                serde_json::to_writer(&mut to, &Members(&self.headings, &cells))?;
                to.write_all(b"\n")
            }
        }
    }

    fn csv_cell(&self, cell: &Cell<'_>) -> String {
        match cell {
            Cell::Nothing => String::new(),
            Cell::Text(text) if self.for_spreadsheets && text.starts_with(FORMULAS) => format!("'{text}"),
            Cell::Text(text) => (*text).to_owned(),
            Cell::Decimal(amount) => amount.to_string(),
            Cell::Time(time) => time.to_string(),
            Cell::Integer(number) => number.to_string(),
            Cell::Boolean(value) => value.to_string(),
        }
    }
}

fn csv(cells: impl Iterator<Item = String>, to: impl Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 10).from_writer(to);
    writer.write_record(cells)?;
    writer.flush()
}

/// A row as an object of JSON.
struct Members<'a>(&'a [Heading], &'a [Cell<'a>]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (heading, cell) in self.0.iter().zip(self.1) {
            map.serialize_entry(heading.name, cell)?;
        }
        map.end()
    }
}

/// Amounts are strings, which no reader takes for floats.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Nothing => serializer.serialize_none(),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Decimal(amount) => serializer.collect_str(amount),
            Cell::Time(time) => serializer.collect_str(time),
            Cell::Integer(number) => serializer.serialize_i64(*number),
            Cell::Boolean(value) => serializer.serialize_bool(*value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Timestamp,
        customer::Metadata,
        ids::{Ids, PartnerId, PaymentIntentId, RefundId},
        money::{Currency, Money},
        refund::{Refund, RefundDetails, RefundState},
    };

    fn refund(reference: &str) -> Exported {
        let ids = Ids::system();
        let (reason, metadata) = ("wrong size".to_owned(), Metadata::default());
        Exported::Refund(Box::new(Refund {
            id: RefundId::generate(&ids),
            partner_id: PartnerId::parse("acme").unwrap(),
            payment_intent_id: PaymentIntentId::generate(&ids),
            upstream_id: None,
            state: RefundState::Pending,
            amount: Money::new(1230, Currency::parse("KWD").unwrap()),
            reference_id: Some(reference.to_owned()),
            details: RefundDetails { reason, metadata },
            failure: None,
            created_at: Timestamp(1_795_428_000_000_000),
            updated_at: Timestamp(1_795_428_000_250_000),
            erased_at: None,
            revision: 1,
        }))
    }

    fn line(rows: &TextRows, object: &Exported) -> String {
        let mut line = Vec::new();
        rows.write(object, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_line_of_json_has_every_column_in_order_and_amounts_as_strings() {
        let object = refund("order \"7\"");
        let Exported::Refund(it) = &object else { unreachable!() };
        let rows = TextRows::new(ExportedKind::Refunds, TextFormat::Jsonl);
        let expected = format!(
            "{{\"partner_id\":\"acme\",\"id\":\"{}\",\"payment_intent_id\":\"{}\",\"reference_id\":\"order \\\"7\\\"\",\
             \"upstream_id\":null,\"state\":\"pending\",\"currency\":\"KWD\",\"amount\":\"1.230\",\"failure_code\":null,\
             \"outcome_unknown\":true,\"revision\":1,\"created_at\":\"2026-11-23T10:00:00Z\",\
             \"updated_at\":\"2026-11-23T10:00:00.25Z\"}}\n",
            it.id, it.payment_intent_id
        );
        assert_eq!(line(&rows, &object), expected);
    }

    #[test]
    fn a_text_with_a_comma_is_one_value_of_csv() {
        let rows = TextRows::new(ExportedKind::Refunds, TextFormat::Csv);
        let mut head = Vec::new();
        rows.write_head(&mut head).unwrap();
        let text = String::from_utf8(head).unwrap() + &line(&rows, &refund("7, \"red\""));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 1);
        assert_eq!(&records[0][3], "7, \"red\"");
        assert_eq!(reader.headers().unwrap().len(), records[0].len());
    }

    #[test]
    fn a_spreadsheet_runs_no_reference() {
        let plain = TextRows::new(ExportedKind::Refunds, TextFormat::Csv);
        let quoted = TextRows::new(ExportedKind::Refunds, TextFormat::Csv).for_spreadsheets(true);
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert!(line(&plain, &refund(formula)).contains(&format!(",{formula},")), "{formula}");
            assert!(line(&quoted, &refund(formula)).contains(&format!(",'{formula},")), "{formula}");
        }
        assert!(line(&quoted, &refund("order-7")).contains(",order-7,"));
    }
}
