//! Matrices as shaded cells, with a scale of their values.

use std::ops::Range;

use super::palette::Role;
use super::scene::{Anchor, Path, Scene, Spot, Type};
use super::text;
use super::text::HALF_LETTER;
use super::text::TICK_SIZE;

/// Shades between the ground and the full colour: enough for the eye, few enough that neighbours often share one.
const SHADES: usize = 40;
/// From the axes to the scale of values, in pixels.
const BAR_GAP: f64 = 7.0;
/// The width of the scale of values, in pixels.
const BAR_WIDTH: f64 = 9.0;
/// From the scale of values to its labels, in pixels.
const LABEL_GAP: f64 = 4.0;

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
/// Edges of cells are whole pixels: shades let the ground through, so that they suit light and dark ground, and a pixel that
/// two cells share would show as a seam. Where there are more cells than pixels, a pixel shows the largest of its cells.
pub(super) fn draw(scene: &mut Scene, matrix: &[Vec<f64>], corner: Spot, size: (f64, f64)) {
    let (rows, columns) = self::size(matrix);
    let most = largest(matrix.iter().flatten());
    let (down, across) = (Bins::new(corner.1, size.1, rows), Bins::new(corner.0, size.0, columns));
    // A path for each shade from 1 up.
    let mut shades = vec![Path::default(); SHADES];
    for row in 0..down.count() {
        let block = &matrix[down.cells(row)];
        let values: Vec<usize> = (0..across.count())
            .map(|column| {
                let Range { start, end } = across.cells(column);
                shade(largest(block.iter().flat_map(|row| row.iter().take(end).skip(start))), most)
            })
            .collect();
        // One rectangle for neighbours of one shade: attention is mostly near 0.
        let mut start = 0;
        for run in values.chunk_by(|left, right| left == right) {
            let end = start + run.len();
            if let Some(path) = run[0].checked_sub(1).map(|shade| &mut shades[shade]) {
                path.rectangle((across.edges[start], down.edges[row]), (across.edges[end], down.edges[row + 1]));
            }
            start = end;
        }
    }
    let corner = (corner.0 + size.0 + BAR_GAP, corner.1);
    let (across, down) = (Bins::new(corner.0, BAR_WIDTH, 1), Bins::new(corner.1, size.1, SHADES));
    for (bin, path) in (0..down.count()).zip(shades.iter_mut().rev()) {
        path.rectangle((across.edges[0], down.edges[bin]), (across.edges[1], down.edges[bin + 1]));
    }
    for (index, path) in shades.into_iter().enumerate() {
        scene.fill(path, (Role::Heat, (index + 1) as f64 / SHADES as f64));
    }
    let style = Type::new(TICK_SIZE, Role::Text, Anchor::Start);
    let x = corner.0 + BAR_WIDTH + LABEL_GAP;
    scene.text(&label(most), (x, corner.1 + 2.0 * HALF_LETTER * TICK_SIZE), style);
    scene.text("0", (x, corner.1 + size.1), style);
}

/// A value of the scale with two digits.
fn label(value: f64) -> String {
    if value > 0.0 { text::decimal(value, 10f64.powf(value.log10().floor() - 1.0)) } else { String::new() }
}

/// The largest of these that is a number, from 0 up.
fn largest<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    values.copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

fn shade(value: f64, most: f64) -> usize {
    if most > 0.0 { (value / most * SHADES as f64).round() as usize } else { 0 }
}

/// Cells side by side along an axis.
struct Bins {
    cells: usize,
    /// Whole pixels, one more than there are bins.
    edges: Vec<f64>,
}

impl Bins {
    /// As many bins as `cells`, or as pixels if those are fewer.
    fn new(start: f64, length: f64, cells: usize) -> Self {
        let count = cells.min(length as usize);
        let pixel = |edge: usize| (start + length * edge as f64 / count.max(1) as f64).round();
        Self { cells, edges: (0..=count).map(pixel).collect() }
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
    use super::super::scene::{Item, Segment};
    use super::*;

    /// (left, top, right, bottom, opacity) of all shaded cells, row by row, those of the scale last.
    fn cells(matrix: Vec<Vec<f64>>) -> Vec<[f64; 5]> {
        let mut scene = Scene::default();
        draw(&mut scene, &matrix, (10.0, 20.0), (90.0, 60.0));
        let mut cells: Vec<[f64; 5]> = vec![];
        for item in &scene.items {
            let Item::Shape(shape) = item else { continue };
            cells.extend(shape.path.0.chunks(5).map(|corners| match corners {
                [Segment::Move(one), _, Segment::Line(other), ..] => {
                    [one.0, one.1, other.0, other.1, shape.fill.unwrap().1]
                }
                other => panic!("{other:?} is no rectangle"),
            }));
        }
        let place = |cell: &[f64; 5]| [f64::from(cell[0] > 100.0), cell[1], cell[0]];
        cells.sort_by(|one, other| place(one).partial_cmp(&place(other)).unwrap());
        cells
    }

    #[test]
    fn cells_tile_the_axes_and_shades_follow_the_values() {
        let drawn = cells(vec![vec![0.0, 1.0, 2.0], vec![4.0, -1.0, f64::NAN]]);
        let (matrix, bar) = drawn.split_at(3);
        // 0 | 1 2 above 4 | ..
        assert_eq!(
            matrix,
            [[40.0, 20.0, 70.0, 50.0, 0.25], [70.0, 20.0, 100.0, 50.0, 0.5], [10.0, 50.0, 40.0, 80.0, 1.0]]
        );
        assert_eq!(bar.len(), SHADES);
        assert!(bar.windows(2).all(|pair| pair[0][3] == pair[1][1] && pair[0][4] > pair[1][4]));
    }

    #[test]
    fn more_cells_than_pixels_and_odd_matrices_are_drawn() {
        let mut large = vec![vec![0.0; 3000]; 2000];
        large[1999][2999] = 1.0;
        let drawn = cells(large);
        assert_eq!(drawn.len(), 1 + SHADES);
        assert_eq!(drawn[0], [99.0, 79.0, 100.0, 80.0, 1.0]);
        // Rows of several lengths, and nothing at all.
        assert_eq!(cells(vec![vec![1.0], vec![], vec![1.0, 0.5]]).len(), 3 + SHADES);
        for empty in [vec![], vec![vec![]], vec![vec![0.0]], vec![vec![f64::NAN]]] {
            assert!(cells(empty).len() <= SHADES);
        }
    }
}
