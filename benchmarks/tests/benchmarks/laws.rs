//! Laws that every experiment of every suite keeps: a new one needs no test of its own. Nothing is trained: results are
//! made up from random effects of the grid's axes, so that some draw agrees with a finding and another does not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;

use lookback_benchmarks::experiment::{AnyExperiment, Reading};
use lookback_benchmarks::{
    ExtraModel, Named, Outcome, PlanRequest, Planned, Preset, SUITES, Suite, TASKS, Table, Verdict,
};
use lookback_models::MODELS;
use lookback_registry::{ErrorKind, Params};
use serde_json::{Value, json};

use crate::made_up::{World, facts, not_run};

/// Findings on best fits or exact values alone, which no result changes.
const EXACT: [&str; 3] = ["airy-states", "polynomial-states", "r3-rank-under-mixing"];

/// A finding on runs that preset `full` alone has, too many to be drawn here; its code is that of `not-below-floor`.
const OF_FULL: &str = "budget-not-below-floor";

/// Findings that hold only where lags and a model's receptive field fit each other, which hardly any draw meets; the
/// tests of suite `memory` decide them each way.
const OF_A_FIT: [&str; 1] = ["impulse-tcn-window"];

/// All suites but `synthetic`, which joins the others.
fn suites() -> Vec<Suite> {
    SUITES.all().into_iter().map(|entry| entry.suite()).filter(|suite| suite.info().name != "synthetic").collect()
}

fn experiments(suite: &Suite) -> impl Iterator<Item = (&Suite, &dyn AnyExperiment)> {
    suite.experiments().map(move |experiment| (suite, experiment))
}

/// The runs of an experiment, of two seeds.
fn plan(suite: &Suite, experiment: &dyn AnyExperiment, preset: Preset) -> Vec<Planned> {
    let request = PlanRequest { seeds: Some(2), ..PlanRequest::new(preset) };
    experiment.plan(suite.info().name, &request).unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// What is read, and a row of statistics per metric and cell.
fn read(experiment: &dyn AnyExperiment, outcomes: &[Outcome]) -> (Reading, Vec<Vec<String>>) {
    let outcomes: Vec<&Outcome> = outcomes.iter().collect();
    let (read, rows) = experiment.read(&outcomes).unwrap_or_else(|error| panic!("{}", error.chain()));
    (read.reading, rows)
}

/// Suite, experiment, and what is read from presets smoke and quick with made-up results.
fn made_up() -> &'static [(&'static str, &'static str, [Reading; 2])] {
    static ALL: OnceLock<Vec<(&str, &str, [Reading; 2])>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for (suite, experiment) in suites().iter().flat_map(experiments) {
            let readings = [Preset::Smoke, Preset::Quick].map(|preset| {
                let plan = plan(suite, experiment, preset);
                read(experiment, &World::draw(&plan, 0).outcomes(&plan, &facts(&plan))).0
            });
            all.push((suite.info().name, experiment.info().name, readings));
        }
        all
    })
}

#[test]
fn plans_are_resolved_and_grow_and_no_run_comes_twice_and_columns_have_one_type() {
    let mut first: BTreeMap<String, (Value, String)> = BTreeMap::new();
    for suite in suites() {
        let mut sizes = Vec::new();
        for preset in Preset::ALL {
            let plan = suite.plan(&PlanRequest::new(preset)).unwrap();
            let (mut places, mut checked) = (HashSet::new(), HashSet::new());
            for run in &plan {
                let here = run.place.label();
                assert!(places.insert((&run.place, run.spec.seed)), "{here} is planned twice");
                assert_eq!(serde_json::from_value::<Planned>(json!(run)).unwrap(), *run);
                let (task, model) = (&run.spec.task, &run.spec.model);
                if checked.insert(json!([task, model]).to_string()) {
                    let entry = TASKS.get(&task.name).unwrap();
                    assert_eq!(entry.resolve(&task.params).unwrap(), task.params, "{here}");
                    let facts = MODELS.get(&model.name).unwrap().facts(&model.params, entry.io(&task.params).unwrap());
                    assert_eq!(facts.unwrap().params, model.params, "{here}");
                }
                run.spec.training.validate().unwrap();
                for (name, value) in run.place.coordinates().into_iter().filter(|(_, value)| !value.is_null()) {
                    assert!(!value.is_array() && !value.is_object(), "`{name}` is {value} in {here}");
                    let (other, place) = first.entry(name.to_owned()).or_insert_with(|| (value.clone(), here.clone()));
                    let alike = std::mem::discriminant(other) == std::mem::discriminant(&value);
                    assert!(alike, "`{name}` is {value} in {here}, {other} in {place}");
                }
            }
            sizes.push(plan.len());
        }
        assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{}: {sizes:?}", suite.info().name);
    }
}

