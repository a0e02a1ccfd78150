//! Task `text-retrieval`: which of several passages answers a query.
//!
//! A sequence is T passages and, last, the query, each one vector (see [`RetrievalSet`](lookback_datasets::text::RetrievalSet)):
//! inputs `[T + 1, width]`. The one output, `[1, T]`, is a score per passage, and the loss is the cross entropy of their
//! softmax with the relevant one.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::text_retrieval::TextRetrievalConfig};
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! let params = json!({"source": "generated", "candidates": 4, "train_queries": 20, "valid_queries": 5});
//! let task = TextRetrievalConfig::read(params.as_object().unwrap())?.build(&DataFolder::default())?;
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
use lookback_datasets::text::{RetrievalData, RetrievalTextConfig};
use lookback_datasets::{DataFolder, Epochs, Sample};
use lookback_models::Io;
use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::classification::{largest, log_probability, rank};
use crate::tasks::metrics::cross_entropy;
use crate::tasks::{EvalSplit, Metrics, Objective, Probes, Task, TaskConfig, TaskInfo, opened};

/// The parameters of task `text-retrieval`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TextRetrievalConfig {
    /// Queries, passages, and how they are shown.
    #[serde(flatten)]
    pub text: RetrievalTextConfig,
    /// The queries that models are evaluated on: train or valid.
    pub eval_split: EvalSplit,
    /// How many of them, the first of the split (fewer where it has fewer).
    #[schemars(range(min = 1))]
    pub eval_samples: usize,
}

impl Default for TextRetrievalConfig {
    fn default() -> Self {
        Self { text: RetrievalTextConfig::default(), eval_split: EvalSplit::default(), eval_samples: 2000 }
    }
}

impl TaskConfig for TextRetrievalConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "text-retrieval",
        summary: "Which of T passages is relevant to a query, in the files of MS MARCO; cross entropy.",
        source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                 https://arxiv.org/abs/2510.06662",
    };

    type Task = TextRetrievalTask;

    fn io(&self) -> Io {
        Io::single(self.text.width(), self.text.candidates, self.text.candidates + 1)
    }

    fn find_data(&mut self, data: &DataFolder) -> Result<()> {
        self.text.find_data(data)
    }

    fn build(self, data: &DataFolder) -> Result<TextRetrievalTask> {
        self.validate()?;
        Ok(TextRetrievalTask { config: self, folder: data.clone(), data: OnceLock::new() })
    }
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
        let (data, samples) = (self.data()?, self.config.eval_samples);
        Ok(Box::new(match self.config.eval_split {
            EvalSplit::Train => data.train(samples),
            EvalSplit::Valid => data.valid(samples),
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
        Probes::default()
    }
}

impl Objective for TextRetrievalTask {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        cross_entropy(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use lookback_datasets::text::TextSource;

    use super::*;

    #[test]
    fn models_are_evaluated_on_the_split_that_is_asked_for() {
        let built = |eval_split| {
            let text = RetrievalTextConfig {
                source: TextSource::Generated,
                train_queries: 20,
                valid_queries: 5,
                d_embedding: 8,
                ..RetrievalTextConfig::default()
            };
            TextRetrievalConfig { text, eval_split, eval_samples: 15 }.build(&DataFolder::default()).unwrap()
        };
        let (train, valid) = (built(EvalSplit::Train), built(EvalSplit::Valid));
        let splits = (train.valid().unwrap(), valid.valid().unwrap());
        assert_eq!((splits.0.len(), splits.1.len()), (15, 5));
        let seen: Vec<Sample> = (0..20).map(|place| train.train(1).unwrap().get(place).unwrap()).collect();
        assert!((0..15).all(|index| seen.contains(&splits.0.get(index).unwrap())));
        assert!((0..5).all(|index| !seen.contains(&splits.1.get(index).unwrap())));
        let metrics = valid.metrics(&[f32::NAN; 8], &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(metrics[0].1.is_nan() && metrics[1].1.is_nan());
        assert_eq!(metrics[4], ("generated", 1.0));
    }
}
