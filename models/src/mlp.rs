//! Multilayer perceptrons, the same at every time step
//!
//! `W_D a(.. a(W_1 x + b_1) ..) + b_D`.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, backend::Backend};

use crate::activation::Activation;
use crate::init::{self, InitRng};
use crate::ops;

/// The sizes of an [`Mlp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MlpConfig {
    /// Channels of the hidden layers.
    pub width: usize,
    /// Linear maps, from 1 up: one more than there are hidden layers.
    pub depth: usize,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
}

/// Linear maps with a nonlinearity between them.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    /// The maps, first to last.
    pub maps: Vec<Linear<B>>,
    /// Nonlinearity between them.
    #[module(skip)]
    pub activation: Activation,
}

impl MlpConfig {
    /// Draws the weights.
    pub fn init<B: Backend>(&self, d_input: usize, d_output: usize, rng: &mut InitRng, device: &B::Device) -> Mlp<B> {
        let Self { width, depth, .. } = *self;
        let maps = (0..depth).map(|layer| {
            let from = if layer == 0 { d_input } else { width };
            let to = if layer + 1 == depth { d_output } else { width };
            init::linear(from, to, true, rng, device)
        });
        Mlp { maps: maps.collect(), activation: self.activation }
    }
}

impl<B: Backend> Mlp<B> {
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
