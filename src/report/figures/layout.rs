//! Where things stand in a figure, in pixels.

use lookback_benchmarks::experiment::figure::{Figure, Mark, Panel};

use super::heat;
use super::ink::Theme;
use super::scale::Scale;
use super::style::{self, Style};
use super::text;

pub(super) const TITLE_SIZE: f64 = 15.0;
pub(super) const PANEL_TITLE_SIZE: f64 = 13.0;
pub(super) const LABEL_SIZE: f64 = 12.5;
pub(super) const TICK_SIZE: f64 = 11.5;
pub(super) const LEGEND_SIZE: f64 = 12.5;
/// The length of a legend's line.
pub(super) const SAMPLE: f64 = 30.0;

const PADDING: f64 = 12.0;
const LEGEND_ROW: f64 = 19.0;
/// From a tick label to its axis, the tick included.
const TICK_ROOM: f64 = 9.0;
const AXIS_LABEL_ROOM: f64 = 19.0;
const GAP: f64 = 22.0;

/// A panel: its corner, its margins, its scales.
pub(super) struct PanelBox<'a> {
    pub panel: &'a Panel,
    /// The left upper corner, of the title.
    pub corner: (f64, f64),
    /// Width of the axis label (if drawn) and the tick labels left of the axes.
    pub left: f64,
    /// Height of the axis label (if drawn) and the tick labels below the axes.
    pub bottom: f64,
    /// Height of the title.
    pub top: f64,
    pub x_label: bool,
    pub y_label: bool,
    pub x: Scale,
    pub y: Scale,
}

/// One entry of the legend.
pub(super) struct Entry {
    pub label: String,
    pub sample: Sample,
    /// The left end of its sample.
    pub x: f64,
    /// Its middle.
    pub y: f64,
}

/// What stands before a legend's text.
pub(super) enum Sample {
    Series(Style, Mark),
    Minimum,
}

/// A figure with everything placed.
pub(super) struct Layout<'a> {
    pub width: f64,
    pub height: f64,
    /// Lines of the title; none where the theme has none.
    pub title: Vec<String>,
    pub legend: Vec<Entry>,
    pub panels: Vec<PanelBox<'a>>,
    /// Width and height of all axes.
    pub axes: (f64, f64),
}

pub(super) fn layout(figure: &Figure, theme: Theme) -> Layout<'_> {
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
    let titled = figure.panels.iter().any(|panel| !panel.title.is_empty());
    let top = if titled { 23.0 } else { 8.0 };

    let mut panels: Vec<PanelBox> = figure
        .panels
        .iter()
        .enumerate()
        .map(|(index, panel)| PanelBox {
            panel,
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

    let mut y = PADDING;
    let title = match theme {
        Theme::Page => vec![],
        Theme::Paper => wrap(&figure.title, TITLE_SIZE, width - 2.0 * PADDING),
    };
    y += title.len() as f64 * (TITLE_SIZE + 5.0) + if title.is_empty() { 0.0 } else { 6.0 };
    let legend = legend(figure, width, &mut y);

    for row in panels.chunks_mut(columns) {
        let labelled = row.iter().any(|panel| panel.x_label);
        let bottom = TICK_SIZE + TICK_ROOM + if labelled { AXIS_LABEL_ROOM } else { 0.0 };
        let mut x = PADDING;
        for (panel, (left, right)) in row.iter_mut().zip(lefts.iter().zip(&rights)) {
            panel.corner = (x, y);
            panel.left = *left;
            panel.bottom = TICK_SIZE + TICK_ROOM + if panel.x_label { AXIS_LABEL_ROOM } else { 0.0 };
            x += left + axes.0 + right + GAP;
        }
        y += top + axes.1 + bottom + 12.0;
    }
    Layout { width, height: (y + PADDING - 10.0).ceil(), title, legend, panels, axes }
}

/// One entry per label, in rows as wide as the figure allows; `y` moves below them.
fn legend(figure: &Figure, width: f64, y: &mut f64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![];
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    for series in series.clone() {
        if !entries.iter().any(|entry| entry.label == series.label) {
            let sample = Sample::Series(style::of(&series.key), series.mark);
            entries.push(Entry { label: text::clean(&series.label), sample, x: 0.0, y: 0.0 });
        }
    }
    // Bounds and references after what is compared with them.
    entries.sort_by_key(|entry| matches!(entry.sample, Sample::Series(_, Mark::Dashed)));
    if series.flat_map(|series| &series.points).any(|point| point.min.is_some_and(|min| min < point.y)) {
        entries.push(Entry { label: "minimum".into(), sample: Sample::Minimum, x: 0.0, y: 0.0 });
    }
    if entries.is_empty() {
        return entries;
    }
    // Columns of equal width read more easily than running text.
    let widest = entries.iter().map(|entry| text::width(&entry.label, LEGEND_SIZE)).fold(0.0, f64::max);
    let cell = SAMPLE + 7.0 + widest + 18.0;
    let room = width - 2.0 * PADDING;
    let per_row = ((room / cell) as usize).clamp(1, entries.len());
    // The same number of rows with the entries spread evenly over them.
    let rows = entries.len().div_ceil(per_row);
    let per_row = entries.len().div_ceil(rows);
    let start = PADDING + ((room - cell * per_row as f64 + 18.0) / 2.0).max(0.0);
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.x = start + (index % per_row) as f64 * cell;
        entry.y = *y + (index / per_row) as f64 * LEGEND_ROW + LEGEND_ROW / 2.0;
    }
    *y += rows as f64 * LEGEND_ROW + 8.0;
    entries
}

/// `line` in lines of at most `room` pixels, where its words allow.
pub(super) fn wrap(line: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in text::clean(line).split_whitespace() {
        match lines.last_mut() {
            Some(last) if text::width(&format!("{last} {word}"), size) <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
