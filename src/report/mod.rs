//! Results for people and for programs: the pages, the terminal's tables, the files.

mod classes;
mod curves;
mod export;
pub mod figures;
mod files;
mod findings;
mod page;
mod phrases;
mod pictures;
mod run;
mod sweep;
mod table;

pub use export::{Cell, Column, Kind, ResultsTable};
pub use files::{WrittenReport, environment, write_report};
pub(crate) use pictures::{Attention, ImageInsights};
pub(crate) use run::{RunReport, run_html};
pub use sweep::{Counts, SweepReport, sweep_html};
pub use table::{markdown_table, terminal_table, wrap};
