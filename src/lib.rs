//! **Lookback** measures how far back, and in what shape, sequence models remember.
//!
//! A [`RunSpec`](benchmarks::RunSpec) says what is trained: a task, a model, its training and a seed. A [`Learner`] trains it
//! on one backend and device; [`run`] carries it out in a [`RunFolder`], with checkpoints and exact resume;
//! [`sweep`](runs::sweep::sweep) runs every spec of a suite that is not done yet, and
//! [`write_report`](report::write_report) makes tables, figures and a page of a [`Store`]. [`Program`] is the whole command
//! line, open to models, memory functions, tasks and suites of your own.
//!
//! ```
//! use lookback::backends::BackendKind;
//! use lookback::benchmarks::{Named, RunSpec, SPEC_VERSION, TrainingConfig};
//! use lookback::{RunEnd, RunFolder, RunOptions, run};
//! use serde_json::json;
//!
//! let spec = RunSpec {
//!     version: SPEC_VERSION,
//!     task: Named::new("memory", json!({"function": "impulse", "function_params": {"alpha": 2}, "length": 16})),
//!     model: Named::new("gru", json!({"d_model": 8})),
//!     training: TrainingConfig { steps: 20, eval_every: 10, ..Default::default() },
//!     seed: 0,
//! };
//! let place = tempfile::tempdir().unwrap();
//! let folder = RunFolder::new(place.path().join(spec.id()));
//! let options = RunOptions::new(BackendKind::first()?);
//! let RunEnd::Done(result) = run(&spec, &folder, &options, &mut |_| {}, &|| false)? else { panic!("nothing stops it") };
//! assert!(result.metrics["nmse"] < 2.0 && folder.file("weights.safetensors").exists());
//! # Ok::<(), lookback::Error>(())
//! ```
//!
//! Models, tasks and data come from the crates [`models`], [`benchmarks`] and [`datasets`]. Backends are Cargo features: `flex`
//! (CPU, the default), `ndarray`, `wgpu`, `vulkan`, `metal`, `cuda`, `rocm`, `tch`. The
//! [guide](https://github.com/lookback-rs/lookback/blob/main/docs/guide.md) has longer examples.
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

/// The examples of the pages.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/guide.md")]
    struct Guide;
}
