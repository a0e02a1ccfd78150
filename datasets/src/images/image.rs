use lookback_registry::{Error, ErrorKind, Result};

/// The most pixels of an image, 2^26 (8192 x 8192).
pub const MOST_PIXELS: usize = 1 << 26;

/// An RGB image of 8 bits per channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// An image from its values, `[height, width, 3]`, row-major.
    ///
    /// # Errors
    /// A side is 0, there are more than [`MOST_PIXELS`] pixels, or `pixels` has another number of values.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self> {
        let count = width.checked_mul(height).filter(|count| (1..=MOST_PIXELS).contains(count));
        if count.is_some_and(|count| pixels.len() == 3 * count) {
            return Ok(Self { width, height, pixels });
        }
        let message = format!(
            "An image of {width} x {height} pixels cannot be made of {} values: 3 per pixel, and 1 to {MOST_PIXELS} pixels, are \
             needed.",
            pixels.len()
        );
        Err(Error::new(ErrorKind::InvalidValue, message))
    }

    /// An image of one colour.
    ///
    /// # Panics
    /// A side is 0, or there are more than [`MOST_PIXELS`] pixels.
    pub fn filled(width: usize, height: usize, colour: [u8; 3]) -> Self {
        Self::new(width, height, colour.repeat(width * height)).expect("sides within bounds")
    }

    /// Pixels per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All values, `[height, width, 3]`, row-major.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The colour at column `x` of row `y`.
    ///
    /// # Panics
    /// Outside of the image.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "({x}, {y}) is outside of {} x {}", self.width, self.height);
        let at = 3 * (y * self.width + x);
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// Sets the colour at column `x` of row `y`.
    ///
    /// # Panics
    /// Outside of the image.
    pub fn set_pixel(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        assert!(x < self.width && y < self.height, "({x}, {y}) is outside of {} x {}", self.width, self.height);
        let at = 3 * (y * self.width + x);
        self.pixels[at..at + 3].copy_from_slice(&colour);
    }
}

/// An image with its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledImage {
    /// The picture.
    pub image: Image,
    /// The class, from 0.
    pub label: usize,
}
