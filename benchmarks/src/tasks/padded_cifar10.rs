//! Task `padded-cifar10`: the class of an image at a random place of a larger square.
//!
//! Each image of CIFAR-10 is put once and for all at a random place of a square; the other pixels continue its border.
//! More pixels make a longer sequence that holds no more. Inputs `[side^2, 3]`, one target `[1, 10]`; cross entropy.
//!
//! ```
//! use lookback_benchmarks::{Task, TaskConfig, tasks::padded_cifar10::PaddedCifarConfig};
//! use lookback_datasets::DataFolder;
//!
//! let task = PaddedCifarConfig::default().build(&DataFolder::default())?;
//! assert_eq!((task.io().d_input, task.io().d_output, task.io().length), (3, 10, 64 * 64));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::images::{AugmentConfig, Cifar10, Cifar10Split};
use lookback_datasets::{DataFolder, Epochs, Sample};
use lookback_models::Io;
use lookback_registry::{Error, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::cifar10::{CifarConfig, CifarTask, TEST_IMAGES, TRAIN_IMAGES};
use crate::tasks::classification::ImageClasses;
use crate::tasks::{EvalSplit, Metrics, Objective, Task, TaskConfig, TaskInfo};

/// The parameters of task `padded-cifar10`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PaddedCifarConfig {
    /// Pixels along a side of the square.
    #[schemars(range(min = Cifar10::SIDE, max = 1024))]
    pub side: usize,
    /// Training images, the first of the split.
    #[schemars(range(min = 1, max = TRAIN_IMAGES))]
    pub train_samples: usize,
    /// The images that models are evaluated on: train (those of `train_samples`) or valid (the test images).
    pub eval_split: EvalSplit,
    /// How many of them, the first of the split.
    #[schemars(range(min = 1, max = TRAIN_IMAGES))]
    pub eval_samples: usize,
}

impl Default for PaddedCifarConfig {
    fn default() -> Self {
        Self { side: 64, train_samples: TRAIN_IMAGES, eval_split: EvalSplit::Valid, eval_samples: 2000 }
    }
}

impl PaddedCifarConfig {
    /// The images without any change but the square.
    fn images(&self) -> CifarConfig {
        let augment = AugmentConfig { canvas: Some(self.side), ..AugmentConfig::none() };
        CifarConfig { augment, label_smoothing: 0.0, ..CifarConfig::default() }
    }
}

impl TaskConfig for PaddedCifarConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "padded-cifar10",
        summary: "The class of an image of CIFAR-10 at a random place of a larger square; cross entropy.",
        source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                 https://arxiv.org/abs/2510.06662",
    };

    const DATA_SET: Option<&'static str> = Some("cifar10");
    type Task = PaddedCifarTask;

    fn validate(&self) -> Result<()> {
        check(self)?;
        let (of, most) = match self.eval_split {
            EvalSplit::Train => ("`train_samples`", self.train_samples),
            EvalSplit::Valid => ("the number of test images", TEST_IMAGES),
        };
        if self.eval_samples > most {
            return Err(Error::invalid("eval_samples", self.eval_samples, format!("at most {of}, {most}")));
        }
        Ok(())
    }

    fn io(&self) -> Io {
        self.images().io()
    }

    fn build(self, data: &DataFolder) -> Result<PaddedCifarTask> {
        self.validate()?;
        Ok(PaddedCifarTask { images: self.images().build(data)?, config: self })
    }
}

/// Classification of CIFAR-10 on a larger square.
#[derive(Debug)]
pub struct PaddedCifarTask {
    config: PaddedCifarConfig,
    images: CifarTask,
}

impl Task for PaddedCifarTask {
    fn io(&self) -> Io {
        self.images.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        let set = self.images.unchanged(Cifar10Split::Train, "train_samples", self.config.train_samples)?;
        Ok(Box::new(Epochs::new(set, seed)))
    }

    fn streams(&self) -> bool {
        true
    }

    fn epoch(&self) -> Option<usize> {
        Some(self.config.train_samples)
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        let split = match self.config.eval_split {
            EvalSplit::Train => Cifar10Split::Train,
            EvalSplit::Valid => Cifar10Split::Test,
        };
        Ok(Box::new(self.images.unchanged(split, "eval_samples", self.config.eval_samples)?))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        self.images.metrics(predictions, targets)
    }

    fn images(&self) -> Option<&ImageClasses> {
        self.images.images()
    }
}

impl Objective for PaddedCifarTask {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        self.images.loss(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_images_the_command_that_fetches_them_is_named() {
        let nowhere = DataFolder::new(Some("nowhere".into()));
        let task = PaddedCifarConfig::default().build(&nowhere).unwrap();
        assert_eq!(
            task.valid().err().unwrap().to_string(),
            "There is no CIFAR-10 in `nowhere` (no such folder). `lookback data fetch cifar10` downloads it; without a \
             network, `lookback data fetch cifar10 --from FILE|DIR` takes its archive cifar-10-binary.tar.gz or a folder \
             cifar-10-batches-bin, and --data DIR names where it lies."
        );
    }

    /// Ten images of one colour each, in a file of the official layout.
    #[test]
    fn training_shows_the_very_samples_of_the_evaluation() {
        let folder = std::env::temp_dir().join(format!("padded-cifar-{}", std::process::id()));
        let batches = folder.join("cifar-10-batches-bin");
        std::fs::create_dir_all(&batches).unwrap();
        let records: Vec<u8> = (0..10_u8).flat_map(|label| [vec![label], vec![20 * label; 3072]].concat()).collect();
        for number in 1..=5 {
            std::fs::write(batches.join(format!("data_batch_{number}.bin")), &records).unwrap();
        }
        let built = |config: PaddedCifarConfig| config.build(&DataFolder::new(Some(folder.clone()))).unwrap();
        let more = PaddedCifarConfig { train_samples: 51, ..PaddedCifarConfig::default() };
        let error = built(more).train(3).err().unwrap();
        assert_eq!((error.what(), error.value()), (Some("train_samples"), Some("51")));
        assert_eq!(error.valid(), Some("at most 50, the images that this copy of CIFAR-10 has"));
        let (eval_split, eval_samples) = (EvalSplit::Train, 10);
        let task = built(PaddedCifarConfig { side: 40, train_samples: 10, eval_split, eval_samples });
        let (train, valid) = (task.train(3).unwrap(), task.valid().unwrap());
        assert_eq!(valid.len(), 10);
        let shown: Vec<Sample> = (10..20).map(|place| train.get(place).unwrap()).collect();
        assert!((0..10).all(|index| shown.contains(&valid.get(index).unwrap())));
        assert_eq!(shown[0].inputs.len(), 40 * 40 * 3);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
