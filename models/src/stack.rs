//! The outer shape that most models share: input projection, blocks, output projection.

use burn::module::{Module, ModuleDisplay};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Tensor, backend::Backend};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::init::{self, InitRng};
use crate::model::{Io, SequenceModel};
use crate::ops;

/// Where, and whether, a block's input is normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// No normalisation, as in the papers on memory.
    #[default]
    None,
    /// Layer normalisation of each block's input (pre-norm).
    Layer,
}

/// The parameters that all stacks share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StackConfig {
    /// Channels between the input and the output projection.
    #[schemars(range(min = 1))]
    pub d_model: usize,
    /// Number of blocks.
    #[schemars(range(min = 1))]
    pub n_layers: usize,
    /// Whether each block's input is added to its output.
    pub residual: bool,
    /// Normalisation of each block's input.
    pub norm: Norm,
}

impl Default for StackConfig {
    fn default() -> Self {
        Self { d_model: 16, n_layers: 1, residual: false, norm: Norm::None }
    }
}

impl StackConfig {
    /// Builds the stack; `block(rng, layer)` builds the block of that layer, counted from 0.
    pub fn init<B: Backend, K: Block<B>>(
        &self,
        io: Io,
        rng: &mut InitRng,
        device: &B::Device,
        mut block: impl FnMut(&mut InitRng, usize) -> K,
    ) -> Stack<B, K> {
        let input = init::linear(io.d_input, self.d_model, true, rng, device);
        let blocks: Vec<K> = (0..self.n_layers).map(|layer| block(rng, layer)).collect();
        let norms = match self.norm {
            Norm::None => Vec::new(),
            Norm::Layer => blocks.iter().map(|_| LayerNormConfig::new(self.d_model).init(device)).collect(),
        };
        let output = init::linear(self.d_model, io.d_output, true, rng, device);
        Stack { input, norms, blocks, output, residual: self.residual, single_output: io.single_output }
    }
}

/// The input of a [`Block`]: a sequence, or a linear map of one that is not carried out yet.
///
/// A block that begins with a linear map of its own takes both as one where that is cheaper: where few channels come from
/// outside, the product over `d_model` channels at every time step is left out.
#[derive(Debug, Clone)]
pub struct BlockInput<'a, B: Backend> {
    sequence: Tensor<B, 3>,
    map: Option<&'a Linear<B>>,
}

impl<B: Backend> From<Tensor<B, 3>> for BlockInput<'_, B> {
    fn from(sequence: Tensor<B, 3>) -> Self {
        Self { sequence, map: None }
    }
}

impl<'a, B: Backend> BlockInput<'a, B> {
    /// What `map` makes of `sequence`, `[batch, length, d_input]`.
    pub fn mapped(map: &'a Linear<B>, sequence: Tensor<B, 3>) -> Self {
        let [d_input, d_model] = map.weight.dims();
        if d_input < d_model { Self { sequence, map: Some(map) } } else { ops::map(map, sequence).into() }
    }

    /// The input itself, `[batch, length, d_model]`.
    pub fn into_value(self) -> Tensor<B, 3> {
        match self.map {
            Some(map) => ops::map(map, self.sequence),
            None => self.sequence,
        }
    }

    /// `input weight + bias` at each time step.
    ///
    /// # Shapes
    /// - weight `[d_model, channels]`, bias `[channels]`, output `[batch, length, channels]`
    pub fn linear(self, weight: Tensor<B, 2>, bias: Option<Tensor<B, 1>>) -> Tensor<B, 3> {
        let Some(map) = self.map else { return ops::linear(self.sequence, weight, bias) };
        let bias = match &map.bias {
            Some(inner) => Some(ops::linear(inner.val().unsqueeze::<2>(), weight.clone(), bias).squeeze_dim(0)),
            None => bias,
        };
        ops::linear(self.sequence, ops::linear(map.weight.val(), weight, None), bias)
    }
}

