//! What the tests that compare with `tests/reference/image_operations.py` share.

use sha2::{Digest, Sha256};

use super::Image;

/// The image of the script: values in 20..=220, so that no operation finds its work done.
pub(super) fn noise(width: usize, height: usize) -> Image {
    let mut state = 1_u32;
    let values = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (20 + (state >> 24) * 200 / 255) as u8
    });
    Image::new(width, height, values.take(3 * width * height).collect()).expect("3 values per pixel")
}

/// The script's hash of images one after the other.
pub(super) fn fingerprint(images: impl IntoIterator<Item = Image>) -> String {
    let mut hash = Sha256::new();
    for image in images {
        hash.update(image.pixels());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
