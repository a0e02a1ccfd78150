//! S1: one layer learns a function of three fixed lags, with and without dot products.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use super::shared::{Lags, SMALLER, layer, smallest};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Shown, Trial};

/// Learned: an error of at most this share of the target's variance.
const LEARNED: f64 = 1e-2;

/// A gain of at most this share of the target's variance is marginal.
const MARGINAL: f64 = 0.05;

/// (heads, width) that suffice according to the paper.
const ENOUGH: (usize, usize) = (32, 256);

/// The experiment.
pub(super) struct Boolean;

/// A place of S1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct BooleanSetting {
    place: Lags,
    #[serde(rename = "H")]
    n_heads: usize,
    #[serde(rename = "m")]
    width: usize,
    dot_product: bool,
}

impl BooleanSetting {
    fn size(&self) -> (usize, usize) {
        (self.n_heads, self.width)
    }
}

impl Experiment for Boolean {
    type Setting = BooleanSetting;

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

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<BooleanSetting>>> {
        let preset = request.preset;
        let sizes = match preset {
            Preset::Smoke => vec![(2, 4), ENOUGH],
            Preset::Quick => vec![(2, 16), ENOUGH],
            Preset::Full => vec![(2, 16), (2, 256), (8, 64), (32, 16), ENOUGH],
        };
        let mut grid = Vec::new();
        for place in Lags::ALL {
            for (n_heads, width) in sizes.clone() {
                for dot_product in [false, true] {
                    let setting = BooleanSetting { place, n_heads, width, dot_product };
                    let target = (place, "relu", &place.steps(preset).1[..]);
                    grid.push(layer(setting, preset, target, (n_heads, width, dot_product), 2500));
                }
            }
        }
        Ok(grid)
    }

    fn read(&self, cells: &Cells<'_, BooleanSetting>) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for place in cells.values(|setting| setting.place) {
            let title = format!("NMSE at {}, smallest over seeds, with H = {}", Shown(place), ENOUGH.0);
            reading.tables.push(cells.grid_table(
                (&title, "nmse"),
                ("dot-product", |setting| with(setting.dot_product)),
                ("m", |setting| setting.width),
                |setting| setting.place == place && setting.n_heads == ENOUGH.0,
            ));
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

fn with(dot_product: bool) -> &'static str {
    if dot_product { "with" } else { "without" }
}

/// Errors at the sizes that the grid has at a place.
fn panel(cells: &Cells<'_, BooleanSetting>, place: Lags) -> Panel {
    let mut sizes: Vec<_> = cells.with(|setting| setting.place == place).map(|cell| cell.setting.size()).collect();
    sizes.dedup();
    let series = [false, true].map(|dot_product| {
        let point = |cell: &Cell<'_, BooleanSetting>| {
            let index = sizes.iter().position(|size| *size == cell.setting.size())?;
            Some(Point::of(index as f64, cell.metric("nmse")?))
        };
        let name = format!("{} dot products", with(dot_product));
        let chosen = cells.with(|setting| setting.place == place && setting.dot_product == dot_product);
        Series::new(name.clone(), name, Mark::LinePoints, chosen.filter_map(point).collect())
    });
    let labels: Vec<String> = sizes.iter().map(|(heads, width)| format!("{heads}×{width}")).collect();
    let x = Axis::over("heads × width, H × m", labels.iter().map(String::as_str));
    Panel::new(Shown(place).to_string(), x, Axis::new("NMSE", true), series.into())
}

fn enough<'s, 'a>(
    cells: &'s Cells<'a, BooleanSetting>,
    place: Lags,
    dot_product: bool,
) -> Option<&'s Cell<'a, BooleanSetting>> {
    cells.find(|setting| setting.place == place && setting.dot_product == dot_product && setting.size() == ENOUGH)
}

fn suffices(cells: &Cells<'_, BooleanSetting>, place: Lags) -> Finding {
    let mut evidence = Evidence::default();
    let at = Shown(place);
    match enough(cells, place, false) {
        Some(cell) => {
            if let Some(summary) = cell.measured("nmse", &mut evidence) {
                evidence.check(summary.min < LEARNED, format!("NMSE {}, smallest over seeds", brief(summary.min)));
            }
        }
        None => evidence.missing("a model of this size"),
    }
    evidence.finding(
        &format!("s1-suffices-{at}"),
        &format!(
            "At {at}, one layer of 32 heads and feed-forward width 256 without dot products learns a sum of 64 ReLUs of \
             three fixed lags (best seed: NMSE < 1e-2)."
        ),
    )
}

fn marginal(cells: &Cells<'_, BooleanSetting>) -> Finding {
    let mut evidence = Evidence::default();
    for place in cells.values(|setting| setting.place) {
        let at = Shown(place);
        let pair = [false, true].map(|dot_product| enough(cells, place, dot_product));
        if let Some([without, with]) = smallest(pair, "nmse", format!("both forms at {at}"), &mut evidence) {
            let number = format!("{at}: NMSE {} without, {} with", brief(without), brief(with));
            evidence.check(without - with < MARGINAL, number);
        }
    }
    evidence.finding(
        "s1-dot-products-marginal",
        "On fixed lags dot products gain little: at 32 heads and width 256 they lower the error (best seed) by less than 5 % \
         of the target's variance.",
    )
}
