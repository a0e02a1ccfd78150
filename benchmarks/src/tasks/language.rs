//! Task `language`: the next token of a text.
//!
//! Inputs are windows of a text, each token a unit vector; targets are the tokens behind them. Both `[length, vocabulary]`;
//! the loss is the cross entropy `-log p(x(t+1) | x(0), .., x(t))`, averaged over all tokens, in nats.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_benchmarks::{Task, TaskConfig, tasks::language::LanguageConfig};
//! use lookback_datasets::{DataFolder, text::{LanguageTextConfig, TextSource}};
//!
//! let text = LanguageTextConfig { source: TextSource::Generated, length: 8, vocabulary: 300, ..Default::default() };
//! let task = LanguageConfig { text, ..Default::default() }.build(&DataFolder::default())?;
//! let sample = task.valid()?.get(0).unwrap();
//! assert_eq!(sample.inputs[300..], sample.targets[..7 * 300]);
//!
//! // Even odds between all tokens.
//! let metrics = task.metrics(&vec![0.0; 8 * 300], &sample.targets);
//! assert_eq!(metrics[0].0, "loss");
//! assert!((metrics[0].1 - 300f64.ln()).abs() < 1e-9 && (metrics[1].1 - 300.0).abs() < 1e-6);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use std::sync::OnceLock;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::text::{LanguageCorpus, LanguageTextConfig};
use lookback_datasets::{DataFolder, Sample};
use lookback_models::Io;
use lookback_registry::{Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::classification::log_probability;
use crate::tasks::metrics::cross_entropy;
use crate::tasks::{Metrics, Objective, Probes, Task, TaskConfig, TaskInfo, opened};

/// The parameters of task `language`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LanguageConfig {
    /// The text, and how it is cut.
    #[serde(flatten)]
    pub text: LanguageTextConfig,
    /// Validation windows, the first of the text (fewer where it has fewer).
    #[schemars(range(min = 1))]
    pub valid_samples: usize,
}

impl Default for LanguageConfig {
    fn default() -> Self {
        Self { text: LanguageTextConfig::default(), valid_samples: 64 }
    }
}

impl TaskConfig for LanguageConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "language",
        summary: "The next token of a text from those before it; cross entropy in nats per token.",
        source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", \
                 2024, https://arxiv.org/abs/2402.00522",
    };

    type Task = LanguageTask;

    fn validate(&self) -> Result<()> {
        check(self)?;
        self.text.validate()
    }

    fn io(&self) -> Io {
        Io::sequence(self.text.vocabulary, self.text.vocabulary, self.text.length)
    }

    fn find_data(&mut self, data: &DataFolder) -> Result<()> {
        self.text.find_data(data);
        Ok(())
    }

    fn build(self, data: &DataFolder) -> Result<LanguageTask> {
        self.validate()?;
        Ok(LanguageTask { config: self, folder: data.clone(), corpus: OnceLock::new() })
    }
}

/// The next token of a text.
#[derive(Debug)]
pub struct LanguageTask {
    config: LanguageConfig,
    folder: DataFolder,
    corpus: OnceLock<LanguageCorpus>,
}

impl LanguageTask {
    /// The text, read once.
    fn corpus(&self) -> Result<&LanguageCorpus> {
        opened(&self.corpus, || LanguageCorpus::open(&self.config.text, &self.folder))
    }
}

impl Task for LanguageTask {
    fn io(&self) -> Io {
        self.config.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.corpus()?.train(seed)))
    }

    fn streams(&self) -> bool {
        true
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.corpus()?.valid(self.config.valid_samples)))
    }

    /// `loss`, the mean cross entropy in nats per token, `perplexity`, its exponential, and `generated`, 1 where the text is
    /// made up and 0 where it is from a file.
    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        let vocabulary = self.config.text.vocabulary;
        let rows = predictions.chunks_exact(vocabulary).zip(targets.chunks_exact(vocabulary));
        let count = rows.len() as f64;
        let loss = rows.map(|(logits, target)| -log_probability(logits, target_of(target))).sum::<f64>() / count;
        let generated = self.corpus.get().is_some_and(LanguageCorpus::is_generated);
        vec![("loss", loss), ("perplexity", loss.exp()), ("generated", f64::from(u8::from(generated)))]
    }

    fn probes(&self) -> Probes {
        // Responses to impulses and constants say nothing of unit vectors.
        Probes::default()
    }
}

/// Where a unit vector has its 1.
fn target_of(row: &[f32]) -> usize {
    row.iter().position(|value| *value > 0.0).unwrap_or_default()
}

impl Objective for LanguageTask {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        cross_entropy(prediction, target)
    }
}
