//! Results that are made up from random effects of the grid's axes.

use std::collections::BTreeMap;

use lookback_benchmarks::tasks::{recovery::RecoveryTaskConfig, retrieval::RetrievalTaskConfig};
use lookback_benchmarks::{
    Example, HeadProbe, Named, Outcome, Planned, Probe, RunResult, RunStatus, TASKS, TaskConfig,
};
use lookback_datasets::random::{Key, SampleRng};
use lookback_datasets::{DataFolder, Sample, retrieval::Retrieval};
use lookback_registry::Params;
use serde_json::Value;

pub fn not_run(planned: Planned) -> Outcome {
    Outcome { planned, result: None, probe: None, curve: Vec::new(), seconds: None }
}

/// What a task says of itself without training on it.
pub struct Facts {
    metrics: Vec<&'static str>,
    /// The true memory if learned ones are looked into, else empty.
    rho: Vec<f64>,
    spectra: usize,
    /// Samples whose attention is looked into, with the weights of heads that do as the target does.
    samples: Vec<(Sample, Vec<Vec<Vec<f64>>>)>,
}

impl Facts {
    pub fn of(named: &Named) -> Self {
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
pub type Attended = dyn Fn(&[f32]) -> Vec<Vec<Vec<f64>>>;

/// By head, the weights that the target itself gives to the keys of its inputs.
pub fn attended(task: &Named) -> Box<Attended> {
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
pub struct Trend {
    base: f64,
    effects: BTreeMap<String, Vec<(Value, f64)>>,
}

impl Trend {
    pub fn draw(axes: &[(String, Vec<Value>)], rng: &mut SampleRng) -> Self {
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

    pub fn at(&self, setting: &Params) -> f64 {
        let here =
            self.effects.iter().flat_map(|(axis, all)| all.iter().filter(move |(value, _)| *value == setting[axis]));
        self.base + here.map(|(_, effect)| effect).sum::<f64>()
    }
}

/// Made-up results of an experiment.
pub struct World {
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
    pub fn draw(plan: &[Planned], seed: u64) -> Self {
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

    pub fn level(&self, setting: &Params) -> f64 {
        let [first, second] = self.trends.each_ref().map(|trend| trend.at(setting));
        match &self.switch {
            Some((axis, values)) if !values.contains(&setting[axis]) => second,
            Some(_) => first,
            None => first.max(second),
        }
    }

    /// All runs of a plan as if they had finished.
    pub fn outcomes(&mut self, plan: &[Planned], facts: &BTreeMap<String, Facts>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for cell in plan.chunk_by(|left, right| left.place == right.place) {
            let level = self.level(&cell[0].place.setting) + self.scatter[0] * self.rng.uniform();
            outcomes.extend(cell.iter().map(|run| self.outcome(run, level, &facts[&task_key(run)])));
        }
        outcomes
    }

    pub fn outcome(&mut self, planned: &Planned, level: f64, facts: &Facts) -> Outcome {
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

    pub fn probe(&mut self, facts: &Facts, error: f64) -> Probe {
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
    pub fn told(&mut self, truth: f64) -> f64 {
        if self.faithful { truth } else { self.rng.uniform() }
    }

    /// The weights of a head on a sample.
    pub fn weights(&mut self, truth: &[Vec<f64>]) -> Vec<Vec<f64>> {
        truth.iter().map(|keys| keys.iter().map(|weight| self.told(*weight)).collect()).collect()
    }
}

/// The axes of a grid that have at least two values, numbers ascending, null last.
pub fn axes(plan: &[Planned]) -> Vec<(String, Vec<Value>)> {
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

pub fn task_key(planned: &Planned) -> String {
    serde_json::to_string(&planned.spec.task).unwrap()
}

pub fn facts(plan: &[Planned]) -> BTreeMap<String, Facts> {
    let tasks: BTreeMap<String, &Named> = plan.iter().map(|run| (task_key(run), &run.spec.task)).collect();
    tasks.into_iter().map(|(key, task)| (key, Facts::of(task))).collect()
}
