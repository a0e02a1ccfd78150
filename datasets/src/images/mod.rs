//! Images with classes: CIFAR-10 and folders of pictures, augmentation, and the datasets that the learner reads.

mod augment;
pub(crate) mod cifar10;
mod colour;
mod geometry;
mod image;
mod mixing;
mod picture;
mod policy;
#[cfg(test)]
mod reference;
mod stream;

pub use self::image::{Image, LabelledImage, MOST_PIXELS};
pub use augment::AugmentConfig;
pub use cifar10::batches::decode_cifar10_batch;
pub use cifar10::{Cifar10, Cifar10Split};
pub use picture::{decode_picture, read_picture};
pub use policy::Policy;
pub use stream::{ImageSet, ImageStream, Images, normalised};
