//! What a model is: a configuration that can be named, checked, counted and initialised.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use burn::module::{AutodiffModule, Module};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use burn_autodiff::Autodiff;
use lookback_registry::{Configurable, Error, Result, check, to_params};

use crate::attention::Attended;
use crate::init::{self, InitRng};
use crate::meta::{Meta, Nowhere};
use crate::noise::Noise;

/// The shape that a task asks of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// Name and origin of a model.
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

/// The model `C` without gradients.
pub type InferenceModel<C, B> = <<C as ModelConfig>::Model<Autodiff<B>> as AutodiffModule<Autodiff<B>>>::InnerModule;

/// A named, typed model configuration: everything that is needed to list, check, count and build a model.
///
/// Implement it to plug a model of your own into the learner, the sweeps and the reports; name, type and
/// [`ModelConfig::init`] are enough.
pub trait ModelConfig: Configurable + std::fmt::Debug + Send + Sync + 'static {
    /// Name, title, summary and source.
    const INFO: ModelInfo;

    /// The model on an autodiff backend; its inner module is the same model without gradients.
    type Model<B: AutodiffBackend>: SequenceModel<B>
        + AutodiffModule<B, InnerModule: SequenceModel<B::InnerBackend>>
        + 'static;

    /// Draws the weights. The configuration is valid for `io`: [`ModelConfig::build`] checks that first, as does
    /// [`configure`](crate::configure) for parameters by name.
    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B>;

    /// Conditions on several fields together, or on a field and the shape of the task. Each field is within the range that it
    /// declares.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    fn constraints(&self, io: Io) -> Result<()> {
        let _ = io;
        Ok(())
    }

    /// The shape that the model is shown with where no task is given.
    fn example_io() -> Io {
        Io::sequence(1, 1, 128)
    }

    /// Checks every field, alone and together.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    fn validate(&self, io: Io) -> Result<()> {
        check(self)?;
        self.constraints(io)
    }

    /// The model with the weights of this generator.
    ///
    /// # Errors
    /// The configuration is not valid for `io`; see [`ModelConfig::validate`].
    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Result<Self::Model<B>> {
        self.validate(io)?;
        Ok(self.init(io, rng, device))
    }

    /// As [`ModelConfig::build`], without gradients: on any backend.
    ///
    /// # Errors
    /// As [`ModelConfig::build`].
    fn build_inference<B: Backend>(
        &self,
        io: Io,
        rng: &mut InitRng,
        device: &B::Device,
    ) -> Result<InferenceModel<Self, B>> {
        Ok(self.build::<Autodiff<B>>(io, rng, device)?.valid())
    }

    /// Trainable scalars of a valid configuration, counted from the model itself.
    fn num_params(&self, io: Io) -> usize {
        num_params(self, io)
    }

    /// The same model at another width, which [`ModelConfig::fit_budget`] chooses: its parameter `d_model`, if it has one.
    fn with_width(&self, width: usize) -> Self {
        let mut params = to_params(self);
        if let Some(d_model) = params.get_mut("d_model") {
            *d_model = width.into();
        }
        serde_json::from_value(params.into()).expect("finite parameters can be read as they are written")
    }

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

    /// The widest model of this family with at most `budget` parameters, or the narrowest valid one if none fits. Counts
    /// must not fall as the width grows; widths are tried up to 65,536, over gaps of up to 4,096 that are not valid.
    fn fit_budget(&self, budget: usize, io: Io) -> Self {
        let next = |least: usize| {
            let widths = (least..=1 << 16).take(4096).map(|width| (width, self.with_width(width)));
            widths.into_iter().find(|(_, config)| config.validate(io).is_ok())
        };
        let fits = |(_, config): &(usize, Self)| config.num_params(io) <= budget;
        let Some((mut width, mut best)) = next(1) else { return self.clone() };
        // Longer and longer steps while they fit, then shorter and shorter ones.
        let (mut step, mut growing) = (1, true);
        while step > 0 {
            match next(width + step).filter(fits) {
                Some(wider) => (width, best) = wider,
                None => growing = false,
            }
            step = if growing { 2 * step } else { step / 2 };
        }
        best
    }
}

/// Checks an optional number, whose NaN the check of ranges takes for null.
pub(crate) fn check_finite(field: &str, value: Option<f64>) -> Result<()> {
    match value.filter(|value| !value.is_finite()) {
        Some(value) => Err(Error::invalid(field, value, "a finite number or null")),
        None => Ok(()),
    }
}

/// Checks the end `high` of a range against its other end.
pub(crate) fn check_above(high: &str, value: f64, low: &str, least: f64) -> Result<()> {
    if value > least {
        return Ok(());
    }
    Err(Error::invalid(high, value, format!("greater than `{low}`, which is {least}")))
}

/// Checks the number of real states of a model whose states are conjugate pairs.
pub(crate) fn check_pairs(d_state: usize) -> Result<()> {
    if d_state.is_multiple_of(2) {
        return Ok(());
    }
    Err(Error::invalid("d_state", d_state, "an even whole number from 2 up"))
}

/// The trainable scalars of a model; each configuration is built once.
fn num_params<C: ModelConfig>(config: &C, io: Io) -> usize {
    /// The configuration's type and values, and the shape.
    type Key = (TypeId, String, Io);
    static COUNTS: Mutex<Option<HashMap<Key, usize>>> = Mutex::new(None);
    let counts = || COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let key: Key = (TypeId::of::<C>(), serde_json::to_string(config).expect("a configuration is plain data"), io);
    if let Some(count) = counts().get_or_insert_default().get(&key) {
        return *count;
    }
    let count = config.init::<Meta>(io, &mut init::rng(0), &Nowhere).num_params();
    counts().get_or_insert_default().insert(key, count);
    count
}
