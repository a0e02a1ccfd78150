//! S4 and S5: memories that decay as a power or exponentially, by heads whose weights do either.

use lookback_models::rpe_transformer::Rpe;
use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shared::{bound, curve, dashed, least, task_of, training, trial};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Panel};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Shown, Trial};
use crate::oracle::head_fits;

/// An error, and the cell that has it.
type Best<'c, 'a> = Option<(f64, &'c Cell<'a, KernelsSetting>)>;

/// Heads of the fits.
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

/// A place of S4 or S5.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KernelsSetting {
    rpe: Rpe,
    #[serde(rename = "H")]
    n_heads: usize,
    /// Where the scores' p start.
    p: f64,
}

impl Kernels {
    fn name(self) -> &'static str {
        if self == Self::Polynomial { "S4" } else { "S5" }
    }

    /// The form of the scores that meets the memory with one head, then the other.
    fn rpes(self) -> [Rpe; 2] {
        if self == Self::Polynomial { [Rpe::Log, Rpe::Linear] } else { [Rpe::Linear, Rpe::Log] }
    }

    /// Published: at most this with one head of the fitting form, this with 64 of the other.
    fn published(self) -> [f64; 2] {
        if self == Self::Polynomial { [1e-5, 0.19] } else { [1e-7, 5e-4] }
    }
}

impl Experiment for Kernels {
    type Setting = KernelsSetting;

