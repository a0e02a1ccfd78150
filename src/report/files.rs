//! The report of a sweep: its page, figures and tables, from what is in its store.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::PathBuf;

use lookback_benchmarks::{Analysis, Outcome, RunStatus, SUITES};
use lookback_registry::{Error, Result, to_params};
use serde_json::Value;

use super::export::{Cell, Column, Kind, ResultsTable};
use super::figures;
use super::sweep::{Counts, SweepReport, sweep_html};
use crate::runs::Store;
use crate::runs::environment::Environment;
use crate::runs::folder::{read_json, write_whole};
use crate::runs::runner::Timing;
use crate::runs::store::Plan;
use crate::runs::sweep::failure;

/// What [`write_report`] wrote.
#[derive(Debug)]
pub struct WrittenReport {
    /// What the runs say.
    pub analysis: Analysis,
    /// The page, `report.html` in the store.
    pub path: PathBuf,
}

/// Writes tables (`results.csv`, `results.parquet`, `timings.csv`), figures as SVG, PNG and PDF (`figures/`) and the page (`report.html`) of all
/// runs of a store's plan into the store.
///
/// # Errors
/// The store is none, its suite is unknown, or a file cannot be read or written.
pub fn write_report(store: &Store) -> Result<WrittenReport> {
    let plan = store.plan()?;
    let suite = SUITES.get(&plan.header.suite)?.suite();
    let outcomes = store.outcomes(&plan.runs)?;
    let analysis = suite.analyse(&outcomes)?;

    let results = results_table(&outcomes);
    write_whole(&store.file("results.csv"), &results.to_csv()?)?;
    write_whole(&store.file("results.parquet"), &results.to_parquet()?)?;
    write_whole(&store.file("timings.csv"), &timings_table(store, &plan)?.to_csv()?)?;

    let folder = store.file("figures");
    fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, error))?;
    for figure in analysis.figures() {
        let path = |suffix: &str| folder.join(format!("{}.{suffix}", figure.id));
        write_whole(&path("svg"), figures::svg(figure).as_bytes())?;
        write_whole(&path("png"), &figures::png(figure)?)?;
        write_whole(&path("pdf"), &figures::pdf(figure))?;
    }

    // Several experiments may share a run.
    let mut known = HashSet::new();
    let unique: Vec<&Outcome> = outcomes.iter().filter(|outcome| known.insert(outcome.planned.spec.id())).collect();
    let mut failed = 0;
    for id in &known {
        failed += usize::from(failure(&store.run(id))?.is_some());
    }
    let specs: Vec<_> = unique.iter().map(|outcome| &outcome.planned.spec).collect();
    let done = unique.iter().filter(|outcome| outcome.result.is_some()).count();
    let path = store.file("report.html");
    let page = sweep_html(&SweepReport {
        info: suite.info(),
        analysis: &analysis,
        command: &plan.command,
        preset: plan.header.preset.name(),
        backend: &plan.header.backend,
        counts: Counts { planned: unique.len(), done, failed },
        training_seconds: unique.iter().filter_map(|outcome| outcome.seconds).sum(),
        environment: &environment(store, &plan)?.map_or_else(Vec::new, |found| found.entries()),
        specs_json: &serde_json::to_string_pretty(&specs).expect("specs serialise"),
    });
    write_whole(&path, page.as_bytes())?;
    Ok(WrittenReport { analysis, path })
}

