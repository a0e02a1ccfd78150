//! Outcomes of an experiment grouped into cells: one place of the grid, over seeds.

use std::collections::BTreeMap;

use lookback_models::{Catalogue, ModelFacts};
use lookback_registry::Result;

use crate::experiment::comparison::Ours;
use crate::experiment::evidence::{Evidence, MIN_SEEDS, brief};
use crate::experiment::stats::{self, Summary};
use crate::suite::{Axes, Outcome, Probe, RunStatus, Table};
use crate::tasks::task_kind;

/// One place of the grid.
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    /// Its coordinates, without `suite` and `experiment`.
    pub axes: Axes,
    /// All of its runs, whether or not they have ended.
    pub outcomes: Vec<&'a Outcome>,
    /// What is known of its model.
    pub facts: ModelFacts,
    /// Metrics over finished runs.
    pub metrics: BTreeMap<String, Summary>,
    /// Training losses at the end of finished runs.
    pub train_loss: Option<Summary>,
    /// Runs whose loss or metric stopped being finite.
    pub diverged: usize,
    /// Runs without a result.
    pub missing: usize,
}

/// All cells of one experiment, in the order of their values on the axes, axis by axis by name: not in the order of the
/// plan, where the runs that were asked for last come first.
#[derive(Debug)]
pub struct Cells<'a> {
    cells: Vec<Cell<'a>>,
    /// The values of each axis, in order.
    values: BTreeMap<String, Vec<String>>,
}

impl<'a> Cells<'a> {
    /// Groups outcomes by their axes, in whatever order they come.
    ///
    /// # Errors
    /// A spec that is not valid.
    pub fn collect(outcomes: &[&'a Outcome], models: &Catalogue) -> Result<Self> {
        let mut cells: Vec<Cell<'a>> = Vec::new();
        for outcome in outcomes {
            let mut axes = outcome.planned.axes.clone();
            axes.retain(|axis, _| axis != "experiment" && axis != "suite");
            match cells.iter_mut().find(|cell| cell.axes == axes) {
                Some(cell) => cell.outcomes.push(outcome),
                None => {
                    let spec = &outcome.planned.spec;
                    let io = (task_kind(&spec.task.name)?.io)(&spec.task.params)?;
                    cells.push(Cell {
                        axes,
                        outcomes: vec![outcome],
                        facts: models.get(&spec.model.name)?.facts(&spec.model.params, io)?,
                        metrics: BTreeMap::new(),
                        train_loss: None,
                        diverged: 0,
                        missing: 0,
                    });
                }
            }
        }
        cells.iter_mut().for_each(Cell::summarise);
        let values = ordered_values(&cells);
        cells.sort_by_cached_key(|cell| -> Vec<Option<usize>> {
            values.iter().map(|(axis, all)| all.iter().position(|value| value == cell.axis(axis))).collect()
        });
        Ok(Self { cells, values })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Cell<'a>> {
        self.cells.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Those with these values on these axes.
    pub fn with<'s>(&'s self, axes: &'s [(&str, &str)]) -> impl Iterator<Item = &'s Cell<'a>> {
        self.iter().filter(move |cell| axes.iter().all(|(axis, value)| cell.axis(axis) == *value))
    }

    /// The first with these values on these axes.
    pub fn get(&self, axes: &[(&str, &str)]) -> Option<&Cell<'a>> {
        self.iter().find(|cell| axes.iter().all(|(axis, value)| cell.axis(axis) == *value))
    }

    /// The values of an axis: ascending where all are numbers ("inf" is one), else in the order of the plan.
    pub fn values(&self, axis: &str) -> Vec<&str> {
        self.values.get(axis).into_iter().flatten().map(String::as_str).collect()
    }

