//! Maps as colours over a picture.

use lookback_datasets::images::Image;

/// Ten steps of the colour map viridis, in which equal steps look equally large, also without colour vision and in
/// print (Smith, van der Walt and Firing, 2015, <https://bids.github.io/colormap/>).
const VIRIDIS: [[u8; 3]; 10] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3e, 0x4a, 0x89],
    [0x31, 0x68, 0x8e],
    [0x26, 0x82, 0x8e],
    [0x1f, 0x9e, 0x89],
    [0x35, 0xb7, 0x79],
    [0x6d, 0xcd, 0x59],
    [0xb4, 0xde, 0x2c],
    [0xfd, 0xe7, 0x25],
];

/// The part of a pixel's colour that comes from the map; the rest is the picture in grey.
const STRENGTH: f64 = 0.6;

/// The colour of a value from 0 (dark violet) to 1 (yellow).
pub fn colour(value: f64) -> [u8; 3] {
    let place = value.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let part = place - below as f64;
    std::array::from_fn(|channel| {
        let [low, high] = [VIRIDIS[below], VIRIDIS[below + 1]].map(|colour| f64::from(colour[channel]));
        (low + part * (high - low)).round() as u8
    })
}

/// A map of `[rows, columns]` equal parts of a picture over the picture in grey: the smallest value of the map dark, the
/// largest bright. Without differences everything is of the middle.
///
/// # Panics
/// `map` has not as many values as the grid.
pub fn overlay(picture: &Image, map: &[f64], [rows, columns]: [usize; 2]) -> Image {
    assert_eq!(map.len(), rows * columns, "there must be one value per part of the grid");
    let (low, high) = range(map);
    let part = |value: f64| if high - low > 1e-9 * high.abs() { (value - low) / (high - low) } else { 0.5 };
    let (width, height) = picture.size();
    let mut image = picture.clone();
    for y in 0..height {
        for x in 0..width {
            // Luma as of ITU-R BT.601.
            let [red, green, blue] = picture.pixel(x, y).map(f64::from);
            let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
            let heat = colour(part(map[y * rows / height * columns + x * columns / width]));
            let mixed = heat.map(|heat| (STRENGTH * f64::from(heat) + (1.0 - STRENGTH) * grey).round() as u8);
            image.set_pixel(x, y, mixed);
        }
    }
    image
}

/// The smallest and the largest value.
pub(super) fn range(map: &[f64]) -> (f64, f64) {
    map.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lightness([red, green, blue]: [u8; 3]) -> f64 {
        0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
    }

    #[test]
    fn larger_values_are_lighter() {
        let all: Vec<f64> = (0..=100).map(|step| lightness(colour(f64::from(step) / 100.0))).collect();
        assert!(all.windows(2).all(|pair| pair[1] > pair[0]));
        assert_eq!((colour(-1.0), colour(2.0)), (VIRIDIS[0], VIRIDIS[9]));
    }

    #[test]
    fn each_value_lies_over_its_part_of_the_picture() {
        let grey = Image::filled(6, 4, [100; 3]);
        let image = overlay(&grey, &[0.1, 0.1, 0.3, 0.1, 0.1, 0.1], [2, 3]);
        let mixed = |value: f64| colour(value).map(|heat| (0.6 * f64::from(heat) + 40.0).round() as u8);
        for (x, y) in (0..6).flat_map(|x| (0..4).map(move |y| (x, y))) {
            let value = if x >= 4 && y < 2 { 1.0 } else { 0.0 };
            assert_eq!(image.pixel(x, y), mixed(value), "({x}, {y})");
        }
        assert_eq!(overlay(&grey, &[0.25; 4], [2, 2]).pixel(3, 3), mixed(0.5));
    }
}
