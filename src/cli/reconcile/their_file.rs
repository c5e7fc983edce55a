//! A file of Corefy's books: CSV with a header, or one JSON object a line, read row by row.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader, Read, Seek as _},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use rust_decimal::Decimal;

use super::columns::Columns;
use crate::{
    cli::failure::CommandFailure,
    domain::{
        clock::Timestamp,
        ids::PaymentIntentId,
        money::{Currency, Money},
        reconciliation::{TheirPayment, TheirRefunds, TheirState},
    },
};

/// The most rows of a file.
const MOST_ROWS: u64 = 2_000_000;
/// The longest row, in bytes.
const LONGEST_ROW: u64 = 64 * 1024;
/// The most digits of an amount before its point.
const LARGEST: i64 = 1_000_000_000_000;

/// The file.
pub(super) struct TheirFile {
    path: PathBuf,
    columns: Columns,
    rows: Rows,
    count: u64,
    size: u64,
    /// When it was made.
    pub as_of: Timestamp,
}

enum Rows {
    Csv { reader: Box<csv::Reader<RowLimit>>, header: csv::StringRecord },
    Json(BufReader<File>),
}

/// A payment in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TheirRow {
    /// Corefy's id; one of this or the reference is there.
    pub id: Option<String>,
    /// The intent that it was made for, where the reference is one of ours.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// The reference as it is.
    pub reference: Option<String>,
    /// How much.
    pub amount: Money,
    /// The word for how it stands.
    pub status: String,
    /// The sum of its refunds in minor units, when the file has it.
    pub refunded: Option<i64>,
    /// When it was created, when the file has it.
    pub created_at: Option<Timestamp>,
}

impl TheirRow {
    /// As it is compared.
    pub fn payment(&self) -> TheirPayment<'_> {
        let state = TheirState::parse(&self.status);
        TheirPayment {
            state,
            amount: Some(self.amount),
            received: if state == TheirState::Paid { self.amount.minor } else { 0 },
            charged_back: None,
            refunds: self.refunded.map_or(TheirRefunds::Unknown, TheirRefunds::Sum),
            version: Timestamp::default(),
        }
    }
}

impl TheirFile {
    /// Opens it; it was made when it was last written, unless that is told.
    pub fn open(path: &Path, columns: Columns, as_of: Option<Timestamp>) -> Result<Self, CommandFailure> {
        let failed = |why: String| CommandFailure::Failed(format!("{}: {why}", path.display()));
        let opened = || {
            let mut file = File::open(path)?;
            let metadata = file.metadata()?;
            let mut start = Vec::new();
            (&mut file).take(LONGEST_ROW).read_to_end(&mut start)?;
            file.rewind()?;
            let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            Ok::<_, std::io::Error>((file, metadata.len(), start, Timestamp::default() + since))
        };
        let (file, size, start, modified) = opened().map_err(|error| failed(error.to_string()))?;
        let is_json = start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let rows = if is_json { Rows::Json(BufReader::new(file)) } else { csv_rows(file, &columns).map_err(failed)? };
        Ok(Self { path: path.to_owned(), columns, rows, count: 0, size, as_of: as_of.unwrap_or(modified) })
    }

    /// The next payment; none at the end.
    pub fn next_row(&mut self) -> Result<Option<TheirRow>, CommandFailure> {
        let Some(values) = self.values().map_err(|why| self.failed(&why))? else { return Ok(None) };
        self.count += 1;
        if self.count > MOST_ROWS {
            return Err(self.failed(&format!("it has more than {MOST_ROWS} rows; compare shorter ranges")));
        }
        read(&values, &self.columns).map(Some).map_err(|why| self.failed(&why))
    }

    /// The share of it that was read, of 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "for a bar on a terminal")]
    pub fn share(&mut self) -> f64 {
        let place = match &mut self.rows {
            Rows::Csv { reader, .. } => reader.position().byte(),
            Rows::Json(reader) => reader.stream_position().unwrap_or_default(),
        };
        if self.size == 0 { 1.0 } else { place as f64 / self.size as f64 }
    }

