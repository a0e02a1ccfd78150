//! Results as files for programs: CSV and Parquet, one row per run.

use std::collections::HashSet;
use std::sync::Arc;

use lookback_registry::{Error, ErrorKind, Result};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

/// What a column holds; any cell may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integers.
    Int,
    /// 64-bit floating-point numbers.
    Float,
    /// True or false.
    Bool,
}

/// A column: its title and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The title, unique in its table.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl Column {
    /// A column of this name and kind.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not known, or not applicable.
    Null,
    /// A cell of a [`Kind::Text`] column.
    Text(String),
    /// A cell of a [`Kind::Int`] column.
    Int(i64),
    /// A cell of a [`Kind::Float`] column.
    Float(f64),
    /// A cell of a [`Kind::Bool`] column.
    Bool(bool),
}

/// A typed table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultsTable {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, with as many cells of the columns' kinds.
    pub rows: Vec<Vec<Cell>>,
}

impl ResultsTable {
    /// Checks that titles are unique, and that every row has the columns' number and kinds of cells.
    ///
    /// # Errors
    /// Names the column, or the row (counted from 1) and its column.
    pub fn validate(&self) -> Result<()> {
        let mut names = HashSet::new();
        if let Some(column) = self.columns.iter().find(|column| !names.insert(&column.name)) {
            return Err(Error::new(
                ErrorKind::Failed,
                format!("The results have two columns named `{}`.", column.name),
            ));
        }
        for (index, row) in self.rows.iter().enumerate() {
            if row.len() != self.columns.len() {
                return Err(Error::new(
                    ErrorKind::Failed,
                    format!(
                        "Row {} of the results has {} cells, but there are {} columns.",
                        index + 1,
                        row.len(),
                        self.columns.len()
                    ),
                ));
            }
            for (column, value) in self.columns.iter().zip(row) {
                let fits = match value {
                    Cell::Null => true,
                    Cell::Text(_) => column.kind == Kind::Text,
                    Cell::Int(_) => column.kind == Kind::Int,
                    Cell::Float(_) => column.kind == Kind::Float,
                    Cell::Bool(_) => column.kind == Kind::Bool,
                };
                if !fits {
                    return Err(Error::new(
                        ErrorKind::Failed,
                        format!(
                            "Row {} of the results has {value:?} in column `{}`, which holds {:?}.",
                            index + 1,
                            column.name,
                            column.kind
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The table as CSV (RFC 4180, UTF-8, a header, `\n`): absent cells are empty, floats the shortest text that
    /// reads back to the same number, or `NaN`, `inf`, `-inf`.
    ///
    /// # Errors
    /// The table is not valid.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        self.validate()?;
        let failed =
            |error: csv::Error| Error::caused(ErrorKind::Failed, "The results cannot be written as CSV", error);
        let mut writer = csv::Writer::from_writer(vec![]);
        if !self.columns.is_empty() {
            writer.write_record(self.columns.iter().map(|column| &column.name)).map_err(failed)?;
            for row in &self.rows {
                writer.write_record(row.iter().map(text)).map_err(failed)?;
            }
        }
        writer.into_inner().map_err(|error| {
            Error::caused(ErrorKind::Failed, "The results cannot be written as CSV", error.into_error())
        })
    }

    /// The table as Parquet: one row group, optional columns of type string, int64 and double, not compressed.
    /// The same table gives the same bytes.
    ///
    /// # Errors
    /// The table is not valid, or has no column.
    pub fn to_parquet(&self) -> Result<Vec<u8>> {
        self.validate()?;
        if self.columns.is_empty() {
            return Err(Error::new(ErrorKind::Failed, "The results have no column, and Parquet needs at least one."));
        }
        encode(self)
            .map_err(|error| Error::caused(ErrorKind::Failed, "The results cannot be written as Parquet", error))
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Int(number) => number.to_string(),
        Cell::Float(number) => format!("{number:?}"),
        Cell::Bool(value) => value.to_string(),
    }
}

fn encode(table: &ResultsTable) -> Result<Vec<u8>, ParquetError> {
    let fields = table.columns.iter().map(|column| {
        let (physical, logical) = match column.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Int => (Physical::INT64, None),
            Kind::Float => (Physical::DOUBLE, None),
            Kind::Bool => (Physical::BOOLEAN, None),
        };
        Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder("results").with_fields(fields).build()?);
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_created_by("lookback".into())
        .build();
    let mut writer = SerializedFileWriter::new(vec![], schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let mut index = 0;
    while let Some(column) = group.next_column()? {
        encode_column(column, table, index)?;
        index += 1;
    }
    group.close()?;
    writer.into_inner()
}

fn encode_column(
    mut writer: SerializedColumnWriter<'_>,
    table: &ResultsTable,
    index: usize,
) -> Result<(), ParquetError> {
    let cells = || table.rows.iter().map(|row| &row[index]);
    // Definition levels: 1 where there is a value.
    let levels: Vec<i16> = cells().map(|cell| i16::from(*cell != Cell::Null)).collect();
    match table.columns[index].kind {
        Kind::Text => {
            let values = cells().filter_map(|cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                _ => None,
            });
            writer.typed::<ByteArrayType>().write_batch(&values.collect::<Vec<_>>(), Some(&levels), None)?;
        }
        Kind::Int => {
            let values = cells().filter_map(|cell| match cell {
                Cell::Int(number) => Some(*number),
                _ => None,
            });
            writer.typed::<Int64Type>().write_batch(&values.collect::<Vec<_>>(), Some(&levels), None)?;
        }
        Kind::Float => {
            let values = cells().filter_map(|cell| match cell {
                Cell::Float(number) => Some(*number),
                _ => None,
            });
            writer.typed::<DoubleType>().write_batch(&values.collect::<Vec<_>>(), Some(&levels), None)?;
        }
        Kind::Bool => {
            let values = cells().filter_map(|cell| match cell {
                Cell::Bool(value) => Some(*value),
                _ => None,
            });
            writer.typed::<BoolType>().write_batch(&values.collect::<Vec<_>>(), Some(&levels), None)?;
        }
    }
    writer.close()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    fn table() -> ResultsTable {
        let text = |text: &str| Cell::Text(text.into());
        ResultsTable {
            columns: vec![
                Column::new("memory", Kind::Text),
                Column::new("seed", Kind::Int),
                Column::new("nmse", Kind::Float),
            ],
            rows: vec![
                vec![text("impulse, \"α\" = 32\n"), Cell::Int(i64::MIN), Cell::Float(1.0 / 3.0)],
                vec![Cell::Null, Cell::Null, Cell::Null],
                vec![text(""), Cell::Int(0), Cell::Float(f64::INFINITY)],
                vec![text("airy"), Cell::Int(7), Cell::Float(5e-324)],
            ],
        }
    }

    fn read_parquet(bytes: &[u8]) -> Vec<Vec<Cell>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let row = |row: parquet::record::Row| {
            let value = |(_, field): (&String, &Field)| match field {
                Field::Null => Cell::Null,
                Field::Str(text) => Cell::Text(text.clone()),
                Field::Long(number) => Cell::Int(*number),
                Field::Double(number) => Cell::Float(*number),
                other => panic!("{other:?}"),
            };
            row.get_column_iter().map(value).collect()
        };
        reader.get_row_iter(None).unwrap().map(|read| row(read.unwrap())).collect()
    }

    #[test]
    fn parquet_reads_back_the_same_and_repeats_byte_for_byte() {
        let table = table();
        let bytes = table.to_parquet().unwrap();
        assert_eq!(bytes, table.to_parquet().unwrap());
        assert_eq!(read_parquet(&bytes), table.rows);
        let empty = ResultsTable { rows: vec![], ..table };
        assert!(read_parquet(&empty.to_parquet().unwrap()).is_empty());
    }

    #[test]
    fn csv_reads_back_the_same() {
        let table = table();
        let bytes = table.to_csv().unwrap();
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap(), vec!["memory", "seed", "nmse"]);
        let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows[0].get(0), Some("impulse, \"α\" = 32\n"));
        assert_eq!(rows[0][2].parse::<f64>().unwrap(), 1.0 / 3.0);
        assert_eq!(rows[1], vec!["", "", ""]);
        assert_eq!(&rows[3][2], "5e-324");
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let mut twice = table();
        twice.columns[1].name = "memory".into();
        assert_eq!(twice.to_csv().unwrap_err().to_string(), "The results have two columns named `memory`.");
        let mut short = table();
        short.rows[1].pop();
        assert_eq!(
            short.to_parquet().unwrap_err().to_string(),
            "Row 2 of the results has 2 cells, but there are 3 columns."
        );
        let mut mixed = table();
        mixed.rows[0][1] = Cell::Float(1.0);
        assert_eq!(
            mixed.to_csv().unwrap_err().to_string(),
            "Row 1 of the results has Float(1.0) in column `seed`, which holds Int."
        );
    }
}
