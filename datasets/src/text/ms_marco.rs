//! The files of MS MARCO's passage ranking: queries, collection and relevance, a row each.

use std::io::{self, BufRead, Read};
use std::path::Path;

use lookback_registry::{Error, ErrorKind, Result};

/// The longest row, in bytes without the end of its line.
const MOST_BYTES: usize = 1 << 20;
/// A valid row of queries or of the collection.
const TEXT_ROW: &str = "a number, a tab and a text, such as `42\\thow far is the moon`";
/// A valid row of relevances.
const QRELS_ROW: &str =
    "a query's number, 0, a passage's number and its relevance between tabs or spaces, such as `42 0 7 1`";

/// Reads queries or a collection, rows of a number, a tab and a text, and hands each to `visit`, which says whether to go
/// on; `file` names it in errors. Rows that are malformed, or that `visit` finds fault with, are skipped where `lenient`.
///
/// Gives the number of skipped rows.
///
/// # Errors
/// A row is malformed and `lenient` is false (the message names file and line, and a valid row), or reading fails.
pub fn read_texts(
    reader: impl BufRead,
    file: impl AsRef<Path>,
    lenient: bool,
    mut visit: impl FnMut(u64, &str) -> Result<bool, String>,
) -> Result<usize> {
    read_rows(reader, file.as_ref(), lenient, TEXT_ROW, |row| {
        let (number, text) = row.split_once('\t').ok_or("has no tab")?;
        let number = whole(number)?;
        if text.trim().is_empty() {
            return Err("has no text".into());
        }
        visit(number, text)
    })
}

/// Reads relevances, rows of a query's number, 0, a passage's number and its relevance, and hands the two numbers of each
/// to `visit` where the relevance is above 0. The rest is as in [`read_texts`].
///
/// # Errors
/// As [`read_texts`].
pub fn read_qrels(
    reader: impl BufRead,
    file: impl AsRef<Path>,
    lenient: bool,
    mut visit: impl FnMut(u64, u64) -> Result<bool, String>,
) -> Result<usize> {
    read_rows(reader, file.as_ref(), lenient, QRELS_ROW, |row| {
        let columns: Vec<&str> = row.split_ascii_whitespace().collect();
        let [query, _, passage, relevance] = columns[..] else {
            return Err(format!("has {} columns instead of 4", columns.len()));
        };
        let (query, passage) = (whole(query)?, whole(passage)?);
        let relevance: i64 = relevance.parse().map_err(|_| format!("has the relevance {}", shown(relevance)))?;
        if relevance > 0 { visit(query, passage) } else { Ok(true) }
    })
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("has {} where a whole number must be", shown(text)))
}

/// A piece of a row, short enough for a message.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(20).collect();
    format!("`{}{}`", short.escape_debug(), if short.len() < text.len() { ".." } else { "" })
}

/// Hands each row to `parse`, which tells the fault of a malformed one.
fn read_rows(
    mut reader: impl BufRead,
    file: &Path,
    lenient: bool,
    valid: &str,
    mut parse: impl FnMut(&str) -> Result<bool, String>,
) -> Result<usize> {
    // The longest row and the end of its line.
    let most = MOST_BYTES + 2;
    let file = file.display();
    let mut skipped = 0;
    let mut bytes = Vec::new();
    for line in 1_usize.. {
        let failed = |error: io::Error| {
            let message = format!("Cannot read line {line} of `{file}`");
            Error::caused(ErrorKind::Io, message, error).at(format_args!("{file}:{line}"))
        };
        bytes.clear();
        let read = reader.by_ref().take(most as u64).read_until(b'\n', &mut bytes).map_err(failed)?;
        if read == 0 {
            break;
        }
        if read == most && bytes.last() != Some(&b'\n') {
            skip_line(&mut reader).map_err(failed)?;
        }
        let row = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        let outcome = if row.len() > MOST_BYTES {
            Err(format!("has more than {MOST_BYTES} bytes"))
        } else {
            match std::str::from_utf8(row) {
                Ok(row) => parse(row),
                Err(error) => Err(format!("is not UTF-8 from its byte {} on, counted from 0", error.valid_up_to())),
            }
        };
        match outcome {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) if lenient => skipped += 1,
            Err(fault) => {
                let message = format!(
                    "Line {line} of `{file}` {fault}; a valid row is {valid}. `lenient` (of `bench`: --lenient) skips and counts \
                     such rows."
                );
                return Err(Error::new(ErrorKind::Corrupt, message).at(format_args!("{file}:{line}")));
            }
        }
    }
    Ok(skipped)
}

