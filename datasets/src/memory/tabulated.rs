//! A memory of the user's own, read from a CSV file.
//!
//! `rho(s)` = the table's value at lag s, and 0 after its end.

use std::path::Path;

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
///   may stand in any order as long as every lag from 0 to the largest is there once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tabulated {
    /// The CSV file: one column of rho(0), rho(1), ..., or a header with the columns `lag` and `rho`.
    pub path: String,
    /// The file's SHA-256 in hexadecimal digits; filled in when absent, so that a changed file is noticed.
    pub sha256: Option<String>,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
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
            return Err(Error::new(
                ErrorKind::Corrupt,
                "The memory table is empty, but it must have one value at least.",
            ));
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

impl Tabulated {
    /// The file's bytes and their SHA-256, which must be the one that the parameters give, if any.
    fn read(&self) -> Result<(Vec<u8>, String)> {
        let path = &self.path;
        let bytes = std::fs::read(Path::new(path)).map_err(|error| {
            Error::caused(ErrorKind::Corrupt, format!("The memory table `{path}` cannot be read"), error)
        })?;
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        match &self.sha256 {
            Some(expected) if *expected != sha256 => Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "The memory table `{path}` has the SHA-256 {sha256}, but `sha256` is {expected}: the file has changed; \
                 restore it, or leave `sha256` out for a new run."
                ),
            )),
            _ => Ok((bytes, sha256)),
        }
    }
}

impl MemoryConfig for Tabulated {
    const INFO: MemoryInfo = MemoryInfo {
        name: "tabulated",
        title: "Tabulated",
        formula: "rho(s) = the value of a CSV file at lag s, 0 after its end",
        structure: "as given",
        source: "A CSV file of the user's own: one column of rho(0), rho(1), ..., or a header with `lag` and `rho`",
        alphas: &[],
    };
    type Function = Table;

    fn validate(&self) -> Result<()> {
        if self.path.is_empty() {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "`path` is empty, but it must be the path of a CSV file with one column of rho(0), rho(1), ..., or a \
                 header with the columns `lag` and `rho`.",
            ));
        }
        Ok(())
    }

    fn resolve(mut self) -> Result<Self> {
        self.validate()?;
        self.sha256 = Some(self.read()?.1);
        Ok(self)
    }

    fn build(self) -> Result<Table> {
        self.validate()?;
        let (bytes, _) = self.read()?;
        Table::new(read_table(&self.path, &bytes)?, self.normalise)
    }
}

/// Where the values stand in a line.
#[derive(Debug, Clone, Copy)]
struct Columns {
    lag: Option<usize>,
    rho: usize,
}

/// The table in the CSV text `bytes`; `path` is for messages.
fn read_table(path: &str, bytes: &[u8]) -> Result<Vec<f64>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut records = Vec::new();
    for record in reader.records() {
        records.push(record.map_err(|error| {
            Error::caused(ErrorKind::Corrupt, format!("The memory table `{path}` is not valid CSV"), error)
        })?);
    }
    let line = |record: &csv::StringRecord| record.position().map_or(0, csv::Position::line);
    let empty = || {
        Error::new(
            ErrorKind::Corrupt,
            format!(
                "The memory table `{path}` is empty, but it must have one number per line, rho(0), rho(1), ..., or a \
             header with the columns `lag` and `rho` and numbers below it."
            ),
        )
    };
    let first = records.first().ok_or_else(empty)?;
    let (first_line, width) = (line(first), first.len());
    let has_header = first.iter().all(|cell| cell.parse::<f64>().is_err());
    let columns = columns(path, first, has_header)?;

    let mut values: Vec<(usize, f64, u64)> = Vec::new();
    for record in &records[usize::from(has_header)..] {
        let line = line(record);
        if record.len() != width {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "Line {line} of the memory table `{path}` has {} columns, but it must have {width} as line \
                 {first_line} has.",
                    record.len()
                ),
            ));
        }
        let rho = record[columns.rho].parse::<f64>().ok().filter(|rho| rho.is_finite()).ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                format!(
                    "Line {line} of the memory table `{path}` has the rho `{}`, but it must be a finite number.",
                    &record[columns.rho]
                ),
            )
        })?;
        let lag = match columns.lag {
            None => values.len(),
            Some(column) => record[column].parse::<usize>().map_err(|_| {
                Error::new(ErrorKind::Corrupt, format!(
                    "Line {line} of the memory table `{path}` has the lag `{}`, but it must be a whole number from 0 \
                     up.",
                    &record[column]
                ))
            })?,
        };
        values.push((lag, rho, line));
    }
    // Stable: of two lines with one lag, the later in the file is the duplicate.
    values.sort_by_key(|(lag, ..)| *lag);
    for (expected, (lag, _, line)) in values.iter().enumerate() {
        if *lag < expected {
            let before = values[expected - 1].2;
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "Line {line} of the memory table `{path}` has the lag {lag}, which line {before} has already; every \
                 lag from 0 to the largest must be there once."
                ),
            ));
        }
        if *lag > expected {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "Line {line} of the memory table `{path}` has the lag {lag}, but no line has the lag {expected}; \
                 every lag from 0 to the largest must be there once."
                ),
            ));
        }
    }
    if values.is_empty() {
        return Err(empty());
    }
    Ok(values.into_iter().map(|(_, rho, _)| rho).collect())
}