    /// A table of the smallest value of a metric over seeds: rows over one axis, columns over another, of the cells with
    /// these values on further axes.
    pub fn grid_table(&self, title: &str, metric: &str, row: &str, column: &str, fixed: &[(&str, &str)]) -> Table {
        let of = |axis: &str| -> Vec<&str> {
            self.values(axis)
                .into_iter()
                .filter(|value| self.with(fixed).any(|cell| cell.axis(axis) == *value))
                .collect()
        };
        let columns = of(column);
        let rows = of(row)
            .into_iter()
            .map(|value| {
                let entry = |other: &&str| {
                    let cell = self.with(fixed).find(|cell| cell.axis(row) == value && cell.axis(column) == *other);
                    cell.map_or_else(String::new, |cell| cell.entry(metric))
                };
                std::iter::once(value.to_owned()).chain(columns.iter().map(entry)).collect()
            })
            .collect();
        let titles = columns.iter().map(|value| format!("{column} {value}"));
        Table { title: title.into(), columns: std::iter::once(row.to_owned()).chain(titles).collect(), rows }
    }
}

/// The values of each axis, as [`Cells::values`] gives them.
fn ordered_values(cells: &[Cell<'_>]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (axis, value) in cells.iter().flat_map(|cell| &cell.axes) {
        let values = all.entry(axis.clone()).or_default();
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    for values in all.values_mut() {
        let numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
        if let Some(numbers) = numbers {
            let mut pairs: Vec<(f64, String)> = numbers.into_iter().zip(std::mem::take(values)).collect();
            pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
            *values = pairs.into_iter().map(|(_, value)| value).collect();
        }
    }
    all
}

impl<'a> Cell<'a> {
    /// Its value on an axis, empty where it has none.
    pub fn axis(&self, name: &str) -> &str {
        self.axes.get(name).map_or("", String::as_str)
    }

    /// Its value on an axis as a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.axis(name).parse().ok()
    }

    /// A metric over seeds.
    pub fn metric(&self, name: &str) -> Option<&Summary> {
        self.metrics.get(name)
    }

    /// A metric for a comparison with a published value.
    pub fn ours(&self, metric: &str) -> Ours {
        self.metric(metric).map_or(Ours::Missing, |summary| Ours::Trained(*summary))
    }

    /// The finished run with the smallest value of a metric, with its diagnostics.
    pub fn best(&self, metric: &str) -> Option<(&'a Outcome, &'a Probe)> {
        let value = |outcome: &Outcome| outcome.result.as_ref()?.metrics.get(metric).copied();
        let finished =
            self.outcomes.iter().filter_map(|outcome| Some((value(outcome)?, *outcome, outcome.probe.as_ref()?)));
        finished.min_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, outcome, probe)| (outcome, probe))
    }

    /// Its place: "T=128, h=3".
    pub fn place(&self) -> String {
        self.axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(", ")
    }

    /// A metric over at least two seeds, or a note in the evidence of what it lacks.
    pub fn measured<'s>(&'s self, metric: &str, evidence: &mut Evidence) -> Option<&'s Summary> {
        match self.metric(metric) {
            Some(summary) if summary.n >= MIN_SEEDS => Some(summary),
            other => {
                let seeds = other.map_or(0, |summary| summary.n);
                let diverged = if self.diverged > 0 { format!(", {} diverged", self.diverged) } else { String::new() };
                evidence.missing(format!("{}: {seeds} of at least {MIN_SEEDS} seeds finished{diverged}", self.place()));
                None
            }
        }
    }

    /// The smallest value of a metric, with a mark where one seed, or only part of the seeds, stands for it.
    pub fn entry(&self, metric: &str) -> String {
        self.entry_as(metric, brief)
    }

    /// [`Cell::entry`] with numbers written otherwise than to two significant digits.
    pub fn entry_as(&self, metric: &str, write: impl Fn(f64) -> String) -> String {
        match self.metric(metric) {
            Some(summary) => {
                let mark = if summary.n == 1 || self.diverged + self.missing > 0 { "*" } else { "" };
                format!("{}{mark}", write(summary.min))
            }
            None if self.diverged > 0 => "diverged".into(),
            None => "-".into(),
        }
    }

    fn summarise(&mut self) {
        let mut metrics: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let mut losses = Vec::new();
        for outcome in &self.outcomes {
            match &outcome.result {
                Some(result) if result.status == RunStatus::Finished && !result.metrics.is_empty() => {
                    for (name, value) in result.metrics.iter().filter(|(_, value)| value.is_finite()) {
                        metrics.entry(name.clone()).or_default().push(*value);
                    }
                    losses.extend(result.train_loss.filter(|loss| loss.is_finite()));
                }
                Some(_) => self.diverged += 1,
                None => self.missing += 1,
            }
        }
        self.metrics =
            metrics.into_iter().filter_map(|(name, values)| Some((name, stats::summarise(&values)?))).collect();
        self.train_loss = stats::summarise(&losses);
    }
}

