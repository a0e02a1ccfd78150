//! Task `ordering`: a decaying memory whose inputs change places or are mixed.
//!
//! `y(t) = sum_s e^(-s) x(t-s)`, x uniform on [0, 1).
//!
//! ```
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! // The model sees the first two inputs last: the first output is the input that it sees third.
//! let params = json!({"alteration": "order", "length": 4, "swapped": 2});
//! let task = (task::<Flex>("ordering")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!(sample.targets[0], sample.inputs[2]);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::backend::Backend;
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, OrderingConfig, Sample, Split};
use lookback_models::Io;
use lookback_registry::{Params, Result};

use crate::tasks::regression::{self, SequenceData};
use crate::tasks::{Objective, TaskEntry, TaskInfo};

impl SequenceData for OrderingConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "ordering",
        summary: "y(t) = sum_s e^(-s) x(t-s) behind inputs that change places or are filtered; mean squared error.",
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
    regression::kind::<OrderingConfig>()
}

/// Builds the task; it needs no data.
///
/// # Errors
/// An unknown parameter, or a value of the wrong type or out of range.
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    regression::build::<B, OrderingConfig>(params)
}
