//! Outcomes of an experiment grouped into cells: one setting, over seeds.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Display;

use lookback_models::{MODELS, ModelFacts};
use lookback_registry::{Error, ErrorKind, Result, to_params};
use serde_json::Value;

use super::Setting;
use super::comparison::Ours;
use super::evidence::{Evidence, MIN_SEEDS, brief};
use super::outcome::{Outcome, Probe, RunStatus};
use super::plan::label;
use super::stats::{self, Summary};
use super::table::Table;
use crate::tasks::TASKS;

/// All runs at one setting.
#[derive(Debug, Clone)]
pub struct Cell<'a, S> {
    /// Where it is in the grid.
    pub setting: S,
    /// All of its runs, whether or not they have ended.
    pub outcomes: Vec<&'a Outcome>,
    /// Size and abilities of its model.
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

/// All cells of one experiment in the order of their settings, whatever the order of the plan.
#[derive(Debug)]
pub struct Cells<'a, S> {
    cells: Vec<Cell<'a, S>>,
}

impl<'a, S: Setting> Cells<'a, S> {
    /// Groups outcomes by their settings, in whatever order they come.
    ///
    /// # Errors
    /// A place that is not a setting of this experiment, or a spec that is not valid.
    pub fn collect(outcomes: &[&'a Outcome]) -> Result<Self> {
        let mut cells: Vec<Cell<'a, S>> = Vec::new();
        for outcome in outcomes {
            let place = &outcome.planned.place;
            let setting: S = serde_json::from_value(Value::Object(place.setting.clone())).map_err(|error| {
                let message = format!("{} is not a setting of experiment {}", place.label(), place.experiment);
                Error::caused(ErrorKind::Corrupt, message, error)
            })?;
            match cells.iter_mut().find(|cell| cell.setting == setting) {
                Some(cell) => cell.outcomes.push(outcome),
                None => {
                    let spec = &outcome.planned.spec;
                    let io = TASKS.get(&spec.task.name)?.io(&spec.task.params)?;
                    cells.push(Cell {
                        setting,
                        outcomes: vec![outcome],
                        facts: MODELS.get(&spec.model.name)?.facts(&spec.model.params, io)?,
                        metrics: BTreeMap::new(),
                        train_loss: None,
                        diverged: 0,
                        missing: 0,
                    });
                }
            }
        }
        cells.iter_mut().for_each(Cell::summarise);
        cells.sort_by(|left, right| left.setting.partial_cmp(&right.setting).unwrap_or(Ordering::Equal));
        Ok(Self { cells })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Cell<'a, S>> {
        self.cells.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Those whose setting fits.
    pub fn with<'s>(&'s self, fits: impl Fn(&S) -> bool + 's) -> impl Iterator<Item = &'s Cell<'a, S>> + 's {
        self.iter().filter(move |cell| fits(&cell.setting))
    }

    /// The first whose setting fits.
    pub fn find(&self, fits: impl Fn(&S) -> bool) -> Option<&Cell<'a, S>> {
        self.iter().find(|cell| fits(&cell.setting))
    }

    /// The values that settings have on an axis, each once, ascending.
    pub fn values<K: PartialOrd>(&self, axis: impl Fn(&S) -> K) -> Vec<K> {
        let mut values: Vec<K> = Vec::new();
        for value in self.iter().map(|cell| axis(&cell.setting)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values.sort_by(|left, right| left.partial_cmp(right).unwrap_or(Ordering::Equal));
        values
    }

    /// A table of the smallest value of a metric over seeds, of the cells whose setting fits: rows over one axis, columns
    /// over another, each with its name.
    pub fn grid_table<R: PartialOrd + Display, C: PartialOrd + Display>(
        &self,
        (title, metric): (&str, &str),
        (row_name, row): (&str, impl Fn(&S) -> R),
        (column_name, column): (&str, impl Fn(&S) -> C),
        fits: impl Fn(&S) -> bool,
    ) -> Table {
        let cells: Vec<&Cell<'a, S>> = self.with(fits).collect();
        let here = Self { cells: cells.iter().map(|cell| (*cell).clone()).collect() };
        let columns = here.values(&column);
        let rows = here.values(&row).into_iter().map(|value| {
            let entry = |other: &C| {
                let found = here.find(|setting| row(setting) == value && column(setting) == *other);
                found.map_or_else(String::new, |cell| cell.entry(metric))
            };
            std::iter::once(value.to_string()).chain(columns.iter().map(entry)).collect()
        });
        let titles = columns.iter().map(|value| format!("{column_name} {value}"));
        Table {
            title: title.into(),
            rows: rows.collect(),
            columns: std::iter::once(row_name.to_owned()).chain(titles).collect(),
        }
    }
}

impl<'a, S> Cell<'a, S> {
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

    /// The smallest value of a metric, with a mark if one seed, or only part of the seeds, is behind it.
    pub fn entry(&self, metric: &str) -> String {
        self.entry_as(metric, |summary| brief(summary.min))
    }

    /// [`Cell::entry`] with another statistic, or numbers written otherwise than to two significant digits.
    pub fn entry_as(&self, metric: &str, write: impl Fn(&Summary) -> String) -> String {
        match self.metric(metric) {
            Some(summary) => {
                let mark = if summary.n == 1 || self.diverged + self.missing > 0 { "*" } else { "" };
                format!("{}{mark}", write(summary))
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
                // A finished run without a finite metric has diverged after its last finite loss.
                Some(result)
                    if result.status == RunStatus::Finished
                        && result.metrics.values().any(|value| value.is_finite()) =>
                {
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

impl<S: Setting> Cell<'_, S> {
    /// Its setting for people: "T=128, h=3".
    pub fn place(&self) -> String {
        label(&to_params(&self.setting))
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
}

#[cfg(test)]
impl Outcome {
    /// A run at this setting as if it had finished with these metrics, for tests of what is read from runs.
    pub(crate) fn finished<S: Setting>(setting: &S, seed: u64, metrics: &[(&str, f64)]) -> Self {
        use serde_json::json;

        use super::outcome::RunResult;
        use super::plan::{Place, Planned};
        use crate::spec::{Named, RunSpec, SPEC_VERSION, TrainingConfig};

        let spec = RunSpec {
            version: SPEC_VERSION,
            task: Named::new("retrieval", json!({})),
            model: Named::new("class-attention", json!({})),
            training: TrainingConfig::default(),
            seed,
        };
        let place =
            Place { suite: "suite".into(), experiment: "experiment".into(), setting: to_params(setting), also: None };
        let result = RunResult {
            status: RunStatus::Finished,
            steps: 1,
            num_params: 1,
            metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            best: None,
            train_loss: None,
        };
        Self { planned: Planned { spec, place }, result: Some(result), probe: None, curve: Vec::new(), seconds: None }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
    enum Kind {
        Wide,
        Narrow,
        Free,
    }

    #[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
    struct Grid {
        #[serde(rename = "T")]
        length: usize,
        cap: Option<f64>,
        kind: Kind,
    }

    #[test]
    fn a_plan_reads_the_same_in_any_order() {
        let mut outcomes = Vec::new();
        for kind in [Kind::Wide, Kind::Narrow] {
            for length in [8, 16, 128] {
                for cap in [Some(0.5), Some(2.0)] {
                    outcomes.push(Outcome::finished(&Grid { length, cap, kind }, 0, &[("nmse", 0.5)]));
                }
            }
        }
        outcomes.push(Outcome::finished(&Grid { length: 16, cap: None, kind: Kind::Free }, 0, &[]));
        let shuffled = [5, 2, 0, 11, 4, 1, 10, 7, 3, 9, 8, 6, 12].map(|place: usize| &outcomes[place]);
        let in_order: Vec<&Outcome> = outcomes.iter().collect();
        for plan in [in_order, shuffled.to_vec()] {
            let cells = Cells::<Grid>::collect(&plan).unwrap();
            assert_eq!(cells.values(|grid| grid.length), [8, 16, 128]);
            assert_eq!(cells.values(|grid| grid.cap), [None, Some(0.5), Some(2.0)]);
            assert_eq!(cells.values(|grid| grid.kind), [Kind::Wide, Kind::Narrow, Kind::Free]);
            let places: Vec<String> = cells.iter().map(Cell::place).collect();
            assert_eq!(places[..3], ["T=8, cap=0.5, kind=Wide", "T=8, cap=0.5, kind=Narrow", "T=8, cap=2, kind=Wide"]);
            assert_eq!(places[4], "T=16, cap=none, kind=Free");
            let row = cells.with(|grid| grid.kind == Kind::Wide && grid.length == 16);
            assert_eq!(row.filter_map(|cell| cell.setting.cap).collect::<Vec<f64>>(), [0.5, 2.0]);
            let table = cells.grid_table(
                ("NMSE", "nmse"),
                ("T", |grid: &Grid| grid.length),
                ("cap", |grid: &Grid| grid.cap.unwrap_or(f64::INFINITY)),
                |grid| grid.kind == Kind::Wide,
            );
            assert_eq!(table.columns, ["T", "cap 0.5", "cap 2"]);
            assert_eq!(table.rows[2], ["128", "0.50*", "0.50*"]);
        }
    }

    #[test]
    fn another_experiments_place_is_an_error() {
        #[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
        struct Other {
            depth: usize,
        }
        let outcome = Outcome::finished(&Other { depth: 2 }, 0, &[]);
        let error = Cells::<Grid>::collect(&[&outcome]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.chain().starts_with("experiment: depth=2 is not a setting of experiment experiment"));
    }
}
