//! Books as Parquet, made of the lines of JSON that an export has written: a file of Parquet has its table of contents at its end, so
//! that what was begun cannot be gone on with.

use std::{
    io::{self, BufRead, Write},
    sync::Arc,
};

use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::{
    books::{ColumnType, DECIMALS, ExportedKind, Heading},
    clock::Timestamp,
};

/// Rows that are held and written together.
const GROUP: usize = 20_000;
/// Digits of a decimal column.
const DIGITS: i32 = 38;
/// Bytes of a decimal with those digits.
const DECIMAL_BYTES: i32 = 16;

/// Writes rows, each a line of JSON, as Parquet. Returns how many there were.
pub(super) fn write(kind: ExportedKind, rows: impl BufRead, to: impl Write + Send) -> io::Result<u64> {
    let headings = kind.headings();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let schema = schema(kind, &headings).map_err(failed)?;
    let mut writer = SerializedFileWriter::new(to, schema, Arc::new(properties)).map_err(failed)?;
    let (mut columns, mut count) = (Columns::of(&headings), 0);
    for line in rows.lines() {
        columns.push(&serde_json::from_str(&line?)?)?;
        count += 1;
        if columns.rows == GROUP {
            std::mem::replace(&mut columns, Columns::of(&headings)).write(&mut writer).map_err(failed)?;
        }
    }
    if columns.rows > 0 {
        columns.write(&mut writer).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(count)
}

fn schema(kind: ExportedKind, headings: &[Heading]) -> Result<TypePtr, ParquetError> {
    let fields = headings.iter().map(|heading| field(heading).map(Arc::new)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder(kind.as_str()).with_fields(fields).build()?))
}

fn field(heading: &Heading) -> Result<Type, ParquetError> {
    let (physical, logical) = match heading.kind {
        ColumnType::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Decimal => {
            (PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(DECIMALS.cast_signed(), DIGITS)))
        }
        ColumnType::Time => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        ColumnType::Integer => (PhysicalType::INT64, None),
        ColumnType::Boolean => (PhysicalType::BOOLEAN, None),
    };
    let repetition = if heading.is_required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let field = Type::primitive_type_builder(heading.name, physical).with_repetition(repetition);
    let field = field.with_logical_type(logical);
    match heading.kind {
        ColumnType::Decimal => {
            field.with_length(DECIMAL_BYTES).with_precision(DIGITS).with_scale(DECIMALS.cast_signed()).build()
        }
        _ => field.build(),
    }
}

/// Rows on their way to a file, column by column.
struct Columns {
    columns: Vec<ColumnValues>,
    rows: usize,
}

/// The values of a column, and which rows have one.
struct ColumnValues {
    heading: Heading,
    values: Values,
    /// 1 for a row that has a value, 0 for one that has none.
    levels: Vec<i16>,
}

enum Values {
    Texts(Vec<ByteArray>),
    Decimals(Vec<FixedLenByteArray>),
    Times(Vec<i64>),
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
}

impl Columns {
    fn of(headings: &[Heading]) -> Self {
        let columns = headings.iter().map(|heading| ColumnValues {
            heading: *heading,
            values: Values::of(heading.kind),
            levels: Vec::new(),
        });
        Self { columns: columns.collect(), rows: 0 }
    }

    fn push(&mut self, row: &Map<String, Value>) -> io::Result<()> {
        for column in &mut self.columns {
            let name = column.heading.name;
            let value = row.get(name).filter(|value| !value.is_null());
            column.push(value).ok_or_else(|| io::Error::other(format!("a row that was written has no such {name}")))?;
        }
        self.rows += 1;
        Ok(())
    }

    fn write<W: Write + Send>(self, to: &mut SerializedFileWriter<W>) -> Result<(), ParquetError> {
        let mut group = to.next_row_group()?;
        for column in &self.columns {
            if let Some(mut writer) = group.next_column()? {
                column.write(&mut writer)?;
                writer.close()?;
            }
        }
        group.close()?;
        Ok(())
    }
}

impl ColumnValues {
    /// Adds the value of a row. `None`: it is not one of this column.
    fn push(&mut self, value: Option<&Value>) -> Option<()> {
        match value {
            Some(value) => self.values.push(value)?,
            None if self.heading.is_required => return None,
            None => {}
        }
        self.levels.push(value.is_some().into());
        Some(())
    }

    fn write(&self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match &self.values {
            Values::Texts(values) => self.write_as::<ByteArrayType>(values, to),
            Values::Decimals(values) => self.write_as::<FixedLenByteArrayType>(values, to),
            Values::Times(values) | Values::Integers(values) => self.write_as::<Int64Type>(values, to),
            Values::Booleans(values) => self.write_as::<BoolType>(values, to),
        }
    }

