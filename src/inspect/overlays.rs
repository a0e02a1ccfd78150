//! Attention maps drawn over their picture, and all of them side by side.

use lookback_datasets::images::Image;
use lookback_registry::Result;

use super::heat::{colour, overlay, range};
use super::maps::AttentionMaps;
use crate::report::figures::{Anchor, Montage};

/// The least side of a picture among others, in pixels.
const SIDE: usize = 112;
/// Height of a label's line.
const LINE: usize = 16;
const GAP: usize = 14;

/// A picture with what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// What it shows.
    pub label: String,
    /// The smallest and the largest value of its map; empty for the picture itself.
    pub range: String,
    /// The picture, of the size of the original.
    pub image: Image,
}

/// All maps of one image over it.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlays {
    /// The picture itself.
    pub picture: Overlay,
    /// The rollout.
    pub rollout: Overlay,
    /// By layer and head.
    pub layers: Vec<Vec<Overlay>>,
}

impl Overlays {
    /// Draws `maps` over the picture that they are of.
    pub fn new(picture: &Image, maps: &AttentionMaps) -> Self {
        let over = |label: String, map: &[f64]| Overlay {
            label,
            range: percent(range(map)),
            image: overlay(picture, map, maps.grid),
        };
        let heads = |(layer, heads): (usize, &Vec<Vec<f64>>)| {
            let label = |head| format!("layer {}, head {}", layer + 1, head + 1);
            heads.iter().enumerate().map(|(head, map)| over(label(head), map)).collect()
        };
        Self {
            picture: Overlay { label: "image".to_owned(), range: String::new(), image: picture.clone() },
            rollout: over("rollout".to_owned(), &maps.rollout),
            layers: maps.layers.iter().enumerate().map(heads).collect(),
        }
    }

    /// Rows of pictures: at the left the image and below it the rollout, then a row per layer with a column per head.
    pub fn rows(&self) -> Vec<(Option<&Overlay>, &[Overlay])> {
        let left = [Some(&self.picture), Some(&self.rollout)];
        let at = |row: usize| (left.get(row).copied().flatten(), self.layers.get(row).map_or(&[][..], Vec::as_slice));
        (0..self.layers.len().max(left.len())).map(at).collect()
    }

    /// All of them side by side, as a PNG file.
    ///
    /// # Errors
    /// The picture is larger than memory can hold.
    pub fn png(&self, title: &str) -> Result<Vec<u8>> {
        let (width, height) = self.picture.image.size();
        let zoom = SIDE.div_ceil(width).max(1);
        let (cell_width, cell_height) = (width * zoom, height * zoom);
        let rows = self.rows();
        let columns = 1 + self.layers.iter().map(Vec::len).max().unwrap_or(0);
        // A wider gap parts the image from its maps.
        let left = |column: usize| column * (cell_width + GAP) + if column > 0 { GAP } else { 0 };
        let row_height = LINE + cell_height + LINE + GAP / 2;
        let bar = rows.len() * row_height;
        let mut montage = Montage::new(title, left(columns) - GAP, bar + 2 * LINE);
        for (row, (first, heads)) in rows.into_iter().enumerate() {
            let cells = std::iter::once(first).chain(heads.iter().map(Some)).enumerate();
            for (column, cell) in cells.filter_map(|(column, cell)| Some((column, cell?))) {
                let (x, y) = (left(column), row * row_height);
                montage.label(&cell.label, (x, y + LINE - 4), Anchor::Start);
                montage.picture(cell.image.clone(), (x, y + LINE), zoom);
                montage.label(&cell.range, (x + cell_width, y + LINE + cell_height + LINE - 4), Anchor::End);
            }
        }
        let scale = scale();
        let beside = scale.width() + 8;
        montage.picture(scale, (0, bar + LINE / 2), 1);
        montage.label("each map from its smallest value to its largest", (beside, bar + LINE + 2), Anchor::Start);
        montage.png()
    }
}

/// Two shares with as many digits as tell them apart: `1.52–1.63 %`.
fn percent((low, high): (f64, f64)) -> String {
    let (low, high) = (100.0 * low, 100.0 * high);
    let decimals = if high - low >= 0.5 { 1 } else { 2 };
    format!("{low:.decimals$}–{high:.decimals$} %")
}

/// The colours from the smallest value to the largest.
fn scale() -> Image {
    let (width, height) = (128, 10);
    let mut image = Image::filled(width, height, [0; 3]);
    for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
        image.set_pixel(x, y, colour(x as f64 / (width - 1) as f64));
    }
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookback_datasets::images::decode_picture;

    #[test]
    fn a_montage_has_a_row_per_layer_and_a_column_per_head_beside_the_image() {
        let map = vec![0.1, 0.2, 0.3, 0.25];
        let maps =
            AttentionMaps { grid: [2, 2], class_token: true, layers: vec![vec![map.clone(); 3]; 4], rollout: map };
        let overlays = Overlays::new(&Image::filled(32, 32, [9; 3]), &maps);
        assert_eq!(overlays.layers[1][2].label, "layer 2, head 3");
        assert_eq!(overlays.rollout.range, "10.0–30.0 %");
        let rows = overlays.rows();
        assert_eq!(
            rows.iter().map(|(left, heads)| (left.is_some(), heads.len())).collect::<Vec<_>>(),
            [(true, 3), (true, 3), (false, 3), (false, 3)]
        );
        let montage = decode_picture(&overlays.png("one").unwrap(), "montage").unwrap();
        // 4 columns of 128 pixels, 3 gaps and a wider one, the edges, at twice the size.
        assert_eq!(montage.width(), 2 * (4 * 128 + 4 * GAP + 24));
        let one = AttentionMaps { layers: maps.layers[..1].to_vec(), ..maps };
        assert_eq!(Overlays::new(&Image::filled(32, 32, [9; 3]), &one).rows().len(), 2);
    }
}
