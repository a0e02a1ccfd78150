//! `lookback report DIR` of a sweep, and the report at the end of a sweep.

use std::path::Path;

use lookback_benchmarks::{Analysis, Comparison, Table, Verdict};
use lookback_registry::{Error, ErrorKind, Result};
use serde_json::json;

use super::Exit;
use super::args::{LogFormat, ReportArguments};
use super::out;
use super::report_run::report_run;
use crate::report::{WrittenReport, terminal_table, write_report};
use crate::runs::Store;

/// Makes the report of a folder again, be it of a sweep or of a single run.
pub(super) fn report(arguments: &ReportArguments) -> Result<Exit> {
    let store = Store::new(&arguments.dir);
    if !store.file("plan.json").exists() {
        if store.file("spec.json").exists() {
            return report_run(arguments);
        }
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "`{}` is no folder of a sweep or a run: it has neither `plan.json` nor `spec.json`.",
                arguments.dir.display()
            ),
        ));
    }
    say_report(&store, arguments.log_format)?;
    Ok(Exit::Success)
}

/// Writes the report of a store and prints what it says.
pub(super) fn say_report(store: &Store, format: LogFormat) -> Result<()> {
    let WrittenReport { analysis, path } = write_report(store)?;
    match format {
        LogFormat::Json => {
            for finding in analysis.findings() {
                out::say_json(&json!({"event": "finding", "finding": finding}));
            }
            out::say_json(&json!({"event": "report", "path": path}));
        }
        LogFormat::Text => {
            say_analysis(&analysis, &path);
            out::say(&format!("report: {}", path.display()));
        }
    }
    Ok(())
}

/// Rows of a table that are printed: more would push the others, and what was found, out of sight.
const ROWS: usize = 20;

/// The tables, shortened where they are long, then the findings: a terminal shows the end. `page` has everything.
fn say_analysis(analysis: &Analysis, page: &Path) {
    for experiment in analysis.experiments() {
        for table in &experiment.reading.tables {
            say_table(&format!("{}: {}", experiment.info.name, table.title), table, page);
        }
    }
    let mut comparisons: Vec<Comparison> = analysis.comparisons().cloned().collect();
    if !comparisons.is_empty() {
        comparisons.sort_by_key(|comparison| comparison.verdict == Verdict::NotMeasured);
        let table = Comparison::table(&comparisons);
        say_table(&table.title, &table, page);
    }
    out::say("findings");
    for finding in analysis.findings() {
        let verdict = match finding.verdict {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "DOES NOT HOLD",
            Verdict::NotMeasured => "not measured",
        };
        out::say(&out::after(&format!("  {verdict:<13}  "), &finding.statement));
        out::say(&out::after(&format!("{:17}", ""), &finding.evidence));
    }
    out::say("");
}

fn say_table(title: &str, table: &Table, page: &Path) {
    let shown = Table { rows: table.rows.iter().take(ROWS).cloned().collect(), ..table.clone() };
    out::say(&out::after("", title));
    out::say(&terminal_table(&shown, out::width()));
    if let Some(more @ 1..) = table.rows.len().checked_sub(ROWS) {
        out::say(&out::after("", &format!("{more} more rows are in {}", page.display())));
    }
    out::say("");
}