    fn write_as<T: DataType>(&self, values: &[T::T], to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = (!self.heading.is_required).then_some(&self.levels[..]);
        to.typed::<T>().write_batch(values, levels, None)?;
        Ok(())
    }
}

impl Values {
    fn of(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text => Self::Texts(Vec::new()),
            ColumnType::Decimal => Self::Decimals(Vec::new()),
            ColumnType::Time => Self::Times(Vec::new()),
            ColumnType::Integer => Self::Integers(Vec::new()),
            ColumnType::Boolean => Self::Booleans(Vec::new()),
        }
    }

    fn push(&mut self, value: &Value) -> Option<()> {
        match self {
            Self::Texts(values) => values.push(value.as_str()?.into()),
            Self::Decimals(values) => values.push(decimal(value.as_str()?)?),
            Self::Times(values) => values.push(Timestamp::parse_rfc3339(value.as_str()?)?.0),
            Self::Integers(values) => values.push(value.as_i64()?),
            Self::Booleans(values) => values.push(value.as_bool()?),
        }
        Some(())
    }
}

/// An amount with [`DECIMALS`] as Parquet has it: the digits as a number, the most significant byte first. `None` when it has more.
fn decimal(text: &str) -> Option<FixedLenByteArray> {
    let amount = Decimal::from_str_exact(text).ok()?;
    let digits = amount.mantissa().checked_mul(10_i128.pow(DECIMALS.checked_sub(amount.scale())?))?;
    Some(digits.to_be_bytes().to_vec().into())
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use parquet::{
        file::reader::{FileReader as _, SerializedFileReader},
        record::Field,
    };

    use super::*;

    /// The file that is made of these lines.
    fn made(kind: ExportedKind, lines: &str) -> SerializedFileReader<std::fs::File> {
        let file = tempfile::tempfile().unwrap();
        write(kind, lines.as_bytes(), &file).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    fn line(amount: &str, reference: &str) -> String {
        format!(
            "{{\"partner_id\":\"acme\",\"id\":\"re_1\",\"payment_intent_id\":\"pi_1\",\"reference_id\":{reference},\
             \"upstream_id\":null,\"state\":\"pending\",\"currency\":\"KWD\",\"amount\":\"{amount}\",\"failure_code\":null,\
             \"outcome_unknown\":true,\"revision\":7,\"created_at\":\"2026-11-23T10:00:00Z\",\
             \"updated_at\":\"2026-11-23T10:00:00.25Z\"}}\n"
        )
    }

    #[test]
    fn a_row_reads_back_exactly() {
        let lines = line("99999999.9999", "null") + &line("1.230", "\"order-7\"") + &line("5", "null");
        let file = made(ExportedKind::Refunds, &lines);
        let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let names: Vec<_> = rows[0].get_column_iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ExportedKind::Refunds.headings().iter().map(|it| it.name).collect::<Vec<_>>());
        let cell = |row: usize, name: &str| {
            rows[row].get_column_iter().find(|(of, _)| *of == name).map(|(_, field)| field.clone()).unwrap()
        };
        assert_eq!(cell(0, "reference_id"), Field::Null);
        assert_eq!(cell(1, "reference_id"), Field::Str("order-7".to_owned()));
        assert_eq!(cell(2, "outcome_unknown"), Field::Bool(true));
        assert_eq!(cell(2, "revision"), Field::Long(7));
        assert_eq!(cell(0, "updated_at"), Field::TimestampMicros(1_795_428_000_250_000));
        let amounts: Vec<_> = (0..3).map(|row| cell(row, "amount").to_string()).collect();
        assert_eq!(amounts, ["99999999.9999", "1.2300", "5.0000"]);
    }

    #[test]
    fn rows_are_written_group_by_group() {
        let file = made(ExportedKind::Refunds, &line("1.000", "null").repeat(GROUP + 1));
        let rows: Vec<_> = file.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(rows, [20_000, 1]);
    }

    #[test]
    fn a_file_of_no_rows_has_its_columns() {
        let file = made(ExportedKind::Payments, "");
        assert_eq!(file.metadata().file_metadata().num_rows(), 0);
        let columns = file.metadata().file_metadata().schema_descr().num_columns();
        assert_eq!(columns, ExportedKind::Payments.headings().len());
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_and_never_rounded() {
        for lines in [line("1.00001", "null"), line("1", "7"), "{}".to_owned(), "{".to_owned()] {
            assert!(write(ExportedKind::Refunds, lines.as_bytes(), Vec::new()).is_err(), "{lines}");
        }
    }
}
