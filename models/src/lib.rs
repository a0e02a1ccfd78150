//! Sequence models on [burn](https://burn.dev), generic over the backend: recurrent networks, state-space models,
//! convolutions and Transformers.
//!
//! Every model maps `[batch, length, d_input]` to `[batch, length, d_output]`, or to one output per sequence, through blocks
//! (mostly a [`Stack`]) between an input and an output projection. A model is a configuration ([`ModelConfig`]: name,
//! documented parameters, limits) and a burn module ([`SequenceModel`]); [`MODELS`] lists them. Weights come from a seeded
//! generator on the host, so the same seed gives the same weights on every backend, whatever else runs in the process.
//!
//! Models are written in terms of [`ops`]. With the Cargo feature `flex` these have fast forms with hand-written gradients on
//! burn-flex; elsewhere they are composed of burn's operations.
//!
//! ```
//! use burn::tensor::Tensor;
//! use lookback_models::{Io, MODELS, ModelConfig, SequenceModel, init, s4d::S4dConfig};
//!
//! type B = burn_autodiff::Autodiff<burn_flex::Flex>; // or any other autodiff backend of burn
//!
//! let io = Io::sequence(1, 1, 128);
//! let config = S4dConfig { d_state: 16, ..Default::default() };
//! let model = config.init::<B>(io, &mut init::rng(0), &Default::default());
//! let output = model.forward(Tensor::zeros([2, 128, 1], &Default::default()));
//! assert_eq!(output.dims(), [2, 128, 1]);
//!
//! // What is known of a model without building it.
//! let facts = MODELS.get("lru")?.facts(&Default::default(), io)?;
//! assert!(facts.causal && facts.stable);
//! # Ok::<(), lookback_registry::Error>(())
//! ```
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

pub use lookback_ops as ops;
pub use model::{InferenceModel, Io, ModelConfig, ModelInfo, SequenceModel};
pub use registry::{MODELS, ModelEntry, ModelFacts, configure};
pub use stack::{Block, BlockInput, Norm, Recurrent, Stack, StackConfig};
