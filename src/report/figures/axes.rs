//! One panel: axes, grid, and its series.

use lookback_benchmarks::experiment::figure::{Mark, Series};
use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::heat;
use super::ink::Ink;
use super::layout::{LABEL_SIZE, PANEL_TITLE_SIZE, PanelBox, TICK_SIZE};
use super::marks::{self, Canvas, SCALE, Spot, units};
use super::scale::{Scale, Tick};
use super::style;
use super::text;

/// Up to this many points, intervals are bars; above, a band.
const MAX_BARS: usize = 16;
/// Up to this many points, a line has a marker at each; above, at about [`FEW_MARKERS`] of them.
const MAX_MARKERS: usize = 16;
const FEW_MARKERS: usize = 8;

const DRAWS: &str = "plotters draws into a string";

type Chart<'c, 'b> = ChartContext<'c, SVGBackend<'b>, Cartesian2d<Positions, Positions>>;

/// Plotters' view of an axis: positions in [0, 1] with the ticks of a [`Scale`].
struct Positions {
    ticks: Vec<Tick>,
    fine: Vec<f64>,
}

impl From<&Scale> for Positions {
    fn from(scale: &Scale) -> Self {
        Self { ticks: scale.ticks.clone(), fine: scale.fine.clone() }
    }
}

impl Ranged for Positions {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        low + (value * f64::from(high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            self.fine.clone()
        } else {
            self.ticks.iter().map(|tick| tick.at).collect()
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        0.0..1.0
    }
}

impl ValueFormatter<f64> for Positions {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|tick| tick.at == *value).map(|tick| tick.label.clone()).unwrap_or_default()
    }
}

/// Text of `size` pixels.
pub(super) fn font(size: f64, ink: Ink, bold: bool) -> TextStyle<'static> {
    // Plotters divides sizes by 1.24 when it writes SVG.
    let font = FontDesc::from((text::FAMILY, size * 1.24 * f64::from(SCALE)));
    let font = if bold { font.style(FontStyle::Bold) } else { font };
    let mut style = TextStyle::from(font);
    style.color = ink.solid().to_backend_color();
    style
}

/// Draws a panel with axes of `axes` pixels.
pub(super) fn draw(canvas: &Canvas, place: &PanelBox, axes: (f64, f64)) {
    let (x, y) = place.corner;
    let centre = (units(x + place.left + axes.0 / 2.0), units(y));
    let title = font(PANEL_TITLE_SIZE, Ink::Text, true).pos(Pos::new(HPos::Center, VPos::Top));
    canvas.draw_text(&text::clean(&place.panel.title), &title, centre).expect(DRAWS);

    // One unit more in each direction: the last unit of a range belongs to it.
    let size = (units(place.left + axes.0) + 1, units(axes.1 + place.bottom) + 1);
    let area = canvas.clone().shrink((units(x), units(y + place.top)), size);
    let mut chart: Chart = ChartBuilder::on(&area)
        .x_label_area_size(units(place.bottom))
        .y_label_area_size(units(place.left))
        .build_cartesian_2d(Positions::from(&place.x), Positions::from(&place.y))
        .expect(DRAWS);
    let matrix = place.panel.heat.as_deref();
    if let Some(matrix) = matrix {
        heat::draw(canvas, matrix, (x + place.left, y + place.top), axes);
    }
    mesh(&mut chart, place);

    let plot = Plot { canvas, chart: &chart, place };
    for series in &place.panel.series {
        plot.intervals(series);
    }
    for series in &place.panel.series {
        plot.line(series);
    }
    for (index, series) in place.panel.series.iter().enumerate() {
        plot.markers(series, index);
    }
    let drawn = matrix.is_some_and(|matrix| heat::size(matrix).1 > 0)
        || place
            .panel
            .series
            .iter()
            .flat_map(|series| &series.points)
            .any(|point| plot.spot(point.x, point.y).is_some());
    if !drawn {
        let style = font(LABEL_SIZE, Ink::Muted, false).pos(Pos::new(HPos::Center, VPos::Center));
        canvas.draw_text("no finished run yet", &style, plot.pixel(0.5, 0.5)).expect(DRAWS);
    }
}

