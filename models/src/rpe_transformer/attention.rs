//! Attention by lags, with or without dot products.
//!
//! Without dot products the weights are the same for all sequences, so they are made once per head: attention is then a
//! product with a matrix of `length^2` weights, or with `length` of them where only the last step matters.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Tensor, activation::softmax, backend::Backend};

use super::scores::{LagScores, Lags, Rpe};
use crate::init::{self, InitRng};
use crate::ops::{self, Paired, ScoreBias};

/// The sizes of an [`RpeAttention`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RpeAttentionConfig {
    /// Channels of the input and the output.
    pub d_model: usize,
    /// Number of heads.
    pub n_heads: usize,
    /// Channels of each head's queries, keys and values.
    pub d_head: usize,
    /// The longest sequence, in time steps.
    pub length: usize,
    /// How scores depend on the lag.
    pub rpe: Rpe,
    /// The first and the last head's p before training.
    pub p: [f64; 2],
    /// Whether scores have a dot product.
    pub dot_product: bool,
    /// Whether weights sum to 1.
    pub normalise: bool,
    /// Whether `-p phi(w^T x(t))` is added to the scores.
    pub tmx: bool,
}

/// Attention by lags.
#[derive(Module, Debug)]
pub struct RpeAttention<B: Backend> {
    /// Queries and keys, each `d_model` to `n_heads * d_head`, heads side by side.
    pub paired: Option<[Linear<B>; 2]>,
    /// `d_model` to `n_heads * d_head`.
    pub value: Linear<B>,
    /// `n_heads * d_head` to `d_model`.
    pub output: Linear<B>,
    /// The lag's part of the scores.
    pub lags: LagScores<B>,
    /// `w` of "t minus x", `[d_model, n_heads]`.
    pub token: Option<Param<Tensor<B, 2>>>,
    /// Whether weights sum to 1.
    pub normalise: bool,
    /// Number of heads.
    pub n_heads: usize,
}

impl RpeAttentionConfig {
    /// Draws the weights: no map has a bias.
    pub fn init<B: Backend>(&self, rng: &mut InitRng, device: &B::Device) -> RpeAttention<B> {
        let Self { d_model, n_heads, d_head, .. } = *self;
        let inner = n_heads * d_head;
        let paired = self.dot_product.then(|| [0, 1].map(|_| init::linear(d_model, inner, false, rng, device)));
        RpeAttention {
            paired,
            value: init::linear(d_model, inner, false, rng, device),
            output: init::linear(inner, d_model, false, rng, device),
            lags: LagScores::init(self.rpe, n_heads, self.length, self.p, device),
            token: self.tmx.then(|| init::uniform([d_model, n_heads], 1.0 / (d_model as f64).sqrt(), rng, device)),
            normalise: self.normalise,
            n_heads,
        }
    }
}

impl<B: Backend> RpeAttention<B> {
    /// # Shapes
    /// - input and output `[batch, length, d_model]`
    pub fn forward(&self, input: Tensor<B, 3>, lags: &Lags<B>) -> Tensor<B, 3> {
        let [batch, length, _] = input.dims();
        let value = ops::map(&self.value, input.clone());
        let inner = value.dims()[2];
        let bias = lags.of_all(&self.lags, length);
        let context = match self.query_and_key(&input) {
            Some(pair) if self.normalise => {
                let bias = ScoreBias { values: Some(bias), causal: true };
                ops::attention(Paired::BySteps(pair), value, &bias, self.n_heads)
            }
            Some(pair) => {
                let bias = ScoreBias { values: Some(bias), causal: true };
                let weights = ops::scores(Paired::BySteps(pair), &bias, self.n_heads).exp();
                let context = weights.matmul(ops::heads(value, self.n_heads));
                context.swap_dims(1, 2).reshape([batch, length, inner])
            }
            None => {
                let d_head = inner / self.n_heads;
                let value = value.reshape([batch, length, self.n_heads, d_head]).permute([2, 1, 0, 3]);
                let context = self.weights(bias).matmul(value.reshape([self.n_heads, length, batch * d_head]));
                let context = context.reshape([self.n_heads, length, batch, d_head]).permute([2, 1, 0, 3]);
                context.reshape([batch, length, inner])
            }
        };
        ops::map(&self.output, self.scaled(context, input, lags))
    }

