//! `lookback report DIR` of a sweep, and the report at the end of a sweep.

use lookback_benchmarks::{Analysis, Comparison, Verdict};
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
            say_analysis(&analysis);
            out::say(&format!("report: {}", path.display()));
        }
    }
    Ok(())
}

fn say_analysis(analysis: &Analysis) {
    for experiment in analysis.experiments() {
        for table in &experiment.reading.tables {
            let title = format!("{}: {}", experiment.info.name, table.title);
            out::say(&format!("{title}\n{}\n", terminal_table(table, out::width())));
        }
    }
    let comparisons: Vec<Comparison> = analysis.comparisons().cloned().collect();
    if !comparisons.is_empty() {
        let table = Comparison::table(&comparisons);
        out::say(&format!("{}\n{}\n", table.title, terminal_table(&table, out::width())));
    }
    out::say("findings");
    for finding in analysis.findings() {
        let verdict = match finding.verdict {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "DOES NOT HOLD",
            Verdict::NotMeasured => "not measured",
        };
        out::say(&format!("  {verdict:<13}  {}\n                 {}", finding.statement, finding.evidence));
    }
    out::say("");
}
