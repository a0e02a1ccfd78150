//! Where the pixels of an image go.

use super::{Image, MOST_PIXELS};

impl Image {
    /// Pixels per row, and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.width(), self.height())
    }

    /// This image at another size: each side is resized with triangular weights, which reach over two source pixels
    /// where it grows (bilinear interpolation) and over as many more as it shrinks, so that fine detail is averaged.
    ///
    /// The values are those of Pillow's `resize` with `BILINEAR`: first the width, then the height (Pillow from 13 on
    /// exchanges these where the height shrinks much more, which changes a value by 1 here and there).
    ///
    /// # Panics
    /// A side is 0, or there are more than [`MOST_PIXELS`] pixels.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        assert!(
            width.checked_mul(height).is_some_and(|count| (1..=MOST_PIXELS).contains(&count)),
            "{width} x {height}"
        );
        let mut wide = Vec::with_capacity(3 * width * self.height());
        let columns = taps(self.width(), width);
        for row in self.pixels().chunks_exact(3 * self.width()) {
            for (start, weights) in &columns {
                wide.extend((0..3).map(|channel| weighted(weights, |tap| row[3 * (start + tap) + channel])));
            }
        }
        let stride = 3 * width;
        let mut pixels = Vec::with_capacity(stride * height);
        for (start, weights) in taps(self.height(), height) {
            pixels.extend((0..stride).map(|at| weighted(&weights, |tap| wide[stride * (start + tap) + at])));
        }
        Self::new(width, height, pixels).expect("3 values per pixel")
    }
}

/// Binary digits after the point of the weights of [`taps`].
const WEIGHT_BITS: u32 = 22;

/// For each of `after` output positions along a side of `before` pixels, the first source pixel and the weights from
/// there on, which sum to 1.
fn taps(before: usize, after: usize) -> Vec<(usize, Vec<i32>)> {
    let scale = before as f64 / after as f64;
    let reach = scale.max(1.0);
    (0..after)
        .map(|position| {
            let center = (position as f64 + 0.5) * scale;
            let start = (center - reach + 0.5).max(0.0) as usize;
            let end = ((center + reach + 0.5) as usize).min(before);
            let triangle = |source: usize| (1.0 - ((source as f64 - center + 0.5) / reach).abs()).max(0.0);
            let sum: f64 = (start..end).map(triangle).sum();
            let fixed = |source| (triangle(source) / sum * f64::from(1 << WEIGHT_BITS) + 0.5) as i32;
            (start, (start..end).map(fixed).collect())
        })
        .collect()
}

fn weighted(weights: &[i32], value: impl Fn(usize) -> u8) -> u8 {
    let half = 1 << (WEIGHT_BITS - 1);
    let sum: i32 = weights.iter().enumerate().map(|(tap, weight)| weight * i32::from(value(tap))).sum();
    ((sum + half) >> WEIGHT_BITS).min(255) as u8
}

/// Left and right exchanged.
pub(super) fn flipped(image: &Image) -> Image {
    let mut pixels = Vec::with_capacity(image.pixels().len());
    for row in image.pixels().chunks_exact(3 * image.width()) {
        pixels.extend(row.as_chunks::<3>().0.iter().rev().flatten());
    }
    same_size(image, pixels)
}

/// Moved right by `x` and down by `y` pixels; what comes in from outside is black.
pub(super) fn shifted(image: &Image, x: isize, y: isize) -> Image {
    let (width, height) = (image.width(), image.height());
    let mut pixels = vec![0; image.pixels().len()];
    let (columns, rows) = (width.saturating_sub(x.unsigned_abs()), height.saturating_sub(y.unsigned_abs()));
    // Both the source and the target start where the other one's black margin is not.
    let starts = |shift: isize| (shift.min(0).unsigned_abs(), shift.max(0).unsigned_abs());
    let ((left, to_left), (top, to_top)) = (starts(x), starts(y));
    if columns > 0 {
        for row in 0..rows {
            let from = 3 * ((top + row) * width + left);
            let to = 3 * ((to_top + row) * width + to_left);
            pixels[to..to + 3 * columns].copy_from_slice(&image.pixels()[from..from + 3 * columns]);
        }
    }
    same_size(image, pixels)
}

/// The pixel at `(x, y)` is the one that `(a x + b y + c, d x + e y + f)` lies in, black outside of the image, for
/// `[a, b, c, d, e, f]` in `inverse`. Coordinates are those of pixel centres, 0.5 for the first.
///
/// Positions are computed in units of 2^-16 pixel, as Pillow does.
pub(super) fn affine(image: &Image, inverse: [f64; 6]) -> Image {
    let (width, height) = (image.width(), image.height());
    let [a, b, c, d, e, f] = inverse;
    let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
    let (mut row_x, mut row_y) = (fixed(c + (a + b) * 0.5), fixed(f + (d + e) * 0.5));
    let [a, b, d, e] = [a, b, d, e].map(fixed);
    let mut pixels = vec![0; image.pixels().len()];
    for row in pixels.chunks_exact_mut(3 * width) {
        let (mut x, mut y) = (row_x, row_y);
        for pixel in row.as_chunks_mut::<3>().0 {
            // Negative positions become large ones.
            let (column, line) = ((x >> 16) as usize, (y >> 16) as usize);
            if column < width && line < height {
                *pixel = image.pixel(column, line);
            }
            x += a;
            y += d;
        }
        row_x += b;
        row_y += e;
    }
    same_size(image, pixels)
}

/// Turned about its centre by `degrees`, counter-clockwise.
pub(super) fn rotated(image: &Image, degrees: f64) -> Image {
    let (sin, cos) = libm::sincos(degrees.to_radians());
    let (x, y) = (image.width() as f64 / 2.0, image.height() as f64 / 2.0);
    affine(image, [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y])
}