/// One layer of a [`Stack`]: a map from `[batch, length, d_model]` to the same shape.
pub trait Block<B: Backend>: Module<B> + ModuleDisplay {
    /// # Shapes
    /// - input and output `[batch, length, d_model]`
    fn forward(&self, input: BlockInput<B>) -> Tensor<B, 3>;
}

/// A [`Block`] that can also run step by step, with a state of fixed size (streaming inference).
pub trait Recurrent<B: Backend>: Block<B> {
    /// What is carried from one step to the next.
    type State: Clone;

    /// The state before the first step, for `batch` sequences.
    fn initial_state(&self, batch: usize, device: &B::Device) -> Self::State;

    /// One time step: the output that [`Block::forward`] gives at that time.
    ///
    /// # Shapes
    /// - input and output `[batch, d_model]`
    fn step(&self, input: Tensor<B, 2>, state: Self::State) -> (Tensor<B, 2>, Self::State);
}

/// Input projection, blocks (each with optional pre-norm and residual), output projection.
#[derive(Module, Debug)]
pub struct Stack<B: Backend, K> {
    /// `d_input` to `d_model`.
    pub input: Linear<B>,
    /// One norm per block, or none at all.
    pub norms: Vec<LayerNorm<B>>,
    /// The blocks, first to last.
    pub blocks: Vec<K>,
    /// `d_model` to `d_output`.
    pub output: Linear<B>,
    /// Whether each block's input is added to its output.
    pub residual: bool,
    /// Whether only the last time step has an output.
    pub single_output: bool,
}

impl<B: Backend, K: Block<B>> SequenceModel<B> for Stack<B, K> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut hidden = BlockInput::mapped(&self.input, input);
        if self.residual || !self.norms.is_empty() {
            // What is needed anyway is worked out once.
            hidden = hidden.into_value().into();
        }
        for (layer, block) in self.blocks.iter().enumerate() {
            let normed = match self.norms.get(layer) {
                Some(norm) => ops::layer_norm(norm, ops::EPSILON, hidden.clone().into_value()).into(),
                None => hidden.clone(),
            };
            let output = block.forward(normed);
            hidden = if self.residual { hidden.into_value() + output } else { output }.into();
        }
        let hidden = hidden.into_value();
        ops::map(&self.output, if self.single_output { last_step(hidden) } else { hidden })
    }
}

/// The input of a layer, normalised where the layer has a norm.
pub(crate) fn normed<B: Backend, const D: usize>(
    norm: Option<&LayerNorm<B>>,
    epsilon: f64,
    input: &Tensor<B, D>,
) -> Tensor<B, D> {
    match norm {
        Some(norm) => ops::layer_norm(norm, epsilon, input.clone()),
        None => input.clone(),
    }
}

/// The last time step of `[batch, length, channels]`.
pub(crate) fn last_step<B: Backend>(sequence: Tensor<B, 3>) -> Tensor<B, 3> {
    let length = sequence.dims()[1];
    sequence.narrow(1, length - 1, 1)
}

impl<B: Backend, K: Recurrent<B>> Stack<B, K> {
    /// The states of all blocks before the first step, for `batch` sequences.
    pub fn initial_state(&self, batch: usize, device: &B::Device) -> Vec<K::State> {
        self.blocks.iter().map(|block| block.initial_state(batch, device)).collect()
    }

    /// One time step of streaming inference; agrees with [`SequenceModel::forward`] at that time.
    ///
    /// # Shapes
    /// - input `[batch, d_input]`, output `[batch, d_output]`
    pub fn step(&self, input: Tensor<B, 2>, state: Vec<K::State>) -> (Tensor<B, 2>, Vec<K::State>) {
        let mut hidden = ops::map(&self.input, input);
        let mut next = Vec::with_capacity(state.len());
        for (layer, (block, state)) in self.blocks.iter().zip(state).enumerate() {
            let (output, state) = block.step(normed(self.norms.get(layer), ops::EPSILON, &hidden), state);
            next.push(state);
            hidden = if self.residual { hidden + output } else { output };
        }
        (ops::map(&self.output, hidden), next)
    }
}
