//! One attention layer between two pointwise networks
//!
//! `y(t) = F(sum_s softmax_s[(W_Q g(t))^T W_K g(s)] W_V g(s))` with `g(t) = f(x(t))`: a dense network f before and a
//! dense network F after attention in both directions, without layer norm, residual connections or biases of
//! `W_Q`, `W_K`, `W_V`. Scores are not scaled (other Transformers divide them by the root of `d_head`), so that
//! they are a function of two time steps of rank `d_head`, the paper's `m_h`. Absolute positions e are added to an
//! embedding before f: `g(t) = f(A x(t) + a + e(t))`. Several heads are laid side by side before F.
//!
//! Source: Jiang, Li, "Approximation rate of the Transformer architecture for sequence modeling", 2024,
//! <https://arxiv.org/abs/2305.18475>, equation 5.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::attention::{Attended, check_heads};
use crate::init::{self, InitRng};
use crate::mlp::{Mlp, MlpConfig};
use crate::model::{Io, ModelConfig, ModelInfo, SequenceModel};
use crate::ops::{self, Paired};
use crate::position::{Position, PositionConfig, PositionShape, Positions};
use crate::stack::last_step;

/// Pointwise networks around one attention layer.
///
/// Parameters: `(d_input + 1) d_model P + T + f + n_heads d_model (2 d_head + d_value) + F`. Only positions that are added
/// need an embedding, `P = [position = learned] + [position = sinusoidal]`; they and the T5 scores have
/// `T = length d_model [position = learned] + 32 n_heads [position = t5-log]`; of the networks,
/// `f = (X + 1) d_model [ff_depth = 1] + ((X + 1) d_ff + M + (d_ff + 1) d_model) [ff_depth > 1]` begins with
/// `X = d_model P + d_input (1 - P)` channels,
/// `F = (V + 1) d_output [ff_depth = 1] + ((V + 1) d_ff + M + (d_ff + 1) d_output) [ff_depth > 1]` with
/// `V = n_heads d_value`, and either has `M = (ff_depth - 2) (d_ff + 1) d_ff` between its hidden layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PointwiseAttentionConfig {
    /// Features of each time step, the output of f (the paper's n).
    #[schemars(range(min = 1))]
    pub d_model: usize,
    /// Hidden channels of the pointwise networks f and F.
    #[schemars(range(min = 1))]
    pub d_ff: usize,
    /// Linear maps of each pointwise network, from 1 up: one more than it has hidden layers.
    #[schemars(range(min = 1))]
    pub ff_depth: usize,
    /// Nonlinearity of the pointwise networks.
    pub activation: Activation,
    /// Number of attention heads.
    #[schemars(range(min = 1))]
    pub n_heads: usize,
    /// Channels of each head's queries and keys (the paper's m_h), which bound the rank of its scores; null for
    /// `d_model / n_heads`.
    #[schemars(range(min = 1))]
    pub d_head: Option<usize>,
    /// Channels of each head's values (the paper's m_v); null for `d_model / n_heads`.
    #[schemars(range(min = 1))]
    pub d_value: Option<usize>,
    /// Whether attention is to the past and present alone.
    pub causal: bool,
    /// How attention learns of time: none, learned, sinusoidal, alibi or t5-log.
    pub position: Position,
    /// Standard deviation of the initial learned positions or T5 scores.
    #[schemars(range(min = 0.0))]
    pub position_std: f64,
}

impl Default for PointwiseAttentionConfig {
    fn default() -> Self {
        Self {
            d_model: 32,
            d_ff: 128,
            ff_depth: 3,
            activation: Activation::Relu,
            n_heads: 1,
            d_head: None,
            d_value: None,
            causal: false,
            position: Position::None,
            position_std: 1.0,
        }
    }
}

