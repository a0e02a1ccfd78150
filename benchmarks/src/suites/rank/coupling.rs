//! R1: the error against m_h on targets whose coupling has known singular values.

use lookback_datasets::CouplingConfig;
use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::oracle::{SEQUENCES, truncation_nmse};
use super::{line, point, training};
use crate::experiment::Extended::{Finite, Infinite};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::{self, Summary};
use crate::experiment::{
    Cell, Cells, Experiment, ExperimentInfo, Extended, Finding, PlanRequest, Preset, Reading, Table, Trial, Verdict,
};
use crate::spec::Named;

const NAME: &str = "R1";
/// The terms of a target of infinite rank.
const TERMS: usize = 64;
/// How far below `2 alpha - 1` a fitted rate may lie: over m_h = 2 to 16 the truncation itself, with its bend at small
/// m_h, falls with a slope of 0.9 where the bound's is 1.
const SLACK: f64 = 0.15;
/// The factor by which the error falls where m_h reaches the rank.
const COLLAPSE: f64 = 10.0;

/// Error against m_h.
#[derive(Debug)]
pub(super) struct Coupling;

/// The axes of R1.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(super) struct CouplingSetting {
    /// How fast the singular values of the target fall: `sigma_k = k^-alpha`.
    alpha: f64,
    /// How many the target has.
    rank: Extended<usize>,
    /// The inner dimension of the model's scores.
    m_h: usize,
}

type Grid<'a> = Cells<'a, CouplingSetting>;

