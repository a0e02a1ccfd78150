//! The Transformer
//!
//! Input projection, positions, [`Encoder`] blocks, output projection. Attention is causal by default.
//! Constants of the positions and the mask are made once, for the longest sequence.
//!
//! Source: Vaswani et al., "Attention is all you need", 2017, <https://arxiv.org/abs/1706.03762>; for the
//! positions see [`Position`](crate::position::Position).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::attention::{Attended, AttentionBias, AttentionConfig, check_heads};
use crate::encoder::{Encoder, EncoderConfig};
use crate::init::{self, InitRng, Weights};
use crate::model::{Io, ModelConfig, ModelInfo, SequenceModel};
use crate::ops;
use crate::position::{PositionConfig, PositionShape, Positions};
use crate::stack::{Norm, StackConfig, last_step};

/// A Transformer with multi-head attention and optional feed-forward networks.
///
/// Parameters: `(d_input + 1) d_model + P + n_layers (A + F [d_ff > 0]) + (d_model + 1) d_output`, with the attention's
/// `A = N + 4 d_model E + (2 E + d_model) [attention_bias]`, `E = n_heads d_head`, the feed-forward network's
/// `F = N + (d_model + 1) d_ff + (d_ff + 1) d_model`, the norm's `N = 2 d_model [norm = layer]` and the positions'
/// `P = length d_model [position = learned] + num_buckets n_heads [position = t5-log]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TransformerConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Number of attention heads.
    #[schemars(range(min = 1))]
    pub n_heads: usize,
    /// Channels of each head's queries, keys and values; null for `d_model / n_heads`.
    #[schemars(range(min = 1))]
    pub d_head: Option<usize>,
    /// Hidden channels of the feed-forward networks; 0 for none.
    pub d_ff: usize,
    /// Nonlinearity of the feed-forward networks.
    pub activation: Activation,
    /// Whether queries, values and attention outputs have biases.
    pub attention_bias: bool,
    /// Whether attention is to the past and present alone.
    pub causal: bool,
    /// How attention learns of time.
    #[serde(flatten)]
    pub position: PositionConfig,
}

impl Default for TransformerConfig {
    fn default() -> Self {
        Self {
            stack: StackConfig { d_model: 32, n_layers: 1, residual: true, norm: Norm::Layer },
            n_heads: 2,
            d_head: None,
            d_ff: 64,
            activation: Activation::Gelu,
            attention_bias: true,
            causal: true,
            position: PositionConfig::default(),
        }
    }
}

/// Input projection, positions, blocks, output projection.
#[derive(Module, Debug)]
pub struct Transformer<B: Backend> {
    /// `d_input` to `d_model`.
    pub input: Linear<B>,
    /// What tells attention of time, and the causal mask.
    pub positions: Positions<B>,
    /// The blocks, first to last.
    pub blocks: Vec<Encoder<B>>,
    /// `d_model` to `d_output`.
    pub output: Linear<B>,
    /// Whether only the last time step has an output.
    pub single_output: bool,
}

impl TransformerConfig {
    /// Channels of each head.
    pub fn d_head(&self) -> usize {
        self.d_head.unwrap_or(self.stack.d_model / self.n_heads)
    }

    fn encoder(&self) -> EncoderConfig {
        EncoderConfig {
            attention: AttentionConfig {
                d_model: self.stack.d_model,
                n_heads: self.n_heads,
                d_head: self.d_head(),
                bias: AttentionBias::useful(self.attention_bias),
            },
            d_ff: self.d_ff,
            activation: self.activation,
            norm: self.stack.norm,
            epsilon: ops::EPSILON,
            residual: self.stack.residual,
            weights: Weights::Uniform,
        }
    }

    fn shape(&self, io: Io) -> PositionShape {
        PositionShape {
            length: io.length,
            d_model: self.stack.d_model,
            n_heads: self.n_heads,
            d_head: self.d_head(),
            causal: self.causal,
        }
    }
}

impl ModelConfig for TransformerConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "transformer",
        title: "Transformer",
        summary: "Multi-head attention to the past, with a choice of positions and optional feed-forward networks.",
        source: "Vaswani et al., \"Attention is all you need\", 2017, https://arxiv.org/abs/1706.03762",
    };
    type Model<B: AutodiffBackend> = Transformer<B>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let d_model = self.stack.d_model;
        Transformer {
            input: init::linear(io.d_input, d_model, true, rng, device),
            positions: self.position.init(self.shape(io), rng, device),
            blocks: (0..self.stack.n_layers).map(|_| self.encoder().init(rng, device)).collect(),
            output: init::linear(d_model, io.d_output, true, rng, device),
            single_output: io.single_output,
        }
    }

    fn constraints(&self, io: Io) -> Result<()> {
        check_heads(self.stack.d_model, self.n_heads, "d_head", self.d_head)?;
        self.position.constraints(self.shape(io))
    }

    fn causal(&self) -> bool {
        self.causal
    }
}

impl<B: Backend> SequenceModel<B> for Transformer<B> {
    /// # Panics
    /// The sequence is longer than the length that the model was built for.
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let bias = self.positions.bias(input.dims()[1]);
        let mut hidden = self.positions.embed(ops::map(&self.input, input));
        for block in &self.blocks {
            hidden = block.forward(hidden, &bias, self.positions.rotary.as_ref());
        }
        ops::map(&self.output, if self.single_output { last_step(hidden) } else { hidden })
    }

    fn attention(&self, input: Tensor<B, 3>) -> Vec<Attended<B>> {
        let bias = self.positions.bias(input.dims()[1]);
        let rotary = self.positions.rotary.as_ref();
        let mut hidden = self.positions.embed(ops::map(&self.input, input));
        let mut all = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            all.push(block.attended(hidden.clone(), &bias, rotary));
            hidden = block.forward(hidden, &bias, rotary);
        }
        all
    }
}
