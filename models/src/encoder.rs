//! The Transformer's block: attention, then a feed-forward network for every time step
//!
//! `a = x + attention(norm(x))`, `y = a + W_2 act(W_1 norm(a) + b_1) + b_2`, where the norms and the
//! residual terms are options.
//!
//! Source: Vaswani et al., "Attention is all you need", 2017, <https://arxiv.org/abs/1706.03762>; norms
//! before each part as in Xiong et al., "On layer normalization in the Transformer architecture", 2020,
//! <https://arxiv.org/abs/2002.04745>.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Tensor, backend::Backend};

use crate::activation::Activation;
use crate::attention::{Attended, Attention, AttentionConfig};
use crate::init::{InitRng, Weights};
use crate::noise::Noise;
use crate::ops::{self, ScoreBias};
use crate::position::Rotary;
use crate::stack::{Norm, normed};

/// The parameters of an [`Encoder`] block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncoderConfig {
    /// Sizes of the attention.
    pub attention: AttentionConfig,
    /// Hidden channels of the feed-forward network; 0 for a block of attention alone.
    pub d_ff: usize,
    /// Nonlinearity of the feed-forward network.
    pub activation: Activation,
    /// Normalisation of the input of either part.
    pub norm: Norm,
    /// What the norms add to the variance.
    pub epsilon: f64,
    /// Whether the input of either part is added to its output.
    pub residual: bool,
    /// How the linear maps start.
    pub weights: Weights,
}

/// The random masks of an [`Encoder`] in training.
#[derive(Debug)]
pub struct Drops<'a> {
    /// Draws them.
    pub noise: &'a mut Noise,
    /// The share of elements set to 0 in the hidden layer and in the output of either part, in [0, 1).
    pub elements: f64,
    /// The chance that a part is left out for a sample, in [0, 1).
    pub paths: f64,
}

impl Drops<'_> {
    fn output<B: Backend>(&mut self, output: Tensor<B, 3>) -> Tensor<B, 3> {
        let output = self.noise.dropout(output, self.elements);
        self.noise.drop_path(output, self.paths)
    }
}

/// One block of a Transformer.
#[derive(Module, Debug)]
pub struct Encoder<B: Backend> {
    /// Normalises the attention's input.
    pub attention_norm: Option<LayerNorm<B>>,
    /// Mixes time steps.
    pub attention: Attention<B>,
    /// Mixes channels.
    pub feed_forward: Option<FeedForward<B>>,
    /// Whether the input of either part is added to its output.
    pub residual: bool,
    /// What the norms add to the variance.
    pub epsilon: f64,
}

/// The feed-forward network of an [`Encoder`], with its norm.
#[derive(Module, Debug)]
pub struct FeedForward<B: Backend> {
    /// Normalises its input.
    pub norm: Option<LayerNorm<B>>,
    /// `d_model` to `d_ff`.
    pub hidden: Linear<B>,
    /// `d_ff` to `d_model`.
    pub output: Linear<B>,
    /// Nonlinearity between the two.
    #[module(skip)]
    pub activation: Activation,
}

impl EncoderConfig {
    /// Draws the weights.
    pub fn init<B: Backend>(&self, rng: &mut InitRng, device: &B::Device) -> Encoder<B> {
        let d_model = self.attention.d_model;
        let norm = || {
            (self.norm == Norm::Layer).then(|| LayerNormConfig::new(d_model).with_epsilon(self.epsilon).init(device))
        };
        Encoder {
            attention_norm: norm(),
            attention: self.attention.init(self.weights, rng, device),
            feed_forward: (self.d_ff > 0).then(|| FeedForward {
                norm: norm(),
                hidden: self.weights.linear(d_model, self.d_ff, true, rng, device),
                output: self.weights.linear(self.d_ff, d_model, true, rng, device),
                activation: self.activation,
            }),
            residual: self.residual,
            epsilon: self.epsilon,
        }
    }
}

impl<B: Backend> Encoder<B> {
    /// # Shapes
    /// - input and output `[batch, length, d_model]`
    pub fn forward(&self, input: Tensor<B, 3>, bias: &ScoreBias<B>, rotary: Option<&Rotary<B>>) -> Tensor<B, 3> {
        self.forward_dropping(input, bias, rotary, None)
    }

    /// As [`Encoder::forward`], with the random masks of a training step, if these are given.
    pub fn forward_dropping(
        &self,
        input: Tensor<B, 3>,
        bias: &ScoreBias<B>,
        rotary: Option<&Rotary<B>>,
        mut drops: Option<Drops<'_>>,
    ) -> Tensor<B, 3> {
        let mut attended =
            self.attention.forward(normed(self.attention_norm.as_ref(), self.epsilon, &input), bias, rotary);
        if let Some(drops) = &mut drops {
            attended = drops.output(attended);
        }
        let hidden = if self.residual { input + attended } else { attended };
        let Some(feed_forward) = &self.feed_forward else { return hidden };
        let mut inner = ops::map(&feed_forward.hidden, normed(feed_forward.norm.as_ref(), self.epsilon, &hidden));
        inner = feed_forward.activation.apply(inner);
        if let Some(Drops { noise, elements, .. }) = &mut drops {
            inner = noise.dropout(inner, *elements);
        }
        let mut output = ops::map(&feed_forward.output, inner);
        if let Some(drops) = &mut drops {
            output = drops.output(output);
        }
        if self.residual { hidden + output } else { output }
    }

    /// What its attention sees in `input`, `[batch, length, d_model]`.
    pub fn attended(&self, input: Tensor<B, 3>, bias: &ScoreBias<B>, rotary: Option<&Rotary<B>>) -> Attended<B> {
        self.attention.attended(normed(self.attention_norm.as_ref(), self.epsilon, &input), bias, rotary)
    }
}
