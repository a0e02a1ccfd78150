//! Task `cifar10`: the class of an image, read as a sequence of 1,024 pixels.
//!
//! Inputs `[length, 3]`, row by row, one target `[1, 10]`. The loss is the cross entropy `-sum_k q_k log p_k` of the softmax
//! p with the labels q, of which the share `label_smoothing` is spread evenly over all classes. Training samples are
//! augmented anew in each epoch.
//!
//! ```
//! use lookback_benchmarks::{Task, TaskConfig, tasks::cifar10::CifarConfig};
//! use lookback_datasets::DataFolder;
//!
//! let task = CifarConfig::default().build(&DataFolder::default())?;
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
use lookback_registry::{Error, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::classification::{Classification, ImageClasses};
use crate::tasks::metrics::cross_entropy;
use crate::tasks::{AttentionProbes, Metrics, Objective, Probes, Task, TaskConfig, TaskInfo};

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
    /// The share of each label that is spread evenly over all classes in the training loss.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub label_smoothing: f64,
    /// Training images, the first of the split.
    #[schemars(range(min = 1, max = TRAIN_IMAGES))]
    pub train_samples: usize,
    /// Test images, the first of the split.
    #[schemars(range(min = 1, max = TEST_IMAGES))]
    pub valid_samples: usize,
    /// Test images, the first of the split, whose attention scores are decomposed into singular values once a model has
    /// learnt the task; 0 for none.
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
    /// Pixels along a side of the square that models see.
    fn side(&self) -> usize {
        self.augment.canvas.or(self.augment.resize).unwrap_or(Cifar10::SIDE)
    }
}

impl TaskConfig for CifarConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "cifar10",
        summary: "The class of an image of CIFAR-10 from its 1024 pixels; cross entropy.",
        source: "Krizhevsky, \"Learning multiple layers of features from tiny images\", 2009, \
                 https://www.cs.toronto.edu/~kriz/cifar.html",
    };

    const DATA_SET: Option<&'static str> = Some("cifar10");
    type Task = CifarTask;

    fn validate(&self) -> Result<()> {
        check(self)?;
        self.augment.output_size((Cifar10::SIDE, Cifar10::SIDE)).map(drop)
    }

    fn io(&self) -> Io {
        Io::single(3, Cifar10::CLASSES.len(), self.side() * self.side())
    }

    fn build(self, data: &DataFolder) -> Result<CifarTask> {
        self.validate()?;
        let images = ImageClasses {
            classes: Cifar10::CLASSES.map(String::from).to_vec(),
            width: self.side(),
            height: self.side(),
            mean: Cifar10::MEAN,
            std: Cifar10::STD,
            picture: (Cifar10::SIDE, Cifar10::SIDE),
            evaluation: self.augment.evaluation(),
        };
        Ok(CifarTask { config: self, folder: data.clone(), images })
    }
}

/// Classification of CIFAR-10.
#[derive(Debug)]
pub struct CifarTask {
    config: CifarConfig,
    folder: DataFolder,
    images: ImageClasses,
}

impl CifarTask {
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
        self.config.io()
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

impl Objective for CifarTask {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        let smoothing = self.config.label_smoothing;
        let smooth = target * (1.0 - smoothing) + smoothing / self.images.classes.len() as f64;
        cross_entropy(prediction, smooth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_is_decomposed_only_on_request() {
        let probes = |spectra| {
            let config = CifarConfig { spectra, ..CifarConfig::default() };
            config.build(&DataFolder::default()).unwrap().probes()
        };
        assert_eq!(probes(0).attention, None);
        assert_eq!(probes(4).attention, Some(AttentionProbes { weights: 0, spectra: 4 }));
    }
}
