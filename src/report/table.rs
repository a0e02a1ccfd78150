//! Tables in the terminal and in Markdown.

use std::collections::HashSet;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment};
use lookback_benchmarks::Table;
use lookback_benchmarks::experiment::evidence::brief;

/// Blanks between two columns.
const GAP: usize = 2;
/// Texts of up to so many characters are never wrapped.
const SHORT: usize = 12;

/// `table` as text: numbers to the right and to two digits, no line longer for its trailing blanks, no colour.
///
/// Where a `width` is given, no line is longer: column titles wrap, then long texts, and columns for which there still is no
/// room go on below, each part beside the first columns, which tell the rows apart. Words and numbers are never broken, so
/// a line is too long only where its longest words are.
pub fn terminal_table(table: &Table, width: Option<usize>) -> String {
    let brief = |row: &Vec<String>| row.iter().map(|cell| short(cell)).collect();
    let table = Table { rows: table.rows.iter().map(brief).collect(), ..table.clone() };
    let columns: Vec<Widths> = (0..table.columns.len()).map(|column| Widths::of(&table, column)).collect();
    let parts = parts(&columns, keys(&table), width.unwrap_or(usize::MAX));
    parts.iter().map(|part| drawn(&table, part)).collect::<Vec<_>>().join("\n\n")
}