/// Where the runs were computed: the environment of the first that has one; others may differ.
///
/// # Errors
/// A file cannot be read.
pub fn environment(store: &Store, plan: &Plan) -> Result<Option<Environment>> {
    for run in &plan.runs {
        if let Some(found) = read_json(&store.run(&run.spec.id()).file("environment.json"))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// One row per run and place, in typed columns: its identity and place, how it ended, every parameter of task, model and training under
/// the name that `--set` takes, and its metrics. Nothing of a clock: the same runs give the same bytes.
fn results_table(outcomes: &[Outcome]) -> ResultsTable {
    let mut rows: Vec<BTreeMap<String, Value>> = Vec::new();
    let (mut places, mut params, mut metrics) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for outcome in outcomes {
        let mut row = BTreeMap::new();
        let spec = &outcome.planned.spec;
        for (name, value) in outcome.planned.place.coordinates() {
            places.insert(name.to_owned());
            row.insert(name.to_owned(), value);
        }
        let groups =
            [("task", &spec.task.params), ("model", &spec.model.params), ("training", &to_params(&spec.training))];
        for (group, values) in groups {
            for (name, value) in values {
                let name = format!("{group}.{name}");
                params.insert(name.clone());
                row.insert(name, value.clone());
            }
        }
        row.insert("id".into(), spec.id().into());
        row.insert("task".into(), spec.task.name.as_str().into());
        row.insert("model_name".into(), spec.model.name.as_str().into());
        row.insert("seed".into(), spec.seed.into());
        let result = outcome.result.as_ref();
        let status = match result.map(|result| result.status) {
            Some(RunStatus::Finished) => "finished",
            Some(RunStatus::Diverged) => "diverged",
            None => "missing",
        };
        row.insert("status".into(), status.into());
        if let Some(result) = result {
            row.insert("steps".into(), result.steps.into());
            row.insert("num_params".into(), result.num_params.into());
            row.insert("best".into(), result.best.into());
            row.insert("train_loss".into(), result.train_loss.into());
            for (name, value) in &result.metrics {
                metrics.insert(name.clone());
                row.insert(name.clone(), (*value).into());
            }
        }
        rows.push(row);
    }
    // Places before parameters, metrics last.
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let floats: BTreeSet<&str> = metrics.iter().map(String::as_str).chain(["best", "train_loss"]).collect();
    let names = fixed(&["id"])
        .into_iter()
        .chain(places)
        .chain(fixed(&["seed", "status", "steps", "num_params", "task", "model_name"]))
        .chain(params)
        .chain(metrics.clone())
        .chain(fixed(&["best", "train_loss"]));
    let columns: Vec<Column> = names
        .map(|name| {
            let kind = if floats.contains(name.as_str()) {
                Kind::Float
            } else {
                kind_of(rows.iter().filter_map(|row| row.get(&name)))
            };
            Column { name, kind }
        })
        .collect();
    let cell = |column: &Column, value: Option<&Value>| match (column.kind, value) {
        (_, None | Some(Value::Null)) => Cell::Null,
        (Kind::Bool, Some(value)) => value.as_bool().map_or(Cell::Null, Cell::Bool),
        (Kind::Int, Some(value)) => value.as_i64().map_or(Cell::Null, Cell::Int),
        (Kind::Float, Some(value)) => value.as_f64().map_or(Cell::Null, Cell::Float),
        (Kind::Text, Some(Value::String(text))) => Cell::Text(text.clone()),
        (Kind::Text, Some(other)) => Cell::Text(other.to_string()),
    };
    let rows = rows.iter().map(|row| columns.iter().map(|column| cell(column, row.get(&column.name))).collect());
    ResultsTable { rows: rows.collect(), columns: columns.clone() }
}

/// The narrowest kind that holds all of these values; nulls are absent cells.
fn kind_of<'a>(values: impl Iterator<Item = &'a Value>) -> Kind {
    let values: Vec<&Value> = values.filter(|value| !value.is_null()).collect();
    let all = |fits: fn(&Value) -> bool| !values.is_empty() && values.iter().all(|value| fits(value));
    if all(Value::is_boolean) {
        Kind::Bool
    } else if all(Value::is_i64) {
        Kind::Int
    } else if all(Value::is_number) {
        Kind::Float
    } else {
        Kind::Text
    }
}

/// Clock times of each run, which differ from one machine and day to the next.
fn timings_table(store: &Store, plan: &Plan) -> Result<ResultsTable> {
    let mut rows = Vec::new();
    for run in &plan.runs {
        let id = run.spec.id();
        if let Some(timing) = read_json::<Timing>(&store.run(&id).file("timing.json"))? {
            rows.push(vec![
                Cell::Text(id),
                Cell::Text(run.place.label()),
                Cell::Text(run.spec.model.name.clone()),
                Cell::Float(timing.training_seconds),
                Cell::Float(timing.probe_seconds),
            ]);
        }
    }
    let columns = vec![
        Column::new("id", Kind::Text),
        Column::new("place", Kind::Text),
        Column::new("model", Kind::Text),
        Column::new("training_seconds", Kind::Float),
        Column::new("probe_seconds", Kind::Float),
    ];
    Ok(ResultsTable { columns, rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookback_benchmarks::{Named, Place, Planned, RunSpec, SPEC_VERSION, TrainingConfig};
    use serde_json::json;

    #[test]
    fn columns_are_typed() {
        let outcome = |alpha: Value, residual: bool| {
            let Value::Object(setting) = json!({"alpha": alpha, "kind": "wide"}) else { panic!("an object") };
            let place = Place { suite: "s".into(), experiment: "E".into(), setting, also: None };
            let spec = RunSpec {
                version: SPEC_VERSION,
                task: Named::new("memory", json!({"length": 8})),
                model: Named::new("transformer", json!({"residual": residual, "d_model": 4})),
                training: TrainingConfig::default(),
                seed: 1,
            };
            Outcome { planned: Planned { spec, place }, result: None, probe: None, curve: vec![], seconds: None }
        };
        let table = results_table(&[outcome(json!(1), true), outcome(json!(0.5), false), outcome(json!(null), true)]);
        table.validate().unwrap();
        let kind = |name: &str| table.columns.iter().find(|column| column.name == name).map(|column| column.kind);
        for (name, expected) in [
            ("alpha", Kind::Float),
            ("kind", Kind::Text),
            ("experiment", Kind::Text),
            ("seed", Kind::Int),
            ("model.residual", Kind::Bool),
            ("model.d_model", Kind::Int),
            ("training.learning_rate", Kind::Float),
            ("training.optimizer", Kind::Text),
            ("training.steps", Kind::Int),
            ("task.length", Kind::Int),
            ("best", Kind::Float),
        ] {
            assert_eq!(kind(name), Some(expected), "{name}");
        }
        let alpha = table.columns.iter().position(|column| column.name == "alpha").unwrap();
        let values: Vec<&Cell> = table.rows.iter().map(|row| &row[alpha]).collect();
        assert_eq!(values, [&Cell::Float(1.0), &Cell::Float(0.5), &Cell::Null]);
    }
}
