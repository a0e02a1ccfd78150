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
    /// Truth values.
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

impl Cell {
    /// The kind of columns that it fits in; any where it is absent.
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Null => None,
            Self::Text(_) => Some(Kind::Text),
            Self::Int(_) => Some(Kind::Int),
            Self::Float(_) => Some(Kind::Float),
            Self::Bool(_) => Some(Kind::Bool),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Bool(value) => value.to_string(),
        }
    }
}

impl ResultsTable {
    /// Checks that titles are unique, and that every row has the columns' number and kinds of cells.
    ///
    /// # Errors
    /// Names the column, or the row (counted from 1) and its column.
    pub fn validate(&self) -> Result<()> {
        let refused = |sentence: String| Err(Error::new(ErrorKind::Failed, sentence));
        let mut names = HashSet::new();
        if let Some(Column { name, .. }) = self.columns.iter().find(|column| !names.insert(&column.name)) {
            return refused(format!("The results have two columns named `{name}`."));
        }
        for (number, row) in (1..).zip(&self.rows) {
            let (cells, columns) = (row.len(), self.columns.len());
            if cells != columns {
                let sentence =
                    format!("Row {number} of the results has {cells} cells, but there are {columns} columns.");
                return refused(sentence);
            }
            let mut pairs = self.columns.iter().zip(row);
            if let Some((Column { name, kind }, cell)) =
                pairs.find(|(column, cell)| cell.kind().is_some_and(|kind| kind != column.kind))
            {
                return refused(format!(
                    "Row {number} of the results has {cell:?} in column `{name}`, which holds {kind:?}."
                ));
            }
        }
        Ok(())
    }

    /// The table as CSV (RFC 4180, UTF-8, a header, `\n`): absent cells are empty, floats the shortest text that
    /// reads back to the same number, or `NaN`, `inf`, `-inf`; truth values `true` or `false`.
    ///
    /// # Errors
    /// The table is not valid.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        self.validate()?;
        let mut writer = csv::Writer::from_writer(vec![]);
        let write = |writer: &mut csv::Writer<Vec<u8>>| {
            writer.write_record(self.columns.iter().map(|column| &column.name))?;
            self.rows.iter().try_for_each(|row| writer.write_record(row.iter().map(Cell::text)))
        };
        if !self.columns.is_empty() {
            write(&mut writer)
                .map_err(|error| Error::caused(ErrorKind::Failed, "The results cannot be written as CSV", error))?;
        }
        Ok(writer.into_inner().expect("memory can be written to"))
    }

    /// The table as Parquet: one row group, optional columns of type string, int64, double and boolean, not compressed.
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
    macro_rules! write {
        ($cell:path, $physical:ty, $value:expr) => {{
            let values = cells().filter_map(|cell| if let $cell(value) = cell { Some($value(value)) } else { None });
            writer.typed::<$physical>().write_batch(&values.collect::<Vec<_>>(), Some(&levels), None)?
        }};
    }
    match table.columns[index].kind {
        Kind::Text => write!(Cell::Text, ByteArrayType, |text: &String| ByteArray::from(text.as_str())),
        Kind::Int => write!(Cell::Int, Int64Type, |number: &i64| *number),
        Kind::Float => write!(Cell::Float, DoubleType, |number: &f64| *number),
        Kind::Bool => write!(Cell::Bool, BoolType, |value: &bool| *value),
    };
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
                Column::new("causal", Kind::Bool),
            ],
            rows: vec![
                vec![text("impulse, \"α\" = 32\n"), Cell::Int(i64::MIN), Cell::Float(1.0 / 3.0), Cell::Bool(true)],
                vec![Cell::Null, Cell::Null, Cell::Null, Cell::Null],
                vec![text(""), Cell::Int(0), Cell::Float(f64::INFINITY), Cell::Bool(false)],
                vec![text("airy"), Cell::Int(7), Cell::Float(5e-324), Cell::Null],
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
                Field::Bool(value) => Cell::Bool(*value),
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
        assert_eq!(reader.headers().unwrap(), vec!["memory", "seed", "nmse", "causal"]);
        let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows[0].get(0), Some("impulse, \"α\" = 32\n"));
        assert_eq!(rows[0][2].parse::<f64>().unwrap(), 1.0 / 3.0);
        assert_eq!(rows[1], vec!["", "", "", ""]);
        assert_eq!((&rows[0][3], &rows[2][3]), ("true", "false"));
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
            "Row 2 of the results has 3 cells, but there are 4 columns."
        );
        let mut mixed = table();
        mixed.rows[0][1] = Cell::Float(1.0);
        assert_eq!(
            mixed.to_csv().unwrap_err().to_string(),
            "Row 1 of the results has Float(1.0) in column `seed`, which holds Int."
        );
    }
}
