//! A drawing as pixels.

use lookback_datasets::images::Image;
use lookback_registry::{Error, ErrorKind, Result};
use zeno::{Cap, Command, Fill, Join, Mask, Placement, Stroke, Vector};

use super::glyphs;
use super::scene::{Paint, Path, Scene, Segment, Shape, Spot};

/// Pixels of the image per pixel of the drawing.
pub(super) const SCALE: usize = 2;

/// An image that is being painted.
pub(super) struct Pixels {
    width: usize,
    height: usize,
    /// Red, green and blue, row by row.
    values: Vec<u8>,
}

impl Pixels {
    /// A white image.
    ///
    /// # Errors
    /// It is larger than memory can hold.
    pub fn new(width: usize, height: usize) -> Result<Self> {
        let mut values = vec![];
        let length = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
        if length.is_none_or(|length| length == 0 || values.try_reserve_exact(length).is_err()) {
            let sentence = format!("A picture of {width} x {height} pixels cannot be drawn: it is empty or too large.");
            return Err(Error::new(ErrorKind::Failed, sentence));
        }
        values.resize(length.unwrap_or_default(), 255);
        Ok(Self { width, height, values })
    }

    /// Paints a drawing on white, at [`SCALE`] times its size.
    ///
    /// # Errors
    /// It is larger than memory can hold.
    pub fn of(scene: &Scene) -> Result<Self> {
        let mut pixels = Self::new(scene.width as usize * SCALE, scene.height as usize * SCALE)?;
        for shape in glyphs::shapes(scene) {
            pixels.paint(&shape);
        }
        Ok(pixels)
    }

    fn paint(&mut self, shape: &Shape) {
        let commands = commands(&shape.path);
        if let Some(paint) = shape.fill {
            self.blend(Mask::new(&commands).style(Fill::NonZero).render(), paint);
        }
        if let Some(line) = shape.stroke {
            let dashes: Vec<f32> = line.dashes.iter().map(|length| *length as f32 * SCALE as f32).collect();
            let mut stroke = Stroke::new(line.width as f32 * SCALE as f32);
            stroke.join(Join::Round).cap(Cap::Butt).dash(&dashes, 0.0);
            self.blend(Mask::new(&commands).style(stroke).render(), line.paint);
        }
    }

    /// Paints where a mask covers, which may reach beyond the edges.
    fn blend(&mut self, (coverage, place): (Vec<u8>, Placement), (role, opacity): Paint) {
        let colour = role.rgb().map(f64::from);
        // The part of a pixel's colour by its coverage.
        let shares: [f64; 256] = std::array::from_fn(|coverage| opacity * coverage as f64 / 255.0);
        let rows = coverage.chunks_exact((place.width as usize).max(1));
        for (y, row) in (i64::from(place.top)..).zip(rows) {
            let Some(y) = usize::try_from(y).ok().filter(|y| *y < self.height) else { continue };
            for (x, coverage) in (i64::from(place.left)..).zip(row).filter(|(_, coverage)| **coverage > 0) {
                let Some(x) = usize::try_from(x).ok().filter(|x| *x < self.width) else { continue };
                let share = shares[usize::from(*coverage)];
                let pixel = &mut self.values[3 * (y * self.width + x)..][..3];
                for (value, target) in pixel.iter_mut().zip(colour) {
                    *value = (f64::from(*value) * (1.0 - share) + target * share + 0.5) as u8;
                }
            }
        }
    }

    /// Copies a picture with every pixel of it as `zoom` x `zoom`; what lies outside is cut off.
    pub fn place(&mut self, picture: &Image, (left, top): (usize, usize), zoom: usize) {
        for y in top..(top + picture.height() * zoom).min(self.height) {
            for x in left..(left + picture.width() * zoom).min(self.width) {
                let pixel = picture.pixel((x - left) / zoom, (y - top) / zoom);
                self.values[3 * (y * self.width + x)..][..3].copy_from_slice(&pixel);
            }
        }
    }

    /// The image as a PNG file.
    ///
    /// # Errors
    /// A side is longer than the format allows.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut file = vec![];
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(&mut file, side(self.width), side(self.height));
        encoder.set_color(png::ColorType::Rgb);
        // Drawings have long runs of equal pixels, which filters only disturb.
        encoder.set_filter(png::Filter::NoFilter);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.values)?;
            writer.finish()
        });
        written.map_err(|error| Error::caused(ErrorKind::Failed, "The picture cannot be written as PNG", error))?;
        Ok(file)
    }
}

/// A path as zeno has it, scaled.
fn commands(path: &Path) -> Vec<Command> {
    let scaled = |(x, y): Spot| Vector::new(x as f32 * SCALE as f32, y as f32 * SCALE as f32);
    let command = |segment: &Segment| match *segment {
        Segment::Move(to) => Command::MoveTo(scaled(to)),
        Segment::Line(to) => Command::LineTo(scaled(to)),
        Segment::Curve(first, second, to) => Command::CurveTo(scaled(first), scaled(second), scaled(to)),
        Segment::Close => Command::Close,
    };
    path.0.iter().map(command).collect()
}
