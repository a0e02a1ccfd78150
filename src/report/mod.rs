//! Results for people and for programs: the page, the terminal's tables, the files.

mod export;
mod html;
mod table;

pub use export::{Cell, Column, Kind, ResultsTable};
pub use html::{Counts, ReportInput, html};
pub use table::{markdown_table, terminal_table};