/// Reads up to the end of the line and keeps nothing.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, done) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        reader.consume(used);
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8], lenient: bool) -> Result<(Vec<(u64, String)>, usize)> {
        let mut rows = Vec::new();
        let skipped = read_texts(bytes, "queries.tsv", lenient, |number, text| {
            rows.push((number, text.to_owned()));
            Ok(true)
        })?;
        Ok((rows, skipped))
    }

    fn assert_fault(error: &Error, place: &str, fault: &str) {
        assert_eq!((error.kind(), error.place()), (ErrorKind::Corrupt, Some(place)));
        assert!(error.to_string().contains(&format!("` {fault}; a valid row is ")), "{error}");
    }

    #[test]
    fn rows_are_read_as_they_are() {
        let (rows, skipped) = texts(b"3\ta b\tc\r\n18446744073709551615\t \xc3\xa9", false).unwrap();
        assert_eq!(rows, [(3, "a b\tc".to_owned()), (u64::MAX, " \u{e9}".to_owned())]);
        assert_eq!(skipped, 0);
        assert_eq!(texts(b"", false).unwrap(), (Vec::new(), 0));
    }

    #[test]
    fn malformed_rows_of_texts_say_where_and_what_is_valid() {
        for (bytes, line, fault) in [
            (&b"1\tone\n2 two\n"[..], 2, "has no tab"),
            (b"\n", 1, "has no tab"),
            (b"1\tone\n2\ttwo\nthree\tx\n", 3, "has `three` where a whole number must be"),
            (b"-1\tone\n", 1, "has `-1` where a whole number must be"),
            (b"a number of many words\tone\n", 1, "has `a number of many wor..` where a whole number must be"),
            (b"1\tone\n2\t \n", 2, "has no text"),
            (b"1\tone\n2\tcaf\xe9 x\n", 2, "is not UTF-8 from its byte 5 on, counted from 0"),
        ] {
            assert_fault(&texts(bytes, false).unwrap_err(), &format!("queries.tsv:{line}"), fault);
        }
        assert_eq!(
            texts(b"\n", false).unwrap_err().to_string(),
            "Line 1 of `queries.tsv` has no tab; a valid row is a number, a tab and a text, such as `42\\thow far is the moon`. \
             `lenient` (of `bench`: --lenient) skips and counts such rows."
        );
        let long = [b"1\tone\n2\t", vec![b'x'; MOST_BYTES + 7].as_slice(), b"\n3\tthree\n"].concat();
        assert_fault(&texts(&long, false).unwrap_err(), "queries.tsv:2", "has more than 1048576 bytes");
        assert_eq!(texts(&long, true).unwrap(), (vec![(1, "one".into()), (3, "three".into())], 1));
    }

    #[test]
    fn the_longest_row_ends_as_others_do() {
        let read = |length: usize, end: &str| {
            let bytes = [&b"2\t"[..], &vec![b'x'; length - 2], end.as_bytes(), b"3\tthree"].concat();
            let (rows, skipped) = texts(&bytes, true).unwrap();
            (rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), skipped)
        };
        for end in ["\n", "\r\n"] {
            assert_eq!(read(MOST_BYTES, end), (vec![2, 3], 0));
            assert_eq!(read(MOST_BYTES + 1, end), (vec![3], 1));
        }
    }

    #[test]
    fn reading_that_fails_says_where() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let reader = io::BufReader::new((&b"1\tone\n2\t"[..]).chain(Broken));
        let error = read_texts(reader, "queries.tsv", true, |_, _| Ok(true)).unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::Io, Some("queries.tsv:2")));
        assert_eq!(error.chain(), "Cannot read line 2 of `queries.tsv`: the disk is gone");
    }

    #[test]
    fn lenient_reading_skips_and_counts() {
        let bytes = b"x\n1\tone\n\xff\xfe\n2\t\n3\tthree\n\n4\tfour";
        let (rows, skipped) = texts(bytes, true).unwrap();
        assert_eq!(rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(skipped, 4);
    }

    #[test]
    fn relevances_come_with_tabs_or_spaces() {
        let read = |text: &str, lenient| {
            let mut rows = Vec::new();
            let skipped = read_qrels(text.as_bytes(), "qrels.tsv", lenient, |query, passage| {
                rows.push((query, passage));
                Ok(true)
            })?;
            Ok::<_, Error>((rows, skipped))
        };
        assert_eq!(
            read("1\t0\t10\t1\n2 0  20 1\n3 0 30 0\r\n4 Q0 40 2\n", false).unwrap().0,
            [(1, 10), (2, 20), (4, 40)]
        );
        for (text, line, fault) in [
            ("1 0 10\n", 1, "has 3 columns instead of 4"),
            ("1 0 10 1\n\n", 2, "has 0 columns instead of 4"),
            ("1 0 D10 1\n", 1, "has `D10` where a whole number must be"),
            ("1 0 10 yes\n", 1, "has the relevance `yes`"),
        ] {
            assert_fault(&read(text, false).unwrap_err(), &format!("qrels.tsv:{line}"), fault);
            assert_eq!(read(text, true).unwrap().1, 1);
        }
        assert!(read("\n", false).unwrap_err().to_string().contains(QRELS_ROW));
    }

    #[test]
    fn a_reader_stops_where_it_is_told() {
        let mut seen = 0;
        let visit = |_, _: &str| {
            seen += 1;
            Ok(seen < 2)
        };
        assert_eq!(read_texts(&b"1\ta\n2\tb\nmalformed"[..], "x", false, visit).unwrap(), 0);
        assert_eq!(seen, 2);
    }
}
