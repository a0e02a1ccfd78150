//! The figures: errors over alpha and size, learned memories, loss curves, diagnostics.

mod errors;
mod probes;

use super::cells::{Cell, Cells};
use crate::experiment::figure::{Figure, Point};
use crate::experiment::Outcome;

/// All figures, first the most telling.
pub(super) fn figures(cells: &Cells, outcomes: &[Outcome]) -> Vec<Figure> {
    vec![
        errors::over_alpha(cells),
        probes::learned_memory(cells, outcomes),
        errors::over_size(cells),
        probes::impulse_response(cells, outcomes),
        probes::loss_curves(cells, outcomes),
        probes::stability(cells, outcomes),
        probes::memory_function(cells, outcomes),
        errors::hankel(cells),
    ]
}

/// What fixes the look of a model: variants of one architecture share its colour.
fn key(model: &str) -> String {
    match model.split_once('-') {
        Some(("tcn", "long")) => "tcn".into(),
        Some(("tcn", variant)) => format!("tcn@{variant}"),
        _ if model == "transformer-t5-log" => "transformer-t5".into(),
        _ => model.into(),
    }
}

/// A point with everything that is known of a cell's NMSE.
fn cell_point(x: f64, cell: &Cell) -> Option<Point> {
    cell.nmse.as_ref().map(|nmse| Point::of(x, nmse))
}

/// The alpha at which a memory's learned memories and curves are drawn: hard, yet possible for some models.
fn representative(cells: &Cells, memory: &str) -> Option<f64> {
    let preferred = match memory {
        "exponential" => 0.1,
        "polynomial" => 1.1,
        "impulse" => 32.0,
        _ => 6.0,
    };
    let alphas = cells.alphas(memory);
    let same = alphas.iter().find(|(_, alpha)| *alpha == preferred);
    same.or_else(|| alphas.last()).map(|(_, alpha)| *alpha)
}

/// "impulse, alpha = 32".
fn title(memory: &str, alpha: f64) -> String {
    format!("{memory}, alpha = {alpha}")
}
