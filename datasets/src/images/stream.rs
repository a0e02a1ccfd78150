//! Datasets of images as a model reads them.

use std::sync::Arc;

use burn_dataset::Dataset;
use lookback_registry::{Error, ErrorKind, Result};

use super::mixing::Mixing;
use super::{AugmentConfig, Image, LabelledImage};
use crate::order::PerEpoch;
use crate::random::{Key, SampleRng};
use crate::{Sample, permutation};

/// A set of images with their classes, shared.
pub type Images = Arc<dyn Dataset<LabelledImage>>;

/// The values of an image over 255, minus `mean` and over `std` of their channel: `[height, width, 3]`, row-major.
pub fn normalised(image: &Image, mean: [f32; 3], std: [f32; 3]) -> Vec<f32> {
    Normaliser::new(mean, std).apply(image)
}

/// [`normalised`] by table.
struct Normaliser([[f32; 256]; 3]);

impl Normaliser {
    fn new(mean: [f32; 3], std: [f32; 3]) -> Self {
        Self([0, 1, 2].map(|channel| std::array::from_fn(|v| (v as f32 / 255.0 - mean[channel]) / std[channel])))
    }

    fn apply(&self, image: &Image) -> Vec<f32> {
        let value = |pixel: &[u8; 3]| [0, 1, 2].map(|channel| self.0[channel][usize::from(pixel[channel])]);
        image.pixels().as_chunks().0.iter().flat_map(value).collect()
    }
}

/// Images of one set, checked to be what the transforms and the labels need.
struct Source {
    images: Images,
    count: usize,
    config: AugmentConfig,
    normaliser: Normaliser,
    classes: usize,
    /// (width, height) before the canvas.
    picture: (usize, usize),
    /// (width, height) of the samples.
    output: (usize, usize),
}

impl Source {
    fn new(images: Images, config: AugmentConfig, mean: [f32; 3], std: [f32; 3], classes: usize) -> Result<Self> {
        for (channel, (mean, std)) in mean.into_iter().zip(std).enumerate() {
            if !mean.is_finite() {
                return Err(Error::invalid(&format!("mean[{channel}]"), mean, "a finite number"));
            }
            if !(std.is_finite() && std > 0.0) {
                return Err(Error::invalid(&format!("std[{channel}]"), std, "a finite number greater than 0"));
            }
        }
        let count = images.len();
        if count == 0 {
            return Err(Error::new(ErrorKind::InvalidValue, "The set of images is empty; at least 1 is needed."));
        }
        let unfit =
            |index: usize, message: String| Error::new(ErrorKind::Mismatch, message).at(format_args!("image {index}"));
        let read = |index| {
            images.get(index).ok_or_else(|| unfit(index, format!("Image {index} of {count} is missing from its set.")))
        };
        let size = read(0)?.image.size();
        for index in 0..count {
            let LabelledImage { image, label } = read(index)?;
            if label >= classes {
                let message = format!(
                    "Image {index} has the label {label}, but with {classes} classes labels must be below {classes}."
                );
                return Err(unfit(index, message));
            }
            if config.resize.is_none() && image.size() != size {
                let ((width, height), (first_width, first_height)) = (image.size(), size);
                let message = format!(
                    "Image {index} has {width} x {height} pixels and image 0 has {first_width} x {first_height}, but without \
                     `resize` all images must have one size."
                );
                return Err(unfit(index, message));
            }
        }
        let output = config.output_size(size)?;
        let picture = config.picture_size(size);
        Ok(Self { images, count, normaliser: Normaliser::new(mean, std), classes, picture, output, config })
    }

    /// Values and label of image `index` after `transform`.
    fn values(&self, index: usize, transform: impl FnOnce(Image) -> Image) -> Option<(Vec<f32>, usize)> {
        let LabelledImage { image, label } = self.images.get(index)?;
        let image = transform(image);
        // A set that changed since it was checked has no such image.
        let holds = image.size() == self.picture && label < self.classes;
        holds.then(|| (self.normaliser.apply(&image), label))
    }

    /// All transforms of one image but mixing and canvas.
    fn augmented(&self, index: usize, rng: &mut SampleRng) -> Option<(Vec<f32>, usize)> {
        let (mut values, label) = self.values(index, |image| self.config.transformed(image, rng))?;
        self.config.erase(&mut values, self.picture, rng);
        Some((values, label))
    }

    fn certain(&self, label: usize) -> Vec<f32> {
        let mut targets = vec![0.0; self.classes];
        targets[label] = 1.0;
        targets
    }
}

