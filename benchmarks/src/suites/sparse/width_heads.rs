//! S2 and S3: what the feed-forward width and the number of heads do for fixed lags.
//!
//! The paper's target of S2, `sum_k ReLU(w_k x)` of one sign x, takes two values, so it is `a + b x`: one unit of width
//! suffices to represent it, and what width gains is gained in training.

use lookback_models::rpe_transformer::Rpe;
use lookback_registry::Result;
use serde_json::json;

use super::shared::{Place, SMALLER, curve, d_model, dashed, places, setting, sparse_task, training};
use crate::experiment::comparison::Comparison;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::oracle::head_fits;
use crate::experiment::{Finding, Preset};

/// What helps lowers the error by at least this factor; what does not help, by less.
const HELPS: f64 = 10.0;

/// Heads of the dashed curves.
const FLOOR_HEADS: usize = 8;

/// The experiment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WidthHeads {
    /// S2: a wide function of one lag.
    Width,
    /// S3: the sum of three lags.
    Heads,
}

impl WidthHeads {
    fn name(self) -> &'static str {
        if self == Self::Width { "S2" } else { "S3" }
    }

    fn lags(self, place: &Place) -> Vec<usize> {
        if self == Self::Width { vec![place.lags[2]] } else { place.lags.to_vec() }
    }

    /// The axis that should help, then the one that should not.
    fn axes(self) -> [&'static str; 2] {
        if self == Self::Width { ["m", "H"] } else { ["H", "m"] }
    }
}

impl Experiment for WidthHeads {
    fn info(&self) -> ExperimentInfo {
        let (title, remark) = match self {
            Self::Width => (
                "Width, not heads: a wide function of one lag",
                "Of one sign the target is affine: one unit of width can represent it, and what width gains is gained in \
                 training. Scores that fall with the lag cannot single out a far one.",
            ),
            Self::Heads => (
                "Heads, not width: the sum of three lags",
                "Scores that fall with the lag can only approach three far lags by sums of many heads (dashed), with \
                 coefficients too large to train; free scores need one head, which weighs all three alike. Over 1,000 \
                 steps most trainings end at a saddle, the readout's weights 0, whatever the learning rate (2e-3 to 2e-2 \
                 were tried): the mean of all steps, where attention starts, says next to nothing of three of them.",
            ),
        };
        ExperimentInfo { name: self.name(), title, differs: SMALLER, remark }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let (heads, widths): (&[usize], &[usize]) = match preset {
            Preset::Smoke => (&[1, 4], &[1, 8]),
            Preset::Quick => (&[1, 4, 32], &[1, 128]),
            Preset::Full => (&[1, 2, 4, 8, 16, 32], &[1, 4, 16, 64, 256]),
        };
        let mut grid = Vec::new();
        for place in places(preset) {
            for n_heads in heads {
                for width in widths {
                    let axes =
                        vec![("place", place.name.to_owned()), ("H", n_heads.to_string()), ("m", width.to_string())];
                    let model = json!({
                        "d_model": d_model(preset), "n_heads": n_heads, "d_head": 4, "d_ff": width,
                        "rpe": place.rpe, "dot_product": false, "p_start": 0.1, "p_last": 4.0,
                    });
                    let target = if *self == Self::Width { "relu" } else { "sum" };
                    let task = sparse_task(preset, &place, target, &self.lags(&place));
                    grid.push(setting(axes, task, model, training(preset, 2000)));
                }
            }
        }
        grid
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        let [helping, other] = self.axes();
        for place in cells.values("place") {
            let fixed = [("place", place)];
            let title = format!("NMSE at {place}, smallest over seeds");
            reading.tables.push(cells.grid_table(&title, "nmse", "m", "H", &fixed));
            let mut series = Vec::new();
            for width in cells.values("m") {
                series.push(curve(format!("width {width}"), cells, &[("place", place), ("m", width)], ("H", "nmse")));
            }
            series.extend(self.floor(cells, place));
            panels.push(Panel::new(place, Axis::new("heads H", true), Axis::new("NMSE", true), series));
            reading.findings.push(self.effect(cells, place, helping, true));
            reading.findings.push(self.effect(cells, place, other, false));
            if place != "near-linear" {
                reading.comparisons.extend(self.comparisons(cells, place));
            }
        }
        let name = self.name().to_lowercase();
        reading.figures.push(Figure {
            id: format!("{name}-heads-width"),
            title: self.info().title.into(),
            caption:
                "Error of one layer without dot products over its heads, at several feed-forward widths. Dashed: the \
                      best fit of a weighted sum of that many heads (and of the present input), without a feed-forward \
                      network and with numbers of any precision."
                    .into(),
            panels,
            columns: 3,
        });
        Ok(reading)
    }
}

