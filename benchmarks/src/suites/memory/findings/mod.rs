//! The findings: named statements, each decided by the numbers of the cells.
//!
//! "Solved" statements go by the best seed, as the papers do: they are about what a model can approximate,
//! not about luck in training. Statements on trends go by the mean over seeds.

mod decay;
mod impulse;
mod oscillation;

use super::study::{Cell, Study, size};
use super::{Label, NMSE};
use crate::experiment::Finding;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::stats::Summary;

/// An error below which a memory counts as learned.
const SOLVED: f64 = 1e-2;

/// Rows with fewer alphas than this show no trend.
const TREND: usize = 3;

/// Memories whose required states are followed over alpha, with the NMSE that defines "required".
pub(super) const LADDERS: [(&str, f64); 2] = [("polynomial", decay::REQUIRED), ("airy", SOLVED)];

/// The findings on models at their default sizes over alpha.
pub(super) fn over_alpha(study: &Study<'_>) -> Vec<Finding> {
    let mut all = vec![not_below_floor(study, "not-below-floor")];
    all.extend(decay::over_alpha(study));
    all.extend(impulse::over_alpha(study));
    all.push(oscillation::states_rise_oracle(study));
    all
}

/// The findings on linear time-invariant models over their number of states.
pub(super) fn over_states(study: &Study<'_>) -> Vec<Finding> {
    vec![
        not_below_floor(study, "states-not-below-floor"),
        impulse::lti_needs_states(study),
        impulse::lti_between(study),
        oscillation::states_rise_trained(study),
    ]
}

/// The finding `name`: that no error is below its floor.
pub(super) fn not_below_floor(study: &Study<'_>, name: &str) -> Finding {
    let mut evidence = Evidence::default();
    let mut closest: Option<(f64, String)> = None;
    let mut compared = 0;
    for cell in study.cells.iter() {
        let (Some(floor), Some(summary)) = (study.floor(cell), cell.metric(NMSE)) else { continue };
        compared += 1;
        let text = format!(
            "{} ({}) on {} {}: {} against {} ({})",
            cell.setting.model,
            size(cell),
            cell.setting.memory,
            cell.setting.alpha(),
            brief(summary.min),
            brief(floor.nmse()),
            floor.describe()
        );
        if summary.min < floor.nmse() * (1.0 - study.problem(cell).allowance()) {
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
        name,
        "No trained NMSE lies below the floor of its model (the best known fit with as many states, or the part of the \
         memory outside the window) by more than four standard errors of sampling.",
    )
}

/// "s4d 3.0e-4 (mean 5.1e-4)".
fn best_and_mean(cell: &Cell<'_>, summary: &Summary) -> String {
    format!("{} {} (mean {})", cell.setting.model, brief(summary.min), brief(summary.mean))
}

/// The models of a list that the grid has; notes it where there are fewer than `at_least`.
fn present(study: &Study<'_>, labels: &[&str], at_least: usize, evidence: &mut Evidence) -> Vec<Label> {
    let mut found = study.models();
    found.retain(|model| labels.contains(&&**model));
    if found.len() < at_least {
        evidence.missing(format!("at least {at_least} of {}", labels.join(", ")));
    }
    found
}

/// Checks a best-seed error at one alpha for each of these models.
fn check_at(
    study: &Study<'_>,
    (memory, alpha): (&str, f64),
    models: &[Label],
    evidence: &mut Evidence,
    agrees: impl Fn(&Summary) -> bool,
) {
    for model in models {
        match study.at(memory, Some(alpha), model) {
            Some(cell) => {
                if let Some(summary) = cell.measured(NMSE, evidence) {
                    evidence.check(agrees(summary), best_and_mean(cell, summary));
                }
            }
            None => evidence.missing(format!("{model} on {memory} {alpha}")),
        }
    }
}

/// The measured errors of a model over alpha; notes it where there are too few.
fn trend<'s, 'a>(
    study: &'s Study<'a>,
    memory: &str,
    model: &str,
    evidence: &mut Evidence,
) -> Vec<(&'s Cell<'a>, &'s Summary)> {
    let row = study.row(memory, model);
    if row.len() < TREND {
        evidence.missing(format!("{model} on {memory} at {} of at least {TREND} alphas", row.len()));
    }
    row.into_iter().filter_map(|cell| Some((cell, cell.measured(NMSE, evidence)?))).collect()
}

/// Checks the states that the best fits need for an error below `nmse`, by ascending alpha.
fn check_states_needed(
    study: &Study<'_>,
    (memory, nmse): (&str, f64),
    evidence: &mut Evidence,
    agrees: impl Fn(&[usize]) -> bool,
) {
    let (mut needed, mut list) = (Vec::new(), Vec::new());
    for problem in study.of_memory(memory) {
        match problem.states_needed(nmse) {
            Some(states) => {
                needed.push(states);
                list.push(format!("{states} at alpha {}", problem.alpha()));
            }
            None => evidence.missing(format!("a fit at alpha {}", problem.alpha())),
        }
    }
    let alphas = study.of_memory(memory).count();
    if alphas < TREND {
        evidence.missing(format!("the oracle at {alphas} of at least {TREND} alphas"));
    }
    if evidence.complete() {
        evidence.check(agrees(&needed), format!("states of the best fit: {}", list.join(", ")));
    }
}
