//! Task `cifar10`: the class of an image, read as a sequence of 1,024 pixels.
//!
//! The loss is the cross entropy `-sum_k q_k log p_k` of the softmax p with the labels q, of which the share
//! `label_smoothing` is spread evenly over all classes. Training samples are augmented anew in each epoch.
//!
//! ```
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//!
//! let task = (task::<Flex>("cifar10")?.build)(&Default::default(), &DataFolder::default())?;
//! assert_eq!((task.io().d_input, task.io().d_output, task.io().length), (3, 10, 1024));
//! assert!(task.io().single_output && task.streams());
//!
//! // Right on one of two samples, with even odds between the first two classes in the other.
//! let logits = [vec![9.0; 1], vec![0.0; 9], vec![1.0; 2], vec![-99.0; 8]].concat();
//! let mut labels = vec![0.0; 20];
//! labels[0] = 1.0;
//! labels[11] = 1.0;
//! assert_eq!(task.metrics(&logits, &labels)[0], ("error", 0.5));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use std::sync::Arc;

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use burn_dataset::transform::SelectionDataset;
use lookback_datasets::images::{AugmentConfig, Cifar10, Cifar10Split, ImageSet, ImageStream, LabelledImage};
use lookback_datasets::{DataFolder, Sample};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::classification::{Classification, ImageClasses, check_smoothing};
use crate::tasks::metrics::cross_entropy;
use crate::tasks::{AttentionProbes, Metrics, Objective, Probes, Task, TaskEntry, TaskInfo};

/// Images of the training split.
pub(crate) const TRAIN_IMAGES: usize = 50_000;
/// Images of the test split.
pub(crate) const TEST_IMAGES: usize = 10_000;

/// The parameters of task `cifar10`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CifarConfig {
    /// How training images are changed at random.
    #[serde(flatten)]
    pub augment: AugmentConfig,
    /// The share of each label that is spread evenly over all classes in the training loss, in [0, 1).
    pub label_smoothing: f64,
    /// Training images, the first so many, from 1 to 50000.
    pub train_samples: usize,
    /// Test images, the first so many, from 1 to 10000.
    pub valid_samples: usize,
    /// Test images, the first so many, whose attention scores are decomposed into singular values once a model has
    /// learnt the task.
    pub spectra: usize,
}

impl Default for CifarConfig {
    fn default() -> Self {
        Self {
            augment: AugmentConfig::default(),
            label_smoothing: 0.1,
            train_samples: TRAIN_IMAGES,
            valid_samples: TEST_IMAGES,
            spectra: 0,
        }
    }
}

impl CifarConfig {
    /// Reads and checks the parameters of task `cifar10`.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `cifar10`", params)?;
        config.augment.validate()?;
        check_smoothing(config.label_smoothing)?;
        check_images("train_samples", config.train_samples, Cifar10Split::Train)?;
        check_images("valid_samples", config.valid_samples, Cifar10Split::Test)?;
        Ok(config)
    }
}

/// All parameters, defaults filled in. `spectra`, which earlier versions did not have, stands among them only where it is
/// not 0, so that runs of those versions keep their identity.
///
/// # Errors
/// As [`CifarConfig::read`].
pub fn resolve(params: &Params) -> Result<Params> {
    let mut all = to_params(&CifarConfig::read(params)?);
    all.retain(|name, value| name != "spectra" || *value != 0);
    Ok(all)
}

/// Checks a number of images of a split.
pub(crate) fn check_images(field: &str, value: usize, split: Cifar10Split) -> Result<()> {
    let most = match split {
        Cifar10Split::Train => TRAIN_IMAGES,
        Cifar10Split::Test => TEST_IMAGES,
    };
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(field, value, format!("a whole number from 1 to {most}")))
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "cifar10",
            summary: "The class of an image of CIFAR-10 from its 1024 pixels; cross entropy.",
            source: "Krizhevsky, \"Learning multiple layers of features from tiny images\", 2009, \
                     https://www.cs.toronto.edu/~kriz/cifar.html",
        },
        fields: fields::<CifarConfig>,
        resolve,
        // The shape needs no data.
        io: |params| Ok(CifarTask::new(CifarConfig::read(params)?, DataFolder::default())?.io()),
        find_data: |_, _| Ok(()),
    }
}

