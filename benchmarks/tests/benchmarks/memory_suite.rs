//! The suite `memory` on made-up results: its plans, every verdict both ways, every figure and table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use lookback_benchmarks::{
    Analysis, ExtraModel, Named, Outcome, PlanRequest, Planned, Preset, Probe, RunResult, RunStatus, SUITES, TASKS,
    Table, Verdict,
};
use lookback_models::{MODELS, ModelFacts};
use lookback_registry::{ErrorKind, Params, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// Statements about the best fits alone, which need no run.
const ORACLE: [&str; 2] = ["polynomial-states", "airy-states"];

/// A setting of the suite's experiments.
#[derive(Debug, Clone, Deserialize)]
struct Place {
    memory: String,
    alpha: Option<f64>,
    model: String,
    states: Option<usize>,
    budget: Option<usize>,
}

impl Place {
    fn of(planned: &Planned) -> Self {
        serde_json::from_value(Value::Object(planned.place.setting.clone())).unwrap()
    }
}

fn plan_of(request: &PlanRequest) -> Result<Vec<Planned>> {
    SUITES.get("memory").unwrap().suite().plan(request)
}

fn plan(preset: Preset, seeds: Option<usize>) -> Vec<Planned> {
    plan_of(&PlanRequest { seeds, ..PlanRequest::new(preset) }).unwrap()
}

fn only(mut plan: Vec<Planned>, fits: impl Fn(&Place) -> bool) -> Vec<Planned> {
    plan.retain(|planned| fits(&Place::of(planned)));
    plan
}

fn analyse(outcomes: &[Outcome]) -> Analysis {
    SUITES.get("memory").unwrap().suite().analyse(outcomes).unwrap()
}

fn ids<'a>(plan: impl IntoIterator<Item = &'a Planned>) -> BTreeSet<String> {
    plan.into_iter().map(|planned| planned.spec.id()).collect()
}

fn not_run(planned: Planned) -> Outcome {
    Outcome { planned, result: None, probe: None, curve: Vec::new(), seconds: None }
}

/// A finished run with this NMSE and all diagnostics.
fn finished(planned: Planned, nmse: f64) -> Outcome {
    let length = planned.spec.task.params["length"].as_u64().unwrap() as usize;
    let over_lags: Vec<f64> = (0..length).map(|lag| 0.9f64.powi(lag as i32)).collect();
    let metrics = BTreeMap::from([("nmse".to_string(), nmse), ("mse".to_string(), nmse / 2.0)]);
    Outcome {
        result: Some(RunResult {
            status: RunStatus::Finished,
            steps: 10,
            num_params: 100,
            metrics,
            best: Some(nmse),
            train_loss: Some(nmse),
        }),
        probe: Some(Probe {
            jacobian: over_lags.clone(),
            impulse: over_lags.clone(),
            memory_function: over_lags.clone(),
            stability: vec![(0.0, nmse), (1e-3, nmse * 2.0), (1e-1, 1.0)],
            rho: over_lags,
            ..Probe::default()
        }),
        curve: vec![(5, 1.0, 0.9), (10, 0.5, nmse)],
        seconds: None,
        planned,
    }
}

/// All runs of a plan with the error that a setting and its floor in `quick` (0 where none is known) come to.
fn world(plan: &[Planned], nmse: impl Fn(&Place, f64) -> f64) -> Vec<Outcome> {
    let outcome = |planned: &Planned| {
        // Seeds differ a little, upwards, so that the smallest error is as given.
        let slightly = 1.0 + 0.001 * planned.spec.seed as f64;
        let floor = FLOORS.get(&class(planned)).copied().unwrap_or(0.0);
        finished(planned.clone(), nmse(&Place::of(planned), floor) * slightly)
    };
    plan.iter().map(outcome).collect()
}

fn facts(planned: &Planned) -> ModelFacts {
    let io = TASKS.get("memory").unwrap().io(&planned.spec.task.params).unwrap();
    MODELS.get(&planned.spec.model.name).unwrap().facts(&planned.spec.model.params, io).unwrap()
}

