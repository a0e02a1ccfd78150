//! What suites ask of the models' registry, by name and without a backend.

use lookback_models::{Io, ModelConfig, with_models};
use lookback_registry::{Params, Result, parse, to_params, unknown_name};

use crate::spec::Named;

/// What is known of a model once its parameters and the shape of its task are.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFacts {
    /// All parameters, defaults filled in.
    pub params: Params,
    /// Trainable scalars.
    pub num_params: usize,
    /// The receptive field in time steps, where the model cannot see further back.
    pub window: Option<usize>,
    /// Real states in all, where the model is linear and time-invariant.
    pub lti_states: Option<usize>,
}

struct Entry {
    name: &'static str,
    facts: fn(&Params, Io) -> Result<ModelFacts>,
    at_budget: fn(&Params, usize, Io) -> Result<Params>,
}

fn read<C: ModelConfig>(params: &Params, io: Io) -> Result<C> {
    let config: C = parse(&format!("model `{}`", C::INFO.name), params)?;
    config.validate(io)?;
    Ok(config)
}

fn facts_of<C: ModelConfig>(params: &Params, io: Io) -> Result<ModelFacts> {
    let config: C = read(params, io)?;
    Ok(ModelFacts {
        params: to_params(&config),
        num_params: config.num_params(io),
        window: config.window(),
        lti_states: config.lti_states(),
    })
}

fn at_budget_of<C: ModelConfig>(params: &Params, budget: usize, io: Io) -> Result<Params> {
    let config: C = read(params, io)?;
    Ok(to_params(&config.fit_budget(budget, io)))
}

macro_rules! entries {
    ($($config:ty),* $(,)?) => {
        [$(Entry {
            name: <$config as ModelConfig>::INFO.name,
            facts: facts_of::<$config>,
            at_budget: at_budget_of::<$config>,
        }),*]
    };
}

fn entry(name: &str) -> Result<Entry> {
    let all = with_models!(entries);
    let names = all.each_ref().map(|entry| entry.name);
    all.into_iter().find(|entry| entry.name == name).ok_or_else(|| unknown_name("model", name, names))
}

/// Resolves, checks and counts a model.
///
/// # Errors
/// The name or a parameter is unknown, or a value is not valid for this shape.
pub fn facts(model: &Named, io: Io) -> Result<ModelFacts> {
    (entry(&model.name)?.facts)(&model.params, io)
}

/// All parameters of the widest model of the same family with at most `budget` trainable scalars, or of the
/// narrowest valid one where none fits.
///
/// # Errors
/// As [`facts`].
pub fn at_budget(model: &Named, budget: usize, io: Io) -> Result<Params> {
    (entry(&model.name)?.at_budget)(&model.params, budget, io)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IO: Io = Io { d_input: 1, d_output: 1, length: 128 };

    fn named(name: &str, params: serde_json::Value) -> Named {
        Named { name: name.into(), params: params.as_object().unwrap().clone() }
    }

    #[test]
    fn models_are_resolved_and_counted() {
        let facts = facts(&named("linear-rnn", serde_json::json!({"d_model": 4})), IO).unwrap();
        assert_eq!((facts.num_params, facts.lti_states, facts.window), (8 + 32 + 5, Some(4), None));
        assert!(facts.params.contains_key("n_layers"));
        let params = at_budget(&named("linear-rnn", serde_json::json!({})), 45, IO).unwrap();
        assert_eq!(params["d_model"], 4);
    }

    #[test]
    fn bad_models_are_errors() {
        let unknown = facts(&named("linear-rn", serde_json::json!({})), IO).unwrap_err().to_string();
        assert!(unknown.starts_with("There is no model named `linear-rn`. Did you mean `linear-rnn`?"), "{unknown}");
        let zero = facts(&named("linear-rnn", serde_json::json!({"d_model": 0})), IO).unwrap_err();
        assert_eq!(zero.to_string(), "`d_model` is 0, but it must be a whole number from 1 up.");
    }
}