    fn failed(&self, why: &str) -> CommandFailure {
        CommandFailure::Failed(format!("{}: row {}: {why}", self.path.display(), self.count))
    }

    /// The values of the next row, by column.
    fn values(&mut self) -> Result<Option<BTreeMap<String, String>>, String> {
        match &mut self.rows {
            Rows::Csv { reader, header } => {
                let mut record = csv::StringRecord::new();
                reader.get_mut().begin_row();
                if !reader.read_record(&mut record).map_err(|error| error.to_string())? {
                    return Ok(None);
                }
                if record.as_slice().len() as u64 > LONGEST_ROW {
                    return Err(too_long());
                }
                Ok(Some(header.iter().zip(&record).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
            }
            Rows::Json(reader) => loop {
                let mut line = String::new();
                reader.take(LONGEST_ROW + 1).read_line(&mut line).map_err(|error| error.to_string())?;
                match line.trim() {
                    _ if line.len() as u64 > LONGEST_ROW => return Err(too_long()),
                    "" if line.is_empty() => return Ok(None),
                    "" => {}
                    object => return json_values(object).map(Some),
                }
            },
        }
    }
}

fn too_long() -> String {
    format!("it is longer than {LONGEST_ROW} bytes")
}

/// A file of which a row is not read on without end: a quote that is never closed makes one row of all that follows.
struct RowLimit {
    file: File,
    /// The bytes that may still be read for this row, of which a part belongs to the rows behind it.
    left: u64,
}

impl RowLimit {
    fn new(file: File) -> Self {
        Self { file, left: LONGEST_ROW }
    }

    fn begin_row(&mut self) {
        self.left = LONGEST_ROW;
    }
}

impl Read for RowLimit {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other(too_long()));
        }
        let length = self.file.by_ref().take(self.left).read(buffer)?;
        self.left -= length as u64;
        Ok(length)
    }
}

fn csv_rows(file: File, columns: &Columns) -> Result<Rows, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(RowLimit::new(file));
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let has = |name: &String| header.iter().any(|column| column == name);
    let missing = [&columns.amount, &columns.currency, &columns.status].into_iter().find(|name| !has(name));
    match missing {
        Some(name) => Err(format!("it has no column {name}; --columns says how it is called")),
        None if !has(&columns.id) && !has(&columns.reference) => Err(format!(
            "it has neither a column {} nor {}; --columns says how it is called",
            columns.id, columns.reference
        )),
        None => Ok(Rows::Csv { reader: Box::new(reader), header }),
    }
}

