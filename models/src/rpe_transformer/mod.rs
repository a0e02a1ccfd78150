//! The Transformer with one trainable decay per head
//!
//! Causal, `y = W x^(L) + b`, `x^(0) = W_E x + b_E`, each block
//! `x + W_O concat_h sum_s a_h(t, s) W_V x(t-s)`, then a feed-forward network of ReLUs, whose input is added to its output
//! but for the last block (the readout). Attention is a softmax over s = 0..t of
//! `<W_Q x(t), W_K x(t-s)> / sqrt(d_head) + p_h phi(s)` with `p_h > 0` trainable and `phi(s) = -log(1 + s)` or `-s`.
//!
//! The paper's logarithm, `phi(s) = -log(s)` for s from 1 up, forbids the present (s = 0); here it is shifted by one step,
//! so that both forms see it. Its dot products are not divided by `sqrt(d_head)`, which is a matter of scale.
//!
//! Source: Wang, E, "Understanding the expressive power and mechanisms of Transformer for sequence modeling", 2024,
//! <https://arxiv.org/abs/2402.00522>.

mod attention;
mod scores;

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use attention::{RpeAttention, RpeAttentionConfig};
pub use scores::{LagScores, Lags, Rpe};

use crate::activation::Activation;
use crate::attention::{Attended, check_heads};
use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo, SequenceModel, check_finite};
use crate::ops;
use crate::stack::{Norm, StackConfig, last_step, normed};

/// A Transformer whose heads see lags through one trainable decay each.
///
/// Parameters: `(d_input + 1) d_model + n_layers (A + F [d_ff > 0]) + (d_model + 1) d_output`, with the attention's
/// `A = N + (2 + 2 [dot_product]) d_model n_heads d_head + S + d_model n_heads [tmx]`, the scores'
/// `S = n_heads (1 - [rpe = free]) + n_heads length [rpe = free]`, the feed-forward network's
/// `F = N + (d_model + 1) d_ff + (d_ff + 1) d_model` and the norm's `N = 2 d_model [norm = layer]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RpeTransformerConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Number of attention heads.
    #[schemars(range(min = 1))]
    pub n_heads: usize,
    /// Channels of each head's queries, keys and values; null for `d_model / n_heads`.
    #[schemars(range(min = 1))]
    pub d_head: Option<usize>,
    /// Hidden channels of the feed-forward networks (ReLU); 0 for none.
    pub d_ff: usize,
    /// How scores depend on the lag s: log (`-p log(1 + s)`), linear (`-p s`) or free (a trainable score per head and lag,
    /// as T5's with a bucket per lag).
    pub rpe: Rpe,
    /// The first head's p before training, greater than 0; without effect where `rpe` is free.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub p_start: f64,
    /// The last head's p before training, with those between evenly spaced in the logarithm; null for `p_start` in all.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub p_last: Option<f64>,
    /// Whether scores have a dot product of queries and keys beside the lag's part.
    pub dot_product: bool,
    /// Whether weights are divided by their sum over the past (softmax); the paper's section 4 goes without.
    pub normalise: bool,
    /// Whether `-p phi(w^T x(t))` is added to the scores, with `w^T x(t)` cut off at 0 from below ("t minus x"); needs a
    /// lag's part with p, and `normalise` false, since the softmax would cancel it.
    pub tmx: bool,
}

impl Default for RpeTransformerConfig {
    fn default() -> Self {
        Self {
            stack: StackConfig { d_model: 32, n_layers: 1, residual: true, norm: Norm::None },
            n_heads: 4,
            d_head: None,
            d_ff: 64,
            rpe: Rpe::default(),
            p_start: 1.0,
            p_last: None,
            dot_product: true,
            normalise: true,
            tmx: false,
        }
    }
}

/// Attention, then a feed-forward network.
#[derive(Module, Debug)]
pub struct RpeBlock<B: Backend> {
    /// Normalises the input of attention.
    pub attention_norm: Option<LayerNorm<B>>,
    /// Mixes time steps.
    pub attention: RpeAttention<B>,
    /// Normalises the input of the feed-forward network.
    pub feed_forward_norm: Option<LayerNorm<B>>,
    /// `d_model` to `d_ff` and back.
    pub feed_forward: Option<[Linear<B>; 2]>,
}

/// Input projection, blocks, output projection.
#[derive(Module, Debug)]
pub struct RpeTransformer<B: Backend> {
    /// `d_input` to `d_model`.
    pub input: Linear<B>,
    /// The blocks, first to last.
    pub blocks: Vec<RpeBlock<B>>,
    /// `d_model` to `d_output`.
    pub output: Linear<B>,
    /// What scores know of lags.
    pub lags: Lags<B>,
    /// Whether the input of either part of a block is added to its output.
    pub residual: bool,
    /// Whether only the last time step has an output.
    pub single_output: bool,
}

impl RpeTransformerConfig {
    /// Channels of each head.
    pub fn d_head(&self) -> usize {
        self.d_head.unwrap_or(self.stack.d_model / self.n_heads)
    }

    fn attention(&self, io: Io) -> RpeAttentionConfig {
        RpeAttentionConfig {
            d_model: self.stack.d_model,
            n_heads: self.n_heads,
            d_head: self.d_head(),
            length: io.length,
            rpe: self.rpe,
            p: [self.p_start, self.p_last.unwrap_or(self.p_start)],
            dot_product: self.dot_product,
            normalise: self.normalise,
            tmx: self.tmx,
        }
    }
}

