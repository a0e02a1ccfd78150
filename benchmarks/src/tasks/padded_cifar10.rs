//! Task `padded-cifar10`: the class of an image that stands somewhere on a larger square.
//!
//! Each image of CIFAR-10 is put once and for all at a random place of a square; the other pixels continue its border.
//! More pixels make a longer sequence that holds no more.
//!
//! ```
//! use burn_flex::Flex;
//! use lookback_benchmarks::task;
//! use lookback_datasets::DataFolder;
//!
//! let task = (task::<Flex>("padded-cifar10")?.build)(&Default::default(), &DataFolder::default())?;
//! assert_eq!((task.io().d_input, task.io().d_output, task.io().length), (3, 10, 64 * 64));
//! # Ok::<(), lookback_registry::Error>(())
//! ```

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback_datasets::images::{AugmentConfig, Cifar10, Cifar10Split};
use lookback_datasets::{DataFolder, Epochs, Sample};
use lookback_models::Io;
use lookback_registry::{Error, Params, Result, fields, parse, to_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tasks::cifar10::{CifarConfig, CifarTask, TRAIN_IMAGES, check_images};
use crate::tasks::classification::ImageClasses;
use crate::tasks::{Judge, Metrics, Objective, Task, TaskEntry, TaskInfo};

/// The largest side of the square.
const MOST_SIDE: usize = 1024;

/// The parameters of task `padded-cifar10`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PaddedCifarConfig {
    /// Pixels along a side of the square, from 32 to 1024.
    pub side: usize,
    /// Training images, the first so many, from 1 to 50000.
    pub train_samples: usize,
    /// The images that models are judged on: train (those of `train_samples`) or valid (the test images).
    pub judge: Judge,
    /// How many of them, the first so many, from 1 up.
    pub judged: usize,
}

impl Default for PaddedCifarConfig {
    fn default() -> Self {
        Self { side: 64, train_samples: TRAIN_IMAGES, judge: Judge::Valid, judged: 2000 }
    }
}

impl PaddedCifarConfig {
    /// Reads and checks the parameters of task `padded-cifar10`.
    ///
    /// # Errors
    /// An unknown name, or a value of the wrong type or out of range.
    pub fn read(params: &Params) -> Result<Self> {
        let config: Self = parse("task `padded-cifar10`", params)?;
        if !(Cifar10::SIDE..=MOST_SIDE).contains(&config.side) {
            let valid = format!("a whole number from {} to {MOST_SIDE}", Cifar10::SIDE);
            return Err(Error::invalid("side", config.side, valid));
        }
        check_images("train_samples", config.train_samples, Cifar10Split::Train)?;
        match config.judge {
            Judge::Train if config.judged > config.train_samples => {
                let valid = format!("at most `train_samples`, {}", config.train_samples);
                return Err(Error::invalid("judged", config.judged, valid));
            }
            Judge::Train => check_images("judged", config.judged, Cifar10Split::Train)?,
            Judge::Valid => check_images("judged", config.judged, Cifar10Split::Test)?,
        }
        Ok(config)
    }

    /// The images without any change but the square.
    fn images(&self, folder: DataFolder) -> Result<CifarTask> {
        let augment = AugmentConfig { canvas: Some(self.side), ..AugmentConfig::none() };
        CifarTask::new(CifarConfig { augment, label_smoothing: 0.0, ..CifarConfig::default() }, folder)
    }
}

/// What is known of the task.
pub fn kind() -> TaskEntry {
    TaskEntry {
        info: TaskInfo {
            name: "padded-cifar10",
            summary: "The class of an image of CIFAR-10 at a random place of a larger square; cross entropy.",
            source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                     https://arxiv.org/abs/2510.06662",
        },
        fields: fields::<PaddedCifarConfig>,
        resolve: |params| Ok(to_params(&PaddedCifarConfig::read(params)?)),
        io: |params| Ok(PaddedCifarConfig::read(params)?.images(DataFolder::default())?.io()),
        find_data: |_, _| Ok(()),
    }
}

