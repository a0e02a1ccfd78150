//! Where text leaves the program.
#![allow(clippy::print_stderr)]

use std::io::{ErrorKind, IsTerminal, Write};

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

/// Prints a line to standard error.
pub(super) fn complain(line: &str) {
    eprintln!("{line}");
}

/// Whether progress can be shown in place.
pub(super) fn interactive() -> bool {
    std::io::stderr().is_terminal()
}

/// Columns of the terminal, or a width that suits a file.
pub(super) fn width() -> usize {
    terminal_size::terminal_size().map_or(120, |(columns, _)| usize::from(columns.0).max(60))
}
