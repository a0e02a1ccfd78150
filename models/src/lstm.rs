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
use burn::nn::Linear;
use burn::tensor::{
    Tensor, activation,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, Result};
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo};
use crate::ops;
use crate::scan::scan;
use crate::stack::{Block, Recurrent, Stack, StackConfig};

/// A stack of LSTM layers; the hidden size is `d_model`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LstmConfig {
    /// The dials that all models share.
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

/// The state of an [`Lstm`] between two steps.
#[derive(Debug, Clone)]
pub struct LstmState<B: Backend> {
    /// `h`, `[batch, d_model]`.
    pub hidden: Tensor<B, 2>,
    /// `c`, `[batch, d_model]`.
    pub cell: Tensor<B, 2>,
}

impl LstmConfig {
    /// Builds the model on any backend.
    pub fn init<B: Backend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Stack<B, Lstm<B>> {
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
}

impl<B: Backend> Lstm<B> {
    /// The outputs from the projected inputs `[batch, length, 4 d_model]`.
    fn run(&self, projected: Tensor<B, 3>) -> Tensor<B, 3> {
        let recurrent = self.recurrent.val();
        if let Some(hidden) = ops::lstm(&projected, &recurrent) {
            return hidden;
        }
        let state = self.initial_state(projected.dims()[0], &projected.device());
        scan(projected, state, |projected, state| {
            let state = Self::cell(&recurrent, projected, state);
            (state.hidden.clone(), state)
        })
    }

    /// The cell: from the projected input `U x(t) + b`, `[batch, 4 d_model]`, to the next state.
    fn cell(recurrent: &Tensor<B, 2>, projected: Tensor<B, 2>, state: LstmState<B>) -> LstmState<B> {
        let n = recurrent.dims()[0];
        let gates = projected + state.hidden.matmul(recurrent.clone());
        let gate = |index: usize| gates.clone().narrow(1, index * n, n);
        let input = activation::sigmoid(gate(0));
        let forget = activation::sigmoid(gate(1));
        let candidate = gate(2).tanh();
        let output = activation::sigmoid(gate(3));
        let cell = forget * state.cell + input * candidate;
        LstmState { hidden: output * cell.clone().tanh(), cell }
    }
}

impl<B: Backend> Block<B> for Lstm<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::linear(input, self.input.val(), Some(self.bias.val())))
    }

    fn forward_mapped(&self, map: &Linear<B>, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(ops::joined(map, input, self.input.val(), Some(self.bias.val())))
    }
}

impl<B: Backend> Recurrent<B> for Lstm<B> {
    type State = LstmState<B>;

    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State {
        let zeros = Tensor::zeros([batch, self.recurrent.dims()[0]], device);
        LstmState { hidden: zeros.clone(), cell: zeros }
    }

    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State) {
        let projected = ops::linear(input, self.input.val(), Some(self.bias.val()));
        let state = Self::cell(&self.recurrent.val(), projected, state);
        (state.hidden.clone(), state)
    }
}

impl ModelConfig for LstmConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "lstm",
        title: "LSTM",
        summary: "A recurrent network with input, forget and output gates around a linear memory cell.",
        source: "Hochreiter, Schmidhuber, \"Long short-term memory\", 1997, https://doi.org/10.1162/neco.1997.9.8.1735",
    };
    type Model<B: AutodiffBackend> = Stack<B, Lstm<B>>;

    fn validate(&self, _io: Io) -> Result<()> {
        if let Some(bias) = self.forget_bias.filter(|bias| !bias.is_finite()) {
            return Err(Error::invalid("forget_bias", bias, "a finite number or null"));
        }
        self.stack.validate()
    }

    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        self.init(io, rng, device)
    }

    fn num_params(&self, io: Io) -> usize {
        let n = self.stack.d_model;
        self.stack.num_params(io, 4 * (2 * n * n + n))
    }

    fn with_width(&self, width: usize) -> Self {
        Self { stack: StackConfig { d_model: width, ..self.stack.clone() }, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    const IO: Io = Io::sequence(1, 1, 4);

    #[test]
    fn the_forget_bias_fills_its_gate_alone() {
        let stack = StackConfig { d_model: 3, ..StackConfig::default() };
        let bias = |forget_bias| {
            let config = LstmConfig { stack: stack.clone(), forget_bias };
            let model = config.init::<Flex>(IO, &mut init::rng(0), &Default::default());
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
        assert_eq!(
            config.validate(IO).unwrap_err().to_string(),
            "`forget_bias` is NaN, but it must be a finite number or null."
        );
    }
}