    /// The last time step of [`RpeAttention::forward`], on `input` or, where there is an `embedding`, on what it makes
    /// of `input`; `now` is the last step of the one or the other.
    ///
    /// # Shapes
    /// - input `[batch, length, d_model]`, with an embedding `[batch, length, d_input]`
    /// - now and output `[batch, 1, d_model]`
    ///
    /// # Panics
    /// There is an embedding and weights do not sum to 1: they commute with a map that has a bias only if they do. The
    /// sequence is longer than the length that the model was built for.
    pub fn last(
        &self,
        input: Tensor<B, 3>,
        now: Tensor<B, 3>,
        embedding: Option<&Linear<B>>,
        lags: &Lags<B>,
    ) -> Tensor<B, 3> {
        assert!(embedding.is_none() || self.normalise, "weights sum to 1 where an embedding comes after them");
        let mut mixed = self.mixed(input, &now, embedding, lags);
        if let Some(embedding) = embedding {
            mixed = ops::map(embedding, mixed);
        }
        let context = ops::head_values(mixed, self.value.weight.val()).unsqueeze_dim(1);
        ops::map(&self.output, self.scaled(context, now, lags))
    }

    /// What each head sees at the last step, `[batch, length, channels]` to `[batch, n_heads, channels]`.
    fn mixed(
        &self,
        input: Tensor<B, 3>,
        now: &Tensor<B, 3>,
        embedding: Option<&Linear<B>>,
        lags: &Lags<B>,
    ) -> Tensor<B, 3> {
        let bias = lags.of_last(&self.lags, input.dims()[1]);
        let Some([query, key]) = &self.paired else {
            let weights = self.weights(bias);
            return ops::linear(input.swap_dims(1, 2), weights.transpose(), None).swap_dims(1, 2);
        };
        let query = ops::map(query, now.clone()).squeeze_dim::<2>(1);
        let scale = 1.0 / ((query.dims()[1] / self.n_heads) as f64).sqrt();
        let mut directions = ops::head_directions(query.mul_scalar(scale), key.weight.val(), self.n_heads);
        if let Some(embedding) = embedding {
            // The bias adds the same to all scores of a query, which the softmax cancels.
            directions = ops::linear(directions, embedding.weight.val().transpose(), None);
        }
        if self.normalise {
            ops::pool(input, directions, Some(bias))
        } else {
            ops::pool_scores(input.clone(), directions, Some(bias)).exp().matmul(input)
        }
    }

    /// Scores before the softmax, `[batch, n_heads, length, length]`.
    pub fn scores(&self, input: Tensor<B, 3>, lags: &Lags<B>) -> Tensor<B, 4> {
        let [batch, length, _] = input.dims();
        let bias = lags.of_all(&self.lags, length);
        let scores = match self.query_and_key(&input) {
            Some(pair) => {
                let bias = ScoreBias { values: Some(bias), causal: true };
                ops::scores(Paired::BySteps(pair), &bias, self.n_heads)
            }
            None => bias.unsqueeze::<4>().expand([batch, self.n_heads, length, length]),
        };
        match self.of_token(input, lags) {
            Some(token) => scores + token.swap_dims(1, 2).unsqueeze_dim(3),
            None => scores,
        }
    }

    fn query_and_key(&self, input: &Tensor<B, 3>) -> Option<[Tensor<B, 3>; 2]> {
        self.paired.as_ref().map(|[query, key]| [ops::map(query, input.clone()), ops::map(key, input.clone())])
    }

    /// What scores become.
    fn weights<const D: usize>(&self, scores: Tensor<B, D>) -> Tensor<B, D> {
        if self.normalise { softmax(scores, D - 1) } else { scores.exp() }
    }

    /// What "t minus x" adds to the scores of `input`'s steps, `[batch, length, n_heads]`.
    fn of_token(&self, input: Tensor<B, 3>, lags: &Lags<B>) -> Option<Tensor<B, 3>> {
        let token = self.token.as_ref()?;
        Some(lags.of_token(&self.lags, ops::linear(input, token.val(), None)))
    }

    /// What is added to all scores of a query multiplies its output, since weights do not sum to 1 then.
    fn scaled(&self, context: Tensor<B, 3>, input: Tensor<B, 3>, lags: &Lags<B>) -> Tensor<B, 3> {
        let Some(token) = self.of_token(input, lags) else { return context };
        let [batch, length, inner] = context.dims();
        let context = context.reshape([batch, length, self.n_heads, inner / self.n_heads]);
        (context * token.exp().unsqueeze_dim(3)).reshape([batch, length, inner])
    }
}
