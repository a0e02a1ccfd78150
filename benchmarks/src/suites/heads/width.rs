//! H2: the error against the hidden width N.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use super::errors::{self, NMSE};
use super::grid::{Case, scale};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Table, Trial};

/// The number D of maxima.
const ENOUGH: usize = 4;

/// A fit with a smaller share of explained variance is no power law.
const FIT: f64 = 0.5;

/// An exponent from this up counts as a flat floor.
const FLAT: f64 = -0.5;

/// A hidden width, a sequence length and a number of heads.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WidthSetting {
    #[serde(rename = "N")]
    hidden: usize,
    #[serde(rename = "T")]
    length: usize,
    #[serde(rename = "h")]
    heads: usize,
}

/// Errors over hidden widths, heads and lengths.
pub(super) struct Width;

/// A least-squares line through logarithms: the exponent b of `NMSE = a N^b`, and the share R^2 of the variance that it
/// explains. `None` for fewer than three widths.
fn power_law(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    if points.len() < 3 {
        return None;
    }
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (mean_x, mean_y) =
        (logs.iter().map(|(x, _)| x).sum::<f64>() / count, logs.iter().map(|(_, y)| y).sum::<f64>() / count);
    let sum = |of: &dyn Fn(f64, f64) -> f64| logs.iter().map(|(x, y)| of(x - mean_x, y - mean_y)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    Some((xy / xx, if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 }))
}

/// One fit.
struct Fit {
    heads: usize,
    length: usize,
    exponent: f64,
    explained: f64,
}

impl Width {
    /// Smallest errors over N of cells that statements may rest on.
    fn fits(cells: &Cells<WidthSetting>, evidence: &mut Evidence) -> Vec<Fit> {
        let mut fits = Vec::new();
        for heads in cells.values(|setting| setting.heads) {
            for length in cells.values(|setting| setting.length) {
                let row = cells.with(|setting| setting.heads == heads && setting.length == length);
                let points: Vec<(f64, f64)> = row
                    .filter_map(|cell| Some((cell.setting.hidden as f64, cell.measured(NMSE, evidence)?.min)))
                    .collect();
                match power_law(&points) {
                    Some((exponent, explained)) => fits.push(Fit { heads, length, exponent, explained }),
                    None => evidence.missing(format!("three widths N at T={length}, h={heads}")),
                }
            }
        }
        fits
    }

    fn findings(cells: &Cells<WidthSetting>) -> Vec<Finding> {
        let mut evidence = Evidence::default();
        let mut floor = Evidence::default();
        for Fit { heads, length, exponent, explained } in Self::fits(cells, &mut evidence) {
            let text = format!("N^{exponent:.2} at T={length}, h={heads} (R^2 = {explained:.2})");
            if heads < ENOUGH {
                evidence.check(exponent < 0.0 && explained >= FIT, text);
            } else {
                floor.check(exponent >= FLAT, text);
            }
        }
        if !evidence.complete() {
            floor.missing("what is missing of h2-power-law");
        }
        vec![
            evidence.finding(
                "h2-power-law",
                "With fewer than D = 4 heads the smallest NMSE falls with the hidden width N as a power law: the line \
                 through the logarithms falls and explains at least half of the variance.",
            ),
            floor.finding(
                "h2-floor",
                "With D = 4 heads or more width does not matter: the exponent of the NMSE in N is not below -0.5.",
            ),
            Self::longer_is_worse(cells),
        ]
    }

    fn longer_is_worse(cells: &Cells<WidthSetting>) -> Finding {
        const STATEMENT: &str = "With fewer than D = 4 heads, at every hidden width the smallest NMSE is larger at the \
                                 longest length than at the shortest.";
        let mut evidence = Evidence::default();
        let [shortest, .., longest] = cells.values(|setting| setting.length)[..] else {
            evidence.missing("two lengths");
            return evidence.finding("h2-length", STATEMENT);
        };
        for heads in cells.values(|setting| setting.heads).into_iter().filter(|heads| *heads < ENOUGH) {
            for hidden in cells.values(|setting| setting.hidden) {
                let mut at = |length: usize| {
                    let cell = cells.find(|setting| *setting == WidthSetting { hidden, length, heads })?;
                    Some(cell.measured(NMSE, &mut evidence)?.min)
                };
                if let (Some(short), Some(long)) = (at(shortest), at(longest)) {
                    evidence.check(long > short, format!("h={heads}, N={hidden}: {} to {}", brief(short), brief(long)));
                }
            }
        }
        evidence.finding("h2-length", STATEMENT)
    }
}

