//! **Lookback** measures how far back, and in what shape, sequence models remember.
//!
//! A [`RunSpec`](lookback_benchmarks::RunSpec) says what is trained; a [`Learner`] trains it on one backend and
//! device; a [`RunFolder`] keeps what came of it; a [`sweep`] runs every spec of a suite that is not done yet.
//! [`Program`] is the whole command line, open to models, tasks and suites of your own.
#![recursion_limit = "256"]

pub mod backends;
pub mod cli;
pub mod inspect;
pub mod learner;
pub mod report;
pub mod runs;

pub use backends::keep_memory;
pub use cli::Program;
pub use inspect::TrainedModel;
pub use learner::{Checkpoint, Evaluation, Learner, ModelState, Speed, Step, TrainState};
pub use lookback_benchmarks as benchmarks;
pub use lookback_datasets as datasets;
pub use lookback_models as models;
pub use lookback_registry as registry;
pub use lookback_registry::{Error, ErrorKind, Params, Result};
pub use runs::{RunEnd, RunEvent, RunFolder, RunLock, RunOptions, Store, run};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
