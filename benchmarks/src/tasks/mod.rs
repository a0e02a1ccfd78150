//! Tasks: one typed configuration each, which yields shape, data, metrics and loss.
//!
//! A task is one file: a [`TaskConfig`] with a documented field per parameter, and the [`Objective`] that it builds. With one
//! line in [`with_tasks!`](crate::with_tasks) it is in [`TASKS`] and in every command; [`memory`] is a file to start from.

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
mod splits;
pub mod text_retrieval;

use std::fmt::Debug;
use std::sync::OnceLock;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, Sample};
use lookback_models::Io;
use lookback_registry::{Configurable, Entry, Field, Params, Registry, Result, check, fields, parse, to_params};

pub use classification::{Classification, ImageClasses};
pub use splits::{EvalSplit, Splits};

/// Metrics by name; the first is the primary one, and smaller is better.
pub type Metrics = Vec<(&'static str, f64)>;

/// What is looked into once a model has learnt a task; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// Name and contents of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// The name in specs and on the command line, lower-case with hyphens.
    pub name: &'static str,
    /// One sentence with the formula.
    pub summary: &'static str,
    /// The paper: title, link.
    pub source: &'static str,
}

/// A named, typed task configuration: everything that is needed to list, check and build a task.
pub trait TaskConfig: Configurable + Debug + Send + Sync {
    /// Name, summary, source.
    const INFO: TaskInfo;

    /// The name of the data set without which the task cannot be, one of [`DATA_SETS`](lookback_datasets::DATA_SETS).
    const DATA_SET: Option<&'static str> = None;

    /// The task that it builds.
    type Task: Objective + 'static;

    /// Reads and checks the parameters of the task; what is absent takes its default.
    ///
    /// # Errors
    /// An unknown name, a value of the wrong type, or as [`TaskConfig::validate`].
    fn read(params: &Params) -> Result<Self> {
        let config: Self = parsed(params)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field. Ranges of numbers are declared at the fields; a configuration with conditions on several fields
    /// calls [`check`] and then checks those.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    fn validate(&self) -> Result<()> {
        check(self)
    }

    /// Checks the configuration and fills in the defaults of nested parameters. Resolving twice changes nothing.
    ///
    /// # Errors
    /// As [`TaskConfig::validate`].
    fn resolve(self) -> Result<Self> {
        self.validate()?;
        Ok(self)
    }

    /// The shape that a task of this (valid) configuration asks of a model.
    fn io(&self) -> Io;

    /// Replaces what the task would find by itself by what is in `data`, so that a spec says what a run is on, and other
    /// data make another run.
    ///
    /// # Errors
    /// Data are found and cannot be read.
    fn find_data(&mut self, data: &DataFolder) -> Result<()> {
        let _ = data;
        Ok(())
    }

    /// Checks the configuration and builds the task; data sets are looked for in `data` once they are needed.
    ///
    /// # Errors
    /// As [`TaskConfig::validate`].
    fn build(self, data: &DataFolder) -> Result<Self::Task>;
}

fn parsed<C: TaskConfig>(params: &Params) -> Result<C> {
    parse(&format!("the task `{}`", C::INFO.name), params)
}

/// The data and the metrics of a task, without a backend.
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

    /// Training samples of one epoch; `None` for a task without epochs.
    fn epoch(&self) -> Option<usize> {
        None
    }

    /// The validation split: the same for every seed.
    ///
    /// # Errors
    /// The data cannot be read.
    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>>;

    /// Compares predictions with targets over a whole split, in f64 on the host.
    ///
    /// # Shapes
    /// - both slices `[samples, output length, d_output]`, row-major
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics;

    /// The true memory `rho(s)`, s = 0..length; `None` for a task that is not a linear functional of the past.
    fn true_memory(&self) -> Option<Vec<f64>> {
        None
    }

    /// What is looked into once a model has learnt this.
    fn probes(&self) -> Probes {
        Probes { memory: !self.io().single_output, attention: None }
    }

    /// What the samples show, for a task that classifies images.
    fn images(&self) -> Option<&ImageClasses> {
        None
    }
}