/// Builds the task; the images are looked for once they are needed.
///
/// # Errors
/// As [`CifarConfig::read`] and [`CifarTask::new`].
pub fn build<B: Backend>(params: &Params, folder: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    Ok(Box::new(CifarTask::new(CifarConfig::read(params)?, folder.clone())?))
}

/// Classification of CIFAR-10.
#[derive(Debug)]
pub struct CifarTask {
    config: CifarConfig,
    folder: DataFolder,
    images: ImageClasses,
}

impl CifarTask {
    /// The task of a checked configuration; the data is looked for once it is needed.
    ///
    /// # Errors
    /// The augmentation does not fit images of 32 x 32 pixels.
    pub fn new(config: CifarConfig, folder: DataFolder) -> Result<Self> {
        let (width, height) = config.augment.output_size((Cifar10::SIDE, Cifar10::SIDE))?;
        let images = ImageClasses {
            classes: Cifar10::CLASSES.map(String::from).to_vec(),
            width,
            height,
            mean: Cifar10::MEAN,
            std: Cifar10::STD,
            picture: (Cifar10::SIDE, Cifar10::SIDE),
            evaluation: config.augment.evaluation(),
        };
        Ok(Self { config, folder, images })
    }

    /// The first images of a split.
    fn first(&self, split: Cifar10Split, field: &str, count: usize) -> Result<Arc<dyn Dataset<LabelledImage>>> {
        let all = Cifar10::open(&self.folder, split)?;
        if all.len() < count {
            let valid = format!("at most {}, the images that this copy of CIFAR-10 has", all.len());
            return Err(Error::invalid(field, count, valid));
        }
        Ok(Arc::new(SelectionDataset::from_indices_unchecked(all, (0..count).collect::<Vec<_>>())))
    }

    /// The first images of a split, without random changes; `field` names their number in errors.
    pub(crate) fn unchanged(&self, split: Cifar10Split, field: &str, count: usize) -> Result<ImageSet> {
        let ImageClasses { classes, mean, std, .. } = &self.images;
        ImageSet::new(self.first(split, field, count)?, &self.config.augment, *mean, *std, classes.len())
    }
}

impl Task for CifarTask {
    fn io(&self) -> Io {
        Io::single(3, self.images.classes.len(), self.images.width * self.images.height)
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        let images = self.first(Cifar10Split::Train, "train_samples", self.config.train_samples)?;
        let ImageClasses { classes, mean, std, .. } = &self.images;
        Ok(Box::new(ImageStream::new(images, &self.config.augment, *mean, *std, classes.len(), seed)?))
    }

    fn streams(&self) -> bool {
        true
    }

    fn epoch(&self) -> Option<usize> {
        Some(self.config.train_samples)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        Ok(Box::new(self.unchanged(Cifar10Split::Test, "valid_samples", self.config.valid_samples)?))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        Classification::of(predictions, targets, &self.images.classes).metrics()
    }

    fn probes(&self) -> Probes {
        let spectra = self.config.spectra;
        Probes { memory: false, attention: (spectra > 0).then_some(AttentionProbes { weights: 0, spectra }) }
    }

    fn images(&self) -> Option<&ImageClasses> {
        Some(&self.images)
    }
}

impl<B: Backend> Objective<B> for CifarTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        let smoothing = self.config.label_smoothing;
        let smooth = target * (1.0 - smoothing) + smoothing / self.images.classes.len() as f64;
        cross_entropy(prediction, smooth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectra_stand_in_a_spec_only_where_they_are_asked_for() {
        let plain = resolve(&Params::new()).unwrap();
        assert!(!plain.contains_key("spectra"));
        let asked = Params::from_iter([("spectra".to_owned(), 4.into())]);
        assert_eq!(resolve(&asked).unwrap()["spectra"], 4);
        assert_eq!(CifarConfig::read(&plain).unwrap(), CifarConfig::default());
        let probes =
            |params| CifarTask::new(CifarConfig::read(params).unwrap(), DataFolder::default()).unwrap().probes();
        assert_eq!(probes(&plain).attention, None);
        assert_eq!(probes(&asked).attention, Some(AttentionProbes { weights: 0, spectra: 4 }));
    }
}
