//! Errors over alpha and size, with floors, and the Hankel diagnostic.

use super::super::floors::Floor;
use super::super::study::{Cell, Study};
use super::{cell_point, key};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::oracle;

const NMSE: &str = "NMSE";

/// Floors below this are drawn by nobody's error: f32 arithmetic ends here.
const DRAWN: f64 = 1e-9;

pub(super) fn over_alpha(study: &Study<'_>) -> Figure {
    let panel = |memory: &str| {
        let alphas: Vec<String> = study.of_memory(memory).map(|problem| problem.alpha()).collect();
        let place = |cell: &Cell<'_>| {
            study.of_memory(memory).position(|problem| problem.is_of(&cell.setting)).map(|index| index as f64)
        };
        let mut all = floors_over_alpha(study, memory, place);
        for model in study.models() {
            let row = study.row(memory, &model);
            let points: Vec<_> = row.iter().filter_map(|cell| cell_point(place(cell)?, cell)).collect();
            if !points.is_empty() {
                all.push(Series::new(&*model, key(&model), Mark::LinePoints, points));
            }
        }
        Panel::new(memory, Axis::over("alpha", alphas.iter().map(String::as_str)), Axis::new(NMSE, true), all)
    };
    Figure {
        id: "error-vs-alpha".into(),
        title: "Error against the strength of the temporal dependence".into(),
        caption: "NMSE on the validation split at each model's default size: mean over seeds, 95 % interval of the \
                  geometric mean (of two seeds: both values), and smallest value. Dashed: floors, that is, the best known linear time-invariant fit \
                  with as many states, and the part of the memory outside a finite window."
            .into(),
        panels: study.memories().iter().map(|memory| panel(memory)).collect(),
        columns: 2,
    }
}

/// One dashed line per distinct floor; floors that several models share take the neutral key.
fn floors_over_alpha(study: &Study<'_>, memory: &str, place: impl Fn(&Cell<'_>) -> Option<f64>) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for model in study.models() {
        let row = study.row(memory, &model);
        let Some(floor) = row.iter().find_map(|cell| study.floor(cell)) else { continue };
        let label = format!("floor: {}", floor.describe());
        let floor_key = match floor {
            Floor::Lti { .. } => "floor".to_string(),
            Floor::Window { .. } => key(&model),
        };
        let point = |cell: &&Cell<'_>| Some(Point::new(place(cell)?, study.floor(cell)?.nmse()));
        let points: Vec<_> = row.iter().filter_map(point).collect();
        if points.iter().any(|point| point.y > DRAWN) && all.iter().all(|series| series.label != label) {
            let points = points.into_iter().map(|point| Point { y: point.y.max(DRAWN), ..point }).collect();
            all.push(Series::new(&label, floor_key, Mark::Dashed, points));
        }
    }
    all
}

/// Errors over the number of states.
pub(in super::super) fn over_states(study: &Study<'_>) -> Figure {
    Figure {
        id: "error-vs-size".into(),
        title: "Error against the number of states".into(),
        caption: "NMSE on the validation split against the number of real states of linear time-invariant models: mean over \
                  seeds, 95 % interval of the geometric mean (of two seeds: both values), smallest value. Dashed: the best \
                  known fit with as many states."
            .into(),
        panels: over_size(study, "real states", |cell| cell.facts.lti_states),
        columns: 4,
    }
}

/// Errors over the number of parameters.
pub(in super::super) fn over_parameters(study: &Study<'_>) -> Figure {
    Figure {
        id: "error-vs-parameters".into(),
        title: "Error against the number of parameters".into(),
        caption: "NMSE on the validation split against the number of trainable parameters: mean over seeds, 95 % interval of \
                  the geometric mean (of two seeds: both values), smallest value."
            .into(),
        panels: over_size(study, "parameters", |cell| Some(cell.facts.num_params)),
        columns: 4,
    }
}

/// A panel per problem on which some model is run at two sizes.
fn over_size(study: &Study<'_>, label: &str, size: impl Fn(&Cell<'_>) -> Option<usize>) -> Vec<Panel> {
    let mut panels = Vec::new();
    for problem in &study.problems {
        let here = study.cells.with(|setting| problem.is_of(setting));
        let mut here: Vec<_> = here.filter_map(|cell| Some((size(cell)?, cell))).collect();
        here.sort_by_key(|(size, _)| *size);
        let models = study.models().into_iter().map(|model| {
            let own: Vec<_> = here.iter().filter(|(_, cell)| cell.setting.model == model).collect();
            (model, own)
        });
        let models: Vec<_> = models.collect();
        if !models.iter().any(|(_, own)| own.windows(2).any(|pair| pair[0].0 != pair[1].0)) {
            continue;
        }
        let mut all = Vec::new();
        let of_states = here.iter().filter(|(size, cell)| cell.facts.lti_states == Some(*size));
        let floor = |(size, cell): &(usize, &Cell<'_>)| Some((*size, study.floor(cell)?.nmse().max(DRAWN)));
        let mut floor: Vec<_> = of_states.filter_map(floor).collect();
        floor.dedup_by_key(|(size, _)| *size);
        if floor.len() > 1 {
            let points = floor.into_iter().map(|(size, nmse)| Point::new(size as f64, nmse)).collect();
            all.push(Series::new("floor: best fit", "floor", Mark::Dashed, points));
        }
        for (model, own) in models {
            let points: Vec<_> = own.into_iter().filter_map(|(size, cell)| cell_point(*size as f64, cell)).collect();
            if !points.is_empty() {
                all.push(Series::new(&*model, key(&model), Mark::LinePoints, points));
            }
        }
        let mut sizes: Vec<usize> = here.iter().map(|(size, _)| *size).collect();
        sizes.dedup();
        // A few sizes are named each; of many, round numbers say more.
        let ticks = (sizes.len() <= 6).then(|| sizes.iter().map(|size| (*size as f64, size.to_string())).collect());
        let x = Axis { ticks, ..Axis::new(label, true) };
        if !all.is_empty() {
            panels.push(Panel::new(problem.title(), x, Axis::new(NMSE, true), all));
        }
    }
    panels
}

pub(super) fn hankel(study: &Study<'_>) -> Figure {
    let panel = |memory: &str| {
        let lines = study.of_memory(memory).enumerate().map(|(index, problem)| {
            let points = tails(&oracle::hankel_singular_values(&problem.rho));
            Series::new(format!("alpha = {}", problem.alpha()), format!("alpha-{index}"), Mark::LinePoints, points)
        });
        let y = Axis { range: Some((1e-8, 1.0)), ..Axis::new("relative Hankel tail", true) };
        Panel::new(memory, Axis::new("states n", false), y, lines.collect())
    };
    Figure {
        id: "hankel".into(),
        title: "How many states the memory asks for".into(),
        caption:
            "The root of the share of the squared Hankel singular values of rho beyond the n-th: a diagnostic of the \
                  order of a linear time-invariant model, not a floor of its error."
                .into(),
        panels: study.memories().iter().map(|memory| panel(memory)).collect(),
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
