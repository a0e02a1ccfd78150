//! One panel: axes, grid, and its series.

use lookback_benchmarks::experiment::figure::{Mark, Series};

use super::clip::clip;
use super::heat;
use super::layout::{PanelBox, TICK_ROOM};
use super::markers;
use super::palette::Role;
use super::scene::{Anchor, Path, Scene, Spot, Type};
use super::style;
use super::text::{HALF_LETTER, LABEL_SIZE, PANEL_TITLE_SIZE, TICK_SIZE};

/// Up to this many points, intervals are bars; above, a band.
const MAX_BARS: usize = 16;
/// Up to this many points, a line has a marker at each; above, at about [`FEW_MARKERS`] of them.
const MAX_MARKERS: usize = 16;
const FEW_MARKERS: usize = 8;

/// The length of a tick, in pixels.
const TICK: f64 = 4.0;

/// Draws a panel with axes of `size` pixels.
pub(super) fn draw(scene: &mut Scene, place: &PanelBox, size: (f64, f64)) {
    let corner = (place.corner.0 + place.left, place.corner.1 + place.top);
    let title = Type::title(PANEL_TITLE_SIZE, Anchor::Middle);
    scene.text(&place.title, (corner.0 + size.0 / 2.0, place.corner.1 + 0.8 * PANEL_TITLE_SIZE), title);

    let plot = Plot { place, corner, size };
    let matrix = place.panel.heat.as_deref();
    match matrix {
        Some(matrix) => heat::draw(scene, matrix, corner, size),
        // Lines would shine through the cells of a matrix.
        None => plot.grid(scene),
    }
    plot.frame(scene);
    for series in &place.panel.series {
        plot.intervals(scene, series);
    }
    for series in &place.panel.series {
        plot.line(scene, series);
    }
    for (index, series) in place.panel.series.iter().enumerate() {
        plot.markers(scene, series, index);
    }
    let points = || place.panel.series.iter().flat_map(|series| &series.points);
    let drawn = matrix.is_some_and(|matrix| heat::size(matrix).1 > 0)
        || points().any(|point| plot.spot(point.x, point.y).is_some());
    if !drawn {
        let style = Type::new(LABEL_SIZE, Role::Muted, Anchor::Middle);
        scene.text("no finished run yet", plot.pixel((0.5, 0.5)), style);
    }
}

struct Plot<'a> {
    place: &'a PanelBox<'a>,
    /// The left upper corner of the axes.
    corner: Spot,
    size: (f64, f64),
}

