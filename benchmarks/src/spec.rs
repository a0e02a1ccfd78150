//! What a run is: plain data with a content hash as its identity.

use lookback_registry::{Error, ErrorKind, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The version of the spec format that this build writes, and the newest that it reads.
pub const SPEC_VERSION: u32 = 1;

/// A registry entry by name, with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name in its registry.
    pub name: String,
    /// Parameters by name; what is absent takes its default.
    #[serde(default)]
    pub params: Params,
}

impl Named {
    /// An entry with the parameters that differ from their defaults.
    ///
    /// # Panics
    /// `params` is not a JSON object.
    pub fn new(name: &str, params: Value) -> Self {
        let Value::Object(params) = params else { panic!("the parameters of `{name}` are an object, not {params}") };
        Self { name: name.to_owned(), params }
    }
}

/// Everything that determines the numbers of one run on one backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// The version of this format; see [`SPEC_VERSION`].
    pub version: u32,
    /// The task: data and objective.
    pub task: Named,
    /// The model.
    pub model: Named,
    /// How it is trained.
    pub training: TrainingConfig,
    /// Seeds the initial weights, the training data and its order.
    pub seed: u64,
}

impl RunSpec {
    /// Reads a spec file.
    ///
    /// # Errors
    /// Malformed JSON, unknown fields, or a version newer than [`SPEC_VERSION`].
    pub fn from_json(text: &str) -> Result<Self> {
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| Error::caused(ErrorKind::InvalidValue, "The spec is not valid JSON", error))?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(SPEC_VERSION) => {}
            Some(version) => {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    format!("The spec has version {version}, but this build of lookback reads version {SPEC_VERSION}."),
                ));
            }
            None => {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    "The spec has no `version`; this is not a lookback spec.",
                ));
            }
        }
        serde_json::from_value(value)
            .map_err(|error| Error::caused(ErrorKind::InvalidValue, "The spec cannot be read", error))
    }

    /// The spec as JSON with sorted keys: the same bytes for the same spec.
    pub fn to_json(&self) -> String {
        // `Value`'s maps are sorted by key.
        let mut value = serde_json::to_value(self).expect("a spec serialises");
        let defaults = serde_json::to_value(TrainingConfig::default()).expect("a configuration serialises");
        if let Some(training) = value["training"].as_object_mut() {
            training.retain(|name, value| !ADDED.contains(&name.as_str()) || *value != defaults[name]);
        }
        serde_json::to_string_pretty(&value).expect("a value serialises")
    }

    /// The identity of the run: the first 16 hexadecimal digits of the SHA-256 of [`RunSpec::to_json`].
    ///
    /// Two specs that differ only in which defaults they spell out have different identities; resolve
    /// parameters first (registries do).
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.to_json());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019, <https://arxiv.org/abs/1711.05101>).
    AdamW,
    /// Adam (Kingma and Ba, 2015, <https://arxiv.org/abs/1412.6980>).
    Adam,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

/// Which parameters weight decay acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// All of them.
    #[default]
    All,
    /// The weights of linear maps and convolutions: no biases, norms, positions or tokens.
    Weights,
}

/// The numbers of matrix products in training. Everything else is in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    Single,
    /// Half precision (IEEE 754), with the loss scaled by 1024 in the backward pass.
    Half,
    /// bfloat16: the range of single precision at 8 bits.
    Bfloat16,
}

/// How the learning rate moves after warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Stays at `learning_rate`.
    Constant,
    /// Falls to `final_learning_rate` along half a cosine over `steps`.
    Cosine,
    /// Is multiplied by `plateau_factor` when the validation metric has not improved for
    /// `plateau_patience` evaluations, down to `final_learning_rate`.
    Plateau,
}

/// How a run is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Update steps.
    pub steps: usize,
    /// Sequences per step.
    pub batch_size: usize,
    /// The update rule.
    pub optimizer: Optimizer,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment (Adam, AdamW), or momentum (SGD).
    pub beta_1: f64,
    /// Decay of the second moment (Adam, AdamW).
    pub beta_2: f64,
    /// Added to the denominator (Adam, AdamW).
    pub epsilon: f64,
    /// Weight decay: decoupled in AdamW, added to the gradient in Adam and SGD.
    pub weight_decay: f64,
    /// The gradient's largest Euclidean norm over all parameters together; no clipping where absent.
    pub clip_norm: Option<f64>,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Steps of linear warm-up from 0.
    pub warmup_steps: usize,
    /// Where the cosine ends and the plateau schedule stops falling.
    pub final_learning_rate: f64,
    /// The plateau schedule's factor, in (0, 1).
    pub plateau_factor: f64,
    /// Evaluations without improvement before the plateau schedule acts.
    pub plateau_patience: usize,
    /// Steps between evaluations; the last step is always evaluated.
    pub eval_every: usize,
    /// Validation samples that evaluations before the last look at, the first of the split; all of them where absent.
    /// The last always takes all.
    pub eval_samples: Option<usize>,
    /// Ends the run once the validation metric is below this.
    pub stop_below: Option<f64>,
    /// Ends the run after this many evaluations without improvement.
    pub stop_patience: Option<usize>,
    /// Which parameters weight decay acts on.
    pub decay: Decay,
    /// Evaluates an exponential moving average of the weights, which keeps this share at each update, in (0, 1) (less in
    /// the first updates); the weights themselves where absent.
    pub ema_decay: Option<f64>,
    /// Parts of a batch whose gradients are computed one after the other and added up, from 1 up: less memory.
    pub accumulation: usize,
    /// The numbers of matrix products in training.
    pub precision: Precision,
    /// After each update every parameter is cut off at this absolute value (projected gradient descent); not where absent.
    pub max_weight: Option<f64>,
}

