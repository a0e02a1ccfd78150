//! H9: images on larger and larger squares.

use lookback_registry::Result;
use serde_json::json;

use super::by_heads::{PublishedAccuracies, figure};
use super::grid::{HeadsCells, HeadsSetting, table};
use crate::experiment::{Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};
use crate::spec::{Decay, Named, TrainingConfig};
use crate::tasks::cifar10::TRAIN_IMAGES;

/// Table 8 of the paper: training accuracy on padded CIFAR-10.
const PUBLISHED: PublishedAccuracies = PublishedAccuracies {
    experiment: "H9",
    lengths: &[65, 145, 257, 577, 1025],
    rows: &[
        (1, &[0.478, 0.437, 0.420, 0.408, 0.400]),
        (2, &[0.597, 0.552, 0.534, 0.515, 0.508]),
        (4, &[0.755, 0.703, 0.685, 0.662, 0.658]),
        (8, &[0.951, 0.926, 0.914, 0.907, 0.902]),
        (10, &[0.981, 0.973, 0.967, 0.965, 0.967]),
        (11, &[0.988, 0.983, 0.981, 0.977, 0.979]),
        (12, &[0.992, 0.989, 0.986, 0.986, 0.986]),
        (13, &[0.994, 0.993, 0.991, 0.990, 0.991]),
        (14, &[0.996, 0.994, 0.993, 0.993, 0.993]),
        (16, &[0.997, 0.996, 0.995, 0.996, 0.996]),
        (20, &[0.998, 0.997, 0.997, 0.998, 0.999]),
        (24, &[0.999, 0.998, 0.998, 0.999, 0.999]),
    ],
    rounding: 5e-4,
    enough: 10,
};

/// Sides of the squares; with patches of 8 pixels and a class token they make the lengths of [`PUBLISHED`].
const SIDES: [usize; 5] = [64, 96, 128, 192, 256];
/// Pixels along a side of a patch.
const PATCH: usize = 8;
/// Channels per head.
const D_HEAD: usize = 16;

/// What is not as in the paper.
const DIFFERS: &str =
    "passes, learning rate, feed-forward width 2 E and no dropout are ours; evaluated on 5,000 training images";

/// The training accuracy of a four-layer ViT over its heads, for several numbers of patches.
pub(super) struct PaddedImages;

/// How much is trained and evaluated on.
struct Scale {
    train_samples: usize,
    eval_samples: usize,
    batch_size: usize,
    passes: usize,
}

fn trial(
    side: usize,
    heads: usize,
    &Scale { train_samples, eval_samples, batch_size, passes }: &Scale,
) -> Trial<HeadsSetting> {
    let length = (side / PATCH).pow(2) + 1;
    let width = heads * D_HEAD;
    let steps = passes * train_samples / batch_size;
    Trial {
        setting: HeadsSetting { length, heads },
        task: Named::new(
            "padded-cifar10",
            json!({"side": side, "train_samples": train_samples, "eval_split": "train", "eval_samples": eval_samples}),
        ),
        model: Named::new(
            "vit",
            json!({
                "patch_size": PATCH, "d_model": width, "n_heads": heads, "n_layers": 4, "d_ff": 2 * width,
            }),
        ),
        training: TrainingConfig {
            steps,
            batch_size,
            learning_rate: 1e-3,
            final_learning_rate: 0.0,
            warmup_steps: steps / 40,
            weight_decay: 0.05,
            decay: Decay::Weights,
            eval_every: (steps / 10).max(1),
            eval_samples: Some(eval_samples.min(1000)),
            ..TrainingConfig::default()
        },
    }
}

impl Experiment for PaddedImages {
    type Setting = HeadsSetting;

    fn is_synthetic(&self) -> bool {
        false
    }

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H9",
            title: "Images: heads against the number of patches",
            differs: DIFFERS,
            remark: "Preset quick makes three passes, after which errors are far from where training ends, with many heads most \
                     of all.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<HeadsSetting>>> {
        let all = |passes| Scale { train_samples: TRAIN_IMAGES, eval_samples: 5000, batch_size: 128, passes };
        let few = Scale { train_samples: 40, eval_samples: 20, batch_size: 10, passes: 1 };
        Ok(match request.preset {
            Preset::Smoke => [1, 2].map(|heads| trial(SIDES[0], heads, &few)).into(),
            Preset::Quick => [1, 2, 4].map(|heads| trial(SIDES[0], heads, &all(3))).into(),
            Preset::Full => {
                let heads = || PUBLISHED.rows.iter().map(|(heads, _)| *heads);
                SIDES.iter().flat_map(|side| heads().map(|heads| trial(*side, heads, &all(100)))).collect()
            }
        })
    }

    fn read(&self, cells: &HeadsCells) -> Result<Reading> {
        let caption = "Training accuracy of a ViT of four layers with 16 channels per head on CIFAR-10, each image at a fixed \
                       random place of a square that continues its border, in patches of 8 x 8 pixels: mean over seeds and \
                       95 % interval (of two seeds: both values). Dashed: the paper's, and choosing by chance.";
        Ok(Reading {
            tables: vec![table(cells, "training error", "error")],
            figures: vec![figure(
                "h9-accuracy",
                "Images: training accuracy against heads",
                caption.into(),
                PUBLISHED.panels(cells, |_| 0.1),
            )],
            findings: PUBLISHED.findings(cells),
            comparisons: PUBLISHED.comparisons(cells, DIFFERS, |_| true),
        })
    }
}