impl WidthHeads {
    /// The best weighted sum of heads: both targets are affine in the inputs at their lags.
    fn floor(self, cells: &Cells, place: &str) -> Option<crate::experiment::figure::Series> {
        let cell = cells.get(&[("place", place)])?;
        let task = &cell.outcomes.first()?.planned.spec.task.params;
        let lags: Vec<usize> = serde_json::from_value(task.get("lags")?.clone()).ok()?;
        let length = task.get("length")?.as_u64()? as usize;
        let rpe = match place {
            "near-linear" => Rpe::Linear,
            "far-log" => Rpe::Log,
            _ => return None,
        };
        let mut rho = vec![0.0; length];
        lags.iter().for_each(|lag| rho[*lag] += 1.0);
        let energy = lags.len() as f64;
        let fits = head_fits(&rho, 1, rpe, FLOOR_HEADS);
        let points = fits.iter().enumerate().map(|(index, fit)| ((index + 1) as f64, fit.mse / energy));
        Some(dashed("best weighted sum of H heads", points))
    }

    /// Whether the largest value of an axis is better than the smallest by [`HELPS`], at all values of the other axis, or
    /// at none where it should not help.
    fn effect(self, cells: &Cells, place: &str, axis: &'static str, helps: bool) -> Finding {
        let mut evidence = Evidence::default();
        let other = if axis == "m" { "H" } else { "m" };
        let ends = ends(cells, axis);
        if ends.is_none() {
            evidence.missing(format!("a second value of {axis}"));
        }
        for value in cells.values(other) {
            let Some([low, high]) = &ends else { break };
            let at = |end: &str| cells.get(&[("place", place), (other, value), (axis, end)]);
            let (Some(low), Some(high)) = (at(low), at(high)) else {
                evidence.missing(format!("{other} = {value}"));
                continue;
            };
            let measured = [low, high].map(|cell: &Cell| cell.measured("nmse", &mut evidence).copied());
            if let [Some(from), Some(to)] = measured {
                let lowered = to.min * HELPS <= from.min;
                let number = format!(
                    "{other} = {value}: NMSE {} at {axis} = {}, {} at {axis} = {}",
                    brief(from.min),
                    low.axis(axis),
                    brief(to.min),
                    high.axis(axis)
                );
                evidence.check(lowered == helps, number);
            }
        }
        let (what, plural) =
            if axis == "m" { ("width", "the feed-forward width") } else { ("heads", "the number of heads") };
        let claim = if helps { "lowers" } else { "does not lower" };
        evidence.finding(
            &format!("{}-{what}-{}-{place}", self.name().to_lowercase(), if helps { "help" } else { "do-not-help" }),
            &format!(
                "At {place}, going from the smallest to the largest value, {plural} {claim} the error (best seed) by a \
                 factor of 10, whatever the other is."
            ),
        )
    }

    /// The paper's ends of the sweep of what helps; what it held fixed is not said.
    fn comparisons(self, cells: &Cells, place: &str) -> Vec<Comparison> {
        let [axis, other] = self.axes();
        let published = if self == Self::Width { [0.49, 0.002] } else { [1.16, 1e-6] };
        let (Some(ends), Some([_, fixed])) = (ends(cells, axis), ends(cells, other)) else { return Vec::new() };
        let of = |(end, published): (String, f64)| {
            let ours = cells.get(&[("place", place), (axis, &end), (other, &fixed)]).map(|cell| cell.ours("mse"));
            let quantity = format!("MSE at {place}, {axis} = {end}, {other} = {fixed}");
            let ours = ours.unwrap_or(crate::experiment::comparison::Ours::Missing);
            Comparison::within(10.0, self.name(), quantity, published, ours, SMALLER)
        };
        ends.into_iter().zip(published).map(of).collect()
    }
}

/// The smallest and the largest value of a numeric axis, where they differ.
fn ends(cells: &Cells, axis: &str) -> Option<[String; 2]> {
    let mut values: Vec<(f64, &str)> =
        cells.values(axis).into_iter().filter_map(|value| Some((value.parse().ok()?, value))).collect();
    values.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (first, last) = (values.first()?.1, values.last()?.1);
    (first != last).then(|| [first, last].map(str::to_owned))
}