/// What runs of one floor share: memory, alpha, model, number of parameters.
fn class(planned: &Planned) -> [String; 4] {
    let place = Place::of(planned);
    let alpha = place.alpha.map_or("none".into(), |alpha| alpha.to_string());
    [place.memory, alpha, place.model, facts(planned).num_params.to_string()]
}

fn tables(analysis: &Analysis) -> impl Iterator<Item = &Table> {
    analysis.experiments().flat_map(|experiment| &experiment.reading.tables)
}

/// Rows of a table as entries by column.
fn entries(table: &Table) -> impl Iterator<Item = BTreeMap<&str, &str>> {
    let columns = || table.columns.iter().map(String::as_str);
    table.rows.iter().map(move |row| columns().zip(row.iter().map(String::as_str)).collect())
}

/// The floor of every class of runs of `quick` that has one.
static FLOORS: LazyLock<BTreeMap<[String; 4], f64>> = LazyLock::new(|| {
    let outcomes: Vec<_> = plan(Preset::Quick, Some(1)).into_iter().map(not_run).collect();
    let analysis = analyse(&outcomes);
    let rows = tables(&analysis).flat_map(entries).filter(|row| row.contains_key("floor"));
    let class =
        |row: &BTreeMap<&str, &str>| ["memory", "alpha", "model", "parameters"].map(|name| row[name].to_string());
    rows.map(|row| (class(&row), row["floor"].parse().unwrap())).collect()
});

/// What the theory says, as errors: close to the floors where there are any.
fn as_expected(place: &Place, floor: f64) -> f64 {
    let alpha = place.alpha.unwrap();
    match (place.memory.as_str(), place.model.as_str()) {
        (_, "tcn-short" | "tcn-long") => floor + 1e-4,
        ("impulse", "transformer-alibi") => alpha / 100.0 + 0.01,
        (_, "transformer-learned" | "lstm" | "gru") => 5e-3,
        ("polynomial", _) => 1e-3 / alpha + floor,
        _ => 1.02 * floor + 1e-5,
    }
}

/// The opposite of every statement somewhere.
fn against_all(place: &Place, floor: f64) -> f64 {
    match (place.memory.as_str(), place.model.as_str()) {
        ("impulse", "tcn-short" | "tcn-long" | "transformer-learned" | "transformer-alibi") => 0.5,
        ("exponential", _) => 0.5,
        ("polynomial", _) => 1e-3,
        ("airy", "linear-rnn" | "s4d" | "lru") => 1e-4,
        ("impulse", _) if place.alpha == Some(32.0) => 5e-3,
        _ => floor,
    }
}

fn verdicts(analysis: &Analysis) -> BTreeMap<&str, Verdict> {
    analysis.findings().map(|finding| (finding.name.as_str(), finding.verdict)).collect()
}

#[test]
fn experiments_share_the_runs_of_default_sizes() {
    let plan = plan(Preset::Full, Some(1));
    let of = |name: &str| plan.iter().filter(|planned| planned.place.experiment == name).collect::<Vec<_>>();
    let strength = ids(of("strength"));
    for runs in [of("states"), of("budget")] {
        assert_eq!(ids(runs.iter().copied()).len(), runs.len(), "no run comes twice in an experiment");
    }
    for planned in of("states").into_iter().chain(of("budget")) {
        let Place { states, budget, .. } = Place::of(planned);
        let is_default = states == Some(16) || (states, budget) == (None, None);
        assert!(!is_default || strength.contains(&planned.spec.id()), "{planned:?}");
    }
}

