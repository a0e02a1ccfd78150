//! Task `adaptive-memory`: outputs that sit at lags which the inputs themselves name.

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{AdaptiveDatasetConfig, DataFolder, Sample, Split};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::{Metrics, Objective, Task, TaskEntry, TaskInfo};

/// Outputs before this step count for nothing.
const SKIPPED: usize = AdaptiveDatasetConfig::REACH;

/// The parameters of task `adaptive-memory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AdaptiveTaskConfig {
    /// Inputs and targets.
    #[serde(flatten)]
    pub data: AdaptiveDatasetConfig,
    /// Sequences of the validation split, from 1 up. Training sequences are an endless stream.
    pub valid_samples: usize,
    /// Seeds the validation split, which all runs share; the training split has the seed of its run.
    pub data_seed: u64,
}

impl Default for AdaptiveTaskConfig {
    fn default() -> Self {
        Self { data: AdaptiveDatasetConfig::default(), valid_samples: 512, data_seed: 0 }
    }
}

impl AdaptiveTaskConfig {
    /// Reads and checks the parameters.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `adaptive-memory`", params)?;
        config.data.validate()?;
        if config.valid_samples == 0 {
            return Err(Error::invalid("valid_samples", 0, "a whole number from 1 up"));
        }
        Ok(config)
    }

    fn io(&self) -> Io {
        Io::sequence(1, 1, self.data.length)
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "adaptive-memory",
            summary: "y(t) = f(x(t), x(t-t_1), .., x(t-t_K)) with t_1 = g(x(t)), t_(k+1) = g(x(t-t_k)); mean squared error.",
            source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", \
                     2024, https://arxiv.org/abs/2402.00522",
        },
        fields: fields::<AdaptiveTaskConfig>,
        resolve: |params| Ok(to_params(&AdaptiveTaskConfig::read(params)?)),
        io: |params| Ok(AdaptiveTaskConfig::read(params)?.io()),
        find_data: |_, _| Ok(()),
    }
}

/// Builds the task; it needs no data.
///
/// # Errors
/// As [`AdaptiveTaskConfig::read`].
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    Ok(Box::new(AdaptiveTask(AdaptiveTaskConfig::read(params)?)))
}

/// The task of a checked configuration.
#[derive(Debug)]
struct AdaptiveTask(AdaptiveTaskConfig);

impl AdaptiveTask {
    fn dataset(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.0.data.dataset(split)?))
    }

    /// The values at the steps that count.
    fn counted(&self, values: &[f32]) -> Vec<f32> {
        values.chunks_exact(self.0.data.length).flat_map(|sequence| &sequence[SKIPPED..]).copied().collect()
    }
}

impl Task for AdaptiveTask {
    fn io(&self) -> Io {
        self.0.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(Split::stream(seed))
    }

    fn streams(&self) -> bool {
        true
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(Split::valid(self.0.data_seed, self.0.valid_samples))
    }

    /// `nmse`, `mse` and `sup`, the largest absolute error, from the third step on.
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        let (predictions, targets) = (self.counted(predictions), self.counted(targets));
        let gaps = predictions.iter().zip(&targets).map(|(p, t)| f64::from(p - t).abs());
        let sup = gaps.fold(0.0, |worst, gap| if gap <= worst { worst } else { gap });
        let mut metrics = squared_errors(&predictions, &targets);
        metrics.push(("sup", sup));
        metrics
    }
}

impl<B: Backend> Objective<B> for AdaptiveTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        let counted = |all: Tensor<B, 3>| {
            let length = all.dims()[1];
            all.narrow(1, SKIPPED, length - SKIPPED)
        };
        mean_squared_error(counted(prediction), counted(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_steps_do_not_count() {
        let params = json!({"length": 4});
        let task = AdaptiveTask(AdaptiveTaskConfig::read(params.as_object().unwrap()).unwrap());
        let metrics =
            task.metrics(&[9.0, 9.0, 0.0, 0.5, 9.0, 9.0, 1.0, 1.0], &[0.0, 0.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.5]);
        assert_eq!(metrics[1..], [("mse", 1.25 / 4.0), ("sup", 1.0)]);
    }

    #[test]
    fn bad_parameters_are_errors() {
        for (params, expected) in [
            (json!({"valid_samples": 0}), "`valid_samples` is 0, but it must be a whole number from 1 up."),
            (
                json!({"length": u64::MAX}),
                "`length` is 18446744073709551615, but it must be a whole number from 3 (so that every lag is seen) to \
                 1048576.",
            ),
            (
                json!({"alphabet": "latin"}),
                "The parameters of task `adaptive-memory` cannot be read: `alphabet` is \"latin\", but it must be `ternary` \
                 or `binary`.",
            ),
            (
                json!({"readout": "first"}),
                "The parameters of task `adaptive-memory` cannot be read: `readout` is \"first\", but it must be `last` or \
                 `product`.",
            ),
        ] {
            assert_eq!(AdaptiveTaskConfig::read(params.as_object().unwrap()).unwrap_err().chain(), expected);
        }
    }
}
