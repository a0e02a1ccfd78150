//! A model of one's own in every command of lookback:
//!
//! ```sh
//! cargo run --release --example own_model -- bench memory --preset smoke --also delay:lag=8
//! ```

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use lookback::models::init::{self, InitRng};
use lookback::models::{Io, ModelConfig, ModelInfo, SequenceModel, ops};
use lookback::{Error, Program, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `y(t)` is a linear map of `x(t - lag)`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct DelayConfig {
    /// How far back it looks, in steps.
    lag: usize,
}

#[derive(Module, Debug)]
struct Delay<B: Backend> {
    map: Linear<B>,
    lag: usize,
}

impl<B: Backend> SequenceModel<B> for Delay<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.map.forward(ops::shift(input, self.lag))
    }
}

impl ModelConfig for DelayConfig {
    const INFO: ModelInfo =
        ModelInfo { name: "delay", title: "Delay", summary: "A linear map of one lag.", source: "this example" };
    type Model<B: AutodiffBackend> = Delay<B>;

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Delay<B> {
        Delay { map: init::linear(io.d_input, io.d_output, true, rng, device), lag: self.lag }
    }

    fn constraints(&self, io: Io) -> Result<()> {
        if self.lag < io.length {
            return Ok(());
        }
        Err(Error::invalid("lag", self.lag, format!("a whole number less than the length, {}", io.length)))
    }
}

fn main() -> std::process::ExitCode {
    Program::new().model::<DelayConfig>().main()
}
