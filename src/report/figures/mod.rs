//! Drawing [`Figure`]s: SVG for pages and files, PNG, and PDF for papers.
//!
//! A figure is laid out once and becomes a list of shapes and texts, which is written or painted. Drawing is deterministic:
//! the same figure gives the same bytes on every machine. Fonts are embedded, so no system font is read.

mod axes;
mod clip;
mod glyphs;
mod heat;
mod layout;
mod legend;
mod markers;
mod montage;
mod palette;
mod pdf;
mod raster;
mod scale;
mod scene;
mod style;
mod svg;
mod text;

use lookback_benchmarks::experiment::figure::Figure;
use lookback_registry::Result;

use layout::PADDING;
pub(crate) use montage::{Montage, picture_png};
use palette::Role;
pub use palette::dark_css;
pub(crate) use scene::Anchor;
use scene::{Path, Scene, Type};
pub(crate) use svg::inline_svg;
pub use svg::svg;
use text::TITLE_SIZE;

/// Draws a figure as PNG at twice its size, on white.
///
/// # Errors
/// The image is larger than memory can hold.
pub fn png(figure: &Figure) -> Result<Vec<u8>> {
    raster::Pixels::of(&scene(figure, true))?.png()
}

/// Draws a figure as a PDF file of one page, which papers can include. Its text is made of outlines.
pub fn pdf(figure: &Figure) -> Vec<u8> {
    pdf::pdf(&scene(figure, true))
}

/// Draws a figure; with its title and a ground where it is to be a file of its own.
///
/// A key has the same colour, marker and dash in every figure. Points that are not numbers are left out and
/// interrupt their line. On a logarithmic axis without fixed range, bounds, intervals and minima stretch the
/// axis by at most one decade below the curves; what is lower is drawn at the lower edge.
fn scene(figure: &Figure, alone: bool) -> Scene {
    let layout = layout::layout(figure, alone);
    let mut scene = Scene { width: layout.width, height: layout.height, items: vec![] };
    if alone {
        let mut ground = Path::default();
        ground.rectangle((0.0, 0.0), (layout.width, layout.height));
        scene.fill(ground, (Role::Ground, 1.0));
    }
    for (row, line) in layout.title.iter().enumerate() {
        let y = PADDING + row as f64 * (TITLE_SIZE + 5.0) + 0.8 * TITLE_SIZE;
        let style = Type::title(TITLE_SIZE, Anchor::Middle);
        scene.text(line, (layout.width / 2.0, y), style);
    }
    layout.legend.iter().for_each(|entry| entry.draw(&mut scene));
    for place in &layout.panels {
        axes::draw(&mut scene, place, layout.axes);
    }
    scene
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
