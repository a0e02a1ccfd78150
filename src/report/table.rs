//! Tables in the terminal.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{Cell, CellAlignment, ContentArrangement};
use lookback_benchmarks::Table;

/// `table` as text of at most `width` columns where its content allows: numbers to the right, long text
/// wrapped, no line longer for its trailing blanks, no colour.
pub fn terminal_table(table: &Table, width: usize) -> String {
    let mut text = comfy_table::Table::new();
    text.load_style(UTF8_HORIZONTAL_ONLY).force_no_tty();
    text.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
    text.style_mut().row_separator = comfy_table::LineStyle::none();
    let alignments: Vec<_> = (0..table.columns.len()).map(|column| alignment(table, column)).collect();
    let cells = |row: &[String]| {
        let aligned = |(index, cell): (usize, &String)| {
            Cell::new(cell).set_alignment(alignments.get(index).copied().unwrap_or(CellAlignment::Left))
        };
        row.iter().enumerate().map(aligned).collect::<Vec<_>>()
    };
    text.set_header(cells(&table.columns));
    for row in &table.rows {
        text.add_row(cells(row));
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

    #[test]
    fn numbers_are_to_the_right_and_lines_fit() {
        let text = terminal_table(&table(&[["s4d", "1.2e-5 ± 3e-6", "ok"], ["tcn", "0.93", "—"]]), 60);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 60), "{text}");
        let right_end = |needle: &str| {
            let line = lines.iter().find(|line| line.contains(needle)).unwrap();
            line[..line.find(needle).unwrap()].chars().count() + needle.chars().count()
        };
        assert_eq!(right_end("1.2e-5 ± 3e-6"), right_end("0.93"));
        // A rule above, below the titles and at the end; none between the rows.
        assert_eq!(lines.len(), 6, "{text}");
        assert_eq!(text, terminal_table(&table(&[["s4d", "1.2e-5 ± 3e-6", "ok"], ["tcn", "0.93", "—"]]), 60));
    }

    #[test]
    fn markdown_keeps_bars_inside_their_cells() {
        let text = markdown_table(&table(&[["a|b", "1", "ok"]]));
        assert_eq!(text, "| model | NMSE | status |\n| --- | ---: | --- |\n| a\\|b | 1 | ok |\n");
    }

    #[test]
    fn narrow_terminals_wrap_the_text() {
        let long = "a sentence that is much longer than the terminal is wide";
        let text = terminal_table(&table(&[[long, "1", "ok"]]), 40);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        for word in long.split(' ') {
            assert!(text.contains(word), "{word}");
        }
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
