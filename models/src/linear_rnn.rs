//! The linear recurrent network
//!
//! `h(t) = W h(t-1) + U x(t)`, output `h(t)`, `h(-1) = 0`.
//!
//! Source: Li, Han, E, Li, "On the curse of memory in recurrent neural networks: approximation and
//! optimization analysis", 2021, <https://arxiv.org/abs/2009.07799>.

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
use crate::stack::{Block, Recurrent, Stack, StackConfig};

/// A stack of linear recurrences with dense recurrent matrices; the hidden size is `d_model`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinearRnnConfig {
    /// The dials that all models share.
    #[serde(flatten)]
    pub stack: StackConfig,
}

/// One linear recurrence.
#[derive(Module, Debug)]
pub struct LinearRnn<B: Backend> {
    /// `W^T`, `[d_model, d_model]`: rows are states before the step, columns after it.
    pub recurrent: Param<Tensor<B, 2>>,
    /// `U^T`, `[d_model, d_model]`.
    pub input: Param<Tensor<B, 2>>,
}

impl LinearRnnConfig {
    /// Builds the model on any backend.
    pub fn init<B: Backend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Stack<B, LinearRnn<B>> {
        let n = self.stack.d_model;
        let bound = 1.0 / (n as f64).sqrt();
        self.stack.init(io, rng, device, |rng, _| LinearRnn {
            recurrent: init::uniform([n, n], bound, rng, device),
            input: init::uniform([n, n], bound, rng, device),
        })
    }
}

impl<B: Backend> LinearRnn<B> {
    /// The recurrence from `hidden = U x`, in parallel over time: after round k, `h` holds the last `2^k` terms of
    /// `sum_s W^s U x(t-s)` (Hillis and Steele's scan, with `W^(2^k)` by squaring).
    fn run(&self, mut hidden: Tensor<B, 3>) -> Tensor<B, 3> {
        let length = hidden.dims()[1];
        let mut power = self.recurrent.val();
        if let Some(hidden) = ops::linear_rnn(&hidden, &power) {
            return hidden;
        }
        let mut reach = 1;
        while reach < length {
            hidden = hidden.clone() + ops::shift(hidden, reach).matmul(power.clone().unsqueeze());
            reach *= 2;
            if reach < length {
                power = power.clone().matmul(power);
            }
        }
        hidden
    }
}

impl<B: Backend> Block<B> for LinearRnn<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::linear(input, self.input.val(), None))
    }

    fn forward_mapped(&self, map: &Linear<B>, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::joined(map, input, self.input.val(), None))
    }
}

impl<B: Backend> Recurrent<B> for LinearRnn<B> {
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.recurrent.dims()[0]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let state = state.matmul(self.recurrent.val()) + input.matmul(self.input.val());
        (state.clone(), state)
    }
}

impl ModelConfig for LinearRnnConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "linear-rnn",
        title: "Linear RNN",
        summary: "h(t) = W h(t-1) + U x(t) with a dense recurrent matrix W.",
        source: "Li, Han, E, Li, \"On the curse of memory in recurrent neural networks\", 2021, https://arxiv.org/abs/2009.07799",
    };
    type Model<B: AutodiffBackend> = Stack<B, LinearRnn<B>>;

    fn validate(&self, _io: Io) -> Result<()> {
        self.stack.validate()
    }

    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        self.init(io, rng, device)
    }

    fn num_params(&self, io: Io) -> usize {
        self.stack.num_params(io, 2 * self.stack.d_model.pow(2))
    }

    fn with_width(&self, width: usize) -> Self {
        Self { stack: StackConfig { d_model: width, ..self.stack.clone() } }
    }

    fn lti_states(&self) -> Option<usize> {
        (self.stack.norm == crate::Norm::None).then_some(self.stack.n_layers * self.stack.d_model)
    }
}
