//! The suite `memory` on made-up results: its plans, every verdict both ways, every figure and table.

use std::collections::{BTreeMap, BTreeSet};

use burn_flex::Flex;
use lookback_benchmarks::suites::suite;
use lookback_benchmarks::{
    Analysis, ExtraModel, Named, Outcome, PlanRequest, Planned, Preset, Probe, RunResult, RunStatus, Verdict, task,
};
use lookback_datasets::DataFolder;
use lookback_models::Catalogue;
use serde_json::json;

const FINDINGS: [&str; 15] = [
    "not-below-floor",
    "exponential-solved",
    "exponential-flat",
    "polynomial-states",
    "polynomial-optimisation",
    "impulse-lti-states",
    "impulse-32-lti",
    "impulse-tcn-window",
    "impulse-32-tcn-covering",
    "impulse-32-tcn-short",
    "impulse-32-transformer-learned",
    "impulse-learned-independent",
    "impulse-alibi-degrades",
    "airy-states",
    "airy-states-trained",
];

const FIGURES: [&str; 8] = [
    "error-vs-alpha",
    "learned-memory",
    "error-vs-size",
    "impulse-response",
    "loss-curves",
    "stability",
    "memory-function",
    "hankel",
];

/// Statements about the best fits alone, which need no run.
const ORACLE: [&str; 2] = ["polynomial-states", "airy-states"];

/// The coordinates of a cell as the suite plans it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    memory: String,
    alpha: String,
    model: String,
    size: String,
}

impl Place {
    fn of(planned: &Planned) -> Self {
        let axis = |name: &str| planned.axes[name].clone();
        Self { memory: axis("memory"), alpha: axis("alpha"), model: axis("model"), size: axis("size") }
    }

    fn alpha(&self) -> f64 {
        self.alpha.parse().unwrap()
    }

    fn states(&self) -> Option<usize> {
        self.size.strip_suffix(" states")?.parse().ok()
    }
}

fn plan(preset: Preset, seeds: Option<usize>) -> Vec<Planned> {
    let request = PlanRequest { seeds, ..PlanRequest::new(preset) };
    suite("memory").unwrap().plan(&request, &Catalogue::default()).unwrap()
}

