//! The long short-term memory network
//!
//! `(i, f, g, o) = W h(t-1) + U x(t) + b`,
//! `c(t) = sigmoid(f) c(t-1) + sigmoid(i) tanh(g)`, output `h(t) = sigmoid(o) tanh(c(t))`,
//! `h(-1) = c(-1) = 0`.
//!
//! Source: Hochreiter, Schmidhuber, "Long short-term memory", 1997,
//! <https://doi.org/10.1162/neco.1997.9.8.1735>; the forget gate is that of Gers, Schmidhuber, Cummins,
//! "Learning to forget", 2000, <https://doi.org/10.1162/089976600300015015>.

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
use crate::model::{Io, ModelConfig, ModelInfo, check_finite};
use crate::ops::{self, LstmState};
use crate::stack::{Block, BlockInput, Recurrent, Stack, StackConfig};

/// A stack of LSTM layers; the hidden size is `d_model`.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = 4 (2 d_model^2 + d_model)`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LstmConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Initial bias of the forget gates; null draws it like all other weights. Positive values make the
    /// cell remember from the start.
    pub forget_bias: Option<f64>,
}

/// One LSTM layer. Weights start uniform on `[-1/sqrt(d_model), 1/sqrt(d_model))`.
#[derive(Module, Debug)]
pub struct Lstm<B: Backend> {
    /// `U^T`, `[d_model, 4 d_model]`, columns in the order input, forget, cell, output.
    pub input: Param<Tensor<B, 2>>,
    /// `W^T`, `[d_model, 4 d_model]`, columns as in `input`.
    pub recurrent: Param<Tensor<B, 2>>,
    /// `b`, `[4 d_model]`: one bias per gate, where PyTorch has the sum of two.
    pub bias: Param<Tensor<B, 1>>,
}

impl ModelConfig for LstmConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "lstm",
        title: "LSTM",
        summary: "A recurrent network with input, forget and output gates around a linear memory cell.",
        source: "Hochreiter, Schmidhuber, \"Long short-term memory\", 1997, https://doi.org/10.1162/neco.1997.9.8.1735",
    };
    type Model<B: AutodiffBackend> = Stack<B, Lstm<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let n = self.stack.d_model;
        let bound = 1.0 / (n as f64).sqrt();
        self.stack.init(io, rng, device, |rng, _| {
            let input = init::uniform([n, 4 * n], bound, rng, device);
            let recurrent = init::uniform([n, 4 * n], bound, rng, device);
            let mut bias: Vec<f64> = (0..4 * n).map(|_| (2.0 * rng.random::<f64>() - 1.0) * bound).collect();
            if let Some(forget) = self.forget_bias {
                bias[n..2 * n].fill(forget);
            }
            Lstm { input, recurrent, bias: init::param(bias, [4 * n], device) }
        })
    }

    fn constraints(&self, _io: Io) -> Result<()> {
        check_finite("forget_bias", self.forget_bias)
    }
}

impl<B: Backend> Block<B> for Lstm<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        ops::lstm(input.linear(self.input.val(), Some(self.bias.val())), self.recurrent.val())
    }
}

impl<B: Backend> Recurrent<B> for Lstm<B> {
    type State = LstmState<B>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        LstmState::zeros(batch, self.recurrent.dims()[0], device)
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let projected = ops::linear(input, self.input.val(), Some(self.bias.val()));
        let state = ops::lstm_cell(projected, state, &self.recurrent.val());
        (state.hidden.clone(), state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_autodiff::Autodiff;
    use burn_flex::{Flex, FlexDevice};

    const IO: Io = Io::sequence(1, 1, 4);

    #[test]
    fn the_forget_bias_fills_its_gate_alone() {
        let stack = StackConfig { d_model: 3, ..StackConfig::default() };
        let bias = |forget_bias| {
            let config = LstmConfig { stack: stack.clone(), forget_bias };
            let model = config.init::<Autodiff<Flex>>(IO, &mut init::rng(0), &FlexDevice);
            model.blocks[0].bias.val().to_data().to_vec::<f32>().unwrap()
        };
        let (drawn, filled) = (bias(None), bias(Some(2.0)));
        assert_eq!(filled[3..6], [2.0; 3]);
        assert_eq!(filled[..3], drawn[..3]);
        assert_eq!(filled[6..], drawn[6..]);
    }

    #[test]
    fn a_forget_bias_that_is_not_finite_is_an_error() {
        let config = LstmConfig { forget_bias: Some(f64::NAN), ..LstmConfig::default() };
        let error = config.validate(IO).unwrap_err();
        assert_eq!((error.what(), error.value()), (Some("forget_bias"), Some("NaN")));
        assert_eq!(error.valid(), Some("a finite number or null"));
    }
}
