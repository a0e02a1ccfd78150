//! The deep linear state-space model
//!
//! A cascade of diagonal state spaces without any nonlinearity:
//! `h_l(t) = Lambda_l h_l(t-1) + B_l y_(l-1)(t)`, `y_l(t) = Re(C_l h_l(t)) + D_l y_(l-1)(t)`, `y_0 = x`, where the
//! last `y_l` is the output. There are no projections and no biases beside these: what a bound on the parameters
//! takes away is taken away from B, C and D.
//!
//! **Eigenvalues.** A real eigenvalue is `sin(pi w / 2)` of its trainable w, a complex one has the modulus
//! `sin(pi w / 2)` and the phase `pi v` of its two. So every eigenvalue lies in the closed unit disk whatever the
//! weights are, and every point of the disk is reached with weights of magnitude 1 or less: cutting all parameters off
//! at `M >= 1` leaves the eigenvalues free. A tanh or an exponential in this place would bound, under such a cut, how
//! slowly a state can decay; the identity would need a cut of its own.
//!
//! **Links.** With `d_channels = 1` each layer hands one number per step to the next. `L` such layers of n states in
//! all without D have `L - 1` zeros less than one layer of n states, so that they cannot be as general; with D, or
//! with more channels, they can.
//!
//! Source: Bao, Yu, Jiang, Li, "The effect of depth on the expressivity of deep linear state-space models", 2025,
//! <https://arxiv.org/abs/2506.19296>, whose abstract alone was at hand: the parameterisation of the eigenvalues and the
//! start are ours.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_PI_2, PI};

use burn::module::{Module, Param};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, Result};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo, SequenceModel, check_above};
use crate::ops;
use crate::stack::last_step;

/// The eigenvalues of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Eigenvalues {
    /// `d_state` real ones in [-1, 1].
    Real,
    /// `d_state / 2` conjugate pairs in the closed unit disk.
    #[default]
    Complex,
}

/// A cascade of linear state-space layers.
///
/// Parameters: `d_state (n_layers + d_input + d_output + 2 (n_layers - 1) d_channels) + D [feed_through]`, with
/// `D = d_input d_output [n_layers = 1] + (d_input d_channels + (n_layers - 2) d_channels^2 + d_channels d_output) [n_layers > 1]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DeepSsmConfig {
    /// Number of layers.
    #[schemars(range(min = 1))]
    pub n_layers: usize,
    /// Real states per layer; even where eigenvalues are complex, since a conjugate pair counts 2.
    #[schemars(range(min = 1))]
    pub d_state: usize,
    /// Channels between one layer and the next.
    #[schemars(range(min = 1))]
    pub d_channels: usize,
    /// The eigenvalues of each layer.
    pub eigenvalues: Eigenvalues,
    /// Whether each layer has the term `D_l y_(l-1)(t)`.
    pub feed_through: bool,
    /// The smallest initial modulus of an eigenvalue, from 0 up.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub r_min: f64,
    /// The largest initial modulus, at most 1.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub r_max: f64,
    /// Complex eigenvalues start with phases spread over `[0, max_phase)`, in radians.
    #[schemars(range(max = PI), extend("exclusiveMinimum" = 0.0))]
    pub max_phase: f64,
}

impl Default for DeepSsmConfig {
    fn default() -> Self {
        Self {
            n_layers: 2,
            d_state: 8,
            d_channels: 1,
            eigenvalues: Eigenvalues::Complex,
            feed_through: true,
            r_min: 0.6,
            r_max: 0.95,
            max_phase: 0.2 * PI,
        }
    }
}

/// One layer; `states` is `d_state` of real, half of it of complex eigenvalues.
#[derive(Module, Debug)]
pub struct DeepSsmLayer<B: Backend> {
    /// `w`: the modulus is `sin(pi w / 2)`, `[states]`.
    pub modulus: Param<Tensor<B, 1>>,
    /// `v`: the phase is `pi v`, `[states]`; none of real eigenvalues.
    pub phase: Option<Param<Tensor<B, 1>>>,
    /// `B^T`, or `[Re B^T, Im B^T]`, `[d_input, d_state]`.
    pub input: Param<Tensor<B, 2>>,
    /// `C^T`, or `[Re C^T; -Im C^T]`, `[d_state, d_output]`.
    pub output: Param<Tensor<B, 2>>,
    /// `D^T`, `[d_input, d_output]`.
    pub feed_through: Option<Param<Tensor<B, 2>>>,
}

/// The model.
#[derive(Module, Debug)]
pub struct DeepSsm<B: Backend> {
    /// The layers, first to last.
    pub layers: Vec<DeepSsmLayer<B>>,
    /// Whether only the last time step has an output.
    pub single_output: bool,
}