#[cfg(test)]
impl Outcome {
    /// A run at this place as if it had finished with these metrics, for tests of what is read from runs.
    pub(crate) fn finished(axes: &[(&str, &str)], seed: u64, metrics: &[(&str, f64)]) -> Self {
        use serde_json::json;

        use crate::spec::{Named, RunSpec, SPEC_VERSION, TrainingConfig};
        use crate::suite::{Planned, RunResult};

        let spec = RunSpec {
            version: SPEC_VERSION,
            task: Named::new("retrieval", json!({})),
            model: Named::new("class-attention", json!({})),
            training: TrainingConfig::default(),
            seed,
        };
        let axes = axes.iter().map(|(axis, value)| ((*axis).to_owned(), (*value).to_owned())).collect();
        let result = RunResult {
            status: RunStatus::Finished,
            steps: 1,
            num_params: 1,
            metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            best: None,
            train_loss: None,
        };
        Self { planned: Planned { spec, axes }, result: Some(result), probe: None, curve: Vec::new(), seconds: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_the_same_in_any_order() {
        let mut outcomes = Vec::new();
        for kind in ["wide", "narrow"] {
            for length in ["8", "16", "128"] {
                for cap in ["0.5", "2", "inf"] {
                    outcomes.push(Outcome::finished(&[("kind", kind), ("T", length), ("cap", cap)], 0, &[]));
                }
            }
        }
        // Another kind, which has no cap.
        outcomes.push(Outcome::finished(&[("kind", "free"), ("T", "16")], 0, &[]));
        // Kinds are no numbers and keep the order in which they first come, here that of the plan.
        let shuffled = [5, 13, 18, 2, 0, 17, 8, 11, 4, 1, 10, 16, 7, 3, 14, 9, 15, 6, 12];
        let shuffled: Vec<&Outcome> = shuffled.iter().map(|place: &usize| &outcomes[*place]).collect();
        let in_order: Vec<&Outcome> = outcomes.iter().collect();
        for plan in [in_order, shuffled] {
            let cells = Cells::collect(&plan, &Catalogue::default()).unwrap();
            assert_eq!(cells.values("T"), ["8", "16", "128"]);
            assert_eq!(cells.values("cap"), ["0.5", "2", "inf"]);
            assert_eq!(cells.values("kind"), ["wide", "narrow", "free"]);
            assert!(cells.values("other").is_empty());
            let places: Vec<[&str; 3]> =
                cells.iter().map(|cell| ["T", "cap", "kind"].map(|axis| cell.axis(axis))).collect();
            assert_eq!(places.len(), outcomes.len());
            assert_eq!(places[..3], [["8", "0.5", "wide"], ["8", "0.5", "narrow"], ["8", "2", "wide"]]);
            assert_eq!(places[6..9], [["16", "", "free"], ["16", "0.5", "wide"], ["16", "0.5", "narrow"]]);
            assert_eq!(places[18], ["128", "inf", "narrow"]);
            let row = cells.with(&[("kind", "wide"), ("T", "16")]).filter_map(|cell| cell.number("cap"));
            assert_eq!(row.collect::<Vec<f64>>(), [0.5, 2.0, f64::INFINITY]);
        }
    }
}