fn mesh(chart: &mut Chart, place: &PanelBox) {
    let mut mesh = chart.configure_mesh();
    if place.panel.heat.is_some() {
        // Lines would shine through the cells.
        mesh.disable_mesh();
    }
    if place.x_label {
        mesh.x_desc(text::clean(&place.panel.x.label));
    }
    if place.y_label {
        mesh.y_desc(text::clean(&place.panel.y.label));
    }
    mesh.axis_style(Ink::Axis.solid().stroke_width(SCALE))
        .bold_line_style(Ink::Grid.solid().stroke_width(SCALE * 7 / 10))
        .light_line_style(Ink::FineGrid.solid().stroke_width(SCALE * 5 / 10))
        .label_style(font(TICK_SIZE, Ink::Text, false))
        .axis_desc_style(font(LABEL_SIZE, Ink::Text, false))
        .set_all_tick_mark_size(SCALE as i32 * 4)
        // Every key point is ours; the limits only have to admit them.
        .x_labels(1000)
        .y_labels(1000)
        .max_light_lines(1000)
        .draw()
        .expect(DRAWS);
}

struct Plot<'a, 'c, 'b> {
    canvas: &'a Canvas<'b>,
    chart: &'a Chart<'c, 'b>,
    place: &'a PanelBox<'a>,
}

impl Plot<'_, '_, '_> {
    fn position(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.place.x.position(x)?, self.place.y.position(y)?))
    }

    fn pixel(&self, x: f64, y: f64) -> Spot {
        self.chart.plotting_area().map_coordinate(&(x, y))
    }

    /// Where a point is drawn, if it is on the axes.
    fn spot(&self, x: f64, y: f64) -> Option<Spot> {
        let (x, y) = self.position(x, y)?;
        let on_axis = |at: f64| (-1e-9..=1.0 + 1e-9).contains(&at);
        (on_axis(x) && on_axis(y)).then(|| self.pixel(x, y))
    }

    fn intervals(&self, series: &Series) {
        let style = style::of(&series.key);
        let ends: Vec<Option<(f64, f64, f64)>> = series
            .points
            .iter()
            .map(|point| {
                let (low, high) = point.interval?;
                let x = self.place.x.position(point.x).filter(|x| (0.0..=1.0).contains(x))?;
                let low = self.place.y.position(low)?.clamp(0.0, 1.0);
                let high = self.place.y.position(high)?.clamp(0.0, 1.0);
                Some((x, low, high))
            })
            .collect();
        if series.points.len() <= MAX_BARS {
            for (x, low, high) in ends.into_iter().flatten() {
                let (low, high) = (self.pixel(x, low), self.pixel(x, high));
                marks::error_bar(self.canvas, low.0, (low.1, high.1), style);
            }
            return;
        }
        for run in ends.split(Option::is_none).filter(|run| run.len() > 1) {
            let run: Vec<_> = run.iter().flatten().collect();
            let above = run.iter().map(|(x, _, high)| self.pixel(*x, *high));
            let below = run.iter().rev().map(|(x, low, _)| self.pixel(*x, *low));
            marks::area(self.canvas, above.chain(below).collect(), Ink::Series(style.colour), 0.16);
        }
    }

    fn line(&self, series: &Series) {
        let style = style::of(&series.key);
        if series.mark == Mark::Points {
            return;
        }
        if series.mark == Mark::Area {
            let on_axes = |(x, y): (f64, f64)| self.pixel(x.clamp(0.0, 1.0), y.clamp(0.0, 1.0));
            let outline = series.points.iter().filter_map(|point| self.position(point.x, point.y)).map(on_axes);
            marks::area(self.canvas, outline.collect(), Ink::Series(style.colour), marks::AREA_OPACITY);
            return;
        }
        let dash = style.line_dash(series.mark);
        let points: Vec<_> = series.points.iter().map(|point| self.position(point.x, point.y)).collect();
        for part in marks::clip(&points) {
            let part = part.into_iter().map(|(x, y)| self.pixel(x, y)).collect();
            marks::line(self.canvas, part, Ink::Series(style.colour), dash, marks::LINE_WIDTH, 1.0);
        }
    }

    /// `index` staggers the markers of the panel's curves where not every point has one.
    fn markers(&self, series: &Series, index: usize) {
        let style = style::of(&series.key);
        for point in &series.points {
            if let Some(spot) = point.min.filter(|min| *min < point.y).and_then(|min| self.spot(point.x, min)) {
                marks::minimum(self.canvas, spot, Ink::Series(style.colour));
            }
        }
        if !matches!(series.mark, Mark::LinePoints | Mark::Points) {
            return;
        }
        let every = match series.mark {
            Mark::LinePoints if series.points.len() > MAX_MARKERS => series.points.len().div_ceil(FEW_MARKERS),
            _ => 1,
        };
        // 3 is coprime to most spacings, so neighbours in the legend do not get neighbouring points.
        for point in series.points.iter().skip(3 * index % every).step_by(every) {
            if let Some(spot) = self.spot(point.x, point.y) {
                marks::marker(self.canvas, spot, style);
            }
        }
    }
}
