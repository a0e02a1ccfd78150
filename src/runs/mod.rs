//! Runs on disk: one folder a run, a store of many, and what carries them out.

pub mod environment;
pub(crate) mod folder;
mod queue;
pub(crate) mod runner;
pub(crate) mod store;
pub mod sweep;

pub use folder::{RunFolder, RunLock};
pub use runner::{RunEnd, RunEvent, RunOptions, run};
pub use store::Store;
