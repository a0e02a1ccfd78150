//! Task `retrieval`: a function of D extreme values, each of another function of the tokens.
//!
//! `y = F_0(z_1, .., z_D)`, `z_i = max_{t in S_i} f_i(x(t))`. The default is the sum of four maxima of scalar products
//! with fixed vectors.
//!
//! ```
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! // The distance of the farthest token from a fixed point, over sequences of three tokens on the line.
//! let params = json!({"n_functions": 1, "functions": ["squared-distance"], "length": 3, "d_input": 1});
//! let task = (task::<Flex>("retrieval")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
//! assert!(task.io().single_output);
//!
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!((sample.inputs.len(), sample.targets.len()), (3, 1));
//! assert!(sample.targets[0] >= 0.0);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::retrieval::{Retrieval, RetrievalConfig};
use lookback_datasets::{DataFolder, Sample, Split};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::{AttentionProbes, Metrics, Objective, Probes, Task, TaskEntry, TaskInfo};

/// The parameters of task `retrieval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RetrievalTaskConfig {
    /// Target and inputs.
    #[serde(flatten)]
    pub data: RetrievalConfig,
    /// Sequences of the training split, from 1 up.
    pub train_samples: usize,
    /// Sequences of the validation split, from 1 up.
    pub valid_samples: usize,
    /// Seeds the validation split, which all runs share; the training split has the seed of its run.
    pub data_seed: u64,
    /// Validation samples whose attention is kept with the result; 0 for none.
    pub probe_samples: usize,
}

impl Default for RetrievalTaskConfig {
    fn default() -> Self {
        Self {
            data: RetrievalConfig::default(),
            train_samples: 8000,
            valid_samples: 2000,
            data_seed: 0,
            probe_samples: 0,
        }
    }
}

impl RetrievalTaskConfig {
    /// Reads and checks the parameters of task `retrieval`.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `retrieval`", params)?;
        config.data.validate()?;
        for (field, value) in [("train_samples", config.train_samples), ("valid_samples", config.valid_samples)] {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1 up"));
            }
        }
        Ok(config)
    }

    /// The shape of its samples.
    pub fn io(&self) -> Io {
        Io::single(self.data.d_input, Retrieval::D_OUTPUT, self.data.length)
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "retrieval",
            summary: "y = F_0(z_1, .., z_D), z_i = max_t f_i(x(t)), e.g. a sum of maxima; mean squared error.",
            source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", \
                     2025, https://arxiv.org/abs/2510.06662",
        },
        fields: fields::<RetrievalTaskConfig>,
        resolve: |params| Ok(to_params(&RetrievalTaskConfig::read(params)?)),
        io: |params| Ok(RetrievalTaskConfig::read(params)?.io()),
        find_data: |_, _| Ok(()),
    }
}

/// Builds the task; it needs no data.
///
/// # Errors
/// As [`RetrievalTaskConfig::read`].
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    let config = RetrievalTaskConfig::read(params)?;
    let retrieval = Retrieval::new(config.data.clone())?;
    Ok(Box::new(RetrievalTask { config, retrieval }))
}

#[derive(Debug)]
struct RetrievalTask {
    config: RetrievalTaskConfig,
    retrieval: Retrieval,
}

impl RetrievalTask {
    fn dataset(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.retrieval.dataset(split)?))
    }
}

impl Task for RetrievalTask {
    fn io(&self) -> Io {
        self.config.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(Split::train(seed, self.config.train_samples))
    }

    fn epoch(&self) -> Option<usize> {
        Some(self.config.train_samples)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(Split::valid(self.config.data_seed, self.config.valid_samples))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }

    fn probes(&self) -> Probes {
        let weights = self.config.probe_samples;
        Probes { memory: false, attention: (weights > 0).then_some(AttentionProbes { weights, spectra: 0 }) }
    }
}

impl<B: Backend> Objective<B> for RetrievalTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;
    use serde_json::{Value, json};

    use super::*;

    fn built(value: Value) -> Result<Box<dyn Objective<Flex>>> {
        build(value.as_object().unwrap(), &DataFolder::default())
    }

    #[test]
    fn the_default_is_the_sum_of_four_maxima() {
        let task = built(json!({"length": 8})).unwrap();
        assert_eq!(task.io(), Io::single(4, 1, 8));
        let config = RetrievalConfig { length: 8, ..Default::default() };
        let vectors = Retrieval::new(config).unwrap().vectors().to_vec();
        for index in 0..3 {
            let sample = task.valid().unwrap().get(index).unwrap();
            let product = |vector: &Vec<f64>, token: &[f32]| -> f64 {
                vector.iter().zip(token).map(|(a, x)| a * f64::from(*x)).sum()
            };
            let largest = |vector: &Vec<f64>| {
                sample.inputs.chunks(4).map(|token| product(vector, token)).fold(f64::NEG_INFINITY, f64::max)
            };
            let expected: f64 = vectors.iter().map(largest).sum();
            assert!((f64::from(sample.targets[0]) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn seeds_share_the_validation_split_alone() {
        let task = built(json!({"length": 4, "train_samples": 3, "valid_samples": 2})).unwrap();
        let first = |seed| task.train(seed).unwrap().get(0).unwrap();
        assert_ne!(first(0), first(1));
        assert_eq!((task.epoch(), task.train(0).unwrap().len(), task.valid().unwrap().len()), (Some(3), 3, 2));
    }

    #[test]
    fn bad_parameters_are_errors() {
        for (value, expected) in [
            (json!({"train_samples": 0}), "`train_samples` is 0, but it must be a whole number from 1 up."),
            (json!({"valid_samples": 0}), "`valid_samples` is 0, but it must be a whole number from 1 up."),
            (json!({"n_functions": 0}), "`n_functions` is 0, but it must be a whole number from 1 up."),
        ] {
            assert_eq!(built(value).err().unwrap().to_string(), expected);
        }
        for (value, expected) in [
            (json!({"outer": "mean"}), "`outer` is \"mean\", but it must be one of `sum`, `product`, `norm`."),
            (json!({"extreme": "mean"}), "`extreme` is \"mean\", but it must be `max` or `min`."),
            (json!({"index_sets": "none"}), "`index_sets` is \"none\", but it must be `all` or `windows`."),
        ] {
            let expected = format!("The parameters of task `retrieval` cannot be read: {expected}");
            assert_eq!(built(value).err().unwrap().chain(), expected);
        }
    }
}
