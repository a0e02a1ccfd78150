//! S1: one layer learns a function of three fixed lags, with and without dot products.

use std::collections::BTreeSet;

use lookback_registry::Result;
use serde_json::json;

use super::shared::{SMALLER, d_model, places, setting, sparse_task, training};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::experiment::{Finding, Preset};

/// Learned: an error of at most this share of the target's variance.
const LEARNED: f64 = 1e-2;

/// A gain of at most this share of the target's variance is marginal.
const MARGINAL: f64 = 0.05;

/// (heads, width) that suffice according to the paper.
const ENOUGH: (usize, usize) = (32, 256);

/// The experiment.
pub(super) struct Boolean;

impl Experiment for Boolean {
    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "S1",
            title: "One layer learns a function of three fixed lags",
            differs: SMALLER,
            remark: "Scores that fall with the lag cannot single out far lags; free scores can: in preset full two heads \
                     of width 256 learn the target without dot products in one of three seeds. All 32 heads weigh the \
                     three lags in about one proportion there (looked at in one run), so that the readout sees one \
                     combination of them; with dot products and width 256 proportions differ, and the target is learned.",
        }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let sizes = match preset {
            Preset::Smoke => vec![(2, 4), ENOUGH],
            Preset::Quick => vec![(2, 16), ENOUGH],
            Preset::Full => vec![(2, 16), (2, 256), (8, 64), (32, 16), ENOUGH],
        };
        let mut grid = Vec::new();
        for place in places(preset) {
            for (heads, width) in &sizes {
                for dot_product in [false, true] {
                    let axes = vec![
                        ("place", place.name.to_owned()),
                        ("H", heads.to_string()),
                        ("m", width.to_string()),
                        ("dot-product", if dot_product { "with" } else { "without" }.to_owned()),
                    ];
                    let model = json!({
                        "d_model": d_model(preset), "n_heads": heads, "d_head": 4, "d_ff": width,
                        "rpe": place.rpe, "dot_product": dot_product, "p_start": 0.1, "p_last": 4.0,
                    });
                    let task = sparse_task(preset, &place, "relu", &place.lags);
                    grid.push(setting(axes, task, model, training(preset, 2500)));
                }
            }
        }
        grid
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for place in cells.values("place") {
            let title = format!("NMSE at {place}, smallest over seeds, with H = {}", ENOUGH.0);
            let heads = ENOUGH.0.to_string();
            let fixed = [("place", place), ("H", heads.as_str())];
            reading.tables.push(cells.grid_table(&title, "nmse", "dot-product", "m", &fixed));
            panels.push(panel(cells, place));
            reading.findings.push(suffices(cells, place));
        }
        reading.findings.push(marginal(cells));
        reading.figures.push(Figure {
            id: "s1-heads".into(),
            title: "One layer on a function of three fixed lags".into(),
            caption: "Error by size: heads H, then feed-forward width m. Without and with dot products.".into(),
            panels,
            columns: 3,
        });
        Ok(reading)
    }
}

/// Errors at the sizes that the grid has at a place.
fn panel(cells: &Cells, place: &str) -> Panel {
    let size = |cell: &Cell| Some((cell.number("H")? as usize, cell.number("m")? as usize));
    let sizes: BTreeSet<_> = cells.with(&[("place", place)]).filter_map(size).collect();
    let series = ["without", "with"].map(|dot_product| {
        let chosen = [("place", place), ("dot-product", dot_product)];
        let point = |(index, (heads, width)): (usize, &(usize, usize))| {
            let of_size = Some((*heads, *width));
            let cell = cells.with(&chosen).find(|cell| size(cell) == of_size)?;
            Some(Point::of(index as f64, cell.metric("nmse")?))
        };
        let name = format!("{dot_product} dot products");
        Series::new(name.clone(), name, Mark::LinePoints, sizes.iter().enumerate().filter_map(point).collect())
    });
    let labels: Vec<String> = sizes.iter().map(|(heads, width)| format!("{heads}×{width}")).collect();
    let x = Axis::over("heads × width, H × m", labels.iter().map(String::as_str));
    Panel::new(place, x, Axis::new("NMSE", true), series.into())
}

fn enough<'s>(place: &'s str, dot_product: &'s str, sizes: &'s [String; 2]) -> [(&'s str, &'s str); 4] {
    [("place", place), ("dot-product", dot_product), ("H", &sizes[0]), ("m", &sizes[1])]
}

fn sizes() -> [String; 2] {
    [ENOUGH.0.to_string(), ENOUGH.1.to_string()]
}

fn suffices(cells: &Cells, place: &str) -> Finding {
    let mut evidence = Evidence::default();
    match cells.get(&enough(place, "without", &sizes())) {
        Some(cell) => {
            if let Some(summary) = cell.measured("nmse", &mut evidence) {
                evidence.check(summary.min < LEARNED, format!("NMSE {}, smallest over seeds", brief(summary.min)));
            }
        }
        None => evidence.missing("a model of this size"),
    }
    evidence.finding(
        &format!("s1-suffices-{place}"),
        &format!(
            "At {place}, one layer of 32 heads and feed-forward width 256 without dot products learns a sum of 64 ReLUs of \
             three fixed lags (best seed: NMSE < 1e-2)."
        ),
    )
}

fn marginal(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let sizes = sizes();
    for place in cells.values("place") {
        let pair = ["without", "with"].map(|dot_product| cells.get(&enough(place, dot_product, &sizes)));
        let [Some(without), Some(with)] = pair else {
            evidence.missing(format!("both forms at {place}"));
            continue;
        };
        let measured = [without, with].map(|cell| cell.measured("nmse", &mut evidence).copied());
        if let [Some(without), Some(with)] = measured {
            let gain = without.min - with.min;
            let number = format!("{place}: NMSE {} without, {} with", brief(without.min), brief(with.min));
            evidence.check(gain < MARGINAL, number);
        }
    }
    evidence.finding(
        "s1-dot-products-marginal",
        "On fixed lags dot products gain little: at 32 heads and width 256 they lower the error (best seed) by less than 5 % \
         of the target's variance.",
    )
}
