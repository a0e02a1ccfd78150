//! Task `attention-recovery`: averages of other time steps' points, with weights that the inputs give away.
//!
//! `y(t) = sum_s w(t, s) v(s)` with equal weights on the nearest point, a segment or three chosen points; of a segment, its
//! norm. Inputs `[length, d_input]`, targets `[length, d_output]`; mean squared error, over the whole validation split: among
//! its samples are, behind the first `examples`, the `constants` in which all points are the same; training has none.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::recovery::RecoveryTaskConfig};
//! use lookback_datasets::{DataFolder, RecoveryConfig, RecoveryKind};
//!
//! // y(t) = argmin_v |u(t) - v|: every output is one of the v, the last two input channels.
//! let data = RecoveryConfig { kind: RecoveryKind::NearestPoint, ..Default::default() };
//! let task = RecoveryTaskConfig { data, ..Default::default() }.build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert!(sample.targets.chunks(2).all(|y| sample.inputs.chunks(4).any(|step| step[2..] == *y)));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn_dataset::Dataset;
use lookback_datasets::{RecoveryConfig, Sample, Split};
use lookback_models::Io;
use lookback_registry::Result;

use crate::tasks::regression::{RegressionConfig, SequenceData};
use crate::tasks::{AttentionProbes, Probes, TaskInfo};

/// The parameters of task `attention-recovery`.
pub type RecoveryTaskConfig = RegressionConfig<RecoveryConfig>;

impl SequenceData for RecoveryConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "attention-recovery",
        summary: "The nearest point, the centre of gravity of a segment, or the mean of three chosen points; mean \
                  squared error.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };

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
