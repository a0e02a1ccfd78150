//! Findings on the decaying memories: exponential and polynomial.

use super::{Evidence, SOLVED, TREND, best_and_mean, brief, check_at, measured, present, trend};
use crate::experiment::Finding;
use crate::suites::memory::cells::Cells;
use crate::suites::memory::floors::{Floor, states_needed};

/// The NMSE that defines the states that a polynomial memory requires.
pub(super) const REQUIRED: f64 = 1e-3;

/// Required states up to this number count as small.
const FEW_STATES: usize = 8;

const STATE_SPACE: [&str; 3] = ["s4d", "diagonal-ssm", "lru"];
const RECURRENT: [&str; 7] = ["linear-rnn", "s4d", "diagonal-ssm", "lru", "tanh-rnn", "lstm", "gru"];

pub(super) fn findings(cells: &Cells) -> Vec<Finding> {
    vec![exponential_solved(cells), exponential_flat(cells), polynomial_states(cells), polynomial_optimisation(cells)]
}

fn exponential_solved(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let mut labels = present(cells, &["linear-rnn"], 1, &mut evidence);
    labels.extend(present(cells, &STATE_SPACE, 1, &mut evidence));
    check_at(cells, ("exponential", 0.1), &labels, &mut evidence, |_, summary| summary.min < 1e-3);
    evidence.finding(
        "exponential-solved",
        "State-space models and the linear RNN solve the exponential memory at alpha = 0.1 (best seed: NMSE < 1e-3).",
    )
}

fn exponential_flat(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    for label in present(cells, &RECURRENT, 2, &mut evidence) {
        let row = trend(cells, "exponential", label, &mut evidence);
        if let Some((cell, summary)) = row.into_iter().max_by(|left, right| left.1.min.total_cmp(&right.1.min)) {
            let number = format!("{} at its worst alpha, {}", best_and_mean(cell, summary), cell.alpha);
            evidence.check(summary.min < SOLVED, number);
        }
    }
    evidence.finding(
        "exponential-flat",
        "On the exponential memory small recurrent and state-space models are flat in alpha: every one is solved at every \
         alpha (best seed: NMSE < 1e-2).",
    )
}

fn polynomial_states(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let alphas = cells.alphas("polynomial");
    let mut needed = Vec::new();
    for (text, alpha) in &alphas {
        let fits = cells.problem("polynomial", *alpha).map(|problem| &cells.fits[problem]);
        match fits.and_then(|fits| states_needed(fits, REQUIRED)) {
            Some(states) => needed.push((*text, states)),
            None => evidence.missing(format!("a fit at alpha {text}")),
        }
    }
    if alphas.len() < TREND {
        evidence.missing(format!("the oracle at {} of at least {TREND} alphas", alphas.len()));
    }
    if evidence.complete() {
        let rises = needed.windows(2).any(|pair| pair[1].1 > pair[0].1);
        let falls = needed.windows(2).any(|pair| pair[1].1 < pair[0].1);
        let small = needed.iter().all(|(_, states)| *states <= FEW_STATES);
        let list: Vec<_> = needed.iter().map(|(alpha, states)| format!("{states} at alpha {alpha}")).collect();
        evidence.check(rises && falls && small, format!("states of the best fit: {}", list.join(", ")));
    }
    evidence.finding(
        "polynomial-states",
        "On the polynomial memory the states that a linear time-invariant model requires (best fit: NMSE < 1e-3) are few \
         (at most 8) and not monotone in alpha.",
    )
}

fn polynomial_optimisation(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let mut compared = 0;
    for label in cells.models() {
        let row = cells.row("polynomial", label);
        let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
        let Some(Floor::Lti { fit, .. }) = first.floor else { continue };
        compared += 1;
        if row.len() < 2 {
            evidence.missing(format!("{label} at a second alpha"));
            continue;
        }
        let (Some(small), Some(large)) = (measured(&mut evidence, first), measured(&mut evidence, last)) else {
            continue;
        };
        let number = format!(
            "{label} {} at alpha {} ({} at alpha {}), best fit {}",
            brief(small.mean),
            first.alpha,
            brief(large.mean),
            last.alpha,
            brief(fit)
        );
        evidence.check(small.mean > large.mean && small.mean > 10.0 * fit, number);
    }
    if compared == 0 {
        evidence.missing("a linear time-invariant model on the polynomial memory");
    }
    evidence.finding(
        "polynomial-optimisation",
        "What hurts linear time-invariant models on slowly decaying polynomial memories is optimisation: at the smallest \
         alpha the mean NMSE is larger than at the largest, and more than ten times that of the best fit of the same size.",
    )
}