fn analyse(outcomes: &[Outcome]) -> Analysis {
    suite("memory").unwrap().analyse(outcomes, &Catalogue::default()).unwrap()
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

fn world(plan: &[Planned], nmse: impl Fn(&Place) -> f64) -> Vec<Outcome> {
    // Seeds differ a little, upwards, so that the smallest error is as given.
    let slightly = |planned: &Planned| 1.0 + 0.001 * planned.spec.seed as f64;
    plan.iter().map(|planned| finished(planned.clone(), nmse(&Place::of(planned)) * slightly(planned))).collect()
}

fn column(analysis: &Analysis, name: &str) -> usize {
    analysis.cells.columns.iter().position(|column| column == name).unwrap()
}

/// The floor of every cell that has one, from the table of cells.
fn floors(plan: &[Planned]) -> BTreeMap<Place, f64> {
    let outcomes: Vec<_> = plan.iter().cloned().map(not_run).collect();
    let analysis = analyse(&outcomes);
    let floor = column(&analysis, "floor");
    let rows = analysis.cells.rows.iter().filter(|row| !row[floor].is_empty());
    rows.map(|row| {
        let [memory, alpha, model, size] = [0, 1, 2, 3].map(|index: usize| row[index].clone());
        (Place { memory, alpha, model, size }, row[floor].parse().unwrap())
    })
    .collect()
}

/// What the theory says, as errors: close to the floors where there are any.
fn as_expected(place: &Place, floors: &BTreeMap<Place, f64>) -> f64 {
    let floor = floors.get(place).copied().unwrap_or(0.0);
    match (place.memory.as_str(), place.model.as_str()) {
        (_, "tcn-short" | "tcn-long") => floor + 1e-4,
        ("impulse", "transformer-alibi") => place.alpha() / 100.0 + 0.01,
        (_, "transformer-learned" | "lstm" | "gru") => 5e-3,
        ("polynomial", _) => 1e-3 / place.alpha() + floor,
        _ => 1.02 * floor + 1e-5,
    }
}

/// The opposite of every statement somewhere.
fn against_all(place: &Place, floors: &BTreeMap<Place, f64>) -> f64 {
    let floor = floors.get(place).copied().unwrap_or(0.0);
    match (place.memory.as_str(), place.model.as_str()) {
        ("impulse", "tcn-short" | "tcn-long" | "transformer-learned" | "transformer-alibi") => 0.5,
        ("exponential", _) => 0.5,
        ("polynomial", _) => 1e-3,
        ("airy", _) if place.states().is_some() => 1e-4,
        ("impulse", _) if place.alpha() == 32.0 => 5e-3,
        _ => floor,
    }
}

fn verdicts(analysis: &Analysis) -> BTreeMap<&str, Verdict> {
    analysis.findings.iter().map(|finding| (finding.name.as_str(), finding.verdict)).collect()
}

#[test]
fn every_plan_resolves_and_no_run_comes_twice() {
    let models = Catalogue::default();
    for preset in [Preset::Smoke, Preset::Quick, Preset::Full] {
        let plan = plan(preset, None);
        let mut ids = BTreeSet::new();
        for Planned { spec, axes } in &plan {
            assert!(ids.insert(spec.id()), "{axes:?} is planned twice");
            assert_eq!(axes.keys().map(String::as_str).collect::<Vec<_>>(), ["alpha", "memory", "model", "size"]);
            spec.training.validate().unwrap();
        }
        // Tasks and models repeat; each is checked once.
        let mut seen = BTreeSet::new();
        for Planned { spec, .. } in &plan {
            if !seen.insert(format!("{:?} {:?}", spec.task, spec.model)) {
                continue;
            }
            let entry = task::<Flex>(&spec.task.name).unwrap();
            assert_eq!((entry.kind.resolve)(&spec.task.params).unwrap(), spec.task.params, "a plan is resolved");
            let task = (entry.build)(&spec.task.params, &DataFolder::default()).unwrap();
            let model = *models.get(&spec.model.name).unwrap();
            let facts = model.facts(&spec.model.params, task.io()).unwrap();
            assert_eq!(facts.params, spec.model.params, "a plan is resolved");
        }
    }
}

#[test]
fn further_models_run_beside_those_of_the_suite() {
    let params = |value: serde_json::Value| value.as_object().unwrap().clone();
    let extra = |label: &str, d_state: i64| ExtraModel {
        label: label.into(),
        model: Named { name: "lru".into(), params: params(json!({"d_state": d_state})) },
        training: params(json!({"steps": 7})),
    };
    let plan_with = |extra_models: Vec<ExtraModel>| {
        let request = PlanRequest { extra_models, ..PlanRequest::new(Preset::Smoke) };
        suite("memory").unwrap().plan(&request, &Catalogue::default())
    };
    let plan = plan_with(vec![extra("lru:d_state=6", 6)]).unwrap();
    let (own, others): (Vec<_>, Vec<_>) = plan.into_iter().partition(|run| run.axes["model"] == "lru:d_state=6");
    assert_eq!(others, self::plan(Preset::Smoke, None));
    assert_eq!(own.len(), 8, "one run for each alpha of each memory");
    assert!(own.iter().all(|run| run.spec.model.params["d_state"] == 6 && run.spec.training.steps == 7));
    let analysis = analyse(&world(&own, |_| 0.5));
    let rows = analysis.summary.iter().flat_map(|table| &table.rows);
    assert_eq!(rows.filter(|row| row[0].starts_with("lru:d_state=6, ")).count(), 4, "{:?}", analysis.summary);

    let message = |extras: Vec<ExtraModel>| plan_with(extras).unwrap_err().chain();
    assert_eq!(message(vec![extra("gru", 6)]), "The preset already has a model with the label `gru`.");
    assert!(
        message(vec![extra("odd", 7)]).starts_with("The model `lru` cannot be built: `d_state` is 7, but it must be")
    );
}

#[test]
fn quick_covers_what_it_must() {
    let plan = plan(Preset::Quick, None);
    let places: Vec<_> = plan.iter().map(Place::of).collect();
    let distinct = |of: &dyn Fn(&Place) -> Option<String>| places.iter().filter_map(of).collect::<BTreeSet<_>>();
    assert!(distinct(&|place| Some(place.model.clone())).len() >= 8);
    for memory in ["exponential", "polynomial", "impulse", "airy"] {
        let alphas = distinct(&|place| (place.memory == memory).then(|| place.alpha.clone()));
        assert!(alphas.len() >= 4, "{memory}: {alphas:?}");
    }
    assert_eq!(plan.iter().map(|planned| planned.spec.seed).collect::<BTreeSet<_>>(), BTreeSet::from([0, 1]));
}

#[test]
fn findings_hold_on_what_theory_says() {
    let plan = plan(Preset::Quick, None);
    let floors = floors(&plan);
    let analysis = analyse(&world(&plan, |place| as_expected(place, &floors)));
    assert_eq!(analysis.findings.iter().map(|finding| finding.name.as_str()).collect::<Vec<_>>(), FINDINGS);
    for finding in &analysis.findings {
        assert_eq!(finding.verdict, Verdict::Holds, "{finding:#?}");
        assert!(finding.evidence.contains(|character: char| character.is_ascii_digit()), "{finding:#?}");
    }
    figures_are_drawn(&analysis);
    // The smallest error of a cell, beside its floor.
    let (min, floor) = (column(&analysis, "nmse_min"), column(&analysis, "floor"));
    let row = analysis.cells.rows.iter().find(|row| row[..4] == ["impulse", "32", "s4d", "16 states"]).unwrap();
    let ratio = row[min].parse::<f64>().unwrap() / row[floor].parse::<f64>().unwrap();
    assert!((ratio - 1.02).abs() < 1e-3, "{row:?}");
}

#[test]
fn findings_do_not_hold_against_contrary_results() {
    let mut plan = plan(Preset::Quick, None);
    let floors = floors(&plan);
    let mut outcomes = world(&plan, |place| against_all(place, &floors));
    // Memories that trade their alphas: required states then fall with alpha on airy, and only rise on polynomial.
    for outcome in &mut outcomes {
        let alpha = match (outcome.planned.axes["memory"].as_str(), outcome.planned.axes["alpha"].as_str()) {
            ("airy", "12") => "-1",
            ("polynomial", "3") => "0.1",
            _ => continue,
        };
        outcome.planned.axes.insert("alpha".into(), alpha.into());
    }
    let analysis = analyse(&outcomes);
    for finding in &analysis.findings {
        assert_eq!(finding.verdict, Verdict::DoesNotHold, "{finding:#?}");
        assert!(finding.evidence.starts_with("Against: "), "{finding:#?}");
    }
    // A TCN that learns what it cannot see is against the other half of the statement.
    plan.retain(|planned| planned.axes["memory"] == "impulse" && planned.axes["model"].starts_with("tcn"));
    let analysis = analyse(&world(&plan, |_| 1e-4));
    let verdicts = verdicts(&analysis);
    for name in ["impulse-tcn-window", "impulse-32-tcn-short", "not-below-floor"] {
        assert_eq!(verdicts[name], Verdict::DoesNotHold, "{name}");
    }
    assert_eq!(verdicts["impulse-32-tcn-covering"], Verdict::Holds);
}

#[test]
fn an_error_within_sampling_of_its_floor_is_not_below_it() {
    let mut plan = plan(Preset::Quick, None);
    plan.retain(|planned| planned.axes["memory"] == "impulse" && planned.axes["model"] == "s4d");
    let floors = floors(&plan);
    for (factor, expected) in [(0.98, Verdict::Holds), (0.93, Verdict::DoesNotHold)] {
        let analysis = analyse(&world(&plan, |place| factor * floors[place]));
        assert_eq!(verdicts(&analysis)["not-below-floor"], expected, "{factor}");
    }
}

#[test]
fn one_seed_decides_nothing_that_was_trained() {
    let plan = plan(Preset::Quick, Some(1));
    let floors = floors(&plan);
    let analysis = analyse(&world(&plan, |place| as_expected(place, &floors)));
    for finding in &analysis.findings {
        let decided = ORACLE.contains(&finding.name.as_str()) || finding.name == "not-below-floor";
        assert_eq!(finding.verdict == Verdict::NotMeasured, !decided, "{finding:#?}");
    }
    let note = column(&analysis, "note");
    assert!(analysis.cells.rows.iter().all(|row| row[note] == "one seed"));
}

#[test]
fn smoke_yields_every_figure_and_finding() {
    let plan = plan(Preset::Smoke, None);
    let analysis = analyse(&world(&plan, |_| 0.9));
    assert_eq!(analysis.findings.iter().map(|finding| finding.name.as_str()).collect::<Vec<_>>(), FINDINGS);
    figures_are_drawn(&analysis);
}

#[test]
fn nothing_run_is_no_error() {
    let outcomes: Vec<_> = plan(Preset::Smoke, None).into_iter().map(not_run).collect();
    let analysis = analyse(&outcomes);
    assert!(analysis.findings.iter().all(|finding| finding.verdict == Verdict::NotMeasured));
    assert!(analyse(&[]).cells.rows.is_empty());
}

#[test]
fn diverged_and_missing_runs_are_counted() {
    let mut plan = plan(Preset::Quick, Some(3));
    plan.retain(|planned| Place::of(planned).memory == "exponential" && planned.axes["model"] == "gru");
    let mut outcomes = world(&plan, |_| 0.25);
    assert_eq!(outcomes[0].planned.axes, outcomes[2].planned.axes);
    outcomes[1].result = None;
    let result = outcomes[2].result.as_mut().unwrap();
    (result.status, result.metrics) = (RunStatus::Diverged, BTreeMap::new());
    let analysis = analyse(&outcomes);
    let shown = |name: &str| analysis.cells.rows[0][column(&analysis, name)].as_str();
    assert_eq!([shown("seeds"), shown("diverged"), shown("missing"), shown("note")], ["1", "1", "1", "one seed"]);
    assert_eq!([shown("nmse_mean"), shown("nmse_sd"), shown("mse_min")], ["2.5000e-1", "", "1.2500e-1"]);
    let [table] = analysis.summary.as_slice() else { panic!("one memory, one table: {:?}", analysis.summary) };
    assert_eq!(table.columns, ["model", "alpha 0.01", "alpha 0.1", "alpha 0.5", "alpha 1"]);
    assert_eq!(table.rows[0], ["gru, 16 units", "0.25*", "0.25", "0.25", "0.25"]);
}

#[test]
fn outcomes_of_other_suites_are_errors() {
    let mut planned = plan(Preset::Smoke, None).swap_remove(0);
    planned.axes.remove("alpha");
    let error = suite("memory").unwrap().analyse(&[not_run(planned)], &Catalogue::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "A run of suite `memory` has no axis `alpha`; it must have memory, alpha, model, size."
    );
}

fn figures_are_drawn(analysis: &Analysis) {
    assert_eq!(analysis.figures.iter().map(|figure| figure.id.as_str()).collect::<Vec<_>>(), FIGURES);
    for figure in &analysis.figures {
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
    for table in analysis.summary.iter().chain([&analysis.cells]) {
        assert!(!table.rows.is_empty() && table.rows.iter().all(|row| row.len() == table.columns.len()));
    }
}
