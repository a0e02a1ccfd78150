//! What a run is: plain data with a content hash as its identity.

use std::collections::BTreeMap;

use lookback_registry::{Error, ErrorKind, Params, Result, check};
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
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::caused(ErrorKind::Corrupt, "The spec is not valid JSON", error))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(SPEC_VERSION) => {}
            Some(version) => {
                let message =
                    format!("The spec has version {version}, but this build of lookback reads version {SPEC_VERSION}.");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            None => {
                return Err(Error::new(ErrorKind::Corrupt, "The spec has no `version`; this is not a lookback spec."));
            }
        }
        serde_json::from_value(value)
            .map_err(|error| Error::caused(ErrorKind::InvalidValue, "The spec cannot be read", error))
    }

    /// The spec as JSON with sorted keys: the same bytes for the same spec, in every program.
    pub fn to_json(&self) -> String {
        let value = serde_json::to_value(self).expect("a spec serialises");
        serde_json::to_string_pretty(&sorted(value)).expect("a value serialises")
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

/// The value with the keys of all maps in order. serde_json sorts them by itself, unless another crate of the program
/// switches on its feature `preserve_order`.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries: BTreeMap<String, Value> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
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
    #[schemars(range(min = 1))]
    pub steps: usize,
    /// Sequences per step.
    #[schemars(range(min = 1))]
    pub batch_size: usize,
    /// The update rule.
    pub optimizer: Optimizer,
    /// Peak learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub learning_rate: f64,
    /// Decay of the first moment (Adam, AdamW), or momentum (SGD).
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub beta_1: f64,
    /// Decay of the second moment (Adam, AdamW).
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub beta_2: f64,
    /// Added to the denominator (Adam, AdamW).
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub epsilon: f64,
    /// Weight decay: decoupled in AdamW, added to the gradient in Adam and SGD.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// The gradient's largest Euclidean norm over all parameters together; no clipping where absent.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub clip_norm: Option<f64>,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Steps of linear warm-up from 0.
    pub warmup_steps: usize,
    /// Where the cosine ends and the plateau schedule stops falling.
    #[schemars(range(min = 0.0))]
    pub final_learning_rate: f64,
    /// The plateau schedule's factor.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub plateau_factor: f64,
    /// Evaluations without improvement before the plateau schedule acts.
    pub plateau_patience: usize,
    /// Steps between evaluations; the last step is always evaluated.
    #[schemars(range(min = 1))]
    pub eval_every: usize,
    /// Validation samples that evaluations before the last look at, the first of the split; all of them where absent.
    /// The last always takes all.
    #[schemars(range(min = 1))]
    pub eval_samples: Option<usize>,
    /// Ends the run once the validation metric is below this.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub stop_below: Option<f64>,
    /// Ends the run after this many evaluations without improvement.
    pub stop_patience: Option<usize>,
    /// Which parameters weight decay acts on.
    pub decay: Decay,
    /// Evaluates an exponential moving average of the weights, which keeps this share at each update (less in the first
    /// updates); the weights themselves where absent.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub ema_decay: Option<f64>,
    /// Parts of a batch whose gradients are computed one after the other and added up: less memory.
    #[schemars(range(min = 1))]
    pub accumulation: usize,
    /// The numbers of matrix products in training.
    pub precision: Precision,
    /// After each update every parameter is cut off at this absolute value (projected gradient descent); not where absent.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub max_weight: Option<f64>,
}

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
        check(self)?;
        // As JSON, which `check` looks at, NaN and infinity in an option are null, as if it were absent.
        for (field, value) in [
            ("clip_norm", self.clip_norm),
            ("stop_below", self.stop_below),
            ("ema_decay", self.ema_decay),
            ("max_weight", self.max_weight),
        ] {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(Error::invalid(field, value, "a finite number, or null"));
            }
        }
        if self.accumulation > self.batch_size {
            let valid = format!("at most `batch_size`, {}", self.batch_size);
            return Err(Error::invalid("accumulation", self.accumulation, valid));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_keeps_its_identity_and_every_field_counts() {
        let named = |name: &str| Named { name: name.to_owned(), params: Params::new() };
        let training = TrainingConfig::default();
        let spec = RunSpec { version: 1, task: named("memory"), model: named("gru"), training, seed: 0 };
        // Changes with the fields of a spec and their defaults: then no run of before is found again.
        assert_eq!(spec.id(), "b76893339c6878ef");
        let mut other = spec.clone();
        other.training.accumulation = 2;
        assert_ne!(other.id(), spec.id());
        other.training.max_weight = Some(2.0);
        for spec in [spec, other] {
            assert_eq!(RunSpec::from_json(&spec.to_json()).unwrap(), spec);
        }
    }

    #[test]
    fn the_order_of_keys_does_not_count() {
        let params = |keys: [&str; 3]| -> Params {
            keys.into_iter().map(|key| (key.to_owned(), serde_json::json!([{key: key.len(), "a": 1}]))).collect()
        };
        let spec = |keys| RunSpec {
            version: 1,
            task: Named { name: "memory".to_owned(), params: params(keys) },
            model: Named::new("gru", serde_json::json!({})),
            training: TrainingConfig::default(),
            seed: 0,
        };
        let (one, other) = (spec(["length", "function", "alpha"]), spec(["alpha", "length", "function"]));
        assert_eq!((one.to_json(), one.id()), (other.to_json(), other.id()));
        let json = one.to_json();
        let places = [
            "\"model\"",
            "\"seed\"",
            "\"task\"",
            "\"alpha\"",
            "\"function\"",
            "\"length\"",
            "\"training\"",
            "\"version\"",
        ];
        let places: Vec<_> = places.into_iter().map(|key| json.find(key)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{json}");
    }

    #[test]
    fn fields_out_of_range_are_errors() {
        let of = |change: fn(&mut TrainingConfig)| {
            let mut training = TrainingConfig::default();
            change(&mut training);
            training.validate().unwrap_err()
        };
        for (error, field, valid) in [
            (of(|training| training.steps = 0), "steps", "a whole number from 1 up"),
            (of(|training| training.eval_samples = Some(0)), "eval_samples", "a whole number from 1 up, or null"),
            (of(|training| training.learning_rate = 0.0), "learning_rate", "a finite number greater than 0"),
            (of(|training| training.epsilon = f64::NAN), "epsilon", "a finite number greater than 0"),
            (of(|training| training.beta_2 = 1.0), "beta_2", "in [0, 1)"),
            (of(|training| training.weight_decay = -1.0), "weight_decay", "a finite number from 0 up"),
            (of(|training| training.plateau_factor = 1.0), "plateau_factor", "in (0, 1)"),
            (of(|training| training.ema_decay = Some(0.0)), "ema_decay", "in (0, 1), or null"),
            (of(|training| training.max_weight = Some(0.0)), "max_weight", "a finite number greater than 0, or null"),
            (of(|training| training.clip_norm = Some(f64::INFINITY)), "clip_norm", "a finite number, or null"),
            (of(|training| training.accumulation = 33), "accumulation", "at most `batch_size`, 32"),
        ] {
            assert_eq!(
                (error.kind(), error.what(), error.valid()),
                (ErrorKind::InvalidValue, Some(field), Some(valid))
            );
        }
    }

    #[test]
    fn what_is_no_spec_is_an_error() {
        for (text, kind) in [
            ("{", ErrorKind::Corrupt),
            ("{}", ErrorKind::Corrupt),
            (r#"{"version": 2}"#, ErrorKind::Unsupported),
            (r#"{"version": 1}"#, ErrorKind::InvalidValue),
        ] {
            assert_eq!(RunSpec::from_json(text).unwrap_err().kind(), kind, "{text}");
        }
    }
}
