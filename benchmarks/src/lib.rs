//! Memory tasks and the benchmark suites that are made of them.
//!
//! A [`Task`] is data and an objective; a [`Suite`] is a grid of [`RunSpec`]s and what is read from their
//! results: cells, figures and findings. Nothing here trains: the learner of the `lookback` crate does.

pub mod figure;
pub mod memory_task;
pub mod oracle;
mod spec;
pub mod stats;
mod suite;
pub mod suites;
mod task;

pub use spec::{Named, Optimizer, RunSpec, SPEC_VERSION, Schedule, TrainingConfig};
pub use suite::{
    Analysis, Axes, ExtraModel, Finding, Outcome, PlanRequest, Planned, Preset, Probe, RunResult, RunStatus, Suite,
    SuiteInfo, Table, Verdict,
};
pub use task::{Metrics, Objective, Task, TaskEntry, TaskInfo, task, tasks};
