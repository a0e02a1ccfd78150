//! What is done to images before a model sees them.

use lookback_registry::{Error, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::geometry::{flipped, on_canvas, shifted};
use super::mixing::erase;
use super::policy::{MOST_MAGNITUDE, MOST_OPERATIONS, Policy};
use super::{Image, MOST_PIXELS};
use crate::random::SampleRng;

/// The longest side of a square image.
const MOST_SIDE: usize = MOST_PIXELS.isqrt();

/// Transforms of images, random ones for training and those of size for every use.
///
/// Each image goes through `resize`, `crop_padding`, `flip` and `policy`, which work on 8 bits per channel, is
/// normalised, goes through `erasing`, `mixup` and `cutmix`, and is put on `canvas`.
///
/// All random choices for a sample are a pure function of (seed, epoch, index). With mixup or cutmix this holds too:
/// the partner is not another image of the batch but any of the set, drawn for the sample and transformed by random
/// choices of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AugmentConfig {
    /// Black pixels added on each side, out of which a random crop of the original size is taken: from 0 (off) to
    /// less than the shorter side.
    pub crop_padding: usize,
    /// Whether left and right are exchanged with probability 1/2.
    pub flip: bool,
    /// Random operations on each image: none, trivial-augment (one of any magnitude) or rand-augment
    /// (`rand_operations` of magnitude `rand_magnitude`).
    pub policy: Policy,
    /// Operations per image, from 1 to 14, where `policy` is rand-augment; without effect elsewhere.
    #[schemars(range(min = 1, max = MOST_OPERATIONS))]
    pub rand_operations: usize,
    /// How strong operations are, from 0 to 30, where `policy` is rand-augment; without effect elsewhere.
    #[schemars(range(max = MOST_MAGNITUDE))]
    pub rand_magnitude: usize,
    /// Probability that a rectangle of 0.02 to 0.33 of the image, 0.3 to 3.3 times as high as wide, is erased, from
    /// 0 to 1: its normalised values become 0, the mean colour.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub erasing: f64,
    /// Alpha of mixup, 0 (off) or from 0.001 to 1000: each sample is blended with another, whose weight is
    /// Beta(alpha, alpha). Where `cutmix` is on as well, each sample undergoes one of the two with probability 1/2.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub mixup: f64,
    /// Alpha of cutmix, 0 (off) or from 0.001 to 1000: in each sample a rectangle is taken from another, whose share
    /// of the image, before it is cut at the border, is Beta(alpha, alpha).
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub cutmix: f64,
    /// Side of the square that each image is resized to (bilinear, the aspect ratio is not kept), from 1 to 8192;
    /// without it all images must have one size.
    #[schemars(range(min = 1, max = MOST_SIDE))]
    pub resize: Option<usize>,
    /// Side of a square on which the image is put at a random place, from the image's longer side to 8192; the other
    /// pixels continue its border.
    #[schemars(range(min = 1, max = MOST_SIDE))]
    pub canvas: Option<usize>,
}

impl Default for AugmentConfig {
    /// Random crops out of 4 pixels of padding, and flips.
    fn default() -> Self {
        Self { crop_padding: 4, flip: true, ..Self::none() }
    }
}

impl AugmentConfig {
    /// No transforms.
    pub fn none() -> Self {
        Self {
            crop_padding: 0,
            flip: false,
            policy: Policy::None,
            rand_operations: 2,
            rand_magnitude: 9,
            erasing: 0.0,
            mixup: 0.0,
            cutmix: 0.0,
            resize: None,
            canvas: None,
        }
    }

    /// The transforms that stay in an evaluation: `resize` and `canvas`.
    pub fn evaluation(&self) -> Self {
        Self { resize: self.resize, canvas: self.canvas, ..Self::none() }
    }

    /// Checks every field, as far as the images need not be known.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        check(self)?;
        for (field, alpha) in [("mixup", self.mixup), ("cutmix", self.cutmix)] {
            if alpha > 0.0 && alpha < 0.001 {
                return Err(Error::invalid(field, alpha, "0 (off) or a number from 0.001 to 1000"));
            }
        }
        Ok(())
    }

    /// The size (width, height) that images of `size` have at the end.
    ///
    /// # Errors
    /// A field is out of range, or does not fit images of this size.
    pub fn output_size(&self, size: (usize, usize)) -> Result<(usize, usize)> {
        self.validate()?;
        let (width, height) = self.picture_size(size);
        if self.crop_padding >= width.min(height) {
            let valid = format!("less than the shorter side of images of {width} x {height} pixels");
            return Err(Error::invalid("crop_padding", self.crop_padding, valid));
        }
        match self.canvas {
            Some(side) if side < width.max(height) => {
                let valid = format!("from {} to {MOST_SIDE} for images of {width} x {height}", width.max(height));
                Err(Error::invalid("canvas", side, valid))
            }
            Some(side) => Ok((side, side)),
            None => Ok((width, height)),
        }
    }

    /// The size (width, height) that images of `size` have before they are put on the canvas.
    pub(super) fn picture_size(&self, size: (usize, usize)) -> (usize, usize) {
        self.resize.map_or(size, |side| (side, side))
    }

    /// The transforms of an image that come before its normalisation.
    pub(super) fn transformed(&self, image: Image, rng: &mut SampleRng) -> Image {
        let mut image = self.resized(image);
        if self.crop_padding > 0 {
            let mut shift = || self.crop_padding as isize - rng.below(2 * self.crop_padding + 1) as isize;
            image = shifted(&image, shift(), shift());
        }
        if self.flip && rng.happens(0.5) {
            image = flipped(&image);
        }
        self.policy.apply(image, self.rand_operations, self.rand_magnitude, rng)
    }

    pub(super) fn resized(&self, image: Image) -> Image {
        match self.resize {
            Some(side) if image.size() != (side, side) => image.resized(side, side),
            _ => image,
        }
    }

    /// Erases part of normalised values, `[height, width, 3]`.
    pub(super) fn erase(&self, values: &mut [f32], size: (usize, usize), rng: &mut SampleRng) {
        if self.erasing > 0.0 && rng.happens(self.erasing) {
            erase(values, size, rng);
        }
    }

    /// Puts values of images of `size`, `[height, width, 3]`, on the canvas if there is one.
    pub(super) fn place(&self, values: Vec<f32>, size: (usize, usize), rng: &mut SampleRng) -> Vec<f32> {
        let Some(side) = self.canvas else { return values };
        let place = (rng.below(side - size.0 + 1), rng.below(side - size.1 + 1));
        on_canvas(&values, size, side, place)
    }
}
