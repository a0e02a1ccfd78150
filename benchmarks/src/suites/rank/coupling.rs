//! R1: the error against m_h on targets whose coupling has known singular values.

use lookback_datasets::CouplingConfig;
use lookback_registry::Result;
use serde_json::json;

use super::oracle::{SEQUENCES, truncation_nmse};
use super::{point, training};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::{self, Summary};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::spec::Named;
use crate::experiment::{Finding, Preset, Table, Verdict};

const NAME: &str = "R1";
/// The terms that stand for infinitely many.
const INFINITE: usize = 64;
/// How far below `2 alpha - 1` a fitted rate may lie: over m_h = 2 to 16 the truncation itself, with its bend at small
/// m_h, falls with a slope of 0.9 where the bound's is 1.
const SLACK: f64 = 0.15;
/// The factor by which the error falls where m_h reaches the rank.
const COLLAPSE: f64 = 10.0;

/// Error against m_h.
#[derive(Debug)]
pub(super) struct Coupling;

/// Values of m_h for one rank of the target.
type Row = (usize, &'static [usize]);

/// Which cells a preset has: by alpha, by rank.
fn rows(preset: Preset) -> &'static [(f64, &'static [Row])] {
    match preset {
        Preset::Smoke => &[(1.0, &[(2, &[1, 2]), (6, &[1, 4]), (INFINITE, &[1, 2])])],
        Preset::Quick => &[(1.0, &[(2, &[1, 2]), (6, &[2, 4, 6]), (INFINITE, &[2, 4, 8, 16])])],
        Preset::Full => {
            const ALL: &[Row] = &[
                (2, &[1, 2, 3, 4, 6, 8, 12, 16]),
                (6, &[1, 2, 3, 4, 5, 6, 8, 12, 16]),
                (INFINITE, &[1, 2, 3, 4, 6, 8, 12, 16]),
            ];
            &[(0.55, ALL), (1.0, ALL)]
        }
    }
}

impl Experiment for Coupling {
    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: NAME,
            title: "error against m_h on targets of known singular values",
            differs: "An endless stream of sequences in the place of a training set, so that the validation error is the \
                      training error; 64 terms for infinite rank; NMSE.",
            remark: "The truncation is no floor of a trained model, whose values and F make up for scores of low \
                     rank: at infinite rank errors end where training does, whatever m_h.",
        }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let (steps, width) = match preset {
            Preset::Smoke => (20, 16),
            Preset::Quick => (6000, 128),
            Preset::Full => (30_000, 128),
        };
        let mut grid = Vec::new();
        for (alpha, ranks) in rows(preset) {
            for (rank, sizes) in *ranks {
                for size in *sizes {
                    grid.push(Setting {
                        axes: vec![("alpha", alpha.to_string()), ("rank", rank.to_string()), ("m_h", size.to_string())],
                        task: Named::new("temporal-coupling", json!({"alpha": alpha, "rank": rank})),
                        model: Named::new("pointwise-attention", json!({"d_head": size, "d_ff": width})),
                        training: training(steps, 64, [5e-3, 1e-5]),
                    });
                }
            }
        }
        grid
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let alphas = cells.values("alpha");
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for alpha in &alphas {
            let oracle = Oracle::of(cells, alpha)?;
            let title = format!("NMSE, alpha = {alpha}, min over seeds");
            reading.tables.push(cells.grid_table(&title, "nmse", "rank", "m_h", &[("alpha", alpha)]));
            reading.tables.push(oracle.table(alpha));
            panels.push(panel(cells, alpha, &oracle));
            reading.comparisons.extend(rate_comparison(cells, alpha));
        }
        reading.figures.push(Figure {
            id: "r1-error".into(),
            title: "Error against the inner dimension of the scores".into(),
            caption: "NMSE on the validation split: mean over seeds, 95 % interval of the geometric mean (of two seeds: \
                      both values), smallest value. Dotted: the target with rho cut off after m_h terms, nothing trained \
                      (0 from m_h = r on). Dash-dotted: the slope of the bound."
                .into(),
            panels,
            columns: 2,
        });
        reading.findings = vec![rate(cells, &alphas), order(cells, &alphas), collapse(cells, &alphas)];
        Ok(reading)
    }
}

/// Truncation errors at the sizes that the grid has: by rank, (m_h, NMSE).
struct Oracle(Vec<(String, Vec<(usize, f64)>)>);

