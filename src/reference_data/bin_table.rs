//! The table of BINs: CSV whose first line names the columns `bin`, `country`, `funding` and `issuer`, in any order. Only the
//! first six digits of a card are kept: rows of seven or eight digits count together, as far as they agree, unless one of six
//! digits says it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Rows at most.
const MOST_ROWS: usize = 2_000_000;
/// Bytes of an issuer's name at most.
const LONGEST_ISSUER: usize = 200;
/// The columns. Those that are not there are not known of any card.
const COLUMNS: [&str; 4] = ["bin", "country", "funding", "issuer"];
const FUNDINGS: [&str; 3] = ["credit", "debit", "prepaid"];

/// The facts about the cards of a BIN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinFacts {
    /// ISO 3166-1 alpha-2 of the issuer.
    pub country: Option<String>,
    /// `credit`, `debit` or `prepaid`.
    pub funding: Option<String>,
    /// The issuer's name.
    pub issuer: Option<String>,
}

/// The table.
#[derive(Default)]
pub(super) struct BinTable {
    /// By six digits.
    rows: HashMap<u32, Row>,
}

#[derive(Clone, PartialEq, Eq)]
struct Row {
    digits: usize,
    country: Option<[u8; 2]>,
    funding: Option<&'static str>,
    issuer: Option<Arc<str>>,
}

impl BinTable {
    /// Reads the whole table.
    pub(super) fn read(content: Vec<u8>) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(content.as_slice());
        let columns = columns(reader.headers().map_err(|cause| cause.to_string())?)?;
        let (mut table, mut issuers) = (Self::default(), HashSet::new());
        for (number, record) in (1..).zip(reader.records()) {
            let record = record.map_err(|cause| cause.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            if number > MOST_ROWS {
                return Err(format!("has more than {MOST_ROWS} rows"));
            }
            let cell =
                |column: usize| columns[column].and_then(|place| record.get(place)).filter(|text| !text.is_empty());
            let (bin, row) = row(cell, &mut issuers).map_err(|problem| format!("line {line}: {problem}"))?;
            table.add(bin, row);
        }
        Ok(table)
    }

    fn add(&mut self, bin: u32, row: Row) {
        self.rows.entry(bin).and_modify(|known| known.join(&row)).or_insert(row);
    }

    /// The facts about these six digits.
    pub(super) fn get(&self, bin: &str) -> BinFacts {
        let row = bin.get(..6).and_then(|bin| bin.parse().ok()).and_then(|bin: u32| self.rows.get(&bin));
        row.map(Row::facts).unwrap_or_default()
    }
}

/// The places of the columns in a row.
fn columns(header: &csv::StringRecord) -> Result<[Option<usize>; 4], String> {
    let place = |name: &str| header.iter().position(|column| column.trim_start_matches('\u{feff}') == name);
    let columns = COLUMNS.map(place);
    if columns[0].is_none() {
        return Err(format!("line 1: must name the columns {}", COLUMNS.join(", ")));
    }
    Ok(columns)
}

/// Reads a row: six digits of its BIN, and the rest.
fn row<'r>(cell: impl Fn(usize) -> Option<&'r str>, issuers: &mut HashSet<Arc<str>>) -> Result<(u32, Row), String> {
    let bin = cell(0).unwrap_or_default();
    let is_bin = (6..=8).contains(&bin.len()) && bin.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = is_bin.then(|| bin[..6].parse().ok()).flatten();
    let prefix = prefix.ok_or("`bin` must be 6 to 8 digits")?;
    let country = cell(1).map(|country| match country.as_bytes() {
        &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok([a, b]),
        _ => Err("`country` must be ISO 3166-1 alpha-2 in upper case, or empty"),
    });
    let funding = cell(2).map(|funding| {
        let known = FUNDINGS.into_iter().find(|known| *known == funding);
        known.ok_or("`funding` must be credit, debit or prepaid, or empty")
    });
    let issuer = cell(3).map(|issuer| {
        if issuer.len() > LONGEST_ISSUER {
            return Err("`issuer` is longer than 200 bytes");
        }
        Ok(issuers.get(issuer).cloned().unwrap_or_else(|| {
            let issuer: Arc<str> = issuer.into();
            issuers.insert(issuer.clone());
            issuer
        }))
    });
    let (country, funding, issuer) = (country.transpose()?, funding.transpose()?, issuer.transpose()?);
    Ok((prefix, Row { digits: bin.len(), country, funding, issuer }))
}

impl Row {
    /// Takes in another row of the same six digits.
    fn join(&mut self, other: &Self) {
        match (self.digits, other.digits) {
            (6, 7..) => {}
            (7.., 6) | (6, 6) => *self = other.clone(),
            _ => {
                self.country = self.country.filter(|country| other.country.as_ref() == Some(country));
                self.funding = self.funding.filter(|funding| other.funding.as_ref() == Some(funding));
                self.issuer = self.issuer.take().filter(|issuer| other.issuer.as_ref() == Some(issuer));
            }
        }
    }

    fn facts(&self) -> BinFacts {
        BinFacts {
            country: self.country.map(|letters| letters.map(char::from).iter().collect()),
            funding: self.funding.map(str::to_owned),
            issuer: self.issuer.as_deref().map(str::to_owned),
        }
    }
}
