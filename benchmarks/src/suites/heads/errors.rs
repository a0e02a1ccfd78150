//! Errors over length and heads, as findings and figures need them.

use super::grid::{HeadsCells, at, table};
use super::published::{self, PublishedErrors};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Mark, Panel, Point, Series};
use crate::experiment::{Cell, Finding, Table};

/// The primary metric.
pub(super) const NMSE: &str = "nmse";

/// By how much the error must fall where every value gets a head.
const DROP: f64 = 10.0;

/// How much larger the error may be at the longest length than at the shortest where it is said not to grow.
const SAME: f64 = 2.0;

/// The smallest error over seeds of a cell that a statement may rest on; else notes what is missing.
pub(super) fn smallest(cells: &HeadsCells, length: usize, heads: usize, evidence: &mut Evidence) -> Option<f64> {
    match at(cells, length, heads) {
        Some(cell) => Some(cell.measured(NMSE, evidence)?.min),
        None => {
            evidence.missing(format!("T={length}, h={heads} is not in the grid"));
            None
        }
    }
}

/// NMSE and MSE, smallest over seeds.
pub(super) fn tables(cells: &HeadsCells) -> Vec<Table> {
    [("smallest NMSE over seeds", NMSE), ("smallest MSE over seeds", "mse")]
        .map(|(title, metric)| table(cells, title, metric))
        .into()
}

/// The smallest value over seeds, and up to the largest.
pub(super) fn point<S>(x: f64, cell: &Cell<'_, S>) -> Option<Point> {
    let summary = cell.metric(NMSE)?;
    let interval = (summary.n > 1).then_some((summary.min, summary.max));
    Some(Point { x, y: summary.min, interval, min: None })
}

/// A logarithmic axis with ticks at the values of the grid.
pub(super) fn log_axis(label: &str, values: &[usize]) -> Axis {
    let ticks = values.iter().map(|value| (*value as f64, value.to_string())).collect();
    Axis { ticks: Some(ticks), ..Axis::new(label, true) }
}

/// The error against the number of heads, a line per length, published values dotted.
pub(super) fn panel(cells: &HeadsCells, title: &str, published: PublishedErrors) -> Panel {
    let heads = cells.values(|setting| setting.heads);
    let mut series = Vec::new();
    for (index, length) in cells.values(|setting| setting.length).into_iter().enumerate() {
        let (label, key) = (format!("T = {length}"), format!("#{index}"));
        let known = |(place, heads): (usize, &usize)| {
            published::at(published, *heads, length).map(|value| Point::new(place as f64, value))
        };
        let known: Vec<Point> = heads.iter().enumerate().filter_map(known).collect();
        if !known.is_empty() {
            series.push(Series::new(format!("{label}, published"), &key, Mark::Dashed, known));
        }
        let ours = |(place, heads): (usize, &usize)| point(place as f64, at(cells, length, *heads)?);
        let ours: Vec<Point> = heads.iter().enumerate().filter_map(ours).collect();
        if !ours.is_empty() {
            series.push(Series::new(label, &key, Mark::LinePoints, ours));
        }
    }
    Panel::new(title, Axis::over("heads h", &heads), Axis::new("NMSE", true), series)
}

/// The error drops between one head less than `enough` and `enough`.
pub(super) fn drop(cells: &HeadsCells, enough: usize, name: &str, statement: &str) -> Finding {
    let mut evidence = Evidence::default();
    for length in cells.values(|setting| setting.length) {
        let few = smallest(cells, length, enough - 1, &mut evidence);
        let many = smallest(cells, length, enough, &mut evidence);
        if let (Some(few), Some(many)) = (few, many) {
            let text = format!("T={length}: {} to {}, {:.0} times", brief(few), brief(many), few / many);
            evidence.check(few >= DROP * many, text);
        }
    }
    evidence.finding(name, statement)
}

/// The error grows with the length below `enough` heads, and not from there on.
pub(super) fn growth(cells: &HeadsCells, enough: usize, name: &str, statement: &str) -> Finding {
    let mut evidence = Evidence::default();
    let lengths = cells.values(|setting| setting.length);
    let (Some(shortest), Some(longest)) = (lengths.first(), lengths.last().filter(|_| lengths.len() > 1)) else {
        evidence.missing("two lengths");
        return evidence.finding(name, statement);
    };
    for heads in cells.values(|setting| setting.heads) {
        let short = smallest(cells, *shortest, heads, &mut evidence);
        let long = smallest(cells, *longest, heads, &mut evidence);
        if let (Some(short), Some(long)) = (short, long) {
            let agrees = if heads < enough { long > short } else { long <= SAME * short };
            evidence
                .check(agrees, format!("h={heads}: {} at T={shortest}, {} at T={longest}", brief(short), brief(long)));
        }
    }
    evidence.finding(name, statement)
}
