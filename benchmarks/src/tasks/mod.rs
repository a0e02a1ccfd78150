//! What a task is: data, an objective on a backend, metrics on the host.

pub mod adaptive;
pub mod cifar10;
pub mod classification;
pub mod coupling;
pub mod language;
pub mod memory;
pub mod metrics;
pub mod ordering;
pub mod padded_cifar10;
pub mod recovery;
pub mod regression;
pub mod retrieval;
pub mod sparse;
pub mod text_retrieval;

use std::sync::OnceLock;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, Sample};
use lookback_models::Io;
use lookback_registry::{Entry, Field, Params, Registry, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use classification::{Classification, ImageClasses};

/// Metrics by name; the first is the primary one, and smaller is better.
pub type Metrics = Vec<(&'static str, f64)>;

/// The samples that a model is judged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// Those it is trained on: what it can express.
    Train,
    /// Others.
    #[default]
    Valid,
}

/// What is looked into once a model has learnt a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// Learned memory, memory function and stability: for tasks with an output at each time step.
    pub memory: bool,
    /// What attention does on validation samples.
    pub attention: Option<AttentionProbes>,
}

/// On how many validation samples attention is looked into, the first of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionProbes {
    /// Samples whose attention weights, inputs, targets and outputs are kept.
    pub weights: usize,
    /// Samples whose scores before the softmax are decomposed.
    pub spectra: usize,
}

/// The data of a task, and how predictions are judged.
pub trait Task: Send + Sync {
    /// The shape that it asks of a model.
    fn io(&self) -> Io;

    /// The training split of the run with this seed. Sample i is a pure function of (seed, i).
    ///
    /// # Errors
    /// The data cannot be read.
    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>>;

    /// Whether the training split is an endless stream, read in its own order, in which no sample comes twice.
    fn streams(&self) -> bool {
        false
    }

    /// Training samples of one epoch, where there are epochs.
    fn epoch(&self) -> Option<usize> {
        None
    }

    /// The validation split: the same for every seed.
    ///
    /// # Errors
    /// The data cannot be read.
    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>>;

    /// Judges predictions over a whole split, in f64 on the host.
    ///
    /// # Shapes
    /// - both slices `[samples, output length, d_output]`, row-major
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics;

    /// The true memory: `rho(s)`, s = 0..length, where the task has one.
    fn true_memory(&self) -> Option<Vec<f64>> {
        None
    }

    /// What is looked into once a model has learnt this.
    fn probes(&self) -> Probes {
        Probes { memory: !self.io().single_output, attention: None }
    }

    /// What the samples show, where they are images to be classified.
    fn images(&self) -> Option<&ImageClasses> {
        None
    }
}

/// A task's training loss on a backend.
pub trait Objective<B: Backend>: Task {
    /// The mean loss of a batch, `[1]`.
    ///
    /// # Shapes
    /// - both `[batch, output length, d_output]`
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1>;
}

/// Name and contents of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// The name in specs and on the command line.
    pub name: &'static str,
    /// One sentence with the formula.
    pub summary: &'static str,
    /// The paper: title, link.
    pub source: &'static str,
}

/// What `cell` holds, opened by the first that asks; an error is not kept, so that the next one tries again.
pub(crate) fn opened<T>(cell: &OnceLock<T>, open: impl FnOnce() -> Result<T>) -> Result<&T> {
    match cell.get() {
        Some(value) => Ok(value),
        None => {
            let value = open()?;
            Ok(cell.get_or_init(|| value))
        }
    }
}

/// Builds a task from its parameters and the folder of the data sets.
pub type BuildTask<B> = fn(&Params, &DataFolder) -> Result<Box<dyn Objective<B>>>;

/// A line of [`TASKS`]: what can be asked of a task by its name, without a backend.
#[derive(Debug, Clone, Copy)]
pub struct TaskEntry {
    /// Name, summary, source.
    pub info: TaskInfo,
    /// Parameters with documentation and defaults.
    pub fields: fn() -> Vec<Field>,
    resolve: fn(&Params) -> Result<Params>,
    io: fn(&Params) -> Result<Io>,
    find_data: fn(&mut Params, &DataFolder) -> Result<()>,
}

impl TaskEntry {
    /// All parameters, checked, with defaults filled in.
    ///
    /// # Errors
    /// A parameter is unknown or not valid.
    pub fn resolve(&self, params: &Params) -> Result<Params> {
        (self.resolve)(params)
    }

    /// The shape that a task of these parameters asks of a model.
    ///
    /// # Errors
    /// As [`TaskEntry::resolve`].
    pub fn io(&self, params: &Params) -> Result<Io> {
        (self.io)(params)
    }

    /// Replaces what the task would find by itself, in complete parameters, by what is there, so that a spec says what a
    /// run is on, and other data make another run.
    ///
    /// # Errors
    /// As [`TaskEntry::resolve`].
    pub fn find_data(&self, params: &mut Params, data: &DataFolder) -> Result<()> {
        (self.find_data)(params, data)
    }
}

impl Entry for TaskEntry {
    const KIND: &'static str = "task";

    fn name(&self) -> &str {
        self.info.name
    }
}

/// Builds a task on a backend.
pub struct TaskBuilder<B: Backend> {
    name: &'static str,
    /// Builds the task from its parameters; data sets are looked for in the folder once they are needed.
    pub build: BuildTask<B>,
}

macro_rules! tasks {
    ($($module:path),* $(,)?) => {
        /// The list of tasks.
        pub static TASKS: Registry<TaskEntry> =
            Registry::new(|| vec![$({ use $module as listed; listed::kind() }),*]);

        fn builders<B: Backend>() -> Vec<TaskBuilder<B>> {
            vec![$({ use $module as listed; TaskBuilder { name: listed::kind().info.name, build: listed::build::<B> } }),*]
        }
    };
}

tasks![
    crate::tasks::memory,
    crate::tasks::cifar10,
    crate::tasks::coupling,
    crate::tasks::ordering,
    crate::tasks::recovery,
    crate::tasks::retrieval,
    crate::tasks::padded_cifar10,
    crate::tasks::text_retrieval,
    crate::tasks::language,
    crate::tasks::sparse,
    crate::tasks::adaptive,
];

/// What builds the task named `name` on a backend.
///
/// # Errors
/// The name is unknown: lists the known ones, nearest first.
pub fn task<B: Backend>(name: &str) -> Result<TaskBuilder<B>> {
    TASKS.get(name)?;
    let found = builders::<B>().into_iter().find(|builder| builder.name == name);
    Ok(found.expect("the two lists are one"))
}