    fn info(&self) -> ExperimentInfo {
        let title = match self {
            Self::Polynomial => "A memory that decays as t^-0.5",
            Self::Exponential => "A memory that decays as e^-5t",
        };
        let differs = "lags count from 0, the memory being (1 + s)^-0.5 or e^-5s; no residual term; p starts at one value in \
                       all heads, which is swept; fewer steps outside of preset full";
        ExperimentInfo { name: self.name(), title, differs, remark: "" }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<KernelsSetting>>> {
        let preset = request.preset;
        let (length, heads, starts): (_, &[usize], &[f64]) = match preset {
            Preset::Smoke => (32, &[1, 2], &[1.0]),
            Preset::Quick => (1000, &[1, 4, 64], &[0.01, 1.0, 5.0]),
            Preset::Full => (1000, &[1, 2, 4, 8, 16, 32, 64], &[0.001, 0.01, 0.1, 1.0, 5.0]),
        };
        let (function, alpha) = if *self == Self::Polynomial { ("polynomial", 0.5) } else { ("exponential", 5.0) };
        let mut grid = Vec::new();
        for rpe in [Rpe::Log, Rpe::Linear] {
            for n_heads in heads {
                for p in starts {
                    let setting = KernelsSetting { rpe, n_heads: *n_heads, p: *p };
                    let task = json!({
                        "target": "memory", "function": function, "length": length,
                        "function_params": {"alpha": alpha, "normalise": false},
                    });
                    let model = json!({
                        "d_model": 16, "n_heads": n_heads, "d_head": 4, "d_ff": 0, "residual": false,
                        "rpe": rpe, "dot_product": false, "p_start": p,
                    });
                    grid.push(trial(setting, ("sparse-memory", task), model, training(preset, 3000)));
                }
            }
        }
        Ok(grid)
    }

    fn read(&self, cells: &Cells<'_, KernelsSetting>) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut panels = Vec::new();
        for rpe in [Rpe::Log, Rpe::Linear] {
            let fits = floor(cells, rpe)?;
            let form = Shown(rpe);
            let title = format!("MSE with {form} scores by initial p, smallest over seeds");
            let mut table = cells.grid_table(
                (&title, "mse"),
                ("H", |setting| setting.n_heads),
                ("p", |setting| setting.p),
                |setting| setting.rpe == rpe,
            );
            table.columns.push("best fit".into());
            let mut heads: Vec<usize> =
                cells.with(|setting| setting.rpe == rpe).map(|cell| cell.setting.n_heads).collect();
            heads.dedup();
            for (row, n_heads) in table.rows.iter_mut().zip(heads) {
                let fit = n_heads.checked_sub(1).and_then(|index| fits.get(index));
                row.push(fit.map_or_else(String::new, |fit| brief(*fit)));
            }
            reading.tables.push(table);
            let trained = |p: f64| {
                let here = cells.with(move |setting| setting.rpe == rpe && setting.p == p);
                curve(format!("trained from p = {p}"), here, |setting| setting.n_heads, "mse")
            };
            let mut series: Vec<_> = cells.values(|setting| setting.p).into_iter().map(trained).collect();
            let points = fits.iter().enumerate().map(|(index, mse)| ((index + 1) as f64, *mse));
            // Errors that are 0 but for rounding would stretch the axis.
            series.push(dashed("best sum of H heads", points.filter(|(_, mse)| *mse > 1e-16)));
            panels.push(Panel::new(
                format!("{form} scores"),
                Axis::new("heads H", true),
                Axis::new("MSE", true),
                series,
            ));
            if rpe == self.rpes()[1] {
                reading.findings = self.findings(cells, &fits);
                reading.comparisons = self.comparisons(cells, &fits);
            }
        }
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
    fn findings(self, cells: &Cells<'_, KernelsSetting>, fits: &[f64]) -> Vec<Finding> {
        let name = self.name().to_lowercase();
        let [fitting, other] = self.rpes().map(Shown);
        let [bound, many] = self.published();
        let mut one = Evidence::default();
        match best(cells, self.rpes()[0], 1, &mut one) {
            Some((value, cell)) => {
                one.check(value < bound, format!("MSE {} from p = {}", brief(value), cell.setting.p));
            }
            None => one.missing("one head"),
        }
        let mut gap = Evidence::default();
        match (best(cells, self.rpes()[1], 64, &mut gap), fits.get(3)) {
            (Some((value, cell)), Some(best)) => {
                gap.check(*best < many, format!("best fit of 4 heads: MSE {}", brief(*best)));
                let number = format!("64 heads trained from p = {}: MSE {}", cell.setting.p, brief(value));
                gap.check(value > MATTERS * best, number);
            }
            _ => gap.missing("64 heads"),
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
            spread(cells, self.rpes()[1]).finding(
                &format!("{name}-start-matters"),
                &format!(
                    "With {other} scores the initial p decides: at some number of heads the error (best seed) differs by a \
                     factor of 10 between starts."
                ),
            ),
        ]
    }

    fn comparisons(self, cells: &Cells<'_, KernelsSetting>, fits: &[f64]) -> Vec<Comparison> {
        let name = self.name();
        let [fitting, other] = self.rpes().map(Shown);
        let [least, many] = self.published();
        let ours = |rpe: Rpe, heads: usize| {
            best(cells, rpe, heads, &mut Evidence::default()).map_or(Ours::Missing, |(_, cell)| cell.ours("mse"))
        };
        let steps = "best of several initial p; fewer steps outside of preset full";
        let (one, all) = (ours(fitting.0, 1), ours(other.0, 64));
        let mut comparisons = vec![
            bound(f64::le, name, format!("MSE, 1 head, {fitting} scores, at most"), least, one, steps),
            Comparison::within(10.0, name, format!("MSE, 64 heads, {other} scores"), many, all, steps),
        ];
        if let Some(fit) = fits.get(FLOOR_HEADS - 1) {
            let quantity = format!("MSE, best fit of {FLOOR_HEADS} heads, {other} scores, beside 64 trained");
            comparisons.push(Comparison::within(10.0, name, quantity, many, Ours::Exact(*fit), "a fit, not trained"));
        }
        comparisons
    }
}

/// The largest factor between the errors of two starts, over numbers of heads.
fn spread(cells: &Cells<'_, KernelsSetting>, rpe: Rpe) -> Evidence {
    let mut evidence = Evidence::default();
    let mut spread = 1.0_f64;
    let mut ends = String::new();
    for heads in cells.values(|setting| setting.n_heads) {
        let values: Vec<f64> = cells
            .with(|setting| setting.rpe == rpe && setting.n_heads == heads)
            .filter_map(|cell| Some(cell.measured("mse", &mut evidence)?.min))
            .collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        if values.len() > 1 && high / low > spread {
            spread = high / low;
            ends = format!("{heads} heads: MSE {} to {}", brief(low), brief(high));
        }
    }
    if ends.is_empty() {
        evidence.missing("two initial p");
    } else {
        evidence.check(spread >= MATTERS, ends);
    }
    evidence
}

/// The smallest error over starts.
fn best<'c, 'a>(cells: &'c Cells<'a, KernelsSetting>, rpe: Rpe, heads: usize, evidence: &mut Evidence) -> Best<'c, 'a> {
    least(cells.with(move |setting| setting.rpe == rpe && setting.n_heads == heads), "mse", evidence)
}

/// The errors of the best fits of 1, 2, .. heads on the memory of the cells, none where there are no cells.
fn floor(cells: &Cells<'_, KernelsSetting>, rpe: Rpe) -> Result<Vec<f64>> {
    let Some(task) = task_of(cells, |_| true)? else { return Ok(Vec::new()) };
    let rho = task.rho()?.unwrap_or_default();
    Ok(head_fits(&rho, 0, rpe, FLOOR_HEADS).into_iter().map(|fit| fit.mse).collect())
}
