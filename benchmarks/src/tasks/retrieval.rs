//! Task `retrieval`: a function of D extreme values, each of another function of the tokens.
//!
//! `y = F_0(z_1, .., z_D)`, `z_i = max_{t in S_i} f_i(x(t))`. The default is the sum of four maxima of scalar products
//! with fixed vectors. Inputs `[length, d_input]`, one target `[1, 1]`; mean squared error.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::retrieval::RetrievalTaskConfig};
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! // The distance of the farthest token from a fixed point, over sequences of three tokens on the line.
//! let params = json!({"n_functions": 1, "functions": ["squared-distance"], "length": 3, "d_input": 1});
//! let task = RetrievalTaskConfig::read(params.as_object().unwrap())?.build(&DataFolder::default())?;
//! assert!(task.io().single_output);
//!
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!((sample.inputs.len(), sample.targets.len()), (3, 1));
//! assert!(sample.targets[0] >= 0.0);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn_dataset::Dataset;
use lookback_datasets::retrieval::{Retrieval, RetrievalConfig};
use lookback_datasets::{Sample, Split};
use lookback_models::Io;
use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::regression::{RegressionConfig, SequenceData};
use crate::tasks::{AttentionProbes, Probes, Splits, TaskInfo};

/// The parameters of task `retrieval`.
pub type RetrievalTaskConfig = RegressionConfig<RetrievalSequences>;

/// The sequences of task `retrieval`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RetrievalSequences {
    /// Target and inputs.
    #[serde(flatten)]
    pub retrieval: RetrievalConfig,
    /// Validation samples whose attention is kept with the result; 0 for none.
    pub probe_samples: usize,
}

impl SequenceData for RetrievalSequences {
    const INFO: TaskInfo = TaskInfo {
        name: "retrieval",
        summary: "y = F_0(z_1, .., z_D), z_i = max_t f_i(x(t)), e.g. a sum of maxima; mean squared error.",
        source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                 https://arxiv.org/abs/2510.06662",
    };

    const SPLITS: Splits = Splits::fixed(8000, 2000);

    // Samples with `standardised` targets are made from the moments of thousands of others.
    fn check(&self) -> Result<()> {
        self.retrieval.validate()
    }

    fn io(&self) -> Io {
        Io::single(self.retrieval.d_input, Retrieval::D_OUTPUT, self.retrieval.length)
    }

    fn samples(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(Retrieval::new(self.retrieval.clone())?.dataset(split)?))
    }

    fn probes(&self) -> Probes {
        let weights = self.probe_samples;
        Probes { memory: false, attention: (weights > 0).then_some(AttentionProbes { weights, spectra: 0 }) }
    }
}

#[cfg(test)]
mod tests {
    use lookback_datasets::DataFolder;

    use super::*;
    use crate::tasks::regression::Regression;
    use crate::tasks::{Task, TaskConfig};

    fn built(length: usize, splits: Splits) -> Regression<RetrievalSequences> {
        let retrieval = RetrievalConfig { length, ..Default::default() };
        let data = RetrievalSequences { retrieval, probe_samples: 0 };
        RetrievalTaskConfig { data, splits }.build(&DataFolder::default()).unwrap()
    }

    #[test]
    fn the_default_is_the_sum_of_four_maxima() {
        let task = built(8, Splits::fixed(8, 3));
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
        let task = built(4, Splits::fixed(3, 2));
        let first = |seed| task.train(seed).unwrap().get(0).unwrap();
        assert_ne!(first(0), first(1));
        assert_eq!((task.epoch(), task.train(0).unwrap().len(), task.valid().unwrap().len()), (Some(3), 3, 2));
    }
}