/// Builds the task; the images are looked for once they are needed.
///
/// # Errors
/// As [`PaddedCifarConfig::read`].
pub fn build<B: Backend>(params: &Params, folder: &DataFolder) -> Result<Box<dyn Objective<B>>> {
    let config = PaddedCifarConfig::read(params)?;
    let images = config.images(folder.clone())?;
    Ok(Box::new(PaddedCifarTask { config, images }))
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
        let split = match self.config.judge {
            Judge::Train => Cifar10Split::Train,
            Judge::Valid => Cifar10Split::Test,
        };
        Ok(Box::new(self.images.unchanged(split, "judged", self.config.judged)?))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        self.images.metrics(predictions, targets)
    }

    fn images(&self) -> Option<&ImageClasses> {
        self.images.images()
    }
}

impl<B: Backend> Objective<B> for PaddedCifarTask {
    fn loss(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        self.images.loss(prediction, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bad_parameters_are_errors() {
        let message =
            |value: serde_json::Value| PaddedCifarConfig::read(value.as_object().unwrap()).unwrap_err().chain();
        assert_eq!(message(json!({"side": 31})), "`side` is 31, but it must be a whole number from 32 to 1024.");
        assert_eq!(
            message(json!({"train_samples": 50_001})),
            "`train_samples` is 50001, but it must be a whole number from 1 to 50000."
        );
        assert_eq!(
            message(json!({"judge": "train", "train_samples": 10, "judged": 11})),
            "`judged` is 11, but it must be at most `train_samples`, 10."
        );
        assert_eq!(message(json!({"judged": 0})), "`judged` is 0, but it must be a whole number from 1 to 10000.");
    }

    #[test]
    fn without_the_images_the_command_that_fetches_them_is_named() {
        let nowhere = DataFolder::new(Some("nowhere".into()));
        let task = PaddedCifarTask {
            images: PaddedCifarConfig::default().images(nowhere).unwrap(),
            config: PaddedCifarConfig::default(),
        };
        assert_eq!(
            task.valid().err().unwrap().to_string(),
            "There is no CIFAR-10 in `nowhere` (no such folder). `lookback data fetch cifar10` downloads it; without a \
             network, `lookback data fetch cifar10 --from FILE|DIR` takes its archive cifar-10-binary.tar.gz or a folder \
             cifar-10-batches-bin, and --data DIR names where it lies."
        );
    }

    /// Ten images of one colour each, in a file of the official layout.
    #[test]
    fn training_shows_the_very_samples_that_are_judged() {
        let folder = std::env::temp_dir().join(format!("padded-cifar-{}", std::process::id()));
        let batches = folder.join("cifar-10-batches-bin");
        std::fs::create_dir_all(&batches).unwrap();
        let records: Vec<u8> = (0..10_u8).flat_map(|label| [vec![label], vec![20 * label; 3072]].concat()).collect();
        for number in 1..=5 {
            std::fs::write(batches.join(format!("data_batch_{number}.bin")), &records).unwrap();
        }
        let built = |params: serde_json::Value| {
            let config = PaddedCifarConfig::read(params.as_object().unwrap()).unwrap();
            PaddedCifarTask { images: config.images(DataFolder::new(Some(folder.clone()))).unwrap(), config }
        };
        assert_eq!(
            built(json!({"train_samples": 51})).train(3).err().unwrap().to_string(),
            "`train_samples` is 51, but it must be at most 50, the images that this copy of CIFAR-10 has."
        );
        let task = built(json!({"side": 40, "judge": "train", "train_samples": 10, "judged": 10}));
        let (train, judged) = (task.train(3).unwrap(), task.valid().unwrap());
        assert_eq!(judged.len(), 10);
        let shown: Vec<Sample> = (10..20).map(|place| train.get(place).unwrap()).collect();
        assert!((0..10).all(|index| shown.contains(&judged.get(index).unwrap())));
        assert_eq!(shown[0].inputs.len(), 40 * 40 * 3);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
