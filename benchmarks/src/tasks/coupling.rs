//! Task `temporal-coupling`: attention with scores of known singular values.
//!
//! `H_t(x) = sum_s softmax_s[rho(x(t), x(s))] x(s)`, `rho(u, v) = sum_(i<=r) i^(-alpha) phi_i(u) psi_i(v)`, x uniform on
//! [0, 1). Inputs and targets `[length, 1]`; mean squared error.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::coupling::CouplingTaskConfig};
//! use lookback_datasets::{CouplingConfig, DataFolder};
//!
//! let data = CouplingConfig { rank: 2, length: 4, ..Default::default() };
//! let task = CouplingTaskConfig { data, ..Default::default() }.build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! // A mean of the inputs, whatever its weights.
//! let within = |y: &f32| sample.inputs.iter().any(|x| x <= y) && sample.inputs.iter().any(|x| x >= y);
//! assert!(sample.targets.iter().all(within));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn_dataset::Dataset;
use lookback_datasets::{CouplingConfig, Sample, Split};
use lookback_models::Io;
use lookback_registry::Result;

use crate::tasks::TaskInfo;
use crate::tasks::regression::{RegressionConfig, SequenceData};

/// The parameters of task `temporal-coupling`.
pub type CouplingTaskConfig = RegressionConfig<CouplingConfig>;

impl SequenceData for CouplingConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "temporal-coupling",
        summary: "H_t(x) = sum_s softmax_s[rho(x(t), x(s))] x(s), rho of known singular values; mean squared error.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };

    fn io(&self) -> Io {
        Io::sequence(1, 1, self.length)
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.dataset(split)?))
    }
}
