//! A task of one's own in every command of lookback: copy the first inputs to the end of the sequence.
//!
//! ```sh
//! cargo run --release --example own_task -- train --task copying --model gru --set task.copied=4
//! ```

use burn::tensor::{Tensor, backend::Backend};
use burn_dataset::Dataset;
use lookback::benchmarks::tasks::metrics::{mean_squared_error, squared_errors};
use lookback::benchmarks::tasks::{Metrics, Objective, Task, TaskConfig, TaskInfo};
use lookback::datasets::{DataFolder, DrawnDataset, Sample, Split};
use lookback::models::Io;
use lookback::registry::check;
use lookback::{Error, Program, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `y(t) = x(t - (length - copied))` for the last `copied` steps, else 0.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct CopyingConfig {
    /// Time steps.
    #[schemars(range(min = 2, max = 4096))]
    length: usize,
    /// Inputs to be copied, at most half of the length.
    #[schemars(range(min = 1))]
    copied: usize,
    /// Sequences of the validation split.
    #[schemars(range(min = 1))]
    valid_samples: usize,
}

impl Default for CopyingConfig {
    fn default() -> Self {
        Self { length: 32, copied: 8, valid_samples: 256 }
    }
}

impl TaskConfig for CopyingConfig {
    const INFO: TaskInfo = TaskInfo {
        name: "copying",
        summary: "The first inputs again at the end of the sequence; mean squared error.",
        source: "this example",
    };
    type Task = Copying;

    fn validate(&self) -> Result<()> {
        check(self)?;
        if 2 * self.copied > self.length {
            let valid = format!("at most half of the length, {}", self.length / 2);
            return Err(Error::invalid("copied", self.copied, valid));
        }
        Ok(())
    }

    fn io(&self) -> Io {
        Io::sequence(1, 1, self.length)
    }

    fn build(self, _data: &DataFolder) -> Result<Copying> {
        self.validate()?;
        Ok(Copying(self))
    }
}

/// Copying the first inputs.
struct Copying(CopyingConfig);

impl Copying {
    fn dataset(&self, split: Split) -> Result<Box<dyn Dataset<Sample>>> {
        let CopyingConfig { length, copied, .. } = self.0;
        let draw = move |_, rng: &mut lookback::datasets::random::SampleRng| {
            let inputs: Vec<f32> = (0..length).map(|_| rng.normal() as f32).collect();
            let mut targets = vec![0.0; length];
            targets[length - copied..].copy_from_slice(&inputs[..copied]);
            Sample { inputs, targets }
        };
        Ok(Box::new(DrawnDataset::new("copying", split, draw)?))
    }
}

impl Task for Copying {
    fn io(&self) -> Io {
        self.0.io()
    }

    fn train(&self, seed: u64) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(Split::stream(seed))
    }

    fn streams(&self) -> bool {
        true
    }

    fn valid(&self) -> Result<Box<dyn Dataset<Sample>>> {
        self.dataset(Split::valid(0, self.0.valid_samples))
    }

    fn metrics(&self, predictions: &[f32], targets: &[f32]) -> Metrics {
        squared_errors(predictions, targets)
    }
}

impl Objective for Copying {
    fn loss<B: Backend>(&self, prediction: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 1> {
        mean_squared_error(prediction, target)
    }
}

fn main() -> std::process::ExitCode {
    Program::new().task::<CopyingConfig>().main()
}