/// Fields that earlier versions did not have: they stand in a spec only where they differ from their defaults, so that
/// runs of those versions keep their identity.
const ADDED: [&str; 5] = ["accumulation", "decay", "ema_decay", "max_weight", "precision"];

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            steps: 1000,
            batch_size: 32,
            optimizer: Optimizer::AdamW,
            learning_rate: 3e-3,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_norm: Some(1.0),
            schedule: Schedule::Cosine,
            warmup_steps: 0,
            final_learning_rate: 1e-5,
            plateau_factor: 0.5,
            plateau_patience: 5,
            eval_every: 100,
            eval_samples: None,
            stop_below: None,
            stop_patience: None,
            decay: Decay::default(),
            ema_decay: None,
            accumulation: 1,
            precision: Precision::default(),
            max_weight: None,
        }
    }
}

impl TrainingConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        let positive = |field, value: f64, ok: bool| {
            if ok && value.is_finite() {
                Ok(())
            } else {
                Err(Error::invalid(field, value, "a finite number greater than 0"))
            }
        };
        for (field, value) in [
            ("steps", self.steps),
            ("batch_size", self.batch_size),
            ("eval_every", self.eval_every),
            ("accumulation", self.accumulation),
        ] {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1 up"));
            }
        }
        if self.eval_samples == Some(0) {
            return Err(Error::invalid("eval_samples", 0, "a whole number from 1 up, or null"));
        }
        positive("learning_rate", self.learning_rate, self.learning_rate > 0.0)?;
        positive("epsilon", self.epsilon, self.epsilon > 0.0)?;
        for (field, value) in [("beta_1", self.beta_1), ("beta_2", self.beta_2)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::invalid(field, value, "in [0, 1)"));
            }
        }
        for (field, value) in [("weight_decay", self.weight_decay), ("final_learning_rate", self.final_learning_rate)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::invalid(field, value, "a finite number from 0 up"));
            }
        }
        if self.accumulation > self.batch_size {
            let valid = format!("at most `batch_size`, {}", self.batch_size);
            return Err(Error::invalid("accumulation", self.accumulation, valid));
        }
        if let Some(decay) = self.ema_decay.filter(|decay| !(*decay > 0.0 && *decay < 1.0)) {
            return Err(Error::invalid("ema_decay", decay, "in (0, 1), or null"));
        }
        if !(self.plateau_factor > 0.0 && self.plateau_factor < 1.0) {
            return Err(Error::invalid("plateau_factor", self.plateau_factor, "in (0, 1)"));
        }
        if let Some(norm) = self.clip_norm {
            positive("clip_norm", norm, norm > 0.0)?;
        }
        if let Some(most) = self.max_weight {
            positive("max_weight", most, most > 0.0)?;
        }
        if let Some(target) = self.stop_below {
            positive("stop_below", target, target > 0.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_later_versions_change_the_identity_only_where_they_are_used() {
        let named = |name: &str| Named { name: name.to_owned(), params: Params::new() };
        let training = TrainingConfig::default();
        let spec = RunSpec { version: 1, task: named("memory"), model: named("gru"), training, seed: 0 };
        // The identity that the first version gave.
        assert_eq!(spec.id(), "cea84b3573e3974e");
        let mut other = spec.clone();
        other.training.accumulation = 2;
        assert_ne!(other.id(), spec.id());
        other.training.max_weight = Some(2.0);
        for spec in [spec, other] {
            assert_eq!(RunSpec::from_json(&spec.to_json()).unwrap(), spec);
        }
    }

    #[test]
    fn a_bound_of_weights_is_positive() {
        let training = TrainingConfig { max_weight: Some(0.0), ..TrainingConfig::default() };
        assert_eq!(
            training.validate().unwrap_err().to_string(),
            "`max_weight` is 0, but it must be a finite number greater than 0."
        );
    }
}
