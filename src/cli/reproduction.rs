//! `lookback reproduction DIR..`.

use std::collections::HashSet;
use std::fmt::Write as _;

use lookback_benchmarks::{Analysis, Comparison, Finding, SUITES, SuiteInfo, Verdict};
use lookback_registry::Result;

use super::Exit;
use super::args::ReproductionArguments;
use super::out;
use crate::report::{environment, markdown_table};
use crate::runs::Store;
use crate::runs::store::Plan;

/// Prints what was published and what came out in these sweeps.
pub(super) fn reproduction(arguments: &ReproductionArguments) -> Result<Exit> {
    let mut page = String::from(
        "# Reproduction\n\nWhat the papers report beside what Lookback measures. `lookback reproduction` writes this page from the \
         folders of sweeps.\nA comparison agrees where the smallest value over seeds is within a factor 10 of the published \
         one, unless the\nexperiment says otherwise; where it does not, ours is below or above. Intervals are 95 % intervals of the \
         geometric mean\nover seeds.\n",
    );
    for dir in &arguments.dirs {
        let store = Store::new(dir);
        let plan = store.plan()?;
        let suite = SUITES.get(&plan.header.suite)?.suite();
        let outcomes = store.outcomes(&plan.runs)?;
        // Several experiments may share a run.
        let ids = |done: bool| -> HashSet<String> {
            let of = outcomes.iter().filter(|outcome| !done || outcome.result.is_some());
            of.map(|outcome| outcome.planned.spec.id()).collect()
        };
        let (done, planned) = (ids(true).len(), ids(false).len());
        let analysis = suite.analyse(&outcomes)?;
        page.push_str(&section(suite.info(), &plan, (done, planned), processor(&store, &plan)?, &analysis));
    }
    out::say(page.trim_end());
    Ok(Exit::Success)
}

/// The processor of the first run that says one.
fn processor(store: &Store, plan: &Plan) -> Result<Option<String>> {
    let entries = environment(store, plan)?.map_or_else(Vec::new, |found| found.entries());
    Ok(entries.into_iter().find(|(name, _)| name == "processor").map(|(_, value)| value))
}

fn section(
    info: SuiteInfo,
    plan: &Plan,
    (done, planned): (usize, usize),
    processor: Option<String>,
    analysis: &Analysis,
) -> String {
    let mut text = format!("\n## {} (`{}`)\n\nSource: {}\n\n", info.title, info.name, info.source);
    let runs = if plan.runs.is_empty() { String::new() } else { format!(", {done} of {planned} runs done") };
    let place = processor.map_or_else(String::new, |name| format!(" ({name})"));
    let _ = writeln!(
        text,
        "Preset `{}`, backend `{}`{place}{runs}: `{}`",
        plan.header.preset.name(),
        plan.header.backend,
        plan.command
    );
    let experiments: Vec<_> = analysis.experiments().map(|experiment| experiment.info).collect();
    if !experiments.is_empty() {
        text.push_str("\n### What differs from the papers\n\n");
        for experiment in &experiments {
            let _ = writeln!(text, "- **{}** ({}): {}", experiment.name, experiment.title, experiment.differs);
        }
        let remarks: Vec<_> = experiments.iter().filter(|experiment| !experiment.remark.is_empty()).collect();
        if !remarks.is_empty() {
            text.push_str("\n### Remarks\n\n");
        }
        for experiment in remarks {
            let _ = writeln!(text, "- **{}**: {}", experiment.name, experiment.remark);
        }
    }
    let comparisons: Vec<Comparison> = analysis.comparisons().cloned().collect();
    if !comparisons.is_empty() {
        let _ = write!(text, "\n### Published values\n\n{}", markdown_table(&Comparison::table(&comparisons)));
        let notes: Vec<&Comparison> = comparisons.iter().filter(|one| !one.differs.is_empty()).collect();
        if !notes.is_empty() {
            text.push('\n');
        }
        let mut said: Vec<(&str, &str)> = Vec::new();
        for note in notes {
            let key = (note.experiment.as_str(), note.differs.as_str());
            if !said.contains(&key) {
                said.push(key);
                let _ = writeln!(text, "- {}: {}", note.experiment, note.differs);
            }
        }
    }
    if analysis.findings().next().is_some() {
        text.push_str("\n### Findings\n\n");
        analysis.findings().for_each(|finding| text.push_str(&line(finding)));
    }
    text
}

fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Holds => "holds",
        Verdict::DoesNotHold => "does not hold",
        Verdict::NotMeasured => "not measured",
    };
    format!("- **{}**: {verdict}. {} {}\n", finding.name, finding.statement, finding.evidence)
}