/// An endless stream of augmented images for training, in epochs of all images in random order.
///
/// Position p holds image `permutation(N, seed, p / N)[p % N]` of a set of N (see [`permutation`]) as a
/// [`Sample`]: inputs `[height * width, 3]`, row-major and normalised, and targets `[1, classes]`, the probabilities of
/// the classes, which sum to 1. Its length is `usize::MAX`.
///
/// A sample is a pure function of the set, the configuration, the seed and its position: the same bits on every
/// platform, in any order of requests and from any number of threads. See [`AugmentConfig`] for mixing.
pub struct ImageStream {
    source: Source,
    seed: u64,
    epochs: PerEpoch<Epoch>,
}

/// What the samples of an epoch share.
struct Epoch {
    order: Vec<usize>,
    /// Of the random choices for an image, by its index.
    key: Key,
    /// Of the random choices for the partner that an image is mixed with, by the image's index.
    partner: Key,
}

impl Epoch {
    fn new(number: usize, count: usize, seed: u64) -> Self {
        Self {
            order: permutation(count, seed, number as u64),
            key: Key::new(&format!("image augmentation, epoch {number}"), seed),
            partner: Key::new(&format!("image augmentation, partners, epoch {number}"), seed),
        }
    }
}

impl ImageStream {
    /// Streams `images`, normalised by `mean` and `std` per channel (of values in 0..=1), with labels below `classes`.
    ///
    /// All images are read once, to check them.
    ///
    /// # Errors
    /// A field of `config`, `mean` or `std` is out of range or does not fit the images; there are no images; a label is
    /// not below `classes`; or images have different sizes while `config.resize` is `None`.
    pub fn new(
        images: Images,
        config: &AugmentConfig,
        mean: [f32; 3],
        std: [f32; 3],
        classes: usize,
        seed: u64,
    ) -> Result<Self> {
        let source = Source::new(images, config.clone(), mean, std, classes)?;
        Ok(Self { source, seed, epochs: PerEpoch::default() })
    }

    /// (width, height) of the samples.
    pub fn size(&self) -> (usize, usize) {
        self.source.output
    }
}

impl Dataset<Sample> for ImageStream {
    fn get(&self, position: usize) -> Option<Sample> {
        if position >= self.len() {
            return None;
        }
        let Source { count, config, picture, .. } = &self.source;
        let number = position / count;
        let epoch = self.epochs.get(number, || Epoch::new(number, *count, self.seed));
        let index = epoch.order[position % count];
        let mut rng = SampleRng::new(epoch.key, index as u64);
        let (mut values, label) = self.source.augmented(index, &mut rng)?;
        let mut targets = self.source.certain(label);
        if let Some(mixing) = Mixing::draw(config.mixup, config.cutmix, *picture, &mut rng) {
            let mut own = SampleRng::new(epoch.partner, index as u64);
            let (partner, other) = self.source.augmented(rng.below(*count), &mut own)?;
            let share = mixing.apply(&mut values, &partner, *picture);
            targets[label] -= share;
            targets[other] += share;
        }
        Some(Sample { inputs: config.place(values, *picture, &mut rng), targets })
    }

    fn len(&self) -> usize {
        usize::MAX
    }
}

/// Images for evaluation, in the order of their set and without random augmentation.
///
/// Samples are those of [`ImageStream`] with [`AugmentConfig::evaluation`] as the configuration: images are resized and
/// put on the canvas, at a place that is a pure function of the image's index.
pub struct ImageSet {
    source: Source,
    key: Key,
}

impl ImageSet {
    /// The evaluation set of `images`, whose arguments and errors are those of [`ImageStream::new`].
    ///
    /// # Errors
    /// Those of [`ImageStream::new`].
    pub fn new(images: Images, config: &AugmentConfig, mean: [f32; 3], std: [f32; 3], classes: usize) -> Result<Self> {
        let source = Source::new(images, config.evaluation(), mean, std, classes)?;
        Ok(Self { source, key: Key::new("image evaluation", 0) })
    }

    /// (width, height) of the samples.
    pub fn size(&self) -> (usize, usize) {
        self.source.output
    }
}

impl Dataset<Sample> for ImageSet {
    fn get(&self, index: usize) -> Option<Sample> {
        let Source { config, picture, .. } = &self.source;
        let (values, label) = self.source.values(index, |image| config.resized(image))?;
        let mut rng = SampleRng::new(self.key, index as u64);
        Some(Sample { inputs: config.place(values, *picture, &mut rng), targets: self.source.certain(label) })
    }

    fn len(&self) -> usize {
        self.source.count
    }
}