/// Embedding, pointwise network, attention, pointwise network.
#[derive(Module, Debug)]
pub struct PointwiseAttention<B: Backend> {
    /// `d_input` to `d_model`, where absolute positions are added.
    pub embedding: Option<Linear<B>>,
    /// What tells of time, and the causal mask.
    pub positions: Positions<B>,
    /// The network f, to `d_model`.
    pub before: Mlp<B>,
    /// `d_model` to `n_heads * d_head`.
    pub query: Linear<B>,
    /// `d_model` to `n_heads * d_head`.
    pub key: Linear<B>,
    /// `d_model` to `n_heads * d_value`.
    pub value: Linear<B>,
    /// The network F, to `d_output`.
    pub after: Mlp<B>,
    /// Number of heads.
    pub n_heads: usize,
    /// Whether only the last time step has an output.
    pub single_output: bool,
}

impl PointwiseAttentionConfig {
    /// Channels of each head's queries and keys.
    pub fn d_head(&self) -> usize {
        self.d_head.unwrap_or(self.d_model / self.n_heads)
    }

    /// Channels of each head's values.
    pub fn d_value(&self) -> usize {
        self.d_value.unwrap_or(self.d_model / self.n_heads)
    }

    fn mlp(&self) -> MlpConfig {
        MlpConfig { width: self.d_ff, depth: self.ff_depth, activation: self.activation }
    }

    /// Whether positions are added before f.
    fn embeds(&self) -> bool {
        matches!(self.position, Position::Learned | Position::Sinusoidal)
    }

    /// Channels that f sees.
    fn d_features(&self, io: Io) -> usize {
        if self.embeds() { self.d_model } else { io.d_input }
    }

    fn positions(&self) -> PositionConfig {
        PositionConfig { position: self.position, position_std: self.position_std, ..PositionConfig::default() }
    }

    fn shape(&self, io: Io) -> PositionShape {
        PositionShape {
            length: io.length,
            d_model: self.d_model,
            n_heads: self.n_heads,
            d_head: self.d_head(),
            causal: self.causal,
        }
    }
}

impl ModelConfig for PointwiseAttentionConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "pointwise-attention",
        title: "Pointwise networks around attention",
        summary: "A dense network of each time step, one attention layer without norm or residual, another dense network.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };
    type Model<B: AutodiffBackend> = PointwiseAttention<B>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let (d_model, mlp) = (self.d_model, self.mlp());
        let values = self.n_heads * self.d_value();
        let mut pair = || init::linear(d_model, self.n_heads * self.d_head(), false, rng, device);
        let (query, key) = (pair(), pair());
        PointwiseAttention {
            embedding: self.embeds().then(|| init::linear(io.d_input, d_model, true, rng, device)),
            positions: self.positions().init(self.shape(io), rng, device),
            before: mlp.init(self.d_features(io), d_model, rng, device),
            query,
            key,
            value: init::linear(d_model, values, false, rng, device),
            after: mlp.init(values, io.d_output, rng, device),
            n_heads: self.n_heads,
            single_output: io.single_output,
        }
    }

    fn constraints(&self, io: Io) -> Result<()> {
        check_heads(self.d_model, self.n_heads, "d_head", self.d_head)?;
        check_heads(self.d_model, self.n_heads, "d_value", self.d_value)?;
        if self.position == Position::Rotary {
            let valid = "none, learned, sinusoidal, alibi or t5-log: a rotation would change the rank of the scores";
            return Err(Error::invalid("position", "rotary", valid));
        }
        self.positions().constraints(self.shape(io))
    }

    fn causal(&self) -> bool {
        self.causal
    }
}

impl<B: Backend> PointwiseAttention<B> {
    /// f, `[batch, length, d_input]` to `[batch, length, d_model]`.
    fn features(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.before.forward(match &self.embedding {
            Some(embedding) => self.positions.embed(ops::map(embedding, input)),
            None => input,
        })
    }

    /// Channels of each head in the attention: those of its queries or of its values, whichever has more.
    fn width(&self) -> usize {
        self.query.weight.dims()[1].max(self.value.weight.dims()[1]) / self.n_heads
    }

    /// `features` mapped, each head filled up with zeros to the width of the attention.
    fn projected(&self, map: &Linear<B>, scale: f64, features: Tensor<B, 3>) -> Tensor<B, 3> {
        let weight = map.weight.val();
        let [d_model, inner] = weight.dims();
        let (d_head, width) = (inner / self.n_heads, self.width());
        // On the weights, which are far fewer than what they map.
        let mut weight = if scale == 1.0 { weight } else { weight.mul_scalar(scale) };
        if d_head < width {
            let heads = weight.reshape([d_model * self.n_heads, d_head]);
            let zeros = Tensor::zeros([d_model * self.n_heads, width - d_head], &heads.device());
            weight = Tensor::cat(vec![heads, zeros], 1).reshape([d_model, self.n_heads * width]);
        }
        ops::linear(features, weight, None)
    }

