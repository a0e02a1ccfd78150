//! The gated recurrent unit
//!
//! `r = sigmoid(W_r h(t-1) + U_r x(t) + b_r)`, `z = sigmoid(W_z h(t-1) + U_z x(t) + b_z)`,
//! `n = tanh(U_n x(t) + b_n + r (W_n h(t-1) + c_n))`, output `h(t) = (1 - z) n + z h(t-1)`, `h(-1) = 0`.
//! The reset gate acts after the recurrent product, as in PyTorch and cuDNN.
//!
//! Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
//! translation", 2014, <https://arxiv.org/abs/1406.1078>.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{
    Tensor, activation,
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

/// A stack of GRU layers; the hidden size is `d_model`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GruConfig {
    /// The dials that all models share.
    #[serde(flatten)]
    pub stack: StackConfig,
}

/// One GRU layer. All weights start uniform on `[-1/sqrt(d_model), 1/sqrt(d_model))`.
#[derive(Module, Debug)]
pub struct Gru<B: Backend> {
    /// `U^T`, `[d_model, 3 d_model]`, columns in the order reset, update, new.
    pub input: Param<Tensor<B, 2>>,
    /// `(b_r, b_z, b_n)`, `[3 d_model]`; PyTorch has the sum of two for the gates r and z.
    pub bias: Param<Tensor<B, 1>>,
    /// `W^T`, `[d_model, 3 d_model]`, columns as in `input`.
    pub recurrent: Param<Tensor<B, 2>>,
    /// `c_n`, `[d_model]`: the bias inside the reset gate.
    pub recurrent_bias: Param<Tensor<B, 1>>,
}

impl GruConfig {
    /// Builds the model on any backend.
    pub fn init<B: Backend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Stack<B, Gru<B>> {
        let n = self.stack.d_model;
        let bound = 1.0 / (n as f64).sqrt();
        self.stack.init(io, rng, device, |rng, _| Gru {
            input: init::uniform([n, 3 * n], bound, rng, device),
            bias: init::uniform([3 * n], bound, rng, device),
            recurrent: init::uniform([n, 3 * n], bound, rng, device),
            recurrent_bias: init::uniform([n], bound, rng, device),
        })
    }
}

/// The recurrent weights in the form that a step needs.
struct Cell<B: Backend> {
    recurrent: Tensor<B, 2>, // [d_model, 3 d_model]
    bias: Tensor<B, 2>,      // [1, d_model]
}

impl<B: Backend> Cell<B> {
    /// From the projected input `[batch, 3 d_model]` and `h(t-1)` to `h(t)`.
    fn step(&self, projected: Tensor<B, 2>, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        let n = self.recurrent.dims()[0];
        let recurrent = hidden.clone().matmul(self.recurrent.clone());
        // Reset and update share one sum and one sigmoid.
        let gates = projected.clone().narrow(1, 0, 2 * n) + recurrent.clone().narrow(1, 0, 2 * n);
        let gates = activation::sigmoid(gates);
        let reset = gates.clone().narrow(1, 0, n);
        let update = gates.narrow(1, n, n);
        let inside = recurrent.narrow(1, 2 * n, n) + self.bias.clone();
        let new = (projected.narrow(1, 2 * n, n) + reset * inside).tanh();
        new.clone() + update * (hidden - new)
    }
}

impl<B: Backend> Gru<B> {
    /// The outputs from the projected inputs `[batch, length, 3 d_model]`.
    fn run(&self, projected: Tensor<B, 3>) -> Tensor<B, 3> {
        if let Some(hidden) = ops::gru(&projected, &self.recurrent.val(), &self.recurrent_bias.val()) {
            return hidden;
        }
        let state = self.initial_state(projected.dims()[0], &projected.device());
        let cell = self.cell();
        scan(projected, state, |projected, hidden| {
            let hidden = cell.step(projected, hidden);
            (hidden.clone(), hidden)
        })
    }

    fn cell(&self) -> Cell<B> {
        Cell { recurrent: self.recurrent.val(), bias: self.recurrent_bias.val().unsqueeze() }
    }
}

impl<B: Backend> Block<B> for Gru<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::linear(input, self.input.val(), Some(self.bias.val())))
    }

    fn forward_mapped(&self, map: &Linear<B>, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::joined(map, input, self.input.val(), Some(self.bias.val())))
    }
}

impl<B: Backend> Recurrent<B> for Gru<B> {
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.recurrent.dims()[0]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let projected = ops::linear(input, self.input.val(), Some(self.bias.val()));
        let hidden = self.cell().step(projected, state);
        (hidden.clone(), hidden)
    }
}

impl ModelConfig for GruConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "gru",
        title: "GRU",
        summary: "A recurrent network whose state is a gated mean of its past and a candidate.",
        source: "Cho et al., \"Learning phrase representations using RNN encoder-decoder for statistical machine translation\", 2014, https://arxiv.org/abs/1406.1078",
    };
    type Model<B: AutodiffBackend> = Stack<B, Gru<B>>;

    fn validate(&self, _io: Io) -> Result<()> {
        self.stack.validate()
    }

    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        self.init(io, rng, device)
    }

    fn num_params(&self, io: Io) -> usize {
        let n = self.stack.d_model;
        self.stack.num_params(io, 6 * n * n + 4 * n)
    }

    fn with_width(&self, width: usize) -> Self {
        Self { stack: StackConfig { d_model: width, ..self.stack.clone() } }
    }
}
