//! Findings on the impulse memory: one lag, at distance alpha.

use super::{Evidence, NMSE, SOLVED, best_and_mean, brief, check_at, present, trend};
use crate::experiment::Finding;
use crate::suites::memory::Label;
use crate::suites::memory::floors::Floor;
use crate::suites::memory::study::Study;

/// The farthest lag of the statements at one alpha.
const FAR: f64 = 32.0;

/// A model of at most so many states cannot reach lag [`FAR`].
const FEW_STATES: usize = 16;

/// How far from 1 an error may be that counts as "nothing learned".
const NOTHING: f64 = 0.1;

/// An error that grows by less than this is no growth, one that falls by more is a fall.
const CLEAR: f64 = 0.1;

pub(super) fn over_alpha(study: &Study<'_>) -> Vec<Finding> {
    vec![
        tcn_window(study),
        tcn_covering(study),
        tcn_short(study),
        learned_far(study),
        learned_independent(study),
        alibi_degrades(study),
    ]
}

/// Models with a finite window for which `keep` holds.
fn windowed(study: &Study<'_>, keep: impl Fn(usize) -> bool) -> Vec<Label> {
    let mut models = study.models();
    models.retain(|model| study.row("impulse", model).first().and_then(|cell| cell.facts.window).is_some_and(&keep));
    models
}

pub(super) fn lti_needs_states(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let (mut smaller, mut larger) = (0, 0);
    for cell in study.cells.with(|setting| setting.memory == *"impulse") {
        let (Some(Floor::Lti { states, fit, .. }), Some(alpha)) = (study.floor(cell), cell.setting.alpha) else {
            continue;
        };
        if alpha > study.problem(cell).rho.len() as f64 / 2.0 {
            continue;
        }
        let too_few = (states as f64) < alpha;
        *if too_few { &mut smaller } else { &mut larger } += 1;
        let Some(summary) = cell.measured(NMSE, &mut evidence) else { continue };
        let agrees = if too_few { fit >= SOLVED && summary.min >= SOLVED } else { fit < SOLVED };
        let number =
            format!("{states} states, alpha {alpha}: {}, best fit {}", best_and_mean(cell, summary), brief(fit));
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

pub(super) fn lti_between(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let mut compared = 0;
    for cell in study.cells.with(|setting| setting.memory == *"impulse" && setting.alpha == Some(FAR)) {
        let Some(Floor::Lti { states, fit, .. }) = study.floor(cell) else { continue };
        if states > FEW_STATES {
            continue;
        }
        compared += 1;
        let Some(summary) = cell.measured(NMSE, &mut evidence) else { continue };
        let allowance = study.problem(cell).allowance();
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

fn tcn_window(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let (mut inside, mut outside) = (0, 0);
    for model in windowed(study, |_| true) {
        for (cell, summary) in trend(study, "impulse", &model, &mut evidence) {
            let covered =
                cell.facts.window.zip(cell.setting.alpha).is_some_and(|(window, alpha)| alpha < window as f64);
            *if covered { &mut inside } else { &mut outside } += 1;
            let agrees = if covered { summary.min < SOLVED } else { summary.min >= 1.0 - NOTHING };
            let place = if covered { "inside" } else { "outside" };
            evidence.check(agrees, format!("alpha {} {place}: {}", cell.setting.alpha(), best_and_mean(cell, summary)));
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

fn tcn_covering(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let models = windowed(study, |window| window as f64 > FAR);
    if models.is_empty() {
        evidence.missing("a TCN with a receptive field above 32");
    }
    check_at(study, ("impulse", FAR), &models, &mut evidence, |summary| summary.min < SOLVED);
    evidence.finding(
        "impulse-32-tcn-covering",
        "A TCN whose receptive field covers lag 32 solves the impulse there (best seed: NMSE < 1e-2).",
    )
}

fn tcn_short(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let models = windowed(study, |window| window as f64 <= FAR);
    if models.is_empty() {
        evidence.missing("a TCN with a receptive field of at most 32");
    }
    check_at(study, ("impulse", FAR), &models, &mut evidence, |summary| (summary.min - 1.0).abs() <= NOTHING);
    evidence.finding(
        "impulse-32-tcn-short",
        "A TCN with a receptive field of at most 32 learns nothing of the impulse at lag 32 (best seed: NMSE within 0.1 of 1).",
    )
}

fn learned_far(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    let models = present(study, &["transformer-learned"], 1, &mut evidence);
    check_at(study, ("impulse", FAR), &models, &mut evidence, |summary| summary.min < SOLVED);
    evidence.finding(
        "impulse-32-transformer-learned",
        "A Transformer with learned absolute positions solves the impulse at lag 32 (best seed: NMSE < 1e-2).",
    )
}

fn learned_independent(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    for model in present(study, &["transformer-learned"], 1, &mut evidence) {
        for (cell, summary) in trend(study, "impulse", &model, &mut evidence) {
            evidence.check(
                summary.min < SOLVED,
                format!("alpha {}: {}", cell.setting.alpha(), best_and_mean(cell, summary)),
            );
        }
    }
    evidence.finding(
        "impulse-learned-independent",
        "A Transformer with learned absolute positions is nearly independent of alpha on the impulse memory: solved at \
         every alpha (best seed: NMSE < 1e-2).",
    )
}

fn alibi_degrades(study: &Study<'_>) -> Finding {
    let mut evidence = Evidence::default();
    for model in present(study, &["transformer-alibi"], 1, &mut evidence) {
        let row = trend(study, "impulse", &model, &mut evidence);
        let (Some(first), Some(last)) = (row.first(), row.last()) else { continue };
        let mut peak = f64::NEG_INFINITY;
        let mut falls = false;
        for (_, summary) in &row {
            falls |= summary.mean < peak - CLEAR;
            peak = peak.max(summary.mean);
        }
        let list: Vec<_> = row
            .iter()
            .map(|(cell, summary)| format!("{} at alpha {}", brief(summary.mean), cell.setting.alpha()))
            .collect();
        evidence.check(!falls && last.1.mean > first.1.mean + CLEAR, format!("mean {}", list.join(", ")));
    }
    evidence.finding(
        "impulse-alibi-degrades",
        "A Transformer with ALiBi degrades with alpha on the impulse memory: its mean NMSE is larger at the largest alpha \
         than at the smallest by more than 0.1, and never falls by more than that in between.",
    )
}
