//! Outputs and gradients against PyTorch, with the same weights; `tests/reference/torch_modules.py` makes the values.
//!
//! PyTorch's `Linear` keeps `[outputs, inputs]`, here it is `[inputs, outputs]`: all matrices are transposed.
//!
//! | PyTorch | here |
//! |---|---|
//! | `weight_ih_l0`, `weight_hh_l0` | `input`, `recurrent`; gate order is the same |
//! | `bias_ih_l0 + bias_hh_l0` | `bias` of the RNN, the LSTM, and the gates r and z of the GRU |
//! | GRU: `bias_ih_l0[n]`, `bias_hh_l0[n]` | the last part of `bias`, `recurrent_bias` |
//! | `in_proj_weight`, rows q, k, v | `query`, `key`, `value` |
//! | `in_proj_bias`, parts q, k, v | biases of `query` and `value`; that of the key cancels and does not exist |
//! | `out_proj` | `output` |
//! | `norm1`, `norm2`, `linear1`, `linear2` | `attention_norm`, `feed_forward.{norm, hidden, output}` |
//! | Conv1d `weight[:, :, k]` | `weight`, rows `k d_model ..` |

use burn::module::Param;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend};
use burn_autodiff::Autodiff;
use burn_flex::{Flex, FlexDevice};
use lookback_models::activation::Activation;
use lookback_models::attention::Attention;
use lookback_models::encoder::{Encoder, FeedForward};
use lookback_models::ops::ScoreBias;
use lookback_models::position::{Position, PositionConfig, PositionShape};
use lookback_models::{Block, gru::Gru, init, lstm::Lstm, tanh_rnn::TanhRnn, tcn::Tcn};
use safetensors::SafeTensors;

use crate::common::alone;

type B = Autodiff<Flex>;
type Gradients = <B as AutodiffBackend>::Gradients;

const D: usize = 6;
const LENGTH: usize = 7;

/// One case of the reference file.
struct Case {
    file: SafeTensors<'static>,
    name: &'static str,
}

impl Case {
    fn new(name: &'static str) -> Self {
        let bytes = include_bytes!("../../../tests/reference/pytorch.safetensors");
        Self { file: SafeTensors::deserialize(bytes).unwrap(), name }
    }

    fn get<const N: usize>(&self, name: &str) -> Tensor<Flex, N> {
        let view = self.file.tensor(&format!("{}.{name}", self.name)).unwrap();
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        Tensor::from_data(TensorData::new(values, view.shape().to_vec()), &FlexDevice)
    }

    fn rows(&self, name: &str, start: usize, count: usize) -> Tensor<Flex, 2> {
        self.get::<2>(name).narrow(0, start, count).transpose()
    }

    fn part(&self, name: &str, start: usize, count: usize) -> Tensor<Flex, 1> {
        self.get::<1>(name).narrow(0, start, count)
    }

    /// Runs `forward` and compares its output and the gradient of its input; gives all gradients.
    fn run(&self, forward: impl FnOnce(Tensor<B, 3>) -> Tensor<B, 3>) -> Gradients {
        let _alone = alone();
        let input = Tensor::<B, 3>::from_inner(self.get("x")).require_grad();
        let output = forward(input.clone());
        close(output.clone().inner(), self.get("y"), "output");
        let gradients = (output * Tensor::from_inner(self.get("r"))).sum().backward();
        close(input.grad(&gradients).unwrap(), self.get("gx"), "gradient of the input");
        gradients
    }
}

/// Agreement within 1e-5 of the largest value.
#[track_caller]
fn close<const N: usize>(found: Tensor<Flex, N>, expected: Tensor<Flex, N>, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let scale = expected.clone().abs().max().into_scalar();
    let distance = (found - expected).abs().max().into_scalar();
    assert!(distance <= 1e-5 * scale, "{what}: {distance:e} of {scale:e}");
}

fn param<const N: usize>(value: Tensor<Flex, N>) -> Param<Tensor<B, N>> {
    Param::from_tensor(Tensor::from_inner(value))
}

