//! S7: lags that are named one after the other: how many layers they take.
//!
//! `y_t = x_t x_(t-g(x_t)) x_(t-g(x_(t-g(x_t))))` with g(1) = 1 and g(-1) = 2 is nested twice (K = 2), for which the paper
//! builds K + 1 = 3 layers. All lags count from t, so that it is a function of three signs all the same, x_t, x_(t-1) and
//! x_(t-2), which one layer with a feed-forward network can represent: three layers are enough by that construction, not
//! proven to be needed.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shared::{curve, least, smallest, training, trial};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Trial};

/// Layers of the paper's construction.
const ENOUGH: usize = 3;

/// A drop is a fall of the error by at least this factor.
const DROP: f64 = 10.0;

/// Learned: an error of at most this share of the target's variance.
const LEARNED: f64 = 1e-2;

/// The experiment.
pub(super) struct Nesting;

/// A place of S7.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NestingSetting {
    #[serde(rename = "m")]
    width: usize,
    #[serde(rename = "H")]
    n_heads: usize,
    #[serde(rename = "L")]
    n_layers: usize,
}

impl Experiment for Nesting {
    type Setting = NestingSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "S7",
            title: "Nested lags and the number of layers",
            differs: "an example of the paper's section 4, which does not train it; sequences of 16 steps, logarithmic scores",
            remark: "Three layers are the paper's construction. The target is a function of the last three signs, so \
                     that heads that fetch lags and a feed-forward network do with fewer.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<NestingSetting>>> {
        let preset = request.preset;
        let (heads, widths): (&[usize], &[usize]) = match preset {
            Preset::Smoke => (&[2], &[8]),
            Preset::Quick => (&[1, 2, 4], &[16, 64]),
            Preset::Full => (&[1, 2, 4, 8], &[4, 16, 64]),
        };
        let mut grid = Vec::new();
        for width in widths {
            for n_heads in heads {
                for n_layers in 1..=4 {
                    let setting = NestingSetting { width: *width, n_heads: *n_heads, n_layers };
                    let task = json!({"length": 16, "alphabet": "binary", "depth": 2, "readout": "product"});
                    let model = json!({
                        "d_model": 16, "n_heads": n_heads, "d_head": 8, "d_ff": width, "n_layers": n_layers,
                        "rpe": "log", "p_start": 0.5, "p_last": 4.0,
                    });
                    grid.push(trial(setting, ("adaptive-memory", task), model, training(preset, 2000)));
                }
            }
        }
        Ok(grid)
    }

    fn read(&self, cells: &Cells<'_, NestingSetting>) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for width in cells.values(|setting| setting.width) {
            let title = format!("NMSE at feed-forward width {width}, smallest over seeds");
            reading.tables.push(cells.grid_table(
                (&title, "nmse"),
                ("H", |setting| setting.n_heads),
                ("L", |setting| setting.n_layers),
                |setting| setting.width == width,
            ));
            let series = cells.values(|setting| setting.n_heads).into_iter().map(|heads| {
                let here = cells.with(move |setting| setting.width == width && setting.n_heads == heads);
                curve(format!("{heads} heads"), here, |setting| setting.n_layers, "nmse")
            });
            panels.push(Panel::new(
                format!("width {width}"),
                Axis::new("layers L", false),
                Axis::new("NMSE", true),
                series.collect(),
            ));
            reading.findings.push(drops(cells, width));
        }
        reading.findings.push(one_layer(cells));
        let columns = panels.len().clamp(1, 3);
        reading.figures.push(Figure {
            id: "s7-layers".into(),
            title: self.info().title.into(),
            caption: "Error over the number of layers, by heads per layer; the paper builds a solution of 3 layers."
                .into(),
            panels,
            columns,
        });
        Ok(reading)
    }
}

fn drops(cells: &Cells<'_, NestingSetting>, width: usize) -> Finding {
    let mut evidence = Evidence::default();
    for n_heads in cells.values(|setting| setting.n_heads) {
        let pair = [ENOUGH - 1, ENOUGH].map(|n_layers| {
            let place = NestingSetting { width, n_heads, n_layers };
            cells.find(|setting| *setting == place)
        });
        let missing = format!("2 and 3 layers at H = {n_heads}");
        if let Some([before, after]) = smallest(pair, "nmse", missing, &mut evidence) {
            let number = format!("H = {n_heads}: NMSE {} with 2 layers, {} with 3", brief(before), brief(after));
            evidence.check(after * DROP <= before, number);
        }
    }
    evidence.finding(
        &format!("s7-drop-at-three-layers-m{width}"),
        &format!(
            "At feed-forward width {width} the error (best seed) drops by a factor of 10 from 2 to K + 1 = 3 layers, whatever \
             the number of heads."
        ),
    )
}

fn one_layer(cells: &Cells<'_, NestingSetting>) -> Finding {
    let mut evidence = Evidence::default();
    if let Some((nmse, cell)) = least(cells.with(|setting| setting.n_layers == 1), "nmse", &mut evidence) {
        evidence.check(nmse < LEARNED, format!("NMSE {} at {}", brief(nmse), cell.place()));
    }
    evidence.finding(
        "s7-one-layer-suffices",
        "With enough heads and width a single layer learns the nested target, which is a function of three signs (best size and \
         seed: NMSE < 1e-2).",
    )
}
