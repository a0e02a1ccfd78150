//! Text as outlines of the embedded fonts: what PNG and PDF are made of, without a font of the system.
//!
//! Ubuntu Light (Ubuntu font licence 1.0), and Hack (MIT, Bitstream Vera) for characters that it lacks. Labels of figures
//! need no shaping: letters stand side by side.

use std::borrow::Cow;
use std::sync::LazyLock;

use ttf_parser::{Face, GlyphId, OutlineBuilder};

use super::scene::{Anchor, Item, Path, Scene, Segment, Shape, Spot, Stroke, Text, Type};
use super::text::{RAISED_BY, RAISED_SIZE, runs};

/// Bold letters are thickened outlines, and as much wider: by this part of their size.
const BOLD: f64 = 0.045;

static FONTS: LazyLock<[Face<'static>; 2]> = LazyLock::new(|| {
    [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR]
        .map(|font| Face::parse(font, 0).expect("the embedded fonts are fonts"))
});

/// All shapes of a drawing, its text as outlines.
pub(super) fn shapes(scene: &Scene) -> impl Iterator<Item = Cow<'_, Shape>> {
    scene.items.iter().map(|item| match item {
        Item::Shape(shape) => Cow::Borrowed(shape),
        Item::Text(text) => {
            let paint = (text.style.role, 1.0);
            let bold = Stroke { paint, width: BOLD * text.style.size, dashes: &[] };
            Cow::Owned(Shape { path: outline(text), fill: Some(paint), stroke: text.style.bold.then_some(bold) })
        }
    })
}

/// The letters of a text at their places.
fn outline(text: &Text) -> Path {
    let Type { size, bold, anchor, .. } = text.style;
    let mut letters = vec![];
    let mut width = 0.0;
    for (run, raised) in runs(&text.text) {
        let (size, y) = if raised { (RAISED_SIZE * size, -RAISED_BY * size) } else { (size, 0.0) };
        for letter in run.chars() {
            let (font, glyph) = glyph(letter);
            let scale = size / f64::from(font.units_per_em());
            letters.push((font, glyph, scale, (width, y)));
            width += f64::from(font.glyph_hor_advance(glyph).unwrap_or_default()) * scale;
            width += if bold { BOLD * size } else { 0.0 };
        }
    }
    let start = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -0.5 * width,
        Anchor::End => -width,
    };
    let mut pen = Pen { path: Path::default(), text, scale: 1.0, at: (0.0, 0.0), last: (0.0, 0.0) };
    for (font, glyph, scale, (x, y)) in letters {
        (pen.scale, pen.at) = (scale, (start + x, y));
        font.outline_glyph(glyph, &mut pen);
    }
    pen.path
}

/// The first font that has a letter; the empty box where none has.
fn glyph(letter: char) -> (&'static Face<'static>, GlyphId) {
    let found = FONTS.iter().find_map(|font| Some((font, font.glyph_index(letter)?)));
    found.unwrap_or((&FONTS[0], GlyphId(0)))
}

/// Draws glyphs, whose y runs upwards.
struct Pen<'a> {
    path: Path,
    text: &'a Text,
    /// Pixels per unit of the font.
    scale: f64,
    /// Of the glyph, on the baseline from the text's place.
    at: Spot,
    /// The end of the last segment, in units of the font.
    last: (f32, f32),
}

impl Pen<'_> {
    fn spot(&self, (x, y): (f32, f32)) -> Spot {
        let (x, y) = (self.at.0 + f64::from(x) * self.scale, self.at.1 - f64::from(y) * self.scale);
        let (x, y) = if self.text.style.upright { (y, -x) } else { (x, y) };
        (self.text.at.0 + x, self.text.at.1 + y)
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.0.push(Segment::Move(self.spot((x, y))));
        self.last = (x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.0.push(Segment::Line(self.spot((x, y))));
        self.last = (x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        // The same curve as a cubic one.
        let towards = |(x0, y0): (f32, f32)| (x0 + (x1 - x0) * 2.0 / 3.0, y0 + (y1 - y0) * 2.0 / 3.0);
        let ((x2, y2), (x3, y3)) = (towards(self.last), towards((x, y)));
        self.curve_to(x2, y2, x3, y3, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let [first, second, end] = [(x1, y1), (x2, y2), (x, y)].map(|spot| self.spot(spot));
        self.path.0.push(Segment::Curve(first, second, end));
        self.last = (x, y);
    }

    fn close(&mut self) {
        self.path.0.push(Segment::Close);
    }
}
