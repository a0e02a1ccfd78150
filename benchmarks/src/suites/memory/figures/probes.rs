//! What is read from single trained models: learned memories, loss curves, stability.

use super::super::floors::Problem;
use super::super::study::{Cell, Study, model_name};
use super::{NMSE, key, representative};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Outcome, Probe};

/// Families of models, each a row of panels.
const FAMILIES: [&str; 4] = ["linear", "window", "attention", "recurrent"];

/// A cell's family.
fn family(cell: &Cell<'_>) -> &'static str {
    match (cell.facts.lti_states, cell.facts.window, model_name(cell)) {
        (Some(_), ..) => "linear",
        (_, Some(_), _) => "window",
        (_, _, "transformer" | "rpe-transformer" | "pointwise-attention") => "attention",
        _ => "recurrent",
    }
}

const BEST_SEED: &str = "Of each model at its default size the seed with the smallest NMSE.";

/// A trained model: its cell, and the run with the smallest error.
type Best<'s, 'a> = (&'s Cell<'a>, &'a Outcome, &'a Probe);

/// By memory: the representative problem, and all models there.
fn chosen<'s, 'a>(study: &'s Study<'a>) -> Vec<(&'s Problem, Vec<Best<'s, 'a>>)> {
    let best = |cell: &'s Cell<'a>| cell.best(NMSE).map(|(outcome, probe)| (cell, outcome, probe));
    let models = |problem: &'s Problem| study.cells.with(|setting| problem.is_of(setting)).filter_map(best).collect();
    let memories = study.memories().into_iter().filter_map(|memory| representative(study, &memory));
    memories.map(|problem| (problem, models(problem))).collect()
}

fn over_lags(values: &[f64]) -> Vec<Point> {
    values.iter().enumerate().map(|(lag, value)| Point::new(lag as f64, *value)).collect()
}

/// The line of a model, unless it has no points.
fn line(cell: &Cell<'_>, points: Vec<Point>) -> Option<Series> {
    let model = &cell.setting.model;
    (!points.is_empty()).then(|| Series::new(&**model, key(model), Mark::Line, points))
}

/// One row of panels per family, one column per memory: the true memory and one vector per model over it.
fn memories(study: &Study<'_>, of: impl Fn(&Probe) -> &[f64], label: &str) -> (Vec<Panel>, usize) {
    let columns = chosen(study);
    let mut panels = Vec::new();
    for name in FAMILIES {
        let lines = |models: &[Best<'_, '_>]| -> Vec<Series> {
            let of_family = models.iter().filter(|(cell, ..)| family(cell) == name);
            of_family.filter_map(|(cell, _, probe)| line(cell, over_lags(of(probe)))).collect()
        };
        let lines: Vec<Vec<Series>> = columns.iter().map(|(_, models)| lines(models)).collect();
        if lines.iter().all(Vec::is_empty) {
            continue;
        }
        for ((problem, _), mut lines) in columns.iter().zip(lines) {
            lines.push(Series::new("true memory", "truth", Mark::Dashed, over_lags(&problem.rho)));
            let title = format!("{} ({name})", problem.title());
            panels.push(Panel::new(title, Axis::new("lag s", false), Axis::new(label, false), lines));
        }
    }
    (panels, columns.len().max(1))
}

pub(super) fn learned_memory(study: &Study<'_>) -> Figure {
    let (panels, columns) = memories(study, |probe| &probe.jacobian, "rho(s)");
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

pub(super) fn impulse_response(study: &Study<'_>) -> Figure {
    let (panels, columns) = memories(study, |probe| &probe.impulse, "response at s");
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
    study: &Study<'_>,
    points: impl Fn(&Cell<'_>, &Outcome, &Probe) -> Vec<Point>,
    (x, y): (Axis, Axis),
) -> Vec<Panel> {
    let mut panels = Vec::new();
    for (problem, models) in chosen(study) {
        let lines = models.into_iter().filter_map(|(cell, outcome, probe)| line(cell, points(cell, outcome, probe)));
        let lines: Vec<_> = lines.collect();
        if !lines.is_empty() {
            panels.push(Panel::new(problem.title(), x.clone(), y.clone(), lines));
        }
    }
    panels
}

pub(super) fn loss_curves(study: &Study<'_>) -> Figure {
    let points = |_: &Cell<'_>, outcome: &Outcome, _: &Probe| {
        let finite = outcome.curve.iter().filter(|(_, _, metric)| metric.is_finite());
        finite.map(|(step, _, metric)| Point::new(*step as f64, *metric)).collect()
    };
    Figure {
        id: "loss-curves".into(),
        title: "Training".into(),
        caption: format!("NMSE on the validation split over training steps. {BEST_SEED}"),
        panels: per_memory(study, points, (Axis::new("step", false), Axis::new("NMSE", true))),
        columns: 2,
    }
}

pub(super) fn stability(study: &Study<'_>) -> Figure {
    let finite = |probe: &Probe| -> Vec<(f64, f64)> {
        let pairs = probe.stability.iter().copied();
        pairs.filter(|(beta, error)| beta.is_finite() && error.is_finite()).collect()
    };
    let probes = study.cells.iter().flat_map(|cell| &cell.outcomes).filter_map(|outcome| outcome.probe.as_ref());
    let betas = probes.flat_map(finite).map(|(beta, _)| beta).filter(|beta| *beta > 0.0);
    let (least, largest) = betas.fold((f64::INFINITY, 0.0f64), |(least, most), beta| (least.min(beta), most.max(beta)));
    // beta = 0 has no place on a logarithmic axis: it is drawn half a decade left of the smallest.
    let zero = least / 10f64.sqrt();
    let points = |_: &Cell<'_>, _: &Outcome, probe: &Probe| {
        let place = |beta: f64| if beta > 0.0 { beta } else { zero };
        finite(probe).into_iter().map(|(beta, error)| Point::new(place(beta), error)).collect()
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
        panels: per_memory(study, points, (x, Axis { range: Some((1e-6, 1e2)), ..Axis::new("NMSE", true) })),
        columns: 2,
    }
}

pub(super) fn memory_function(study: &Study<'_>) -> Figure {
    let points = |cell: &Cell<'_>, _: &Outcome, probe: &Probe| match cell.facts.lti_states {
        None => over_lags(&probe.memory_function),
        Some(_) => Vec::new(),
    };
    Figure {
        id: "memory-function".into(),
        title: "Memory function of trained nonlinear models".into(),
        caption: format!("M(t) = sup_x |d/dt H_t(x . Heaviside)| / (|x|_inf + 1) over constant inputs x. {BEST_SEED}"),
        panels: per_memory(study, points, (Axis::new("t", false), Axis::new("M(t)", false))),
        columns: 2,
    }
}