/// An image with these values, which are as many as those of `image`.
pub(super) fn same_size(image: &Image, pixels: Vec<u8>) -> Image {
    Image::new(image.width(), image.height(), pixels).expect("as many values as before")
}

/// `values`, `[height, width, 3]`, on a square of `side` pixels with the first pixel at `(left, top)`; every other
/// pixel has the colour of the nearest pixel of the border.
///
/// `size` is (width, height); the square holds it all.
pub(super) fn on_canvas(values: &[f32], size: (usize, usize), side: usize, (left, top): (usize, usize)) -> Vec<f32> {
    let (width, height) = size;
    let mut canvas = Vec::with_capacity(3 * side * side);
    for y in 0..side {
        let row = &values[3 * width * y.saturating_sub(top).min(height - 1)..][..3 * width];
        let repeat = |canvas: &mut Vec<f32>, pixel: &[f32], count| {
            for _ in 0..count {
                canvas.extend_from_slice(pixel);
            }
        };
        repeat(&mut canvas, &row[..3], left);
        canvas.extend_from_slice(row);
        repeat(&mut canvas, &row[3 * (width - 1)..], side - width - left);
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::reference::{fingerprint, noise};

    /// An image whose pixel (x, y) is `[10 x, 10 y, 1]`.
    fn coordinates(width: usize, height: usize) -> Image {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [10 * x as u8, 10 * y as u8, 1]));
        Image::new(width, height, pixels.collect()).unwrap()
    }

    /// Where each pixel comes from, row by row; `None` where it is black.
    fn sources(image: &Image) -> Vec<Option<(u8, u8)>> {
        image.pixels().as_chunks::<3>().0.iter().map(|[x, y, is]| (*is == 1).then_some((x / 10, y / 10))).collect()
    }

    #[test]
    fn flips_exchange_left_and_right_and_undo_themselves() {
        let image = coordinates(3, 2);
        let expected = [(2, 0), (1, 0), (0, 0), (2, 1), (1, 1), (0, 1)].map(Some);
        assert_eq!(sources(&flipped(&image)), expected);
        assert_eq!(flipped(&flipped(&image)), image);
    }

    #[test]
    fn shifts_move_right_and_down() {
        let image = coordinates(3, 2);
        assert_eq!(sources(&shifted(&image, 1, 1)), [None, None, None, None, Some((0, 0)), Some((1, 0))]);
        assert_eq!(sources(&shifted(&image, -2, 0)), [Some((2, 0)), None, None, Some((2, 1)), None, None]);
        assert_eq!(shifted(&image, 0, 0), image);
        for (x, y) in [(3, 0), (-4, 1), (0, 2), (9, -9)] {
            assert_eq!(shifted(&image, x, y), Image::filled(3, 2, [0; 3]));
        }
    }

    #[test]
    fn rotations_are_counter_clockwise_about_the_centre() {
        let image = coordinates(3, 3);
        let quarter = [(2, 0), (2, 1), (2, 2), (1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)].map(Some);
        assert_eq!(sources(&rotated(&image, 90.0)), quarter);
        assert_eq!(rotated(&image, 0.0), image);
        // Corners come from the middle of a side, at distance sqrt(2) < 1.5, and the others from the corners.
        let eighth = [(1, 0), (2, 0), (2, 1), (0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)].map(Some);
        assert_eq!(sources(&rotated(&image, 45.0)), eighth);
    }

    /// By hand: over 2 source pixels per output pixel the weights are 1/8, 3/8, 3/8, 1/8 (3/7, 3/7, 1/7 at an end),
    /// and for twice the size 1/4 and 3/4.
    #[test]
    fn resizing_weighs_by_distance() {
        let line = |values: &[u8]| Image::new(values.len(), 1, values.iter().flat_map(|v| [*v; 3]).collect()).unwrap();
        let values = |image: Image| image.pixels().iter().step_by(3).copied().collect::<Vec<_>>();
        assert_eq!(values(line(&[0, 70, 140, 0, 0, 70]).resized(3, 1)), [50, 61, 30]);
        assert_eq!(values(line(&[0, 100]).resized(4, 1)), [0, 25, 75, 100]);
        assert_eq!(values(line(&[10, 20, 60]).resized(1, 1)), [29]);
        let image = coordinates(5, 7);
        assert_eq!(image.resized(5, 7), image);
        assert_eq!(Image::filled(5, 7, [3, 255, 0]).resized(64, 2), Image::filled(64, 2, [3, 255, 0]));
    }

    /// Made by `tests/reference/image_operations.py`.
    #[test]
    fn resized_images_are_those_of_pillow() {
        let image = noise(32, 24);
        let sizes = [(64, 48), (16, 12), (33, 25), (7, 24), (32, 100), (5, 3), (1, 1)];
        let resized = sizes.map(|(width, height)| image.resized(width, height));
        assert_eq!(fingerprint(resized), "acd07fe2add9ebda");
    }

    #[test]
    fn canvases_continue_the_border() {
        let values: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let canvas = on_canvas(&values, (2, 2), 4, (1, 0));
        let first: Vec<f32> = canvas.iter().step_by(3).copied().collect();
        let rows = [[0.0, 0.0, 3.0, 3.0], [6.0, 6.0, 9.0, 9.0], [6.0, 6.0, 9.0, 9.0], [6.0, 6.0, 9.0, 9.0]];
        assert_eq!(first, rows.concat());
        assert_eq!(on_canvas(&values, (2, 2), 2, (0, 0)), values);
    }
}
