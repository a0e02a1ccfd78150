//! Suites: lists of experiments that are planned and read together.

use std::collections::BTreeSet;
use std::sync::Arc;

use lookback_models::MODELS;
use lookback_registry::{Entry, Error, ErrorKind, Params, Result, parse, to_params};

use super::cells::{Cell, Cells};
use super::outcome::Outcome;
use super::plan::{ExtraModel, Place, PlanRequest, Planned, Preset, label};
use super::reading::{Analysis, Chapter, ExperimentInfo, ExperimentReading, SuiteInfo};
use super::table::Table;
use super::{Experiment, Setting};
use crate::spec::{Named, RunSpec, SPEC_VERSION, TrainingConfig};
use crate::tasks::TASKS;

/// An [`Experiment`] of any setting.
pub trait AnyExperiment: Send + Sync {
    /// Name, title, what differs from the paper.
    fn info(&self) -> ExperimentInfo;

    /// Whether it needs no data from elsewhere.
    fn is_synthetic(&self) -> bool;

    /// Whether it has cells for memory functions of the request.
    fn places_memory_functions(&self) -> bool;

    /// Whether it trains nothing: its reading is exact.
    ///
    /// # Errors
    /// As [`Experiment::grid`].
    fn is_exact(&self) -> Result<bool>;

    /// All runs that are asked for, with every default filled in, as runs of `suite`.
    ///
    /// # Errors
    /// A task or model that is unknown or not valid.
    fn plan(&self, suite: &str, request: &PlanRequest) -> Result<Vec<Planned>>;

    /// What the outcomes of this experiment say, and a row of statistics per metric and cell.
    ///
    /// # Errors
    /// An outcome that is not of this experiment.
    fn read(&self, outcomes: &[&Outcome]) -> Result<(ExperimentReading, Vec<Vec<String>>)>;
}

impl<E: Experiment> AnyExperiment for E {
    fn info(&self) -> ExperimentInfo {
        Experiment::info(self)
    }

    fn is_synthetic(&self) -> bool {
        Experiment::is_synthetic(self)
    }

    fn places_memory_functions(&self) -> bool {
        Experiment::places_memory_functions(self)
    }

    fn is_exact(&self) -> Result<bool> {
        Ok(self.grid(&PlanRequest::new(Preset::Full))?.is_empty())
    }

    fn plan(&self, suite: &str, request: &PlanRequest) -> Result<Vec<Planned>> {
        let name = Experiment::info(self).name;
        let in_place = |error: Error| error.context(format!("Experiment {name} cannot be planned"));
        let seeds = request.seeds.unwrap_or_else(|| self.seeds(request.preset)) as u64;
        let mut runs = Vec::new();
        let mut learned: Vec<Named> = Vec::new();
        for trial in self.grid(request).map_err(in_place)? {
            let place = |also: Option<&ExtraModel>| Place {
                suite: suite.to_owned(),
                experiment: name.to_owned(),
                setting: to_params(&trial.setting),
                also: also.map(|model| model.label.clone()),
            };
            let spec = resolve(&trial.task, &trial.model, &trial.training).map_err(in_place)?;
            if !self.places_models() && !learned.contains(&spec.task) {
                for extra in &request.also {
                    let training = extra.training(&trial.training).map_err(in_place)?;
                    let spec = resolve(&trial.task, &extra.model, &training).map_err(in_place)?;
                    runs.extend(over_seeds(&spec, &place(Some(extra)), seeds));
                }
                learned.push(spec.task.clone());
            }
            runs.extend(over_seeds(&spec, &place(None), seeds));
        }
        Ok(runs)
    }

    fn read(&self, outcomes: &[&Outcome]) -> Result<(ExperimentReading, Vec<Vec<String>>)> {
        let info = Experiment::info(self);
        let in_place = |error: Error| error.context(format!("Experiment {}", info.name));
        let (further, own): (Vec<&Outcome>, Vec<&Outcome>) =
            outcomes.iter().partition(|outcome| outcome.planned.place.also.is_some());
        let cells = Cells::<E::Setting>::collect(&own).map_err(in_place)?;
        let mut reading = Experiment::read(self, &cells).map_err(in_place)?;
        let mut rows: Vec<Vec<String>> = cells.iter().flat_map(|cell| cell_rows(info.name, "", cell)).collect();
        let further = further_models::<E::Setting>(&further).map_err(in_place)?;
        for (label, cell) in &further {
            rows.extend(cell_rows(info.name, label, cell));
        }
        if !further.is_empty() {
            reading.tables.push(further_table(&further));
        }
        Ok((ExperimentReading { info, reading }, rows))
    }
}