impl ModelConfig for RpeTransformerConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "rpe-transformer",
        title: "RPE Transformer",
        summary: "Causal attention with one trainable decay over lags per head, with or without dot products.",
        source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", 2024, https://arxiv.org/abs/2402.00522",
    };
    type Model<B: AutodiffBackend> = RpeTransformer<B>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let StackConfig { d_model, n_layers, residual, norm } = self.stack;
        let norm = || (norm == Norm::Layer).then(|| LayerNormConfig::new(d_model).init(device));
        let block = |rng: &mut InitRng| RpeBlock {
            attention_norm: norm(),
            attention: self.attention(io).init(rng, device),
            feed_forward_norm: norm().filter(|_| self.d_ff > 0),
            feed_forward: (self.d_ff > 0).then(|| {
                [
                    init::linear(d_model, self.d_ff, true, rng, device),
                    init::linear(self.d_ff, d_model, true, rng, device),
                ]
            }),
        };
        RpeTransformer {
            input: init::linear(io.d_input, d_model, true, rng, device),
            blocks: (0..n_layers).map(|_| block(rng)).collect(),
            output: init::linear(d_model, io.d_output, true, rng, device),
            lags: Lags::new(self.rpe, io.length, n_layers > 1 || !io.single_output, device),
            residual,
            single_output: io.single_output,
        }
    }

    fn constraints(&self, _io: Io) -> Result<()> {
        check_heads(self.stack.d_model, self.n_heads, "d_head", self.d_head)?;
        check_finite("p_last", self.p_last)?;
        if self.tmx && self.normalise {
            return Err(Error::invalid("tmx", true, "false unless `normalise` is false: the softmax cancels its part"));
        }
        if self.tmx && self.rpe == Rpe::Free {
            return Err(Error::invalid("tmx", true, "false where `rpe` is free, which has no p"));
        }
        Ok(())
    }
}

impl<B: Backend> RpeTransformer<B> {
    /// What the part of a block makes of its normalised input is added to `input`, where residual terms are asked for.
    fn add(&self, input: Tensor<B, 3>, output: Tensor<B, 3>) -> Tensor<B, 3> {
        if self.residual { input + output } else { output }
    }

    /// What the feed-forward network of block `layer` makes of the output of its attention.
    fn feed_forward(&self, layer: usize, hidden: Tensor<B, 3>) -> Tensor<B, 3> {
        let block = &self.blocks[layer];
        let Some([first, second]) = &block.feed_forward else { return hidden };
        let inner =
            Activation::Relu.apply(ops::map(first, normed(block.feed_forward_norm.as_ref(), ops::EPSILON, &hidden)));
        let output = ops::map(second, inner);
        if layer + 1 < self.blocks.len() { self.add(hidden, output) } else { output }
    }

    /// A block that gives all time steps to the next.
    fn whole(&self, layer: usize, hidden: Tensor<B, 3>) -> Tensor<B, 3> {
        let block = &self.blocks[layer];
        let attended =
            block.attention.forward(normed(block.attention_norm.as_ref(), ops::EPSILON, &hidden), &self.lags);
        self.feed_forward(layer, self.add(hidden, attended))
    }

    /// The last block where only the last time step matters, given the model's input where it is the first, too.
    fn last(&self, layer: usize, hidden: Hidden<B>) -> Tensor<B, 3> {
        let block = &self.blocks[layer];
        let (now, attended) = match hidden {
            Hidden::Input(input) => {
                let now = ops::map(&self.input, last_step(input.clone()));
                (now.clone(), block.attention.last(input, now, Some(&self.input), &self.lags))
            }
            Hidden::Channels(hidden) => {
                let input = normed(block.attention_norm.as_ref(), ops::EPSILON, &hidden);
                let now = last_step(input.clone());
                (last_step(hidden), block.attention.last(input, now, None, &self.lags))
            }
        };
        self.feed_forward(layer, self.add(now, attended))
    }
}

/// What comes before a block.
enum Hidden<B: Backend> {
    /// `[batch, length, d_input]`, not yet projected.
    Input(Tensor<B, 3>),
    /// `[batch, length, d_model]`.
    Channels(Tensor<B, 3>),
}

impl<B: Backend> SequenceModel<B> for RpeTransformer<B> {
    /// # Panics
    /// The sequence is longer than the length that the model was built for.
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let last = self.blocks.len() - 1;
        let whole = if self.single_output { last } else { last + 1 };
        let first = &self.blocks[0];
        // Weights that sum to 1 can be applied before the input projection.
        let hidden = if whole == 0 && first.attention_norm.is_none() && first.attention.normalise {
            Hidden::Input(input)
        } else {
            let embedded = ops::map(&self.input, input);
            Hidden::Channels((0..whole).fold(embedded, |hidden, layer| self.whole(layer, hidden)))
        };
        let hidden = match hidden {
            Hidden::Channels(hidden) if !self.single_output => hidden,
            hidden => self.last(last, hidden),
        };
        ops::map(&self.output, hidden)
    }

    /// Without the softmax (`normalise` false), weights are the exponentials of the scores, not their shares.
    fn attention(&self, input: Tensor<B, 3>) -> Vec<Attended<B>> {
        let mut hidden = ops::map(&self.input, input);
        let mut all = Vec::with_capacity(self.blocks.len());
        for (layer, block) in self.blocks.iter().enumerate() {
            let scores =
                block.attention.scores(normed(block.attention_norm.as_ref(), ops::EPSILON, &hidden), &self.lags);
            all.push(Attended { scores });
            hidden = self.whole(layer, hidden);
        }
        all
    }
}

#[cfg(test)]
mod tests;
