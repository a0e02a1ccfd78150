//! Suite `synthetic`: the experiments of all other suites that need no data from elsewhere, in one sweep and one report.

use std::collections::BTreeMap;

use lookback_models::Catalogue;
use lookback_registry::Result;

use super::{depth, heads, memory, rank, sparse};
use crate::suite::{Analysis, Outcome, PlanRequest, Planned, Suite, SuiteInfo, Table};

/// The suite `synthetic`; its runs have the axis `suite` beside those of their suites.
pub struct SyntheticSuite {
    parts: Vec<Box<dyn Suite>>,
}

impl Default for SyntheticSuite {
    fn default() -> Self {
        Self {
            parts: vec![
                Box::new(memory::MemorySuite),
                Box::new(heads::suite().synthetic()),
                Box::new(depth::suite().synthetic()),
                Box::new(rank::suite().synthetic()),
                Box::new(sparse::suite().synthetic()),
            ],
        }
    }
}

/// Where a run says which suite it is of.
const AXIS: &str = "suite";

impl Suite for SyntheticSuite {
    fn info(&self) -> SuiteInfo {
        SuiteInfo {
            name: "synthetic",
            title: "Memory, heads, depth, rank and sparse memory",
            summary: "The experiments of all suites that make their own data, in one sweep and one report.",
            source: "the papers of its suites: https://arxiv.org/abs/2506.05678 (memory), \
                     https://arxiv.org/abs/2510.06662 (heads), https://arxiv.org/abs/2506.19296 (depth), \
                     https://arxiv.org/abs/2305.18475 (rank), https://arxiv.org/abs/2402.00522 (sparse)",
        }
    }

    fn plan(&self, request: &PlanRequest, models: &Catalogue) -> Result<Vec<Planned>> {
        let mut runs = Vec::new();
        for part in &self.parts {
            let name = part.info().name;
            // Further models stand beside those of suite `memory`; the others compare forms of one model.
            let request = match name {
                "memory" => request.clone(),
                _ => PlanRequest { extra_models: Vec::new(), ..request.clone() },
            };
            let own = part.plan(&request, models)?;
            runs.extend(own.into_iter().map(|mut run| {
                run.axes.insert(AXIS.into(), name.into());
                run
            }));
        }
        Ok(runs)
    }

    fn exact(&self) -> Vec<&'static str> {
        self.parts.iter().flat_map(|part| part.exact()).collect()
    }

    fn analyse(&self, outcomes: &[Outcome], models: &Catalogue) -> Result<Analysis> {
        let mut whole = Analysis::default();
        let mut cells = Vec::new();
        for part in &self.parts {
            let name = part.info().name;
            let own =
                outcomes.iter().filter(|outcome| outcome.planned.axes.get(AXIS).is_some_and(|suite| suite == name));
            let own: Vec<Outcome> = own.cloned().collect();
            if own.is_empty() && part.exact().is_empty() {
                continue;
            }
            let analysis = part.analyse(&own, models)?;
            cells.push((name, analysis.cells));
            whole.summary.extend(analysis.summary);
            whole.figures.extend(analysis.figures);
            whole.findings.extend(analysis.findings);
            whole.comparisons.extend(analysis.comparisons);
            whole.experiments.extend(analysis.experiments);
        }
        whole.cells = joined(&cells);
        Ok(whole)
    }
}

/// One table of all rows: the columns of all tables, by name, after one of the suite.
fn joined(tables: &[(&str, Table)]) -> Table {
    let mut columns = vec![AXIS.to_owned()];
    for column in tables.iter().flat_map(|(_, table)| &table.columns) {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    let rows = tables.iter().flat_map(|(suite, table)| {
        table.rows.iter().map(|row| {
            let cells: BTreeMap<&str, &String> = table.columns.iter().map(String::as_str).zip(row).collect();
            let cell = |column: &String| match column.as_str() {
                AXIS => (*suite).to_owned(),
                other => cells.get(other).map_or_else(String::new, |cell| (*cell).clone()),
            };
            columns.iter().map(cell).collect()
        })
    });
    Table { title: "all cells".into(), rows: rows.collect(), columns: columns.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_joined_by_the_names_of_their_columns() {
        let table = |columns: &[&str], row: &[&str]| Table {
            columns: columns.iter().map(|text| (*text).to_owned()).collect(),
            rows: vec![row.iter().map(|text| (*text).to_owned()).collect()],
            ..Table::default()
        };
        let all = joined(&[("memory", table(&["a", "b"], &["1", "2"])), ("heads", table(&["b", "c"], &["3", "4"]))]);
        assert_eq!(all.columns, ["suite", "a", "b", "c"]);
        assert_eq!(all.rows, [["memory", "1", "2", ""], ["heads", "", "3", "4"]]);
    }
}
