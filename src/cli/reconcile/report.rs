//! The report: a table at the end, or CSV or JSON as differences are found.

use std::{io::Write as _, path::Path};

use serde_json::json;

use super::{cursor::Cursor, format::Format};
use crate::{
    cli::{failure::CommandFailure, resumable_file::ResumableFile, table::Table},
    domain::{
        payment_intent::PaymentIntent,
        reconciliation::{Difference, Total, Totals},
    },
};

/// The most differences that a table shows.
const MOST_SHOWN: usize = 1000;

/// The columns of CSV, and the members of JSON.
const COLUMNS: [&str; 11] = [
    "kind",
    "certainty",
    "payment_intent_id",
    "upstream_id",
    "partner",
    "refund_id",
    "upstream_refund_id",
    "here",
    "there",
    "amount",
    "currency",
];

/// A difference with the payment that it is about, by column.
pub(super) struct Found([String; COLUMNS.len()]);

impl Found {
    /// A difference of a payment of ours.
    pub fn of(intent: &PaymentIntent, difference: &Difference) -> Self {
        let upstream_id = intent.upstream_id.clone().unwrap_or_default();
        Self::new((intent.id.to_string(), upstream_id, intent.partner_id.to_string()), difference)
    }

    /// A payment of Corefy's that is not here.
    pub fn elsewhere(upstream_id: &str, difference: &Difference) -> Self {
        Self::new((String::new(), upstream_id.to_owned(), String::new()), difference)
    }

    fn new((payment_intent_id, upstream_id, partner): (String, String, String), difference: &Difference) -> Self {
        Self([
            difference.kind.as_str().to_owned(),
            difference.certainty.as_str().to_owned(),
            payment_intent_id,
            upstream_id,
            partner,
            difference.refund_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            difference.upstream_refund_id.clone().unwrap_or_default(),
            difference.here.clone(),
            difference.there.clone(),
            difference.at_stake.to_string(),
            difference.at_stake.currency.code().to_owned(),
        ])
    }

    /// The members of JSON.
    fn members(&self) -> serde_json::Value {
        let members = COLUMNS.into_iter().zip(&self.0).map(|(name, value)| (name.to_owned(), json!(value)));
        serde_json::Value::Object(members.collect())
    }

    /// The cells of the table.
    fn cells(&self) -> [String; 7] {
        let [kind, certainty, ours, theirs, partner, refund, their_refund, here, there, amount, currency] = &self.0;
        let first_of =
            |texts: &[&String]| texts.iter().find(|text| !text.is_empty()).map_or_else(dash, |text| (*text).clone());
        [
            kind.clone(),
            certainty.clone(),
            first_of(&[refund, their_refund, ours, theirs]),
            first_of(&[partner]),
            first_of(&[here]),
            first_of(&[there]),
            format!("{amount} {currency}"),
        ]
    }
}

fn dash() -> String {
    "-".to_owned()
}

/// Where differences go.
pub(super) enum Report {
    /// Kept until the end, when they are printed; with the number of those that were left out.
    Table(Vec<Found>, u64),
    /// CSV or JSON, with the number of rows since the last checkpoint.
    File(ResumableFile, Format, u64),
}

impl Report {
    /// Begins, or goes on where a command with the same `fingerprint` was stopped.
    pub fn open(format: Format, out: &Path, fingerprint: &str) -> Result<(Self, Option<Cursor>), CommandFailure> {
        if format == Format::Table {
            let is_printed = out == Path::new("-");
            let refusal = || CommandFailure::Settings("--out goes with --format csv or json".to_owned());
            return is_printed.then_some((Self::Table(Vec::new(), 0), None)).ok_or_else(refusal);
        }
        let fingerprint = format!("{fingerprint} --format {}", format.as_str());
        let (mut file, cursor) = ResumableFile::open(out, &fingerprint)?;
        let cursor = cursor.map(|text| serde_json::from_str(&text)).transpose();
        let cursor = cursor.map_err(|error| {
            CommandFailure::Failed(format!("{}: its cursor cannot be read: {error}", out.display()))
        })?;
        if cursor.is_none() {
            // A part of which nothing is written yet would begin anew.
            let head = match format {
                Format::Csv => csv_line(&COLUMNS)?,
                Format::Json | Format::Table => json_line(&json!({"reconciliation": fingerprint})),
            };
            file.write_all(&head)?;
        }
        Ok((Self::File(file, format, 0), cursor))
    }

    /// Writes a difference.
    pub fn write(&mut self, found: Found) -> Result<(), CommandFailure> {
        match self {
            Self::Table(rows, left_out) if rows.len() >= MOST_SHOWN => *left_out += 1,
            Self::Table(rows, _) => rows.push(found),
            Self::File(file, format, rows) => {
                *rows += 1;
                let line = match format {
                    Format::Csv => csv_line(&found.0)?,
                    Format::Json | Format::Table => json_line(&found.members()),
                };
                file.write_all(&line)?;
            }
        }
        Ok(())
    }

    /// Makes durable what was written, and where to go on.
    pub fn checkpoint(&mut self, cursor: &Cursor) -> Result<(), CommandFailure> {
        let Self::File(file, _, rows) = self else { return Ok(()) };
        let text = serde_json::to_string(cursor).map_err(|error| CommandFailure::Failed(error.to_string()))?;
        file.checkpoint(std::mem::take(rows), &text)
    }

    /// Prints what is still to be printed, and ends the file.
    pub fn finish(self, totals: &Totals) -> Result<(), CommandFailure> {
        match self {
            Self::Table(rows, left_out) => {
                print(&rows, left_out, totals);
                Ok(())
            }
            Self::File(mut file, format, _) => {
                if format == Format::Json {
                    file.write_all(&json_line(&totals_as_json(totals)))?;
                }
                file.finish()
            }
        }
    }
}

fn csv_line(cells: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, CommandFailure> {
    let mut line = csv::Writer::from_writer(Vec::new());
    line.write_record(cells).map_err(|error| CommandFailure::Failed(error.to_string()))?;
    line.into_inner().map_err(|error| CommandFailure::Failed(error.to_string()))
}

fn json_line(value: &serde_json::Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

fn print(rows: &[Found], left_out: u64, totals: &Totals) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new(["KIND", "CERTAINTY", "OBJECT", "PARTNER", "HERE", "COREFY", "AMOUNT"]);
    rows.iter().for_each(|row| table.row(row.cells()));
    table.print();
    if left_out > 0 {
        anstream::println!("and {left_out} more: --format csv --out FILE has all");
    }
    anstream::println!();
    let mut table = Table::new(["KIND", "CERTAINTY", "COUNT", "AMOUNT"]);
    for total in &totals.differences {
        let amount = format!("{} {}", total.at_stake, total.currency);
        table.row([
            total.kind.as_str().to_owned(),
            total.certainty.as_str().to_owned(),
            total.count.to_string(),
            amount,
        ]);
    }
    table.print();
}

fn totals_as_json(totals: &Totals) -> serde_json::Value {
    let of = |total: &Total| {
        json!({
            "kind": total.kind.as_str(),
            "certainty": total.certainty.as_str(),
            "count": total.count,
            "amount": total.at_stake.to_string(),
            "currency": total.currency,
        })
    };
    let differences: Vec<_> = totals.differences.iter().map(of).collect();
    json!({"totals": {"compared": totals.compared, "not_compared": totals.not_compared, "differences": differences}})
}
