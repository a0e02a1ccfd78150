//! Multi-head attention
//!
//! `y(t) = c + W_O concat_h sum_s softmax_s[<q_h(t), k_h(s)> / sqrt(d_head) + bias_h(t, s)] v_h(s)`.
//!
//! Source: Vaswani et al., "Attention is all you need", 2017, <https://arxiv.org/abs/1706.03762>.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, activation::softmax, backend::Backend};
use lookback_registry::{Error, Result};

use crate::init::{InitRng, Weights};
use crate::ops::{self, Paired, ScoreBias};
use crate::position::Rotary;

/// The sizes of an [`Attention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionConfig {
    /// Channels of the input and the output.
    pub d_model: usize,
    /// Number of heads.
    pub n_heads: usize,
    /// Channels of each head's queries, keys and values.
    pub d_head: usize,
    /// Which of its maps have biases.
    pub bias: AttentionBias,
}

/// Checks that `n_heads` heads share `d_model` channels evenly, unless `field`, the channels of each, is set.
pub(crate) fn check_heads(d_model: usize, n_heads: usize, field: &str, set: Option<usize>) -> Result<()> {
    if set.is_some() || d_model.is_multiple_of(n_heads) {
        return Ok(());
    }
    let valid = format!("a multiple of `n_heads`, {n_heads}, unless `{field}` is set");
    Err(Error::invalid("d_model", d_model, valid))
}

/// Which maps of an [`Attention`] have biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionBias {
    /// Queries and values.
    pub query_value: bool,
    /// Keys. It adds the same to all scores of a query, which the softmax cancels; some weights from elsewhere have it.
    pub key: bool,
    /// The output.
    pub output: bool,
}

impl AttentionBias {
    /// All that matter, or none.
    pub fn useful(some: bool) -> Self {
        Self { query_value: some, key: false, output: some }
    }
}

/// What an [`Attention`] sees in its input.
#[derive(Debug, Clone)]
pub struct Attended<B: Backend> {
    /// How well each query (dimension 2) fits each key (dimension 3), before the softmax, very negative where attention
    /// is forbidden: `[batch, n_heads, queries, keys]`, both the sequence itself, or one query where one token is read.
    pub scores: Tensor<B, 4>,
}

impl<B: Backend> Attended<B> {
    /// How much each query (dimension 2) attends to each key (dimension 3); sums to 1 over the last dimension,
    /// `[batch, n_heads, queries, keys]`.
    pub fn weights(&self) -> Tensor<B, 4> {
        softmax(self.scores.clone(), 3)
    }
}

/// Multi-head attention of a sequence to itself.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    /// `d_model` to `n_heads * d_head`, heads side by side.
    pub query: Linear<B>,
    /// `d_model` to `n_heads * d_head`.
    pub key: Linear<B>,
    /// `d_model` to `n_heads * d_head`.
    pub value: Linear<B>,
    /// `n_heads * d_head` to `d_model`.
    pub output: Linear<B>,
    /// Number of heads.
    pub n_heads: usize,
}

impl AttentionConfig {
    /// Draws the weights.
    pub fn init<B: Backend>(&self, weights: Weights, rng: &mut InitRng, device: &B::Device) -> Attention<B> {
        let inner = self.n_heads * self.d_head;
        Attention {
            query: weights.linear(self.d_model, inner, self.bias.query_value, rng, device),
            key: weights.linear(self.d_model, inner, self.bias.key, rng, device),
            value: weights.linear(self.d_model, inner, self.bias.query_value, rng, device),
            output: weights.linear(inner, self.d_model, self.bias.output, rng, device),
            n_heads: self.n_heads,
        }
    }
}

impl<B: Backend> Attention<B> {
    /// # Shapes
    /// - input and output `[batch, length, d_model]`
    pub fn forward(&self, input: Tensor<B, 3>, bias: &ScoreBias<B>, rotary: Option<&Rotary<B>>) -> Tensor<B, 3> {
        let value = ops::map(&self.value, input.clone());
        let context = ops::attention(self.paired(input, rotary), value, bias, self.n_heads);
        ops::map(&self.output, context)
    }

    /// What it sees in `input`, `[batch, length, d_model]`.
    pub fn attended(&self, input: Tensor<B, 3>, bias: &ScoreBias<B>, rotary: Option<&Rotary<B>>) -> Attended<B> {
        Attended { scores: ops::scores(self.paired(input, rotary), bias, self.n_heads) }
    }

    /// Queries and keys.
    fn paired(&self, input: Tensor<B, 3>, rotary: Option<&Rotary<B>>) -> Paired<B> {
        let pair = [ops::map(&self.query, input.clone()), ops::map(&self.key, input)];
        match rotary {
            Some(rotary) => Paired::ByHeads(pair.map(|tensor| rotary.rotate(ops::heads(tensor, self.n_heads)))),
            None => Paired::BySteps(pair),
        }
    }
}
