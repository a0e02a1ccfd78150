//! Multi-head attention
//!
//! `y(t) = c + W_O concat_h sum_s softmax_s[<q_h(t), k_h(s)> / sqrt(d_head) + bias_h(t, s)] v_h(s)`.
//!
//! Source: Vaswani et al., "Attention is all you need", 2017, <https://arxiv.org/abs/1706.03762>.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, backend::Backend};

use crate::init::{self, InitRng};
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
    /// Whether queries, values and the output have biases. Keys have none: it would add the same to all
    /// scores of a query, which the softmax cancels.
    pub bias: bool,
}

/// Multi-head attention of a sequence to itself.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    /// `d_model` to `n_heads * d_head`, heads side by side.
    pub query: Linear<B>,
    /// `d_model` to `n_heads * d_head`, without bias.
    pub key: Linear<B>,
    /// `d_model` to `n_heads * d_head`.
    pub value: Linear<B>,
    /// `n_heads * d_head` to `d_model`.
    pub output: Linear<B>,
    /// Number of heads.
    pub n_heads: usize,
}

impl AttentionConfig {
    /// Draws the weights, each map uniform on `[-1/sqrt(inputs), 1/sqrt(inputs))`.
    pub fn init<B: Backend>(&self, rng: &mut InitRng, device: &B::Device) -> Attention<B> {
        let inner = self.n_heads * self.d_head;
        Attention {
            query: init::linear(self.d_model, inner, self.bias, rng, device),
            key: init::linear(self.d_model, inner, false, rng, device),
            value: init::linear(self.d_model, inner, self.bias, rng, device),
            output: init::linear(inner, self.d_model, self.bias, rng, device),
            n_heads: self.n_heads,
        }
    }

    /// Trainable scalars.
    pub fn num_params(&self) -> usize {
        let inner = self.n_heads * self.d_head;
        let bias = if self.bias { 2 * inner + self.d_model } else { 0 };
        4 * self.d_model * inner + bias
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

    /// How much each time step (dimension 2) attends to each other one (dimension 3); sums to 1 over the last.
    ///
    /// # Shapes
    /// - input `[batch, length, d_model]`
    /// - output `[batch, n_heads, length, length]`
    pub fn weights(&self, input: Tensor<B, 3>, bias: &ScoreBias<B>, rotary: Option<&Rotary<B>>) -> Tensor<B, 4> {
        ops::weights(self.paired(input, rotary), bias, self.n_heads)
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
