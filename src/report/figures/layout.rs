//! Where everything of a figure is, in pixels.

use lookback_benchmarks::experiment::figure::{Figure, Panel};

use super::heat;
use super::legend::{self, Entry};
use super::scale::Scale;
use super::text::{self, TICK_SIZE, TITLE_SIZE};

pub(super) const PADDING: f64 = 12.0;
/// From a tick label to its axis, the tick included.
pub(super) const TICK_ROOM: f64 = 9.0;
const AXIS_LABEL_ROOM: f64 = 19.0;
const GAP: f64 = 22.0;

/// A panel: its corner, its margins, its scales.
pub(super) struct PanelBox<'a> {
    pub panel: &'a Panel,
    /// Empty where it would repeat the figure's.
    pub title: String,
    /// The left upper corner, of the title.
    pub corner: (f64, f64),
    /// Width of the axis label (if drawn) and the tick labels left of the axes.
    pub left: f64,
    /// Height of the axis label (if drawn) and the tick labels below the axes.
    pub bottom: f64,
    /// Height of the title, and of the legend where the panel has its own.
    pub top: f64,
    pub x_label: bool,
    pub y_label: bool,
    pub x: Scale,
    pub y: Scale,
}

/// A figure with everything placed.
pub(super) struct Layout<'a> {
    pub width: f64,
    pub height: f64,
    /// Lines of the title.
    pub title: Vec<String>,
    pub legend: Vec<Entry>,
    pub panels: Vec<PanelBox<'a>>,
    /// Width and height of all axes.
    pub axes: (f64, f64),
}

/// Places everything; without room for the figure's title unless `titled`.
pub(super) fn layout(figure: &Figure, titled: bool) -> Layout<'_> {
    let columns = figure.columns.clamp(1, figure.panels.len().max(1));
    let axes = match columns {
        1 => (430.0, 265.0),
        2 => (330.0, 218.0),
        3 => (262.0, 180.0),
        _ => (212.0, 152.0),
    };
    let count = figure.panels.len();
    let same_x = figure.panels.windows(2).all(|pair| pair[0].x.label == pair[1].x.label);
    let same_y = figure.panels.windows(2).all(|pair| pair[0].y.label == pair[1].y.label);
    // The title of a figure need not be said twice.
    let title = |panel: &'_ Panel| if panel.title == figure.title { String::new() } else { text::clean(&panel.title) };
    let top = if figure.panels.iter().any(|panel| !title(panel).is_empty()) { 23.0 } else { 8.0 };

    let mut panels: Vec<PanelBox> = figure
        .panels
        .iter()
        .enumerate()
        .map(|(index, panel)| PanelBox {
            panel,
            title: title(panel),
            corner: (0.0, 0.0),
            left: 0.0,
            bottom: 0.0,
            top,
            x_label: !panel.x.label.is_empty() && (!same_x || index + columns >= count),
            y_label: !panel.y.label.is_empty() && (!same_y || index % columns == 0),
            x: Scale::horizontal(panel, axes.0),
            y: Scale::vertical(panel, axes.1),
        })
        .collect();

    let tick_width = panels
        .iter()
        .flat_map(|panel| &panel.y.ticks)
        .map(|tick| text::width(&tick.label, TICK_SIZE))
        .fold(18.0, f64::max);
    let lefts: Vec<f64> = (0..columns)
        .map(|column| {
            let labelled = panels.iter().skip(column).step_by(columns).any(|panel| panel.y_label);
            tick_width + TICK_ROOM + if labelled { AXIS_LABEL_ROOM } else { 0.0 }
        })
        .collect();
    let rights: Vec<f64> = (0..columns)
        .map(|column| {
            let matrices = panels.iter().skip(column).step_by(columns).filter_map(|place| place.panel.heat.as_deref());
            matrices.map(heat::bar_room).fold(0.0, f64::max)
        })
        .collect();
    let beside = lefts.iter().chain(&rights).sum::<f64>();
    // Whole pixels, as the picture's size is written: else what is drawn on whole pixels would not lie on them.
    let width = (2.0 * PADDING + beside + axes.0 * columns as f64 + GAP * (columns - 1) as f64 + 8.0).ceil();

    let starts: Vec<f64> = lefts
        .iter()
        .zip(&rights)
        .scan(PADDING, |x, (left, right)| Some(std::mem::replace(x, *x + left + axes.0 + right + GAP)))
        .collect();

    let title = if titled { text::wrap(&figure.title, TITLE_SIZE, width - 2.0 * PADDING) } else { vec![] };
    let mut y = PADDING + title.len() as f64 * (TITLE_SIZE + 5.0) + if title.is_empty() { 0.0 } else { 6.0 };
    let mut legend = legend::entries(&figure.panels);
    // Where one look is another thing in each panel, each says which.
    let of_one = |panel| legend::is_ambiguous(&legend::entries(std::slice::from_ref(panel)));
    let by_panel = legend::is_ambiguous(&legend) && !figure.panels.iter().any(of_one);
    if by_panel {
        legend.clear();
    }
    y += legend::arrange(&mut legend, (PADDING, y), width - 2.0 * PADDING);

    for row in panels.chunks_mut(columns) {
        let mut tallest: f64 = 0.0;
        for (panel, (start, left)) in row.iter_mut().zip(starts.iter().zip(&lefts)) {
            panel.corner = (*start, y);
            panel.left = *left;
            panel.bottom = TICK_SIZE + TICK_ROOM + if panel.x_label { AXIS_LABEL_ROOM } else { 0.0 };
            if by_panel {
                let mut own = legend::entries(std::slice::from_ref(panel.panel));
                tallest = tallest.max(legend::arrange(&mut own, (start + left, y + top), axes.0));
                legend.append(&mut own);
            }
        }
        row.iter_mut().for_each(|panel| panel.top = top + tallest);
        y += top + tallest + axes.1 + row.iter().map(|panel| panel.bottom).fold(0.0, f64::max) + 12.0;
    }
    Layout { width, height: (y + PADDING - 10.0).ceil(), title, legend, panels, axes }
}