/// Values of m_h for one rank of the target.
type Row = (Extended<usize>, &'static [usize]);

impl Experiment for Coupling {
    type Setting = CouplingSetting;

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

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<CouplingSetting>>> {
        let (steps, width, alphas, rows): (_, _, &[f64], &[Row]) = match request.preset {
            Preset::Smoke => (20, 16, &[1.0], &[(Finite(2), &[1, 2]), (Finite(6), &[1, 4]), (Infinite, &[1, 2])]),
            Preset::Quick => {
                (6000, 128, &[1.0], &[(Finite(2), &[1, 2]), (Finite(6), &[2, 4, 6]), (Infinite, &[2, 4, 8, 16])])
            }
            Preset::Full => (
                30_000,
                128,
                &[0.55, 1.0],
                &[
                    (Finite(2), &[1, 2, 3, 4, 6, 8, 12, 16]),
                    (Finite(6), &[1, 2, 3, 4, 5, 6, 8, 12, 16]),
                    (Infinite, &[1, 2, 3, 4, 6, 8, 12, 16]),
                ],
            ),
        };
        let mut trials = Vec::new();
        for &alpha in alphas {
            for &(rank, sizes) in rows {
                trials.extend(sizes.iter().map(|m_h| Trial {
                    setting: CouplingSetting { alpha, rank, m_h: *m_h },
                    task: Named::new("temporal-coupling", json!({"alpha": alpha, "rank": terms(rank)})),
                    model: Named::new("pointwise-attention", json!({"d_head": m_h, "d_ff": width})),
                    training: training(steps, 64, [5e-3, 1e-5]),
                }));
            }
        }
        Ok(trials)
    }

    fn read(&self, cells: &Grid<'_>) -> Result<Reading> {
        let alphas = cells.values(|setting| setting.alpha);
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for &alpha in &alphas {
            let oracle = Oracle::of(cells, alpha)?;
            reading.tables.push(cells.grid_table(
                (&format!("NMSE, alpha = {alpha}, min over seeds"), "nmse"),
                ("rank", |setting: &CouplingSetting| setting.rank),
                ("m_h", |setting: &CouplingSetting| setting.m_h),
                |setting| setting.alpha == alpha,
            ));
            reading.tables.push(oracle.table(alpha));
            panels.push(panel(cells, alpha, &oracle));
            reading.comparisons.push(rate_comparison(cells, alpha));
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

/// The terms of a target of this rank.
fn terms(rank: Extended<usize>) -> usize {
    rank.finite().unwrap_or(TERMS)
}

/// Truncation errors at the sizes that the grid has, by rank.
struct Oracle(Vec<(Extended<usize>, Truncations)>);

/// (m_h, NMSE), small m_h to large.
type Truncations = Vec<(usize, f64)>;

impl Oracle {
    fn of(cells: &Grid<'_>, alpha: f64) -> Result<Self> {
        let row = |rank| {
            let sizes: Vec<usize> = row(cells, alpha, rank).iter().map(|cell| cell.setting.m_h).collect();
            let config = CouplingConfig { alpha, rank: terms(rank), ..CouplingConfig::default() };
            let errors = truncation_nmse(&config, &sizes, SEQUENCES)?;
            Ok((rank, sizes.into_iter().zip(errors).collect()))
        };
        cells.values(|setting| setting.rank).into_iter().map(row).collect::<Result<_>>().map(Self)
    }

    fn table(&self, alpha: f64) -> Table {
        let rows = self.0.iter().flat_map(|(rank, row)| {
            row.iter().map(move |(size, error)| vec![rank.to_string(), size.to_string(), brief(*error)])
        });
        Table {
            title: format!("NMSE with rho cut off after m_h terms, alpha = {alpha}"),
            columns: ["rank", "m_h", "truncation"].map(String::from).into(),
            rows: rows.collect(),
        }
    }
}

/// The cells of a rank, small m_h to large.
fn row<'a, 'c>(cells: &'a Grid<'c>, alpha: f64, rank: Extended<usize>) -> Vec<&'a Cell<'c, CouplingSetting>> {
    cells.with(move |setting| setting.alpha == alpha && setting.rank == rank).collect()
}

/// A rank as people write it.
fn shown(rank: Extended<usize>) -> String {
    rank.finite().map_or_else(|| "∞".into(), |rank| rank.to_string())
}

fn panel(cells: &Grid<'_>, alpha: f64, oracle: &Oracle) -> Panel {
    let mut all = Vec::new();
    for (index, (rank, exact)) in oracle.0.iter().enumerate() {
        let (key, label) = (format!("#{index}"), format!("r = {}", shown(*rank)));
        let cut = exact.iter().filter(|(_, error)| *error > 0.0).map(|(size, error)| Point::new(*size as f64, *error));
        all.push(Series::new(format!("{label}, cut off"), &key, Mark::Dashed, cut.collect()));
        let trained = row(cells, alpha, *rank);
        let points = trained.iter().filter_map(|cell| point(cell, cell.setting.m_h as f64, "nmse")).collect();
        all.push(Series::new(label, &key, Mark::LinePoints, points));
    }
    let longest = oracle.0.last().map_or(&[][..], |(_, row)| row);
    if let (Some((first, error)), Some((last, _))) = (longest.first(), longest.last()) {
        let ends = [*first, *last]
            .map(|size| Point::new(size as f64, error * (size as f64 / *first as f64).powf(1.0 - 2.0 * alpha)));
        all.push(Series::new("m_h^-(2 alpha - 1)", "reference", Mark::Dashed, ends.to_vec()));
    }
    let mut sizes: Vec<usize> = oracle.0.iter().flat_map(|(_, row)| row).map(|(size, _)| *size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let ticks = sizes.into_iter().map(|size| (size as f64, size.to_string())).collect();
    let x = Axis { ticks: Some(ticks), ..Axis::new("m_h", true) };
    Panel::new(format!("sigma_k = k^-{alpha}"), x, Axis::new("NMSE", true), all)
}

/// The slope of `-log NMSE` over `log m_h` at infinite rank, seed by seed.
fn rates(cells: &Grid<'_>, alpha: f64) -> Option<Summary> {
    let row = row(cells, alpha, Infinite);
    let nmse = |cell: &Cell<'_, CouplingSetting>, seed: u64| {
        let outcome = cell.outcomes.iter().find(|outcome| outcome.planned.spec.seed == seed)?;
        outcome.result.as_ref()?.metrics.get("nmse").copied()
    };
    let seeds: Vec<u64> = row.first()?.outcomes.iter().map(|outcome| outcome.planned.spec.seed).collect();
    let of_seed = |seed: u64| {
        let points: Option<Vec<_>> =
            row.iter().map(|cell| Some(((cell.setting.m_h as f64).ln(), -nmse(cell, seed)?.ln()))).collect();
        Some(line(&points?)?.0)
    };
    stats::summarise(&seeds.into_iter().filter_map(of_seed).filter(|rate| rate.is_finite()).collect::<Vec<_>>())
}

fn bound(alpha: f64) -> f64 {
    2.0 * alpha - 1.0
}

/// The published rate is an upper bound of the error: ours agrees where it is no slower.
fn rate_comparison(cells: &Grid<'_>, alpha: f64) -> Comparison {
    let published = bound(alpha);
    let (ours, verdict) = match rates(cells, alpha) {
        Some(rates) if rates.mean >= published - SLACK => (Ours::Trained(rates), Verdict::Holds),
        Some(rates) => (Ours::Trained(rates), Verdict::DoesNotHold),
        None => (Ours::Missing, Verdict::NotMeasured),
    };
    Comparison {
        experiment: NAME.into(),
        quantity: format!("rate at which the error falls with m_h, at least, alpha = {alpha}, r = ∞"),
        published: Some(published),
        ours,
        differs: "64 terms".into(),
        verdict,
    }
}

fn rate(cells: &Grid<'_>, alphas: &[f64]) -> Finding {
    let mut evidence = Evidence::default();
    for &alpha in alphas {
        let (bound, row) = (bound(alpha), row(cells, alpha, Infinite));
        let complete = row.iter().map(|cell| cell.measured("nmse", &mut evidence)).filter(Option::is_some).count();
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

/// The smallest NMSE of either cell if both have enough seeds, with their texts.
fn measured(pair: [&Cell<'_, CouplingSetting>; 2], evidence: &mut Evidence) -> Option<([f64; 2], [String; 2])> {
    let [one, other] = pair.map(|cell| Some(cell.measured("nmse", evidence)?.min));
    let numbers = [one?, other?];
    Some((numbers, numbers.map(brief)))
}

fn order(cells: &Grid<'_>, alphas: &[f64]) -> Finding {
    let mut evidence = Evidence::default();
    let ranks = cells.values(|setting| setting.rank);
    for &alpha in alphas {
        for (&lower, &higher) in ranks.iter().zip(ranks.iter().skip(1)) {
            let larger = row(cells, alpha, higher);
            for cell in row(cells, alpha, lower) {
                let m_h = cell.setting.m_h;
                let other = larger.iter().find(|other| other.setting.m_h == m_h).filter(|_| m_h < terms(higher));
                let Some((numbers, [low, high])) = other.and_then(|other| measured([cell, other], &mut evidence))
                else {
                    continue;
                };
                let place = format!("alpha = {alpha}, m_h = {m_h}");
                let number = format!("{place}: {low} at r = {lower}, {high} at r = {}", shown(higher));
                evidence.check(numbers[0] <= numbers[1], number);
            }
        }
    }
    evidence.finding(
        "r1-order",
        "At one m_h below the larger of two ranks, the target of the larger rank has the larger error.",
    )
}

fn collapse(cells: &Grid<'_>, alphas: &[f64]) -> Finding {
    let mut evidence = Evidence::default();
    for &alpha in alphas {
        for rank in cells.values(|setting| setting.rank) {
            let row = row(cells, alpha, rank);
            let Some(at) = row.iter().position(|cell| Finite(cell.setting.m_h) == rank).filter(|at| *at > 0) else {
                continue;
            };
            let (below, reached) = (row[at - 1], row[at]);
            if let Some((numbers, [before, after])) = measured([below, reached], &mut evidence) {
                let place = format!("alpha = {alpha}, r = {rank}");
                let number = format!("{place}: {before} at m_h = {}, {after} at r", below.setting.m_h);
                evidence.check(numbers[1] * COLLAPSE <= numbers[0], number);
            }
        }
    }
    evidence.finding("r1-collapse", "At finite rank r the error falls by a factor of at least 10 where m_h reaches r.")
}
