//! Errors over length and heads, as findings and figures need them.

use super::published::{self, Published};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Mark, Panel, Point, Series};
use crate::experiment::{Cell, Cells};
use crate::experiment::{Finding, Table};

/// The primary metric.
pub(super) const NMSE: &str = "nmse";

/// By how much the error must fall where every value gets a head.
const DROP: f64 = 10.0;

/// How much larger the error may be at the longest length than at the shortest where it is said not to grow.
const SAME: f64 = 2.0;

/// The values of an axis as numbers, ascending.
pub(super) fn numbers(cells: &Cells, axis: &str) -> Vec<usize> {
    cells.values(axis).into_iter().filter_map(|value| value.parse().ok()).collect()
}

/// The cell at a length and a number of heads, and at further axes.
pub(super) fn cell<'s, 'a>(
    cells: &'s Cells<'a>,
    length: usize,
    heads: usize,
    further: &[(&str, &str)],
) -> Option<&'s Cell<'a>> {
    let (length, heads) = (length.to_string(), heads.to_string());
    cells.get(&[&[("T", length.as_str()), ("h", heads.as_str())], further].concat())
}

/// The smallest error over seeds of a cell that a statement may rest on; else notes what is missing.
pub(super) fn smallest(cells: &Cells, length: usize, heads: usize, evidence: &mut Evidence) -> Option<f64> {
    match cell(cells, length, heads, &[]) {
        Some(cell) => Some(cell.measured(NMSE, evidence)?.min),
        None => {
            evidence.missing(format!("T={length}, h={heads} is not in the grid"));
            None
        }
    }
}

/// NMSE and MSE, smallest over seeds.
pub(super) fn tables(cells: &Cells) -> Vec<Table> {
    [("smallest NMSE over seeds", NMSE), ("smallest MSE over seeds", "mse")]
        .map(|(title, metric)| cells.grid_table(title, metric, "h", "T", &[]))
        .into()
}

/// The smallest value over seeds, and up to the largest.
pub(super) fn point(x: f64, cell: &Cell) -> Option<Point> {
    let summary = cell.metric(NMSE)?;
    let interval = (summary.n > 1).then_some((summary.min, summary.max));
    Some(Point { x, y: summary.min, interval, min: None })
}

/// The error against the number of heads, a line per length, published values dotted.
pub(super) fn panel(cells: &Cells, title: &str, table: Published) -> Panel {
    let heads = numbers(cells, "h");
    let mut series = Vec::new();
    for (index, length) in numbers(cells, "T").into_iter().enumerate() {
        let (label, key) = (format!("T = {length}"), format!("#{index}"));
        let known = |(place, heads): (usize, &usize)| {
            published::at(table, *heads, length).map(|value| Point::new(place as f64, value))
        };
        let known: Vec<Point> = heads.iter().enumerate().filter_map(known).collect();
        if !known.is_empty() {
            series.push(Series::new(format!("{label}, published"), &key, Mark::Dashed, known));
        }
        let ours = |(place, heads): (usize, &usize)| point(place as f64, cell(cells, length, *heads, &[])?);
        let ours: Vec<Point> = heads.iter().enumerate().filter_map(ours).collect();
        if !ours.is_empty() {
            series.push(Series::new(label, &key, Mark::LinePoints, ours));
        }
    }
    Panel::new(title, Axis::over("heads h", cells.values("h")), Axis::new("NMSE", true), series)
}

/// The error drops between one head less than `enough` and `enough`.
pub(super) fn drop(cells: &Cells, enough: usize, name: &str, statement: &str) -> Finding {
    let mut evidence = Evidence::default();
    for length in numbers(cells, "T") {
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
pub(super) fn growth(cells: &Cells, enough: usize, name: &str, statement: &str) -> Finding {
    let mut evidence = Evidence::default();
    let lengths = numbers(cells, "T");
    let (Some(shortest), Some(longest)) = (lengths.first(), lengths.last().filter(|_| lengths.len() > 1)) else {
        evidence.missing("two lengths");
        return evidence.finding(name, statement);
    };
    for heads in numbers(cells, "h") {
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
