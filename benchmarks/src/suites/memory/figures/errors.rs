//! Errors over alpha and size, with floors, and the Hankel diagnostic.

use super::super::cells::{Cell, Cells};
use super::super::floors::Floor;
use super::{cell_point, key};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::oracle;

const NMSE: &str = "NMSE";

/// Floors below this are drawn by nobody's error: f32 arithmetic ends here.
const DRAWN: f64 = 1e-9;

pub(super) fn over_alpha(cells: &Cells) -> Figure {
    let panels: Vec<_> = cells
        .memories()
        .into_iter()
        .map(|memory| {
            let alphas = cells.alphas(memory);
            let place = |cell: &Cell| alphas.iter().position(|(text, _)| *text == cell.alpha).map(|at| at as f64);
            let mut all = floors_over_alpha(cells, memory, place);
            for model in cells.models() {
                let row = cells.row(memory, model);
                let points: Vec<_> = row.iter().filter_map(|cell| cell_point(place(cell)?, cell)).collect();
                if !points.is_empty() {
                    all.push(Series::new(model, key(model), Mark::LinePoints, points));
                }
            }
            Panel::new(memory, Axis::over("alpha", alphas.iter().map(|(text, _)| *text)), Axis::new(NMSE, true), all)
        })
        .collect();
    Figure {
        id: "error-vs-alpha".into(),
        title: "Error against the strength of the temporal dependence".into(),
        caption: "NMSE on the validation split at each model's default size: mean over seeds, 95 % interval of the \
                  geometric mean (of two seeds: both values), and smallest value. Dashed: floors, that is, the best known linear time-invariant fit \
                  with as many states, and the part of the memory outside a finite window."
            .into(),
        panels,
        columns: 2,
    }
}

/// One dashed line per distinct floor; floors that several models share take the neutral key.
fn floors_over_alpha(cells: &Cells, memory: &str, place: impl Fn(&Cell) -> Option<f64>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for model in cells.models() {
        let row = cells.row(memory, model);
        let Some(floor) = row.iter().find_map(|cell| cell.floor) else { continue };
        let label = format!("floor: {}", floor.describe());
        let floor_key = match floor {
            Floor::Lti { .. } => "floor".to_string(),
            Floor::Window { .. } => key(model),
        };
        let points: Vec<_> = row.iter().filter_map(|cell| Some(Point::new(place(cell)?, cell.floor?.nmse()))).collect();
        if points.iter().any(|point| point.y > DRAWN) && all.iter().all(|series| series.label != label) {
            let points = points.into_iter().map(|point| Point { y: point.y.max(DRAWN), ..point }).collect();
            all.push(Series::new(&label, floor_key, Mark::Dashed, points));
        }
    }
    all
}

pub(super) fn over_size(cells: &Cells) -> Figure {
    let mut panels = Vec::new();
    for memory in cells.memories() {
        for (text, _) in cells.alphas(memory) {
            let here: Vec<_> = cells.cells.iter().filter(|cell| cell.memory == memory && cell.alpha == text).collect();
            let title = format!("{memory}, alpha = {text}");
            panels.extend(size_panel(cells, &here, &title, "real states", |cell| cell.facts.lti_states));
            let other = |cell: &Cell| cell.facts.lti_states.is_none().then_some(cell.num_params());
            if has_sizes(&here, other) {
                panels.extend(size_panel(cells, &here, &title, "parameters", |cell| Some(cell.num_params())));
            }
        }
    }
    Figure {
        id: "error-vs-size".into(),
        title: "Error against model size".into(),
        caption: "NMSE on the validation split against the number of real states of linear time-invariant models, and \
                  against trainable parameters where all models are trained at several sizes: mean over seeds, 95 % \
                  interval of the geometric mean (of two seeds: both values), smallest value. Dashed: the best known fit with as many states."
            .into(),
        panels,
        columns: 4,
    }
}