impl DeepSsmConfig {
    fn layer<B: Backend>(
        &self,
        d_input: usize,
        d_output: usize,
        rng: &mut InitRng,
        device: &B::Device,
    ) -> DeepSsmLayer<B> {
        let parts = if self.eigenvalues == Eigenvalues::Complex { 2 } else { 1 };
        let states = self.d_state / parts;
        let [slow, fast] = [self.r_max, self.r_min].map(|radius| FRAC_2_PI * radius.asin());
        let moduli: Vec<f64> = (0..states).map(|_| fast + (slow - fast) * rng.random::<f64>()).collect();
        let phases = (0..states).map(|at| (at as f64 + rng.random::<f64>()) / states as f64 * self.max_phase / PI);
        let phase = (parts == 2).then(|| phases.collect::<Vec<_>>());
        // The square root of what a state may weigh is the share of B, and of C.
        let part = if parts == 2 { FRAC_1_SQRT_2 } else { 1.0 };
        let shares: Vec<f64> = moduli
            .iter()
            .map(|w| part * ((FRAC_PI_2 * w).cos().powi(2).max(1e-4) / states as f64).powf(0.25))
            .collect();
        let mut draw = |state: usize, scale: f64| shares[state % states] * scale * init::standard_normal(rng);
        let scale = 1.0 / (d_input as f64).sqrt();
        let input = (0..d_input).flat_map(|_| 0..self.d_state).map(|state| draw(state, scale)).collect();
        let output = (0..self.d_state).flat_map(|state| vec![state; d_output]).map(|state| draw(state, 1.0)).collect();
        let narrow = d_input.min(d_output);
        let handed_on = (0..d_input * d_output)
            .map(|entry| f64::from(entry / d_output % narrow == entry % d_output % narrow))
            .collect();
        DeepSsmLayer {
            modulus: init::param(moduli, [states], device),
            phase: phase.map(|phase| init::param(phase, [states], device)),
            input: init::param(input, [d_input, self.d_state], device),
            output: init::param(output, [self.d_state, d_output], device),
            feed_through: self.feed_through.then(|| init::param(handed_on, [d_input, d_output], device)),
        }
    }

    /// Channels into and out of a layer.
    fn widths(&self, io: Io, layer: usize) -> [usize; 2] {
        let d_input = if layer == 0 { io.d_input } else { self.d_channels };
        let d_output = if layer + 1 == self.n_layers { io.d_output } else { self.d_channels };
        [d_input, d_output]
    }
}

impl ModelConfig for DeepSsmConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "deep-ssm",
        title: "Deep SSM",
        summary: "A cascade of linear diagonal state spaces, with one or more channels between its layers.",
        source: "Bao, Yu, Jiang, Li, \"The effect of depth on the expressivity of deep linear state-space models\", 2025, https://arxiv.org/abs/2506.19296",
    };
    type Model<B: AutodiffBackend> = DeepSsm<B>;

    /// White noise of variance 1 gives states that add up to about variance 1 in each
    /// channel; D starts by handing channels on.
    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let layers = (0..self.n_layers)
            .map(|layer| {
                let [d_input, d_output] = self.widths(io, layer);
                self.layer(d_input, d_output, rng, device)
            })
            .collect();
        DeepSsm { layers, single_output: io.single_output }
    }

    fn constraints(&self, _io: Io) -> Result<()> {
        if self.eigenvalues == Eigenvalues::Complex && !self.d_state.is_multiple_of(2) {
            return Err(Error::invalid("d_state", self.d_state, "even where `eigenvalues` is `complex`"));
        }
        check_above("r_max", self.r_max, "r_min", self.r_min)
    }

    /// The width is `d_state`.
    fn with_width(&self, width: usize) -> Self {
        Self { d_state: width, ..self.clone() }
    }

    fn lti_states(&self) -> Option<usize> {
        Some(self.n_layers * self.d_state)
    }

    fn stable(&self) -> bool {
        true
    }
}

impl<B: Backend> DeepSsmLayer<B> {
    /// The eigenvalues: real parts and, of complex ones, imaginary parts, each `[states]`.
    pub fn eigenvalues(&self) -> (Tensor<B, 1>, Option<Tensor<B, 1>>) {
        let radius = (self.modulus.val() * FRAC_PI_2).sin();
        match &self.phase {
            Some(phase) => {
                let angle = phase.val() * PI;
                (radius.clone() * angle.clone().cos(), Some(radius * angle.sin()))
            }
            None => (radius, None),
        }
    }

    /// # Shapes
    /// - input `[batch, length, d_input]`
    /// - output `[batch, length, d_output]`
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let (re, im) = self.eigenvalues();
        let driven = ops::linear(input.clone(), self.input.val(), None);
        let states = ops::diagonal_scan(driven, re, im);
        let output = ops::linear(states, self.output.val(), None);
        match &self.feed_through {
            Some(feed_through) => output + ops::linear(input, feed_through.val(), None),
            None => output,
        }
    }
}

impl<B: Backend> SequenceModel<B> for DeepSsm<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let output = self.layers.iter().fold(input, |signal, layer| layer.forward(signal));
        if self.single_output { last_step(output) } else { output }
    }
}
