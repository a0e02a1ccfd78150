//! S4 and S5: memories that decay as a power or exponentially, by heads whose weights do either.

use lookback_models::rpe_transformer::Rpe;
use lookback_registry::Result;
use serde_json::json;

use super::shared::{at_most, curve, dashed, setting, training};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::oracle::head_fits;
use crate::experiment::{Finding, Preset, Table};
use crate::tasks::regression::RegressionConfig;
use crate::tasks::sparse::SparseConfig;

/// Heads of the dashed curves.
const FLOOR_HEADS: usize = 8;

/// A start that matters changes the error by at least this factor.
const MATTERS: f64 = 10.0;

/// The experiment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernels {
    /// S4: `(1 + s)^-0.5`.
    Polynomial,
    /// S5: `exp(-5 s)`.
    Exponential,
}

impl Kernels {
    fn name(self) -> &'static str {
        if self == Self::Polynomial { "S4" } else { "S5" }
    }

    /// The form of the scores that meets the memory with one head, then the other.
    fn rpes(self) -> [&'static str; 2] {
        if self == Self::Polynomial { ["log", "linear"] } else { ["linear", "log"] }
    }

    /// Published: at most this with one head of the fitting form, this with 64 of the other.
    fn published(self) -> [f64; 2] {
        if self == Self::Polynomial { [1e-5, 0.19] } else { [1e-7, 5e-4] }
    }
}

impl Experiment for Kernels {
    fn info(&self) -> ExperimentInfo {
        let title = match self {
            Self::Polynomial => "A memory that decays as t^-0.5",
            Self::Exponential => "A memory that decays as e^-5t",
        };
        let differs = "lags count from 0, the memory being (1 + s)^-0.5 or e^-5s; no residual term; p starts at one value in \
                       all heads, which is swept; fewer steps outside of preset full";
        ExperimentInfo { name: self.name(), title, differs, remark: "" }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let (length, heads, starts): (_, &[usize], &[f64]) = match preset {
            Preset::Smoke => (32, &[1, 2], &[1.0]),
            Preset::Quick => (1000, &[1, 4, 64], &[0.01, 1.0, 5.0]),
            Preset::Full => (1000, &[1, 2, 4, 8, 16, 32, 64], &[0.001, 0.01, 0.1, 1.0, 5.0]),
        };
        let (function, alpha) = if *self == Self::Polynomial { ("polynomial", 0.5) } else { ("exponential", 5.0) };
        let mut grid = Vec::new();
        for rpe in ["log", "linear"] {
            for n_heads in heads {
                for p in starts {
                    let axes = vec![("rpe", rpe.to_owned()), ("H", n_heads.to_string()), ("p", p.to_string())];
                    let task = json!({
                        "target": "memory", "function": function, "length": length,
                        "function_params": {"alpha": alpha, "normalise": false},
                    });
                    let model = json!({
                        "d_model": 16, "n_heads": n_heads, "d_head": 4, "d_ff": 0, "residual": false,
                        "rpe": rpe, "dot_product": false, "p_start": p,
                    });
                    grid.push(setting(axes, ("sparse-memory", task), model, training(preset, 3000)));
                }
            }
        }
        grid
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        let mut floors = Vec::new();
        for rpe in ["log", "linear"] {
            let fits = floor(cells, rpe)?;
            let title = format!("MSE with {rpe} scores by initial p, smallest over seeds");
            let mut table = cells.grid_table(&title, "mse", "H", "p", &[("rpe", rpe)]);
            add_floor(&mut table, &fits);
            reading.tables.push(table);
            let mut series: Vec<_> = cells
                .values("p")
                .into_iter()
                .map(|p| curve(format!("trained from p = {p}"), cells, &[("rpe", rpe), ("p", p)], ("H", "mse")))
                .collect();
            let points = fits.iter().enumerate().map(|(index, mse)| ((index + 1) as f64, *mse));
            // Errors that are 0 but for rounding would stretch the axis.
            series.push(dashed("best sum of H heads", points.filter(|(_, mse)| *mse > 1e-16)));
            panels.push(Panel::new(
                format!("{rpe} scores"),
                Axis::new("heads H", true),
                Axis::new("MSE", true),
                series,
            ));
            floors.push((rpe, fits));
        }
        let of = |rpe: &str| floors.iter().find(|(name, _)| *name == rpe).map_or(&[][..], |(_, fits)| fits.as_slice());
        reading.findings = self.findings(cells, of(self.rpes()[1]));
        reading.comparisons = self.comparisons(cells, of(self.rpes()[1]));
        let name = self.name().to_lowercase();
        reading.figures.push(Figure {
            id: format!("{name}-heads"),
            title: self.info().title.into(),
            caption: "Error of one layer of heads that see lags alone, by the value at which their p start; dashed: the best \
                      fit of as many heads with any p and any coefficients."
                .into(),
            panels,
            columns: 2,
        });
        Ok(reading)
    }
}

