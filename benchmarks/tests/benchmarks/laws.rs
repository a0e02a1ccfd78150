//! Laws that every experiment of every suite keeps: a new one needs no test of its own. Nothing is trained: results are
//! made up from random effects of the grid's axes, so that some draw agrees with a finding and another does not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;

use lookback_benchmarks::experiment::{AnyExperiment, Reading};
use lookback_benchmarks::tasks::{recovery::RecoveryTaskConfig, retrieval::RetrievalTaskConfig};
use lookback_benchmarks::{
    Example, ExtraModel, HeadProbe, Named, Outcome, PlanRequest, Planned, Preset, Probe, RunResult, RunStatus, SUITES,
    Suite, TASKS, Table, TaskConfig, Verdict,
};
use lookback_datasets::random::{Key, SampleRng};
use lookback_datasets::{DataFolder, Sample, retrieval::Retrieval};
use lookback_models::MODELS;
use lookback_registry::{ErrorKind, Params};
use serde_json::{Value, json};

/// Findings on best fits or exact values alone, which no result changes.
const EXACT: [&str; 3] = ["airy-states", "polynomial-states", "r3-rank-under-mixing"];

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

fn not_run(planned: Planned) -> Outcome {
    Outcome { planned, result: None, probe: None, curve: Vec::new(), seconds: None }
}

/// What a task says of itself without training on it.
struct Facts {
    metrics: Vec<&'static str>,
    /// The true memory if learned ones are looked into, else empty.
    rho: Vec<f64>,
    spectra: usize,
    /// Samples whose attention is looked into, with the weights of heads that do as the target does.
    samples: Vec<(Sample, Vec<Vec<Vec<f64>>>)>,
}

impl Facts {
    fn of(named: &Named) -> Self {
        let task = TASKS.get(&named.name).unwrap().task(&named.params, &DataFolder::default()).unwrap();
        let (io, probes) = (task.io(), task.probes());
        let outputs = 2 * io.output_length() * io.d_output;
        let metrics = task.metrics(&vec![0.25; outputs], &vec![0.0; outputs]);
        let [samples, spectra] = probes.attention.map_or([0; 2], |probed| [probed.weights, probed.spectra.min(4)]);
        let valid = (samples > 0).then(|| (task.valid().unwrap(), attended(named)));
        let probed = |index: usize| {
            let (samples, attended) = valid.as_ref()?;
            samples.get(index).map(|sample| (sample.clone(), attended(&sample.inputs)))
        };
        Self {
            metrics: metrics.into_iter().map(|(name, _)| name).collect(),
            rho: task.true_memory().filter(|_| probes.memory).unwrap_or_default(),
            spectra,
            samples: (0..samples).filter_map(probed).collect(),
        }
    }
}

/// The weights of each head, `[heads][queries][keys]`, from the inputs.
type Attended = dyn Fn(&[f32]) -> Vec<Vec<Vec<f64>>>;

/// By head, the weights that the target itself gives to the keys of its inputs.
fn attended(task: &Named) -> Box<Attended> {
    match task.name.as_str() {
        "retrieval" => {
            let config = RetrievalTaskConfig::read(&task.params).unwrap().data.retrieval;
            let (length, retrieval) = (config.length, Retrieval::new(config).unwrap());
            let only = move |time: usize| (0..length).map(|other| f64::from(u8::from(other == time))).collect();
            Box::new(move |inputs: &[f32]| {
                retrieval.retrieve(inputs).iter().map(|found| vec![only(found.time)]).collect()
            })
        }
        "attention-recovery" => {
            let config = RecoveryTaskConfig::read(&task.params).unwrap().data;
            Box::new(move |inputs: &[f32]| vec![config.weights(inputs)])
        }
        other => panic!("say here what the heads of a model of task `{other}` should attend to"),
    }
}

/// How a quantity depends on the axes of a grid: its decimal logarithm is a sum of one number per value of some axes.
struct Trend {
    base: f64,
    effects: BTreeMap<String, Vec<(Value, f64)>>,
}

