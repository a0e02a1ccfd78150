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
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::Result;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo, check_above, check_pairs};
use crate::ops;
use crate::stack::{Block, BlockInput, Norm, Recurrent, Stack, StackConfig};

/// A stack of linear recurrent units.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = 3 d_state / 2 + 2 d_model d_state + d_model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LruConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Real states per layer, even: a complex state counts 2.
    #[schemars(range(min = 2))]
    pub d_state: usize,
    /// The inner radius of the ring from which the initial eigenvalues are drawn.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub r_min: f64,
    /// The outer radius of the ring, less than 1.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub r_max: f64,
    /// The initial eigenvalues have phases in `(0, max_phase]`, in radians.
    #[schemars(range(max = TAU), extend("exclusiveMinimum" = 0.0))]
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

impl ModelConfig for LruConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "lru",
        title: "LRU",
        summary: "h(t) = Lambda h(t-1) + gamma B x(t) with a stable complex diagonal Lambda.",
        source: "Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu, De, \"Resurrecting recurrent neural networks for long sequences\", 2023, https://arxiv.org/abs/2303.06349",
    };
    type Model<B: AutodiffBackend> = Stack<B, Lru<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
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

    fn constraints(&self, _io: Io) -> Result<()> {
        check_pairs(self.d_state)?;
        check_above("r_max", self.r_max, "r_min", self.r_min)
    }

    fn lti_states(&self) -> Option<usize> {
        (self.stack.norm == Norm::None).then_some(self.stack.n_layers * self.d_state)
    }

    fn stable(&self) -> bool {
        true
    }
}

impl<B: Backend> Lru<B> {
    /// The real and the imaginary parts of `Lambda`, each `[d_state / 2]`.
    pub fn eigenvalues(&self) -> [Tensor<B, 1>; 2] {
        ops::complex_exp(self.log_decay.val().exp().neg(), self.log_angle.val().exp())
    }

    /// `gamma B x(t)` is `x(t)` times this, `[d_model, d_state]`.
    fn scaled_input(&self) -> Tensor<B, 2> {
        let gamma = self.log_gamma.val().exp();
        // The backward pass of burn 0.21's `repeat_dim` is wrong where the dimension is larger than 1.
        self.input.val() * Tensor::cat(vec![gamma.clone(), gamma], 0).unsqueeze()
    }
}

impl<B: Backend> Block<B> for Lru<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        let feed_through = ops::mul_trailing(input.clone().into_value(), self.feed_through.val());
        let [re, im] = self.eigenvalues();
        let states = ops::diagonal_scan(input.linear(self.scaled_input(), None), re, Some(im));
        ops::linear(states, self.output.val(), None) + feed_through
    }
}

impl<B: Backend> Recurrent<B> for Lru<B> {
    /// Real and imaginary part, each `[batch, d_state / 2]`.
    type State = [Tensor<B, 2>; 2];

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        let zeros = Tensor::zeros([batch, self.log_decay.dims()[0]], device);
        [zeros.clone(), zeros]
    }

    fn step(&self, input: Tensor<B, 2>, [h_re, h_im]: Self::State) -> (Tensor<B, 2>, Self::State) {
        let [re, im] = self.eigenvalues().map(|part| part.unsqueeze::<2>());
        let driven = input.clone().matmul(self.scaled_input());
        let [u_re, u_im] = [0, 1].map(|part| driven.clone().narrow(1, part * re.dims()[1], re.dims()[1]));
        let state = [h_re.clone() * re.clone() - h_im.clone() * im.clone() + u_re, h_re * im + h_im * re + u_im];
        let output = Tensor::cat(state.to_vec(), 1).matmul(self.output.val());
        (output + input * self.feed_through.val().unsqueeze(), state)
    }
}
