//! Task `adaptive-memory`: outputs that sit at lags which the inputs themselves name.
//!
//! `y(t) = f(x(t), x(t-t_1), .., x(t-t_K))` with `t_1 = g(x(t))`, `t_(k+1) = g(x(t-t_k))`. Inputs and targets `[length, 1]`;
//! mean squared error from the third step on, before which a lag may reach beyond the start.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::adaptive::AdaptiveTaskConfig};
//! use lookback_datasets::DataFolder;
//!
//! // By default the inputs -1, 0 and 1 name the lags 0, 1 and 2, and the output is the input at that lag.
//! let task = AdaptiveTaskConfig::default().build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! let at_lag = |t: usize| sample.inputs[t - (sample.inputs[t] + 1.0) as usize];
//! assert!((2..16).all(|t| sample.targets[t] == at_lag(t)));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{AdaptiveDatasetConfig, Sample, Split};
use lookback_models::Io;
use lookback_registry::Result;

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::regression::{RegressionConfig, SequenceData};
use crate::tasks::{Metrics, Probes, Splits, TaskInfo};

/// Outputs before this step count for nothing.
const SKIPPED: usize = AdaptiveDatasetConfig::REACH;

/// The parameters of task `adaptive-memory`.
pub type AdaptiveTaskConfig = RegressionConfig<AdaptiveDatasetConfig>;

impl SequenceData for AdaptiveDatasetConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "adaptive-memory",
        summary: "y(t) = f(x(t), x(t-t_1), .., x(t-t_K)) with t_1 = g(x(t)), t_(k+1) = g(x(t-t_k)); mean squared error.",
        source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", \
                 2024, https://arxiv.org/abs/2402.00522",
    };

    const SPLITS: Splits = Splits::streamed(512);

    fn io(&self) -> Io {
        Io::sequence(1, 1, self.length)
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.dataset(split)?))
    }

    /// `nmse`, `mse` and `sup`, the largest absolute error, from the third step on.
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        let counted = |values: &[f32]| -> Vec<f32> {
            values.chunks_exact(self.length).flat_map(|sequence| &sequence[SKIPPED..]).copied().collect()
        };
        let (predictions, targets) = (counted(predictions), counted(targets));
        let gaps = predictions.iter().zip(&targets).map(|(p, t)| f64::from(p - t).abs());
        // Not f64::max, which would lose a NaN.
        let sup = gaps.fold(0.0, |worst, gap| if gap <= worst { worst } else { gap });
        let mut metrics = squared_errors(&predictions, &targets);
        metrics.push(("sup", sup));
        metrics
    }

    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        let counted = |all: Tensor<B, 3>| {
            let length = all.dims()[1];
            all.narrow(1, SKIPPED, length - SKIPPED)
        };
        mean_squared_error(counted(prediction), counted(target))
    }

    fn probes(&self) -> Probes {
        Probes { memory: true, attention: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_do_not_count() {
        let data = AdaptiveDatasetConfig { length: 4, ..Default::default() };
        let metrics =
            data.metrics(&[9.0, 9.0, 0.0, 0.5, 9.0, 9.0, 1.0, 1.0], &[0.0, 0.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.5]);
        assert_eq!(metrics[1..], [("mse", 1.25 / 4.0), ("sup", 1.0)]);
        assert!(data.probes().memory);
    }
}
