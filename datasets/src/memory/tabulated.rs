//! A memory of the user's own, read from a CSV file.
//!
//! `rho(s)` = the table's value at lag s, and 0 after its end.

use std::path::{Path, PathBuf};

use lookback_registry::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MemoryConfig, MemoryFunction, MemoryInfo};

/// `rho(s)` from a CSV file; 0 after the table's end.
///
/// The file is one of
/// - a single column, `rho(0)`, `rho(1)`, ... line by line, with or without a header;
/// - columns with a header that names `rho`, and optionally `lag`: other columns are ignored, and lines with lags
///   may come in any order as long as every lag from 0 to the largest is there once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tabulated {
    /// The CSV file: one column of rho(0), rho(1), ..., or a header with the columns `lag` and `rho`.
    pub path: PathBuf,
    /// The file's SHA-256 in hexadecimal digits; filled in when absent, so that a changed file is noticed.
    pub sha256: Option<String>,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
    /// The table, once [`MemoryConfig::build`] has read it.
    #[serde(skip)]
    pub table: Option<Table>,
}

/// A memory function given by its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    rho: Vec<f64>,
    normalise: bool,
}

impl Table {
    /// The memory function `rho(s) = rho[s]`, 0 after the end.
    ///
    /// # Errors
    /// `rho` is empty or has a value that is not finite.
    pub fn new(rho: Vec<f64>, normalise: bool) -> Result<Self> {
        if rho.is_empty() {
            return Err(Error::invalid("rho", "empty", "a list of at least one value"));
        }
        if let Some(lag) = rho.iter().position(|value| !value.is_finite()) {
            return Err(Error::invalid(&format!("rho({lag})"), rho[lag], "a finite number"));
        }
        Ok(Self { rho, normalise })
    }
}

impl MemoryFunction for Table {
    fn rho(&self, lag: usize) -> f64 {
        self.rho.get(lag).copied().unwrap_or(0.0)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryFunction for Tabulated {
    fn rho(&self, lag: usize) -> f64 {
        self.table.as_ref().expect("`build` has read the table").rho(lag)
    }

    fn normalise(&self) -> bool {
        self.normalise
    }

    fn check_length(&self, _length: usize) -> Result<()> {
        if self.table.is_some() { Ok(()) } else { Err(Error::invalid("table", "empty", "read by `build`")) }
    }
}

impl MemoryConfig for Tabulated {
    const INFO: MemoryInfo = MemoryInfo {
        name: "tabulated",
        title: "Tabulated",
        formula: "rho(s) = the value of a CSV file at lag s, 0 after its end",
        structure: "as given",
        source: "A CSV file of the user's own: one column of rho(0), rho(1), ..., or a header with `lag` and `rho`",
    };

    fn validate(&self) -> Result<()> {
        if self.path.as_os_str().is_empty() {
            let valid = "the path of a CSV file with one column of rho(0), rho(1), ..., or a header with the columns `lag` \
                         and `rho`";
            return Err(Error::invalid("path", "empty", valid));
        }
        Ok(())
    }

    fn build(mut self) -> Result<Self> {
        self.validate()?;
        let path = &self.path;
        let bytes = std::fs::read(path).map_err(|error| Error::io("read the memory table", path, error))?;
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(expected) = self.sha256.as_ref().filter(|expected| **expected != sha256) {
            let message = format!(
                "The memory table `{}` has the SHA-256 {sha256}, but `sha256` is {expected}: the file has changed; restore \
                 it, or leave `sha256` out for a new run.",
                path.display()
            );
            return Err(Error::new(ErrorKind::Mismatch, message).at(path.display()));
        }
        self.table = Some(Table::new(TableFile(path).read(&bytes)?, self.normalise)?);
        self.sha256 = Some(sha256);
        Ok(self)
    }
}

/// A file of a table, by its path, which errors name.
struct TableFile<'a>(&'a Path);

/// The columns of the values.
#[derive(Debug, Clone, Copy)]
struct Columns {
    lag: Option<usize>,
    rho: usize,
}

impl TableFile<'_> {
    /// The table in the CSV text `bytes`.
    fn read(&self, bytes: &[u8]) -> Result<Vec<f64>> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
        let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().map_err(|error| {
            let message = format!("The memory table `{}` is not valid CSV", self.0.display());
            Error::caused(ErrorKind::Corrupt, message, error).at(self.0.display())
        })?;
        let line = |record: &csv::StringRecord| record.position().map_or(0, csv::Position::line);
        let empty = || {
            self.unfit(
                "is empty, but it must have one number per line, rho(0), rho(1), ..., or a header with the columns `lag` and \
                 `rho` and numbers below it.",
            )
        };
        let first = records.first().ok_or_else(empty)?;
        let (first_line, width) = (line(first), first.len());
        let has_header = first.iter().all(|cell| cell.parse::<f64>().is_err());
        let columns = self.columns(first, has_header)?;