#[test]
fn further_models_run_beside_those_of_the_suite() {
    let extra = |label: &str, d_state: i64| ExtraModel {
        label: label.into(),
        model: Named::new("lru", json!({"d_state": d_state})),
        training: Params::from_iter([("steps".into(), json!(7))]),
    };
    let plan_with = |also: Vec<ExtraModel>| plan_of(&PlanRequest { also, ..PlanRequest::new(Preset::Smoke) });
    let plan = plan_with(vec![extra("lru:d_state=6", 6)]).unwrap();
    let (own, others): (Vec<_>, Vec<_>) =
        plan.into_iter().partition(|run| run.place.setting["model"] == "lru:d_state=6");
    assert_eq!(others, self::plan(Preset::Smoke, None));
    assert_eq!(ids(&own).len(), 8, "one run for each alpha of each memory");
    assert!(own.iter().all(|run| run.spec.model.params["d_state"] == 6 && run.spec.training.steps == 7));
    let analysis = analyse(&world(&own, |_, _| 0.5));
    let rows = tables(&analysis).flat_map(|table| &table.rows);
    assert_eq!(rows.filter(|row| row[0].starts_with("lru:d_state=6, ")).count(), 4, "{analysis:?}");

    let error = |extras: Vec<ExtraModel>| plan_with(extras).unwrap_err();
    let taken = error(vec![extra("gru", 6)]);
    assert_eq!(taken.kind(), ErrorKind::Usage);
    assert!(taken.chain().ends_with("The preset already has a model with the label `gru`."), "{}", taken.chain());
    let odd = error(vec![extra("odd", 7)]);
    assert_eq!((odd.kind(), odd.what(), odd.value()), (ErrorKind::InvalidValue, Some("d_state"), Some("7")));
}

#[test]
fn further_memory_functions_are_memories_of_their_own() {
    let plan_with = |functions: &[(&str, Value)]| {
        let memory_functions = functions.iter().map(|(name, params)| Named::new(name, params.clone())).collect();
        plan_of(&PlanRequest { memory_functions, ..PlanRequest::new(Preset::Smoke) })
    };
    let own = ids(&plan(Preset::Smoke, None));
    let plan = plan_with(&[
        ("two-parts", json!({"shift": 4})),
        ("damped-cosine", json!({"alpha": 0.1, "omega": 0.25})),
        ("damped-cosine", json!({"alpha": 0.2, "omega": 0.25})),
        ("exponential", json!({"alpha": 0.3})),
        ("exponential", json!({"alpha": 0.1})),
    ])
    .unwrap();
    assert!(ids(&plan).is_superset(&own));
    assert_eq!(ids(&plan).len(), own.len() + 4 * 4, "four models on four further functions");
    let analysis = analyse(&world(&plan, |_, _| 0.5));
    figures_are_drawn(&analysis);
    let columns = |memory: &str| {
        let title = format!("{memory}: mean NMSE");
        tables(&analysis).find(|table| table.title == title).map(|table| table.columns[1..].to_vec()).unwrap()
    };
    assert_eq!(columns("two-parts:shift=4"), ["alpha none"]);
    assert_eq!(columns("damped-cosine:omega=0.25"), ["alpha 0.1", "alpha 0.2"]);
    assert_eq!(columns("exponential"), ["alpha 0.1", "alpha 0.3", "alpha 0.5"]);
    let memories: Vec<&str> = tables(&analysis).filter_map(|table| table.title.strip_suffix(": mean NMSE")).collect();
    assert_eq!(memories[..4], ["exponential", "polynomial", "impulse", "airy"]);
    let learned = analysis.figures().find(|figure| figure.id == "learned-memory").unwrap();
    assert!(learned.panels.iter().any(|panel| panel.title.starts_with("two-parts:shift=4 (")));

    assert_eq!(plan_with(&[("no-such-memory", json!({}))]).unwrap_err().kind(), ErrorKind::UnknownName);
}

