//! Findings on the impulse memory: one lag, at distance alpha.

use super::{Evidence, SOLVED, best_and_mean, brief, check_at, measured, present, trend};
use crate::experiment::Finding;
use crate::suites::memory::cells::{Cell, Cells};
use crate::suites::memory::floors::Floor;

/// The farthest lag of the statements at one alpha.
const FAR: f64 = 32.0;

/// A model of at most so many states cannot reach lag [`FAR`].
const FEW_STATES: usize = 16;

/// How far from 1 an error may be that counts as "nothing learned".
const NOTHING: f64 = 0.1;

/// An error that grows by less than this is no growth, one that falls by more is a fall.
const CLEAR: f64 = 0.1;

pub(super) fn findings(cells: &Cells) -> Vec<Finding> {
    vec![
        lti_needs_states(cells),
        lti_between(cells),
        tcn_window(cells),
        tcn_covering(cells),
        tcn_short(cells),
        learned_far(cells),
        learned_independent(cells),
        alibi_degrades(cells),
    ]
}

fn window(cell: &Cell) -> Option<usize> {
    cell.facts.window
}

/// Labels of models with a finite window for which `keep` holds.
fn windowed(cells: &Cells, keep: impl Fn(usize) -> bool) -> Vec<&str> {
    let models = cells.models();
    let has = |label: &&str| cells.row("impulse", label).first().and_then(|cell| window(cell)).is_some_and(&keep);
    models.into_iter().filter(has).collect()
}

fn lti_needs_states(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let (mut smaller, mut larger) = (0, 0);
    for cell in cells.cells.iter().filter(|cell| cell.memory == "impulse") {
        let Some(Floor::Lti { states, fit, .. }) = cell.floor else { continue };
        if cells.value(cell) > cells.problems[cell.problem].rho.len() as f64 / 2.0 {
            continue;
        }
        let too_few = (states as f64) < cells.value(cell);
        *if too_few { &mut smaller } else { &mut larger } += 1;
        let Some(summary) = measured(&mut evidence, cell) else { continue };
        let agrees = if too_few { fit >= SOLVED && summary.min >= SOLVED } else { fit < SOLVED };
        let number = format!(
            "{} states, alpha {}: {}, best fit {}",
            states,
            cell.alpha,
            best_and_mean(cell, summary),
            brief(fit)
        );
        evidence.check(agrees, number);
    }
    if smaller == 0 {
        evidence.missing("a linear time-invariant model with fewer states than alpha");
    }
    if larger == 0 {
        evidence.missing("a linear time-invariant model with at least alpha states");
    }
    evidence.finding(
        "impulse-lti-states",
        "A linear time-invariant model with n states fails on the impulse memory while n < alpha (best seed and best fit: \
         NMSE >= 1e-2); from n = alpha on the best fit solves it (NMSE < 1e-2). Of lags up to half the length: further ones \
         are in reach of exponentials that grow.",
    )
}

fn lti_between(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let mut compared = 0;
    for cell in cells.cells.iter().filter(|cell| cell.memory == "impulse" && cells.value(cell) == FAR) {
        let Some(Floor::Lti { states, fit, .. }) = cell.floor else { continue };
        if states > FEW_STATES {
            continue;
        }
        compared += 1;
        let Some(summary) = measured(&mut evidence, cell) else { continue };
        let allowance = cells.problems[cell.problem].allowance().min(1.0);
        let agrees = summary.min >= fit * (1.0 - allowance) && summary.min <= 1.0 + allowance;
        let number = format!("{}, {states} states, best fit {}", best_and_mean(cell, summary), brief(fit));
        evidence.check(agrees, number);
    }
    if compared == 0 {
        evidence.missing("a linear time-invariant model of at most 16 states on impulse 32");
    }
    evidence.finding(
        "impulse-32-lti",
        "On the impulse at lag 32 a linear time-invariant model of at most 16 states stays between its best fit and NMSE 1 \
         (best seed, within sampling error).",
    )
}