/// The members of a JSON object that are texts or numbers.
fn json_values(object: &str) -> Result<BTreeMap<String, String>, String> {
    let members: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(object).map_err(|error| error.to_string())?;
    let text = |value| match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Ok(members.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}

fn read(values: &BTreeMap<String, String>, columns: &Columns) -> Result<TheirRow, String> {
    let optional = |name: &String| values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let required = |name: &String| optional(name).ok_or_else(|| format!("{name} is missing"));
    let code = required(&columns.currency)?.to_ascii_uppercase();
    let currency = Currency::parse_existing(&code)
        .ok_or_else(|| format!("{} must be an ISO 4217 code such as USD", columns.currency))?;
    let money = |name: &String, text: &str| {
        let decimal = Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text)).ok();
        let decimal = decimal.filter(|decimal| !decimal.is_sign_negative() && *decimal < LARGEST.into());
        decimal.and_then(|decimal| Money::from_major(decimal, currency)).ok_or_else(|| {
            format!("{name} must be a decimal number such as 10.00, of {} decimals at most", currency.decimals())
        })
    };
    let (id, reference) = (optional(&columns.id), optional(&columns.reference));
    if id.is_none() && reference.is_none() {
        return Err(format!("{} and {} are missing", columns.id, columns.reference));
    }
    let moment = |text: &str| {
        Timestamp::parse_rfc3339(text)
            .ok_or_else(|| format!("{} must be a time as 2026-11-01T00:00:00Z", columns.created_at))
    };
    Ok(TheirRow {
        id: id.map(str::to_owned),
        payment_intent_id: reference.and_then(PaymentIntentId::parse),
        reference: reference.map(str::to_owned),
        amount: money(&columns.amount, required(&columns.amount)?)?,
        status: required(&columns.status)?.to_owned(),
        refunded: optional(&columns.refunded)
            .map(|text| money(&columns.refunded, text))
            .transpose()?
            .map(|sum| sum.minor),
        created_at: optional(&columns.created_at).map(moment).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, columns: &str) -> Result<Vec<TheirRow>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("corefy");
        std::fs::write(&path, text).unwrap();
        let columns = if columns.is_empty() { Columns::default() } else { Columns::parse(columns).unwrap() };
        let failed = |failure: CommandFailure| failure.to_string().split("corefy: ").nth(1).unwrap().to_owned();
        let mut file = TheirFile::open(&path, columns, None).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = file.next_row().map_err(failed)? {
            rows.push(row);
        }
        assert!((0.99..=1.0).contains(&file.share()), "{}", file.share());
        Ok(rows)
    }

    #[test]
    fn the_same_rows_are_read_of_csv_and_of_json() {
        let csv = "id,reference,amount,currency,status,refunded,created_at\n\
            in_1,pi_01994111111171118111111111111111,10.50,usd,SUCCEEDED,1,2026-11-01T00:00:00Z\n\
            in_2,order-7,3,JPY,failed,,\n";
        let json = r#"{"id":"in_1","reference":"pi_01994111111171118111111111111111","amount":10.50,"currency":"USD","status":"SUCCEEDED","refunded":"1.00","created_at":"2026-11-01T00:00:00Z"}

            {"id":"in_2","reference":"order-7","amount":"3","currency":"JPY","status":"failed","refunded":null,"extra":{}}"#;
        let read = rows(csv, "").unwrap();
        assert_eq!(read, rows(json, "").unwrap());
        assert_eq!((read[0].amount.minor, read[0].refunded), (1050, Some(100)));
        assert!(read[0].payment_intent_id.is_some() && read[0].created_at.is_some());
        assert_eq!((read[1].amount.minor, read[1].payment_intent_id.as_ref(), read[1].refunded), (3, None, None));
        let (paid, failed) = (read[0].payment(), read[1].payment());
        assert_eq!((paid.state, paid.received), (TheirState::Paid, 1050));
        assert_eq!((failed.state, failed.received), (TheirState::Failed, 0));
    }

    #[test]
    fn columns_have_the_names_that_are_told() {
        let csv = "payment id,sum,currency,state\nin_1,1.00,EUR,paid\n";
        let read = rows(csv, "id=payment id,amount=sum,status=state").unwrap();
        assert_eq!((read[0].id.as_deref(), read[0].amount.minor), (Some("in_1"), 100));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_row() {
        let head = "id,amount,currency,status\n";
        for (text, why) in [
            ("id,sum,currency,status\n", "it has no column amount; --columns says how it is called"),
            ("name,amount,currency,status\n", "it has neither a column id nor reference"),
            (&format!("{head}in_1,1,USD,paid\nin_2,1.001,USD,paid\n"), "row 2: amount must be a decimal number"),
            (&format!("{head}in_1,-1,USD,paid\n"), "row 1: amount must be"),
            (&format!("{head}in_1,1,QQQ,paid\n"), "row 1: currency must be"),
            (&format!("{head},1,USD,paid\n"), "row 1: id and reference are missing"),
            (&format!("{head}in_1,1,USD,\n"), "row 1: status is missing"),
            ("{\"id\":\"in_1\"\n", "row 0: EOF"),
            (&format!("{head}\"in_1{}", ",1,USD,paid\n".repeat(100_000)), "row 0: it is longer than 65536 bytes"),
            (&"id,amount".repeat(100_000), "it is longer than 65536 bytes"),
        ] {
            let failure = rows(text, "").unwrap_err();
            assert!(failure.contains(why), "{text}: {failure}");
        }
    }
}