fn linear(weight: Tensor<Flex, 2>, bias: Option<Tensor<Flex, 1>>) -> Linear<B> {
    Linear { weight: param(weight), bias: bias.map(param) }
}

#[track_caller]
fn gradient<const N: usize>(gradients: &Gradients, of: &Param<Tensor<B, N>>, expected: Tensor<Flex, N>, what: &str) {
    close(of.val().grad(gradients).unwrap(), expected, what);
}

#[track_caller]
fn linear_gradient(gradients: &Gradients, of: &Linear<B>, weight: Tensor<Flex, 2>, bias: Tensor<Flex, 1>, what: &str) {
    gradient(gradients, &of.weight, weight, what);
    if let Some(of) = &of.bias {
        gradient(gradients, of, bias, what);
    }
}

#[test]
fn tanh_rnn() {
    let case = Case::new("rnn");
    let block = TanhRnn::<B> {
        input: param(case.get::<2>("w.weight_ih_l0").transpose()),
        recurrent: param(case.get::<2>("w.weight_hh_l0").transpose()),
        bias: param(case.get("w.bias_ih_l0") + case.get("w.bias_hh_l0")),
    };
    let gradients = case.run(|input| Block::forward(&block, input.into()));
    gradient(&gradients, &block.input, case.get::<2>("g.weight_ih_l0").transpose(), "input");
    gradient(&gradients, &block.recurrent, case.get::<2>("g.weight_hh_l0").transpose(), "recurrent");
    gradient(&gradients, &block.bias, case.get("g.bias_ih_l0"), "bias");
}

#[test]
fn lstm() {
    let case = Case::new("lstm");
    let block = Lstm::<B> {
        input: param(case.get::<2>("w.weight_ih_l0").transpose()),
        recurrent: param(case.get::<2>("w.weight_hh_l0").transpose()),
        bias: param(case.get("w.bias_ih_l0") + case.get("w.bias_hh_l0")),
    };
    let gradients = case.run(|input| Block::forward(&block, input.into()));
    gradient(&gradients, &block.input, case.get::<2>("g.weight_ih_l0").transpose(), "input");
    gradient(&gradients, &block.recurrent, case.get::<2>("g.weight_hh_l0").transpose(), "recurrent");
    gradient(&gradients, &block.bias, case.get("g.bias_ih_l0"), "bias");
}

#[test]
fn gru() {
    let case = Case::new("gru");
    let gates = case.part("w.bias_ih_l0", 0, 2 * D) + case.part("w.bias_hh_l0", 0, 2 * D);
    let block = Gru::<B> {
        input: param(case.get::<2>("w.weight_ih_l0").transpose()),
        bias: param(Tensor::cat(vec![gates, case.part("w.bias_ih_l0", 2 * D, D)], 0)),
        recurrent: param(case.get::<2>("w.weight_hh_l0").transpose()),
        recurrent_bias: param(case.part("w.bias_hh_l0", 2 * D, D)),
    };
    let gradients = case.run(|input| Block::forward(&block, input.into()));
    gradient(&gradients, &block.input, case.get::<2>("g.weight_ih_l0").transpose(), "input");
    gradient(&gradients, &block.recurrent, case.get::<2>("g.weight_hh_l0").transpose(), "recurrent");
    gradient(&gradients, &block.bias, case.get("g.bias_ih_l0"), "bias");
    gradient(&gradients, &block.recurrent_bias, case.part("g.bias_hh_l0", 2 * D, D), "recurrent bias");
}

fn attention_of(case: &Case, prefix: &str) -> Attention<B> {
    let weight = |part: usize| case.rows(&format!("w.{prefix}in_proj_weight"), part * D, D);
    let bias = |part: usize| case.part(&format!("w.{prefix}in_proj_bias"), part * D, D);
    Attention {
        query: linear(weight(0), Some(bias(0))),
        key: linear(weight(1), None),
        value: linear(weight(2), Some(bias(2))),
        output: linear(
            case.get::<2>(&format!("w.{prefix}out_proj.weight")).transpose(),
            Some(case.get(&format!("w.{prefix}out_proj.bias"))),
        ),
        n_heads: 2,
    }
}

