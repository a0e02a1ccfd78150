//! The models of a program: those of `lookback-models` and whatever a user adds.

use std::marker::PhantomData;

use burn::tensor::backend::AutodiffBackend;
use lookback_models::{Io, ModelConfig, ModelInfo, init};
use lookback_registry::{Field, Params, Result, fields, parse, to_params, unknown_name};

use crate::backend::{BuildEverywhere, Request};
use crate::trainee::{Trained, Trainee};

/// What is known of a model with given parameters before it is built.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ModelFacts {
    /// Trainable scalars.
    pub num_params: usize,
    /// Whether output t depends on inputs up to t only.
    pub causal: bool,
    /// Receptive field in time steps, where it is finite.
    pub window: Option<usize>,
    /// Real states in all, for a linear time-invariant model.
    pub lti_states: Option<usize>,
}

/// A model of the list, its type erased.
pub trait AnyModel: BuildEverywhere + Send + Sync {
    /// Name, title, summary, source.
    fn info(&self) -> ModelInfo;

    /// Parameters with documentation and defaults.
    fn fields(&self) -> Vec<Field>;

    /// All parameters, defaults filled in.
    ///
    /// # Errors
    /// Unknown or mistyped parameters.
    fn resolve(&self, params: &Params) -> Result<Params>;

    /// Checks the parameters for a task's shape and says what is known of the model.
    ///
    /// # Errors
    /// Invalid parameters.
    fn facts(&self, params: &Params, io: Io) -> Result<ModelFacts>;

    /// The parameters of the widest such model with at most `budget` trainable scalars.
    ///
    /// # Errors
    /// Unknown or mistyped parameters.
    fn fit_budget(&self, params: &Params, budget: usize, io: Io) -> Result<Params>;
}

/// The list's entry for the configuration `C`.
pub struct Entry<C>(PhantomData<fn() -> C>);

impl<C: ModelConfig> Entry<C> {
    fn config(&self, params: &Params, io: Io) -> Result<C> {
        let name = C::INFO.name;
        let config: C = parse(&format!("model `{name}`"), params)?;
        config.validate(io).map_err(|error| error.context(format!("The model `{name}` cannot be built")))?;
        Ok(config)
    }

    pub(crate) fn build<B: AutodiffBackend>(
        &self,
        request: Request<'_>,
        device: &B::Device,
    ) -> Result<Box<dyn Trainee<B>>> {
        let config = self.config(request.params, request.io)?;
        let model = config.build::<B>(request.io, &mut init::rng(request.seed), device);
        Ok(Box::new(Trained::new(model, request.training, device.clone())))
    }
}

impl<C: ModelConfig> AnyModel for Entry<C> {
    fn info(&self) -> ModelInfo {
        C::INFO
    }

    fn fields(&self) -> Vec<Field> {
        fields::<C>()
    }

    fn resolve(&self, params: &Params) -> Result<Params> {
        Ok(to_params(&parse::<C>(&format!("model `{}`", C::INFO.name), params)?))
    }

    fn facts(&self, params: &Params, io: Io) -> Result<ModelFacts> {
        let config = self.config(params, io)?;
        Ok(ModelFacts {
            num_params: config.num_params(io),
            causal: config.causal(),
            window: config.window(),
            lti_states: config.lti_states(),
        })
    }

    fn fit_budget(&self, params: &Params, budget: usize, io: Io) -> Result<Params> {
        let config: C = parse(&format!("model `{}`", C::INFO.name), params)?;
        Ok(to_params(&config.fit_budget(budget, io)))
    }
}

/// The models by name.
pub struct Models {
    entries: Vec<Box<dyn AnyModel>>,
}

impl Default for Models {
    /// All models of `lookback-models`.
    fn default() -> Self {
        let mut models = Self { entries: Vec::new() };
        macro_rules! add_all {
            ($($config:ty),* $(,)?) => { $( models = models.with::<$config>(); )* };
        }
        lookback_models::with_models!(add_all);
        models
    }
}

impl Models {
    /// Adds a model, which may replace one of the same name.
    #[must_use]
    pub fn with<C: ModelConfig>(mut self) -> Self {
        self.entries.retain(|entry| entry.info().name != C::INFO.name);
        self.entries.push(Box::new(Entry::<C>(PhantomData)));
        self
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn AnyModel> {
        self.entries.iter().map(AsRef::as_ref)
    }

    /// The model named `name`.
    ///
    /// # Errors
    /// The name is unknown: lists the known ones, nearest first.
    pub fn get(&self, name: &str) -> Result<&dyn AnyModel> {
        self.iter()
            .find(|entry| entry.info().name == name)
            .ok_or_else(|| unknown_name("model", name, self.iter().map(|entry| entry.info().name)))
    }
}
