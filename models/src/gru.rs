//! The gated recurrent unit
//!
//! `r = sigmoid(W_r h(t-1) + U_r x(t) + b_r)`, `z = sigmoid(W_z h(t-1) + U_z x(t) + b_z)`,
//! `n = tanh(U_n x(t) + b_n + r (W_n h(t-1) + c_n))`, output `h(t) = (1 - z) n + z h(t-1)`, `h(-1) = 0`.
//! The reset gate acts after the recurrent product, as in PyTorch and cuDNN.
//!
//! Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
//! translation", 2014, <https://arxiv.org/abs/1406.1078>.

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

/// A stack of GRU layers; the hidden size is `d_model`.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = 6 d_model^2 + 4 d_model`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GruConfig {
    /// The parameters that all stacks share.
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

impl ModelConfig for GruConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "gru",
        title: "GRU",
        summary: "A recurrent network whose state is a gated mean of its past and a candidate.",
        source: "Cho et al., \"Learning phrase representations using RNN encoder-decoder for statistical machine translation\", 2014, https://arxiv.org/abs/1406.1078",
    };
    type Model<B: AutodiffBackend> = Stack<B, Gru<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
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

impl<B: Backend> Block<B> for Gru<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        let projected = input.linear(self.input.val(), Some(self.bias.val()));
        ops::gru(projected, self.recurrent.val(), self.recurrent_bias.val())
    }
}

impl<B: Backend> Recurrent<B> for Gru<B> {
    /// `h`, `[batch, d_model]`.
    type State = Tensor<B, 2>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        Tensor::zeros([batch, self.recurrent.dims()[0]], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let projected = ops::linear(input, self.input.val(), Some(self.bias.val()));
        let bias = self.recurrent_bias.val().unsqueeze();
        let hidden = ops::gru_cell(projected, state, &self.recurrent.val(), &bias);
        (hidden.clone(), hidden)
    }
}
