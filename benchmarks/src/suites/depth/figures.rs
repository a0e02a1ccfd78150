//! The figures of D3.

use super::depth_axis;
use super::problem::{BoundedSetting, Problem};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::summarise;
use crate::experiment::{Cell, Cells, Extended};

type Grid<'a> = Cells<'a, BoundedSetting>;

/// Floors below this are below anything that is trained in single precision.
const DRAWN: f64 = 1e-8;

pub(super) fn all(cells: &Grid<'_>, problems: &[Problem]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = cells
        .values(|setting| setting.states)
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

fn title(problem: &Problem) -> String {
    format!("{}{}", problem.teacher, problem.teacher.bracketed_residue("residue"))
}

/// One line per cap.
fn lines(
    cells: &Grid<'_>,
    problem: &Problem,
    point: impl Fn(f64, &Cell<'_, BoundedSetting>) -> Option<Point>,
) -> Vec<Series> {
    let lines = problem.caps.iter().map(|(cap, _)| {
        let points = problem.depths.iter().filter_map(|depth| point(*depth as f64, problem.cell(*cap, *depth)?));
        Series::new(format!("M = {cap}"), key(cells, *cap), Mark::LinePoints, points.collect())
    });
    lines.filter(|series| !series.points.is_empty()).collect()
}

/// The same cap has the same look in every figure.
fn key(cells: &Grid<'_>, cap: Extended<f64>) -> String {
    format!("#{}", cells.values(|setting| setting.cap).iter().filter(|smaller| **smaller < cap).count())
}

fn errors(cells: &Grid<'_>, problem: &Problem) -> Panel {
    let across = |value: f64| problem.depths.iter().map(|depth| Point::new(*depth as f64, value)).collect::<Vec<_>>();
    let mut series = Vec::new();
    if let Some(fit) = problem.fit.filter(|fit| *fit > DRAWN) {
        series.push(Series::new("floor: best fit without a cap", "floor", Mark::Dashed, across(fit)));
    }
    for (cap, floor) in &problem.caps {
        if let Some(floor) = floor.map(|floor| floor.floor).filter(|floor| *floor > DRAWN) {
            let label = format!("floor of one layer, M = {cap}");
            series.push(Series::new(label, key(cells, *cap), Mark::Dashed, across(floor)));
        }
    }
    series.extend(lines(cells, problem, |depth, cell| Some(Point::of(depth, cell.metric("nmse")?))));
    Panel::new(title(problem), depth_axis(&problem.depths), Axis::new("NMSE", true), series)
}

fn weights(cells: &Grid<'_>, problems: &[Problem]) -> Figure {
    let panels: Vec<Panel> = problems
        .iter()
        .map(|problem| {
            let series = lines(cells, problem, |depth, cell| {
                let values: Vec<f64> =
                    cell.outcomes.iter().filter_map(|outcome| outcome.probe.as_ref()?.largest_weight).collect();
                Some(Point::of(depth, &summarise(&values)?))
            });
            let title = format!("{}, {} states", title(problem), problem.states);
            Panel::new(title, depth_axis(&problem.depths), Axis::new("largest |parameter|", true), series)
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
fn seconds(cells: &Grid<'_>) -> Option<Figure> {
    let depths = cells.values(|setting| setting.depth);
    let series = cells.values(|setting| setting.states).into_iter().enumerate().map(|(place, states)| {
        let points = depths.iter().filter_map(|depth| {
            let here = cells.with(|setting| setting.states == states && setting.depth == *depth);
            let times: Vec<f64> = here.flat_map(|cell| &cell.outcomes).filter_map(|outcome| outcome.seconds).collect();
            Some(Point::of(*depth as f64, &summarise(&times)?))
        });
        Series::new(format!("{states} states"), format!("#{place}"), Mark::LinePoints, points.collect())
    });
    let series: Vec<Series> = series.filter(|series| !series.points.is_empty()).collect();
    (!series.is_empty()).then(|| Figure {
        id: "d3-seconds".into(),
        title: "Time of a run against depth".into(),
        caption: "Seconds of training on this machine, over all targets, caps and seeds: mean, 95 % interval of the geometric \
                  mean, smallest value. Runs beside each other share its cores."
            .into(),
        panels: vec![Panel::new("", depth_axis(&depths), Axis::new("seconds", false), series)],
        columns: 1,
    })
}
