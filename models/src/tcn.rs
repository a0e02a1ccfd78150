//! The temporal convolutional network
//!
//! `y_l(t) = act(b_l + sum_{k=0..K-1} W_{l,k} y_{l-1}(t - k D^l))` for block `l = 0, 1, ..`, with zeros
//! before the start: causal convolutions whose dilation grows by the factor `D`. It sees
//! `1 + (K-1) sum_l D^l` time steps, the present one included. One convolution per block.
//!
//! Source: Bai, Kolter, Koltun, "An empirical evaluation of generic convolutional and recurrent networks
//! for sequence modeling", 2018, <https://arxiv.org/abs/1803.01271>.

use burn::module::{Module, Param};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::init::{self, InitRng};
use crate::model::{Io, ModelConfig, ModelInfo};
use crate::ops;
use crate::stack::{Block, BlockInput, Stack, StackConfig};

/// A stack of dilated causal convolutions.
///
/// Parameters: `(d_input + 1) d_model + n_layers (2 d_model [norm = layer] + L) + (d_model + 1) d_output`, with
/// `L = kernel_size d_model^2 + d_model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TcnConfig {
    /// The parameters that all stacks share.
    #[serde(flatten)]
    pub stack: StackConfig,
    /// Taps of each convolution.
    #[schemars(range(min = 1))]
    pub kernel_size: usize,
    /// Factor between the dilations of consecutive blocks; the first block has dilation 1.
    #[schemars(range(min = 1))]
    pub dilation_base: usize,
    /// Nonlinearity after each convolution.
    pub activation: Activation,
}

impl Default for TcnConfig {
    /// Seven blocks of two taps see 128 time steps.
    fn default() -> Self {
        let stack = StackConfig { n_layers: 7, residual: true, ..StackConfig::default() };
        Self { stack, kernel_size: 2, dilation_base: 2, activation: Activation::Relu }
    }
}

/// One dilated causal convolution and its nonlinearity. Weights start uniform on
/// `[-1/sqrt(K d_model), 1/sqrt(K d_model))`.
#[derive(Module, Debug)]
pub struct Tcn<B: Backend> {
    /// `[kernel_size * d_model, d_model]`: the taps `W_k^T` from the oldest, `k = K-1`, to the present.
    pub weight: Param<Tensor<B, 2>>,
    /// `[d_model]`.
    pub bias: Param<Tensor<B, 1>>,
    /// Time steps between two taps.
    pub dilation: usize,
    /// Nonlinearity after the convolution.
    #[module(skip)]
    pub activation: Activation,
}

impl TcnConfig {
    /// The dilation of block `layer`, counted from 0.
    pub fn dilation(&self, layer: usize) -> usize {
        u32::try_from(layer).map_or(usize::MAX, |layer| self.dilation_base.saturating_pow(layer))
    }

    /// `1 + (K-1) sum_l D^l`, in time steps.
    pub fn receptive_field(&self) -> usize {
        let reach = (0..self.stack.n_layers).fold(0, |sum: usize, layer| sum.saturating_add(self.dilation(layer)));
        (self.kernel_size - 1).saturating_mul(reach).saturating_add(1)
    }
}

impl ModelConfig for TcnConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "tcn",
        title: "TCN",
        summary: "Causal convolutions with geometrically growing dilations; sees a finite window.",
        source: "Bai, Kolter, Koltun, \"An empirical evaluation of generic convolutional and recurrent networks for sequence modeling\", 2018, https://arxiv.org/abs/1803.01271",
    };
    type Model<B: AutodiffBackend> = Stack<B, Tcn<B>>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let (n, taps) = (self.stack.d_model, self.kernel_size * self.stack.d_model);
        let bound = 1.0 / (taps as f64).sqrt();
        self.stack.init(io, rng, device, |rng, layer| Tcn {
            weight: init::uniform([taps, n], bound, rng, device),
            bias: init::uniform([n], bound, rng, device),
            dilation: self.dilation(layer),
            activation: self.activation,
        })
    }

    fn window(&self) -> Option<usize> {
        Some(self.receptive_field())
    }
}

impl<B: Backend> Block<B> for Tcn<B> {
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3> {
        self.activation.apply(ops::dilated_conv(input.into_value(), self.weight.val(), self.bias.val(), self.dilation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receptive_fields_match_the_formula_and_saturate() {
        let field = |kernel_size, dilation_base, n_layers| {
            let stack = StackConfig { n_layers, ..StackConfig::default() };
            TcnConfig { stack, kernel_size, dilation_base, ..TcnConfig::default() }.receptive_field()
        };
        assert_eq!(TcnConfig::default().receptive_field(), 128);
        assert_eq!(field(3, 2, 4), 31);
        assert_eq!(field(4, 1, 5), 16);
        assert_eq!(field(1, 2, 9), 1);
        assert_eq!(field(2, 10, 99), usize::MAX);
    }
}
