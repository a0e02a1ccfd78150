//! What a drawing consists of, in pixels, y downwards; written as SVG or PDF, or painted.

use super::palette::Role;

/// A place.
pub(super) type Spot = (f64, f64);

/// A step along an outline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Segment {
    Move(Spot),
    Line(Spot),
    /// Two control points and the end of a cubic Bézier curve.
    Curve(Spot, Spot, Spot),
    Close,
}

/// Lines and curves, in any number of parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Path(pub Vec<Segment>);

impl Path {
    /// Straight lines from place to place.
    pub fn line(&mut self, spots: impl IntoIterator<Item = Spot>) {
        for (index, spot) in spots.into_iter().enumerate() {
            self.0.push(if index == 0 { Segment::Move(spot) } else { Segment::Line(spot) });
        }
    }

    /// A closed polygon.
    pub fn polygon(&mut self, corners: impl IntoIterator<Item = Spot>) {
        let before = self.0.len();
        self.line(corners);
        if self.0.len() > before {
            self.0.push(Segment::Close);
        }
    }

    /// A rectangle between two opposite corners.
    pub fn rectangle(&mut self, (left, top): Spot, (right, bottom): Spot) {
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)]);
    }

    /// A circle of four curves.
    pub fn circle(&mut self, (x, y): Spot, radius: f64) {
        // The control points' distance at which the error is least, 0.03 % of the radius.
        let (r, c) = (radius, radius * 0.5522847);
        self.0.extend([
            Segment::Move((x, y - r)),
            Segment::Curve((x + c, y - r), (x + r, y - c), (x + r, y)),
            Segment::Curve((x + r, y + c), (x + c, y + r), (x, y + r)),
            Segment::Curve((x - c, y + r), (x - r, y + c), (x - r, y)),
            Segment::Curve((x - r, y - c), (x - c, y - r), (x, y - r)),
            Segment::Close,
        ]);
    }
}

/// A colour and its opacity, from 0 to 1.
pub(super) type Paint = (Role, f64);

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub paint: Paint,
    pub width: f64,
    /// Lengths of dashes and gaps; empty for a solid line.
    pub dashes: &'static [f64],
}

/// A path that is filled (parts that run the same way overlap), drawn as a line, or both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub path: Path,
    pub fill: Option<Paint>,
    pub stroke: Option<Stroke>,
}

/// What of a text is at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How a text is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Type {
    /// The height of its letters.
    pub size: f64,
    pub bold: bool,
    pub role: Role,
    pub anchor: Anchor,
    /// Turned to run upwards.
    pub upright: bool,
}

impl Type {
    /// Regular text that runs to the right.
    pub const fn new(size: f64, role: Role, anchor: Anchor) -> Self {
        Self { size, bold: false, role, anchor, upright: false }
    }

    /// A title.
    pub const fn title(size: f64, anchor: Anchor) -> Self {
        Self { bold: true, ..Self::new(size, Role::Text, anchor) }
    }
}

/// A line of text with the place of its baseline. Superscript digits are raised, whatever the font has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub text: String,
    pub at: Spot,
    pub style: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Shape(Shape),
    Text(Text),
}

/// A drawing, the first item at the bottom.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub width: f64,
    pub height: f64,
    pub items: Vec<Item>,
}

impl Scene {
    /// Adds an area.
    pub fn fill(&mut self, path: Path, paint: Paint) {
        self.shape(path, Some(paint), None);
    }

    /// Adds a solid line.
    pub fn line(&mut self, path: Path, paint: Paint, width: f64) {
        self.shape(path, None, Some(Stroke { paint, width, dashes: &[] }));
    }

    /// Adds a shape; nothing where the path is empty.
    pub fn shape(&mut self, path: Path, fill: Option<Paint>, stroke: Option<Stroke>) {
        if !path.0.is_empty() {
            self.items.push(Item::Shape(Shape { path, fill, stroke }));
        }
    }

    /// All colours of it.
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.items
            .iter()
            .flat_map(|item| match item {
                Item::Shape(shape) => {
                    [shape.fill, shape.stroke.map(|stroke| stroke.paint)].map(|paint| paint.map(|(role, _)| role))
                }
                Item::Text(text) => [Some(text.style.role), None],
            })
            .flatten()
    }

    /// Adds a line of text; nothing where it is empty.
    pub fn text(&mut self, text: &str, at: Spot, style: Type) {
        if !text.is_empty() {
            self.items.push(Item::Text(Text { text: super::text::clean(text), at, style }));
        }
    }
}
