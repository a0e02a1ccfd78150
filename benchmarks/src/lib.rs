//! Memory tasks and the benchmark suites that are made of them.
//!
//! A [`Task`] is data and an objective; a [`Suite`] is a list of experiments, each a grid of [`RunSpec`]s and what is read from
//! their results: cells, figures and findings. Nothing here trains: the learner of the `lookback` crate does.

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
