//! Findings on the decaying memories: exponential and polynomial.

use super::{Evidence, NMSE, SOLVED, best_and_mean, brief, check_at, check_states_needed, present, trend};
use crate::experiment::Finding;
use crate::suites::memory::floors::Floor;
use crate::suites::memory::study::Study;

/// The NMSE that defines the states that a polynomial memory requires.
pub(super) const REQUIRED: f64 = 1e-3;

/// Required states up to this number count as small.
const FEW_STATES: usize = 8;

const LINEAR: [&str; 4] = ["linear-rnn", "s4d", "diagonal-ssm", "lru"];
const RECURRENT: [&str; 7] = ["linear-rnn", "s4d", "diagonal-ssm", "lru", "tanh-rnn", "lstm", "gru"];

pub(super) fn over_alpha(study: &Study<'_>) -> Vec<Finding> {
    vec![exponential_solved(study), exponential_flat(study), polynomial_states(study), polynomial_optimisation(study)]
}

fn exponential_solved(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let mut models = present(study, &LINEAR[..1], 1, &mut evidence);
    models.extend(present(study, &LINEAR[1..], 1, &mut evidence));
    check_at(study, ("exponential", 0.1), &models, &mut evidence, |summary| summary.min < 1e-3);
    evidence.finding(
        "exponential-solved",
        "State-space models and the linear RNN solve the exponential memory at alpha = 0.1 (best seed: NMSE < 1e-3).",
    )
}

fn exponential_flat(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    for model in present(study, &RECURRENT, 2, &mut evidence) {
        let row = trend(study, "exponential", &model, &mut evidence);
        if let Some((cell, summary)) = row.into_iter().max_by(|left, right| left.1.min.total_cmp(&right.1.min)) {
            let number = format!("{} at its worst alpha, {}", best_and_mean(cell, summary), cell.setting.alpha());
            evidence.check(summary.min < SOLVED, number);
        }
    }
    evidence.finding(
        "exponential-flat",
        "On the exponential memory small recurrent and state-space models are flat in alpha: every one is solved at every \
         alpha (best seed: NMSE < 1e-2).",
    )
}

fn polynomial_states(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    check_states_needed(study, ("polynomial", REQUIRED), &mut evidence, |needed| {
        let rises = needed.windows(2).any(|pair| pair[1] > pair[0]);
        let falls = needed.windows(2).any(|pair| pair[1] < pair[0]);
        rises && falls && needed.iter().all(|states| *states <= FEW_STATES)
    });
    evidence.finding(
        "polynomial-states",
        "On the polynomial memory the states that a linear time-invariant model requires (best fit: NMSE < 1e-3) are few \
         (at most 8) and not monotone in alpha.",
    )
}

fn polynomial_optimisation(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let mut compared = 0;
    for model in study.models() {
        let row = study.row("polynomial", &model);
        let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
        let Some(Floor::Lti { fit, .. }) = study.floor(first) else { continue };
        compared += 1;
        if row.len() < 2 {
            evidence.missing(format!("{model} at a second alpha"));
            continue;
        }
        let (Some(small), Some(large)) = (first.measured(NMSE, &mut evidence), last.measured(NMSE, &mut evidence))
        else {
            continue;
        };
        let number = format!(
            "{model} {} at alpha {} ({} at alpha {}), best fit {}",
            brief(small.mean),
            first.setting.alpha(),
            brief(large.mean),
            last.setting.alpha(),
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
