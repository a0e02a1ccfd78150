//! Initial weights from a seeded generator on the host.
//!
//! burn's own initialisers draw from one generator per process and backend; these draw from the generator
//! that they are handed, in the order in which a model is built, so a seed means the same weights everywhere.

use burn::module::{Param, ParamId};
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use rand::{RngExt, SeedableRng};

use crate::meta::is_meta;

/// The generator of initial weights: ChaCha with 8 rounds, the same stream on every platform.
pub type InitRng = rand_chacha::ChaCha8Rng;

/// The generator for `seed`.
pub fn rng(seed: u64) -> InitRng {
    InitRng::seed_from_u64(seed)
}

/// A trainable tensor with the given values, row-major.
pub fn param<B: Backend, const D: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    Param::initialized(ParamId::new(), Tensor::from_data(TensorData::new(values, shape), device).require_grad())
}

/// A trainable tensor, uniform on `[-bound, bound)`.
pub fn uniform<B: Backend, const D: usize>(
    shape: [usize; D],
    bound: f64,
    rng: &mut InitRng,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    drawn(shape, device, || (2.0 * rng.random::<f64>() - 1.0) * bound)
}

/// A trainable tensor of values that are drawn one after the other, none where only shapes are asked for.
fn drawn<B: Backend, const D: usize>(
    shape: [usize; D],
    device: &B::Device,
    mut value: impl FnMut() -> f64,
) -> Param<Tensor<B, D>> {
    if is_meta::<B>() {
        return Param::initialized(ParamId::new(), Tensor::empty(shape, device).require_grad());
    }
    let count = shape.iter().product::<usize>();
    param((0..count).map(|_| value()).collect(), shape, device)
}

/// A standard normal variate (Box-Muller), for initialisers that ask for one.
pub fn standard_normal(rng: &mut InitRng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// A trainable tensor, normal with mean 0 and standard deviation `std`.
pub fn normal<B: Backend, const D: usize>(
    shape: [usize; D],
    std: f64,
    rng: &mut InitRng,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    drawn(shape, device, || std * standard_normal(rng))
}

/// How the linear maps of a model start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weights {
    /// Weights and biases uniform on `[-1/sqrt(d_input), 1/sqrt(d_input))`, PyTorch's default.
    Uniform,
    /// Weights normal with mean 0 and this standard deviation, biases 0, as in Vision Transformers.
    Normal(f64),
}

impl Weights {
    /// A linear map.
    pub fn linear<B: Backend>(
        self,
        d_input: usize,
        d_output: usize,
        bias: bool,
        rng: &mut InitRng,
        device: &B::Device,
    ) -> Linear<B> {
        match self {
            Self::Uniform => linear(d_input, d_output, bias, rng, device),
            Self::Normal(std) => Linear {
                weight: normal([d_input, d_output], std, rng, device),
                bias: bias.then(|| param(vec![0.0; d_output], [d_output], device)),
            },
        }
    }
}

/// A linear layer with weights and bias uniform on `[-1/sqrt(d_input), 1/sqrt(d_input))`, PyTorch's default.
pub fn linear<B: Backend>(
    d_input: usize,
    d_output: usize,
    bias: bool,
    rng: &mut InitRng,
    device: &B::Device,
) -> Linear<B> {
    let bound = 1.0 / (d_input as f64).sqrt();
    let weight = uniform([d_input, d_output], bound, rng, device);
    let bias = bias.then(|| uniform([d_output], bound, rng, device));
    Linear { weight, bias }
}
