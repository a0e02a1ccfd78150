use std::io::Cursor;
use std::path::Path;

use image::error::LimitErrorKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use lookback_registry::{Error, ErrorKind, Result};

use super::Image;
use crate::files;

/// The longest side, in pixels: 8192 x 8192 are [`MOST_PIXELS`](super::MOST_PIXELS).
const MOST_SIDE: u32 = 8192;
/// The most bytes of a file, and of the pixels in it before they become RGB of 8 bits (4 of each at the full size).
const MOST_BYTES: u64 = 256 << 20;

/// Reads a PNG or JPEG picture, as [`decode_picture`] does.
///
/// # Errors
/// As [`decode_picture`], or there is no such file, or it is empty or has more than 256 MiB; the message names it.
pub fn read_picture(path: &Path) -> Result<Image> {
    decode_picture(&files::read_sized(path, "a picture", 1..=MOST_BYTES)?, path)
}

/// Decodes a PNG or JPEG picture, which the bytes, not the name, tell apart. `name` names it in errors.
///
/// Grey becomes R = G = B, 16 bits become 8, what is transparent shows white behind it, and the orientation that a
/// camera noted is applied. Colour profiles are not. At most 768 MiB of memory are taken on the way.
///
/// # Errors
/// The bytes are no such picture, are damaged, or are more than is read: sides of 8192 pixels, 256 MiB of pixels
/// before they become RGB of 8 bits.
pub fn decode_picture(bytes: &[u8], name: impl AsRef<Path>) -> Result<Image> {
    let name = name.as_ref();
    let damaged = |error| cannot_decode(name, error);
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| damaged(error.into()))?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err(files::corrupt(name, "is neither a PNG nor a JPEG picture"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    // The decoders' limits count what they take for themselves, not what they are given to fill.
    if decoder.total_bytes() > MOST_BYTES {
        return Err(too_much_memory(name));
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Image::new(picture.width() as usize, picture.height() as usize, over_white(picture))
}

/// The values `[height, width, 3]`, on a white ground.
fn over_white(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into_raw();
    }
    let picture = picture.into_rgba8();
    let mut values = Vec::with_capacity(picture.len() / 4 * 3);
    for image::Rgba([red, green, blue, alpha]) in picture.pixels() {
        let (opaque, clear) = (u32::from(*alpha), 255 - u32::from(*alpha));
        values.extend([red, green, blue].map(|value| ((u32::from(*value) * opaque + 255 * clear + 127) / 255) as u8));
    }
    values
}

fn cannot_decode(name: &Path, error: ImageError) -> Error {
    match error {
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::DimensionError => {
            let fault = format!("has a side of more than {MOST_SIDE} pixels, the most of a picture that is read");
            files::about(ErrorKind::Unsupported, name, fault)
        }
        ImageError::Limits(_) => too_much_memory(name),
        error => {
            let name = name.display();
            Error::caused(ErrorKind::Corrupt, format!("`{name}` cannot be decoded"), error).at(name)
        }
    }
}

fn too_much_memory(name: &Path) -> Error {
    let fault = "needs more than 256 MiB to be decoded, the most that a picture gets";
    files::about(ErrorKind::Unsupported, name, fault)
}
