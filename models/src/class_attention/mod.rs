//! A Transformer whose output is read at a class token
//!
//! `y = F(c_0 + W_O concat_i sum_t softmax_t[beta <W_Q,i c_0, W_K,i e(x(t))> / sqrt(n)] W_V,i e(x(t)))` with a trainable
//! class token c_0, an encoder e and a network F, without norms. The query is the same for all sequences, so a head is a
//! soft maximum over the tokens in one direction.
//!
//! With more layers, tokens and class token first go through [`Encoder`] blocks of as many heads, without norms and with
//! residual terms, in which all of them attend to each other; only the last layer is read at the class token.
//!
//! Source: Yu, Bao, Li, Jiang, Yu, "The effect of attention head count on Transformer approximation", 2025,
//! <https://arxiv.org/abs/2510.06662>. Keys and values that heads share: Ainslie et al., "GQA: training generalized
//! multi-query Transformer models from multi-head checkpoints", 2023, <https://arxiv.org/abs/2305.13245>.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::attention::{Attended, AttentionBias, AttentionConfig};
use crate::encoder::{Encoder, EncoderConfig};
use crate::init::{self, InitRng, Weights};
use crate::model::{Io, ModelConfig, ModelInfo, SequenceModel};
use crate::ops::{self, ScoreBias};
use crate::stack::Norm;

/// A Transformer that is read at a class token.
///
/// Parameters: `e + (n_layers - 1) L + R + F`, with the encoder's `e = (d_input + 1 + length [positions]) d_hidden + (d_hidden + 1) E`,
/// `E = n_heads d_head`, the layers' `L = 4 E^2 + (E + 1) d_hidden + (d_hidden + 1) E`, the layer's that is read, with the
/// class token, `R = E + 2 E^2 + 2 E n_kv_heads d_head`, and
/// `F = (E + 1) d_hidden + (head_layers - 2) (d_hidden + 1) d_hidden + (d_hidden + 1) d_output`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClassAttentionConfig {
    /// Number of attention heads h.
    #[schemars(range(min = 1))]
    pub n_heads: usize,
    /// Channels n of each head's queries, keys and values; tokens have `n_heads * d_head` channels.
    #[schemars(range(min = 1))]
    pub d_head: usize,
    /// Hidden channels N of the encoder, of the network behind the attention, and of those between layers.
    #[schemars(range(min = 1))]
    pub d_hidden: usize,
    /// What the scores of the layer that is read are multiplied by beside `1 / sqrt(d_head)`.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub beta: f64,
    /// Attention layers, from 1 up; the last one is read at the class token.
    #[schemars(range(min = 1))]
    pub n_layers: usize,
    /// Key and value maps of the layer that is read, each shared by a group of heads: a divisor of `n_heads`; null for
    /// `n_heads`.
    #[schemars(range(min = 1))]
    pub n_kv_heads: Option<usize>,
    /// Linear maps of the network F behind the attention, from 2 up.
    #[schemars(range(min = 2))]
    pub head_layers: usize,
    /// Whether the encoder sees a token's place beside its content (the encoder of both side by side).
    pub positions: bool,
    /// Nonlinearity of the encoder.
    pub encoder_activation: Activation,
    /// Nonlinearity of the network behind the attention and of those between layers.
    pub head_activation: Activation,
}

impl Default for ClassAttentionConfig {
    fn default() -> Self {
        Self {
            n_heads: 4,
            d_head: 8,
            d_hidden: 32,
            beta: 1.0,
            n_layers: 1,
            n_kv_heads: None,
            head_layers: 2,
            positions: false,
            encoder_activation: Activation::Relu,
            head_activation: Activation::Gelu,
        }
    }
}

