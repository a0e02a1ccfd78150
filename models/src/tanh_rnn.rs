//! The tanh recurrent network
//!
//! `h(t) = tanh(W h(t-1) + U x(t) + b)`, output `h(t)`, `h(-1) = 0`.
//!
//! Source: Elman, "Finding structure in time", 1990, <https://doi.org/10.1207/s15516709cog1402_1>.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo};
use crate::ops;
use crate::scan::scan;
use crate::stack::{Block, Recurrent, Stack, StackConfig};

/// A stack of tanh recurrences; the hidden size is `d_model`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TanhRnnConfig {
    /// The dials that all models share.
    #[serde(flatten)]
    pub stack: StackConfig,
}

/// One tanh recurrence. All weights start uniform on `[-1/sqrt(d_model), 1/sqrt(d_model))`.
#[derive(Module, Debug)]
pub struct TanhRnn<B: Backend> {
    /// `U^T`, `[d_model, d_model]`.
    pub input: Param<Tensor<B, 2>>,
    /// `W^T`, `[d_model, d_model]`: rows are states before the step, columns after it.
    pub recurrent: Param<Tensor<B, 2>>,
    /// `b`, `[d_model]`.
    pub bias: Param<Tensor<B, 1>>,
}

impl TanhRnnConfig {
    /// Builds the model on any backend.
    pub fn init<B: Backend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Stack<B, TanhRnn<B>> {
        let n = self.stack.d_model;
        let bound = 1.0 / (n as f64).sqrt();
        self.stack.init(io, rng, device, |rng, _| TanhRnn {
            input: init::uniform([n, n], bound, rng, device),
            recurrent: init::uniform([n, n], bound, rng, device),
            bias: init::uniform([n], bound, rng, device),
        })
    }
}

impl<B: Backend> TanhRnn<B> {
    /// The outputs from the projected inputs `[batch, length, d_model]`.
    fn run(&self, projected: Tensor<B, 3>) -> Tensor<B, 3> {
        let recurrent = self.recurrent.val();
        if let Some(hidden) = ops::tanh_rnn(&projected, &recurrent) {
            return hidden;
        }
        let state = self.initial_state(projected.dims()[0], &projected.device());
        scan(projected, state, |projected, hidden| {
            let hidden = Self::cell(&recurrent, projected, hidden);
            (hidden.clone(), hidden)
        })
    }

    /// The cell: from the projected input `U x(t) + b` and `h(t-1)` to `h(t)`, all `[batch, d_model]`.
    fn cell(recurrent: &Tensor<B, 2>, projected: Tensor<B, 2>, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        (projected + hidden.matmul(recurrent.clone())).tanh()
    }
}

impl<B: Backend> Block<B> for TanhRnn<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::linear(input, self.input.val(), Some(self.bias.val())))
    }

    fn forward_mapped(&self, map: &Linear<B>, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::joined(map, input, self.input.val(), Some(self.bias.val())))
    }
}

impl<B: Backend> Recurrent<B> for TanhRnn<B> {
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.recurrent.dims()[0]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let projected = ops::linear(input, self.input.val(), Some(self.bias.val()));
        let hidden = Self::cell(&self.recurrent.val(), projected, state);
        (hidden.clone(), hidden)
    }
}

impl ModelConfig for TanhRnnConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "tanh-rnn",
        title: "Tanh RNN",
        summary: "h(t) = tanh(W h(t-1) + U x(t) + b) with a dense recurrent matrix W.",
        source: "Elman, \"Finding structure in time\", 1990, https://doi.org/10.1207/s15516709cog1402_1",
    };
    type Model<B: AutodiffBackend> = Stack<B, TanhRnn<B>>;

    fn validate(&self, _io: Io) -> Result<()> {
        self.stack.validate()
    }

    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        self.init(io, rng, device)
    }

    fn num_params(&self, io: Io) -> usize {
        let n = self.stack.d_model;
        self.stack.num_params(io, 2 * n * n + n)
    }

    fn with_width(&self, width: usize) -> Self {
        Self { stack: StackConfig { d_model: width, ..self.stack.clone() } }
    }
}
