//! Looking inside a trained model: what its attention looks at, and how many directions its scores have.
//!
//! [`attention`] runs a model on one input; [`AttentionMaps`] lays the result over the image, [`Spectra`] averages the
//! singular values of the scores, and [`Overlays`] draws maps as pictures. A [`Guess`] is what a classifier says.

mod attention;
mod guess;
mod heat;
mod maps;
mod overlays;
pub mod probe;
mod spectra;
pub(crate) mod trained;

pub use attention::{LayerAttention, attention};
pub use guess::{Guess, sample};
pub use heat::{colour, overlay};
pub use maps::AttentionMaps;
pub use overlays::{Overlay, Overlays};
pub use spectra::Spectra;
pub use trained::TrainedModel;
