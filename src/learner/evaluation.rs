//! Samples as tensors, the validation split on the device, and what an evaluation gives.

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use lookback_benchmarks::Task;
use lookback_datasets::Sample;
use lookback_models::Io;
use lookback_registry::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::state::Predictor;

/// Sequences per forward pass of an evaluation.
const EVALUATION_BATCH: usize = 64;

/// One line of `metrics.jsonl`. Values that were not finite are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Updates so far.
    pub step: usize,
    /// Mean training loss since the previous evaluation.
    pub train_loss: Option<f64>,
    /// The learning rate of the last update.
    pub learning_rate: f64,
    /// Metrics on the validation split by name.
    pub metrics: std::collections::BTreeMap<String, f64>,
}

/// Inputs `[samples, length, d_input]` and targets `[samples, output length, d_output]` of a batch.
pub(super) fn tensors<B: Backend>(samples: &[Sample], io: Io, device: &B::Device) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let inputs: Vec<f32> = samples.iter().flat_map(|sample| sample.inputs.iter().copied()).collect();
    let targets: Vec<f32> = samples.iter().flat_map(|sample| sample.targets.iter().copied()).collect();
    (
        Tensor::from_data(TensorData::new(inputs, [samples.len(), io.length, io.d_input]), device),
        Tensor::from_data(TensorData::new(targets, [samples.len(), io.output_length(), io.d_output]), device),
    )
}

/// The validation split on the device.
pub(crate) struct ValidData<B: AutodiffBackend> {
    batches: Vec<Tensor<B::InnerBackend, 3>>,
    targets: Vec<f32>,
    per_sample: usize,
}

impl<B: AutodiffBackend> ValidData<B> {
    /// Puts the split on the device.
    ///
    /// # Errors
    /// The data cannot be read, or there is none.
    pub fn new(task: &dyn Task, device: &B::Device) -> Result<Self> {
        let io = task.io();
        let dataset = task.valid()?;
        let samples: Vec<Sample> = (0..dataset.len()).filter_map(|index| dataset.get(index)).collect();
        if samples.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                "The task has no validation samples; at least 1 is needed.",
            ));
        }
        let batches =
            samples.chunks(EVALUATION_BATCH).map(|chunk| tensors::<B::InnerBackend>(chunk, io, device).0).collect();
        let targets = samples.iter().flat_map(|sample| sample.targets.iter().copied()).collect();
        Ok(Self { batches, targets, per_sample: io.output_length() * io.d_output })
    }

    /// Metrics of outputs for the first `samples`.
    pub fn metrics_of_first(
        &self,
        task: &dyn Task,
        predictor: &Predictor<B::InnerBackend>,
        samples: usize,
    ) -> Vec<(&'static str, f64)> {
        let predictions = self.predictions_of_first(predictor, samples);
        task.metrics(&predictions, &self.targets[..predictions.len()])
    }

    /// Outputs for the first `samples`, row-major.
    pub fn predictions_of_first(&self, predictor: &Predictor<B::InnerBackend>, samples: usize) -> Vec<f32> {
        let mut predictions: Vec<f32> = Vec::with_capacity(self.targets.len());
        let mut left = samples;
        for batch in &self.batches {
            if left == 0 {
                break;
            }
            let count = batch.dims()[0].min(left);
            let output = predictor(batch.clone().narrow(0, 0, count));
            predictions.extend(output.into_data().iter::<f32>());
            left -= count;
        }
        debug_assert!(predictions.len().is_multiple_of(self.per_sample));
        predictions
    }

    /// The targets of all samples, row-major.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// The first `samples` inputs, `[samples, length, d_input]` (at most those of a batch).
    pub fn inputs(&self, samples: usize) -> Tensor<B::InnerBackend, 3> {
        let inputs = self.batches[0].clone();
        let samples = samples.min(inputs.dims()[0]);
        inputs.narrow(0, 0, samples)
    }

    /// The targets of all samples, row-major.
    pub fn into_targets(self) -> Vec<f32> {
        self.targets
    }
}
