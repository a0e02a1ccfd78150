//! The models of a program: those of `lookback-models` and whatever a user adds.

use std::marker::PhantomData;

use burn::tensor::backend::AutodiffBackend;
use lookback_models::{Catalogue, ModelConfig, ModelEntry, configure, init};
use lookback_registry::Result;

use crate::backends::{BuildEverywhere, Request};
use crate::learner::state::{ModelState, TrainState};

/// Builds the models of the configuration `C`.
pub struct Builder<C>(PhantomData<fn() -> C>);

impl<C: ModelConfig> Builder<C> {
    pub(crate) fn build<B: AutodiffBackend>(
        &self,
        request: Request<'_>,
        device: &B::Device,
    ) -> Result<Box<dyn TrainState<B>>> {
        let config: C = configure(request.params, request.io)?;
        let model = config.build::<B>(request.io, &mut init::rng(request.seed), device);
        Ok(Box::new(ModelState::new(model, request.training)))
    }
}

/// The models by name: what is known of each, and how it is built on every backend.
pub struct Models {
    catalogue: Catalogue,
    builders: Vec<(&'static str, Box<dyn BuildEverywhere + Send + Sync>)>,
}

impl Default for Models {
    /// All models of `lookback-models`.
    fn default() -> Self {
        let mut models = Self { catalogue: Catalogue::default(), builders: Vec::new() };
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
        self.builders.retain(|(name, _)| *name != C::INFO.name);
        self.catalogue.add(ModelEntry::of::<C>());
        self.builders.push((C::INFO.name, Box::new(Builder::<C>(PhantomData))));
        self
    }

    /// What is known of them without a backend.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What builds the model named `name`.
    ///
    /// # Errors
    /// The name is unknown: lists the known ones, nearest first.
    pub(crate) fn builder(&self, name: &str) -> Result<&dyn BuildEverywhere> {
        let name = self.catalogue.get(name)?.info.name;
        let (_, builder) =
            self.builders.iter().find(|(known, _)| *known == name).expect("every model of the catalogue has a builder");
        Ok(builder.as_ref())
    }
}