/// Whether some model is measured at two sizes.
fn has_sizes(here: &[&Cell], size: impl Fn(&Cell) -> Option<usize>) -> bool {
    here.iter().any(|left| {
        here.iter().any(|right| {
            left.model == right.model && size(left).is_some() && size(right).is_some() && size(left) != size(right)
        })
    })
}

fn size_panel(
    cells: &Cells,
    here: &[&Cell],
    title: &str,
    label: &str,
    size: impl Fn(&Cell) -> Option<usize>,
) -> Option<Panel> {
    if !has_sizes(here, &size) {
        return None;
    }
    let mut all = Vec::new();
    let mut floor: Vec<_> = here
        .iter()
        .filter(|cell| cell.facts.lti_states == size(cell))
        .filter_map(|cell| Some(Point::new(size(cell)? as f64, cell.floor?.nmse().max(DRAWN))))
        .collect();
    floor.sort_by(|left, right| left.x.total_cmp(&right.x));
    floor.dedup_by(|left, right| left.x == right.x);
    if floor.len() > 1 {
        all.push(Series::new("floor: best fit", "floor", Mark::Dashed, floor));
    }
    for model in cells.models() {
        let mut points: Vec<_> = here
            .iter()
            .filter(|cell| cell.model == model)
            .filter_map(|cell| cell_point(size(cell)? as f64, cell))
            .collect();
        points.sort_by(|left, right| left.x.total_cmp(&right.x));
        if !points.is_empty() {
            all.push(Series::new(model, key(model), Mark::LinePoints, points));
        }
    }
    let mut sizes: Vec<usize> = here.iter().filter_map(|cell| size(cell)).collect();
    sizes.sort_unstable();
    sizes.dedup();
    // A few sizes are named each; of many, round numbers say more.
    let ticks = (sizes.len() <= 6).then(|| sizes.iter().map(|size| (*size as f64, size.to_string())).collect());
    let x = Axis { ticks, ..Axis::new(label, true) };
    (!all.is_empty()).then(|| Panel::new(title, x, Axis::new(NMSE, true), all))
}

pub(super) fn hankel(cells: &Cells) -> Figure {
    let panels = cells
        .memories()
        .into_iter()
        .map(|memory| {
            let lines = cells.alphas(memory).into_iter().enumerate().filter_map(|(index, (text, alpha))| {
                let problem = &cells.problems[cells.problem(memory, alpha)?];
                let points = tails(&oracle::hankel_singular_values(&problem.rho));
                Some(Series::new(format!("alpha = {text}"), format!("alpha-{index}"), Mark::LinePoints, points))
            });
            let y = Axis { range: Some((1e-8, 1.0)), ..Axis::new("relative Hankel tail", true) };
            Panel::new(memory, Axis::new("states n", false), y, lines.collect())
        })
        .collect();
    Figure {
        id: "hankel".into(),
        title: "How many states the memory asks for".into(),
        caption:
            "The root of the share of the squared Hankel singular values of rho beyond the n-th: a diagnostic of the \
                  order of a linear time-invariant model, not a floor of its error."
                .into(),
        panels,
        columns: 2,
    }
}

/// `sqrt(sum_(k > n) sigma_k^2 / sum_k sigma_k^2)` over n, for as many n as are readable.
fn tails(values: &[f64]) -> Vec<Point> {
    let total: f64 = values.iter().map(|value| value * value).sum();
    if total == 0.0 {
        // No memory beyond lag 0: nothing is left at any n.
        return vec![Point::new(0.0, 0.0)];
    }
    (0..values.len().min(33))
        .map(|n| {
            let tail: f64 = values[n..].iter().map(|value| value * value).sum();
            Point::new(n as f64, (tail / total).sqrt())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_start_at_one_and_end_with_the_rank() {
        let points = tails(&[3.0, 4.0, 0.0]);
        assert_eq!(points.iter().map(|point| point.y).collect::<Vec<_>>(), [1.0, 0.8, 0.0]);
        assert_eq!(tails(&[0.0, 0.0]), [Point::new(0.0, 0.0)]);
    }
}
