//! S6: a lag that the present input names: dot products are needed.
//!
//! A layer without dot products and without a feed-forward network is affine in its inputs,
//! `a + b x_t + c x_(t-1) + d x_(t-2) + ..`. Its error reaches `|a| + |c - 1| + |d| + ..` over sequences with x_t = 0 and
//! `|a + b| + |c| + |d - 1| + ..` over those with x_t = 1. The two add up to at least |c - 1| + |c| + |d| + |d - 1| >= 2, so
//! one of them is at least 1, which the answer 0 attains: the least possible largest error is 1, where the paper proves 2/3.

use lookback_registry::Result;
use serde_json::json;

use super::shared::{curve, dashed, setting, training};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::spec::TrainingConfig;
use crate::experiment::{Finding, Preset, Verdict};

/// The paper's bound on the largest error without dot products.
const PUBLISHED: f64 = 2.0 / 3.0;

/// The least largest error of an affine function.
const AFFINE: f64 = 1.0;

/// The largest error is measured in single precision.
const ROUNDING: f64 = 1e-3;

/// The forms of attention: value on the axis, whether with dot products, with the softmax, with "t minus x".
const FORMS: [(&str, bool, bool, bool); 4] = [
    ("dp-free", false, true, false),
    ("dp", true, true, false),
    ("dp-unnormalised", true, false, false),
    ("tmx", false, false, true),
];

/// The experiment.
pub(super) struct Separation;

impl Experiment for Separation {
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

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let heads: &[usize] = match preset {
            Preset::Smoke => &[2],
            Preset::Quick => &[2, 8],
            Preset::Full => &[1, 2, 4, 8, 16],
        };
        let mut grid = Vec::new();
        for (form, dot_product, normalise, tmx) in FORMS {
            for n_heads in heads {
                let axes = vec![("form", form.to_owned()), ("H", n_heads.to_string())];
                let samples = if preset == Preset::Smoke { 128 } else { 1024 };
                let task = json!({"length": 16, "alphabet": "ternary", "depth": 1, "readout": "last", "valid_samples": samples});
                let model = json!({
                    "d_model": 16, "n_heads": n_heads, "d_head": 8, "d_ff": 0, "rpe": "linear", "p_start": 0.5, "p_last": 3.0,
                    "dot_product": dot_product, "normalise": normalise, "tmx": tmx,
                });
                let training = TrainingConfig { learning_rate: 5e-3, ..training(preset, 4000) };
                grid.push(setting(axes, ("adaptive-memory", task), model, training));
            }
        }
        grid
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let mut reading = Reading::default();
        for (metric, title) in [("sup", "largest error"), ("nmse", "NMSE")] {
            let title = format!("{title}, smallest over seeds");
            reading.tables.push(cells.grid_table(&title, metric, "form", "H", &[]));
        }
        let heads: Vec<f64> = cells.values("H").into_iter().filter_map(|value| value.parse().ok()).collect();
        let mut series: Vec<_> =
            FORMS.iter().map(|(form, ..)| curve(*form, cells, &[("form", form)], ("H", "sup"))).collect();
        series.push(dashed("least without dot products: 1", heads.iter().map(|heads| (*heads, AFFINE))));
        series.push(dashed("the paper's bound: 2/3", heads.iter().map(|heads| (*heads, PUBLISHED))));
        reading.figures.push(Figure {
            id: "s6-largest-error".into(),
            title: self.info().title.into(),
            caption: "Largest error of one layer of attention alone on validation sequences; dp-unnormalised and tmx (t minus \
                      x) go without the softmax's division, as the paper's proofs do."
                .into(),
            panels: vec![Panel::new("", Axis::new("heads H", true), Axis::new("largest error", true), series)],
            columns: 1,
        });
        reading.findings = vec![
            bounded(cells),
            below(cells, "dp", "s6-dot-products-below", "One layer with dot products and the softmax"),
            below(
                cells,
                "dp-unnormalised",
                "s6-unnormalised-below",
                "One layer with dot products and without the softmax",
            ),
            below(cells, "tmx", "s6-tmx-below", "One layer of \"t minus x\", without dot products and the softmax,"),
        ];
        reading.comparisons = comparisons(cells);
        Ok(reading)
    }
}

fn bounded(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    for cell in cells.with(&[("form", "dp-free")]) {
        if let Some(summary) = cell.measured("sup", &mut evidence) {
            let number = format!("{} heads: {:.4}", cell.axis("H"), summary.min);
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
fn below(cells: &Cells, form: &str, name: &str, what: &str) -> Finding {
    let mut evidence = Evidence::default();
    let measured: Vec<(f64, &str)> = cells
        .iter()
        .filter(|cell| cell.axis("form") == form)
        .filter_map(|cell| Some((cell.measured("sup", &mut evidence)?.min, cell.axis("H"))))
        .collect();
    if let Some((sup, heads)) = measured.into_iter().min_by(|left, right| left.0.total_cmp(&right.0)) {
        evidence.check(sup < PUBLISHED, format!("largest error {} with {heads} heads", brief(sup)));
    }
    evidence.finding(name, &format!("{what} goes below the largest error 2/3 (best size and seed)."))
}

/// The paper's bound is agreed with from above.
fn comparisons(cells: &Cells) -> Vec<Comparison> {
    let of = |cell: &crate::experiment::Cell| {
        let ours = cell.ours("sup");
        let quantity = format!("largest error, {} heads without dot products, at least", cell.axis("H"));
        let mut comparison =
            Comparison::within(1.0, "S6", quantity, PUBLISHED, ours, "the paper proves it and does not train");
        if let Ours::Trained(summary) = ours {
            comparison.verdict = if summary.min >= PUBLISHED { Verdict::Holds } else { Verdict::DoesNotHold };
        }
        comparison
    };
    cells.with(&[("form", "dp-free")]).map(of).collect()
}
