//! Small pictures with labels on one sheet, as PNG.

use std::fmt::Write as _;

use lookback_datasets::images::Image;
use lookback_registry::{Error, ErrorKind, Result};
use resvg::tiny_skia::{ColorU8, Pixmap};

use super::layout::{self, TITLE_SIZE};
use super::png::{self, SCALE};
use super::text::{FAMILY, escape};

/// Free space at the edges of a sheet, in pixels.
const PADDING: usize = 12;

/// What of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Its start.
    Start,
    /// Its end.
    End,
}

/// A line of text.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// What it says.
    pub text: String,
    /// Where it stands, in pixels below the title and inside the edges: the baseline of its start or end.
    pub at: (usize, usize),
    /// What of it stands there.
    pub anchor: Anchor,
    /// The height of its letters, in pixels.
    pub size: f64,
}

/// Pictures and labels on white, below a title; places are in pixels below the title and inside the edges.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    title: String,
    width: usize,
    height: usize,
    labels: Vec<Label>,
    pictures: Vec<(Image, (usize, usize), usize)>,
}

impl Sheet {
    /// An empty sheet with room for `width` x `height` pixels below its title.
    pub fn new(title: &str, width: usize, height: usize) -> Self {
        Self { title: title.to_owned(), width, height, labels: Vec::new(), pictures: Vec::new() }
    }

    /// Adds a text.
    pub fn label(&mut self, label: Label) {
        self.labels.push(label);
    }

    /// Adds a picture with its left upper corner at a place, every pixel of it drawn as `zoom` x `zoom`.
    pub fn picture(&mut self, picture: Image, at: (usize, usize), zoom: usize) {
        self.pictures.push((picture, at, zoom));
    }

    /// The sheet as a PNG file at twice its size. What lies outside of it is cut off.
    ///
    /// # Errors
    /// The sheet is larger than memory can hold.
    pub fn png(&self) -> Result<Vec<u8>> {
        let title = layout::wrap(&self.title, TITLE_SIZE, self.width as f64);
        let line = TITLE_SIZE as usize + 5;
        let top = PADDING + title.len() * line + 6;
        let (width, height) = (self.width + 2 * PADDING, self.height + top + PADDING);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\
             <g font-family=\"{FAMILY}\" fill=\"#1b1d22\">"
        );
        for (row, text) in title.iter().enumerate() {
            let y = PADDING + row * line + TITLE_SIZE as usize;
            let text = escape(text);
            let _ = write!(svg, "<text x=\"{PADDING}\" y=\"{y}\" font-size=\"{TITLE_SIZE}\">{text}</text>");
        }
        for Label { text, at: (x, y), anchor, size } in &self.labels {
            let anchor = if *anchor == Anchor::Start { "start" } else { "end" };
            let (x, y, text) = (x + PADDING, y + top, escape(text));
            let _ =
                write!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" text-anchor=\"{anchor}\">{text}</text>");
        }
        svg.push_str("</g></svg>");
        let mut pixmap = png::render(&svg)?;
        let scale = usize::from(SCALE);
        for (picture, (x, y), zoom) in &self.pictures {
            paint(&mut pixmap, picture, ((x + PADDING) * scale, (y + top) * scale), zoom * scale);
        }
        png::encode(&pixmap)
    }
}

/// Draws `picture` with blocks of `zoom` x `zoom` pixels.
fn paint(pixmap: &mut Pixmap, picture: &Image, (left, top): (usize, usize), zoom: usize) {
    let (width, height) = (pixmap.width() as usize, pixmap.height() as usize);
    let pixels = pixmap.pixels_mut();
    for y in top..(top + picture.height() * zoom).min(height) {
        for x in left..(left + picture.width() * zoom).min(width) {
            let [red, green, blue] = picture.pixel((x - left) / zoom, (y - top) / zoom);
            pixels[y * width + x] = ColorU8::from_rgba(red, green, blue, 255).premultiply();
        }
    }
}

/// A picture as a PNG file of its own size.
///
/// # Errors
/// It is larger than memory can hold.
pub(crate) fn picture_png(picture: &Image) -> Result<Vec<u8>> {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    let mut pixmap = Pixmap::new(side(picture.width()), side(picture.height())).ok_or_else(|| {
        Error::new(
            ErrorKind::Failed,
            format!("A picture of {} x {} pixels is too large to be drawn.", picture.width(), picture.height()),
        )
    })?;
    paint(&mut pixmap, picture, (0, 0), 1);
    png::encode(&pixmap)
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
        let mut sheet = Sheet::new("", 30, 20);
        sheet.picture(checks(), (10, 5), 3);
        let drawn = decode_picture(&sheet.png().unwrap(), "sheet").unwrap();
        assert_eq!((drawn.width(), drawn.height()), (2 * 54, 2 * (20 + 18 + PADDING)));
        let (left, top) = (2 * (10 + PADDING), 2 * (5 + 18));
        for (x, y, colour) in [(0, 0, [255, 0, 0]), (5, 5, [255, 0, 0]), (6, 0, [0, 0, 255]), (11, 5, [0, 0, 255])] {
            assert_eq!(drawn.pixel(left + x, top + y), colour, "({x}, {y})");
        }
        for (x, y) in [(left - 1, top), (left, top - 1), (left + 12, top), (left, top + 6)] {
            assert_eq!(drawn.pixel(x, y), [255; 3], "({x}, {y})");
        }
        // Beyond the edge: cut off.
        sheet.picture(checks(), (40, 30), 30);
        assert_eq!(decode_picture(&sheet.png().unwrap(), "sheet").unwrap().width(), drawn.width());
    }

    #[test]
    fn titles_and_labels_are_drawn_and_escaped() {
        let mut sheet = Sheet::new("a <b> & \"c\"", 60, 20);
        let empty = sheet.png().unwrap();
        sheet.label(Label { text: "<layer>".into(), at: (0, 15), anchor: Anchor::Start, size: 11.0 });
        assert_ne!(sheet.png().unwrap(), empty);
    }
}
