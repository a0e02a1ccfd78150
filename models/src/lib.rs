//! Sequence models on [burn](https://burn.dev), generic over the backend.
//!
//! Every model maps `[batch, length, d_input]` to `[batch, length, d_output]` through blocks (mostly a [`Stack`])
//! between an input and an output projection. Weights come from a seeded generator on the host, so the same
//! seed gives the same weights on every backend, whatever else runs in the process.
#![recursion_limit = "256"]

pub mod activation;
pub mod attention;
pub mod class_attention;
pub mod deep_ssm;
pub mod diagonal_ssm;
pub mod encoder;
pub mod gru;
pub mod init;
pub mod linear_rnn;
pub mod lru;
pub mod lstm;
mod meta;
pub mod mlp;
mod model;
pub mod noise;
pub mod ops;
pub mod pointwise_attention;
pub mod position;
mod registry;
pub mod rpe_transformer;
pub mod s4d;
pub mod stack;
pub mod tanh_rnn;
pub mod tcn;
pub mod transformer;
pub mod vit;

pub use model::{InferenceModel, Io, ModelConfig, ModelInfo, SequenceModel};
pub use registry::{MODELS, ModelEntry, ModelFacts, configure};
pub use stack::{Block, BlockInput, Norm, Recurrent, Stack, StackConfig};
