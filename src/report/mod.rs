//! Results for people and for programs: the pages, the terminal's tables, the files.

mod classes;
mod curves;
mod export;
pub mod figures;
mod files;
mod html;
mod page;
mod pictures;
mod run;
mod table;
mod words;

pub use export::{Cell, Column, Kind, ResultsTable};
pub use files::{SweepReport, environment, write_report};
pub use html::{Counts, ReportInput, html};
pub(crate) use pictures::{Attention, ImageInsights};
pub(crate) use run::{RunReport, run_html};
pub use table::{markdown_table, terminal_table};
