//! S8: language, in which memories are nested.

mod reading;

use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::experiment::{Cells, Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};
use crate::spec::{Decay, Named, TrainingConfig};

/// What is not as in the paper.
const DIFFERS: &str = "another corpus and smaller vocabulary, window and model; what grows with the heads is ours";

/// Layers against heads at equal parameters, with and without dot products.
pub(super) struct Language;

/// Which way a model grows.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Grows {
    /// By layers.
    Layers,
    /// By heads of its one layer.
    Heads,
}

/// A place of S8.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanguageSetting {
    grows: Grows,
    /// How many times as many parameters the blocks have as those of the smallest model.
    size: usize,
    /// Whether scores have dot products.
    #[serde(rename = "dp")]
    dot_product: bool,
}

/// The sizes of a preset.
struct Sizes {
    task: Value,
    d_model: usize,
    n_heads: usize,
    d_ff: usize,
    layers: &'static [usize],
    heads: &'static [usize],
    batch_size: usize,
    steps: usize,
    learning_rate: f64,
}

fn sizes(preset: Preset) -> Sizes {
    match preset {
        Preset::Smoke => Sizes {
            task: json!({
                "source": "generated", "file": "tiny-shakespeare.txt", "length": 8, "vocabulary": 256, "valid_samples": 4,
            }),
            d_model: 8,
            n_heads: 2,
            d_ff: 8,
            layers: &[1, 2],
            heads: &[2],
            batch_size: 4,
            steps: 3,
            learning_rate: 1e-2,
        },
        Preset::Quick => Sizes {
            task: json!({
                "source": "found", "file": "tiny-shakespeare.txt", "length": 64, "vocabulary": 512, "valid_samples": 64,
            }),
            d_model: 48,
            n_heads: 4,
            d_ff: 96,
            layers: &[1, 2, 4],
            heads: &[4],
            batch_size: 16,
            steps: 1500,
            learning_rate: 2e-3,
        },
        Preset::Full => Sizes {
            task: json!({
                "source": "found", "file": "wikitext-2.train.txt", "length": 256, "vocabulary": 2048, "valid_samples": 256,
            }),
            d_model: 256,
            n_heads: 8,
            d_ff: 1024,
            layers: &[1, 2, 4, 8],
            heads: &[2, 4, 8],
            batch_size: 32,
            steps: 10_000,
            learning_rate: 1e-3,
        },
    }
}

/// Hidden channels of one feed-forward network with as many parameters as `times` of `d_ff` channels.
fn widened(times: usize, d_model: usize, d_ff: usize) -> usize {
    let parameters = (2 * d_model + 1) * d_ff + d_model;
    (times * parameters - d_model) / (2 * d_model + 1)
}

/// A model of `size` layers, or of one layer with `size` times the heads (of as many channels each) and a feed-forward
/// network as much wider: the blocks of both have `size` times the parameters of the smallest model's.
fn trial(sizes: &Sizes, setting: LanguageSetting) -> Trial<LanguageSetting> {
    let Sizes { d_model, n_heads, d_ff, .. } = *sizes;
    let LanguageSetting { grows, size, dot_product } = setting;
    let deep = grows == Grows::Layers;
    Trial {
        setting,
        task: Named::new("language", sizes.task.clone()),
        model: Named::new(
            "rpe-transformer",
            json!({
                "d_model": d_model,
                "n_layers": if deep { size } else { 1 },
                "n_heads": if deep { n_heads } else { size * n_heads },
                "d_head": d_model / n_heads,
                "d_ff": if deep { d_ff } else { widened(size, d_model, d_ff) },
                "norm": "layer",
                "rpe": "log",
                "dot_product": dot_product,
            }),
        ),
        training: TrainingConfig {
            steps: sizes.steps,
            batch_size: sizes.batch_size,
            learning_rate: sizes.learning_rate,
            warmup_steps: sizes.steps / 20,
            weight_decay: 0.01,
            decay: Decay::Weights,
            eval_every: (sizes.steps / 4).max(1),
            eval_samples: Some(32),
            ..TrainingConfig::default()
        },
    }
}

impl Experiment for Language {
    type Setting = LanguageSetting;

    fn is_synthetic(&self) -> bool {
        false
    }

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "S8",
            title: "Language: layers against heads, with and without dot products",
            differs: DIFFERS,
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<LanguageSetting>>> {
        let sizes = sizes(request.preset);
        let mut grid = Vec::new();
        for (grows, all) in [(Grows::Layers, sizes.layers), (Grows::Heads, sizes.heads)] {
            for size in all {
                for dot_product in [true, false] {
                    grid.push(trial(&sizes, LanguageSetting { grows, size: *size, dot_product }));
                }
            }
        }
        Ok(grid)
    }

    fn read(&self, cells: &Cells<'_, LanguageSetting>) -> Result<Reading> {
        Ok(reading::reading(cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_grow_have_as_many_parameters() {
        for preset in [Preset::Quick, Preset::Full] {
            let Sizes { d_model, d_ff, heads, .. } = sizes(preset);
            for size in heads {
                let of = |times: usize, d_ff: usize| times * ((2 * d_model + 1) * d_ff + d_model);
                let (deep, wide) = (of(*size, d_ff), of(1, widened(*size, d_model, d_ff)));
                // Attention grows alike in both; the feed-forward networks up to one hidden channel.
                assert!(deep - wide <= 2 * d_model, "{deep} {wide}");
            }
        }
        assert_eq!(widened(1, 48, 96), 96);
    }

    #[test]
    fn every_preset_has_layers_and_heads_at_one_size() {
        for preset in Preset::ALL {
            let Sizes { layers, heads, d_model, n_heads, .. } = sizes(preset);
            assert!(heads.iter().all(|size| layers.contains(size) && *size > 1));
            assert_eq!((layers[0], d_model % n_heads), (1, 0));
            assert_eq!(Language.grid(&PlanRequest::new(preset)).unwrap().len(), 2 * (layers.len() + heads.len()));
        }
    }
}
