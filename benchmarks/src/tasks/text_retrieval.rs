//! Task `text-retrieval`: which of several passages answers a query.
//!
//! A sequence is T passages and, last, the query, each one vector (see [`RetrievalSet`](lookback_datasets::text::RetrievalSet));
//! there is one output, a score per passage, and the loss is the cross entropy of their softmax with the relevant one.
//!
//! ```
//! use burn_dataset::Dataset;
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! let params = json!({"source": "generated", "candidates": 4, "train_queries": 20, "valid_queries": 5});
//! let task = (task::<Flex>("text-retrieval")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
//! assert_eq!((task.io().length, task.io().d_output, task.io().single_output), (5, 4, true));
//! assert_eq!(task.valid()?.get(0).unwrap().inputs.len(), 5 * 64);
//!
//! // The relevant passage is first of four, and third.
//! let logits = [9.0, 0.0, 0.0, 0.0, 0.5, 2.0, 1.0, 0.0];
//! let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
//! let metrics = task.metrics(&logits, &targets);
//! assert_eq!(metrics[..3], [("error", 0.5), ("mrr", (1.0 + 1.0 / 3.0) / 2.0), ("accuracy", 0.5)]);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use std::sync::OnceLock;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::text::{RetrievalConfig, RetrievalData};
use lookback_datasets::{DataFolder, Epochs, Sample};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::classification::{largest, log_probability, rank};
use crate::tasks::metrics::cross_entropy;
use crate::tasks::{Judge, Metrics, Objective, Probes, Task, TaskEntry, TaskInfo, opened};

/// The parameters of task `text-retrieval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TextRetrievalConfig {
    /// Queries, passages, and how they are shown.
    #[serde(flatten)]
    pub text: RetrievalConfig,
    /// The queries that models are judged on: train or valid.
    pub judge: Judge,
    /// How many of them, the first so many, from 1 up.
    pub judged: usize,
}

impl Default for TextRetrievalConfig {
    fn default() -> Self {
        Self { text: RetrievalConfig::default(), judge: Judge::default(), judged: 2000 }
    }
}

impl TextRetrievalConfig {
    /// Reads and checks the parameters of task `text-retrieval`.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `text-retrieval`", params)?;
        config.text.validate()?;
        if config.judged == 0 {
            return Err(Error::invalid("judged", 0, "a whole number from 1 up"));
        }
        Ok(config)
    }

    /// The shape of its samples.
    pub fn io(&self) -> Io {
        Io::single(self.text.width(), self.text.candidates, self.text.candidates + 1)
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "text-retrieval",
            summary: "Which of T passages is relevant to a query, in the files of MS MARCO; cross entropy.",
            source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                     https://arxiv.org/abs/2510.06662",
        },
        fields: fields::<TextRetrievalConfig>,
        resolve: |params| Ok(to_params(&TextRetrievalConfig::read(params)?)),
        io: |params| Ok(TextRetrievalConfig::read(params)?.io()),
        find_data: |params, data| {
            let mut config = TextRetrievalConfig::read(params)?;
            config.text.settle(data)?;
            *params = to_params(&config);
            Ok(())
        },
    }
}

/// Builds the task; the corpus is looked for once it is needed.
///
/// # Errors
/// As [`TextRetrievalConfig::read`].
pub fn build<B: Backend>(params: &Params, folder: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    let config = TextRetrievalConfig::read(params)?;
    Ok(Box::new(TextRetrievalTask { config, folder: folder.clone(), data: OnceLock::new() }))
}

/// Which of several passages answers a query.
pub struct TextRetrievalTask {
    config: TextRetrievalConfig,
    folder: DataFolder,
    data: OnceLock<RetrievalData>,
}

impl TextRetrievalTask {
    /// The corpus, read once.
    fn data(&self) -> Result<&RetrievalData> {
        opened(&self.data, || RetrievalData::open(&self.config.text, &self.folder))
    }
}

