//! Task `temporal-coupling`: attention with scores of known singular values.
//!
//! `H_t(x) = sum_s softmax_s[rho(x(t), x(s))] x(s)`, `rho(u, v) = sum_(i<=r) i^(-alpha) phi_i(u) psi_i(v)`.
//!
//! ```
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! let params = json!({"rank": 2, "length": 4, "valid_samples": 8});
//! let task = (task::<Flex>("temporal-coupling")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! // A mean of the inputs, whatever its weights.
//! let within = |y: &f32| sample.inputs.iter().any(|x| x <= y) && sample.inputs.iter().any(|x| x >= y);
//! assert!(sample.targets.iter().all(within));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::backend::Backend;
use burn_dataset::Dataset;
use lookback_datasets::{CouplingConfig, DataFolder, Sample, Split};
use lookback_models::Io;
use lookback_registry::{Params, Result};

use crate::tasks::regression::{self, SequenceData};
use crate::tasks::{Objective, TaskEntry, TaskInfo};

impl SequenceData for CouplingConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "temporal-coupling",
        summary: "H_t(x) = sum_s softmax_s[rho(x(t), x(s))] x(s), rho of known singular values; mean squared error.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };

    fn check(&self) -> Result<()> {
        self.validate()
    }

    fn io(&self) -> Io {
        Io::sequence(1, 1, self.length)
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.dataset(split)?))
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    regression::kind::<CouplingConfig>()
}

/// Builds the task; it needs no data.
///
/// # Errors
/// An unknown parameter, or a value of the wrong type or out of range.
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    regression::build::<B, CouplingConfig>(params)
}