impl Plot<'_> {
    /// Positions in [0, 1] on both axes; y upwards.
    fn position(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.place.x.position(x)?, self.place.y.position(y)?))
    }

    fn pixel(&self, (x, y): (f64, f64)) -> Spot {
        (self.corner.0 + x * self.size.0, self.corner.1 + (1.0 - y) * self.size.1)
    }

    /// The same on half a pixel, where thin lines are sharp.
    fn sharp(&self, position: (f64, f64)) -> Spot {
        let (x, y) = self.pixel(position);
        ((2.0 * x).round() / 2.0, (2.0 * y).round() / 2.0)
    }

    /// Where a point is drawn, if it is on the axes.
    fn spot(&self, x: f64, y: f64) -> Option<Spot> {
        let (x, y) = self.position(x, y)?;
        let on_axis = |at: f64| (-1e-9..=1.0 + 1e-9).contains(&at);
        (on_axis(x) && on_axis(y)).then(|| self.pixel((x, y)))
    }

    fn grid(&self, scene: &mut Scene) {
        let (x, y) = (&self.place.x, &self.place.y);
        let lines = |across: &mut dyn Iterator<Item = f64>, up: &mut dyn Iterator<Item = f64>| {
            let mut path = Path::default();
            across.for_each(|x| path.line([self.sharp((x, 0.0)), self.sharp((x, 1.0))]));
            up.for_each(|y| path.line([self.sharp((0.0, y)), self.sharp((1.0, y))]));
            path
        };
        let fine = lines(&mut x.fine.iter().copied(), &mut y.fine.iter().copied());
        scene.line(fine, (Role::FineGrid, 1.0), 0.5);
        let bold = lines(&mut x.ticks.iter().map(|tick| tick.at), &mut y.ticks.iter().map(|tick| tick.at));
        scene.line(bold, (Role::Grid, 1.0), 0.7);
    }

    /// Axes with ticks, their labels and titles.
    fn frame(&self, scene: &mut Scene) {
        let (x, y) = (&self.place.x, &self.place.y);
        let mut path = Path::default();
        path.line([(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)].map(|end| self.sharp(end)));
        let below = Type::new(TICK_SIZE, Role::Text, Anchor::Middle);
        let beside = Type { anchor: Anchor::End, ..below };
        for tick in &x.ticks {
            let (at, bottom) = self.sharp((tick.at, 0.0));
            path.line([(at, bottom), (at, bottom + TICK)]);
            scene.text(&tick.label, (at, bottom + TICK_ROOM + 0.7 * TICK_SIZE), below);
        }
        for tick in &y.ticks {
            let (left, at) = self.sharp((0.0, tick.at));
            path.line([(left, at), (left - TICK, at)]);
            scene.text(&tick.label, (left - TICK_ROOM + 2.0, at + HALF_LETTER * TICK_SIZE), beside);
        }
        scene.line(path, (Role::Axis, 1.0), 1.0);

        let label = Type::new(LABEL_SIZE, Role::Text, Anchor::Middle);
        if self.place.x_label {
            let (middle, bottom) = self.pixel((0.5, 0.0));
            scene.text(&self.place.panel.x.label, (middle, bottom + self.place.bottom - 3.0), label);
        }
        if self.place.y_label {
            let (_, middle) = self.pixel((0.0, 0.5));
            let at = (self.place.corner.0 + 0.8 * LABEL_SIZE, middle);
            scene.text(&self.place.panel.y.label, at, Type { upright: true, ..label });
        }
    }

    fn intervals(&self, scene: &mut Scene, series: &Series) {
        let style = style::of(&series.key);
        let ends = series.points.iter().map(|point| {
            let (low, high) = point.interval?;
            let x = self.place.x.position(point.x).filter(|x| (0.0..=1.0).contains(x))?;
            let [low, high] = [low, high].map(|end| Some(self.place.y.position(end)?.clamp(0.0, 1.0)));
            Some((self.pixel((x, low?)), self.pixel((x, high?))))
        });
        let mut path = Path::default();
        if series.points.len() <= MAX_BARS {
            ends.flatten().for_each(|(low, high)| path.line([low, high]));
            return markers::error_bars(scene, path, style);
        }
        let ends: Vec<_> = ends.collect();
        for run in ends.split(Option::is_none).filter(|run| run.len() > 1) {
            let run = || run.iter().flatten();
            path.polygon(run().map(|(_, high)| *high).chain(run().rev().map(|(low, _)| *low)));
        }
        scene.fill(path, (style.role(), 0.16));
    }

    fn line(&self, scene: &mut Scene, series: &Series) {
        let style = style::of(&series.key);
        let positions = series.points.iter().map(|point| self.position(point.x, point.y));
        let mut path = Path::default();
        match series.mark {
            Mark::Points => {}
            Mark::Area => {
                let on_axes = |(x, y): (f64, f64)| self.pixel((x.clamp(0.0, 1.0), y.clamp(0.0, 1.0)));
                path.polygon(positions.flatten().map(on_axes));
                scene.fill(path, (style.role(), markers::AREA_OPACITY));
            }
            Mark::Line | Mark::LinePoints | Mark::Dashed => {
                for part in clip(&positions.collect::<Vec<_>>()) {
                    path.line(part.into_iter().map(|position| self.pixel(position)));
                }
                markers::line(scene, path, style, series.mark);
            }
        }
    }

    /// `index` staggers the markers of the panel's curves where not every point has one.
    fn markers(&self, scene: &mut Scene, series: &Series, index: usize) {
        let style = style::of(&series.key);
        let minima = series.points.iter().filter_map(|point| {
            let min = point.min.filter(|min| *min < point.y)?;
            self.spot(point.x, min)
        });
        markers::minima(scene, minima, style.role());
        if !matches!(series.mark, Mark::LinePoints | Mark::Points) {
            return;
        }
        let every = match series.mark {
            Mark::LinePoints if series.points.len() > MAX_MARKERS => series.points.len().div_ceil(FEW_MARKERS),
            _ => 1,
        };
        // 3 is coprime to most spacings, so neighbours in the legend do not get neighbouring points.
        let marked = series.points.iter().skip(3 * index % every).step_by(every);
        markers::markers(scene, marked.filter_map(|point| self.spot(point.x, point.y)), style);
    }
}
