//! Task `memory`: a linear functional of the past with a memory that is known exactly.
//!
//! `y(t) = sum_{s=0..t} rho(s) x(t-s)`, with rho from the list of memory functions.
//!
//! ```
//! use burn_flex::Flex;
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! // The input of two steps ago, over sequences of five steps.
//! let params = json!({"function": "impulse", "function_params": {"alpha": 2}, "length": 5});
//! let task = (task::<Flex>("memory")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
//!
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!(sample.targets, [0.0, 0.0, sample.inputs[0], sample.inputs[1], sample.inputs[2]]);
//! assert_eq!(task.true_memory().unwrap(), [0.0, 0.0, 1.0, 0.0, 0.0]);
//!
//! // Always answering with the mean is an NMSE of 1.
//! let metrics = task.metrics(&[2.0, 2.0], &[1.0, 3.0]);
//! assert_eq!(metrics, [("nmse", 1.0), ("mse", 1.0)]);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{
    DataFolder, InputProcess, MemoryDataset, MemoryDatasetConfig, MemoryFunction, Sample, Split, memory_function,
    memory_function_entry,
};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::{Metrics, Objective, Task, TaskEntry, TaskInfo};

/// The parameters of task `memory`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MemoryConfig {
    /// The name of the memory function.
    pub function: String,
    /// Parameters of the memory function by name; what is absent takes its default.
    pub function_params: Params,
    /// Shape, inputs and noise.
    #[serde(flatten)]
    pub data: MemoryDatasetConfig,
    /// Sequences of the training split, from 1 up; without effect where `stream` is true.
    pub train_samples: usize,
    /// Sequences of the validation split, from 1 up.
    pub valid_samples: usize,
    /// Whether training sequences are an endless stream, in which none comes twice, instead of a fixed set.
    pub stream: bool,
    /// Seeds the validation split, which all runs share; the training split has the seed of its run.
    pub data_seed: u64,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            function: "exponential".into(),
            function_params: Params::new(),
            data: MemoryDatasetConfig::default(),
            train_samples: 4096,
            valid_samples: 512,
            stream: false,
            data_seed: 0,
        }
    }
}

impl MemoryConfig {
    /// Reads and checks the parameters of task `memory`.
    ///
    /// # Errors
    /// An unknown name, a value of the wrong type or out of range, or a memory function that does not fit
    /// `length`.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `memory`", params)?;
        config.data.validate()?;
        for (field, value) in [("train_samples", config.train_samples), ("valid_samples", config.valid_samples)] {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1 up"));
            }
        }
        config.memory_function()?.memory(config.data.length)?;
        Ok(config)
    }

    fn memory_function(&self) -> Result<Box<dyn MemoryFunction>> {
        memory_function(&self.function, &self.function_params)
    }

    /// `rho(s)`, s = 0..length.
    ///
    /// # Errors
    /// The memory function is unknown, or its parameters or the length are not valid for it.
    pub fn rho(&self) -> Result<Vec<f64>> {
        self.memory_function()?.memory(self.data.length)
    }

    /// The shape of its samples.
    pub fn io(&self) -> Io {
        Io::sequence(self.data.d_input, MemoryDataset::D_OUTPUT, self.data.length)
    }

    /// Whether inputs are uncorrelated with mean 0 and variance 1, so that the error of a linear model is the
    /// weighted squared distance of its memory to rho.
    pub fn is_white(&self) -> bool {
        matches!(self.data.input, InputProcess::White | InputProcess::Rademacher)
    }
}

/// All parameters, defaults filled in, those of the memory function too.
///
/// # Errors
/// As [`MemoryConfig::read`].
pub fn resolve(params: &Params) -> Result<Params> {
    let mut config = MemoryConfig::read(params)?;
    config.function_params = (memory_function_entry(&config.function)?.resolve)(&config.function_params)?;
    Ok(to_params(&config))
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "memory",
            summary: "y(t) = sum_s rho(s) x(t-s) with a known memory function rho; mean squared error.",
            source: "Jiang, Bao, Wang, Li, \"Numerical investigation of sequence modeling theory using controllable \
                     memory functions\", 2025, https://arxiv.org/abs/2506.05678",
        },
        fields: fields::<MemoryConfig>,
        resolve,
        io: |params| Ok(MemoryConfig::read(params)?.io()),
        find_data: |_, _| Ok(()),
    }
}

/// Builds the task; it needs no data.
///
/// # Errors
/// As [`MemoryConfig::read`].
pub fn build<B: Backend>(params: &Params, _: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    Ok(Box::new(MemoryTask::new(MemoryConfig::read(params)?)?))
}

/// A linear functional of the past with a known memory.
#[derive(Debug)]
pub struct MemoryTask {
    config: MemoryConfig,
    function: Box<dyn MemoryFunction>,
    rho: Vec<f64>,
}

impl MemoryTask {
    /// The task of a checked configuration.
    ///
    /// # Errors
    /// As [`MemoryConfig::rho`].
    pub fn new(config: MemoryConfig) -> Result<Self> {
        let function = config.memory_function()?;
        let rho = function.memory(config.data.length)?;
        Ok(Self { config, function, rho })
    }

    fn dataset(&self, split: Split) -> Box<dyn Dataset<Sample>> {
        let data = MemoryDataset::new(self.function.as_ref(), &self.config.data, split);
        Box::new(data.expect("the configuration was checked when it was read"))
    }
}

impl Task for MemoryTask {
    fn io(&self) -> Io {
        self.config.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        let samples = self.config.train_samples;
        Ok(self.dataset(if self.config.stream { Split::stream(seed) } else { Split::train(seed, samples) }))
    }

    fn streams(&self) -> bool {
        self.config.stream
    }

    fn epoch(&self) -> Option<usize> {
        (!self.config.stream).then_some(self.config.train_samples)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(self.dataset(Split::valid(self.config.data_seed, self.config.valid_samples)))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }

    fn true_memory(&self) -> Option<Vec<f64>> {
        Some(self.rho.clone())
    }
}

impl<B: Backend> Objective<B> for MemoryTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }
}