impl Kernels {
    fn findings(self, cells: &Cells, floor: &[f64]) -> Vec<Finding> {
        let name = self.name().to_lowercase();
        let [fitting, other] = self.rpes();
        let [bound, many] = self.published();
        let mut one = Evidence::default();
        match best(cells, fitting, "1", &mut one) {
            Some((value, cell)) => {
                one.check(value < bound, format!("MSE {} from p = {}", brief(value), cell.axis("p")))
            }
            None => one.missing("one head"),
        }
        let mut gap = Evidence::default();
        match (best(cells, other, "64", &mut gap), floor.get(3)) {
            (Some((value, cell)), Some(best)) => {
                gap.check(*best < many, format!("best fit of 4 heads: MSE {}", brief(*best)));
                let number = format!("64 heads trained from p = {}: MSE {}", cell.axis("p"), brief(value));
                gap.check(value > MATTERS * best, number);
            }
            _ => gap.missing("64 heads"),
        }
        let mut start = Evidence::default();
        let mut spread = 1.0_f64;
        let mut ends = String::new();
        for heads in cells.values("H") {
            let values: Vec<f64> = cells
                .with(&[("rpe", other), ("H", heads)])
                .filter_map(|cell| Some(cell.measured("mse", &mut start)?.min))
                .collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(0.0, f64::max);
            if values.len() > 1 && high / low > spread {
                spread = high / low;
                ends = format!("{heads} heads: MSE {} to {}", brief(low), brief(high));
            }
        }
        if ends.is_empty() {
            start.missing("two initial p");
        } else {
            start.check(spread >= MATTERS, ends);
        }
        vec![
            one.finding(
                &format!("{name}-one-{fitting}-head"),
                &format!("One head with {fitting} scores learns the memory (best seed and start: MSE < {bound:e})."),
            ),
            gap.finding(
                &format!("{name}-gap-is-optimisation"),
                &format!(
                    "With {other} scores the published error of 64 heads is one of training: the best fit of 4 heads is below \
                     it, and the best of 64 trained heads stays above 10 times that fit."
                ),
            ),
            start.finding(
                &format!("{name}-start-matters"),
                &format!(
                    "With {other} scores the initial p decides: at some number of heads the error (best seed) differs by a \
                     factor of 10 between starts."
                ),
            ),
        ]
    }

    fn comparisons(self, cells: &Cells, floor: &[f64]) -> Vec<Comparison> {
        let name = self.name();
        let [fitting, other] = self.rpes();
        let [bound, many] = self.published();
        let ours = |rpe: &str, heads: &str| {
            best(cells, rpe, heads, &mut Evidence::default()).map_or(Ours::Missing, |(_, cell)| cell.ours("mse"))
        };
        let steps = "best of several initial p; fewer steps outside of preset full";
        let mut all = vec![
            at_most(name, format!("MSE, 1 head, {fitting} scores, at most"), bound, ours(fitting, "1"), steps),
            Comparison::within(10.0, name, format!("MSE, 64 heads, {other} scores"), many, ours(other, "64"), steps),
        ];
        if let Some(fit) = floor.get(FLOOR_HEADS - 1) {
            let quantity = format!("MSE, best fit of {FLOOR_HEADS} heads, {other} scores, beside 64 trained");
            all.push(Comparison::within(10.0, name, quantity, many, Ours::Exact(*fit), "a fit, not trained"));
        }
        all
    }
}

/// The smallest error over starts.
fn best<'c>(cells: &'c Cells<'c>, rpe: &str, heads: &str, evidence: &mut Evidence) -> Option<(f64, &'c Cell<'c>)> {
    let found = cells.iter().filter(|cell| cell.axis("rpe") == rpe && cell.axis("H") == heads);
    let found = found.filter_map(|cell| Some((cell.measured("mse", evidence)?.min, cell)));
    found.min_by(|left, right| left.0.total_cmp(&right.0))
}

/// The errors of the best fits of 1, 2, .. heads on the memory of the cells, none where there are no cells.
fn floor(cells: &Cells, rpe: &str) -> Result<Vec<f64>> {
    let Some(outcome) = cells.iter().next().and_then(|cell| cell.outcomes.first()) else { return Ok(Vec::new()) };
    let config = RegressionConfig::<SparseConfig>::read(&outcome.planned.spec.task.params)?.data;
    let rpe = if rpe == "log" { Rpe::Log } else { Rpe::Linear };
    let rho = config.rho()?.unwrap_or_default();
    Ok(head_fits(&rho, 0, rpe, FLOOR_HEADS).into_iter().map(|fit| fit.mse).collect())
}

/// A column of the best fits.
fn add_floor(table: &mut Table, fits: &[f64]) {
    table.columns.push("best fit".into());
    for row in &mut table.rows {
        let heads = row.first().and_then(|heads| heads.parse::<usize>().ok());
        let fit = heads.and_then(|heads| fits.get(heads.checked_sub(1)?));
        row.push(fit.map_or_else(String::new, |fit| brief(*fit)));
    }
}