/// A task with its training loss, on any backend.
pub trait Objective: Task {
    /// The mean loss of a batch, `[1]`.
    ///
    /// # Shapes
    /// - both `[batch, output length, d_output]`
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1>;
}

/// A task with its training loss on one backend: every [`Objective`], as a trait object.
pub trait TaskOn<B: Backend>: Task {
    /// As [`Objective::loss`].
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1>;
}

impl<B: Backend, T: Objective> TaskOn<B> for T {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        Objective::loss(self, prediction, target)
    }
}

/// Builds the task of the configuration `C` on a backend.
///
/// # Errors
/// A parameter is unknown or not valid.
pub fn build_task<C: TaskConfig, B: Backend>(params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<B>>> {
    Ok(Box::new(parsed::<C>(params)?.build(data)?))
}

/// A line of [`TASKS`]: what can be asked of a task by its name, without a backend.
#[derive(Debug, Clone, Copy)]
pub struct TaskEntry {
    /// Name, summary, source.
    pub info: TaskInfo,
    /// As [`TaskConfig::DATA_SET`].
    pub data_set: Option<&'static str>,
    /// Parameters with documentation, defaults and ranges.
    pub fields: fn() -> Vec<Field>,
    resolve: fn(&Params) -> Result<Params>,
    io: fn(&Params) -> Result<Io>,
    find_data: fn(&Params, &DataFolder) -> Result<Params>,
    task: fn(&Params, &DataFolder) -> Result<Box<dyn Task>>,
}

impl TaskEntry {
    /// The line of the configuration `C`.
    pub fn of<C: TaskConfig>() -> Self {
        Self {
            info: C::INFO,
            data_set: C::DATA_SET,
            fields: fields::<C>,
            resolve: |params| Ok(to_params(&parsed::<C>(params)?.resolve()?)),
            io: |params| Ok(C::read(params)?.io()),
            find_data: |params, data| {
                let mut config = C::read(params)?;
                config.find_data(data)?;
                Ok(to_params(&config))
            },
            task: |params, data| Ok(Box::new(parsed::<C>(params)?.build(data)?)),
        }
    }

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

    /// Replaces what the task would find by itself, in resolved parameters, as [`TaskConfig::find_data`] does.
    ///
    /// # Errors
    /// As [`TaskEntry::resolve`], or data are found and cannot be read.
    pub fn find_data(&self, params: &mut Params, data: &DataFolder) -> Result<()> {
        *params = (self.find_data)(params, data)?;
        Ok(())
    }

    /// The task without a backend: its data and metrics.
    ///
    /// # Errors
    /// As [`TaskEntry::resolve`].
    pub fn task(&self, params: &Params, data: &DataFolder) -> Result<Box<dyn Task>> {
        (self.task)(params, data)
    }
}

impl Entry for TaskEntry {
    const KIND: &'static str = "task";

    fn name(&self) -> &str {
        self.info.name
    }
}

/// Hands the list of all task configurations to a macro: `with_tasks!(callback)` expands to
/// `callback! { path::Config, path::Config, ... }`. Adding a task is one file, its `mod` line, and one line here.
#[macro_export]
macro_rules! with_tasks {
    ($callback:ident) => {
        $callback! {
            $crate::tasks::memory::MemoryConfig,
            $crate::tasks::cifar10::CifarConfig,
            $crate::tasks::coupling::CouplingTaskConfig,
            $crate::tasks::ordering::OrderingTaskConfig,
            $crate::tasks::recovery::RecoveryTaskConfig,
            $crate::tasks::retrieval::RetrievalTaskConfig,
            $crate::tasks::padded_cifar10::PaddedCifarConfig,
            $crate::tasks::text_retrieval::TextRetrievalConfig,
            $crate::tasks::language::LanguageConfig,
            $crate::tasks::sparse::SparseTaskConfig,
            $crate::tasks::adaptive::AdaptiveTaskConfig,
        }
    };
}

/// The list of tasks.
pub static TASKS: Registry<TaskEntry> = Registry::new(|| {
    macro_rules! entries {
        ($($config:ty),* $(,)?) => { vec![$(TaskEntry::of::<$config>()),*] };
    }
    with_tasks!(entries)
});

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
