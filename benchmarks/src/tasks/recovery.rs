//! Task `attention-recovery`: averages of other time steps' points, with weights that the inputs give away.
//!
//! The errors are those of the whole validation split: among its samples are, behind the first `examples`, the `constants`
//! in which all points are the same, which training samples are not.
//!
//! ```
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! // y(t) = argmin_v |u(t) - v|: every output is one of the v, which stand in the last two input channels.
//! let params = json!({"kind": "nearest-point"});
//! let task = (task::<Flex>("attention-recovery")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert!(sample.targets.chunks(2).all(|y| sample.inputs.chunks(4).any(|step| step[2..] == *y)));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::backend::Backend;
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, RecoveryConfig, Sample, Split};
use lookback_models::Io;
use lookback_registry::{Params, Result};

use crate::tasks::regression::{self, SequenceData};
use crate::tasks::{AttentionProbes, Objective, Probes, TaskEntry, TaskInfo};

impl SequenceData for RecoveryConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "attention-recovery",
        summary: "The nearest point, the centre of gravity of a segment, or the mean of three chosen points; mean \
                  squared error.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };

    fn check(&self) -> Result<()> {
        self.validate()
    }

    fn io(&self) -> Io {
        Io::sequence(self.d_input(), self.d_output(), self.length())
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.dataset(split)?))
    }

    fn probes(&self) -> Probes {
        let weights = self.examples + self.constants;
        Probes { memory: false, attention: Some(AttentionProbes { weights, spectra: 0 }) }
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    regression::kind::<RecoveryConfig>()
}

/// Builds the task; it needs no data.
///
/// # Errors
/// An unknown parameter, or a value of the wrong type or out of range.
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    regression::build::<B, RecoveryConfig>(params)
}