impl Experiment for Width {
    type Setting = WidthSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H2",
            title: "Error against hidden width",
            differs: "the paper shows curves without numbers; targets are standardised; recipe and number of seeds are ours",
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<WidthSetting>>> {
        let (widths, all_heads): (&[usize], &[usize]) = match request.preset {
            Preset::Full => (&[12, 16, 24, 32, 48, 64], &[1, 2, 3, 4]),
            Preset::Quick => (&[12, 32, 64], &[2, 4]),
            Preset::Smoke => (&[12, 16, 24], &[3, 4]),
        };
        let mut trials = Vec::new();
        for &length in scale(request.preset).lengths {
            for &heads in all_heads {
                for &hidden in widths {
                    let case = Case { hidden, ..Case::new(length, heads) };
                    trials.push(case.trial(request.preset, WidthSetting { hidden, length, heads }));
                }
            }
        }
        Ok(trials)
    }

    fn read(&self, cells: &Cells<WidthSetting>) -> Result<Reading> {
        let row = |Fit { heads, length, exponent, explained }: Fit| {
            vec![heads.to_string(), length.to_string(), format!("{exponent:.2}"), format!("{explained:.2}")]
        };
        let fits = Self::fits(cells, &mut Evidence::default()).into_iter().map(row).collect();
        let mut tables = vec![Table {
            title: "exponent b of the smallest NMSE, a N^b".into(),
            columns: ["h", "T", "b", "R^2"].map(String::from).into(),
            rows: fits,
        }];
        let mut panels = Vec::new();
        let widths = cells.values(|setting| setting.hidden);
        for heads in cells.values(|setting| setting.heads) {
            let title = format!("smallest NMSE over seeds, h = {heads}");
            let (length, hidden) = (|setting: &WidthSetting| setting.length, |setting: &WidthSetting| setting.hidden);
            let here = |setting: &WidthSetting| setting.heads == heads;
            tables.push(cells.grid_table((&title, NMSE), ("T", length), ("N", hidden), here));
            let line = |(index, length): (usize, usize)| {
                let row = cells.with(move |setting| setting.heads == heads && setting.length == length);
                let points = row.filter_map(|cell| errors::point(cell.setting.hidden as f64, cell)).collect();
                Series::new(format!("T = {length}"), format!("#{index}"), Mark::LinePoints, points)
            };
            let lines = cells.values(length).into_iter().enumerate().map(line);
            let lines = lines.filter(|line| !line.points.is_empty()).collect();
            let x = errors::log_axis("hidden width N", &widths);
            panels.push(Panel::new(format!("h = {heads}"), x, Axis::new("NMSE", true), lines));
        }
        let figure = Figure {
            id: "h2-width".into(),
            title: self.info().title.into(),
            caption: "NMSE on the validation split against the hidden width of encoder and network: the smallest over \
                      seeds, with bars up to the largest."
                .into(),
            panels,
            columns: 2,
        };
        Ok(Reading { tables, figures: vec![figure], findings: Self::findings(cells), ..Reading::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Outcome, Verdict};

    #[test]
    fn one_length_says_nothing_of_lengths() {
        let verdict = |lengths: &[(usize, f64)]| {
            let of = |&(length, nmse): &(usize, f64)| {
                let setting = WidthSetting { hidden: 12, length, heads: 1 };
                [0, 1].map(|seed| Outcome::finished(&setting, seed, &[(NMSE, nmse)]))
            };
            let outcomes: Vec<Outcome> = lengths.iter().flat_map(of).collect();
            let cells = Cells::collect(&outcomes.iter().collect::<Vec<_>>()).unwrap();
            Width::longer_is_worse(&cells).verdict
        };
        assert_eq!(verdict(&[(8, 0.1)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[(128, 0.2), (8, 0.1)]), Verdict::Holds);
        assert_eq!(verdict(&[(128, 0.1), (8, 0.2)]), Verdict::DoesNotHold);
    }

    #[test]
    fn power_laws_are_found() {
        let points = [8.0, 16.0, 64.0].map(|x: f64| (x, 3.0 * x.powf(-1.5)));
        let (exponent, explained) = power_law(&points).unwrap();
        assert!((exponent + 1.5).abs() < 1e-12 && (explained - 1.0).abs() < 1e-12);
        // A peak in the middle has no direction.
        let (exponent, explained) = power_law(&[(1.0, 1.0), (2.0, 5.0), (4.0, 1.0)]).unwrap();
        assert!(exponent.abs() < 1e-12 && explained < 1e-12);
        assert_eq!(power_law(&points[..2]), None);
    }
}
