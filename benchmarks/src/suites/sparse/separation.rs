//! S6: a lag that the present input names: dot products are needed.
//!
//! A layer without dot products and without a feed-forward network is affine in its inputs,
//! `a + b x_t + c x_(t-1) + d x_(t-2) + ..`. Its error reaches `|a| + |c - 1| + |d| + ..` over sequences with x_t = 0 and
//! `|a + b| + |c| + |d - 1| + ..` over those with x_t = 1. The two add up to at least |c - 1| + |c| + |d| + |d - 1| >= 2, so
//! one of them is at least 1, which the answer 0 attains: the least possible largest error is 1, where the paper proves 2/3.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shared::{bound, curve, dashed, least, training, trial};
use crate::experiment::comparison::Comparison;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Shown, Trial};
use crate::spec::TrainingConfig;

/// The paper's bound on the largest error without dot products.
const PUBLISHED: f64 = 2.0 / 3.0;

/// The least largest error of an affine function.
const AFFINE: f64 = 1.0;

/// The largest error is measured in single precision.
const ROUNDING: f64 = 1e-3;

/// The experiment.
pub(super) struct Separation;

/// A form of attention.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    /// Without dot products.
    DpFree,
    /// With dot products.
    Dp,
    /// With dot products, without the softmax's division.
    DpUnnormalised,
    /// "t minus x": lags less the input, without dot products and division.
    Tmx,
}

impl Form {
    const ALL: [Self; 4] = [Self::DpFree, Self::Dp, Self::DpUnnormalised, Self::Tmx];
}

/// A place of S6.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeparationSetting {
    form: Form,
    #[serde(rename = "H")]
    n_heads: usize,
}

impl Experiment for Separation {
    type Setting = SeparationSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "S6",
            title: "A lag named by the present input needs dot products",
            differs: "the paper proves it and does not train; sequences of 16 steps, linear scores of lags",
            remark: "A layer alone, without a feed-forward network. A dot product sees what stands at a lag, not \
                     the lag, and under the softmax what depends on x_t alone cancels; the paper's construction has \
                     no softmax.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<SeparationSetting>>> {
        let preset = request.preset;
        let heads: &[usize] = match preset {
            Preset::Smoke => &[2],
            Preset::Quick => &[2, 8],
            Preset::Full => &[1, 2, 4, 8, 16],
        };
        let mut grid = Vec::new();
        for form in Form::ALL {
            for n_heads in heads {
                let setting = SeparationSetting { form, n_heads: *n_heads };
                let samples = if preset == Preset::Smoke { 128 } else { 1024 };
                let task = json!({"length": 16, "alphabet": "ternary", "depth": 1, "readout": "last", "valid_samples": samples});
                let model = json!({
                    "d_model": 16, "n_heads": n_heads, "d_head": 8, "d_ff": 0, "rpe": "linear", "p_start": 0.5, "p_last": 3.0,
                    "dot_product": matches!(form, Form::Dp | Form::DpUnnormalised),
                    "normalise": matches!(form, Form::DpFree | Form::Dp), "tmx": form == Form::Tmx,
                });
                let training = TrainingConfig { learning_rate: 5e-3, ..training(preset, 4000) };
                grid.push(trial(setting, ("adaptive-memory", task), model, training));
            }
        }
        Ok(grid)
    }

    fn read(&self, cells: &Cells<'_, SeparationSetting>) -> Result<Reading> {
        let mut reading = Reading::default();
        for (metric, title) in [("sup", "largest error"), ("nmse", "NMSE")] {
            let title = format!("{title}, smallest over seeds");
            reading.tables.push(cells.grid_table(
                (&title, metric),
                ("form", |setting| Shown(setting.form)),
                ("H", |setting| setting.n_heads),
                |_| true,
            ));
        }
        let of = |form| cells.with(move |setting| setting.form == form);
        let mut series =
            Vec::from(Form::ALL.map(|form| curve(Shown(form).to_string(), of(form), |setting| setting.n_heads, "sup")));
        let heads = cells.values(|setting| setting.n_heads as f64);
        for (label, error) in [("least without dot products: 1", AFFINE), ("the paper's bound: 2/3", PUBLISHED)] {
            series.push(dashed(label, heads.iter().map(|heads| (*heads, error))));
        }
        reading.figures.push(Figure {
            id: "s6-largest-error".into(),
            title: self.info().title.into(),
            caption: "Largest error of one layer of attention alone on validation sequences; dp-unnormalised and tmx (t minus \
                      x) go without the softmax's division, as the paper's proofs do."
                .into(),
            panels: vec![Panel::new("", Axis::new("heads H", true), Axis::new("largest error", true), series)],
            columns: 1,
        });
        let further = [
            (Form::Dp, "s6-dot-products-below", "One layer with dot products and the softmax"),
            (Form::DpUnnormalised, "s6-unnormalised-below", "One layer with dot products and without the softmax"),
            (Form::Tmx, "s6-tmx-below", "One layer of \"t minus x\", without dot products and the softmax,"),
        ];
        reading.findings.push(bounded(cells));
        reading.findings.extend(further.map(|(form, name, what)| below(cells, form, name, what)));
        reading.comparisons = comparisons(cells);
        Ok(reading)
    }
}

fn bounded(cells: &Cells<'_, SeparationSetting>) -> Finding {
    let mut evidence = Evidence::default();
    for cell in cells.with(|setting| setting.form == Form::DpFree) {
        if let Some(summary) = cell.measured("sup", &mut evidence) {
            let number = format!("{} heads: {:.4}", cell.setting.n_heads, summary.min);
            evidence.check(summary.min >= AFFINE - ROUNDING, number);
        }
    }
    evidence.finding(
        "s6-dp-free-bounded",
        "No layer without dot products has a largest error below 1, the least of any affine function, and so none below the \
         paper's 2/3 (every seed).",
    )
}

/// Whether the best of a form is below the paper's bound.
fn below(cells: &Cells<'_, SeparationSetting>, form: Form, name: &str, what: &str) -> Finding {
    let mut evidence = Evidence::default();
    if let Some((sup, cell)) = least(cells.with(|setting| setting.form == form), "sup", &mut evidence) {
        let number = format!("largest error {} with {} heads", brief(sup), cell.setting.n_heads);
        evidence.check(sup < PUBLISHED, number);
    }
    evidence.finding(name, &format!("{what} goes below the largest error 2/3 (best size and seed)."))
}

/// The paper's bound is agreed with from above.
fn comparisons(cells: &Cells<'_, SeparationSetting>) -> Vec<Comparison> {
    let of = |cell: &Cell<'_, SeparationSetting>| {
        let quantity = format!("largest error, {} heads without dot products, at least", cell.setting.n_heads);
        bound(f64::ge, "S6", quantity, PUBLISHED, cell.ours("sup"), "the paper proves it and does not train")
    };
    cells.with(|setting| setting.form == Form::DpFree).map(of).collect()
}
