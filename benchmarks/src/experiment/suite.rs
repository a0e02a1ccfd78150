//! A suite of experiments.

use lookback_models::Catalogue;
use lookback_registry::{Error, ErrorKind, Result};

use super::cells::{Cell, Cells};
use super::{Experiment, Reading};
use crate::experiment::comparison::Comparison;
use crate::spec::{Named, RunSpec, SPEC_VERSION};
use crate::suite::{Analysis, Axes, Outcome, PlanRequest, Planned, Preset, Suite, SuiteInfo, Table};
use crate::tasks::task_kind;

/// A suite whose runs have the axis `experiment`.
pub struct ExperimentSuite {
    info: SuiteInfo,
    experiments: Vec<Box<dyn Experiment>>,
}

impl ExperimentSuite {
    /// A suite of these experiments, in order.
    pub fn new(info: SuiteInfo, experiments: Vec<Box<dyn Experiment>>) -> Self {
        Self { info, experiments }
    }

    /// The same suite with the experiments alone that need no data from elsewhere.
    #[must_use]
    pub fn synthetic(mut self) -> Self {
        self.experiments.retain(|experiment| experiment.is_synthetic());
        self
    }

    /// Its experiments.
    pub fn experiments(&self) -> impl Iterator<Item = &dyn Experiment> {
        self.experiments.iter().map(Box::as_ref)
    }
}

impl Suite for ExperimentSuite {
    fn info(&self) -> SuiteInfo {
        self.info
    }

    fn plan(&self, request: &PlanRequest, models: &Catalogue) -> Result<Vec<Planned>> {
        if request.seeds == Some(0) {
            return Err(Error::invalid("seeds", 0, "a whole number from 1 up"));
        }
        if let Some(extra) = request.extra_models.first() {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "Suite `{}` compares forms of one model and takes no further one, so not `{}`; suite `memory` does.",
                    self.info.name, extra.label
                ),
            ));
        }
        let mut runs = Vec::new();
        for experiment in self.experiments() {
            let info = experiment.info();
            let seeds = request.seeds.unwrap_or_else(|| experiment.seeds(request.preset)) as u64;
            for setting in experiment.grid(request.preset) {
                let kind = task_kind(&setting.task.name)?;
                let in_place = |error: Error| error.context(format!("Experiment {} cannot be planned", info.name));
                let task = (kind.resolve)(&setting.task.params).map_err(in_place)?;
                let io = (kind.io)(&task).map_err(in_place)?;
                let model = models.get(&setting.model.name)?;
                let model = model.facts(&setting.model.params, io).map_err(in_place)?.params;
                setting.training.validate().map_err(in_place)?;
                let mut axes: Axes = setting.axes.into_iter().map(|(axis, value)| (axis.to_owned(), value)).collect();
                axes.insert("experiment".into(), info.name.into());
                runs.extend((0..seeds).map(|seed| Planned {
                    spec: RunSpec {
                        version: SPEC_VERSION,
                        task: Named { name: setting.task.name.clone(), params: task.clone() },
                        model: Named { name: setting.model.name.clone(), params: model.clone() },
                        training: setting.training.clone(),
                        seed,
                    },
                    axes: axes.clone(),
                }));
            }
        }
        Ok(runs)
    }

    fn exact(&self) -> Vec<&'static str> {
        let exact = self.experiments().filter(|experiment| experiment.grid(Preset::Full).is_empty());
        exact.map(|experiment| experiment.info().name).collect()
    }

    fn analyse(&self, outcomes: &[Outcome], models: &Catalogue) -> Result<Analysis> {
        let mut analysis = Analysis::default();
        let mut rows = Vec::new();
        let exact = self.exact();
        for experiment in self.experiments() {
            let info = experiment.info();
            let own: Vec<&Outcome> = outcomes
                .iter()
                .filter(|outcome| outcome.planned.axes.get("experiment").is_some_and(|name| name == info.name))
                .collect();
            if own.is_empty() && !exact.contains(&info.name) {
                continue;
            }
            analysis.experiments.push(info);
            let cells = Cells::collect(&own, models)?;
            let Reading { tables, figures, findings, comparisons } =
                experiment.read(&cells).map_err(|error| error.context(format!("Experiment {}", info.name)))?;
            let titled = |table: Table| Table { title: format!("{}: {}", info.name, table.title), ..table };
            analysis.summary.extend(tables.into_iter().map(titled));
            analysis.figures.extend(figures);
            analysis.findings.extend(findings);
            analysis.comparisons.extend(comparisons);
            rows.extend(cells.iter().flat_map(|cell| cell_rows(info.name, cell)));
        }
        if !analysis.comparisons.is_empty() {
            analysis.summary.push(Comparison::table(&analysis.comparisons));
        }
        let columns = [
            "experiment",
            "place",
            "model",
            "parameters",
            "seeds",
            "diverged",
            "missing",
            "metric",
            "mean",
            "sd",
            "min",
            "low",
            "high",
        ];
        analysis.cells = Table { title: "all cells".into(), columns: columns.map(String::from).into(), rows };
        Ok(analysis)
    }
}

/// One row per metric of a cell.
fn cell_rows(experiment: &str, cell: &Cell<'_>) -> Vec<Vec<String>> {
    let model = cell.outcomes.first().map_or("", |outcome| outcome.planned.spec.model.name.as_str());
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4e}"));
    let common = |n: usize, metric: &str| {
        vec![
            experiment.to_owned(),
            cell.place(),
            model.to_owned(),
            cell.facts.num_params.to_string(),
            n.to_string(),
            cell.diverged.to_string(),
            cell.missing.to_string(),
            metric.to_owned(),
        ]
    };
    if cell.metrics.is_empty() {
        return vec![[common(0, ""), vec![String::new(); 5]].concat()];
    }
    let row = |(name, summary): (&String, &crate::experiment::stats::Summary)| {
        let mut row = common(summary.n, name);
        row.extend([
            number(Some(summary.mean)),
            number((summary.n > 1).then_some(summary.sd)),
            number(Some(summary.min)),
            number(summary.interval.map(|interval| interval.0)),
            number(summary.interval.map(|interval| interval.1)),
        ]);
        row
    };
    cell.metrics.iter().map(row).collect()
}