impl Task for TextRetrievalTask {
    fn io(&self) -> Io {
        self.config.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(Epochs::new(self.data()?.train(usize::MAX), seed)))
    }

    fn streams(&self) -> bool {
        true
    }

    fn epoch(&self) -> Option<usize> {
        Some(self.config.text.train_queries)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        let (data, judged) = (self.data()?, self.config.judged);
        Ok(Box::new(match self.config.judge {
            Judge::Train => data.train(judged),
            Judge::Valid => data.valid(judged),
        }))
    }

    /// `error`, the share of queries whose relevant passage is not first; `mrr`, the mean of 1 over its rank; `accuracy`;
    /// `cross_entropy`; and of the data: `generated`, 1 where the corpus is made up, `file_embeddings`, 1 where the
    /// embeddings are those of a file, and `skipped_rows`, how many malformed rows were left out.
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        let count = self.config.text.candidates;
        let rows = predictions.chunks_exact(count).zip(targets.chunks_exact(count));
        let samples = rows.len() as f64;
        let (mut first, mut reciprocal, mut entropy) = (0.0, 0.0, 0.0);
        for (logits, target) in rows {
            let truth = largest(target);
            let rank = rank(logits, truth);
            first += f64::from(u8::from(rank == 1));
            reciprocal += 1.0 / rank as f64;
            entropy -= log_probability(logits, truth);
        }
        // Without finite scores nothing was chosen.
        let share = |sum: f64| if f64::is_finite(entropy) { sum / samples } else { f64::NAN };
        let data = self.data.get();
        let flag = |of: fn(&RetrievalData) -> bool| f64::from(u8::from(data.is_some_and(of)));
        vec![
            ("error", 1.0 - share(first)),
            ("mrr", share(reciprocal)),
            ("accuracy", share(first)),
            ("cross_entropy", entropy / samples),
            ("generated", flag(RetrievalData::is_generated)),
            ("file_embeddings", flag(RetrievalData::has_file_embeddings)),
            ("skipped_rows", data.map_or(0.0, |data| data.skipped() as f64)),
        ]
    }

    fn probes(&self) -> Probes {
        Probes { memory: false, attention: None }
    }
}

impl<B: Backend> Objective<B> for TextRetrievalTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        cross_entropy(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bad_parameters_are_errors() {
        let message =
            |value: serde_json::Value| TextRetrievalConfig::read(value.as_object().unwrap()).unwrap_err().chain();
        assert_eq!(message(json!({"judged": 0})), "`judged` is 0, but it must be a whole number from 1 up.");
        assert_eq!(
            message(json!({"candidates": 1})),
            "`candidates` is 1, but it must be a whole number from 2 to 2^30."
        );
        for (value, expected) in [
            (json!({"judge": "test"}), "`judge` is \"test\", but it must be `train` or `valid`."),
            (
                json!({"embeddings": "learned"}),
                "`embeddings` is \"learned\", but it must be one of `random`, `trained`, `file`, `found`.",
            ),
            (
                json!({"source": "elsewhere"}),
                "`source` is \"elsewhere\", but it must be one of `files`, `found`, `generated`.",
            ),
        ] {
            let expected = format!("The parameters of task `text-retrieval` cannot be read: {expected}");
            assert_eq!(message(value), expected);
        }
    }

    #[test]
    fn models_are_judged_on_the_split_that_is_asked_for() {
        let built = |judge: Judge| {
            let text = RetrievalConfig {
                source: lookback_datasets::text::TextSource::Generated,
                train_queries: 20,
                valid_queries: 5,
                d_embedding: 8,
                ..RetrievalConfig::default()
            };
            let config = TextRetrievalConfig { text, judge, judged: 15 };
            TextRetrievalTask { config, folder: DataFolder::default(), data: OnceLock::new() }
        };
        let (train, valid) = (built(Judge::Train), built(Judge::Valid));
        let judged = (train.valid().unwrap(), valid.valid().unwrap());
        assert_eq!((judged.0.len(), judged.1.len()), (15, 5));
        let seen: Vec<Sample> = (0..20).map(|place| train.train(1).unwrap().get(place).unwrap()).collect();
        assert!((0..15).all(|index| seen.contains(&judged.0.get(index).unwrap())));
        assert!((0..5).all(|index| !seen.contains(&judged.1.get(index).unwrap())));
        let metrics = valid.metrics(&[f32::NAN; 8], &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(metrics[0].1.is_nan() && metrics[1].1.is_nan());
        assert_eq!(metrics[4], ("generated", 1.0));
    }
}
