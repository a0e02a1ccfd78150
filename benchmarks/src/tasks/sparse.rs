//! Task `sparse-memory`: one target per sequence of signs, a function of few inputs far back, or a weighted sum of all.
//!
//! `y = f(x(T-1-lag_1), x(T-1-lag_2), ..)` or `y = sum_s rho(s) x(T-1-s)`, x = -1 or 1. Inputs `[length, 1]`, one target
//! `[1, 1]`; mean squared error.
//!
//! Task `memory` cannot replace the weighted sum: it asks for an output at every step, and the weights of an attention
//! head are normalised anew at each, so that no head is one memory function at all of them.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::sparse::{SparseConfig, SparseTaskConfig}};
//! use lookback_datasets::DataFolder;
//!
//! let data = SparseConfig { lags: vec![0, 2], length: 4, ..Default::default() };
//! let task = SparseTaskConfig { data, ..Default::default() }.build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!(sample.targets, [sample.inputs[3] + sample.inputs[1]]);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn_dataset::Dataset;
use lookback_datasets::{Functional, MEMORY_FUNCTIONS, Sample, Split, memory_function};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::TaskInfo;
use crate::tasks::regression::{RegressionConfig, SequenceData};

/// Lags are shorter than the longest sequence.
const MOST_LENGTH: usize = 1 << 20;
/// The most lags.
const MOST_LAGS: usize = 1 << 10;

/// The parameters of task `sparse-memory`.
pub type SparseTaskConfig = RegressionConfig<SparseConfig>;

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
    /// The lags of the inputs that count for sum and relu, from 1 to 1024 of them; lag 0 is the last input.
    pub lags: Vec<usize>,
    /// Number of ReLUs.
    #[schemars(range(min = 1, max = 65_536))]
    pub terms: usize,
    /// Seeds the weights `w_k ~ N(0, I)`, which all runs share.
    pub target_seed: u64,
    /// The name of the memory function of target memory.
    pub function: String,
    /// Parameters of the memory function by name; what is absent takes its default.
    pub function_params: Params,
    /// Time steps of a sequence, more than every lag.
    #[schemars(range(min = 1, max = MOST_LENGTH))]
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
    /// What is asked, once no field asks for more memory than there may be.
    fn functional(&self) -> Result<Functional> {
        check(self)?;
        match self.lags.len() {
            0 => return Err(Error::invalid("lags", "[]", "a list of at least one lag")),
            1..=MOST_LAGS => {}
            many => {
                let valid = format!("a list of at most {MOST_LAGS}");
                return Err(Error::invalid("lags", format!("a list of {many} lags"), valid));
            }
        }
        if let Some(place) = self.lags.iter().position(|lag| *lag >= MOST_LENGTH) {
            let valid = format!("a whole number below {MOST_LENGTH}");
            return Err(Error::invalid(&format!("lags[{place}]"), self.lags[place], valid));
        }
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

    fn resolved(self) -> Result<Self> {
        let resolve = MEMORY_FUNCTIONS.get(&self.function)?.resolve;
        Ok(Self { function_params: resolve(&self.function_params)?, ..self })
    }

    fn io(&self) -> Io {
        Io::single(1, 1, self.length)
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.functional()?.dataset(self.length, split)?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_memory_is_that_of_the_memory_function() {
        let params = json!({"alpha": 1.0, "normalise": false}).as_object().unwrap().clone();
        let config =
            SparseConfig { target: SparseTarget::Memory, length: 4, function_params: params, ..Default::default() };
        assert_eq!(config.rho().unwrap().unwrap(), [1.0, 0.5, 1.0 / 3.0, 0.25]);
    }
}
