//! Small pictures with labels side by side, as PNG.

use lookback_datasets::images::Image;
use lookback_registry::Result;

use super::palette::Role;
use super::raster::{Pixels, SCALE};
use super::scene::{Anchor, Scene, Type};
use super::text::TITLE_SIZE;
use super::text::wrap;

/// Free space at the edges, in pixels.
const PADDING: usize = 12;
const LABEL_SIZE: f64 = 11.5;

/// Pictures and labels on white, below a title; places are in pixels below the title and inside the edges.
pub(crate) struct Montage {
    /// With the title and the labels.
    scene: Scene,
    /// The height of the title and the space above and below it.
    top: usize,
    pictures: Vec<(Image, (usize, usize), usize)>,
}

impl Montage {
    /// An empty one with room for `width` x `height` pixels below its title.
    pub fn new(title: &str, width: usize, height: usize) -> Self {
        let title = wrap(title, TITLE_SIZE, width as f64);
        let line = TITLE_SIZE as usize + 5;
        let top = PADDING + title.len() * line + 6;
        let (width, height) = (width + 2 * PADDING, height + top + PADDING);
        let mut scene = Scene { width: width as f64, height: height as f64, items: vec![] };
        for (row, text) in title.iter().enumerate() {
            let at = (PADDING as f64, (PADDING + row * line) as f64 + TITLE_SIZE);
            scene.text(text, at, Type::title(TITLE_SIZE, Anchor::Start));
        }
        Self { scene, top, pictures: vec![] }
    }

    /// Adds a text whose baseline starts or ends at a place.
    pub fn label(&mut self, text: &str, (x, y): (usize, usize), anchor: Anchor) {
        let at = ((x + PADDING) as f64, (y + self.top) as f64);
        self.scene.text(text, at, Type::new(LABEL_SIZE, Role::Text, anchor));
    }

    /// Adds a picture with its left upper corner at a place, every pixel of it drawn as `zoom` x `zoom`.
    pub fn picture(&mut self, picture: Image, (x, y): (usize, usize), zoom: usize) {
        self.pictures.push((picture, (x + PADDING, y + self.top), zoom));
    }

    /// The PNG file, at twice its size. What lies outside of it is cut off.
    ///
    /// # Errors
    /// It is larger than memory can hold.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut pixels = Pixels::of(&self.scene)?;
        for (picture, (x, y), zoom) in &self.pictures {
            pixels.place(picture, (x * SCALE, y * SCALE), zoom * SCALE);
        }
        pixels.png()
    }
}

/// A picture as a PNG file of its own size.
///
/// # Errors
/// It is larger than memory can hold.
pub(crate) fn picture_png(picture: &Image) -> Result<Vec<u8>> {
    let mut pixels = Pixels::new(picture.width(), picture.height())?;
    pixels.place(picture, (0, 0), 1);
    pixels.png()
}

#[cfg(test)]
mod tests {
    use lookback_datasets::images::decode_picture;

    use super::*;

    fn checks() -> Image {
        Image::new(2, 1, vec![255, 0, 0, 0, 0, 255]).unwrap()
    }

    #[test]
    fn pictures_survive_as_they_are() {
        assert_eq!(decode_picture(&picture_png(&checks()).unwrap(), "picture").unwrap(), checks());
    }

    #[test]
    fn pixels_become_blocks_at_their_place_below_the_title() {
        let mut montage = Montage::new("", 30, 20);
        let drawn = |montage: &Montage| decode_picture(&montage.png().unwrap(), "montage").unwrap();
        let empty = drawn(&montage);
        montage.picture(checks(), (10, 5), 3);
        let filled = drawn(&montage);
        let (left, top) = (2 * (10 + PADDING), 2 * (5 + 18));
        assert_eq!(empty.size(), (2 * 54, 2 * (20 + 18 + PADDING)));
        for (x, y) in (0..empty.width()).flat_map(|x| (0..empty.height()).map(move |y| (x, y))) {
            let inside = (left..left + 12).contains(&x) && (top..top + 6).contains(&y);
            let colour = [[255, 0, 0], [0, 0, 255]][usize::from(x >= left + 6)];
            assert_eq!(filled.pixel(x, y), if inside { colour } else { [255; 3] }, "({x}, {y})");
        }
        // Beyond the edge: cut off.
        montage.picture(checks(), (40, 30), 30);
        assert_eq!(drawn(&montage).size(), empty.size());
    }

    #[test]
    fn titles_and_labels_are_drawn() {
        let mut montage = Montage::new("a title", 60, 20);
        let titled = montage.png().unwrap();
        assert_ne!(titled, Montage::new("", 60, 20).png().unwrap());
        montage.label("layer", (0, 15), Anchor::Start);
        assert_ne!(montage.png().unwrap(), titled);
    }
}
