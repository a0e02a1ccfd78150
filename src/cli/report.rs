//! `lookback report DIR` of a sweep, and the report at the end of a sweep.

use std::fs;

use lookback_benchmarks::{Analysis, Outcome, RunStatus, Suite, Verdict, suites};
use lookback_registry::{Error, ErrorKind, Result};
use serde_json::json;

use super::Exit;
use super::args::{LogFormat, ReportArguments};
use super::out;
use super::report_run::report_run;
use crate::backends::models::Models;
use crate::report::figures;
use crate::report::{Cell, Column, Counts, Kind, ReportInput, ResultsTable, html, terminal_table};
use crate::runs::environment::Environment;
use crate::runs::folder::{read_json, write_whole};
use crate::runs::runner::Timing;
use crate::runs::store::{Plan, Store, preset_name};
use crate::runs::sweep::failure;

/// Makes the report of a folder again, be it of a sweep or of a single run.
pub(super) fn report(arguments: &ReportArguments, models: &Models) -> Result<Exit> {
    let store = Store::new(&arguments.dir);
    if !store.file("plan.json").exists() {
        if store.file("spec.json").exists() {
            return report_run(arguments, models);
        }
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "`{}` is no folder of a sweep or a run: it has neither `plan.json` nor `spec.json`.",
                arguments.dir.display()
            ),
        ));
    }
    let plan = store.plan()?;
    let suite = suites::suite(&plan.header.suite)?;
    write_report(&store, &plan, suite.as_ref(), models, arguments.log_format)?;
    Ok(Exit::Success)
}

/// Writes tables, figures and the page of all runs of the plan, and prints what they say.
pub(super) fn write_report(
    store: &Store,
    plan: &Plan,
    suite: &dyn Suite,
    models: &Models,
    format: LogFormat,
) -> Result<()> {
    let outcomes = store.outcomes(&plan.runs)?;
    let analysis = suite.analyse(&outcomes, models.catalogue())?;

    let results = results_table(&outcomes);
    write_whole(&store.file("results.csv"), &results.to_csv()?)?;
    write_whole(&store.file("results.parquet"), &results.to_parquet()?)?;
    write_whole(&store.file("timings.csv"), &timings_table(store, plan)?.to_csv()?)?;

    let figures_folder = store.file("figures");
    fs::create_dir_all(&figures_folder).map_err(|error| {
        Error::caused(ErrorKind::Usage, format!("Cannot create `{}`", figures_folder.display()), error)
    })?;
    for figure in &analysis.figures {
        let svg = figures::svg(figure, figures::Theme::Paper);
        write_whole(&figures_folder.join(format!("{}.svg", figure.id)), svg.as_bytes())?;
        write_whole(&figures_folder.join(format!("{}.png", figure.id)), &figures::png(&svg)?)?;
    }

    let specs: Vec<_> = plan.runs.iter().map(|run| &run.spec).collect();
    let specs_json = serde_json::to_string_pretty(&specs).expect("specs serialise");
    let failures = plan.runs.iter().map(|run| failure(&store.run(&run.spec.id())));
    let failed = failures.collect::<Result<Vec<_>>>()?.into_iter().flatten().count();
    let done = outcomes.iter().filter(|outcome| outcome.result.is_some()).count();
    let path = store.file("report.html");
    let page = html(&ReportInput {
        info: suite.info(),
        analysis: &analysis,
        command: &plan.command,
        preset: preset_name(plan.header.preset),
        backend: &plan.header.backend,
        counts: Counts { planned: plan.runs.len(), done, failed },
        environment: &environment(store, plan)?,
        specs_json: &specs_json,
    });
    write_whole(&path, page.as_bytes())?;

    match format {
        LogFormat::Json => {
            for finding in &analysis.findings {
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
    for table in &analysis.summary {
        out::say(&format!("{}\n{}\n", table.title, terminal_table(table, out::width())));
    }
    out::say("findings");
    for finding in &analysis.findings {
        let verdict = match finding.verdict {
            Verdict::Holds => "holds",
            Verdict::DoesNotHold => "DOES NOT HOLD",
            Verdict::NotMeasured => "not measured",
        };
        out::say(&format!("  {verdict:<13}  {}\n                 {}", finding.statement, finding.evidence));
    }
    out::say("");
}

/// One row per run. Nothing of a clock: the same runs give the same bytes.
fn results_table(outcomes: &[Outcome]) -> ResultsTable {
    let axes: std::collections::BTreeSet<&str> =
        outcomes.iter().flat_map(|outcome| outcome.planned.axes.keys().map(String::as_str)).collect();
    let metrics: std::collections::BTreeSet<&str> = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref())
        .flat_map(|result| result.metrics.keys().map(String::as_str))
        .collect();
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let mut columns = vec![column("id", Kind::Text)];
    columns.extend(axes.iter().map(|axis| column(axis, Kind::Text)));
    columns.extend([
        column("seed", Kind::Int),
        column("status", Kind::Text),
        column("steps", Kind::Int),
        column("num_params", Kind::Int),
    ]);
    columns.extend(metrics.iter().map(|metric| column(metric, Kind::Float)));
    columns.extend([column("best", Kind::Float), column("train_loss", Kind::Float)]);
    let rows = outcomes
        .iter()
        .map(|outcome| {
            let result = outcome.result.as_ref();
            let float = |value: Option<f64>| value.map_or(Cell::Null, Cell::Float);
            let int = |value: Option<usize>| value.map_or(Cell::Null, |value| Cell::Int(value as i64));
            let status = match result.map(|result| result.status) {
                Some(RunStatus::Finished) => "finished",
                Some(RunStatus::Diverged) => "diverged",
                None => "missing",
            };
            let mut row = vec![Cell::Text(outcome.planned.spec.id())];
            row.extend(axes.iter().map(|axis| outcome.planned.axes.get(*axis).cloned().map_or(Cell::Null, Cell::Text)));
            row.extend([
                Cell::Int(outcome.planned.spec.seed as i64),
                Cell::Text(status.to_owned()),
                int(result.map(|result| result.steps)),
                int(result.map(|result| result.num_params)),
            ]);
            row.extend(
                metrics.iter().map(|metric| float(result.and_then(|result| result.metrics.get(*metric).copied()))),
            );
            row.extend([
                float(result.and_then(|result| result.best)),
                float(result.and_then(|result| result.train_loss)),
            ]);
            row
        })
        .collect();
    ResultsTable { columns, rows }
}

/// Clock times of each run, which differ from one machine and day to the next.
fn timings_table(store: &Store, plan: &Plan) -> Result<ResultsTable> {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let mut rows = Vec::new();
    for run in &plan.runs {
        let id = run.spec.id();
        if let Some(timing) = read_json::<Timing>(&store.run(&id).file("timing.json"))? {
            rows.push(vec![
                Cell::Text(id),
                Cell::Text(run.axes.get("model").cloned().unwrap_or_default()),
                Cell::Float(timing.training_seconds),
                Cell::Float(timing.probe_seconds),
            ]);
        }
    }
    let columns = vec![
        column("id", Kind::Text),
        column("model", Kind::Text),
        column("training_seconds", Kind::Float),
        column("probe_seconds", Kind::Float),
    ];
    Ok(ResultsTable { columns, rows })
}

/// Where the runs were computed: the environment of the first that has one; others may differ.
fn environment(store: &Store, plan: &Plan) -> Result<Vec<(String, String)>> {
    for run in &plan.runs {
        if let Some(found) = read_json::<Environment>(&store.run(&run.spec.id()).file("environment.json"))? {
            return Ok(found.entries());
        }
    }
    Ok(Vec::new())
}