impl ExtraModel {
    /// The training of an experiment with what differs for this model.
    ///
    /// # Errors
    /// A field that is unknown or not valid.
    pub fn training(&self, base: &TrainingConfig) -> Result<TrainingConfig> {
        let mut training = to_params(base);
        training.extend(self.training.clone());
        let owner = format!("the training of `{}`", self.label);
        let training: TrainingConfig = parse(&owner, &training)?;
        training.validate().map_err(|error| error.of_parameters(&owner))?;
        Ok(training)
    }
}

/// The spec of seed 0 with every default filled in, checked.
fn resolve(task: &Named, model: &Named, training: &TrainingConfig) -> Result<RunSpec> {
    let entry = TASKS.get(&task.name)?;
    let task = Named { name: task.name.clone(), params: entry.resolve(&task.params)? };
    let params: Params = MODELS.get(&model.name)?.facts(&model.params, entry.io(&task.params)?)?.params;
    training.validate().map_err(|error| error.of_parameters("the training"))?;
    let model = Named { name: model.name.clone(), params };
    Ok(RunSpec { version: SPEC_VERSION, task, model, training: training.clone(), seed: 0 })
}

fn over_seeds(spec: &RunSpec, place: &Place, seeds: u64) -> impl Iterator<Item = Planned> {
    (0..seeds).map(move |seed| Planned { spec: RunSpec { seed, ..spec.clone() }, place: place.clone() })
}

/// Cells of models that are not the experiment's own, with their labels.
fn further_models<'a, S: Setting>(outcomes: &[&'a Outcome]) -> Result<Vec<(String, Cell<'a, S>)>> {
    let labels: BTreeSet<&String> = outcomes.iter().filter_map(|outcome| outcome.planned.place.also.as_ref()).collect();
    let mut all = Vec::new();
    for label in labels {
        let own: Vec<&Outcome> =
            outcomes.iter().copied().filter(|outcome| outcome.planned.place.also.as_ref() == Some(label)).collect();
        all.extend(Cells::collect(&own)?.iter().map(|cell| (label.clone(), cell.clone())));
    }
    Ok(all)
}