/// The columns that `first`, the file's first line, announces.
fn columns(path: &str, first: &csv::StringRecord, has_header: bool) -> Result<Columns> {
    let position = |name: &str| first.iter().position(|cell| cell.eq_ignore_ascii_case(name));
    if !has_header {
        return match first.len() {
            1 => Ok(Columns { lag: None, rho: 0 }),
            width => Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "The memory table `{path}` has {width} columns and no header, but it must have a single column of \
                 rho, or a header with the columns `lag` and `rho`."
                ),
            )),
        };
    }
    match (position("rho"), first.len()) {
        (Some(rho), _) => Ok(Columns { lag: position("lag"), rho }),
        (None, 1) if position("lag").is_none() => Ok(Columns { lag: None, rho: 0 }),
        (None, _) => Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "The header of the memory table `{path}` is `{}`, but it must have a column `rho`, and optionally `lag`.",
                first.iter().collect::<Vec<_>>().join(",")
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Vec<f64>> {
        read_table("rho.csv", text.as_bytes())
    }

    fn message(text: &str) -> String {
        table(text).unwrap_err().to_string()
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
    fn empty_tables_are_errors() {
        for text in ["", "\n\n", "rho\n", "lag,rho\n"] {
            assert_eq!(
                message(text),
                "The memory table `rho.csv` is empty, but it must have one number per line, rho(0), rho(1), ..., or a \
                 header with the columns `lag` and `rho` and numbers below it."
            );
        }
    }

    #[test]
    fn values_that_are_no_finite_numbers_are_errors() {
        for value in ["NaN", "inf", "1e999", "abc", ""] {
            assert_eq!(
                message(&format!("lag,rho\n0,1\n1,{value}\n")),
                format!("Line 3 of the memory table `rho.csv` has the rho `{value}`, but it must be a finite number.")
            );
        }
        assert_eq!(
            message("1\nNaN\n"),
            "Line 2 of the memory table `rho.csv` has the rho `NaN`, but it must be a finite number."
        );
        assert_eq!(
            message("NaN\n1\n"),
            "Line 1 of the memory table `rho.csv` has the rho `NaN`, but it must be a finite number."
        );
    }

    #[test]
    fn ragged_tables_are_errors() {
        assert_eq!(
            message("lag,rho\n0,1\n1\n"),
            "Line 3 of the memory table `rho.csv` has 1 columns, but it must have 2 as line 1 has."
        );
        assert_eq!(
            message("1\n2,3\n"),
            "Line 2 of the memory table `rho.csv` has 2 columns, but it must have 1 as line 1 has."
        );
    }

    #[test]
    fn bad_lags_are_errors() {
        assert_eq!(
            message("lag,rho\n0,1\n1,1\n1,2\n"),
            "Line 4 of the memory table `rho.csv` has the lag 1, which line 3 has already; every lag from 0 to the \
             largest must be there once."
        );
        assert_eq!(
            message("lag,rho\n0,1\n2,1\n"),
            "Line 3 of the memory table `rho.csv` has the lag 2, but no line has the lag 1; every lag from 0 to the \
             largest must be there once."
        );
        assert_eq!(
            message("lag,rho\n0,1\n-1,1\n"),
            "Line 3 of the memory table `rho.csv` has the lag `-1`, but it must be a whole number from 0 up."
        );
    }

    #[test]
    fn columns_are_never_guessed() {
        assert_eq!(
            message("0,1\n1,0.5\n"),
            "The memory table `rho.csv` has 2 columns and no header, but it must have a single column of rho, or a \
             header with the columns `lag` and `rho`."
        );
        assert_eq!(
            message("time,value\n0,1\n"),
            "The header of the memory table `rho.csv` is `time,value`, but it must have a column `rho`, and \
             optionally `lag`."
        );
    }

    #[test]
    fn files_that_cannot_be_read_are_errors() {
        assert!(
            Tabulated::default()
                .build()
                .unwrap_err()
                .to_string()
                .starts_with("`path` is empty, but it must be the path")
        );
        let error = Tabulated { path: "no/such.csv".into(), ..Default::default() }.build().unwrap_err();
        assert!(error.chain().starts_with("The memory table `no/such.csv` cannot be read: "), "{}", error.chain());
        let error = read_table("rho.csv", b"1\n\xff\n").unwrap_err();
        assert!(error.chain().starts_with("The memory table `rho.csv` is not valid CSV: "), "{}", error.chain());
    }

    #[test]
    fn a_changed_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rho.csv");
        std::fs::write(&path, "1\n2\n").unwrap();
        let config = Tabulated { path: path.to_str().unwrap().into(), ..Default::default() }.resolve().unwrap();
        assert_eq!(config.clone().build().unwrap().memory(2).unwrap(), [1.0, 2.0]);
        std::fs::write(&path, "1\n3\n").unwrap();
        assert!(config.build().unwrap_err().to_string().contains("the file has changed"));
    }
}
