//! S2 and S3: what the feed-forward width and the number of heads do for fixed lags.
//!
//! The paper's target of S2, `sum_k ReLU(w_k x)` of one sign x, takes two values, so it is `a + b x`: one unit of width
//! suffices to represent it, and what width gains is gained in training.

use lookback_models::rpe_transformer::Rpe;
use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use super::shared::{Lags, SMALLER, curve, dashed, layer, smallest, task_of};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Shown, Trial};
use crate::oracle::head_fits;

/// What helps lowers the error by at least this factor; what does not help, by less.
const HELPS: f64 = 10.0;

/// Heads of the dashed curves.
const FLOOR_HEADS: usize = 8;

/// The experiment, and what helps in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WidthHeads {
    /// S2: a wide function of one lag.
    Width,
    /// S3: the sum of three lags.
    Heads,
}

/// A place of S2 or S3.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WidthHeadsSetting {
    place: Lags,
    #[serde(rename = "H")]
    n_heads: usize,
    #[serde(rename = "m")]
    width: usize,
}

impl WidthHeads {
    fn name(self) -> &'static str {
        if self == Self::Width { "S2" } else { "S3" }
    }

    fn other(self) -> Self {
        if self == Self::Width { Self::Heads } else { Self::Width }
    }

    /// Its axis.
    fn axis(self) -> &'static str {
        if self == Self::Width { "m" } else { "H" }
    }

    /// A value on its axis.
    fn of(self, setting: &WidthHeadsSetting) -> usize {
        if self == Self::Width { setting.width } else { setting.n_heads }
    }

    /// The smallest and the largest value on its axis, where they differ.
    fn ends(self, cells: &Cells<'_, WidthHeadsSetting>) -> Option<[usize; 2]> {
        match cells.values(|setting| self.of(setting))[..] {
            [first, .., last] => Some([first, last]),
            _ => None,
        }
    }
}

impl Experiment for WidthHeads {
    type Setting = WidthHeadsSetting;

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

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<WidthHeadsSetting>>> {
        let preset = request.preset;
        let (heads, widths): (&[usize], &[usize]) = match preset {
            Preset::Smoke => (&[1, 4], &[1, 8]),
            Preset::Quick => (&[1, 4, 32], &[1, 128]),
            Preset::Full => (&[1, 2, 4, 8, 16, 32], &[1, 4, 16, 64, 256]),
        };
        let mut grid = Vec::new();
        for place in Lags::ALL {
            let (_, lags) = place.steps(preset);
            let (target, lags) = if *self == Self::Width { ("relu", &lags[2..]) } else { ("sum", &lags[..]) };
            for n_heads in heads {
                for width in widths {
                    let setting = WidthHeadsSetting { place, n_heads: *n_heads, width: *width };
                    let size = (*n_heads, *width, false);
                    grid.push(layer(setting, preset, (place, target, lags), size, 2000));
                }
            }
        }
        Ok(grid)
    }

    fn read(&self, cells: &Cells<'_, WidthHeadsSetting>) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for place in cells.values(|setting| setting.place) {
            let at = Shown(place);
            let title = format!("NMSE at {at}, smallest over seeds");
            let axes = [Self::Width, Self::Heads]
                .map(|axis| (axis.axis(), move |setting: &WidthHeadsSetting| axis.of(setting)));
            let [rows, columns] = axes;
            reading.tables.push(cells.grid_table((&title, "nmse"), rows, columns, |setting| setting.place == place));
            let mut series = Vec::new();
            for width in cells.values(|setting| setting.width) {
                let here = cells.with(|setting| setting.place == place && setting.width == width);
                series.push(curve(format!("width {width}"), here, |setting| setting.n_heads, "nmse"));
            }
            series.extend(floor(cells, place)?);
            panels.push(Panel::new(at.to_string(), Axis::new("heads H", true), Axis::new("NMSE", true), series));
            reading.findings.extend([*self, self.other()].map(|axis| self.effect(cells, place, axis)));
            if place != Lags::NearLinear {
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

/// The best weighted sum of heads: both targets are affine in the inputs at their lags. Free scores fit everything.
fn floor(cells: &Cells<'_, WidthHeadsSetting>, place: Lags) -> Result<Option<Series>> {
    let Some(task) = task_of(cells, |setting| setting.place == place)? else { return Ok(None) };
    if place.rpe() == Rpe::Free {
        return Ok(None);
    }
    let mut rho = vec![0.0; task.length];
    task.lags.iter().for_each(|lag| rho[*lag] += 1.0);
    let energy = task.lags.len() as f64;
    let fits = head_fits(&rho, 1, place.rpe(), FLOOR_HEADS);
    let points = fits.iter().enumerate().map(|(index, fit)| ((index + 1) as f64, fit.mse / energy));
    Ok(Some(dashed("best weighted sum of H heads", points)))
}

impl WidthHeads {
    /// Whether the largest value of an axis is better than the smallest by [`HELPS`], at all values of the other axis, or
    /// at none where it should not help.
    fn effect(self, cells: &Cells<'_, WidthHeadsSetting>, place: Lags, of: Self) -> Finding {
        let mut evidence = Evidence::default();
        let (helps, at) = (of == self, Shown(place));
        let (axis, other) = (of.axis(), of.other().axis());
        if let Some(ends) = of.ends(cells) {
            for value in cells.values(|setting| of.other().of(setting)) {
                let pair = ends.map(|end| {
                    cells.find(|setting| {
                        setting.place == place && of.other().of(setting) == value && of.of(setting) == end
                    })
                });
                let measured = smallest(pair, "nmse", format!("{other} = {value}"), &mut evidence);
                if let Some([from, to]) = measured {
                    let [low, high] = ends;
                    let [written, lowered] = [brief(from), brief(to)];
                    let number =
                        format!("{other} = {value}: NMSE {written} at {axis} = {low}, {lowered} at {axis} = {high}");
                    evidence.check((to * HELPS <= from) == helps, number);
                }
            }
        } else {
            evidence.missing(format!("a second value of {axis}"));
        }
        let (what, plural) =
            if of == Self::Width { ("width", "the feed-forward width") } else { ("heads", "the number of heads") };
        let claim = if helps { "lowers" } else { "does not lower" };
        evidence.finding(
            &format!("{}-{what}-{}-{at}", self.name().to_lowercase(), if helps { "help" } else { "do-not-help" }),
            &format!(
                "At {at}, going from the smallest to the largest value, {plural} {claim} the error (best seed) by a \
                 factor of 10, whatever the other is."
            ),
        )
    }

    /// The paper's ends of the sweep of what helps; what it held fixed is not said.
    fn comparisons(self, cells: &Cells<'_, WidthHeadsSetting>, place: Lags) -> Vec<Comparison> {
        let published = if self == Self::Width { [0.49, 0.002] } else { [1.16, 1e-6] };
        let (Some(ends), Some([_, fixed])) = (self.ends(cells), self.other().ends(cells)) else { return Vec::new() };
        let of = |(end, published): (usize, f64)| {
            let here = |setting: &WidthHeadsSetting| {
                setting.place == place && self.of(setting) == end && self.other().of(setting) == fixed
            };
            let ours = cells.find(here).map_or(Ours::Missing, |cell| cell.ours("mse"));
            let quantity =
                format!("MSE at {}, {} = {end}, {} = {fixed}", Shown(place), self.axis(), self.other().axis());
            Comparison::within(10.0, self.name(), quantity, published, ours, SMALLER)
        };
        ends.into_iter().zip(published).map(of).collect()
    }
}
