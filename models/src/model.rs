//! What a model is: a configuration that can be named, checked, counted and initialised.

use burn::module::{AutodiffModule, Module};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Configurable, Result};

use crate::attention::Attended;
use crate::init::InitRng;
use crate::noise::Noise;

/// The shape that a task asks of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Io {
    /// Channels of the input at each time step.
    pub d_input: usize,
    /// Channels of the output at each time step.
    pub d_output: usize,
    /// Number of time steps; the longest sequence that the model will see.
    pub length: usize,
    /// Whether a sequence has one output, instead of one at each time step.
    pub single_output: bool,
}

impl Io {
    /// An output at each time step.
    pub const fn sequence(d_input: usize, d_output: usize, length: usize) -> Self {
        Self { d_input, d_output, length, single_output: false }
    }

    /// One output for a whole sequence.
    pub const fn single(d_input: usize, d_output: usize, length: usize) -> Self {
        Self { d_input, d_output, length, single_output: true }
    }

    /// Outputs of a sequence of the full length.
    pub const fn output_length(&self) -> usize {
        if self.single_output { 1 } else { self.length }
    }
}

/// What is known of a model without building it.
#[derive(Debug, Clone, Copy)]
pub struct ModelInfo {
    /// The name in specs and on the command line, lower-case with hyphens.
    pub name: &'static str,
    /// The name in figures and tables.
    pub title: &'static str,
    /// One sentence: what computes the output from the past.
    pub summary: &'static str,
    /// The paper: authors, title, year, link.
    pub source: &'static str,
}

/// A map from sequences to sequences.
pub trait SequenceModel<B: Backend>: Module<B> {
    /// # Shapes
    /// - input `[batch, length, d_input]`
    /// - output `[batch, length, d_output]`, or `[batch, 1, d_output]` of a model with a single output
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3>;

    /// As [`SequenceModel::forward`], with the random masks of a training step where the model has any.
    fn forward_training(&self, input: Tensor<B, 3>, noise: &mut Noise) -> Tensor<B, 3> {
        let _ = noise;
        self.forward(input)
    }

    /// What attends to what, layer by layer; empty for a model without attention.
    ///
    /// # Shapes
    /// - input `[batch, length, d_input]`
    fn attention(&self, input: Tensor<B, 3>) -> Vec<Attended<B>> {
        let _ = input;
        Vec::new()
    }
}

/// A named, typed model configuration: everything that is needed to list, check, count and build a model.
///
/// Implement it to plug a model of your own into the learner, the sweeps and the reports.
pub trait ModelConfig: Configurable + std::fmt::Debug + Send + Sync + 'static {
    /// Name, title, summary and source.
    const INFO: ModelInfo;

    /// The model on an autodiff backend; its inner module is the same model without gradients.
    type Model<B: AutodiffBackend>: SequenceModel<B>
        + AutodiffModule<B, InnerModule: SequenceModel<B::InnerBackend>>
        + 'static;

    /// The shape that the model is shown with where no task is given.
    fn example_io() -> Io {
        Io::sequence(1, 1, 128)
    }

    /// Checks every field, alone and together.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    fn validate(&self, io: Io) -> Result<()>;

    /// Builds the model; call [`ModelConfig::validate`] first.
    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B>;

    /// Trainable scalars of the built model, by formula.
    fn num_params(&self, io: Io) -> usize;

    /// The same model at another width; the helper that matches a parameter budget turns this one dial.
    fn with_width(&self, width: usize) -> Self;

    /// Whether output t depends on inputs up to t only.
    fn causal(&self) -> bool {
        true
    }

    /// The receptive field in time steps, for a causal model that cannot see further back.
    fn window(&self) -> Option<usize> {
        None
    }

    /// The number of real states in all (a conjugate pair counts 2), for a model that is linear and
    /// time-invariant.
    fn lti_states(&self) -> Option<usize> {
        None
    }

    /// Whether no state can grow by itself, whatever the weights: every eigenvalue of the recurrence stays within
    /// the closed unit disk by construction.
    fn stable(&self) -> bool {
        false
    }

    /// The widest model of this family with at most `budget` parameters, or the narrowest valid one where
    /// none fits.
    fn fit_budget(&self, budget: usize, io: Io) -> Self {
        let valid = |width: usize| self.with_width(width).validate(io).is_ok();
        let fits = |width: usize| self.with_width(width).num_params(io) <= budget;
        let mut best = None;
        let mut width = 1;
        // Counts grow with the width; the bound ends families whose count does not depend on it.
        while fits(width) && width <= 1 << 16 {
            if valid(width) {
                best = Some(width);
            }
            width += 1;
        }
        let best = best.or_else(|| (1..=1 << 16).find(|width| valid(*width)));
        best.map_or_else(|| self.clone(), |width| self.with_width(width))
    }
}
