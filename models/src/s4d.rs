//! The diagonal structured state-space model S4D
//!
//! Each channel is its own system of `d_state / 2` conjugate pairs, `h'(t) = A h(t) + x(t)` with complex
//! diagonal `A`, held constant over steps of length `dt` (zero-order hold):
//! `h(t) = exp(dt A) h(t-1) + (exp(dt A) - 1) / A x(t)`, output `2 Re(C h(t)) + D x(t)`. The input matrix B is
//! 1: only its product with C matters.
//!
//! Source: Gu, Gupta, Goel, Re, "On the parameterization and initialization of diagonal state space models",
//! 2022, <https://arxiv.org/abs/2206.11893>.

use std::f64::consts::PI;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::Result;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo, check_above, check_pairs};
use crate::ops;
use crate::stack::{Block, BlockInput, Norm, Recurrent, Stack, StackConfig};

/// The initial eigenvalues of an S4D channel, `n = 0..d_state / 2`; the real part is -1/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum S4dInitialization {
    /// S4D-Lin: imaginary part `pi n`.
    #[default]
    Lin,
    /// S4D-Inv: imaginary part `d_state / pi (d_state / (2 n + 1) - 1)`.
    Inv,
}

impl S4dInitialization {
    /// The imaginary part of eigenvalue `n`.
    fn imaginary(self, n: usize, d_state: usize) -> f64 {
        let (n, d_state) = (n as f64, d_state as f64);
        match self {
            Self::Lin => PI * n,
            Self::Inv => d_state / PI * (d_state / (2.0 * n + 1.0) - 1.0),
        }
    }
}

/// A stack of S4D layers.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = d_model (2 d_state + 2) + d_model (d_model + 1) [mix]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct S4dConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Real states per channel, even: a conjugate pair counts 2.
    #[schemars(range(min = 2))]
    pub d_state: usize,
    /// The initial eigenvalues.
    pub initialization: S4dInitialization,
    /// The shortest initial step; each channel draws its own, log-uniform from `[dt_min, dt_max)`.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub dt_min: f64,
    /// The longest initial step.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub dt_max: f64,
    /// The nonlinearity behind each layer's state space; with `none` the model is linear and time-invariant.
    pub activation: Activation,
    /// Whether each layer ends with a linear map that mixes its channels.
    pub mix: bool,
}

impl Default for S4dConfig {
    fn default() -> Self {
        Self {
            stack: StackConfig::default(),
            d_state: 16,
            initialization: S4dInitialization::Lin,
            dt_min: 1e-3,
            dt_max: 1e-1,
            activation: Activation::None,
            mix: false,
        }
    }
}

/// One S4D layer; parameters `[d_model, pairs]` with `pairs = d_state / 2` where not said otherwise.
#[derive(Module, Debug)]
pub struct S4d<B: Backend> {
    /// `log dt`, `[d_model]`.
    pub log_step: Param<Tensor<B, 1>>,
    /// `log(-Re A)`.
    pub log_decay: Param<Tensor<B, 2>>,
    /// `Im A`.
    pub frequency: Param<Tensor<B, 2>>,
    /// `Re C`.
    pub output_re: Param<Tensor<B, 2>>,
    /// `Im C`.
    pub output_im: Param<Tensor<B, 2>>,
    /// `D`, `[d_model]`.
    pub feed_through: Param<Tensor<B, 1>>,
    /// The map that mixes the channels.
    pub mix: Option<Linear<B>>,
    /// The nonlinearity behind the state space.
    #[module(skip)]
    pub activation: Activation,
}

impl ModelConfig for S4dConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "s4d",
        title: "S4D",
        summary: "Per channel, a complex diagonal state space held constant over trainable time steps.",
        source: "Gu, Gupta, Goel, Re, \"On the parameterization and initialization of diagonal state space models\", 2022, https://arxiv.org/abs/2206.11893",
    };
    type Model<B: AutodiffBackend> = Stack<B, S4d<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let d_model = self.stack.d_model;
        let pairs = self.d_state / 2;
        let (shortest, longest) = (self.dt_min.ln(), self.dt_max.ln());
        self.stack.init(io, rng, device, |rng, _| {
            let log_steps = (0..d_model).map(|_| shortest + (longest - shortest) * rng.random::<f64>()).collect();
            let frequencies =
                (0..d_model).flat_map(|_| (0..pairs).map(|n| self.initialization.imaginary(n, self.d_state))).collect();
            S4d {
                log_step: init::param(log_steps, [d_model], device),
                log_decay: init::param(vec![0.5_f64.ln(); d_model * pairs], [d_model, pairs], device),
                frequency: init::param(frequencies, [d_model, pairs], device),
                output_re: init::normal([d_model, pairs], 0.5_f64.sqrt(), rng, device),
                output_im: init::normal([d_model, pairs], 0.5_f64.sqrt(), rng, device),
                feed_through: init::normal([d_model], 1.0, rng, device),
                mix: self.mix.then(|| init::linear(d_model, d_model, true, rng, device)),
                activation: self.activation,
            }
        })
    }

    fn constraints(&self, _io: Io) -> Result<()> {
        check_pairs(self.d_state)?;
        check_above("dt_max", self.dt_max, "dt_min", self.dt_min)
    }

    fn lti_states(&self) -> Option<usize> {
        (self.stack.norm == Norm::None && self.activation == Activation::None)
            .then_some(self.stack.n_layers * self.stack.d_model * self.d_state)
    }

    fn stable(&self) -> bool {
        true
    }
}