/// Encoder, class token, blocks, the attention that is read, and the network behind it. `E = n_heads * d_head`.
#[derive(Module, Debug)]
pub struct ClassAttention<B: Backend> {
    /// `d_input` to `d_hidden`.
    pub encoder_hidden: Linear<B>,
    /// What a token's place adds to the encoder's hidden layer, `[1, length, d_hidden]`.
    pub positions: Option<Param<Tensor<B, 3>>>,
    /// `d_hidden` to E.
    pub encoder_output: Linear<B>,
    /// The class token, `[1, 1, E]`.
    pub class_token: Param<Tensor<B, 3>>,
    /// All layers but the last.
    pub blocks: Vec<Encoder<B>>,
    /// E to E.
    pub query: Linear<B>,
    /// E to `n_kv_heads * d_head`.
    pub key: Linear<B>,
    /// E to `n_kv_heads * d_head`.
    pub value: Linear<B>,
    /// E to E.
    pub output: Linear<B>,
    /// E to `d_hidden`, and on to `d_output`.
    pub head: Vec<Linear<B>>,
    /// Nonlinearity of the encoder.
    #[module(skip)]
    pub encoder_activation: Activation,
    /// Nonlinearity of the head.
    #[module(skip)]
    pub head_activation: Activation,
    n_heads: usize,
    beta: f64,
}

impl ClassAttentionConfig {
    /// Channels of a token.
    pub fn d_model(&self) -> usize {
        self.n_heads * self.d_head
    }

    fn kv_heads(&self) -> usize {
        self.n_kv_heads.unwrap_or(self.n_heads)
    }

    fn head_sizes(&self, io: Io) -> impl Iterator<Item = [usize; 2]> + use<> {
        let (d_model, d_hidden, last) = (self.d_model(), self.d_hidden, self.head_layers - 1);
        (0..=last).map(move |layer| {
            [if layer == 0 { d_model } else { d_hidden }, if layer == last { io.d_output } else { d_hidden }]
        })
    }

    fn block(&self) -> EncoderConfig {
        EncoderConfig {
            attention: AttentionConfig {
                d_model: self.d_model(),
                n_heads: self.n_heads,
                d_head: self.d_head,
                bias: AttentionBias::useful(false),
            },
            d_ff: self.d_hidden,
            activation: self.head_activation,
            norm: Norm::None,
            epsilon: ops::EPSILON,
            residual: true,
            weights: Weights::Uniform,
        }
    }
}

impl ModelConfig for ClassAttentionConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "class-attention",
        title: "Class attention",
        summary: "Heads that attend to all tokens from one trainable class token, to one output.",
        source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                 https://arxiv.org/abs/2510.06662",
    };
    type Model<B: AutodiffBackend> = ClassAttention<B>;

    fn example_io() -> Io {
        Io::single(4, 1, 32)
    }

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let (d_model, shared) = (self.d_model(), self.kv_heads() * self.d_head);
        ClassAttention {
            encoder_hidden: init::linear(io.d_input, self.d_hidden, true, rng, device),
            positions: self.positions.then(|| init::uniform([1, io.length, self.d_hidden], 1.0, rng, device)),
            encoder_output: init::linear(self.d_hidden, d_model, true, rng, device),
            class_token: init::normal([1, 1, d_model], 1.0, rng, device),
            blocks: (1..self.n_layers).map(|_| self.block().init(rng, device)).collect(),
            query: init::linear(d_model, d_model, false, rng, device),
            key: init::linear(d_model, shared, false, rng, device),
            value: init::linear(d_model, shared, false, rng, device),
            output: init::linear(d_model, d_model, false, rng, device),
            head: self.head_sizes(io).map(|[from, to]| init::linear(from, to, true, rng, device)).collect(),
            encoder_activation: self.encoder_activation,
            head_activation: self.head_activation,
            n_heads: self.n_heads,
            beta: self.beta,
        }
    }

    fn constraints(&self, io: Io) -> Result<()> {
        if !io.single_output {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                "The model `class-attention` has one output per sequence, not one per time step.",
            ));
        }
        if let Some(groups) = self.n_kv_heads.filter(|groups| !self.n_heads.is_multiple_of(*groups)) {
            let valid = format!("a divisor of `n_heads`, {}, or null", self.n_heads);
            return Err(Error::invalid("n_kv_heads", groups, valid));
        }
        Ok(())
    }

    fn with_width(&self, width: usize) -> Self {
        Self { d_hidden: width, ..self.clone() }
    }

    fn causal(&self) -> bool {
        false
    }
}

/// What the layer that is read sees.
struct Reading<B: Backend> {
    /// Tokens, or the encoder's hidden layer, of which the tokens are a linear map: `[batch, length, channels]`.
    features: Tensor<B, 3>,
    /// The scores' directions in them, one per head: `[batch or 1, n_heads, channels]`.
    directions: Tensor<B, 3>,
    /// Whether `features` are the hidden layer.
    hidden: bool,
    /// The class token, `[batch or 1, 1, E]`.
    class_token: Tensor<B, 3>,
}

