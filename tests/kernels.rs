//! Operations with a kernel of their own on GPUs give what they give on burn-flex: outputs and gradients, on a GPU or Mesa's
//! software Vulkan.
#![cfg(all(feature = "wgpu", feature = "flex"))]

use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use lookback::backends::types::{Flex, Wgpu};
use lookback::models::ops::{self, Mask, Paired, ScoreBias};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The farthest that a number may be from that of burn-flex, relative to the largest.
const TOLERANCE: f64 = 2e-5;

/// Numbers around 0.2, the same for the same seed.
fn numbers(shape: &[usize], seed: u64) -> TensorData {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count: usize = shape.iter().product();
    TensorData::new((0..count).map(|_| 2.0 * rng.random::<f32>() - 0.8).collect::<Vec<_>>(), shape.to_vec())
}

/// An input's gradient, of those of a backward pass.
type GradientOf<G> = Box<dyn Fn(&G) -> TensorData>;

/// Inputs on a backend, kept to ask for their gradients.
struct Inputs<B: AutodiffBackend> {
    device: B::Device,
    gradients: Vec<GradientOf<B::Gradients>>,
}

impl<B: AutodiffBackend> Inputs<B> {
    fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<B, D> {
        let data = numbers(&shape, self.gradients.len() as u64);
        let tensor = Tensor::<B, D>::from_data(data, &self.device).require_grad();
        let leaf = tensor.clone();
        self.gradients.push(Box::new(move |gradients| leaf.grad(gradients).expect("it was used").into_data()));
        tensor
    }
}

/// An operation on any backend.
trait Law {
    fn output<B: AutodiffBackend>(&self, inputs: &mut Inputs<B>) -> Tensor<B, 3>;
}

/// Its output and the gradients of all inputs.
fn passes<B: AutodiffBackend>(law: &impl Law) -> Vec<Vec<f64>> {
    let mut inputs = Inputs::<B> { device: Default::default(), gradients: Vec::new() };
    let output = law.output(&mut inputs);
    let weights = Tensor::from_data(numbers(&output.dims(), 99), &inputs.device);
    let gradients = (output.clone() * weights).sum().backward();
    let all = std::iter::once(output.into_data()).chain(inputs.gradients.iter().map(|of| of(&gradients)));
    all.map(|data| data.iter().collect()).collect()
}

fn hold(law: impl Law + std::fmt::Debug) {
    let (right, other) = (passes::<Flex>(&law), passes::<Wgpu>(&law));
    assert_eq!(right.len(), other.len());
    for (place, (right, other)) in right.iter().zip(&other).enumerate() {
        assert_eq!(right.len(), other.len());
        let largest = right.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        for (right, other) in right.iter().zip(other) {
            let apart = (right - other).abs() / largest;
            assert!(apart <= TOLERANCE, "{law:?}, part {place}: {right} and {other}, of {largest} at most");
        }
    }
}

/// Sizes of one, no multiples of what a plane or a cube works on, and more than one cube's.
const SIZES: [[usize; 3]; 5] = [[1, 1, 1], [3, 5, 7], [2, 33, 40], [1, 70, 129], [9, 2, 512]];

#[derive(Debug)]
struct Attention {
    sizes: [usize; 3],
    heads: usize,
    bias_heads: Option<usize>,
    causal: bool,
}

impl Law for Attention {
    fn output<B: AutodiffBackend>(&self, inputs: &mut Inputs<B>) -> Tensor<B, 3> {
        let [batch, length, width] = self.sizes;
        let shape = [batch, length, width * self.heads];
        let paired = Paired::BySteps([inputs.tensor(shape), inputs.tensor(shape)]);
        let value = inputs.tensor(shape);
        let values = self.bias_heads.map(|heads| inputs.tensor([heads, length, length]));
        ops::attention(paired, value, &ScoreBias { values, causal: self.causal }, self.heads)
    }
}

#[test]
fn backends_agree_on_attention() {
    for (sizes, heads) in [([1, 1, 1], 1), ([2, 5, 3], 3), ([3, 65, 8], 2)] {
        for (bias_heads, causal) in [(None, false), (None, true), (Some(1), false), (Some(heads), true)] {
            hold(Attention { sizes, heads, bias_heads, causal });
        }
    }
}

#[derive(Debug)]
struct Norm([usize; 3]);

impl Law for Norm {
    fn output<B: AutodiffBackend>(&self, inputs: &mut Inputs<B>) -> Tensor<B, 3> {
        let width = self.0[2];
        let mut norm: LayerNorm<B> = LayerNormConfig::new(width).init(&inputs.device);
        // Not laid out as it is read.
        let input = inputs.tensor([self.0[1], self.0[0], width]).swap_dims(0, 1);
        norm.gamma = burn::module::Param::from_tensor(inputs.tensor([width]));
        norm.beta = Some(burn::module::Param::from_tensor(inputs.tensor([width])));
        ops::layer_norm(&norm, ops::EPSILON, input)
    }
}

#[test]
fn backends_agree_on_layer_norms() {
    for sizes in SIZES.into_iter().filter(|sizes| sizes[2] > 1) {
        hold(Norm(sizes));
    }
}

#[derive(Debug)]
struct Gelu([usize; 3]);

impl Law for Gelu {
    fn output<B: AutodiffBackend>(&self, inputs: &mut Inputs<B>) -> Tensor<B, 3> {
        let [first, second, third] = self.0;
        ops::gelu(inputs.tensor([third, second, first]).swap_dims(0, 2) * 3.0)
    }
}

#[test]
fn backends_agree_on_gelus() {
    SIZES.into_iter().for_each(|sizes| hold(Gelu(sizes)));
}

#[derive(Debug)]
struct Dropout {
    sizes: [usize; 3],
    whole_samples: bool,
}

impl Law for Dropout {
    fn output<B: AutodiffBackend>(&self, inputs: &mut Inputs<B>) -> Tensor<B, 3> {
        let shape = if self.whole_samples { [self.sizes[0], 1, 1] } else { self.sizes };
        Mask::new([0x1234_5678, 0x0bad_cafe], 0.3).times(inputs.tensor(self.sizes), shape)
    }
}

#[test]
fn backends_agree_on_dropout() {
    for whole_samples in [false, true] {
        SIZES.into_iter().for_each(|sizes| hold(Dropout { sizes, whole_samples }));
    }
}

#[derive(Debug)]
struct Map([usize; 3]);

impl Law for Map {
    fn output<B: AutodiffBackend>(&self, inputs: &mut Inputs<B>) -> Tensor<B, 3> {
        let (input, weight) = (inputs.tensor(self.0), inputs.tensor([self.0[2], 6]));
        ops::linear(input, weight, Some(inputs.tensor([6])))
    }
}

#[test]
fn backends_agree_on_linear_maps() {
    // In one product, in some, and in eight.
    for sizes in [[1, 1, 1], [3, 5, 7], [2, 64, 40], [4, 65, 9], [16, 64, 8]] {
        hold(Map(sizes));
    }
}
