//! The findings: named statements, each decided by the numbers of the cells.
//!
//! "Solved" statements go by the best seed, as the papers do: they are about what a model can approximate,
//! not about luck in training. Statements on trends go by the mean over seeds.

mod decay;
mod impulse;
mod oscillation;

use super::cells::{Cell, Cells};
pub(super) use crate::experiment::evidence::brief;
use crate::experiment::evidence::{Evidence, MIN_SEEDS};
use crate::experiment::stats::Summary;
use crate::experiment::Finding;

/// An error below which a memory counts as learned.
const SOLVED: f64 = 1e-2;

/// Memories whose required states are followed over alpha, with the NMSE that defines "required".
pub(super) const LADDERS: [(&str, f64); 2] = [("polynomial", decay::REQUIRED), ("airy", SOLVED)];

/// All findings, in a fixed order.
pub(super) fn findings(cells: &Cells) -> Vec<Finding> {
    let mut all = vec![not_below_floor(cells)];
    all.extend(decay::findings(cells));
    all.extend(impulse::findings(cells));
    all.extend(oscillation::findings(cells));
    all
}

/// The errors of a cell, or a note of what it lacks.
fn measured<'a>(evidence: &mut Evidence, cell: &'a Cell) -> Option<&'a Summary> {
    match &cell.nmse {
        Some(summary) if summary.n >= MIN_SEEDS => Some(summary),
        other => {
            let seeds = other.as_ref().map_or(0, |summary| summary.n);
            let diverged = if cell.diverged > 0 { format!(", {} diverged", cell.diverged) } else { String::new() };
            evidence.missing(format!(
                "{} ({}) on {} {}: {seeds} of at least {MIN_SEEDS} seeds finished{diverged}",
                cell.model, cell.size, cell.memory, cell.alpha
            ));
            None
        }
    }
}

/// "s4d 3.0e-4 (mean 5.1e-4)".
fn best_and_mean(cell: &Cell, summary: &Summary) -> String {
    format!("{} {} (mean {})", cell.model, brief(summary.min), brief(summary.mean))
}

/// The labels of a list that the grid has; notes it where there are fewer than `at_least`.
fn present<'a>(cells: &Cells, labels: &[&'a str], at_least: usize, evidence: &mut Evidence) -> Vec<&'a str> {
    let models = cells.models();
    let found: Vec<_> = labels.iter().copied().filter(|label| models.contains(label)).collect();
    if found.len() < at_least {
        evidence.missing(format!("at least {at_least} of {}", labels.join(", ")));
    }
    found
}

/// Checks a best-seed error at one alpha for each of these models.
fn check_at(
    cells: &Cells,
    (memory, alpha): (&str, f64),
    labels: &[&str],
    evidence: &mut Evidence,
    agrees: impl Fn(&Cell, &Summary) -> bool,
) {
    for label in labels {
        match cells.at(memory, alpha, label) {
            Some(cell) => {
                if let Some(summary) = measured(evidence, cell) {
                    evidence.check(agrees(cell, summary), best_and_mean(cell, summary));
                }
            }
            None => evidence.missing(format!("{label} on {memory} {alpha}")),
        }
    }
}

/// Rows with fewer alphas than this show no trend.
const TREND: usize = 3;

/// The measured errors of a model over alpha; notes it where there are too few.
fn trend<'a>(cells: &'a Cells, memory: &str, label: &str, evidence: &mut Evidence) -> Vec<(&'a Cell, &'a Summary)> {
    let row = cells.row(memory, label);
    if row.len() < TREND {
        evidence.missing(format!("{label} on {memory} at {} of at least {TREND} alphas", row.len()));
    }
    row.into_iter().filter_map(|cell| Some((cell, measured(evidence, cell)?))).collect()
}

fn not_below_floor(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let mut closest: Option<(f64, String)> = None;
    let mut compared = 0;
    for cell in &cells.cells {
        let (Some(floor), Some(summary)) = (&cell.floor, &cell.nmse) else { continue };
        compared += 1;
        let allowed = floor.nmse() * (1.0 - cells.problems[cell.problem].allowance().min(1.0));
        let text = format!(
            "{} ({}) on {} {}: {} against {} ({})",
            cell.model,
            cell.size,
            cell.memory,
            cell.alpha,
            brief(summary.min),
            brief(floor.nmse()),
            floor.describe()
        );
        if summary.min < allowed {
            evidence.check(false, text);
        } else if floor.nmse() > 0.0 {
            let ratio = summary.min / floor.nmse();
            if closest.as_ref().is_none_or(|(least, _)| ratio < *least) {
                closest = Some((ratio, text));
            }
        }
    }
    if compared > 0 && !evidence.contradicted() {
        evidence.check(true, format!("{compared} cells are not below their floors"));
    }
    if let Some((_, text)) = closest.filter(|_| !evidence.contradicted()) {
        evidence.check(true, format!("closest: {text}"));
    }
    if compared == 0 {
        evidence.missing("no finished run has a floor");
    }
    evidence.finding(
        "not-below-floor",
        "No trained NMSE lies below the floor of its model (the best known fit with as many states, or the part of the \
         memory outside the window) by more than four standard errors of sampling.",
    )
}
