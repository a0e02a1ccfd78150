//! Matrices as shaded cells, with a scale of their values.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axes::font;
use super::ink::Ink;
use super::layout::TICK_SIZE;
use super::marks::{Canvas, SCALE, units};
use super::text;

/// Shades between the ground and the full ink: enough for the eye, few enough that neighbours often share one.
const SHADES: u32 = 40;
/// From the axes to the scale of values, in pixels.
const BAR_GAP: f64 = 7.0;
/// The width of the scale of values, in pixels.
const BAR_WIDTH: f64 = 9.0;
/// From the scale of values to its labels, in pixels.
const LABEL_GAP: f64 = 4.0;

const DRAWS: &str = "plotters draws into a string";

/// Rows and columns, as many as the longest row has.
pub(super) fn size(matrix: &[Vec<f64>]) -> (usize, usize) {
    (matrix.len(), matrix.iter().map(Vec::len).max().unwrap_or(0))
}

/// The room that the scale of values takes beside the axes, in pixels.
pub(super) fn bar_room(matrix: &[Vec<f64>]) -> f64 {
    BAR_GAP + BAR_WIDTH + LABEL_GAP + text::width(&label(largest(matrix.iter().flatten())), TICK_SIZE)
}

/// Draws a matrix over the axes with this left upper corner and this size in pixels, and its scale beside them.
///
/// Edges of cells are whole pixels: shades are ink that lets the ground through, so that they suit light and dark
/// ground, and a pixel that two cells share would show as a seam. Where there are more cells than pixels, a pixel shows
/// the largest of its cells.
pub(super) fn draw(canvas: &Canvas, matrix: &[Vec<f64>], corner: (f64, f64), axes: (f64, f64)) {
    let (rows, columns) = size(matrix);
    let most = largest(matrix.iter().flatten());
    let (down, across) = (Bins::new(corner.1, axes.1, rows), Bins::new(corner.0, axes.0, columns));
    for row in 0..down.count() {
        let block = &matrix[down.cells(row)];
        let shades: Vec<u32> = (0..across.count())
            .map(|column| {
                let Range { start, end } = across.cells(column);
                shade(largest(block.iter().flat_map(|row| row.iter().take(end).skip(start))), most)
            })
            .collect();
        // One rectangle for neighbours of one shade: attention is mostly near 0.
        let mut start = 0;
        for run in shades.chunk_by(|left, right| left == right) {
            let end = start + run.len();
            cell(canvas, (across.edges[start], down.edges[row]), (across.edges[end], down.edges[row + 1]), run[0]);
            start = end;
        }
    }
    bar(canvas, most, (corner.0 + axes.0 + BAR_GAP, corner.1), axes.1);
}

/// Values from 0, at the bottom, to `most`.
fn bar(canvas: &Canvas, most: f64, corner: (f64, f64), height: f64) {
    let across = Bins::new(corner.0, BAR_WIDTH, 1);
    let down = Bins::new(corner.1, height, SHADES as usize);
    for (bin, shade) in (0..down.count()).zip((1..=SHADES).rev()) {
        cell(canvas, (across.edges[0], down.edges[bin]), (across.edges[1], down.edges[bin + 1]), shade);
    }
    for (label, place, y) in [(label(most), VPos::Top, corner.1), ("0".into(), VPos::Bottom, corner.1 + height)] {
        let style = font(TICK_SIZE, Ink::Text, false).pos(Pos::new(HPos::Left, place));
        canvas.draw_text(&label, &style, (units(corner.0 + BAR_WIDTH + LABEL_GAP), units(y))).expect(DRAWS);
    }
}

/// A value of the scale with two digits.
fn label(value: f64) -> String {
    if value > 0.0 { text::decimal(value, 10f64.powf(value.log10().floor() - 1.0)) } else { String::new() }
}

/// The largest of these that is a number, from 0 up.
fn largest<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    values.copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

fn shade(value: f64, most: f64) -> u32 {
    if most > 0.0 { (value / most * f64::from(SHADES)).round() as u32 } else { 0 }
}

fn cell(canvas: &Canvas, corner: (i32, i32), opposite: (i32, i32), shade: u32) {
    if shade > 0 {
        let style = Ink::Text.solid().mix(f64::from(shade) / f64::from(SHADES)).filled();
        canvas.draw(&Rectangle::new([corner, opposite], style)).expect(DRAWS);
    }
}

/// Cells side by side along an axis.
struct Bins {
    cells: usize,
    /// In drawing units, one more than there are bins.
    edges: Vec<i32>,
}

impl Bins {
    /// As many bins as `cells`, or as pixels if those are fewer.
    fn new(start: f64, length: f64, cells: usize) -> Self {
        let count = cells.min(length as usize);
        let pixel = |edge: usize| (start + length * edge as f64 / count.max(1) as f64).round() as i32;
        Self { cells, edges: (0..=count).map(|edge| pixel(edge) * SCALE as i32).collect() }
    }

    fn count(&self) -> usize {
        self.edges.len() - 1
    }

    /// The cells of a bin.
    fn cells(&self, bin: usize) -> Range<usize> {
        bin * self.cells / self.count()..(bin + 1) * self.cells / self.count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Theme, samples, svg};
    use super::*;

    /// (x, y, width, height, opacity) of all shaded cells, the scale's too.
    fn cells(matrix: Vec<Vec<f64>>) -> Vec<[f64; 5]> {
        let mut figure = samples::matrices();
        figure.panels.truncate(1);
        figure.panels[0].heat = Some(matrix);
        let svg = svg(&figure, Theme::Page);
        let document = resvg::usvg::roxmltree::Document::parse(&svg).expect("well-formed XML");
        let rects = document.descendants().filter(|node| node.attribute("style") == Some("fill:var(--fig-text)"));
        rects
            .filter(|node| node.has_tag_name("rect"))
            .map(|node| {
                ["x", "y", "width", "height", "opacity"].map(|name| node.attribute(name).unwrap().parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn cells_tile_the_axes_and_shades_follow_the_values() {
        let drawn = cells(vec![vec![0.0, 1.0, 2.0], vec![4.0, -1.0, f64::NAN]]);
        let (matrix, bar) = drawn.split_at(3);
        let opacities: Vec<f64> = matrix.iter().map(|cell| cell[4]).collect();
        assert_eq!(opacities, [0.25, 0.5, 1.0]);
        // 0 | 1 2 above 4 | ..: the second begins where the first ends, and 4 stands left below both.
        assert_eq!(matrix[0][0] + matrix[0][2], matrix[1][0]);
        assert_eq!(matrix[2][0] + matrix[2][2], matrix[0][0]);
        assert_eq!(matrix[2][1], matrix[0][1] + matrix[0][3]);
        assert_eq!(bar.len(), SHADES as usize);
        assert!(bar.iter().all(|cell| cell[0] > matrix[1][0] + matrix[1][2]));
    }

    #[test]
    fn more_cells_than_pixels_and_odd_matrices_are_drawn() {
        let mut large = vec![vec![0.0; 3000]; 2000];
        large[1999][2999] = 1.0;
        let drawn = cells(large);
        assert_eq!(drawn.len(), 1 + SHADES as usize);
        assert_eq!(drawn[0][2..], [10.0, 10.0, 1.0]);
        // Rows of several lengths, and nothing at all.
        assert_eq!(cells(vec![vec![1.0], vec![], vec![1.0, 0.5]]).len(), 3 + SHADES as usize);
        for empty in [vec![], vec![vec![]], vec![vec![0.0]], vec![vec![f64::NAN]]] {
            assert!(cells(empty).len() <= SHADES as usize);
        }
    }
}
