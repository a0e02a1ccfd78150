//! What is read from single trained models: learned memories, loss curves, stability.

use super::super::cells::{Cell, Cells};
use super::{key, representative, title};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Outcome, Probe};

/// Families of models, each a row of panels.
const FAMILIES: [&str; 4] = ["linear", "window", "attention", "recurrent"];

/// The index of a cell's family.
fn family(cell: &Cell) -> usize {
    if cell.facts.lti_states.is_some() {
        0
    } else if cell.facts.window.is_some() {
        1
    } else if cell.model.starts_with("transformer") {
        2
    } else {
        3
    }
}

const BEST_SEED: &str = "Of each model at its default size the seed with the smallest NMSE.";

/// Models at one memory's representative alpha, each with its best outcome.
fn chosen<'a>(cells: &'a Cells, outcomes: &'a [Outcome], memory: &str) -> Vec<(&'a Cell, &'a Outcome)> {
    let Some(alpha) = representative(cells, memory) else { return Vec::new() };
    let at = |model: &str| cells.at(memory, alpha, model);
    cells.models().into_iter().filter_map(at).filter_map(|cell| Some((cell, &outcomes[cell.best?]))).collect()
}

fn over_lags(values: &[f64]) -> Vec<Point> {
    values.iter().enumerate().map(|(lag, value)| Point::new(lag as f64, *value)).collect()
}

/// One row of panels per family, one column per memory: the true memory and one vector per model over it.
fn memories(cells: &Cells, outcomes: &[Outcome], of: impl Fn(&Probe) -> &[f64], label: &str) -> (Vec<Panel>, usize) {
    let columns: Vec<_> = cells
        .memories()
        .into_iter()
        .filter_map(|memory| Some((memory, representative(cells, memory)?, chosen(cells, outcomes, memory))))
        .collect();
    let mut panels = Vec::new();
    for (index, family_name) in FAMILIES.iter().enumerate() {
        let lines: Vec<Vec<Series>> = columns
            .iter()
            .map(|(_, _, models)| {
                let of_family = models.iter().filter(|(cell, _)| family(cell) == index);
                let vectors = of_family.filter_map(|(cell, outcome)| Some((cell, of(outcome.probe.as_ref()?))));
                vectors
                    .filter(|(_, values)| !values.is_empty())
                    .map(|(cell, values)| Series::new(&cell.model, key(&cell.model), Mark::Line, over_lags(values)))
                    .collect()
            })
            .collect();
        if lines.iter().all(Vec::is_empty) {
            continue;
        }
        for ((memory, alpha, _), mut lines) in columns.iter().zip(lines) {
            if let Some(problem) = cells.problem(memory, *alpha) {
                let rho = over_lags(&cells.problems[problem].rho);
                lines.push(Series::new("true memory", "truth", Mark::Dashed, rho));
            }
            let title = format!("{} ({family_name})", title(memory, *alpha));
            panels.push(Panel::new(title, Axis::new("lag s", false), Axis::new(label, false), lines));
        }
    }
    (panels, columns.len().max(1))
}

pub(super) fn learned_memory(cells: &Cells, outcomes: &[Outcome]) -> Figure {
    let (panels, columns) = memories(cells, outcomes, |probe| &probe.jacobian, "rho(s)");
    Figure {
        id: "learned-memory".into(),
        title: "Learned memory over the true one".into(),
        caption: format!(
            "The mean over validation inputs of dy(T-1)/dx(T-1-s), beside the true memory rho(s) (dashed). {BEST_SEED}"
        ),
        panels,
        columns,
    }
}

pub(super) fn impulse_response(cells: &Cells, outcomes: &[Outcome]) -> Figure {
    let (panels, columns) = memories(cells, outcomes, |probe| &probe.impulse, "response at s");
    Figure {
        id: "impulse-response".into(),
        title: "Response to a unit impulse over the true memory".into(),
        caption: format!(
            "The output at time s for a unit impulse at time 0, less the output for zeros, beside the true memory rho(s) \
             (dashed); a linear time-invariant model gives the same curve as its Jacobian. {BEST_SEED}"
        ),
        panels,
        columns,
    }
}

