//! Task `sparse-memory`: one target per sequence of signs, a function of few inputs far back, or a weighted sum of all.
//!
//! Task `memory` cannot stand in for the weighted sum: it asks for an output at every step, and the weights of an attention
//! head are normalised anew at each, so that no head is one memory function at all of them.

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, Functional, Sample, SparseDataset, Split, memory_function, memory_function_entry};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::{mean_squared_error, squared_errors};
use crate::task::{Metrics, Objective, Task, TaskInfo, TaskKind};

/// What is asked of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SparseTarget {
    /// The sum of the inputs at `lags`.
    #[default]
    Sum,
    /// A sum of ReLUs of random combinations of the inputs at `lags`.
    Relu,
    /// All inputs, weighted by a memory function.
    Memory,
}

/// The parameters of task `sparse-memory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SparseTaskConfig {
    /// sum (of the inputs at `lags`), relu (`sum_k ReLU(<w_k, inputs at lags>)`) or memory (`sum_s rho(s) x(T-1-s)`).
    pub target: SparseTarget,
    /// How many steps before the last one the inputs stand that matter for sum and relu; 0 is the last.
    pub lags: Vec<usize>,
    /// Number of ReLUs, from 1 up.
    pub terms: usize,
    /// Seeds the weights `w_k ~ N(0, I)`, which all runs share.
    pub target_seed: u64,
    /// The name of the memory function of target memory.
    pub function: String,
    /// Parameters of the memory function by name; what is absent takes its default.
    pub function_params: Params,
    /// Time steps of a sequence, more than every lag.
    pub length: usize,
    /// Sequences of the training split, from 1 up; without effect where `stream` is true.
    pub train_samples: usize,
    /// Sequences of the validation split, from 1 up.
    pub valid_samples: usize,
    /// Whether training sequences are an endless stream, in which none comes twice, instead of a fixed set.
    pub stream: bool,
    /// Seeds the validation split, which all runs share; the training split has the seed of its run.
    pub data_seed: u64,
}

impl Default for SparseTaskConfig {
    fn default() -> Self {
        Self {
            target: SparseTarget::default(),
            lags: vec![48, 56, 99],
            terms: 64,
            target_seed: 0,
            function: "polynomial".into(),
            function_params: Params::new(),
            length: 1000,
            train_samples: 4096,
            valid_samples: 1024,
            stream: true,
            data_seed: 0,
        }
    }
}

impl SparseTaskConfig {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// An unknown name, a value of the wrong type or out of range, or a memory function that does not fit `length`.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `sparse-memory`", params)?;
        let counts =
            [("terms", config.terms), ("train_samples", config.train_samples), ("valid_samples", config.valid_samples)];
        for (field, value) in counts {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1 up"));
            }
        }
        if config.lags.is_empty() {
            return Err(Error::invalid("lags", "[]", "a list of at least one lag"));
        }
        config.dataset(Split::valid(0, 1))?;
        Ok(config)
    }

    fn functional(&self) -> Result<Functional> {
        Ok(match self.target {
            SparseTarget::Sum => Functional::sum(&self.lags),
            SparseTarget::Relu => Functional::relu(self.lags.clone(), self.terms, self.target_seed),
            SparseTarget::Memory => {
                Functional::Linear(memory_function(&self.function, &self.function_params)?.memory(self.length)?)
            }
        })
    }

    fn dataset(&self, split: Split) -> Result<SparseDataset> {
        SparseDataset::new(self.functional()?, self.length, split)
    }

    /// The weight of each lag where the target is a weighted sum, lag 0 first.
    ///
    /// # Errors
    /// As [`SparseTaskConfig::read`].
    pub fn rho(&self) -> Result<Option<Vec<f64>>> {
        Ok(match self.functional()? {
            Functional::Linear(rho) => Some(rho),
            Functional::Relu { .. } => None,
        })
    }
}

/// What is known of the task.
pub fn kind() -> TaskKind {
    TaskKind {
        info: TaskInfo {
            name: "sparse-memory",
            summary: "One output y = f(x(T-1-lag_1), x(T-1-lag_2), ..) of a sequence of signs; mean squared error.",
            source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", \
                     2024, https://arxiv.org/abs/2402.00522",
        },
        fields: fields::<SparseTaskConfig>,
        resolve: |params| {
            let mut config = SparseTaskConfig::read(params)?;
            config.function_params = (memory_function_entry(&config.function)?.resolve)(&config.function_params)?;
            Ok(to_params(&config))
        },
        io: |params| Ok(Io::single(1, 1, SparseTaskConfig::read(params)?.length)),
    }
}

/// Builds the task; it needs no data.
///
/// # Errors
/// As [`SparseTaskConfig::read`].
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    Ok(Box::new(SparseTask(SparseTaskConfig::read(params)?)))
}

/// The task of a checked configuration.
#[derive(Debug)]
struct SparseTask(SparseTaskConfig);

impl Task for SparseTask {
    fn io(&self) -> Io {
        Io::single(1, 1, self.0.length)
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        let split = if self.0.stream { Split::stream(seed) } else { Split::train(seed, self.0.train_samples) };
        Ok(Box::new(self.0.dataset(split)?))
    }

    fn streams(&self) -> bool {
        self.0.stream
    }

    fn epoch(&self) -> Option<usize> {
        (!self.0.stream).then_some(self.0.train_samples)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.0.dataset(Split::valid(self.0.data_seed, self.0.valid_samples))?))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }
}

impl<B: Backend> Objective<B> for SparseTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(params: Value) -> Result<SparseTaskConfig> {
        SparseTaskConfig::read(params.as_object().unwrap())
    }

    #[test]
    fn a_memory_is_that_of_the_memory_function() {
        let params = json!({
            "target": "memory", "length": 4, "function": "polynomial",
            "function_params": {"alpha": 1.0, "normalise": false},
        });
        assert_eq!(read(params).unwrap().rho().unwrap().unwrap(), [1.0, 0.5, 1.0 / 3.0, 0.25]);
    }

    #[test]
    fn bad_parameters_are_errors() {
        let message = |params| read(params).unwrap_err().to_string();
        assert_eq!(message(json!({"lags": []})), "`lags` is [], but it must be a list of at least one lag.");
        assert_eq!(message(json!({"terms": 0})), "`terms` is 0, but it must be a whole number from 1 up.");
        assert_eq!(
            message(json!({"length": 99})),
            "`length` is 99, but it must be at least 100, so that the farthest lag is seen."
        );
    }
}
