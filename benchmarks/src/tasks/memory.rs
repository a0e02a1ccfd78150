//! Task `memory`: a linear functional of the past with a memory that is known exactly.
//!
//! `y(t) = sum_{s=0..t} rho(s) x(t-s)`, with rho from the list of memory functions; with several input channels,
//! `x(t) = sum_c x_c(t) / sqrt(d_input)`. Inputs `[length, d_input]`, targets `[length, 1]`; mean squared error.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::memory::MemoryConfig};
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! // The input of two steps ago, over sequences of five steps.
//! let params = json!({"function": "impulse", "function_params": {"alpha": 2}, "length": 5});
//! let task = MemoryConfig::read(params.as_object().unwrap())?.build(&DataFolder::default())?;
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
    DataFolder, InputProcess, MEMORY_FUNCTIONS, MemoryDataset, MemoryDatasetConfig, MemoryFunction, Sample, Split,
    memory_function,
};
use lookback_models::Io;
use lookback_registry::{Params, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::{Metrics, Objective, Splits, Task, TaskConfig, TaskInfo};

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
    /// How many sequences there are.
    #[serde(flatten)]
    pub splits: Splits,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            function: "exponential".into(),
            function_params: Params::new(),
            data: MemoryDatasetConfig::default(),
            splits: Splits::default(),
        }
    }
}

impl MemoryConfig {
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

    /// Whether inputs are uncorrelated with mean 0 and variance 1, so that the error of a linear model is the
    /// weighted squared distance of its memory to rho.
    pub fn is_white(&self) -> bool {
        matches!(self.data.input, InputProcess::White | InputProcess::Rademacher)
    }
}

impl TaskConfig for MemoryConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "memory",
        summary: "y(t) = sum_s rho(s) x(t-s) with a known memory function rho; mean squared error.",
        source: "Jiang, Bao, Wang, Li, \"Numerical investigation of sequence modeling theory using controllable memory \
                 functions\", 2025, https://arxiv.org/abs/2506.05678",
    };

    type Task = MemoryTask;

    fn validate(&self) -> Result<()> {
        check(self)?;
        self.data.validate()?;
        self.rho().map(drop)
    }

    fn resolve(mut self) -> Result<Self> {
        self.validate()?;
        self.function_params = (MEMORY_FUNCTIONS.get(&self.function)?.resolve)(&self.function_params)?;
        Ok(self)
    }

    fn io(&self) -> Io {
        Io::sequence(self.data.d_input, MemoryDataset::D_OUTPUT, self.data.length)
    }

    fn build(self, _: &DataFolder) -> Result<MemoryTask> {
        self.validate()?;
        let function = self.memory_function()?;
        Ok(MemoryTask { rho: function.memory(self.data.length)?, function, config: self })
    }
}

/// A linear functional of the past with a known memory.
#[derive(Debug)]
pub struct MemoryTask {
    config: MemoryConfig,
    function: Box<dyn MemoryFunction>,
    rho: Vec<f64>,
}

impl MemoryTask {
    fn dataset(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(MemoryDataset::new(self.function.as_ref(), &self.config.data, split)?))
    }
}

impl Task for MemoryTask {
    fn io(&self) -> Io {
        self.config.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(self.config.splits.train(seed))
    }

    fn streams(&self) -> bool {
        self.config.splits.stream
    }

    fn epoch(&self) -> Option<usize> {
        self.config.splits.epoch()
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(self.config.splits.valid())
    }

    /// `nmse` and `mse`.
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }

    fn true_memory(&self) -> Option<Vec<f64>> {
        Some(self.rho.clone())
    }
}

impl Objective for MemoryTask {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;
    use serde_json::{Value, json};

    use super::*;
    use crate::tasks::TASKS;

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    fn build(value: Value) -> MemoryTask {
        MemoryConfig::read(&params(value)).unwrap().build(&DataFolder::default()).unwrap()
    }

    #[test]
    fn resolving_fills_in_the_defaults_of_the_memory_function() {
        let memory = TASKS.get("memory").unwrap();
        let resolved = memory.resolve(&params(json!({"function": "airy", "function_params": {"alpha": 6}}))).unwrap();
        assert_eq!(resolved["function_params"]["kappa"], 0.25);
        let of = |name: &str| &resolved[name];
        assert_eq!((of("length"), of("train_samples"), of("stream")), (&json!(128), &json!(4096), &json!(false)));
    }

    #[test]
    fn training_data_follow_the_seed_and_validation_data_do_not() {
        let task = build(json!({"length": 16, "train_samples": 10, "valid_samples": 4, "d_input": 2}));
        assert_eq!((task.io().d_input, task.io().d_output, task.io().length), (2, 1, 16));
        assert_eq!((task.train(1).unwrap().len(), task.valid().unwrap().len(), task.streams()), (10, 4, false));
        assert_eq!(task.train(1).unwrap().get(3), task.train(1).unwrap().get(3));
        assert_ne!(task.train(1).unwrap().get(3), task.train(2).unwrap().get(3));
        assert_ne!(task.train(0).unwrap().get(0), task.valid().unwrap().get(0));
        let other = build(json!({"length": 16, "d_input": 2, "data_seed": 1}));
        assert_ne!(other.valid().unwrap().get(0), task.valid().unwrap().get(0));
        let stream = build(json!({"length": 16, "d_input": 2, "stream": true}));
        assert!(stream.streams() && stream.train(1).unwrap().get(5_000_000).is_some());
        assert_eq!(stream.train(1).unwrap().get(3), task.train(1).unwrap().get(3));
    }

    #[test]
    fn targets_have_the_variance_that_the_memory_says() {
        let task = build(json!({"function": "impulse", "function_params": {"alpha": 32}, "valid_samples": 2000}));
        let valid = task.valid().unwrap();
        let targets: Vec<f32> = (0..valid.len()).flat_map(|index| valid.get(index).unwrap().targets).collect();
        let metrics = task.metrics(&vec![0.0; targets.len()], &targets);
        assert_eq!(metrics.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["nmse", "mse"]);
        // Lag 32 of 128 is seen three quarters of the time; predicting 0 leaves all of it.
        assert!((metrics[1].1 - 0.75).abs() < 0.01, "{metrics:?}");
        assert!((metrics[0].1 - 1.0).abs() < 1e-3, "{metrics:?}");
        assert_eq!(task.metrics(&targets, &targets)[0], ("nmse", 0.0));
    }

    #[test]
    fn the_loss_is_the_mean_squared_error() {
        let task = build(json!({"length": 2}));
        let tensor = |values: [f32; 4]| Tensor::<Flex, 1>::from_data(values, &Default::default()).reshape([2, 2, 1]);
        let (prediction, target) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 3.5, 4.0]);
        let loss = task.loss(tensor(prediction), tensor(target)).into_scalar();
        assert!((f64::from(loss) - task.metrics(&prediction, &target)[1].1).abs() < 1e-7);
        assert!((loss - 4.25 / 4.0).abs() < 1e-6);
    }
}