/// One panel per memory with one line per model.
fn per_memory(
    cells: &Cells,
    outcomes: &[Outcome],
    line: impl Fn(&Cell, &Outcome) -> Vec<Point>,
    (x, y): (Axis, Axis),
) -> Vec<Panel> {
    let mut panels = Vec::new();
    for memory in cells.memories() {
        let Some(alpha) = representative(cells, memory) else { continue };
        let models = chosen(cells, outcomes, memory).into_iter();
        let lines: Vec<_> = models
            .map(|(cell, outcome)| Series::new(&cell.model, key(&cell.model), Mark::Line, line(cell, outcome)))
            .filter(|series| !series.points.is_empty())
            .collect();
        if !lines.is_empty() {
            panels.push(Panel::new(title(memory, alpha), x.clone(), y.clone(), lines));
        }
    }
    panels
}

pub(super) fn loss_curves(cells: &Cells, outcomes: &[Outcome]) -> Figure {
    let line = |_: &Cell, outcome: &Outcome| {
        let finite = outcome.curve.iter().filter(|(_, _, metric)| metric.is_finite());
        finite.map(|(step, _, metric)| Point::new(*step as f64, *metric)).collect()
    };
    Figure {
        id: "loss-curves".into(),
        title: "Training".into(),
        caption: format!("NMSE on the validation split over training steps. {BEST_SEED}"),
        panels: per_memory(cells, outcomes, line, (Axis::new("step", false), Axis::new("NMSE", true))),
        columns: 2,
    }
}

pub(super) fn stability(cells: &Cells, outcomes: &[Outcome]) -> Figure {
    let finite = |outcome: &Outcome| -> Vec<(f64, f64)> {
        let pairs = outcome.probe.iter().flat_map(|probe| probe.stability.iter().copied());
        pairs.filter(|(beta, error)| beta.is_finite() && error.is_finite()).collect()
    };
    let betas = outcomes.iter().flat_map(finite).map(|(beta, _)| beta).filter(|beta| *beta > 0.0);
    let (least, largest) = betas.fold((f64::INFINITY, 0.0f64), |(least, most), beta| (least.min(beta), most.max(beta)));
    // beta = 0 has no place on a logarithmic axis: it stands half a decade left of the smallest.
    let zero = least / 10f64.sqrt();
    let line = |_: &Cell, outcome: &Outcome| {
        let place = |beta: f64| if beta > 0.0 { beta } else { zero };
        finite(outcome).into_iter().map(|(beta, error)| Point::new(place(beta), error)).collect()
    };
    let mut x = Axis::new("sup-norm beta of the weight perturbation", true);
    if least.is_finite() {
        let first = least.log10().ceil() as i32;
        let decades = (first..=largest.log10().floor() as i32).map(|power| (10f64.powi(power), format!("1e{power}")));
        x.ticks = Some(std::iter::once((zero, "0".to_string())).chain(decades).collect());
    }
    Figure {
        id: "stability".into(),
        title: "Error under weight perturbation".into(),
        caption: format!(
            "NMSE of the worst of several random perturbations of all weights with entries up to beta; a line that \
             leaves the panel is unstable from there on. {BEST_SEED}"
        ),
        panels: per_memory(cells, outcomes, line, (x, Axis { range: Some((1e-6, 1e2)), ..Axis::new("NMSE", true) })),
        columns: 2,
    }
}

pub(super) fn memory_function(cells: &Cells, outcomes: &[Outcome]) -> Figure {
    let line = |cell: &Cell, outcome: &Outcome| match &outcome.probe {
        Some(probe) if cell.facts.lti_states.is_none() => over_lags(&probe.memory_function),
        _ => Vec::new(),
    };
    Figure {
        id: "memory-function".into(),
        title: "Memory function of trained nonlinear models".into(),
        caption: format!("M(t) = sup_x |d/dt H_t(x . Heaviside)| / (|x|_inf + 1) over constant inputs x. {BEST_SEED}"),
        panels: per_memory(cells, outcomes, line, (Axis::new("t", false), Axis::new("M(t)", false))),
        columns: 2,
    }
}