#[track_caller]
fn attention_gradients(case: &Case, prefix: &str, gradients: &Gradients, attention: &Attention<B>) {
    for (part, (name, map)) in
        [("query", &attention.query), ("key", &attention.key), ("value", &attention.value)].into_iter().enumerate()
    {
        let weight = case.rows(&format!("g.{prefix}in_proj_weight"), part * D, D);
        linear_gradient(gradients, map, weight, case.part(&format!("g.{prefix}in_proj_bias"), part * D, D), name);
    }
    let weight = case.get::<2>(&format!("g.{prefix}out_proj.weight")).transpose();
    linear_gradient(gradients, &attention.output, weight, case.get(&format!("g.{prefix}out_proj.bias")), "output");
}

/// The causal mask of the library.
fn mask() -> ScoreBias<B> {
    let config = PositionConfig { position: Position::None, ..PositionConfig::default() };
    let shape = PositionShape { length: LENGTH, d_model: D, n_heads: 2, d_head: D / 2, causal: true };
    config.init::<B>(shape, &mut init::rng(0), &FlexDevice).bias(LENGTH)
}

#[test]
fn multi_head_attention() {
    for (name, mask) in [("attention", ScoreBias::none()), ("attention_causal", mask())] {
        let case = Case::new(name);
        let attention = attention_of(&case, "");
        let gradients = case.run(|input| attention.forward(input, &mask, None));
        attention_gradients(&case, "", &gradients, &attention);
    }
}

#[test]
fn transformer_encoder_layer() {
    let case = Case::new("encoder");
    let norm = |name: &str| {
        let mut norm: LayerNorm<B> = LayerNormConfig::new(D).init(&FlexDevice);
        norm.gamma = param(case.get(&format!("w.{name}.weight")));
        norm.beta = Some(param(case.get(&format!("w.{name}.bias"))));
        norm
    };
    let map = |name: &str| {
        linear(case.get::<2>(&format!("w.{name}.weight")).transpose(), Some(case.get(&format!("w.{name}.bias"))))
    };
    let feed_forward = FeedForward {
        norm: Some(norm("norm2")),
        hidden: map("linear1"),
        output: map("linear2"),
        activation: Activation::Gelu,
    };
    let block = Encoder::<B> {
        attention_norm: Some(norm("norm1")),
        attention: attention_of(&case, "self_attn."),
        feed_forward: Some(feed_forward),
        residual: true,
        epsilon: lookback_models::ops::EPSILON,
    };
    let gradients = case.run(|input| block.forward(input, &mask(), None));
    attention_gradients(&case, "self_attn.", &gradients, &block.attention);
    let feed_forward = block.feed_forward.as_ref().unwrap();
    for (name, map) in [("linear1", &feed_forward.hidden), ("linear2", &feed_forward.output)] {
        let weight = case.get::<2>(&format!("g.{name}.weight")).transpose();
        linear_gradient(&gradients, map, weight, case.get(&format!("g.{name}.bias")), name);
    }
    for (name, norm) in [("norm1", &block.attention_norm), ("norm2", &feed_forward.norm)] {
        let norm = norm.as_ref().unwrap();
        gradient(&gradients, &norm.gamma, case.get(&format!("g.{name}.weight")), name);
        gradient(&gradients, norm.beta.as_ref().unwrap(), case.get(&format!("g.{name}.bias")), name);
    }
}

#[test]
fn dilated_causal_convolution() {
    for (name, kernel_size, dilation) in [("conv_3_2", 3, 2), ("conv_2_4", 2, 4), ("conv_4_3", 4, 3)] {
        let case = Case::new(name);
        let taps = |name: &str| case.get::<3>(name).permute([2, 1, 0]).reshape([kernel_size * D, D]);
        let block = Tcn::<B> {
            weight: param(taps("w.weight")),
            bias: param(case.get("w.bias")),
            dilation,
            activation: Activation::None,
        };
        let gradients = case.run(|input| Block::forward(&block, input.into()));
        gradient(&gradients, &block.weight, taps("g.weight"), name);
        gradient(&gradients, &block.bias, case.get("g.bias"), name);
    }
}
