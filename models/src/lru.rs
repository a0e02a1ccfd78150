//! The linear recurrent unit (LRU)
//!
//! `h(t) = Lambda h(t-1) + gamma B x(t)`, output `Re(C h(t)) + D x(t)`, with `d_state / 2` complex states,
//! `Lambda = diag(exp(-exp(nu) + i exp(theta)))` and `gamma = exp(log_gamma)`, at first
//! `sqrt(1 - |Lambda|^2)`.
//!
//! Source: Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu, De, "Resurrecting recurrent neural networks for long
//! sequences", 2023, <https://arxiv.org/abs/2303.06349>.

use std::f64::consts::TAU;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, Result};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo};
use crate::ops;
use crate::stack::{Block, Norm, Recurrent, Stack, StackConfig};

/// A stack of linear recurrent units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LruConfig {
    /// The dials that all models share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Real states per layer, even: a complex state counts 2.
    pub d_state: usize,
    /// The inner radius of the ring from which the initial eigenvalues are drawn.
    pub r_min: f64,
    /// The outer radius of the ring, less than 1.
    pub r_max: f64,
    /// The initial eigenvalues have phases in `(0, max_phase]`, in radians.
    pub max_phase: f64,
}

impl Default for LruConfig {
    fn default() -> Self {
        Self { stack: StackConfig::default(), d_state: 16, r_min: 0.0, r_max: 0.99, max_phase: TAU }
    }
}

/// One linear recurrent unit.
#[derive(Module, Debug)]
pub struct Lru<B: Backend> {
    /// `nu`, `[d_state / 2]`.
    pub log_decay: Param<Tensor<B, 1>>,
    /// `theta`, `[d_state / 2]`.
    pub log_angle: Param<Tensor<B, 1>>,
    /// `log gamma`, `[d_state / 2]`.
    pub log_gamma: Param<Tensor<B, 1>>,
    /// `[Re B^T, Im B^T]`, `[d_model, d_state]`.
    pub input: Param<Tensor<B, 2>>,
    /// `[Re C^T; -Im C^T]`, `[d_state, d_model]`.
    pub output: Param<Tensor<B, 2>>,
    /// `D`, `[d_model]`.
    pub feed_through: Param<Tensor<B, 1>>,
}

impl LruConfig {
    /// Builds the model on any backend.
    pub fn init<B: Backend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Stack<B, Lru<B>> {
        let d_model = self.stack.d_model;
        let states = self.d_state / 2;
        self.stack.init(io, rng, device, |rng, _| {
            // Uniform by area on the ring. The variates are in (0, 1], so every logarithm is finite.
            let inner = self.r_min * self.r_min;
            let squared_radii: Vec<f64> =
                (0..states).map(|_| inner + (1.0 - rng.random::<f64>()) * (self.r_max * self.r_max - inner)).collect();
            let log_decays = squared_radii.iter().map(|squared| (-0.5 * squared.ln()).ln()).collect();
            let log_angles = (0..states).map(|_| (self.max_phase * (1.0 - rng.random::<f64>())).ln()).collect();
            let log_gammas = squared_radii.iter().map(|squared| 0.5 * (-squared).ln_1p()).collect();
            Lru {
                log_decay: init::param(log_decays, [states], device),
                log_angle: init::param(log_angles, [states], device),
                log_gamma: init::param(log_gammas, [states], device),
                input: init::normal([d_model, 2 * states], (0.5 / d_model as f64).sqrt(), rng, device),
                output: init::normal([2 * states, d_model], (1.0 / states as f64).sqrt(), rng, device),
                feed_through: init::normal([d_model], 1.0, rng, device),
            }
        })
    }
}

impl<B: Backend> Lru<B> {
    /// `log |Lambda|` and the angle of `Lambda`, each `[d_state / 2, 1]`.
    fn rate(&self) -> [Tensor<B, 2>; 2] {
        [self.log_decay.val().exp().neg().unsqueeze_dim(1), self.log_angle.val().exp().unsqueeze_dim(1)]
    }

    /// The real, then the imaginary parts of `gamma Lambda^s`, `[d_state, length]`.
    fn kernel(&self, length: usize) -> Tensor<B, 2> {
        let gamma = self.log_gamma.val().exp().unsqueeze_dim::<2>(1);
        let zeros = gamma.zeros_like();
        // The imaginary part of z is the real part of -i z.
        let weight = [Tensor::cat(vec![gamma.clone(), zeros.clone()], 0), Tensor::cat(vec![zeros, gamma.neg()], 0)];
        let rate = self.rate().map(|part| twice(part, 0));
        ops::complex_exponentials(weight, rate, length)
    }
}

impl<B: Backend> Lru<B> {
    /// The whole layer by a scan, on backends that have a fast one; `drive` applies a map `[d_model, d_state]` to the
    /// layer's input.
    fn scan(&self, input: &Tensor<B, 3>, drive: impl FnOnce(Tensor<B, 2>) -> Tensor<B, 3>) -> Option<Tensor<B, 3>> {
        if !ops::scans(input) {
            return None;
        }
        let [decay, angle] = self.rate();
        let lambda = Tensor::cat(ops::complex_exp(decay, angle).to_vec(), 1).transpose();
        let gamma = twice(self.log_gamma.val().exp().unsqueeze::<2>(), 1);
        let states = ops::complex_scan(&drive(self.input.val() * gamma), &lambda)?;
        let feed_through = ops::mul_trailing(input.clone(), self.feed_through.val());
        Some(ops::linear(states, self.output.val(), None) + feed_through)
    }
}

