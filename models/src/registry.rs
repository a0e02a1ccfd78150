//! The list of models, and what can be asked of a model by its name, without a backend.

use lookback_registry::{Entry, Field, Params, Registry, Result, fields, parse, to_params};

use crate::model::{Io, ModelConfig, ModelInfo};

/// Hands the list of all model configurations to a macro: `with_models!(callback)` expands to
/// `callback! { path::Config, path::Config, ... }`. Adding a model is one file, its `mod` line, and one line here.
#[macro_export]
macro_rules! with_models {
    ($callback:ident) => {
        $callback! {
            $crate::linear_rnn::LinearRnnConfig,
            $crate::tanh_rnn::TanhRnnConfig,
            $crate::lstm::LstmConfig,
            $crate::gru::GruConfig,
            $crate::s4d::S4dConfig,
            $crate::diagonal_ssm::DiagonalSsmConfig,
            $crate::lru::LruConfig,
            $crate::deep_ssm::DeepSsmConfig,
            $crate::tcn::TcnConfig,
            $crate::transformer::TransformerConfig,
            $crate::pointwise_attention::PointwiseAttentionConfig,
            $crate::vit::VitConfig,
            $crate::class_attention::ClassAttentionConfig,
            $crate::rpe_transformer::RpeTransformerConfig,
        }
    };
}

/// Properties of a model with given parameters, for a task of a given shape.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFacts {
    /// All parameters, defaults filled in.
    pub params: Params,
    /// Trainable scalars.
    pub num_params: usize,
    /// Whether output t depends on inputs up to t only.
    pub causal: bool,
    /// The receptive field in time steps, of a model that cannot see further back.
    pub window: Option<usize>,
    /// Real states in all, of a linear and time-invariant model.
    pub lti_states: Option<usize>,
    /// Whether no state can grow by itself, whatever the weights.
    pub stable: bool,
}

/// One line of [`MODELS`].
#[derive(Debug, Clone, Copy)]
pub struct ModelEntry {
    /// Name, title, summary, source.
    pub info: ModelInfo,
    /// Parameters with documentation and defaults.
    pub fields: fn() -> Vec<Field>,
    /// The shape that the model is shown with where no task is given.
    pub example_io: fn() -> Io,
    facts: fn(&Params, Io) -> Result<ModelFacts>,
    at_budget: fn(&Params, usize, Io) -> Result<Params>,
}

impl ModelEntry {
    /// The line of the configuration `C`.
    pub fn of<C: ModelConfig>() -> Self {
        Self {
            info: C::INFO,
            fields: fields::<C>,
            example_io: C::example_io,
            facts: facts_of::<C>,
            at_budget: at_budget_of::<C>,
        }
    }

    /// Resolves, checks and counts a model.
    ///
    /// # Errors
    /// A parameter is unknown, or a value is not valid for this shape.
    pub fn facts(&self, params: &Params, io: Io) -> Result<ModelFacts> {
        (self.facts)(params, io)
    }

    /// All parameters of the widest model of the same family with at most `budget` trainable scalars, or of the
    /// narrowest valid one if none fits.
    ///
    /// # Errors
    /// As [`ModelEntry::facts`].
    pub fn at_budget(&self, params: &Params, budget: usize, io: Io) -> Result<Params> {
        (self.at_budget)(params, budget, io)
    }
}

/// The configuration that `params` describe, checked for a task's shape.
///
/// # Errors
/// A parameter is unknown, or a value is not valid for this shape.
pub fn configure<C: ModelConfig>(params: &Params, io: Io) -> Result<C> {
    let name = C::INFO.name;
    let config: C = parse(&format!("the model `{name}`"), params)?;
    config.constraints(io).map_err(|error| error.context(format!("The model `{name}` cannot be built")))?;
    Ok(config)
}

fn facts_of<C: ModelConfig>(params: &Params, io: Io) -> Result<ModelFacts> {
    let config: C = configure(params, io)?;
    Ok(ModelFacts {
        params: to_params(&config),
        num_params: config.num_params(io),
        causal: config.causal(),
        window: config.window(),
        lti_states: config.lti_states(),
        stable: config.stable(),
    })
}

fn at_budget_of<C: ModelConfig>(params: &Params, budget: usize, io: Io) -> Result<Params> {
    let config: C = configure(params, io)?;
    Ok(to_params(&config.fit_budget(budget, io)))
}

impl Entry for ModelEntry {
    const KIND: &'static str = "model";

    fn name(&self) -> &str {
        self.info.name
    }
}

/// The list of models.
pub static MODELS: Registry<ModelEntry> = Registry::new(|| {
    macro_rules! entries {
        ($($config:ty),* $(,)?) => { vec![$(ModelEntry::of::<$config>()),*] };
    }
    with_models!(entries)
});

#[cfg(test)]
mod tests {
    use super::*;

    const IO: Io = Io::sequence(1, 1, 128);

    fn params(value: serde_json::Value) -> Params {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn models_are_resolved_and_counted() {
        let linear_rnn = MODELS.get("linear-rnn").unwrap();
        let facts = linear_rnn.facts(&params(serde_json::json!({"d_model": 4})), IO).unwrap();
        assert_eq!((facts.num_params, facts.lti_states, facts.window), (8 + 32 + 5, Some(4), None));
        assert!(facts.params.contains_key("n_layers"));
        let params = linear_rnn.at_budget(&Params::new(), 45, IO).unwrap();
        assert_eq!(params["d_model"], 4);
    }

    #[test]
    fn bad_models_are_errors() {
        let unknown = MODELS.get("linear-rn").unwrap_err().to_string();
        assert!(unknown.starts_with("There is no model named `linear-rn`. Did you mean `linear-rnn`?"), "{unknown}");
        let gru = MODELS.get("gru").unwrap();
        let zero = gru.facts(&params(serde_json::json!({"d_model": 0})), IO).unwrap_err();
        assert_eq!((zero.what(), zero.valid()), (Some("d_model"), Some("a whole number from 1 up")));
        let negative = gru.facts(&params(serde_json::json!({"d_model": -3})), IO).unwrap_err();
        assert!(negative.chain().contains("-3"), "{}", negative.chain());
    }
}
