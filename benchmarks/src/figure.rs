//! Figures as data: what is drawn, not how.

use serde::{Deserialize, Serialize};

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