/// The discrete system of one layer: real and imaginary parts, `[d_model, pairs]`.
struct Discrete<B: Backend> {
    /// `dt A`.
    rate: [Tensor<B, 2>; 2],
    /// `2 C (exp(dt A) - 1) / A`.
    weight: [Tensor<B, 2>; 2],
}

impl<B: Backend> S4d<B> {
    fn discretise(&self) -> Discrete<B> {
        let step = self.log_step.val().exp().unsqueeze_dim::<2>(1);
        let decay = self.log_decay.val().exp();
        let frequency = self.frequency.val();
        let rate = [(decay.clone() * step.clone()).neg(), frequency.clone() * step];

        // exp(z) - 1 without cancellation at short steps, z = x + iy: with e = exp(x) - 1 = tanh(x/2) (exp(x) + 1),
        // the real part is e cos(y) - 2 sin^2(y/2), the imaginary part exp(x) sin(y).
        let [x, y] = rate.clone();
        let [_, imaginary] = ops::complex_exp(x.clone(), y.clone());
        let half_sine = (y * 0.5).sin();
        let half_sine_squared = half_sine.clone() * half_sine * 2.0;
        let less_one = (x.clone() * 0.5).tanh() * (x.exp() + 1.0);
        let real = less_one * (half_sine_squared.clone().neg() + 1.0) - half_sine_squared;

        // (real + i imaginary) / A = (real + i imaginary) (-decay - i frequency) / |A|^2
        let scale = (decay.clone() * decay.clone() + frequency.clone() * frequency.clone()).recip() * 2.0;
        let hold_re = (imaginary.clone() * frequency.clone() - real.clone() * decay.clone()) * scale.clone();
        let hold_im = (real * frequency + imaginary * decay).neg() * scale;
        let (c_re, c_im) = (self.output_re.val(), self.output_im.val());
        let weight = [c_re.clone() * hold_re.clone() - c_im.clone() * hold_im.clone(), c_re * hold_im + c_im * hold_re];
        Discrete { rate, weight }
    }

    /// The impulse response of each channel, `[d_model, length]`.
    pub fn kernel(&self, length: usize) -> Tensor<B, 2> {
        let Discrete { rate, weight } = self.discretise();
        ops::complex_exponentials(weight, rate, length) + ops::lag_zero(self.feed_through.val(), length)
    }

    fn readout<const D: usize>(&self, output: Tensor<B, D>) -> Tensor<B, D> {
        let output = self.activation.apply(output);
        match &self.mix {
            Some(mix) => ops::map(mix, output),
            None => output,
        }
    }
}

impl<B: Backend> Block<B> for S4d<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        let input = input.into_value();
        let kernel = self.kernel(input.dims()[1]);
        self.readout(ops::causal_conv(input, kernel))
    }
}

impl<B: Backend> Recurrent<B> for S4d<B> {
    /// Real and imaginary part, each `[batch, d_model, pairs]`.
    type State = [Tensor<B, 3>; 2];

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        let [d_model, pairs] = self.frequency.dims();
        let zeros = Tensor::zeros([batch, d_model, pairs], device);
        [zeros.clone(), zeros]
    }

    fn step(&self, input: Tensor<B, 2>, [re, im]: Self::State) -> (Tensor<B, 2>, Self::State) {
        let Discrete { rate: [decay, angle], weight } = self.discretise();
        let [a_re, a_im] = ops::complex_exp(decay, angle).map(|part| part.unsqueeze::<3>());
        let next_re = re.clone() * a_re.clone() - im.clone() * a_im.clone() + input.clone().unsqueeze_dim::<3>(2);
        let next_im = re * a_im + im * a_re;
        let [w_re, w_im] = weight.map(|part| part.unsqueeze::<3>());
        let states = (next_re.clone() * w_re - next_im.clone() * w_im).sum_dim(2).squeeze_dim(2);
        (self.readout(states + input * self.feed_through.val().unsqueeze()), [next_re, next_im])
    }
}
