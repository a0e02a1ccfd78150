//! What a task is: data, an objective on a backend, metrics on the host.

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, Sample};
use lookback_models::Io;
use lookback_registry::{Field, Params, Result, unknown_name};

use crate::classification::ImageClasses;

/// Metrics by name; the first is the primary one, and smaller is better.
pub type Metrics = Vec<(&'static str, f64)>;

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

/// What is known of a task without building it.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// The name in specs and on the command line.
    pub name: &'static str,
    /// One sentence with the formula.
    pub summary: &'static str,
    /// The paper: title, link.
    pub source: &'static str,
}

/// Builds a task from its parameters and the folder of the data sets.
pub type BuildTask<B> = fn(&Params, &DataFolder) -> Result<Box<dyn Objective<B>>>;

/// One line of the list of tasks.
pub struct TaskEntry<B: Backend> {
    /// Name, summary, source.
    pub info: TaskInfo,
    /// Parameters with documentation and defaults.
    pub fields: fn() -> Vec<Field>,
    /// All parameters, defaults filled in.
    pub resolve: fn(&Params) -> Result<Params>,
    /// Builds the task from its parameters; data sets are looked for in the folder once they are needed.
    pub build: BuildTask<B>,
}

/// The list of tasks. Adding one is one file, its `mod` line, and one line here.
pub fn tasks<B: Backend>() -> Vec<TaskEntry<B>> {
    vec![crate::memory_task::entry(), crate::cifar_task::entry()]
}

/// The task named `name`.
///
/// # Errors
/// The name is unknown: lists the known ones, nearest first.
pub fn task<B: Backend>(name: &str) -> Result<TaskEntry<B>> {
    let mut all = tasks::<B>();
    match all.iter().position(|entry| entry.info.name == name) {
        Some(index) => Ok(all.swap_remove(index)),
        None => Err(unknown_name("task", name, all.iter().map(|entry| entry.info.name))),
    }
}
