//! The tanh recurrent network
//!
//! `h(t) = tanh(W h(t-1) + U x(t) + b)`, output `h(t)`, `h(-1) = 0`.
//!
//! Source: Elman, "Finding structure in time", 1990, <https://doi.org/10.1207/s15516709cog1402_1>.

use burn::module::{Module, Param};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo};
use crate::ops;
use crate::stack::{Block, BlockInput, Recurrent, Stack, StackConfig};

/// A stack of tanh recurrences; the hidden size is `d_model`.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = 2 d_model^2 + d_model`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TanhRnnConfig {
    /// The parameters that all stacks share.
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

impl ModelConfig for TanhRnnConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "tanh-rnn",
        title: "Tanh RNN",
        summary: "h(t) = tanh(W h(t-1) + U x(t) + b) with a dense recurrent matrix W.",
        source: "Elman, \"Finding structure in time\", 1990, https://doi.org/10.1207/s15516709cog1402_1",
    };
    type Model<B: AutodiffBackend> = Stack<B, TanhRnn<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let n = self.stack.d_model;
        let bound = 1.0 / (n as f64).sqrt();
        self.stack.init(io, rng, device, |rng, _| TanhRnn {
            input: init::uniform([n, n], bound, rng, device),
            recurrent: init::uniform([n, n], bound, rng, device),
            bias: init::uniform([n], bound, rng, device),
        })
    }
}

impl<B: Backend> Block<B> for TanhRnn<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        ops::tanh_rnn(input.linear(self.input.val(), Some(self.bias.val())), self.recurrent.val())
    }
}

impl<B: Backend> Recurrent<B> for TanhRnn<B> {
    /// `h`, `[batch, d_model]`.
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.recurrent.dims()[0]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let projected = ops::linear(input, self.input.val(), Some(self.bias.val()));
        let hidden = ops::tanh_cell(projected, state, &self.recurrent.val());
        (hidden.clone(), hidden)
    }
}
