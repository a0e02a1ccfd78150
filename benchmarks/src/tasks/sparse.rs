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

use crate::tasks::regression::{self, SequenceData};
use crate::tasks::{Objective, TaskEntry, TaskInfo};

/// The longest sequence; lags are shorter.
const MOST_LENGTH: usize = 1 << 20;
/// The most ReLUs.
const MOST_TERMS: usize = 1 << 16;
/// The most lags.
const MOST_LAGS: usize = 1 << 10;

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
    /// How many steps before the last one the inputs stand that matter for sum and relu, from 1 to 1024 of them; 0 is the
    /// last.
    pub lags: Vec<usize>,
    /// Number of ReLUs, from 1 to 65536.
    pub terms: usize,
    /// Seeds the weights `w_k ~ N(0, I)`, which all runs share.
    pub target_seed: u64,
    /// The name of the memory function of target memory.
    pub function: String,
    /// Parameters of the memory function by name; what is absent takes its default.
    pub function_params: Params,
    /// Time steps of a sequence, more than every lag, at most 1048576.
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
        for (field, value, most) in [("length", self.length, MOST_LENGTH), ("terms", self.terms, MOST_TERMS)] {
            if !(1..=most).contains(&value) {
                return Err(Error::invalid(field, value, format!("a whole number from 1 to {most}")));
            }
        }
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

    fn check(&self) -> Result<()> {
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
pub fn kind() -> TaskEntry {
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
    use crate::tasks::regression::RegressionConfig;
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
        for (params, expected) in [
            (json!({"lags": []}), "`lags` is [], but it must be a list of at least one lag."),
            (json!({"lags": vec![1; 1025]}), "`lags` is a list of 1025 lags, but it must be a list of at most 1024."),
            (
                json!({"lags": [1, 2_000_000_000_000_000_000_u64]}),
                "`lags[1]` is 2000000000000000000, but it must be a whole number below 1048576.",
            ),
            (json!({"terms": 0}), "`terms` is 0, but it must be a whole number from 1 to 65536."),
            (
                json!({"target": "relu", "terms": u64::MAX}),
                "`terms` is 18446744073709551615, but it must be a whole number from 1 to 65536.",
            ),
            (json!({"length": 99}), "`length` is 99, but it must be at least 100, so that the farthest lag is seen."),
            (
                json!({"target": "memory", "length": u64::MAX}),
                "`length` is 18446744073709551615, but it must be a whole number from 1 to 1048576.",
            ),
            (
                json!({"target": "memory", "function": "polinomial"}),
                "There is no memory function named `polinomial`. Did you mean `polynomial`? Known: polynomial, exponential, \
                 sine, pole-product, impulse, airy, two-parts, gaussian-peak, damped-cosine, tabulated, shift-window.",
            ),
            (
                json!({"target": "mean"}),
                "The parameters of task `sparse-memory` cannot be read: `target` is \"mean\", but it must be one of `sum`, \
                 `relu`, `memory`.",
            ),
        ] {
            assert_eq!(read(params).unwrap_err().chain(), expected);
        }
        // Without effect on the target, but it is part of a spec.
        let resolved = (kind().resolve)(json!({"function": "polinomial"}).as_object().unwrap());
        assert!(resolved.unwrap_err().to_string().starts_with("There is no memory function named `polinomial`. "));
    }
}