fn tcn_window(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let (mut inside, mut outside) = (0, 0);
    for label in windowed(cells, |_| true) {
        for (cell, summary) in trend(cells, "impulse", label, &mut evidence) {
            let covered = window(cell).is_some_and(|window| cells.value(cell) < window as f64);
            *if covered { &mut inside } else { &mut outside } += 1;
            let agrees = if covered { summary.min < SOLVED } else { summary.min >= 1.0 - NOTHING };
            let place = if covered { "inside" } else { "outside" };
            evidence.check(agrees, format!("alpha {} {place}: {}", cell.alpha, best_and_mean(cell, summary)));
        }
    }
    if inside == 0 || outside == 0 {
        evidence.missing("lags both inside and outside of a receptive field");
    }
    evidence.finding(
        "impulse-tcn-window",
        "A TCN solves the impulse memory if and only if alpha is smaller than its receptive field (best seed: NMSE < 1e-2 \
         inside, >= 0.9 outside).",
    )
}

fn tcn_covering(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let labels = windowed(cells, |window| window as f64 > FAR);
    if labels.is_empty() {
        evidence.missing("a TCN with a receptive field above 32");
    }
    check_at(cells, ("impulse", FAR), &labels, &mut evidence, |_, summary| summary.min < SOLVED);
    evidence.finding(
        "impulse-32-tcn-covering",
        "A TCN whose receptive field covers lag 32 solves the impulse there (best seed: NMSE < 1e-2).",
    )
}

fn tcn_short(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let labels = windowed(cells, |window| window as f64 <= FAR);
    if labels.is_empty() {
        evidence.missing("a TCN with a receptive field of at most 32");
    }
    let agrees = |_: &Cell, summary: &crate::experiment::stats::Summary| (summary.min - 1.0).abs() <= NOTHING;
    check_at(cells, ("impulse", FAR), &labels, &mut evidence, agrees);
    evidence.finding(
        "impulse-32-tcn-short",
        "A TCN with a receptive field of at most 32 learns nothing of the impulse at lag 32 (best seed: NMSE within 0.1 of 1).",
    )
}

fn learned_far(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let labels = present(cells, &["transformer-learned"], 1, &mut evidence);
    check_at(cells, ("impulse", FAR), &labels, &mut evidence, |_, summary| summary.min < SOLVED);
    evidence.finding(
        "impulse-32-transformer-learned",
        "A Transformer with learned absolute positions solves the impulse at lag 32 (best seed: NMSE < 1e-2).",
    )
}

fn learned_independent(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    for label in present(cells, &["transformer-learned"], 1, &mut evidence) {
        for (cell, summary) in trend(cells, "impulse", label, &mut evidence) {
            evidence.check(summary.min < SOLVED, format!("alpha {}: {}", cell.alpha, best_and_mean(cell, summary)));
        }
    }
    evidence.finding(
        "impulse-learned-independent",
        "A Transformer with learned absolute positions is nearly independent of alpha on the impulse memory: solved at \
         every alpha (best seed: NMSE < 1e-2).",
    )
}

fn alibi_degrades(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    for label in present(cells, &["transformer-alibi"], 1, &mut evidence) {
        let row = trend(cells, "impulse", label, &mut evidence);
        let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
        let mut peak = f64::NEG_INFINITY;
        let mut falls = false;
        for (_, summary) in &row {
            falls |= summary.mean < peak - CLEAR;
            peak = peak.max(summary.mean);
        }
        let list: Vec<_> =
            row.iter().map(|(cell, summary)| format!("{} at alpha {}", brief(summary.mean), cell.alpha)).collect();
        evidence.check(!falls && last.1.mean > first.1.mean + CLEAR, format!("mean {}", list.join(", ")));
    }
    evidence.finding(
        "impulse-alibi-degrades",
        "A Transformer with ALiBi degrades with alpha on the impulse memory: its mean NMSE is larger at the largest alpha \
         than at the smallest by more than 0.1, and never falls by more than that in between.",
    )
}
