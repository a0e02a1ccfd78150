//! The figures of D3.

use super::bounded::Problem;
use super::teachers::residue;
use crate::experiment::evidence::brief;
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::summarise;
use crate::experiment::{Cell, Cells};

/// Floors below this are below anything that is trained in single precision.
const DRAWN: f64 = 1e-8;

pub(super) fn all(cells: &Cells, problems: &[Problem]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = cells
        .values("states")
        .into_iter()
        .map(|states| {
            let here = problems.iter().filter(|problem| problem.states == states);
            let panels: Vec<Panel> = here.map(|problem| errors(cells, problem)).collect();
            Figure {
                id: format!("d3-error-{states}"),
                title: format!("Error against depth under a cap M on the parameters, {states} states in all"),
                caption: "NMSE on the validation split: mean over seeds, 95 % interval of the geometric mean (of two seeds: \
                          both values), smallest value. Dotted: the proven floor of one layer under the same cap, of any \
                          number of states with as large a sum of residues. Dashed: the best known fit of as many states \
                          without a cap."
                    .into(),
                columns: panels.len().min(3),
                panels,
            }
        })
        .collect();
    figures.push(weights(cells, problems));
    figures.extend(seconds(cells));
    figures
}

fn depth_axis(problem: &Problem) -> Axis {
    let ticks = problem.depths.iter().map(|depth| (*depth as f64, depth.to_string())).collect();
    Axis { ticks: Some(ticks), ..Axis::new("depth", false) }
}

fn title(problem: &Problem) -> String {
    match residue(&problem.teacher) {
        Some(residue) => format!("{} (residue {})", problem.teacher, brief(residue)),
        None => problem.teacher.clone(),
    }
}

/// One line per cap; the same cap has the same look in every figure.
fn lines(cells: &Cells, problem: &Problem, point: impl Fn(f64, &Cell) -> Option<Point>) -> Vec<Series> {
    let lines = problem.caps.iter().map(|(cap, _)| {
        let points = problem.depths.iter().filter_map(|depth| point(*depth as f64, problem.cell(cells, cap, *depth)?));
        Series::new(format!("M = {cap}"), key(cells, cap), Mark::LinePoints, points.collect())
    });
    lines.filter(|series| !series.points.is_empty()).collect()
}

fn key(cells: &Cells, cap: &str) -> String {
    let place = cells.values("cap").into_iter().position(|known| known == cap).unwrap_or_default();
    format!("#{place}")
}

fn errors(cells: &Cells, problem: &Problem) -> Panel {
    let across = |value: f64| problem.depths.iter().map(|depth| Point::new(*depth as f64, value)).collect::<Vec<_>>();
    let mut series = Vec::new();
    if let Some(fit) = problem.fit.filter(|fit| *fit > DRAWN) {
        series.push(Series::new("floor: best fit without a cap", "floor", Mark::Dashed, across(fit)));
    }
    for (cap, floor) in &problem.caps {
        if let Some(floor) = floor.map(|floor| floor.floor).filter(|floor| *floor > DRAWN) {
            series.push(Series::new(
                format!("floor of one layer, M = {cap}"),
                key(cells, cap),
                Mark::Dashed,
                across(floor),
            ));
        }
    }
    series.extend(lines(cells, problem, |depth, cell| Some(Point::of(depth, cell.metric("nmse")?))));
    Panel::new(title(problem), depth_axis(problem), Axis::new("NMSE", true), series)
}

fn weights(cells: &Cells, problems: &[Problem]) -> Figure {
    let panels: Vec<Panel> = problems
        .iter()
        .map(|problem| {
            let series = lines(cells, problem, |depth, cell| {
                let values: Vec<f64> =
                    cell.outcomes.iter().filter_map(|outcome| outcome.probe.as_ref()?.largest_weight).collect();
                Some(Point::of(depth, &summarise(&values)?))
            });
            let title = format!("{}, {} states", title(problem), problem.states);
            Panel::new(title, depth_axis(problem), Axis::new("largest |parameter|", true), series)
        })
        .collect();
    Figure {
        id: "d3-weights".into(),
        title: "The largest parameter against depth".into(),
        caption: "The largest absolute value of any parameter after training, under a cap M or without one: mean over seeds, \
                  95 % interval of the geometric mean (of two seeds: both values), smallest value."
            .into(),
        columns: panels.len().min(3),
        panels,
    }
}

/// Time against depth over all targets and caps, where it is known.
fn seconds(cells: &Cells) -> Option<Figure> {
    let depths: Vec<usize> = cells.values("depth").iter().filter_map(|depth| depth.parse().ok()).collect();
    let series = cells.values("states").into_iter().enumerate().map(|(place, states)| {
        let points = depths.iter().filter_map(|depth| {
            let text = depth.to_string();
            let place = [("states", states), ("depth", text.as_str())];
            let here = cells.with(&place).flat_map(|cell| &cell.outcomes);
            let times: Vec<f64> = here.filter_map(|outcome| outcome.seconds).collect();
            Some(Point::of(*depth as f64, &summarise(&times)?))
        });
        Series::new(format!("{states} states"), format!("#{place}"), Mark::LinePoints, points.collect())
    });
    let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
    let ticks = depths.iter().map(|depth| (*depth as f64, depth.to_string())).collect();
    (!series.is_empty()).then(|| Figure {
        id: "d3-seconds".into(),
        title: "Time of a run against depth".into(),
        caption: "Seconds of training on this machine, over all targets, caps and seeds: mean, 95 % interval of the geometric \
                  mean, smallest value. Runs beside each other share its cores."
            .into(),
        panels: vec![Panel::new(
            "",
            Axis { ticks: Some(ticks), ..Axis::new("depth", false) },
            Axis::new("seconds", false),
            series,
        )],
        columns: 1,
    })
}
