//! Memory tasks and the benchmark suites that are made of them.
//!
//! A [`Task`] is data and an objective; a [`Suite`] is a grid of [`RunSpec`]s and what is read from their
//! results: cells, figures and findings. Nothing here trains: the learner of the `lookback` crate does.

pub mod cifar_task;
pub mod classification;
mod comparison;
pub mod evidence;
pub mod experiment;
pub mod figure;
pub mod language_task;
pub mod memory_task;
pub mod metrics;
pub mod oracle;
pub mod padded_cifar_task;
mod recipe;
mod spec;
pub mod stats;
mod suite;
pub mod suites;
mod task;
pub mod text_retrieval_task;

pub use classification::{Classification, ImageClasses};
pub use comparison::{Comparison, Ours};
pub use recipe::{Recipe, recipe, recipe_or_model, recipes};
pub use spec::{Decay, Named, Optimizer, Precision, RunSpec, SPEC_VERSION, Schedule, TrainingConfig};
pub use suite::{
    Analysis, Axes, Example, ExtraModel, Finding, HeadProbe, Outcome, PlanRequest, Planned, Preset, Probe, RunResult,
    RunStatus, Suite, SuiteInfo, Table, Verdict,
};
pub use task::{
    AttentionProbes, BuildTask, Judge, Metrics, Objective, Probes, Task, TaskEntry, TaskInfo, TaskKind, task, task_kind,
    task_kinds, tasks,
};
