//! Figures as data: what is drawn, not how.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::experiment::stats::Summary;

/// One figure of one or more panels, side by side and then below.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// File name without extension: lower-case with hyphens.
    pub id: String,
    /// The title above the figure.
    pub title: String,
    /// What is seen, how it was measured: a sentence or two below the figure.
    pub caption: String,
    /// Panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels per row.
    pub columns: usize,
}

/// One set of axes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Panel {
    /// The title above the axes.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, first at the bottom.
    pub series: Vec<Series>,
    /// A matrix drawn as shaded cells below the series, rows from the top: column j of row i is centred at (j, i), and the
    /// vertical axis runs downwards. The matrix fixes both ranges. Entries that are negative or no numbers are left white.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heat: Option<Vec<Vec<f64>>>,
}

impl Panel {
    /// A panel of curves.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis, series: Vec<Series>) -> Self {
        Self { title: title.into(), x, y, series, heat: None }
    }

    /// A panel of a matrix of values from 0 up, rows from the top: dark is large, white is 0.
    pub fn matrix(title: impl Into<String>, x: &str, y: &str, rows: Vec<Vec<f64>>) -> Self {
        Self {
            title: title.into(),
            x: Axis::new(x, false),
            y: Axis::new(y, false),
            series: Vec::new(),
            heat: Some(rows),
        }
    }
}

/// One axis. Its range covers the data unless `range` says otherwise.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Axis {
    /// Quantity, with its unit if it has one.
    pub label: String,
    /// Logarithmic to base 10; values that are not positive are drawn at the lower edge.
    pub log: bool,
    /// Fixed ends.
    pub range: Option<(f64, f64)>,
    /// Fixed ticks (position, label), e.g. for a grid that is neither linear nor logarithmic.
    pub ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// A linear axis, or one logarithmic to base 10.
    pub fn new(label: &str, log: bool) -> Self {
        Self { label: label.into(), log, ..Self::default() }
    }

    /// An axis on which grid values stand side by side at 0, 1, .., whatever their distances.
    pub fn over(label: &str, values: impl IntoIterator<Item = impl Display>) -> Self {
        let ticks = values.into_iter().enumerate().map(|(index, value)| (index as f64, value.to_string()));
        Self { ticks: Some(ticks.collect()), ..Self::new(label, false) }
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A line with a marker at each point, and a band or bars where points have an interval.
    LinePoints,
    /// A plain line.
    Line,
    /// A dashed line: a bound, a floor or a reference.
    Dashed,
    /// Markers alone.
    Points,
    /// The filled outline that the points go around: a distribution.
    Area,
}

/// One curve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    /// Its text in the legend; series of the same label in several panels share one entry.
    pub label: String,
    /// What fixes its colour and marker everywhere: a model's name, or `truth`, `floor`.
    pub key: String,
    /// How it is drawn.
    pub mark: Mark,
    /// The points, in order.
    pub points: Vec<Point>,
}

impl Series {
    /// A curve.
    pub fn new(label: impl Into<String>, key: impl Into<String>, mark: Mark, points: Vec<Point>) -> Self {
        Self { label: label.into(), key: key.into(), mark, points }
    }
}

/// One point, with an interval where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Horizontal position.
    pub x: f64,
    /// Vertical position.
    pub y: f64,
    /// The interval around `y`.
    pub interval: Option<(f64, f64)>,
    /// The smallest of the values behind `y`, drawn as a small mark of its own.
    pub min: Option<f64>,
}

impl Point {
    /// A point without an interval.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y, interval: None, min: None }
    }

    /// The mean over seeds, with a 95 % interval of the geometric mean (of two seeds: both values) and the smallest value.
    pub fn of(x: f64, summary: &Summary) -> Self {
        // Student's interval of two values spans orders of magnitude; the two themselves say more.
        let interval = if summary.n == 2 { Some((summary.min, summary.max)) } else { summary.interval };
        Self { x, y: summary.mean, interval, min: Some(summary.min) }
    }
}
