//! How many samples the splits of a task have.

use lookback_datasets::Split;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The splits of drawn sequences; flatten it into the configuration of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Splits {
    /// Sequences of the training split; without effect where `stream` is true.
    #[schemars(range(min = 1))]
    pub train_samples: usize,
    /// Sequences of the validation split.
    #[schemars(range(min = 1))]
    pub valid_samples: usize,
    /// Whether training sequences are an endless stream, in which none comes twice, instead of a fixed set: then the
    /// errors of both splits are the approximation error, without a gap between them.
    pub stream: bool,
    /// Seeds the validation split, which all runs share; the training split has the seed of its run.
    pub data_seed: u64,
}

impl Splits {
    /// A stream to train on, and this many validation sequences.
    pub const fn streamed(valid_samples: usize) -> Self {
        Self { train_samples: 4096, valid_samples, stream: true, data_seed: 0 }
    }

    /// This many training and validation sequences.
    pub const fn fixed(train_samples: usize, valid_samples: usize) -> Self {
        Self { train_samples, valid_samples, stream: false, data_seed: 0 }
    }

    /// The training split of the run with this seed.
    pub fn train(&self, seed: u64) -> Split {
        if self.stream { Split::stream(seed) } else { Split::train(seed, self.train_samples) }
    }

    /// Training sequences of one epoch; a stream has no epochs.
    pub fn epoch(&self) -> Option<usize> {
        (!self.stream).then_some(self.train_samples)
    }

    /// The validation split.
    pub fn valid(&self) -> Split {
        Split::valid(self.data_seed, self.valid_samples)
    }
}

impl Default for Splits {
    fn default() -> Self {
        Self::fixed(4096, 512)
    }
}

/// The samples that a model is evaluated on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvalSplit {
    /// Those it is trained on: what it can express.
    Train,
    /// Others.
    #[default]
    Valid,
}
