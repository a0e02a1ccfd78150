//! A drawn figure as PNG.

use std::sync::{Arc, OnceLock};

use lookback_registry::{Error, ErrorKind, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

/// Pixels of the image per pixel of the SVG.
pub(super) const SCALE: u8 = 2;

/// Renders an SVG of [`Theme::Paper`](super::Theme::Paper) at twice its size.
///
/// Only embedded fonts are used: Ubuntu Light (Ubuntu font licence 1.0), and Hack (MIT, Bitstream Vera) for
/// characters that it lacks.
///
/// # Errors
/// The text is not SVG, or the image is larger than memory can hold.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    encode(&render(svg)?)
}

/// The pixels of an SVG, as [`png`] draws it.
pub(super) fn render(svg: &str) -> Result<Pixmap> {
    let options = Options { fontdb: fonts(), font_family: "Ubuntu".into(), ..Options::default() };
    let tree = Tree::from_str(svg, &options)
        .map_err(|error| Error::caused(ErrorKind::Failed, "The figure is not valid SVG", error))?;
    let scale = f32::from(SCALE);
    let size = tree.size().to_int_size().scale_by(scale).filter(|size| size.width() > 0 && size.height() > 0);
    let mut pixmap = size.and_then(|size| Pixmap::new(size.width(), size.height())).ok_or_else(|| {
        Error::new(ErrorKind::Failed, format!("A figure of {:?} is too large for an image.", tree.size()))
    })?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    Ok(pixmap)
}

/// Pixels as a PNG file.
pub(super) fn encode(pixmap: &Pixmap) -> Result<Vec<u8>> {
    pixmap.encode_png().map_err(|error| Error::caused(ErrorKind::Failed, "The figure cannot be encoded as PNG", error))
}

fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    Arc::clone(FONTS.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(epaint_default_fonts::UBUNTU_LIGHT)));
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(epaint_default_fonts::HACK_REGULAR)));
        fonts.set_sans_serif_family("Ubuntu");
        fonts.set_monospace_family("Hack");
        Arc::new(fonts)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::{Theme, samples, svg};
    use super::*;

    #[test]
    fn images_have_twice_the_size_and_repeat_byte_for_byte() {
        let svg = svg(&samples::figures()[0], Theme::Paper);
        let image = png(&svg).unwrap();
        let pixmap = Pixmap::decode_png(&image).unwrap();
        let width: u32 = svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        assert_eq!(pixmap.width(), 2 * width);
        assert_eq!(image, png(&svg).unwrap());
    }

    #[test]
    fn text_is_drawn_with_the_embedded_fonts() {
        let with = |text: &str| {
            let svg = format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"80\" height=\"20\">\
                 <text x=\"2\" y=\"15\" font-family=\"{}\">{text}</text></svg>",
                super::super::text::FAMILY
            );
            let pixmap = Pixmap::decode_png(&png(&svg).unwrap()).unwrap();
            pixmap.pixels().iter().filter(|pixel| pixel.alpha() > 128).count()
        };
        assert!(with("NMSE") > 100);
        // ρ is in the fonts: more than the empty box of a missing character would not tell, so compare two.
        assert!(with("ρ") > 0 && with("ρ") != with("\u{e123}"));
        assert_eq!(with(""), 0);
    }

    #[test]
    fn what_is_not_svg_is_an_error() {
        assert!(png("<svg").unwrap_err().to_string().starts_with("The figure is not valid SVG"));
    }
}
