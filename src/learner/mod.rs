//! The one learner: a task, a model with its optimiser, and how far training has come.

pub(crate) mod loader;
pub(crate) mod optimizer;
pub(crate) mod schedule;
pub(crate) mod session;
pub(crate) mod state;

pub use session::{Evaluation, Learner, Speed, Step};
pub use state::{ModelState, TrainState};