impl Trend {
    fn draw(axes: &[(String, Vec<Value>)], rng: &mut SampleRng) -> Self {
        let base = [-20.0, 0.0, 8.0 * rng.uniform() - 7.0][rng.below(5).min(2)];
        let mut effects = BTreeMap::new();
        for _ in 0..rng.below(3).min(axes.len()) {
            let (axis, values) = &axes[rng.below(axes.len())];
            let (form, size, step) = (rng.below(3), 20.0 * rng.uniform() - 10.0, 1 + rng.below(values.len() - 1));
            let mut effect = |index: usize| match form {
                0 => size * index as f64 / (values.len() - 1) as f64,
                1 if index < step => 0.0,
                1 => size,
                _ => size * rng.uniform(),
            };
            let all = values.iter().enumerate().map(|(index, value)| (value.clone(), effect(index))).collect();
            effects.insert(axis.clone(), all);
        }
        Self { base, effects }
    }

    fn at(&self, setting: &Params) -> f64 {
        let here =
            self.effects.iter().flat_map(|(axis, all)| all.iter().filter(move |(value, _)| *value == setting[axis]));
        self.base + here.map(|(_, effect)| effect).sum::<f64>()
    }
}

/// Made-up results of an experiment.
struct World {
    rng: SampleRng,
    /// The larger one counts; with a switch the first at its values of an axis, the second at the others.
    trends: [Trend; 2],
    switch: Option<(String, Vec<Value>)>,
    /// Decades between the cells of one trend, and between the seeds of a cell.
    scatter: [f64; 2],
    /// No error is larger.
    most: f64,
    /// Whether heads attend to what they should, and outputs are right.
    faithful: bool,
}

impl World {
    fn draw(plan: &[Planned], seed: u64) -> Self {
        let mut rng = SampleRng::new(Key::new("made-up results", seed), 0);
        let axes = axes(plan);
        let mut trends = [Trend::draw(&axes, &mut rng), Trend::draw(&axes, &mut rng)];
        let form = rng.below(3);
        trends[1].base -= if form == 0 { 99.0 } else { 0.0 };
        let switch = (form == 1 && !axes.is_empty()).then(|| {
            let (axis, values) = &axes[rng.below(axes.len())];
            (axis.clone(), values[..1 + rng.below(values.len() - 1)].to_vec())
        });
        let scatter = [[0.0, 0.0, 4.0], [0.0, 0.01, 1.0]].map(|decades| decades[rng.below(3)]);
        let (most, faithful) = (if rng.happens(0.5) { 1.0 } else { f64::INFINITY }, rng.happens(0.5));
        Self { rng, trends, switch, scatter, most, faithful }
    }

    fn level(&self, setting: &Params) -> f64 {
        let [first, second] = self.trends.each_ref().map(|trend| trend.at(setting));
        match &self.switch {
            Some((axis, values)) if !values.contains(&setting[axis]) => second,
            Some(_) => first,
            None => first.max(second),
        }
    }

    /// All runs of a plan as if they had finished.
    fn outcomes(&mut self, plan: &[Planned], facts: &BTreeMap<String, Facts>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for cell in plan.chunk_by(|left, right| left.place == right.place) {
            let level = self.level(&cell[0].place.setting) + self.scatter[0] * self.rng.uniform();
            outcomes.extend(cell.iter().map(|run| self.outcome(run, level, &facts[&task_key(run)])));
        }
        outcomes
    }

    fn outcome(&mut self, planned: &Planned, level: f64, facts: &Facts) -> Outcome {
        let error = 10f64.powf(level + self.scatter[1] * self.rng.uniform()).min(self.most);
        // That data were generated is a metric as well.
        let value = |name: &str| if name == "generated" { 0.0 } else { error };
        Outcome {
            result: Some(RunResult {
                status: RunStatus::Finished,
                steps: planned.spec.training.steps,
                num_params: 1,
                metrics: facts.metrics.iter().map(|name| ((*name).to_owned(), value(name))).collect(),
                best: Some(error),
                train_loss: Some(error),
            }),
            probe: Some(self.probe(facts, error)),
            curve: vec![(1, error, error), (2, error, error)],
            ..not_run(planned.clone())
        }
    }