#[test]
fn quick_covers_what_it_must() {
    let plan = plan(Preset::Quick, None);
    let distinct =
        |of: &dyn Fn(Place) -> Option<String>| plan.iter().map(Place::of).filter_map(of).collect::<BTreeSet<_>>().len();
    assert!(distinct(&|place| Some(place.model)) >= 8);
    for memory in ["exponential", "polynomial", "impulse", "airy"] {
        let alpha = |place: Place| Some(place.alpha?.to_string()).filter(|_| place.memory == memory);
        assert!(distinct(&alpha) >= 4, "{memory}");
    }
    assert_eq!(plan.iter().map(|planned| planned.spec.seed).collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
}

#[test]
fn findings_hold_on_what_theory_says() {
    let analysis = analyse(&world(&plan(Preset::Quick, None), as_expected));
    for finding in analysis.findings() {
        assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
        assert!(finding.evidence.contains(|character: char| character.is_ascii_digit()), "{finding:#?}");
    }
    figures_are_drawn(&analysis);
    // The smallest error of a cell, beside its floor.
    let is_of = |row: &BTreeMap<&str, &str>| {
        row.contains_key("floor")
            && ["memory", "alpha", "model", "size"].map(|name| row[name]) == ["impulse", "32", "s4d", "16 states"]
    };
    let row = tables(&analysis).flat_map(entries).find(is_of).unwrap();
    let ratio = row["smallest"].parse::<f64>().unwrap() / row["floor"].parse::<f64>().unwrap();
    assert!((ratio - 1.02).abs() < 1e-3, "{row:?}");
}

#[test]
fn findings_do_not_hold_against_contrary_results() {
    let plan = plan(Preset::Quick, None);
    let mut outcomes = world(&plan, against_all);
    // Memories that trade their alphas: required states then fall with alpha on airy, and only rise on polynomial.
    for outcome in &mut outcomes {
        let place = Place::of(&outcome.planned);
        let alpha = match (place.memory.as_str(), place.alpha) {
            ("airy", Some(12.0)) => -1.0,
            ("polynomial", Some(3.0)) => 0.1,
            _ => continue,
        };
        outcome.planned.place.setting.insert("alpha".into(), json!(alpha));
    }
    let analysis = analyse(&outcomes);
    for finding in analysis.findings() {
        assert_eq!(finding.verdict, Verdict::DoesNotHold, "{finding:#?}");
        assert!(finding.evidence.starts_with("Against: "), "{finding:#?}");
    }
    // A TCN that learns what it cannot see is against the other half of the statement.
    let plan = only(plan, |place| place.memory == "impulse" && place.model.starts_with("tcn"));
    let analysis = analyse(&world(&plan, |_, _| 1e-4));
    let verdicts = verdicts(&analysis);
    for name in ["impulse-tcn-window", "impulse-32-tcn-short", "not-below-floor"] {
        assert_eq!(verdicts[name], Verdict::DoesNotHold, "{name}");
    }
    assert_eq!(verdicts["impulse-32-tcn-covering"], Verdict::Holds);
}

#[test]
fn an_error_within_sampling_of_its_floor_is_not_below_it() {
    let plan = only(plan(Preset::Quick, None), |place| place.memory == "impulse" && place.model == "s4d");
    for (factor, expected) in [(0.98, Verdict::Holds), (0.93, Verdict::DoesNotHold)] {
        let analysis = analyse(&world(&plan, |_, floor| factor * floor));
        let verdicts = verdicts(&analysis);
        assert_eq!([verdicts["not-below-floor"], verdicts["states-not-below-floor"]], [expected; 2], "{factor}");
    }
}

#[test]
fn one_seed_decides_nothing_that_was_trained() {
    let analysis = analyse(&world(&plan(Preset::Quick, Some(1)), as_expected));
    for finding in analysis.findings() {
        let decided = ORACLE.contains(&finding.name.as_str()) || finding.name.ends_with("not-below-floor");
        assert_eq!(finding.verdict == Verdict::NotMeasured, !decided, "{finding:#?}");
    }
    let mut rows = tables(&analysis).flat_map(entries).filter(|row| row.contains_key("floor"));
    assert!(rows.all(|row| row["mean NMSE"].ends_with('*')), "one seed is marked");
}

#[test]
fn budgets_are_read_over_parameters() {
    let mut plan = only(plan(Preset::Full, Some(2)), |place| {
        place.memory == "exponential" && place.alpha == Some(0.1) && ["gru", "tcn-short"].contains(&&*place.model)
    });
    plan.retain(|planned| planned.place.experiment == "budget");
    for (error, expected) in [(0.5, Verdict::Holds), (0.0, Verdict::DoesNotHold)] {
        let analysis = analyse(&world(&plan, |_, _| error));
        assert_eq!(verdicts(&analysis), BTreeMap::from([("budget-not-below-floor", expected)]));
        figures_are_drawn(&analysis);
        let [panel] = &analysis.figures().next().unwrap().panels[..] else { panic!("one problem, one panel") };
        assert_eq!(panel.series.iter().map(|series| series.label.as_str()).collect::<Vec<_>>(), ["gru", "tcn-short"]);
        assert!(panel.series.iter().all(|series| series.points.len() == 5), "four budgets and the default size");
    }
}

#[test]
fn learned_memories_are_shown_at_an_alpha_that_has_been_run() {
    let plan = only(plan(Preset::Quick, None), |place| place.memory == "impulse" && place.model == "gru");
    for (run, expected) in [
        (&[1.0, 8.0, 32.0, 64.0][..], "impulse, alpha = 32 (recurrent)"),
        (&[8.0, 64.0], "impulse, alpha = 64 (recurrent)"),
        (&[1.0, 8.0], "impulse, alpha = 8 (recurrent)"),
    ] {
        let mut outcomes = world(&plan, as_expected);
        for outcome in &mut outcomes {
            if !run.contains(&Place::of(&outcome.planned).alpha.unwrap()) {
                *outcome = not_run(outcome.planned.clone());
            }
        }
        let analysis = analyse(&outcomes);
        let learned = analysis.figures().find(|figure| figure.id == "learned-memory").unwrap();
        assert_eq!(learned.panels.iter().map(|panel| panel.title.as_str()).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn nothing_run_is_no_error() {
    let outcomes: Vec<_> = plan(Preset::Smoke, None).into_iter().map(not_run).collect();
    let analysis = analyse(&outcomes);
    assert!(analysis.findings().all(|finding| finding.verdict == Verdict::NotMeasured));
    assert!(analyse(&[]).cells.rows.is_empty());
}

#[test]
fn diverged_and_missing_runs_are_counted() {
    let plan = only(plan(Preset::Quick, Some(3)), |place| place.memory == "exponential" && place.model == "gru");
    let mut outcomes = world(&plan, |_, _| 0.25);
    assert_eq!(outcomes[0].planned.place, outcomes[2].planned.place);
    outcomes[1].result = None;
    let result = outcomes[2].result.as_mut().unwrap();
    (result.status, result.metrics) = (RunStatus::Diverged, BTreeMap::new());
    let analysis = analyse(&outcomes);
    let of = |metric: &str| entries(&analysis.cells).find(|row| row["metric"] == metric).unwrap();
    let nmse = of("nmse");
    assert_eq!([nmse["seeds"], nmse["diverged"], nmse["missing"]], ["1", "1", "1"]);
    assert_eq!([nmse["mean"], nmse["sd"], of("mse")["min"]], ["2.5000e-1", "", "1.2500e-1"]);
    let [table] = &tables(&analysis).collect::<Vec<_>>()[..] else { panic!("one memory, one table: {analysis:?}") };
    assert_eq!(table.columns, ["model", "alpha 0.01", "alpha 0.1", "alpha 0.5", "alpha 1"]);
    assert_eq!(table.rows[0], ["gru, 16 units", "0.25*", "0.25", "0.25", "0.25"]);
}

#[test]
fn outcomes_of_other_suites_are_errors() {
    let mut planned = plan(Preset::Smoke, None).swap_remove(0);
    planned.place.setting.remove("memory");
    let error = SUITES.get("memory").unwrap().suite().analyse(&[not_run(planned)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

fn figures_are_drawn(analysis: &Analysis) {
    for figure in analysis.figures() {
        assert!(!figure.panels.is_empty() && figure.columns > 0, "{}", figure.id);
        for panel in &figure.panels {
            assert!(!panel.series.is_empty(), "{}: {}", figure.id, panel.title);
            for series in &panel.series {
                assert!(!series.points.is_empty(), "{}: {} of {}", figure.id, series.label, panel.title);
                let finite = |value: f64| value.is_finite();
                assert!(series.points.iter().all(|point| finite(point.x) && finite(point.y)), "{}", figure.id);
            }
        }
    }
    for table in tables(analysis).chain([&analysis.cells]) {
        assert!(!table.rows.is_empty() && table.rows.iter().all(|row| row.len() == table.columns.len()));
    }
}