impl Oracle {
    fn of(cells: &Cells, alpha: &str) -> Result<Self> {
        let mut rows = Vec::new();
        for rank in cells.values("rank") {
            let sizes: Vec<usize> = sizes(cells, alpha, rank).iter().map(|(size, _)| *size as usize).collect();
            let (Ok(alpha), Ok(terms)) = (alpha.parse(), rank.parse()) else { continue };
            let config = CouplingConfig { alpha, rank: terms, ..CouplingConfig::default() };
            let errors = truncation_nmse(&config, &sizes, SEQUENCES)?;
            rows.push((rank.to_owned(), sizes.into_iter().zip(errors).collect()));
        }
        Ok(Self(rows))
    }

    fn table(&self, alpha: &str) -> Table {
        let rows = self.0.iter().flat_map(|(rank, row)| {
            row.iter().map(move |(size, error)| vec![rank.clone(), size.to_string(), brief(*error)])
        });
        Table {
            title: format!("NMSE with rho cut off after m_h terms, alpha = {alpha}"),
            columns: ["rank", "m_h", "truncation"].map(String::from).into(),
            rows: rows.collect(),
        }
    }
}

/// The cells of a rank with their m_h, small to large.
fn sizes<'a, 'c>(cells: &'a Cells<'c>, alpha: &str, rank: &str) -> Vec<(f64, &'a Cell<'c>)> {
    let of_rank = cells.iter().filter(|cell| cell.axis("alpha") == alpha && cell.axis("rank") == rank);
    of_rank.filter_map(|cell| Some((cell.number("m_h")?, cell))).collect()
}

/// A rank as people write it.
fn shown(rank: &str) -> &str {
    if rank == "64" { "∞" } else { rank }
}

fn panel(cells: &Cells, alpha: &str, oracle: &Oracle) -> Panel {
    let mut all = Vec::new();
    let mut ticks: Vec<f64> = Vec::new();
    for (index, (rank, exact)) in oracle.0.iter().enumerate() {
        let key = format!("#{index}");
        let cut = exact.iter().filter(|(_, error)| *error > 0.0).map(|(size, error)| Point::new(*size as f64, *error));
        all.push(Series::new(format!("r = {}, cut off", shown(rank)), &key, Mark::Dashed, cut.collect()));
        let trained: Vec<_> = sizes(cells, alpha, rank);
        ticks.extend(trained.iter().map(|(size, _)| *size));
        let points = trained.iter().filter_map(|(size, cell)| point(cell, *size, "nmse")).collect();
        all.push(Series::new(format!("r = {}", shown(rank)), &key, Mark::LinePoints, points));
    }
    let longest = oracle.0.last().map_or(&[][..], |(_, row)| row);
    if let (Some((first, error)), Some((last, _)), Ok(alpha)) = (longest.first(), longest.last(), alpha.parse::<f64>())
    {
        let ends = [*first, *last]
            .map(|size| Point::new(size as f64, error * (size as f64 / *first as f64).powf(1.0 - 2.0 * alpha)));
        all.push(Series::new("m_h^-(2 alpha - 1)", "reference", Mark::Dashed, ends.to_vec()));
    }
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    let ticks = ticks.into_iter().map(|size| (size, size.to_string())).collect();
    let x = Axis { ticks: Some(ticks), ..Axis::new("m_h", true) };
    Panel::new(format!("sigma_k = k^-{alpha}"), x, Axis::new("NMSE", true), all)
}

/// The slope of `-log NMSE` over `log m_h` at the largest rank, seed by seed.
fn rates(cells: &Cells, alpha: &str) -> Option<Summary> {
    let row = sizes(cells, alpha, &INFINITE.to_string());
    let nmse = |cell: &Cell, seed: u64| {
        let outcome = cell.outcomes.iter().find(|outcome| outcome.planned.spec.seed == seed)?;
        outcome.result.as_ref()?.metrics.get("nmse").copied()
    };
    let seeds: Vec<u64> = row.first()?.1.outcomes.iter().map(|outcome| outcome.planned.spec.seed).collect();
    let of_seed = |seed: u64| {
        let points: Option<Vec<_>> =
            row.iter().map(|(size, cell)| Some((size.ln(), -nmse(cell, seed)?.ln()))).collect();
        slope(&points?)
    };
    stats::summarise(&seeds.into_iter().filter_map(of_seed).filter(|rate| rate.is_finite()).collect::<Vec<_>>())
}

/// The slope of the least squares line.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let joint: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (spread > 0.0).then(|| joint / spread)
}

