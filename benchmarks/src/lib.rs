//! Memory tasks and the benchmark suites that are made of them.
//!
//! A [`TaskConfig`] yields data, a loss and metrics; [`TASKS`] lists them. A [`Suite`] is a list of experiments, each a grid of
//! [`RunSpec`]s and what is read from their results: cells, figures, findings and comparisons with published values;
//! [`SUITES`] lists them, [`experiment`] is their framework, and [`oracle`] has the exact limits beside which errors are shown.
//! Nothing here trains: the learner of the `lookback` crate does.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{PlanRequest, Preset, SUITES, Task, TaskConfig, tasks::memory::MemoryConfig};
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! let params = json!({"function": "impulse", "function_params": {"alpha": 2}, "length": 8});
//! let task = MemoryConfig::read(params.as_object().unwrap())?.build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!(sample.targets[2..], sample.inputs[..6]);
//!
//! // The runs of a suite are plain data, each with an identity.
//! let plan = SUITES.get("memory")?.suite().plan(&PlanRequest::new(Preset::Smoke))?;
//! assert_eq!(plan[0].spec.id().len(), 16);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

pub mod experiment;
pub mod oracle;
mod recipe;
mod spec;
pub mod suites;
pub mod tasks;

pub use experiment::comparison::{Comparison, Ours};
pub use experiment::{
    Analysis, Example, Experiment, ExtraModel, Finding, HeadProbe, Outcome, Place, PlanRequest, Planned, Preset, Probe,
    RunResult, RunStatus, Suite, SuiteEntry, SuiteInfo, Table, Verdict,
};
pub use recipe::{RECIPES, Recipe, recipe_or_model};
pub use spec::{Decay, Named, Optimizer, Precision, RunSpec, SPEC_VERSION, Schedule, TrainingConfig};
pub use suites::SUITES;
pub use tasks::{
    AttentionProbes, Classification, EvalSplit, ImageClasses, Metrics, Objective, Probes, Splits, TASKS, Task,
    TaskConfig, TaskEntry, TaskInfo, TaskOn, build_task,
};