impl<B: Backend> ClassAttention<B> {
    /// The hidden layer of the encoder, `[batch, length, d_hidden]`.
    ///
    /// # Panics
    /// The model has positions, and the sequence is longer than the length that it was built for.
    fn hidden(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let length = input.dims()[1];
        let mut hidden = ops::map(&self.encoder_hidden, input);
        if let Some(positions) = &self.positions {
            hidden = hidden + positions.val().narrow(1, 0, length);
        }
        self.encoder_activation.apply(hidden)
    }

    /// Tokens with the class token behind them, `[batch, length + 1, E]`.
    fn tokens(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let tokens = ops::map(&self.encoder_output, self.hidden(input));
        let [batch, _, d_model] = tokens.dims();
        // burn 0.21's backward pass of a repetition is wrong; a sum broadcasts.
        let class_token = Tensor::zeros([batch, 1, d_model], &tokens.device()) + self.class_token.val();
        Tensor::cat(vec![tokens, class_token], 1)
    }

    /// A key or value map with a block of columns for each head: `[E, E]`.
    fn by_heads(&self, map: &Linear<B>) -> Tensor<B, 2> {
        let weight = map.weight.val();
        let [d_model, shared] = weight.dims();
        if shared == d_model {
            return weight;
        }
        let d_head = d_model / self.n_heads;
        let group = d_model / shared;
        let blocks = (0..self.n_heads).map(|head| weight.clone().narrow(1, head / group * d_head, d_head));
        Tensor::cat(blocks.collect(), 1)
    }

    /// The layer that is read, of these tokens (before their last linear map if `hidden`).
    fn reading(&self, features: Tensor<B, 3>, class_token: Tensor<B, 3>, hidden: bool) -> Reading<B> {
        let [sequences, _, d_model] = class_token.dims();
        let d_head = d_model / self.n_heads;
        let query = ops::map(&self.query, class_token.clone()).mul_scalar(self.beta / (d_head as f64).sqrt());
        let query = query.reshape([sequences, d_model]);
        let mut directions = ops::head_directions(query, self.by_heads(&self.key), self.n_heads);
        if hidden {
            // The bias adds the same to all scores of a query, which the softmax cancels.
            directions = ops::linear(directions, self.encoder_output.weight.val().transpose(), None);
        }
        Reading { features, directions, hidden, class_token }
    }

    /// What the last layer sees in `input`, and on the way there what the other layers do.
    fn last_layer(&self, input: Tensor<B, 3>, mut seen: impl FnMut(&Encoder<B>, &Tensor<B, 3>)) -> Reading<B> {
        if self.blocks.is_empty() {
            // The mean of linear maps is the map of the mean: one map per head instead of one per token.
            return self.reading(self.hidden(input), self.class_token.val(), true);
        }
        let length = input.dims()[1];
        let mut tokens = self.tokens(input);
        for block in &self.blocks {
            seen(block, &tokens);
            tokens = block.forward(tokens, &ScoreBias::none(), None);
        }
        self.reading(tokens.clone().narrow(1, 0, length), tokens.narrow(1, length, 1), false)
    }
}

impl<B: Backend> SequenceModel<B> for ClassAttention<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let Reading { features, directions, hidden, class_token } = self.last_layer(input, |_, _| {});
        let mut pooled = ops::pool(features, directions, None);
        if hidden {
            pooled = ops::map(&self.encoder_output, pooled);
        }
        let values = ops::head_values(pooled, self.by_heads(&self.value));
        let mut state = ops::map(&self.output, values.unsqueeze_dim(1)) + class_token;
        for (layer, map) in self.head.iter().enumerate() {
            if layer > 0 {
                state = self.head_activation.apply(state);
            }
            state = ops::map(map, state);
        }
        state
    }

    fn attention(&self, input: Tensor<B, 3>) -> Vec<Attended<B>> {
        let mut all = Vec::with_capacity(self.blocks.len() + 1);
        let Reading { features, directions, .. } = self.last_layer(input, |block, tokens| {
            all.push(block.attended(tokens.clone(), &ScoreBias::none(), None));
        });
        all.push(Attended { scores: ops::pool_scores(features, directions, None).unsqueeze_dim(2) });
        all
    }
}

#[cfg(test)]
mod tests;
