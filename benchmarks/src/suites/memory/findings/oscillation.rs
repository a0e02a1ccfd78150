//! Findings on the airy memory: a pattern of growing width.

use super::{Evidence, SOLVED, TREND, brief, measured};
use crate::experiment::Finding;
use crate::suites::memory::cells::Cells;
use crate::suites::memory::floors::states_needed;

pub(super) fn findings(cells: &Cells) -> Vec<Finding> {
    vec![states_rise_oracle(cells), states_rise_trained(cells)]
}

/// Whether the numbers never fall and the last is above the first.
fn rises(values: impl Iterator<Item = usize> + Clone) -> bool {
    let pairs = values.clone().zip(values.clone().skip(1));
    values.clone().last() > values.clone().next() && pairs.into_iter().all(|(left, right)| left <= right)
}

fn states_rise_oracle(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let alphas = cells.alphas("airy");
    let mut needed = Vec::new();
    for (text, alpha) in &alphas {
        let fits = cells.problem("airy", *alpha).map(|problem| &cells.fits[problem]);
        match fits.and_then(|fits| states_needed(fits, SOLVED)) {
            Some(states) => needed.push((*text, states)),
            None => evidence.missing(format!("a fit at alpha {text}")),
        }
    }
    if alphas.len() < TREND {
        evidence.missing(format!("the oracle at {} of at least {TREND} alphas", alphas.len()));
    }
    if evidence.complete() {
        let list: Vec<_> = needed.iter().map(|(alpha, states)| format!("{states} at alpha {alpha}")).collect();
        let agrees = rises(needed.iter().map(|(_, states)| *states));
        evidence.check(agrees, format!("states of the best fit: {}", list.join(", ")));
    }
    evidence.finding(
        "airy-states",
        "On the airy memory the states that a linear time-invariant model needs (best fit: NMSE < 1e-2) rise with alpha.",
    )
}

fn states_rise_trained(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let alphas = cells.alphas("airy");
    let mut needed = Vec::new();
    let mut list = Vec::new();
    let mut sizes = Vec::new();
    for (text, _) in &alphas {
        // The best error of any linear time-invariant model, by number of states.
        let mut errors = std::collections::BTreeMap::new();
        for cell in cells.cells.iter().filter(|cell| cell.memory == "airy" && cell.alpha == *text) {
            let Some(states) = cell.facts.lti_states else { continue };
            let Some(summary) = measured(&mut evidence, cell) else { continue };
            let best: &mut f64 = errors.entry(states).or_insert(f64::INFINITY);
            *best = best.min(summary.min);
        }
        sizes.push(errors.len());
        let first = errors.iter().find(|(_, error)| **error < SOLVED).map(|(states, _)| *states);
        let all: Vec<_> = errors.iter().map(|(states, error)| format!("{} with {states}", brief(*error))).collect();
        let solved = first.map_or("more than tried".to_string(), |states| states.to_string());
        list.push(format!("alpha {text}: {solved} ({})", all.join(", ")));
        needed.push(first.unwrap_or(usize::MAX));
    }
    if alphas.len() < TREND || sizes.iter().any(|count| *count < 2) {
        evidence.missing(format!("linear time-invariant models of two sizes at {TREND} alphas"));
    } else {
        evidence
            .check(rises(needed.iter().copied()), format!("states of the smallest solved model: {}", list.join("; ")));
    }
    evidence.finding(
        "airy-states-trained",
        "On the airy memory the smallest trained linear time-invariant model that solves it (best model and seed: NMSE < \
         1e-2) has more states the larger alpha is.",
    )
}
