//! Dense networks of each time step alone
//!
//! `W_D a(.. a(W_1 x + b_1) ..) + b_D`, the same at every time step.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, backend::Backend};

use crate::activation::Activation;
use crate::init::{self, InitRng};
use crate::ops;

/// The sizes of a [`Dense`] network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseConfig {
    /// Channels of the hidden layers.
    pub width: usize,
    /// Linear maps, from 1 up: one more than there are hidden layers.
    pub depth: usize,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
}

/// Linear maps with a nonlinearity between them.
#[derive(Module, Debug)]
pub struct Dense<B: Backend> {
    /// The maps, first to last.
    pub maps: Vec<Linear<B>>,
    /// Nonlinearity between them.
    #[module(skip)]
    pub activation: Activation,
}

impl DenseConfig {
    /// Draws the weights.
    pub fn init<B: Backend>(&self, d_input: usize, d_output: usize, rng: &mut InitRng, device: &B::Device) -> Dense<B> {
        let maps = self.sizes(d_input, d_output).map(|(from, to)| init::linear(from, to, true, rng, device)).collect();
        Dense { maps, activation: self.activation }
    }

    /// Trainable scalars.
    pub fn num_params(&self, d_input: usize, d_output: usize) -> usize {
        self.sizes(d_input, d_output).map(|(from, to)| (from + 1) * to).sum()
    }

    /// Input and output channels of each map.
    fn sizes(&self, d_input: usize, d_output: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Self { width, depth, .. } = *self;
        (0..depth).map(move |layer| {
            (if layer == 0 { d_input } else { width }, if layer + 1 == depth { d_output } else { width })
        })
    }
}

impl<B: Backend> Dense<B> {
    /// # Shapes
    /// - input `[batch, length, d_input]`, output `[batch, length, d_output]`
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut hidden = input;
        for (layer, map) in self.maps.iter().enumerate() {
            if layer > 0 {
                hidden = self.activation.apply(hidden);
            }
            hidden = ops::map(map, hidden);
        }
        hidden
    }
}
