//! The one learner: a task, a model with its optimiser, and how far training has come.

mod checkpoint;
pub(crate) mod evaluation;
mod flat;
mod loader;
mod optimizer;
mod schedule;
pub(crate) mod state;
mod training;

pub use checkpoint::Checkpoint;
pub use evaluation::Evaluation;
pub use state::{ModelState, Predictor, TrainState};
pub use training::{Learner, Speed, Step};
