//! CIFAR-10: pictures of 32 x 32 pixels in ten classes, 50,000 to train on and 10,000 to test on.
//!
//! Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
//! <https://www.cs.toronto.edu/~kriz/cifar.html>.

pub(crate) mod batches;
mod pictures;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn_dataset::Dataset;
use lookback_registry::{Error, ErrorKind, Result};

use super::LabelledImage;
use crate::DataFolder;

/// The folders that CIFAR-10 is looked for in: the binary version as its archive has it, or pictures.
const FOLDERS: [&str; 3] = [batches::FOLDER, "cifar-10-png", "cifar-10"];

/// The most images of a split, those of the official training split.
const MOST_IMAGES: usize = 50_000;

/// A part of CIFAR-10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cifar10Split {
    /// 50,000 images, 5,000 of each class.
    Train,
    /// 10,000 images, 1,000 of each class.
    Test,
}

impl Cifar10Split {
    /// `train` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// A split of CIFAR-10 in memory (3 KB an image; clones share it). Labels count through [`Self::CLASSES`].
///
/// Two layouts are read:
/// - the binary version, `cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin`
///   ([`decode_cifar10_batch`](super::decode_cifar10_batch)), in the order of its records; every file may have fewer
///   than its 10,000;
/// - pictures, `cifar-10-png/{train,test}/CLASS/*.png` of 32 x 32 pixels (the folder may also be named `cifar-10`),
///   ordered by class and then by name.
#[derive(Debug, Clone)]
pub struct Cifar10 {
    folder: PathBuf,
    images: Arc<[LabelledImage]>,
}

impl Cifar10 {
    /// The classes, by label.
    pub const CLASSES: [&str; 10] =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    /// Mean of the training images per channel (R, G, B), where values lie in `[0, 1]`.
    pub const MEAN: [f32; 3] = [0.4914, 0.4822, 0.4465];
    /// Standard deviation of the training images per channel (R, G, B), where values lie in `[0, 1]`.
    pub const STD: [f32; 3] = [0.2470, 0.2435, 0.2616];
    /// Width and height of every image.
    pub const SIDE: usize = 32;

    /// Where CIFAR-10 lies: the first folder in one of the layouts, which may also be a place of `data` itself.
    pub fn find(data: &DataFolder) -> Option<PathBuf> {
        data.find(&FOLDERS, |folder| batches::are_in(folder) || pictures::are_in(folder))
    }

    /// Reads a split from where `data` has it.
    ///
    /// # Errors
    /// It is nowhere (the message lists the places, and how to get it), or its files cannot be read, are incomplete
    /// or damaged (the message names the file, and where in it).
    pub fn open(data: &DataFolder, split: Cifar10Split) -> Result<Self> {
        Self::open_folder(&Self::find(data).ok_or_else(|| missing(data))?, split)
    }

    /// Reads a split from the folder that holds the batches, or `train` and `test`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_folder(folder: &Path, split: Cifar10Split) -> Result<Self> {
        let images =
            if batches::are_in(folder) { batches::read(folder, split)? } else { pictures::read(folder, split)? };
        Ok(Self { folder: folder.to_owned(), images: images.into() })
    }

    /// The folder that it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All images of the split.
    pub fn images(&self) -> &[LabelledImage] {
        &self.images
    }
}

impl Dataset<LabelledImage> for Cifar10 {
    fn get(&self, index: usize) -> Option<LabelledImage> {
        self.images.get(index).cloned()
    }

    fn len(&self) -> usize {
        self.images.len()
    }
}

fn missing(data: &DataFolder) -> Error {
    let python = data.find(&["cifar-10-batches-py"], |folder| folder.join("batches.meta").is_file());
    let python = python.map_or_else(String::new, |folder| {
        format!(" (`{}` is the version for Python, whose pickles are not read.)", folder.display())
    });
    let message = format!(
        "There is no CIFAR-10 in {}. `lookback data fetch cifar10` downloads it; without a network, `lookback data fetch \
         cifar10 --from FILE|DIR` takes its archive cifar-10-binary.tar.gz or a folder {}, and --data DIR names where it \
         lies.{python}",
        data.description(),
        batches::FOLDER
    );
    Error::new(ErrorKind::NotFound, message)
}