        let mut values: Vec<(usize, f64, u64)> = Vec::new();
        for record in &records[usize::from(has_header)..] {
            let line = line(record);
            if record.len() != width {
                let columns = record.len();
                return Err(
                    self.fault(line, &format!("{columns} columns, but it must have {width} as line {first_line} has"))
                );
            }
            let cell = |column: usize, name: &str, valid: &str| {
                self.fault(line, &format!("the {name} `{}`, but it must be {valid}", &record[column]))
            };
            let rho = record[columns.rho].parse::<f64>().ok().filter(|rho| rho.is_finite());
            let rho = rho.ok_or_else(|| cell(columns.rho, "rho", "a finite number"))?;
            let lag = match columns.lag {
                None => values.len(),
                Some(column) => record[column].parse().map_err(|_| cell(column, "lag", "a whole number from 0 up"))?,
            };
            values.push((lag, rho, line));
        }
        // Stable: of two lines with one lag, the later in the file is the duplicate.
        values.sort_by_key(|(lag, ..)| *lag);
        if let Some(place) = values.iter().enumerate().position(|(expected, (lag, ..))| *lag != expected) {
            let (lag, _, line) = values[place];
            let fault = if lag < place {
                format!("which line {} has already", values[place - 1].2)
            } else {
                format!("but no line has the lag {place}")
            };
            let what = format!("the lag {lag}, {fault}; every lag from 0 to the largest must be there once");
            return Err(self.fault(line, &what));
        }
        if values.is_empty() {
            return Err(empty());
        }
        Ok(values.into_iter().map(|(_, rho, _)| rho).collect())
    }

    /// The columns that `first`, the file's first line, announces.
    fn columns(&self, first: &csv::StringRecord, has_header: bool) -> Result<Columns> {
        let position = |name: &str| first.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        let width = first.len();
        match (has_header, position("rho")) {
            (false, _) if width == 1 => Ok(Columns { lag: None, rho: 0 }),
            (false, _) => Err(self.unfit(&format!(
                "has {width} columns and no header, but it must have a single column of rho, or a header with the columns \
                 `lag` and `rho`."
            ))),
            (true, Some(rho)) => Ok(Columns { lag: position("lag"), rho }),
            (true, None) if width == 1 && position("lag").is_none() => Ok(Columns { lag: None, rho: 0 }),
            (true, None) => Err(self.unfit(&format!(
                "has the header `{}`, but it must have a column `rho`, and optionally `lag`.",
                first.iter().collect::<Vec<_>>().join(",")
            ))),
        }
    }

    /// The error that the table as a whole `has` a fault.
    fn unfit(&self, has: &str) -> Error {
        let path = self.0.display();
        Error::new(ErrorKind::Corrupt, format!("The memory table `{path}` {has}")).at(path)
    }

    /// The error that a line has `what`.
    fn fault(&self, line: u64, what: &str) -> Error {
        let path = self.0.display();
        let message = format!("Line {line} of the memory table `{path}` has {what}.");
        Error::new(ErrorKind::Corrupt, message).at(format_args!("{path}:{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    fn table(text: &str) -> Result<Vec<f64>> {
        TableFile(Path::new("rho.csv")).read(text.as_bytes())
    }

    /// The place of a corrupt table.
    fn place(text: &str) -> String {
        let error = table(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        error.place().unwrap().to_owned()
    }

    #[test]
    fn reads_one_column_and_named_columns() {
        for text in [
            "1\n0.5\n-0.25\n",
            "1\r\n\r\n0.5\r\n-0.25",
            "memory\n1\n0.5\n-0.25\n",
            "\u{feff}rho\n1\n0.5\n-0.25\n",
            "lag,rho\n0,1\n1,0.5\n2,-0.25\n",
            " lag , rho \n 2, -0.25\n 0, 1\n 1, 5e-1\n",
            "note,Rho,Lag\na,0.5,1\nb,1,0\nc,-0.25,2\n",
        ] {
            assert_eq!(table(text).unwrap(), [1.0, 0.5, -0.25], "{text:?}");
        }
    }

    #[test]
    fn is_zero_after_its_end() {
        let function = Table::new(vec![2.0, 1.0], false).unwrap();
        assert_eq!(function.memory(4).unwrap(), [2.0, 1.0, 0.0, 0.0]);
        assert_eq!(function.memory(1).unwrap(), [2.0]);
    }

    #[test]
    fn faults_are_told_with_their_line() {
        // Values that are no finite numbers, and lines of another width.
        for value in ["NaN", "inf", "1e999", "abc", ""] {
            assert_eq!(place(&format!("lag,rho\n0,1\n1,{value}\n")), "rho.csv:3");
        }
        for (text, line) in
            [("1\nNaN\n", 2), ("NaN\n1\n", 1), ("lag,rho\n0,1\n1\n", 3), ("1\n2,3\n", 2), ("lag,rho\n0,1\n-1,1\n", 3)]
        {
            assert_eq!(place(text), format!("rho.csv:{line}"), "{text}");
        }
        // Lags that are missing or come twice.
        for (text, expected) in [
            (
                "lag,rho\n0,1\n1,1\n1,2\n",
                "Line 4 of the memory table `rho.csv` has the lag 1, which line 3 has already",
            ),
            ("lag,rho\n0,1\n2,1\n", "Line 3 of the memory table `rho.csv` has the lag 2, but no line has the lag 1"),
        ] {
            let end = "every lag from 0 to the largest must be there once.";
            assert_eq!(table(text).unwrap_err().to_string(), format!("{expected}; {end}"));
        }
    }

    #[test]
    fn empty_tables_and_columns_without_a_name_are_errors() {
        for text in ["", "\n\n", "rho\n", "lag,rho\n"] {
            assert!(
                table(text).unwrap_err().to_string().starts_with("The memory table `rho.csv` is empty, but it must")
            );
        }
        for text in ["0,1\n1,0.5\n", "time,value\n0,1\n"] {
            assert_eq!(place(text), "rho.csv");
        }
    }

    #[test]
    fn files_that_cannot_be_read_are_errors() {
        assert_eq!(refused(Tabulated::default().build()), "path");
        assert_eq!(refused(Tabulated { path: "rho.csv".into(), ..Default::default() }.memory(2)), "table");
        let error = Tabulated { path: "no/such.csv".into(), ..Default::default() }.build().unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::NotFound, Some("no/such.csv")));
        assert!(error.chain().starts_with("Cannot read the memory table `no/such.csv`: "), "{}", error.chain());
        let error = TableFile(Path::new("rho.csv")).read(b"1\n\xff\n").unwrap_err();
        assert!(error.chain().starts_with("The memory table `rho.csv` is not valid CSV: "), "{}", error.chain());
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rho.csv");
        std::fs::write(&path, "1\n2\n").unwrap();
        let config = Tabulated { path: path.clone(), ..Default::default() }.build().unwrap();
        assert_eq!(config.memory(2).unwrap(), [1.0, 2.0]);
        std::fs::write(&path, "1\n3\n").unwrap();
        let error = config.build().unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::Mismatch, path.to_str()));
    }
}