fn bound(alpha: &str) -> Option<f64> {
    Some(2.0 * alpha.parse::<f64>().ok()? - 1.0)
}

/// The published rate is an upper bound of the error: ours agrees where it is no slower.
fn rate_comparison(cells: &Cells, alpha: &str) -> Option<Comparison> {
    let published = bound(alpha)?;
    let (ours, verdict) = match rates(cells, alpha) {
        Some(rates) if rates.mean >= published - SLACK => (Ours::Trained(rates), Verdict::Holds),
        Some(rates) => (Ours::Trained(rates), Verdict::DoesNotHold),
        None => (Ours::Missing, Verdict::NotMeasured),
    };
    Some(Comparison {
        experiment: NAME.into(),
        quantity: format!("rate at which the error falls with m_h, at least, alpha = {alpha}, r = ∞"),
        published: Some(published),
        ours,
        differs: "64 terms".into(),
        verdict,
    })
}

fn rate(cells: &Cells, alphas: &[&str]) -> Finding {
    let mut evidence = Evidence::default();
    for (alpha, bound) in alphas.iter().filter_map(|alpha| Some((alpha, bound(alpha)?))) {
        let row = sizes(cells, alpha, &INFINITE.to_string());
        let complete = row.iter().map(|(_, cell)| cell.measured("nmse", &mut evidence)).filter(Option::is_some).count();
        match rates(cells, alpha) {
            Some(rates) if complete == row.len() => evidence.check(
                rates.mean >= bound - SLACK,
                format!("alpha = {alpha}: m_h^{:.2}, the bound m_h^{:.2}", -rates.mean, -bound),
            ),
            _ => evidence.missing(format!("alpha = {alpha}: a seed of all m_h")),
        }
    }
    evidence.finding(
        "r1-rate",
        "At infinite rank the error falls at least as fast as m_h^-(2 alpha - 1), within 0.15 of the exponent.",
    )
}

fn order(cells: &Cells, alphas: &[&str]) -> Finding {
    let mut evidence = Evidence::default();
    let ranks = cells.values("rank");
    for alpha in alphas {
        for (lower, higher) in ranks.iter().zip(ranks.iter().skip(1)) {
            let Ok(terms) = higher.parse::<f64>() else { continue };
            for (size, cell) in sizes(cells, alpha, lower).into_iter().filter(|(size, _)| *size < terms) {
                let size_text = cell.axis("m_h");
                let Some(other) = cells.get(&[("alpha", alpha), ("rank", higher), ("m_h", size_text)]) else {
                    continue;
                };
                let low = cell.measured("nmse", &mut evidence);
                let high = other.measured("nmse", &mut evidence);
                if let (Some(low), Some(high)) = (low, high) {
                    let numbers = [low.min, high.min].map(brief);
                    evidence.check(
                        low.min <= high.min,
                        format!(
                            "alpha = {alpha}, m_h = {size}: {} at r = {lower}, {} at r = {}",
                            numbers[0],
                            numbers[1],
                            shown(higher)
                        ),
                    );
                }
            }
        }
    }
    evidence.finding(
        "r1-order",
        "At one m_h below the larger of two ranks, the target of the larger rank has the larger error.",
    )
}

fn collapse(cells: &Cells, alphas: &[&str]) -> Finding {
    let mut evidence = Evidence::default();
    for alpha in alphas {
        for rank in cells.values("rank") {
            let row = sizes(cells, alpha, rank);
            let Some(at) = row.iter().position(|(size, _)| size.to_string() == rank).filter(|at| *at > 0) else {
                continue;
            };
            let below = row[at - 1].1.measured("nmse", &mut evidence);
            let reached = row[at].1.measured("nmse", &mut evidence);
            if let (Some(below), Some(reached)) = (below, reached) {
                evidence.check(
                    reached.min * COLLAPSE <= below.min,
                    format!(
                        "alpha = {alpha}, r = {rank}: {} at m_h = {}, {} at r",
                        brief(below.min),
                        row[at - 1].0,
                        brief(reached.min)
                    ),
                );
            }
        }
    }
    evidence.finding("r1-collapse", "At finite rank r the error falls by a factor of at least 10 where m_h reaches r.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_power_laws() {
        let points: Vec<_> = [1.0f64, 2.0, 8.0].iter().map(|m| (m.ln(), 0.7 * m.ln() + 3.0)).collect();
        assert!((slope(&points).unwrap() - 0.7).abs() < 1e-12);
        assert_eq!(slope(&points[..1]), None);
    }
}
