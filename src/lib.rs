//! **Lookback** measures how far back, and in what shape, sequence models remember.
//!
//! A [`RunSpec`](lookback_benchmarks::RunSpec) says what is trained; a [`Session`] trains it on one backend and
//! device; a [`RunFolder`] keeps what came of it; a [`sweep`] runs every spec of a suite that is not done yet.
//! [`cli::main`] is the whole program, open to models of your own through [`Models`].
#![recursion_limit = "256"]

mod allocator;
pub mod backend;
mod checkpoint;
pub mod cli;
mod devices;
pub mod environment;
pub mod figures;
pub mod inspect;
mod loader;
mod model_list;
mod optimizer;
pub mod probe;
pub mod report;
mod run_folder;
mod runner;
mod schedule;
mod session;
mod store;
pub mod sweep;
mod trained;
mod trainee;

pub use allocator::keep_memory;
pub use lookback_benchmarks as benchmarks;
pub use lookback_datasets as datasets;
pub use lookback_models as models;
pub use lookback_registry::{Error, Params, Result};
pub use model_list::Models;
pub use run_folder::{RunFolder, RunLock};
pub use runner::{RunEnd, RunEvent, RunOptions, run};
pub use session::{Evaluation, Session, Speed, Step};
pub use store::Store;
pub use trained::TrainedRun;
pub use trainee::{Trained, Trainee};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
