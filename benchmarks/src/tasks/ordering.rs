//! Task `ordering`: a decaying memory whose inputs change places or are mixed.
//!
//! `y(t) = sum_s e^(-s) x(t-s)`, x uniform on [0, 1). Inputs and targets `[length, 1]`; mean squared error.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::ordering::OrderingTaskConfig};
//! use lookback_datasets::{Alteration, DataFolder, OrderingConfig};
//!
//! // The model sees the first two inputs last: the first output is the input that it sees third.
//! let data = OrderingConfig { alteration: Alteration::Order, length: 4, swapped: 2, ..Default::default() };
//! let task = OrderingTaskConfig { data, ..Default::default() }.build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!(sample.targets[0], sample.inputs[2]);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn_dataset::Dataset;
use lookback_datasets::{OrderingConfig, Sample, Split};
use lookback_models::Io;
use lookback_registry::Result;

use crate::tasks::TaskInfo;
use crate::tasks::regression::{RegressionConfig, SequenceData};

/// The parameters of task `ordering`.
pub type OrderingTaskConfig = RegressionConfig<OrderingConfig>;

impl SequenceData for OrderingConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "ordering",
        summary: "y(t) = sum_s e^(-s) x(t-s) behind inputs that change places or are filtered; mean squared error.",
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
