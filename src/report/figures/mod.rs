//! Drawing [`Figure`](lookback_benchmarks::experiment::figure::Figure)s: SVG for pages and papers, PNG from the SVG.
//!
//! Drawing is deterministic: the same figure gives the same bytes on every machine. Fonts are embedded, so
//! no system font is read for a PNG.

mod axes;
mod heat;
mod ink;
mod layout;
mod marks;
mod png;
mod scale;
mod sheet;
mod style;
mod svg;
mod text;

pub use ink::{Theme, css_variables};
pub use png::png;
pub(crate) use sheet::{Anchor, Label, Sheet, picture_png};
pub use svg::svg;
pub(crate) use text::escape;

#[cfg(test)]
pub(crate) mod samples;