#[test]
fn smoke_yields_whole_figures_tables_findings_and_comparisons_of_unique_names() {
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    let mut compared: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (suite, experiment, [smoke, quick]) in made_up() {
        // An experiment that has runs in preset `full` alone draws nothing in the others.
        let drawn = |reading: &Reading| reading.figures.iter().filter(|figure| !figure.panels.is_empty()).count();
        assert_eq!(drawn(smoke), drawn(quick), "{experiment}");
        assert!(!smoke.figures.is_empty() && !smoke.findings.is_empty(), "{experiment}");
        let mut once = |kind: &str, name: &str| {
            let before = names.insert(format!("{kind} {name}"), experiment);
            assert_eq!(before, None, "{kind} `{name}` is in {experiment} as well");
        };
        once("experiment", experiment);
        quick.figures.iter().for_each(|figure| once("figure", &figure.id));
        quick.findings.iter().for_each(|finding| once("finding", &finding.name));
        for (count, reading) in compared.entry(suite).or_default().iter_mut().zip([smoke, quick]) {
            *count += reading.comparisons.len();
            for panel in reading.figures.iter().flat_map(|figure| &figure.panels) {
                let mut points = panel.series.iter().flat_map(|series| &series.points).peekable();
                assert!(panel.heat.is_some() || points.peek().is_some(), "{experiment}: {panel:?}");
                assert!(points.all(|point| point.x.is_finite() && point.y.is_finite()), "{experiment}: {panel:?}");
            }
            for Table { title, columns, rows } in &reading.tables {
                let whole = rows.iter().all(|row| row.len() == columns.len());
                assert!(whole && rows.is_empty() == (drawn(reading) == 0), "{experiment}: {title}");
            }
        }
    }
    assert!(compared.values().all(|[smoke, quick]| (*smoke > 0) == (*quick > 0)), "[smoke, quick]: {compared:?}");
}

#[test]
fn without_results_settings_are_read_back_and_nothing_trained_is_decided() {
    let mut decided = BTreeSet::new();
    for (suite, experiment) in suites().iter().flat_map(experiments).filter(|(_, one)| !one.is_exact().unwrap()) {
        let plan = plan(suite, experiment, Preset::Quick);
        let planned: BTreeSet<String> = plan.iter().map(|run| run.place.label()).collect();
        let (reading, rows) = read(experiment, &plan.into_iter().map(not_run).collect::<Vec<_>>());
        assert_eq!(rows.iter().map(|row| format!("{}: {}", row[0], row[1])).collect::<BTreeSet<_>>(), planned);
        let found = reading.findings.into_iter().filter(|finding| finding.verdict != Verdict::NotMeasured);
        decided.extend(found.map(|finding| finding.name));
    }
    assert_eq!(decided, BTreeSet::from(EXACT.map(String::from)));
}

#[test]
fn every_finding_can_come_out_each_way() {
    let mut one_way = BTreeMap::new();
    for (suite, experiment) in suites().iter().flat_map(experiments).filter(|(_, one)| !one.is_exact().unwrap()) {
        let mut seen: BTreeMap<String, [bool; 2]> = BTreeMap::new();
        // Some findings need more values of an axis than preset `quick` has.
        for (preset, draws) in [(Preset::Quick, 2000), (Preset::Full, 50)] {
            if preset == Preset::Full && seen.values().all(|seen| *seen == [true; 2]) {
                continue;
            }
            let plan = plan(suite, experiment, preset);
            let facts = facts(&plan);
            for draw in 0..draws {
                if draw > 0 && seen.values().all(|seen| *seen == [true; 2]) {
                    break;
                }
                for finding in read(experiment, &World::draw(&plan, draw).outcomes(&plan, &facts)).0.findings {
                    let of_a_fit = OF_A_FIT.contains(&finding.name.as_str());
                    let seen = seen.entry(finding.name).or_insert([of_a_fit, false]);
                    seen[0] |= finding.verdict == Verdict::Holds;
                    seen[1] |= finding.verdict == Verdict::DoesNotHold;
                }
                seen.iter_mut()
                    .filter(|(name, _)| EXACT.contains(&name.as_str()) || *name == OF_FULL)
                    .for_each(|(_, seen)| *seen = [true; 2]);
            }
        }
        one_way.extend(seen.into_iter().filter(|(_, seen)| *seen != [true; 2]));
    }
    assert!(one_way.is_empty(), "[has held, has not held]: {one_way:#?}");
}

#[test]
fn requests_that_cannot_be_planned_are_errors() {
    let refused = |suite: &Suite, request: &PlanRequest| suite.plan(request).unwrap_err();
    let small = PlanRequest::new(Preset::Smoke);
    for suite in suites() {
        let error = refused(&suite, &PlanRequest { seeds: Some(0), ..small.clone() });
        assert_eq!((error.kind(), error.what(), error.value()), (ErrorKind::InvalidValue, Some("seeds"), Some("0")));
        let mine = ExtraModel { label: "mine".into(), model: Named::new("gru", json!({})), training: Params::new() };
        let error = refused(&suite, &PlanRequest { also: vec![mine.clone(), mine], ..small.clone() });
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(error.to_string(), "The model `mine` is asked for twice.");
        let memory_functions = vec![Named::new("airy", json!({}))];
        if !suite.experiments().any(AnyExperiment::places_memory_functions) {
            assert_eq!(refused(&suite, &PlanRequest { memory_functions, ..small.clone() }).kind(), ErrorKind::Usage);
        }
    }
}
