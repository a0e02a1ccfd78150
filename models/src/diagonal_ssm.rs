//! The real diagonal state-space model with a choice of eigenvalue parameterisation
//!
//! Each channel is its own system of `d_state` real states,
//! `h(t) = exp(lambda) h(t-1) + x(t)`, output `C h(t) + D x(t)`, where the continuous-time eigenvalue is a
//! function `lambda = f(w)` of the trainable `w`. How fast memory of long range can be learnt, and whether a
//! small change of the weights keeps it, depends on `f`.
//!
//! Source: Wang, Li, "StableSSM: Alleviating the curse of memory in state-space models through stable
//! reparameterization", 2023, <https://arxiv.org/abs/2311.14495>.

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
use crate::model::{Io, ModelConfig, ModelInfo, check_above};
use crate::ops;
use crate::stack::{Block, BlockInput, Norm, Recurrent, Stack, StackConfig};

/// The eigenvalue as a function of the trainable `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reparameterization {
    /// `lambda = w`: stable at the start only.
    Direct,
    /// `lambda = -exp(w)`.
    #[default]
    Exp,
    /// `lambda = -log(1 + exp(w))`.
    Softplus,
    /// `lambda = -1 / (best_scale w^2 + best_offset)`.
    Best,
}

/// A stack of real diagonal state-space layers.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = d_model (2 d_state + 1)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DiagonalSsmConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Real states per channel.
    #[schemars(range(min = 1))]
    pub d_state: usize,
    /// The eigenvalue as a function of the trainable weight.
    pub reparameterization: Reparameterization,
    /// The slowest initial decay per step; each state draws its own, log-uniform from `[rate_min, rate_max)`.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub rate_min: f64,
    /// The fastest initial decay per step.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub rate_max: f64,
    /// The coefficient of `w^2` in the reparameterisation `best`.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub best_scale: f64,
    /// The constant in the reparameterisation `best`; no state decays faster than its reciprocal.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub best_offset: f64,
}

impl Default for DiagonalSsmConfig {
    fn default() -> Self {
        Self {
            stack: StackConfig::default(),
            d_state: 16,
            reparameterization: Reparameterization::Exp,
            rate_min: 1e-2,
            rate_max: 1.0,
            best_scale: 1.0,
            best_offset: 0.5,
        }
    }
}

/// One real diagonal state-space layer.
#[derive(Module, Debug)]
pub struct DiagonalSsm<B: Backend> {
    /// `w`, `[d_model, d_state]`.
    pub eigenvalue: Param<Tensor<B, 2>>,
    /// `C`, `[d_model, d_state]`.
    pub output: Param<Tensor<B, 2>>,
    /// `D`, `[d_model]`.
    pub feed_through: Param<Tensor<B, 1>>,
    /// The function from `w` to the eigenvalue.
    #[module(skip)]
    pub reparameterization: Reparameterization,
    /// The coefficient of `w^2` in the reparameterisation `best`.
    pub best_scale: f64,
    /// The constant in the reparameterisation `best`.
    pub best_offset: f64,
}

impl DiagonalSsmConfig {
    /// The weight `w` whose eigenvalue is `-rate`.
    fn weight(&self, rate: f64) -> f64 {
        match self.reparameterization {
            Reparameterization::Direct => -rate,
            Reparameterization::Exp => rate.ln(),
            Reparameterization::Softplus => rate.exp_m1().ln(),
            Reparameterization::Best => ((rate.recip() - self.best_offset) / self.best_scale).sqrt(),
        }
    }
}

impl ModelConfig for DiagonalSsmConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "diagonal-ssm",
        title: "Diagonal SSM",
        summary: "Per channel, a real diagonal state space whose eigenvalues are a chosen function of the weights.",
        source: "Wang, Li, \"StableSSM: Alleviating the curse of memory in state-space models through stable reparameterization\", 2023, https://arxiv.org/abs/2311.14495",
    };
    type Model<B: AutodiffBackend> = Stack<B, DiagonalSsm<B>>;

    /// Every reparameterisation starts from the same eigenvalues; the output
    /// weights are scaled so that white noise of variance 1 gives states that add up to variance 1.
    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let shape = [self.stack.d_model, self.d_state];
        let (slow, fast) = (self.rate_min.ln(), self.rate_max.ln());
        self.stack.init(io, rng, device, |rng, _| {
            let count = shape[0] * shape[1];
            let rates: Vec<f64> = (0..count).map(|_| (slow + (fast - slow) * rng.random::<f64>()).exp()).collect();
            let outputs = rates
                .iter()
                .map(|rate| init::standard_normal(rng) * (-(-2.0 * rate).exp_m1() / self.d_state as f64).sqrt())
                .collect();
            DiagonalSsm {
                eigenvalue: init::param(rates.iter().map(|rate| self.weight(*rate)).collect(), shape, device),
                output: init::param(outputs, shape, device),
                feed_through: init::normal([shape[0]], 1.0, rng, device),
                reparameterization: self.reparameterization,
                best_scale: self.best_scale,
                best_offset: self.best_offset,
            }
        })
    }

    fn constraints(&self, _io: Io) -> Result<()> {
        check_above("rate_max", self.rate_max, "rate_min", self.rate_min)?;
        let fastest = self.best_offset.recip();
        if self.reparameterization == Reparameterization::Best && self.rate_max >= fastest {
            let valid = format!("less than 1 / `best_offset`, which is {fastest}");
            return Err(Error::invalid("rate_max", self.rate_max, valid));
        }
        Ok(())
    }

    fn lti_states(&self) -> Option<usize> {
        (self.stack.norm == Norm::None).then_some(self.stack.n_layers * self.stack.d_model * self.d_state)
    }

    fn stable(&self) -> bool {
        self.reparameterization != Reparameterization::Direct
    }
}

impl<B: Backend> DiagonalSsm<B> {
    /// The continuous-time eigenvalues, `[d_model, d_state]`; a step has length 1.
    pub fn eigenvalues(&self) -> Tensor<B, 2> {
        let w = self.eigenvalue.val();
        match self.reparameterization {
            Reparameterization::Direct => w,
            Reparameterization::Exp => w.exp().neg(),
            Reparameterization::Softplus => ops::softplus(w).neg(),
            Reparameterization::Best => (w.clone() * w * self.best_scale + self.best_offset).recip().neg(),
        }
    }

    /// The impulse response of each channel, `[d_model, length]`.
    pub fn kernel(&self, length: usize) -> Tensor<B, 2> {
        ops::real_exponentials(self.output.val(), self.eigenvalues(), length)
            + ops::lag_zero(self.feed_through.val(), length)
    }
}

impl<B: Backend> Block<B> for DiagonalSsm<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        let input = input.into_value();
        let kernel = self.kernel(input.dims()[1]);
        ops::causal_conv(input, kernel)
    }
}

impl<B: Backend> Recurrent<B> for DiagonalSsm<B> {
    /// `[batch, d_model, d_state]`.
    type State = Tensor<B, 3>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        let [d_model, d_state] = self.eigenvalue.dims();
        Tensor::zeros([batch, d_model, d_state], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let state = state * self.eigenvalues().exp().unsqueeze() + input.clone().unsqueeze_dim::<3>(2);
        let output = (state.clone() * self.output.val().unsqueeze()).sum_dim(2).squeeze_dim(2);
        (output + input * self.feed_through.val().unsqueeze(), state)
    }
}