/// The tensor followed by itself along `dim`. (The backward pass of burn 0.21's `repeat_dim` is wrong where the
/// dimension is larger than 1.)
fn twice<B: Backend>(tensor: Tensor<B, 2>, dim: usize) -> Tensor<B, 2> {
    Tensor::cat(vec![tensor.clone(), tensor], dim)
}

/// The two halves of dimension `dim`.
fn halves<B: Backend>(tensor: Tensor<B, 2>, dim: usize) -> [Tensor<B, 2>; 2] {
    let half = tensor.dims()[dim] / 2;
    [tensor.clone().narrow(dim, 0, half), tensor.narrow(dim, half, half)]
}

/// `[a, b]` to `[b, a]` along the columns.
fn swap_halves<B: Backend>(tensor: Tensor<B, 2>) -> Tensor<B, 2> {
    let [first, second] = halves(tensor, 1);
    Tensor::cat(vec![second, first], 1)
}

impl<B: Backend> Block<B> for Lru<B> {
    /// Complex multiplication needs both parts of the kernel on both parts of the input. One convolution
    /// does them all: the batch runs twice, the second time with the parts of the input swapped.
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, length, _] = input.dims();
        let map = self.input.val();
        if let Some(output) = self.scan(&input, |map| ops::linear(input.clone(), map, None)) {
            return output;
        }
        let straight = input.clone().matmul(map.clone().unsqueeze());
        let swapped = input.clone().matmul(swap_halves(map).unsqueeze());
        let states = ops::causal_conv(Tensor::cat(vec![straight, swapped], 0), self.kernel(length));
        // With input u and kernel k: the first half of the batch is (Re u * Re k, Im u * Im k), whose difference is Re h;
        // the second is (Im u * Re k, Re u * Im k), whose sum is Im h.
        let [real, imaginary] = halves(self.output.val(), 0);
        let real = Tensor::cat(vec![real.clone(), real.neg()], 0);
        let imaginary = Tensor::cat(vec![imaginary.clone(), imaginary], 0);
        states.clone().narrow(0, 0, batch).matmul(real.unsqueeze())
            + states.narrow(0, batch, batch).matmul(imaginary.unsqueeze())
            + input * self.feed_through.val().unsqueeze()
    }

    fn forward_mapped(&self, map: &Linear<B>, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let mapped = ops::map(map, input.clone());
        let [d_input, d_model] = map.weight.dims();
        if d_input < d_model
            && let Some(output) = self.scan(&mapped, |weight| ops::joined(map, input, weight, None))
        {
            return output;
        }
        self.forward(mapped)
    }
}

impl<B: Backend> Recurrent<B> for Lru<B> {
    /// The real, then the imaginary parts, `[batch, d_state]`.
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.input.dims()[1]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let [decay, angle] = self.rate();
        let [re, im] = ops::complex_exp(decay, angle).map(|part| part.swap_dims(0, 1));
        let gamma = twice(self.log_gamma.val().exp().unsqueeze::<2>(), 1);
        let state = state.clone() * twice(re, 1)
            + swap_halves(state) * Tensor::cat(vec![im.clone().neg(), im], 1)
            + input.clone().matmul(self.input.val()) * gamma;
        let output = state.clone().matmul(self.output.val()) + input * self.feed_through.val().unsqueeze();
        (output, state)
    }
}

impl ModelConfig for LruConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "lru",
        title: "LRU",
        summary: "h(t) = Lambda h(t-1) + gamma B x(t) with a stable complex diagonal Lambda.",
        source: "Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu, De, \"Resurrecting recurrent neural networks for long sequences\", 2023, https://arxiv.org/abs/2303.06349",
    };
    type Model<B: AutodiffBackend> = Stack<B, Lru<B>>;

    fn validate(&self, _io: Io) -> Result<()> {
        self.stack.validate()?;
        if self.d_state == 0 || !self.d_state.is_multiple_of(2) {
            return Err(Error::invalid("d_state", self.d_state, "an even whole number from 2 up"));
        }
        if !(0.0..1.0).contains(&self.r_min) {
            return Err(Error::invalid("r_min", self.r_min, "at least 0 and less than 1"));
        }
        if !(self.r_max > self.r_min && self.r_max < 1.0) {
            let valid = format!("greater than `r_min`, which is {}, and less than 1", self.r_min);
            return Err(Error::invalid("r_max", self.r_max, valid));
        }
        if !(self.max_phase > 0.0 && self.max_phase <= TAU) {
            return Err(Error::invalid("max_phase", self.max_phase, "greater than 0 and at most 2 pi"));
        }
        Ok(())
    }

    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        self.init(io, rng, device)
    }

    /// Per layer `3 d_state / 2 + 2 d_model d_state + d_model`.
    fn num_params(&self, io: Io) -> usize {
        let d_model = self.stack.d_model;
        self.stack.num_params(io, 3 * self.d_state / 2 + 2 * d_model * self.d_state + d_model)
    }

    fn with_width(&self, width: usize) -> Self {
        Self { stack: StackConfig { d_model: width, ..self.stack.clone() }, ..self.clone() }
    }

    fn lti_states(&self) -> Option<usize> {
        (self.stack.norm == Norm::None).then_some(self.stack.n_layers * self.d_state)
    }

    fn stable(&self) -> bool {
        true
    }
}
