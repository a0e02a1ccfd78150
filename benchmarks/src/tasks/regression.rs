//! Tasks of one kind: sequences with real targets that are drawn from a configuration.

use std::fmt::Debug;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{DataFolder, Sample, Split};
use lookback_models::Io;
use lookback_registry::{Configurable, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::{Metrics, Objective, Probes, Splits, Task, TaskConfig, TaskInfo};

/// A configuration of sequences with real targets. [`RegressionConfig`] makes a task of it.
pub trait SequenceData: Configurable + Debug + Send + Sync {
    /// Name, summary, source of the task.
    const INFO: TaskInfo;

    /// How many sequences there are by default.
    const SPLITS: Splits = Splits::streamed(1024);

    /// Checks conditions on several fields; by default, that samples can be made.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    fn check(&self) -> Result<()> {
        self.samples(Split::valid(0, 1)).map(drop)
    }

    /// As [`TaskConfig::resolve`]; called once all fields are checked.
    ///
    /// # Errors
    /// As [`SequenceData::check`].
    fn resolved(self) -> Result<Self> {
        Ok(self)
    }

    /// The shape of its samples.
    fn io(&self) -> Io;

    /// The samples of a split.
    ///
    /// # Errors
    /// A field is out of range, or `split` has no samples.
    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>>;

    /// As [`Task::metrics`]; `nmse` and `mse` by default.
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }

    /// As [`Objective::loss`]; the mean squared error by default.
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }

    /// As [`Task::probes`]; nothing by default.
    fn probes(&self) -> Probes {
        Probes::default()
    }
}

/// The parameters of such a task: the sequences, and how many there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(bound = "D: SequenceData")]
pub struct RegressionConfig<D> {
    /// The sequences.
    #[serde(flatten)]
    pub data: D,
    /// How many there are.
    #[serde(flatten)]
    pub splits: Splits,
}

impl<D: SequenceData> Default for RegressionConfig<D> {
    fn default() -> Self {
        Self { data: D::default(), splits: D::SPLITS }
    }
}

impl<D: SequenceData> TaskConfig for RegressionConfig<D> {
    const INFO: TaskInfo = D::INFO;

    type Task = Regression<D>;

    fn validate(&self) -> Result<()> {
        check(self)?;
        self.data.check()
    }

    fn resolve(self) -> Result<Self> {
        self.validate()?;
        Ok(Self { data: self.data.resolved()?, ..self })
    }

    fn io(&self) -> Io {
        self.data.io()
    }

    fn build(self, _: &DataFolder) -> Result<Regression<D>> {
        self.validate()?;
        Ok(Regression(self))
    }
}

/// A task of sequences with real targets.
#[derive(Debug)]
pub struct Regression<D>(RegressionConfig<D>);

impl<D: SequenceData> Task for Regression<D> {
    fn io(&self) -> Io {
        self.0.data.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        self.0.data.samples(self.0.splits.train(seed))
    }

    fn streams(&self) -> bool {
        self.0.splits.stream
    }

    fn epoch(&self) -> Option<usize> {
        self.0.splits.epoch()
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        self.0.data.samples(self.0.splits.valid())
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        self.0.data.metrics(predictions, targets)
    }

    fn probes(&self) -> Probes {
        self.0.data.probes()
    }
}

impl<D: SequenceData> Objective for Regression<D> {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        self.0.data.loss(prediction, target)
    }
}
