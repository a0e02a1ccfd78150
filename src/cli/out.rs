//! Where text leaves the program.
#![allow(clippy::print_stderr)]

use std::io::{ErrorKind, IsTerminal, Write};

use crate::report::wrap;

/// Prints to standard output. A closed pipe ends the program quietly, as with any filter.
pub(super) fn say_bytes(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        complain(&format!("error: Cannot write to standard output: {error}"));
        std::process::exit(1);
    }
}

/// Prints a line to standard output.
pub(super) fn say(line: &str) {
    say_bytes(format!("{line}\n").as_bytes());
}

/// Prints a line of JSON to standard output.
pub(super) fn say_json<T: serde::Serialize>(value: &T) {
    say(&serde_json::to_string(value).expect("plain data serialises"));
}

/// A value with four digits: plain where it is near 1, else with an exponent.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if (0.01..10_000.0).contains(&size) => {
            let digits = (3 - size.log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.3e}"),
    }
}

/// Prints a line to standard error.
pub(super) fn complain(line: &str) {
    eprintln!("{line}");
}

/// Whether progress can be shown in place.
pub(super) fn interactive() -> bool {
    std::io::stderr().is_terminal()
}

/// The narrowest width that is heeded.
const NARROWEST: usize = 40;

/// How wide lines may be: as the variable COLUMNS or the terminal says. A file or a pipe takes lines of any length.
pub(super) fn width() -> Option<usize> {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let stdout = std::io::stdout();
    let shown = || match terminal_size::terminal_size_of(&stdout) {
        Some((columns, _)) => Some(usize::from(columns.0)),
        // A terminal that does not tell its size is as wide as most.
        None => stdout.is_terminal().then_some(80),
    };
    asked.or_else(shown).map(|columns| columns.max(NARROWEST))
}

/// `text` after `label`, wrapped where lines have a width, all lines below the first word.
pub(super) fn after(label: &str, text: &str) -> String {
    let indent = label.chars().count();
    let lines = wrap(text, width().map(|width| width.saturating_sub(indent).max(NARROWEST / 2)));
    format!("{label}{}", lines.join(&format!("\n{:indent$}", "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [0.670_12, 9.4, 0.01, 123.456, 9_999.4, 1e-3, -0.5, 2e5, 0.0].map(number);
        assert_eq!(shown, ["0.6701", "9.400", "0.01000", "123.5", "9999", "1.000e-3", "-0.5000", "2.000e5", "0.000e0"]);
    }
}