    fn probe(&mut self, facts: &Facts, error: f64) -> Probe {
        let learned: Vec<f64> = facts.rho.iter().map(|rho| rho * (1.0 - error.min(1.0))).collect();
        let mut heads = Vec::new();
        for head in 0..facts.samples.first().map_or(facts.spectra.min(1), |(_, heads)| heads.len()) {
            let weights = facts.samples.iter().map(|(_, heads)| self.weights(&heads[head])).collect();
            let singular_values =
                (1..=facts.spectra).map(|image| vec![error, error / 2.0, 1e-3 * error / image as f64]).collect();
            heads.push(HeadProbe { layer: 0, head, weights, singular_values });
        }
        let examples = facts.samples.iter().map(|(Sample { inputs, targets }, _)| Example {
            input: inputs.clone(),
            target: targets.clone(),
            output: targets.iter().map(|target| self.told(f64::from(*target)) as f32).collect(),
        });
        Probe {
            examples: examples.collect(),
            attention: heads,
            jacobian: learned.clone(),
            impulse: learned.clone(),
            memory_function: learned,
            stability: vec![(0.0, error), (1e-3, 2.0 * error), (1e-1, 1.0)],
            rho: facts.rho.clone(),
            largest_weight: Some(1.0),
        }
    }

    /// The truth, or anything.
    fn told(&mut self, truth: f64) -> f64 {
        if self.faithful { truth } else { self.rng.uniform() }
    }

    /// The weights of a head on a sample.
    fn weights(&mut self, truth: &[Vec<f64>]) -> Vec<Vec<f64>> {
        truth.iter().map(|keys| keys.iter().map(|weight| self.told(*weight)).collect()).collect()
    }
}

/// The axes of a grid that have at least two values, numbers ascending, null last.
fn axes(plan: &[Planned]) -> Vec<(String, Vec<Value>)> {
    let mut axes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (axis, value) in plan.iter().flat_map(|run| &run.place.setting) {
        let values = axes.entry(axis.clone()).or_default();
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    let number = |value: &Value| value.as_f64().unwrap_or(f64::INFINITY);
    for values in axes.values_mut().filter(|values| values.iter().all(|value| value.is_number() || value.is_null())) {
        values.sort_by(|left, right| number(left).total_cmp(&number(right)));
    }
    axes.into_iter().filter(|(_, values)| values.len() > 1).collect()
}

fn task_key(planned: &Planned) -> String {
    serde_json::to_string(&planned.spec.task).unwrap()
}

fn facts(plan: &[Planned]) -> BTreeMap<String, Facts> {
    let tasks: BTreeMap<String, &Named> = plan.iter().map(|run| (task_key(run), &run.spec.task)).collect();
    tasks.into_iter().map(|(key, task)| (key, Facts::of(task))).collect()
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
        let figures = |reading: &Reading| reading.figures.iter().map(|figure| figure.id.clone()).collect::<Vec<_>>();
        assert_eq!(figures(smoke), figures(quick), "{experiment}");
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
                assert!(!rows.is_empty() && rows.iter().all(|row| row.len() == columns.len()), "{experiment}: {title}");
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
        let plan = plan(suite, experiment, Preset::Quick);
        let facts = facts(&plan);
        let mut seen: BTreeMap<String, [bool; 2]> = BTreeMap::new();
        for draw in 0..2000 {
            for finding in read(experiment, &World::draw(&plan, draw).outcomes(&plan, &facts)).0.findings {
                let of_a_fit = OF_A_FIT.contains(&finding.name.as_str());
                let seen = seen.entry(finding.name).or_insert([of_a_fit, false]);
                seen[0] |= finding.verdict == Verdict::Holds;
                seen[1] |= finding.verdict == Verdict::DoesNotHold;
            }
            seen.retain(|name, _| !EXACT.contains(&name.as_str()));
            if seen.values().all(|seen| *seen == [true; 2]) {
                break;
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
