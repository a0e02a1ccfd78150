//! Colours of an image, with the values of Pillow's `ImageEnhance` and `ImageOps`.

use super::Image;
use super::geometry::same_size;

/// One table per channel.
fn mapped(image: &Image, tables: &[[u8; 256]; 3]) -> Image {
    let map = |pixel: &[u8; 3]| [0, 1, 2].map(|channel| tables[channel][usize::from(pixel[channel])]);
    same_size(image, image.pixels().as_chunks().0.iter().flat_map(map).collect())
}

/// The same table for all channels.
fn mapped_alike(image: &Image, map: impl Fn(u8) -> u8) -> Image {
    let table: [u8; 256] = std::array::from_fn(|value| map(value as u8));
    same_size(image, image.pixels().iter().map(|value| table[usize::from(*value)]).collect())
}

/// `from` at factor 0, `to` at 1, and beyond either; rounded down and within 0..=255.
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    (from + factor * (to - from)) as u8
}

/// Luma by the weights of ITU-R 601.
fn grey(pixel: &[u8; 3]) -> u8 {
    let [red, green, blue] = pixel.map(u32::from);
    ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16) as u8
}

/// Black at factor 0, the image at 1.
pub(super) fn brightness(image: &Image, factor: f32) -> Image {
    mapped_alike(image, |value| blend(0, value, factor))
}

/// The image's mean grey at factor 0, the image at 1.
pub(super) fn contrast(image: &Image, factor: f32) -> Image {
    let pixels = image.pixels().as_chunks().0;
    let sum: u64 = pixels.iter().map(|pixel| u64::from(grey(pixel))).sum();
    let mean = (sum as f64 / pixels.len() as f64 + 0.5) as u8;
    mapped_alike(image, |value| blend(mean, value, factor))
}

/// Shades of grey at factor 0, the image at 1 (torchvision's saturation).
pub(super) fn color(image: &Image, factor: f32) -> Image {
    let mix = |pixel: &[u8; 3]| {
        let grey = grey(pixel);
        pixel.map(|value| blend(grey, value, factor))
    };
    same_size(image, image.pixels().as_chunks().0.iter().flat_map(mix).collect())
}

/// Smoothed at factor 0 (weights 5/13 at the centre and 1/13 around it), the image at 1; the border stays.
pub(super) fn sharpness(image: &Image, factor: f32) -> Image {
    let (stride, source) = (3 * image.width(), image.pixels());
    let mut pixels = source.to_vec();
    for y in 1..image.height().saturating_sub(1) {
        for at in y * stride + 3..((y + 1) * stride).saturating_sub(3) {
            let three = |at: usize| u32::from(source[at - 3]) + u32::from(source[at]) + u32::from(source[at + 3]);
            let sum = three(at - stride) + three(at) + three(at + stride) + 4 * u32::from(source[at]);
            pixels[at] = blend(((2 * sum + 13) / 26) as u8, source[at], factor);
        }
    }
    same_size(image, pixels)
}

/// The upper `bits` of each value, 0 to 8.
pub(super) fn posterize(image: &Image, bits: u32) -> Image {
    let mask = !(0xFF_u16 >> bits) as u8;
    mapped_alike(image, |value| value & mask)
}

/// Values from `threshold` up are inverted.
pub(super) fn solarize(image: &Image, threshold: f64) -> Image {
    mapped_alike(image, |value| if f64::from(value) < threshold { value } else { 255 - value })
}

/// Per channel, how many pixels have each value.
fn histograms(image: &Image) -> [[usize; 256]; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in image.pixels().as_chunks::<3>().0 {
        for (counts, value) in counts.iter_mut().zip(pixel) {
            counts[usize::from(*value)] += 1;
        }
    }
    counts
}

fn identity() -> [u8; 256] {
    std::array::from_fn(|value| value as u8)
}

/// Per channel, stretched linearly so that the least value becomes 0 and the greatest 255.
pub(super) fn autocontrast(image: &Image) -> Image {
    let stretch = |counts: [usize; 256]| {
        let used = |count: &usize| *count > 0;
        let least = counts.iter().position(used).unwrap_or(0);
        let greatest = counts.iter().rposition(used).unwrap_or(0);
        if greatest <= least {
            return identity();
        }
        let scale = 255.0 / (greatest - least) as f64;
        let offset = -(least as f64) * scale;
        std::array::from_fn(|value| (value as f64 * scale + offset) as u8)
    };
    mapped(image, &histograms(image).map(stretch))
}