/// The lines of `text` of at most `width` characters, broken between words.
pub fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let width = width.unwrap_or(usize::MAX);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if length(line).saturating_add(1 + length(word)) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The numbers of a cell that have an exponent to two digits, with their marks: "6.8981e-1*" is "0.69*".
fn short(cell: &str) -> String {
    let word = |word: &str| {
        let number = word.trim_end_matches('*');
        match number.parse::<f64>() {
            Ok(value) if number.contains('e') && brief(value).len() < number.len() => {
                format!("{}{}", brief(value), &word[number.len()..])
            }
            _ => word.to_owned(),
        }
    };
    cell.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// How many columns, counted from the first, tell the rows apart.
fn keys(table: &Table) -> usize {
    let apart = |columns: &usize| {
        let mut known = HashSet::new();
        table.rows.iter().all(|row| known.insert(row.iter().take(*columns).collect::<Vec<_>>()))
    };
    (1..table.columns.len()).find(apart).unwrap_or(1.min(table.columns.len()))
}

/// The widths that a column can have, from wide to narrow: as it is, with its title wrapped, and with its texts wrapped too.
#[derive(Debug, Clone, Copy)]
struct Widths([usize; NARROWEST + 1]);

/// The last of a column's widths.
const NARROWEST: usize = 2;

impl Widths {
    fn of(table: &Table, column: usize) -> Self {
        let word = |text: &str| text.split(' ').map(length).max().unwrap_or(0);
        let longest = |of: &dyn Fn(&str) -> usize| {
            table.rows.iter().filter_map(|row| row.get(column)).map(|cell| of(cell)).max().unwrap_or(0)
        };
        let (title, whole) = (&table.columns[column], longest(&length));
        let wraps = whole > SHORT && !is_numeric(table, column);
        let wrapped = if wraps { longest(&word).max(SHORT) } else { whole };
        Self([length(title).max(whole), word(title).max(whole), word(title).max(wrapped)])
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn sum(widths: impl Iterator<Item = usize>) -> usize {
    widths.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Which columns stand side by side, with their widths: in as few parts as can be, of much the same width, and wrapped as
/// little as can be.
fn parts(columns: &[Widths], keys: usize, width: usize) -> Vec<Vec<(usize, usize)>> {
    let all: Vec<usize> = (0..columns.len()).collect();
    let wide = |part: &[usize], form: usize| sum(part.iter().map(|column| columns[*column].0[form]));
    // Where the keys leave no room for every other column, the first one must do.
    let room = all[keys..].iter().all(|column| wide(&[&all[..keys], &[*column]].concat(), NARROWEST) <= width);
    let (first, further) = all.split_at(if room { keys } else { keys.min(1) });
    let split = |form: usize, width: usize| {
        let mut parts = vec![first.to_vec()];
        for column in further {
            let part = parts.last_mut().expect("there is a first part");
            part.push(*column);
            if part.len() > first.len() + 1 && wide(part, form) > width {
                part.pop();
                parts.push([first, &[*column]].concat());
            }
        }
        parts
    };
    let count = split(NARROWEST, width).len();
    let as_few = |form: &usize| {
        let parts = split(*form, width);
        parts.len() == count && parts.iter().all(|part| wide(part, *form) <= width)
    };
    let form = (0..NARROWEST).find(as_few).unwrap_or(NARROWEST);
    let even = (0..width).map(|width| split(form, width)).find(|parts| parts.len() == count);
    even.unwrap_or_else(|| split(form, width)).iter().map(|part| fitted(columns, part, width)).collect()
}

/// The columns of `part` with widths that fit side by side, where the narrowest do.
fn fitted(columns: &[Widths], part: &[usize], width: usize) -> Vec<(usize, usize)> {
    let mut widths: Vec<usize> = part.iter().map(|column| columns[*column].0[0]).collect();
    for narrower in 1..=NARROWEST {
        while sum(widths.iter().copied()) > width {
            let can = |index: &usize| widths[*index] > columns[part[*index]].0[narrower];
            let Some(widest) = (0..part.len()).filter(can).max_by_key(|index| widths[*index]) else { break };
            widths[widest] -= 1;
        }
    }
    part.iter().copied().zip(widths).collect()
}

/// These columns of a table, each of its width.
fn drawn(table: &Table, part: &[(usize, usize)]) -> String {
    let mut text = comfy_table::Table::new();
    text.load_style(UTF8_HORIZONTAL_ONLY).force_no_tty();
    text.style_mut().row_separator = comfy_table::LineStyle::none();
    let cells = |row: &[String]| {
        let cell = |(column, width): &(usize, usize)| {
            let text = row.get(*column).map_or("", String::as_str);
            Cell::new(wrap(text, Some(*width)).join("\n")).set_alignment(alignment(table, *column))
        };
        part.iter().map(cell).collect::<Vec<_>>()
    };
    text.set_header(cells(&table.columns));
    for row in &table.rows {
        text.add_row(cells(row));
    }
    // The style draws a blank between two columns.
    for column in text.column_iter_mut() {
        column.set_padding((0, if column.index + 1 < part.len() { GAP as u16 - 1 } else { 0 }));
    }
    text.trim_fmt()
}

/// `table` as GitHub-flavoured Markdown, numbers to the right.
pub fn markdown_table(table: &Table) -> String {
    let line = |cells: &[String]| {
        let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", escaped.join(" | "))
    };
    let rule = |column| if is_numeric(table, column) { "---:" } else { "---" }.to_owned();
    let rules: Vec<String> = (0..table.columns.len()).map(rule).collect();
    let rows: String = table.rows.iter().map(|row| line(row)).collect();
    format!("{}{}{rows}", line(&table.columns), line(&rules))
}

fn alignment(table: &Table, column: usize) -> CellAlignment {
    if is_numeric(table, column) { CellAlignment::Right } else { CellAlignment::Left }
}

/// Whether every cell of a column that says something begins with a number.
pub(super) fn is_numeric(table: &Table, column: usize) -> bool {
    let mut cells = table.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !is_absent(cell)).peekable();
    cells.peek().is_some() && cells.all(|cell| leading_number(cell).is_some())
}

fn is_absent(cell: &str) -> bool {
    matches!(cell.trim(), "" | "-" | "–" | "—" | "n/a" | "NaN" | "nan")
}

/// The number that `cell` begins with: 0.001 of "1e-3 ± 2e-4", "< 1e-7" counts as its bound,
/// commas part thousands.
pub(super) fn leading_number(cell: &str) -> Option<f64> {
    let cell = cell.trim().trim_start_matches(['<', '>', '≤', '≥', '~', ' ']).replace('−', "-");
    let end =
        cell.find(|c: char| c.is_whitespace() || matches!(c, '±' | '(' | '[' | '%' | '/' | '*')).unwrap_or(cell.len());
    let number: f64 = cell[..end].replace(',', "").parse().ok()?;
    Some(number).filter(|number| !number.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        Table {
            title: String::new(),
            columns: ["model", "NMSE", "status"].map(String::from).to_vec(),
            rows: rows.iter().map(|row| row.map(String::from).to_vec()).collect(),
        }
    }

    /// What a table says, word for word.
    fn words(table: &Table) -> Vec<String> {
        let cells = table.columns.iter().cloned().chain(table.rows.iter().flatten().map(|cell| short(cell)));
        cells.flat_map(|cell| cell.split(' ').map(String::from).collect::<Vec<_>>()).collect()
    }

    fn beside_floors() -> Table {
        let columns = "memory, alpha, model, size, mean NMSE, smallest, floor, kind of floor, Hankel bound, parameters";
        let rows = "exponential, 0.1, s4d, 4 states, 6.8981e-1*, 6.8981e-1*, 1.0073e-18, best fit 4 states, 7.9824e-34, 14
                    exponential, 0.1, tcn-short, 16 channels, 2.3221e-1*, 2.3221e-1*, 1.3382e-5, window of 31, , 3185
                    polynomial, 0.5, linear-rnn, 16 states, 1.2481e-4, 4.6419e-5, 0.0000e0, best fit 16 states, 0.0000e0, 561";
        let row = |row: &str| row.trim().split(", ").map(String::from).collect();
        Table { title: String::new(), columns: row(columns), rows: rows.lines().map(row).collect() }
    }

    fn published() -> Table {
        let columns = ["experiment", "quantity", "published", "ours: min", "agrees", "mean", "95 % interval", "seeds"];
        let row = |quantity: &str, agrees: &str| {
            ["R3", quantity, "2.2e-5", "0.70", agrees, "0.72", "6.1e-5 to 7.3e-4", "2"].map(String::from).to_vec()
        };
        let rows = vec![
            row("MSE, pointwise-attention, alteration mixing", "no, above"),
            row("rate at which the error falls with m_h, at least, alpha = 1, r = 2", "not measured"),
        ];
        Table { title: String::new(), columns: columns.map(String::from).to_vec(), rows }
    }

    fn confusion() -> Table {
        let classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
        let row =
            |class: &str| [&[class][..], &["1000"; 10], &["93.5%"]].concat().into_iter().map(String::from).collect();
        let columns = [&["true \\ predicted"][..], &classes, &["accuracy"]].concat();
        Table {
            title: String::new(),
            columns: columns.into_iter().map(String::from).collect(),
            rows: classes.into_iter().map(row).collect(),
        }
    }

    #[test]
    fn no_line_is_too_long_and_no_word_or_number_is_broken() {
        for table in [beside_floors(), published(), confusion()] {
            for width in [60, 80, 100, 120] {
                let text = terminal_table(&table, Some(width));
                assert!(text.lines().all(|line| length(line) <= width && line.trim_end() == line), "{width}\n{text}");
                let shown: HashSet<&str> = text.split_whitespace().collect();
                for word in words(&table) {
                    assert!(word.is_empty() || shown.contains(word.as_str()), "{word} at {width}\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_row_is_a_line_where_nothing_limits_it() {
        for table in [beside_floors(), published(), confusion()] {
            let text = terminal_table(&table, None);
            // A rule above, below the titles and at the end; none between the rows.
            assert_eq!(text.lines().count(), table.rows.len() + 4, "{text}");
        }
        let text = terminal_table(&beside_floors(), Some(120));
        assert_eq!(text.lines().count(), 7, "{text}");
        assert!(text.contains("0.69*") && text.contains("1.2e-4") && !text.contains("e0"), "{text}");
    }

    #[test]
    fn columns_that_do_not_fit_are_below_beside_those_that_tell_rows_apart() {
        let text = terminal_table(&beside_floors(), Some(80));
        let parts: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(parts.len(), 2, "{text}");
        for part in parts {
            for (memory, model) in [("exponential", "s4d"), ("exponential", "tcn-short"), ("polynomial", "linear-rnn")]
            {
                assert!(part.lines().any(|line| line.contains(memory) && line.contains(model)), "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_to_the_right() {
        let text = terminal_table(&table(&[["s4d", "1.2e-5 ± 3e-6", "ok"], ["tcn", "0.93", "—"]]), Some(60));
        let right_end = |needle: &str| {
            let line = text.lines().find(|line| line.contains(needle)).unwrap();
            length(&line[..line.find(needle).unwrap() + needle.len()])
        };
        assert_eq!(right_end("1.2e-5 ± 3e-6"), right_end("0.93"));
    }

    #[test]
    fn numbers_are_short_where_nothing_is_lost_but_digits() {
        for (cell, shown) in [
            ("1.2481e-4", "1.2e-4"),
            ("6.8981e-1*", "0.69*"),
            ("1.0528e0", "1.1"),
            ("0.0000e0", "0"),
            ("1.2345e-3 ± 2.2222e-4", "1.2e-3 ± 2.2e-4"),
            ("1e-3", "1e-3"),
            ("0.670", "0.670"),
            ("561", "561"),
            ("linear-rnn, 16 states", "linear-rnn, 16 states"),
        ] {
            assert_eq!(short(cell), shown);
        }
    }

    #[test]
    fn markdown_keeps_bars_inside_their_cells() {
        let text = markdown_table(&table(&[["a|b", "1", "ok"]]));
        assert_eq!(text, "| model | NMSE | status |\n| --- | ---: | --- |\n| a\\|b | 1 | ok |\n");
    }

    #[test]
    fn text_wraps_between_words() {
        assert_eq!(wrap("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", Some(3)), ["unbreakable"]);
        assert_eq!(wrap("one two three", None), ["one two three"]);
        let only = Table { title: String::new(), columns: vec!["unbreakable".into()], rows: vec![vec!["a".into()]] };
        assert!(terminal_table(&only, Some(3)).contains("unbreakable"));
    }

    #[test]
    fn leading_numbers_are_read_as_people_do() {
        assert_eq!(leading_number("1e-3 ± 2e-4"), Some(1e-3));
        assert_eq!(leading_number("< 1e-7"), Some(1e-7));
        assert_eq!(leading_number("−2 (3 seeds)"), Some(-2.0));
        assert_eq!(leading_number("12,345"), Some(12_345.0));
        assert_eq!(leading_number("0.25*"), Some(0.25));
        assert_eq!(leading_number("s4d"), None);
        assert!(!is_numeric(&table(&[["a", "—", ""]]), 1));
        assert!(is_numeric(&table(&[["a", "—", ""], ["b", "3", ""]]), 1));
    }
}
