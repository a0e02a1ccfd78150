//! What the experiments share: cells over lengths and heads, and for task `retrieval` the sizes and the recipe.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::published::LENGTHS;
use crate::experiment::{Cell, Cells, Preset, Table, Trial};
use crate::spec::{Named, Optimizer, TrainingConfig};

/// A sequence length and a number of heads: the axes of most experiments here.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadsSetting {
    #[serde(rename = "T")]
    pub length: usize,
    #[serde(rename = "h")]
    pub heads: usize,
}

/// Cells over lengths and heads.
pub(super) type HeadsCells<'a> = Cells<'a, HeadsSetting>;

/// The cell at a length and a number of heads.
pub(super) fn at<'s, 'a>(cells: &'s HeadsCells<'a>, length: usize, heads: usize) -> Option<&'s Cell<'a, HeadsSetting>> {
    cells.find(|setting| *setting == HeadsSetting { length, heads })
}

/// All pairs of a length and a number of heads, length by length.
pub(super) fn pairs(lengths: &[usize], heads: impl IntoIterator<Item = usize> + Clone) -> Vec<HeadsSetting> {
    let row = |&length: &usize| heads.clone().into_iter().map(move |heads| HeadsSetting { length, heads });
    lengths.iter().flat_map(row).collect()
}

/// A table of the smallest value of a metric over seeds, a row per number of heads, a column per length.
pub(super) fn table(cells: &HeadsCells, title: &str, metric: &str) -> Table {
    let (heads, length) = (|setting: &HeadsSetting| setting.heads, |setting: &HeadsSetting| setting.length);
    cells.grid_table((title, metric), ("h", heads), ("T", length), |_| true)
}

/// Validation samples whose attention is kept, where each value can have a head of its own.
const PROBED: usize = 64;

/// Validation samples of evaluations before the last: enough for a curve.
const EVAL_SAMPLES: usize = 256;

/// What a preset runs.
pub(super) struct Scale {
    pub lengths: &'static [usize],
    train_samples: usize,
    valid_samples: usize,
    steps: usize,
    batch_size: usize,
}

pub(super) fn scale(preset: Preset) -> Scale {
    match preset {
        Preset::Smoke => Scale { lengths: &[4, 8], train_samples: 256, valid_samples: 128, steps: 20, batch_size: 32 },
        Preset::Quick => {
            Scale { lengths: &[8, 32], train_samples: 8000, valid_samples: 2000, steps: 3000, batch_size: 256 }
        }
        Preset::Full => {
            Scale { lengths: &LENGTHS, train_samples: 8000, valid_samples: 2000, steps: 15_000, batch_size: 256 }
        }
    }
}

/// Channels of the heads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Channels {
    /// So many for each.
    PerHead(usize),
    /// So many for all together, rounded up to the next that they can share evenly.
    Total(usize),
}

/// One model on one task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// The number D of maxima.
    pub n_functions: usize,
    pub length: usize,
    pub heads: usize,
    pub channels: Channels,
    /// Hidden channels N.
    pub hidden: usize,
    pub n_layers: usize,
    /// Linear maps of the network behind the attention.
    pub head_layers: usize,
    /// Whether the encoder sees the place of a token.
    pub positions: bool,
    /// Highest learning rate.
    pub learning_rate: f64,
}

impl Case {
    /// D = 4, n = 8, N = 32, one layer.
    pub fn new(length: usize, heads: usize) -> Self {
        Self {
            n_functions: 4,
            length,
            heads,
            channels: Channels::PerHead(8),
            hidden: 32,
            n_layers: 1,
            head_layers: 2,
            positions: false,
            learning_rate: 1e-2,
        }
    }

    /// The cell of this model and task at a setting.
    pub fn trial<S>(self, preset: Preset, setting: S) -> Trial<S> {
        let Scale { train_samples, valid_samples, steps, batch_size, .. } = scale(preset);
        let d_head = match self.channels {
            Channels::PerHead(channels) => channels,
            Channels::Total(channels) => channels.div_ceil(self.heads),
        };
        let specialised = self.n_layers == 1 && self.heads >= self.n_functions;
        Trial {
            setting,
            task: Named::new(
                "retrieval",
                json!({
                    "n_functions": self.n_functions,
                    "length": self.length,
                    "standardised": true,
                    "train_samples": train_samples,
                    "valid_samples": valid_samples,
                    "probe_samples": if specialised { PROBED } else { 0 },
                }),
            ),
            model: Named::new(
                "class-attention",
                json!({
                    "n_heads": self.heads,
                    "d_head": d_head,
                    "d_hidden": self.hidden,
                    "n_layers": self.n_layers,
                    "head_layers": self.head_layers,
                    "positions": self.positions,
                }),
            ),
            training: TrainingConfig {
                steps,
                batch_size,
                optimizer: Optimizer::Adam,
                learning_rate: self.learning_rate,
                final_learning_rate: 1e-5,
                eval_every: (steps / 20).max(1),
                eval_samples: Some(EVAL_SAMPLES),
                ..TrainingConfig::default()
            },
        }
    }
}