fn further_table<S: Setting>(cells: &[(String, Cell<'_, S>)]) -> Table {
    let metrics: BTreeSet<&String> = cells.iter().flat_map(|(_, cell)| cell.metrics.keys()).collect();
    let columns = ["model", "task of", "parameters"].map(String::from).into_iter();
    let rows = cells.iter().map(|(label, cell)| {
        let head = [label.clone(), cell.place(), cell.facts.num_params.to_string()].into_iter();
        head.chain(metrics.iter().map(|metric| cell.entry(metric))).collect()
    });
    Table {
        title: "further models, smallest over seeds".into(),
        rows: rows.collect(),
        columns: columns.chain(metrics.iter().map(|metric| (*metric).clone())).collect(),
    }
}

/// The columns of [`Analysis::cells`].
const COLUMNS: [&str; 14] = [
    "experiment",
    "place",
    "also",
    "model",
    "parameters",
    "seeds",
    "diverged",
    "missing",
    "metric",
    "mean",
    "sd",
    "min",
    "low",
    "high",
];

/// One row per metric of a cell.
fn cell_rows<S: Setting>(experiment: &str, also: &str, cell: &Cell<'_, S>) -> Vec<Vec<String>> {
    let model = cell.outcomes.first().map_or("", |outcome| outcome.planned.spec.model.name.as_str());
    let place = label(&to_params(&cell.setting));
    let common = |n: usize, metric: &str| {
        vec![
            experiment.to_owned(),
            place.clone(),
            also.to_owned(),
            model.to_owned(),
            cell.facts.num_params.to_string(),
            n.to_string(),
            cell.diverged.to_string(),
            cell.missing.to_string(),
            metric.to_owned(),
        ]
    };
    if cell.metrics.is_empty() {
        return vec![[common(0, ""), vec![String::new(); 5]].concat()];
    }
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4e}"));
    let row = |(name, summary): (&String, &super::stats::Summary)| {
        let mut row = common(summary.n, name);
        row.extend([
            number(Some(summary.mean)),
            number((summary.n > 1).then_some(summary.sd)),
            number(Some(summary.min)),
            number(summary.interval.map(|interval| interval.0)),
            number(summary.interval.map(|interval| interval.1)),
        ]);
        row
    };
    cell.metrics.iter().map(row).collect()
}

/// The experiments of one suite within a [`Suite`].
#[derive(Clone)]
struct Part {
    info: SuiteInfo,
    experiments: Vec<Arc<dyn AnyExperiment>>,
}

/// A list of experiments.
///
/// ```
/// use lookback_benchmarks::experiment::{PlanRequest, Preset};
/// use lookback_benchmarks::suites::SUITES;
///
/// let heads = SUITES.get("heads")?.suite();
/// let runs = heads.plan(&PlanRequest::new(Preset::Smoke))?;
/// assert!(runs.iter().any(|run| run.place.label() == "H1: T=4, h=1"));
/// # Ok::<(), lookback_registry::Error>(())
/// ```
#[derive(Clone)]
pub struct Suite {
    info: SuiteInfo,
    parts: Vec<Part>,
}

impl Suite {
    /// An empty suite.
    pub fn new(info: SuiteInfo) -> Self {
        Self { info, parts: vec![Part { info, experiments: Vec::new() }] }
    }

    /// Adds an experiment at the end.
    #[must_use]
    pub fn with(mut self, experiment: impl Experiment) -> Self {
        self.parts.last_mut().expect("a suite has a part").experiments.push(Arc::new(experiment));
        self
    }

    /// All experiments of several suites.
    pub fn joined(info: SuiteInfo, suites: impl IntoIterator<Item = Self>) -> Self {
        Self { info, parts: suites.into_iter().flat_map(|suite| suite.parts).collect() }
    }

    /// The same suite with the experiments alone that need no data from elsewhere.
    #[must_use]
    pub fn synthetic(mut self) -> Self {
        self.parts.iter_mut().for_each(|part| part.experiments.retain(|experiment| experiment.is_synthetic()));
        self
    }

    /// Name, title, summary, source.
    pub fn info(&self) -> SuiteInfo {
        self.info
    }

    /// Its experiments, in order.
    pub fn experiments(&self) -> impl Iterator<Item = &dyn AnyExperiment> {
        self.parts.iter().flat_map(|part| &part.experiments).map(AsRef::as_ref)
    }

    /// All runs that are asked for, with every default filled in.
    ///
    /// # Errors
    /// No seeds; a model or memory function that is unknown or not valid; memory functions for a suite that has no place
    /// for them.
    pub fn plan(&self, request: &PlanRequest) -> Result<Vec<Planned>> {
        if request.seeds == Some(0) {
            return Err(Error::invalid("seeds", 0, "a whole number from 1 up"));
        }
        let mut labels = BTreeSet::new();
        if let Some(twice) = request.also.iter().find(|extra| !labels.insert(&extra.label)) {
            return Err(Error::new(ErrorKind::Usage, format!("The model `{}` is asked for twice.", twice.label)));
        }
        if let Some(function) = request.memory_functions.first()
            && !self.experiments().any(AnyExperiment::places_memory_functions)
        {
            let message = format!(
                "Suite `{}` has no experiment on memory functions, so none for `{}`; suite `memory` has.",
                self.info.name, function.name
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let mut runs = Vec::new();
        for part in &self.parts {
            for experiment in &part.experiments {
                runs.extend(experiment.plan(part.info.name, request)?);
            }
        }
        Ok(runs)
    }

    /// The names of its experiments that train nothing: they are in every analysis.
    ///
    /// # Errors
    /// As [`Experiment::grid`].
    pub fn exact(&self) -> Result<Vec<&'static str>> {
        let mut names = Vec::new();
        for experiment in self.experiments() {
            if experiment.is_exact()? {
                names.push(experiment.info().name);
            }
        }
        Ok(names)
    }

    /// Statistics, figures and findings of whatever has been run so far.
    ///
    /// # Errors
    /// An outcome that is not of this suite.
    pub fn analyse(&self, outcomes: &[Outcome]) -> Result<Analysis> {
        let mut analysis = Analysis::default();
        let mut rows = Vec::new();
        for part in &self.parts {
            let mut chapter = Chapter { info: part.info, experiments: Vec::new() };
            for experiment in &part.experiments {
                let own: Vec<&Outcome> = outcomes
                    .iter()
                    .filter(|outcome| outcome.planned.place.experiment == experiment.info().name)
                    .collect();
                if own.is_empty() && !experiment.is_exact()? {
                    continue;
                }
                let (reading, cells) = experiment.read(&own)?;
                chapter.experiments.push(reading);
                rows.extend(cells);
            }
            if !chapter.experiments.is_empty() {
                analysis.chapters.push(chapter);
            }
        }
        analysis.cells = Table { title: "all cells".into(), columns: COLUMNS.map(String::from).into(), rows };
        Ok(analysis)
    }
}

/// A line of the list of suites.
#[derive(Clone)]
pub struct SuiteEntry {
    info: SuiteInfo,
    suite: Arc<dyn Fn() -> Suite + Send + Sync>,
}

impl SuiteEntry {
    /// The line of a suite, which is made anew each time that it is asked for.
    pub fn new(suite: impl Fn() -> Suite + Send + Sync + 'static) -> Self {
        Self { info: suite().info(), suite: Arc::new(suite) }
    }

    /// Name, title, summary, source.
    pub fn info(&self) -> SuiteInfo {
        self.info
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        (self.suite)()
    }
}

impl Entry for SuiteEntry {
    const KIND: &'static str = "suite";

    fn name(&self) -> &str {
        self.info.name
    }
}