    /// Queries and keys, whose products [`ops::attention`] divides by the root of their width.
    fn paired(&self, features: Tensor<B, 3>) -> Paired<B> {
        let scale = (self.width() as f64).sqrt();
        Paired::BySteps([
            self.projected(&self.query, scale, features.clone()),
            self.projected(&self.key, 1.0, features),
        ])
    }
}

impl<B: Backend> SequenceModel<B> for PointwiseAttention<B> {
    /// # Panics
    /// The sequence is longer than the length that the model was built for.
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let bias = self.positions.bias(input.dims()[1]);
        let features = self.features(input);
        let value = self.projected(&self.value, 1.0, features.clone());
        let mut context = ops::attention(self.paired(features), value, &bias, self.n_heads);
        let [batch, length, _] = context.dims();
        let d_value = self.value.weight.dims()[1] / self.n_heads;
        if d_value < self.width() {
            let heads = context.reshape([batch, length, self.n_heads, self.width()]);
            context = heads.narrow(3, 0, d_value).reshape([batch, length, self.n_heads * d_value]);
        }
        self.after.forward(if self.single_output { last_step(context) } else { context })
    }

    fn attention(&self, input: Tensor<B, 3>) -> Vec<Attended<B>> {
        let bias = self.positions.bias(input.dims()[1]);
        vec![Attended { scores: ops::scores(self.paired(self.features(input)), &bias, self.n_heads) }]
    }
}

#[cfg(test)]
mod tests {
    use burn_autodiff::Autodiff;
    use burn_flex::{Flex, FlexDevice};

    use super::*;

    type B = Autodiff<Flex>;

    const IO: Io = Io::sequence(1, 1, 5);

    fn input(length: usize) -> Tensor<B, 3> {
        let values: Vec<f64> = (0..length).map(|time| (0.7 * time as f64).sin()).collect();
        Tensor::from_data(burn::tensor::TensorData::new(values, [1, length, 1]), &FlexDevice)
    }

    #[test]
    fn scores_are_unscaled_products_whatever_the_widths() {
        for (n_heads, d_head, d_value) in [(1, 2, 7), (2, 5, 3), (2, 4, 4)] {
            let config = PointwiseAttentionConfig {
                n_heads,
                d_head: Some(d_head),
                d_value: Some(d_value),
                ..PointwiseAttentionConfig::default()
            };
            let model = config.init::<B>(IO, &mut init::rng(0), &FlexDevice);
            let features = model.features(input(5));
            let by_head = |map: &Linear<B>| ops::heads(ops::map(map, features.clone()), n_heads);
            let scores = by_head(&model.query).matmul(by_head(&model.key).swap_dims(2, 3));
            let attended = &model.attention(input(5))[0];
            let gap = |left: Tensor<B, 4>, right: Tensor<B, 4>| f64::from((left - right).abs().max().into_scalar());
            assert!(gap(scores, attended.scores.clone()) < 1e-6, "{n_heads} {d_head} {d_value}");
            let context = attended.weights().matmul(by_head(&model.value));
            let context = context.swap_dims(1, 2).reshape([1, 5, n_heads * d_value]);
            let (expected, output) = (model.after.forward(context), model.forward(input(5)));
            assert!(gap(expected.unsqueeze(), output.unsqueeze()) < 1e-6, "{n_heads} {d_head} {d_value}");
        }
    }

    #[test]
    fn without_positions_the_output_is_permuted_with_the_input() {
        let model = PointwiseAttentionConfig::default().init::<B>(IO, &mut init::rng(1), &FlexDevice);
        let swapped = model.forward(input(5).flip([1])).flip([1]);
        let gap = (swapped - model.forward(input(5))).abs().max().into_scalar();
        assert!(gap < 1e-6, "{gap}");
    }
}
