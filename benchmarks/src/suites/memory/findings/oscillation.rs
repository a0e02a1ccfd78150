//! Findings on the airy memory: a pattern of growing width.

use std::collections::BTreeMap;

use super::{Evidence, NMSE, SOLVED, TREND, brief, check_states_needed};
use crate::experiment::Finding;
use crate::suites::memory::study::Study;

/// Whether the numbers never fall and the last is above the first.
fn rises(values: &[usize]) -> bool {
    values.last() > values.first() && values.is_sorted()
}

pub(super) fn states_rise_oracle(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    check_states_needed(study, ("airy", SOLVED), &mut evidence, rises);
    evidence.finding(
        "airy-states",
        "On the airy memory the states that a linear time-invariant model needs (best fit: NMSE < 1e-2) rise with alpha.",
    )
}

pub(super) fn states_rise_trained(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let (mut needed, mut list, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for problem in study.of_memory("airy") {
        // The best error of any linear time-invariant model, by number of states.
        let mut errors = BTreeMap::new();
        for cell in study.cells.with(|setting| problem.is_of(setting)) {
            let Some(states) = cell.facts.lti_states else { continue };
            let Some(summary) = cell.measured(NMSE, &mut evidence) else { continue };
            let best: &mut f64 = errors.entry(states).or_insert(f64::INFINITY);
            *best = best.min(summary.min);
        }
        sizes.push(errors.len());
        let first = errors.iter().find(|(_, error)| **error < SOLVED).map(|(states, _)| *states);
        let all: Vec<_> = errors.iter().map(|(states, error)| format!("{} with {states}", brief(*error))).collect();
        let solved = first.map_or("more than tried".to_string(), |states| states.to_string());
        list.push(format!("alpha {}: {solved} ({})", problem.alpha(), all.join(", ")));
        needed.push(first.unwrap_or(usize::MAX));
    }
    if needed.len() < TREND || sizes.iter().any(|count| *count < 2) {
        evidence.missing(format!("linear time-invariant models of two sizes at {TREND} alphas"));
    } else {
        evidence.check(rises(&needed), format!("states of the smallest solved model: {}", list.join("; ")));
    }
    evidence.finding(
        "airy-states-trained",
        "On the airy memory the smallest trained linear time-invariant model that solves it (best model and seed: NMSE < \
         1e-2) has more states the larger alpha is.",
    )
}
