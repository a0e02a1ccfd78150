//! Task `language`: the next token of a text.
//!
//! Inputs are windows of a text, each token a unit vector; the output at each token is judged against the token behind it
//! by its cross entropy, in nats.
//!
//! ```
//! use burn_dataset::Dataset;
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//! use serde_json::json;
//!
//! let params = json!({"source": "generated", "length": 8, "vocabulary": 300});
//! let task = (task::<Flex>("language")?.build)(params.as_object().unwrap(), &DataFolder::default())?;
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
use lookback_datasets::text::{LanguageConfig as TextConfig, LanguageCorpus};
use lookback_datasets::{DataFolder, Sample};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::classification::log_probability;
use crate::tasks::metrics::cross_entropy;
use crate::tasks::{Metrics, Objective, Probes, Task, TaskEntry, TaskInfo, opened};

/// The parameters of task `language`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LanguageConfig {
    /// The text, and how it is cut.
    #[serde(flatten)]
    pub text: TextConfig,
    /// Validation windows, the first so many (fewer where the text has fewer), from 1 up.
    pub valid_samples: usize,
}

impl Default for LanguageConfig {
    fn default() -> Self {
        Self { text: TextConfig::default(), valid_samples: 64 }
    }
}

impl LanguageConfig {
    /// Reads and checks the parameters of task `language`.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `language`", params)?;
        config.text.validate()?;
        if config.valid_samples == 0 {
            return Err(Error::invalid("valid_samples", 0, "a whole number from 1 up"));
        }
        Ok(config)
    }

    /// The shape of its samples.
    pub fn io(&self) -> Io {
        Io::sequence(self.text.vocabulary, self.text.vocabulary, self.text.length)
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "language",
            summary: "The next token of a text from those before it; cross entropy in nats per token.",
            source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", \
                     2024, https://arxiv.org/abs/2402.00522",
        },
        fields: fields::<LanguageConfig>,
        resolve: |params| Ok(to_params(&LanguageConfig::read(params)?)),
        io: |params| Ok(LanguageConfig::read(params)?.io()),
        find_data: |params, data| {
            let mut config = LanguageConfig::read(params)?;
            config.text.settle(data);
            *params = to_params(&config);
            Ok(())
        },
    }
}

/// Builds the task; the text is looked for once it is needed.
///
/// # Errors
/// As [`LanguageConfig::read`].
pub fn build<B: Backend>(params: &Params, folder: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    let config = LanguageConfig::read(params)?;
    Ok(Box::new(LanguageTask { config, folder: folder.clone(), corpus: OnceLock::new() }))
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
        Probes { memory: false, attention: None }
    }
}

/// Where a unit vector has its 1.
fn target_of(row: &[f32]) -> usize {
    row.iter().position(|value| *value > 0.0).unwrap_or_default()
}

impl<B: Backend> Objective<B> for LanguageTask {
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
        let message = |value: serde_json::Value| LanguageConfig::read(value.as_object().unwrap()).unwrap_err().chain();
        assert_eq!(
            message(json!({"valid_samples": 0})),
            "`valid_samples` is 0, but it must be a whole number from 1 up."
        );
        assert_eq!(
            message(json!({"vocabulary": 255})),
            "`vocabulary` is 255, but it must be a whole number from 256 (all bytes) to 1048576."
        );
        assert_eq!(
            message(json!({"source": "elsewhere"})),
            "The parameters of task `language` cannot be read: `source` is \"elsewhere\", but it must be one of `files`, \
             `found`, `generated`."
        );
    }
}
