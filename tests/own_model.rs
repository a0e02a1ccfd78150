//! A model of one's own, as the README describes it: implement `ModelConfig`, hand it over, train it.

use std::time::Duration;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use lookback::benchmarks::{Named, RunSpec, SPEC_VERSION, TrainingConfig};
use lookback::models_library::init::{self, InitRng};
use lookback::models_library::{Io, ModelConfig, ModelInfo, SequenceModel, ops};
use lookback::{Models, Params, Result, RunFolder, RunOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `y(t)` is a linear map of `x(t - lag)`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct DelayConfig {
    /// How far back it looks.
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
        ModelInfo { name: "delay", title: "Delay", summary: "A linear map of one lag.", source: "this test" };
    type Model<B: AutodiffBackend> = Delay<B>;

    fn validate(&self, _io: Io) -> Result<()> {
        Ok(())
    }

    fn build<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Delay<B> {
        Delay { map: init::linear(io.d_input, io.d_output, true, rng, device), lag: self.lag }
    }

    fn num_params(&self, io: Io) -> usize {
        (io.d_input + 1) * io.d_output
    }

    fn with_width(&self, _width: usize) -> Self {
        self.clone()
    }
}

fn params(value: serde_json::Value) -> Params {
    value.as_object().expect("an object").clone()
}

#[test]
fn a_model_of_ones_own_is_trained_by_name() {
    let models = Models::default().with::<DelayConfig>();
    let task = params(serde_json::json!({
        "function": "impulse", "function_params": {"alpha": 5}, "length": 16, "train_samples": 64, "valid_samples": 16,
    }));
    let spec = RunSpec {
        version: SPEC_VERSION,
        task: Named { name: "memory".into(), params: task },
        model: Named { name: "delay".into(), params: params(serde_json::json!({"lag": 5})) },
        training: TrainingConfig { steps: 200, learning_rate: 3e-2, ..TrainingConfig::default() },
        seed: 0,
    };
    let options = RunOptions {
        backend: lookback::backend::BackendKind::first().expect("a backend"),
        checkpoint_every: Duration::from_secs(60),
    };
    let out = tempfile::tempdir().expect("a temporary folder");
    let folder = RunFolder::new(out.path().join("run"));
    lookback::run(&spec, &folder, &models, &options, &mut |_| {}, &|| false).expect("the run succeeds");
    let result = folder.result().expect("the result can be read").expect("the run has ended");
    assert_eq!(result.num_params, 2);
    assert!(result.metrics["nmse"] < 1e-3, "{result:?}");
    let probe = folder.probe().expect("the probe can be read").expect("the run finished");
    let strongest = (0..16).max_by(|a, b| probe.jacobian[*a].abs().total_cmp(&probe.jacobian[*b].abs()));
    assert_eq!(strongest, Some(5));
}
