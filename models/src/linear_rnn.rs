//! The linear recurrent network
//!
//! `h(t) = W h(t-1) + U x(t)`, output `h(t)`, `h(-1) = 0`.
//!
//! Source: Li, Han, E, Li, "On the curse of memory in recurrent neural networks: approximation and
//! optimization analysis", 2021, <https://arxiv.org/abs/2009.07799>.

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
use crate::stack::{Block, BlockInput, Norm, Recurrent, Stack, StackConfig};

/// A stack of linear recurrences with dense recurrent matrices; the hidden size is `d_model`.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + 2 d_model^2) + (d_model + 1) d_output`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinearRnnConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
}

/// One linear recurrence. All weights start uniform on `[-1/sqrt(d_model), 1/sqrt(d_model))`.
#[derive(Module, Debug)]
pub struct LinearRnn<B: Backend> {
    /// `W^T`, `[d_model, d_model]`: rows are states before the step, columns after it.
    pub recurrent: Param<Tensor<B, 2>>,
    /// `U^T`, `[d_model, d_model]`.
    pub input: Param<Tensor<B, 2>>,
}

impl ModelConfig for LinearRnnConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "linear-rnn",
        title: "Linear RNN",
        summary: "h(t) = W h(t-1) + U x(t) with a dense recurrent matrix W.",
        source: "Li, Han, E, Li, \"On the curse of memory in recurrent neural networks\", 2021, https://arxiv.org/abs/2009.07799",
    };
    type Model<B: AutodiffBackend> = Stack<B, LinearRnn<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let n = self.stack.d_model;
        let bound = 1.0 / (n as f64).sqrt();
        self.stack.init(io, rng, device, |rng, _| LinearRnn {
            recurrent: init::uniform([n, n], bound, rng, device),
            input: init::uniform([n, n], bound, rng, device),
        })
    }

    fn lti_states(&self) -> Option<usize> {
        (self.stack.norm == Norm::None).then_some(self.stack.n_layers * self.stack.d_model)
    }
}

impl<B: Backend> Block<B> for LinearRnn<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        ops::linear_rnn(input.linear(self.input.val(), None), self.recurrent.val())
    }
}

impl<B: Backend> Recurrent<B> for LinearRnn<B> {
    /// `h`, `[batch, d_model]`.
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.recurrent.dims()[0]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let state = state.matmul(self.recurrent.val()) + input.matmul(self.input.val());
        (state.clone(), state)
    }
}
