//! Task `sparse-memory`: one target per sequence of signs, a function of few inputs far back, or a weighted sum of all.
//!
//! Task `memory` cannot stand in for the weighted sum: it asks for an output at every step, and the weights of an attention
//! head are normalised anew at each, so that no head is one memory function at all of them.

use burn::tensor::backend::Backend;
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, Functional, Sample, Split, memory_function, memory_function_entry};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::regression::{self, SequenceData};
use crate::task::{Objective, TaskInfo, TaskKind};

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

/// The target and the sequences of task `sparse-memory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SparseConfig {
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
}

impl Default for SparseConfig {
    fn default() -> Self {
        Self {
            target: SparseTarget::default(),
            lags: vec![48, 56, 99],
            terms: 64,
            target_seed: 0,
            function: "polynomial".into(),
            function_params: Params::new(),
            length: 1000,
        }
    }
}

impl SparseConfig {
    fn functional(&self) -> Result<Functional> {
        Ok(match self.target {
            SparseTarget::Sum => Functional::sum(&self.lags),
            SparseTarget::Relu => Functional::relu(self.lags.clone(), self.terms, self.target_seed),
            SparseTarget::Memory => {
                Functional::Linear(memory_function(&self.function, &self.function_params)?.memory(self.length)?)
            }
        })
    }

    /// The weight of each lag where the target is a weighted sum, lag 0 first.
    ///
    /// # Errors
    /// As [`SequenceData::check`].
    pub fn rho(&self) -> Result<Option<Vec<f64>>> {
        Ok(match self.functional()? {
            Functional::Linear(rho) => Some(rho),
            Functional::Relu { .. } => None,
        })
    }
}

impl SequenceData for SparseConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "sparse-memory",
        summary: "One output y = f(x(T-1-lag_1), x(T-1-lag_2), ..) of a sequence of signs; mean squared error.",
        source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", \
                 2024, https://arxiv.org/abs/2402.00522",
    };

    fn check(&self) -> Result<()> {
        if self.terms == 0 {
            return Err(Error::invalid("terms", 0, "a whole number from 1 up"));
        }
        if self.lags.is_empty() {
            return Err(Error::invalid("lags", "[]", "a list of at least one lag"));
        }
        self.samples(Split::valid(0, 1)).map(drop)
    }

    fn resolved(self) -> Result<Self> {
        let resolve = memory_function_entry(&self.function)?.resolve;
        Ok(Self { function_params: resolve(&self.function_params)?, ..self })
    }

    fn io(&self) -> Io {
        Io::single(1, 1, self.length)
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.functional()?.dataset(self.length, split)?))
    }
}

/// What is known of the task.
pub fn kind() -> TaskKind {
    regression::kind::<SparseConfig>()
}

/// Builds the task; it needs no data.
///
/// # Errors
/// An unknown parameter, a value of the wrong type or out of range, or a memory function that does not fit `length`.
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    regression::build::<B, SparseConfig>(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regression::RegressionConfig;
    use serde_json::{Value, json};

    fn read(params: Value) -> Result<SparseConfig> {
        Ok(RegressionConfig::read(params.as_object().unwrap())?.data)
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
