//! The figures: errors over alpha and size, learned memories, loss curves, diagnostics.

mod errors;
mod probes;

pub(super) use errors::{over_parameters, over_states};

use super::NMSE;
use super::floors::Problem;
use super::grid::key;
use super::study::{Cell, Study};
use crate::experiment::figure::{Figure, Point};

/// The figures of models at their default sizes over alpha, first the most telling.
pub(super) fn over_alpha(study: &Study<'_>) -> Vec<Figure> {
    vec![
        errors::over_alpha(study),
        probes::learned_memory(study),
        probes::impulse_response(study),
        probes::loss_curves(study),
        probes::stability(study),
        probes::memory_function(study),
        errors::hankel(study),
    ]
}

/// A point with all that a cell's NMSE is over seeds.
fn cell_point(x: f64, cell: &Cell<'_>) -> Option<Point> {
    cell.metric(NMSE).map(|nmse| Point::of(x, nmse))
}

/// Where learned memories and curves are drawn if it has been run: hard, yet possible for some models.
const PREFERRED: [(&str, f64); 4] = [("exponential", 0.1), ("polynomial", 1.1), ("impulse", 32.0), ("airy", 6.0)];

/// The problem of a memory at which learned memories and curves are drawn: of those that have been run (all, before the
/// first run has finished) the one whose alpha is nearest to the preferred one on a logarithmic scale, or the largest.
fn representative<'s>(study: &'s Study<'_>, memory: &str) -> Option<&'s Problem> {
    let preferred = PREFERRED.iter().find(|(name, _)| *name == memory).map(|(_, alpha)| *alpha);
    let order = |problem: &&Problem| {
        let mut cells = study.cells.with(|setting| problem.is_of(setting));
        let distance = preferred.zip(problem.alpha).map(|(preferred, alpha)| (alpha / preferred).ln().abs());
        (cells.all(|cell| cell.metric(NMSE).is_none()), distance.unwrap_or(0.0))
    };
    let descending = study.of_memory(memory).collect::<Vec<_>>().into_iter().rev();
    descending.min_by(|left, right| {
        let (left, right) = (order(left), order(right));
        left.0.cmp(&right.0).then(left.1.total_cmp(&right.1))
    })
}
