//! Memory tasks and the benchmark suites that are made of them.
//!
//! A [`Task`] is data and an objective; a [`Suite`] is a grid of [`RunSpec`]s and what is read from their
//! results: cells, figures and findings. Nothing here trains: the learner of the `lookback` crate does.

pub mod experiment;
pub mod oracle;
mod recipe;
mod spec;
mod suite;
pub mod suites;
pub mod tasks;

pub use experiment::comparison::{Comparison, Ours};
pub use recipe::{Recipe, recipe, recipe_or_model, recipes};
pub use spec::{Decay, Named, Optimizer, Precision, RunSpec, SPEC_VERSION, Schedule, TrainingConfig};
pub use suite::{
    Analysis, Axes, Example, ExtraModel, Finding, HeadProbe, Outcome, PlanRequest, Planned, Preset, Probe, RunResult,
    RunStatus, Suite, SuiteInfo, Table, Verdict,
};
pub use tasks::{
    AttentionProbes, BuildTask, Classification, ImageClasses, Judge, Metrics, Objective, Probes, Task, TaskEntry,
    TaskInfo, TaskKind, task, task_kind, task_kinds, tasks,
};