/// Per channel, mapped by the distribution of its values, so that all become about equally frequent.
pub(super) fn equalize(image: &Image) -> Image {
    let flatten = |counts: [usize; 256]| {
        let last = counts.iter().rfind(|count| **count > 0).copied().unwrap_or(0);
        let step = (counts.iter().sum::<usize>() - last) / 255;
        if step == 0 {
            return identity();
        }
        let mut below = step / 2;
        counts.map(|count| {
            let value = (below / step).min(255) as u8;
            below += count;
            value
        })
    };
    mapped(image, &histograms(image).map(flatten))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[u8]) -> Image {
        Image::new(values.len(), 1, values.iter().flat_map(|value| [*value; 3]).collect()).unwrap()
    }

    fn values(image: &Image) -> Vec<u8> {
        image.pixels().iter().step_by(3).copied().collect()
    }

    #[test]
    fn bits_and_thresholds() {
        assert_eq!(values(&posterize(&line(&[0, 63, 64, 127, 200, 255]), 2)), [0, 0, 64, 64, 192, 192]);
        assert_eq!(values(&posterize(&line(&[1, 200]), 8)), [1, 200]);
        assert_eq!(values(&posterize(&line(&[1, 200]), 0)), [0, 0]);
        assert_eq!(values(&solarize(&line(&[0, 99, 100, 200, 255]), 100.0)), [0, 99, 155, 55, 0]);
        assert_eq!(values(&solarize(&line(&[0, 254, 255]), 255.0)), [0, 254, 0]);
    }

    #[test]
    fn enhancements_go_from_their_degenerate_image_to_beyond() {
        let image = line(&[0, 101, 255]);
        assert_eq!(values(&brightness(&image, 0.5)), [0, 50, 127]);
        assert_eq!(values(&brightness(&image, 1.9)), [0, 191, 255]);
        // The mean is 118.67, rounded to 119: 59.5, 110, 187 halfway.
        assert_eq!(values(&contrast(&image, 0.5)), [59, 110, 187]);
        // Luma 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2.
        let pixel = Image::filled(1, 1, [200, 100, 50]);
        assert_eq!(color(&pixel, 0.0).pixels(), [124; 3]);
        assert_eq!(color(&pixel, 1.5).pixels(), [238, 88, 13]);
        // One bright pixel in the middle: 5 * 130 / 13 = 50 there, and every other pixel is border.
        let mut dot = Image::filled(3, 3, [0; 3]);
        dot.set_pixel(1, 1, [130; 3]);
        assert_eq!(sharpness(&dot, 0.0).pixel(1, 1), [50; 3]);
        assert_eq!(sharpness(&dot, 1.5).pixel(1, 1), [170; 3]);
        assert_eq!(sharpness(&dot, 0.0).pixel(0, 0), [0; 3]);
        assert_eq!(sharpness(&image, 0.0), image);
    }

    #[test]
    fn autocontrast_stretches_each_channel() {
        let image = Image::new(3, 1, vec![50, 0, 7, 75, 10, 7, 101, 255, 7]).unwrap();
        assert_eq!(autocontrast(&image).pixels(), [0, 0, 7, 125, 10, 7, 255, 255, 7]);
    }

    /// By hand: 510 pixels of value 10, 255 of 20 and 100 of 30 give steps of 765 / 255 = 3, so that values become
    /// 1 / 3, 511 / 3 and 766 / 3, rounded down.
    #[test]
    fn equalize_follows_the_distribution() {
        let image = line(&[vec![10; 510], vec![20; 255], vec![30; 100]].concat());
        let flat = values(&equalize(&image));
        assert_eq!([flat[0], flat[510], flat[765]], [0, 170, 255]);
        // Fewer than 255 pixels below the last value: nothing to equalise by.
        let few = line(&[1, 2, 3]);
        assert_eq!(equalize(&few), few);
    }
}
