//! Tasks of one kind: sequences drawn from a configuration, judged by the mean squared error.

use std::fmt::Debug;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::{Sample, Split};
use lookback_models::Io;
use lookback_registry::{Configurable, Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::metrics::{mean_squared_error, squared_errors};
use crate::tasks::{Metrics, Objective, Probes, Task, TaskEntry, TaskInfo};

/// A configuration of sequences with real targets; a task of its own by [`kind`] and [`build`].
pub trait SequenceData: Configurable + Debug + Send + Sync + 'static {
    /// Name, summary, source of the task.
    const INFO: TaskInfo;

    /// Checks every field.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    fn check(&self) -> Result<()>;

    /// All parameters, defaults of nested ones filled in; called once they are checked.
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

    /// What is looked into once a model has learnt this; nothing by default.
    fn probes(&self) -> Probes {
        Probes { memory: false, attention: None }
    }
}

/// The parameters of such a task: the sequences, and how many there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(bound = "D: JsonSchema + Default + Serialize")]
pub struct RegressionConfig<D: Default> {
    /// The sequences.
    #[serde(flatten)]
    pub data: D,
    /// Sequences of the training split, from 1 up; without effect where `stream` is true.
    pub train_samples: usize,
    /// Sequences of the validation split, from 1 up.
    pub valid_samples: usize,
    /// Whether training sequences are an endless stream, in which none comes twice, instead of a fixed set: then the
    /// errors of both splits are the approximation error, without a gap between them.
    pub stream: bool,
    /// Seeds the validation split, which all runs share; the training split has the seed of its run.
    pub data_seed: u64,
}

impl<D: Default> Default for RegressionConfig<D> {
    fn default() -> Self {
        Self { data: D::default(), train_samples: 4096, valid_samples: 1024, stream: true, data_seed: 0 }
    }
}

impl<D: SequenceData> RegressionConfig<D> {
    /// Reads and checks the parameters of the task.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse(&format!("task `{}`", D::INFO.name), params)?;
        for (field, value) in [("train_samples", config.train_samples), ("valid_samples", config.valid_samples)] {
            if value == 0 {
                return Err(Error::invalid(field, value, "a whole number from 1 up"));
            }
        }
        config.data.check()?;
        Ok(config)
    }
}

/// What is known of the task of these sequences.
pub fn kind<D: SequenceData>() -> TaskEntry {
    TaskEntry {
        info: D::INFO,
        fields: fields::<RegressionConfig<D>>,
        resolve: |params| {
            let config = RegressionConfig::<D>::read(params)?;
            Ok(to_params(&RegressionConfig { data: config.data.resolved()?, ..config }))
        },
        io: |params| Ok(RegressionConfig::<D>::read(params)?.data.io()),
        find_data: |_, _| Ok(()),
    }
}

/// Builds the task of these sequences; it needs no data.
///
/// # Errors
/// As [`RegressionConfig::read`].
pub fn build<B: Backend, D: SequenceData>(params: &Params) -> Result<Box<dyn Objective<B>>> {
    Ok(Box::new(Regression { config: RegressionConfig::<D>::read(params)? }))
}

/// A task of sequences with real targets.
#[derive(Debug)]
struct Regression<D: Default> {
    config: RegressionConfig<D>,
}

impl<D: SequenceData> Task for Regression<D> {
    fn io(&self) -> Io {
        self.config.data.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        let RegressionConfig { data, train_samples, stream, .. } = &self.config;
        data.samples(if *stream { Split::stream(seed) } else { Split::train(seed, *train_samples) })
    }

    fn streams(&self) -> bool {
        self.config.stream
    }

    fn epoch(&self) -> Option<usize> {
        (!self.config.stream).then_some(self.config.train_samples)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        self.config.data.samples(Split::valid(self.config.data_seed, self.config.valid_samples))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }

    fn probes(&self) -> Probes {
        self.config.data.probes()
    }
}

impl<B: Backend, D: SequenceData> Objective<B> for Regression<D> {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::task_kind;
    use lookback_datasets::CouplingConfig;

    #[test]
    fn unknown_values_are_errors() {
        for (task, field, value, valid) in [
            ("temporal-coupling", "psi", "sines", "`same`, `reversed`, `cosines`"),
            ("ordering", "alteration", "reversal", "`none`, `order`, `mixing`"),
            ("attention-recovery", "kind", "farthest-point", "`nearest-point`, `centre-of-gravity`, `selection`"),
        ] {
            let params = Params::from_iter([(field.to_owned(), value.into())]);
            assert_eq!(
                (task_kind(task).unwrap().resolve)(&params).unwrap_err().chain(),
                format!(
                    "The parameters of task `{task}` cannot be read: `{field}` is \"{value}\", but it must be one of {valid}."
                )
            );
        }
    }

    #[test]
    fn splits_without_samples_are_errors() {
        for field in ["train_samples", "valid_samples"] {
            let params = Params::from_iter([(field.to_owned(), 0.into())]);
            assert_eq!(
                RegressionConfig::<CouplingConfig>::read(&params).unwrap_err().to_string(),
                format!("`{field}` is 0, but it must be a whole number from 1 up.")
            );
        }
    }
}
