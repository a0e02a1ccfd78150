//! The one learner: it trains any model on any task, and knows neither.

use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend};
use burn_dataset::Dataset;
use lookback_benchmarks::{Objective, RunResult, RunStatus, TrainingConfig};
use lookback_datasets::Sample;
use lookback_registry::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::schedule::{Tracker, learning_rate};
use crate::trainee::{Predictor, Trainee};

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

/// What one call of [`Session::advance`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An update.
    Updated,
    /// An update and an evaluation.
    Evaluated(Evaluation),
    /// The run had ended before the call.
    Ended(RunStatus),
}

/// Everything besides weights and optimiser that a run needs to go on exactly where it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub step: usize,
    /// Sum of the training losses since the last evaluation, as the device holds it.
    pub loss_sum: f32,
    pub loss_count: usize,
    pub tracker: Tracker,
    pub curve: Vec<Evaluation>,
    pub ended: Option<RunStatus>,
}

/// A training run: a task, a model with its optimiser, and how far it has come.
pub struct Session<B: AutodiffBackend> {
    task: Box<dyn Objective<B>>,
    trainee: Box<dyn Trainee<B>>,
    training: TrainingConfig,
    device: B::Device,
    train: TrainData,
    valid: ValidData<B>,
    progress: Progress,
    loss_sum: Option<Tensor<B::InnerBackend, 1>>,
}

impl<B: AutodiffBackend> Session<B> {
    /// A run at its start. `seed` chooses the training data and its order; the model comes initialised.
    ///
    /// # Errors
    /// Invalid training parameters, or a task without data.
    pub fn new(
        task: Box<dyn Objective<B>>,
        trainee: Box<dyn Trainee<B>>,
        training: TrainingConfig,
        seed: u64,
        device: B::Device,
    ) -> Result<Self> {
        training.validate()?;
        let train = TrainData::new(task.train(seed), task.streams(), seed)?;
        let valid = ValidData::new(task.as_ref(), &device)?;
        let progress = Progress {
            step: 0,
            loss_sum: 0.0,
            loss_count: 0,
            tracker: Tracker::default(),
            curve: Vec::new(),
            ended: None,
        };
        Ok(Self { task, trainee, training, device, train, valid, progress, loss_sum: None })
    }

    /// The task.
    pub fn task(&self) -> &dyn Objective<B> {
        self.task.as_ref()
    }

    /// The model with its optimiser.
    pub fn trainee(&self) -> &dyn Trainee<B> {
        self.trainee.as_ref()
    }

    /// The device it runs on.
    pub fn device(&self) -> &B::Device {
        &self.device
    }

    /// Updates so far.
    pub fn steps(&self) -> usize {
        self.progress.step
    }

    /// All evaluations so far.
    pub fn curve(&self) -> &[Evaluation] {
        &self.progress.curve
    }

    /// One update, and an evaluation where one is due.
    pub fn advance(&mut self) -> Step {
        if let Some(status) = self.progress.ended {
            return Step::Ended(status);
        }
        let io = self.task.io();
        let step = self.progress.step;
        let samples = self.train.batch(step, self.training.batch_size);
        let (inputs, targets) = tensors::<B>(&samples, io.length, io.d_input, io.d_output, &self.device);
        let loss = self.task.loss(self.trainee.forward(inputs), targets);
        let detached = loss.clone().inner();
        self.loss_sum = Some(match self.loss_sum.take() {
            Some(sum) => sum + detached,
            None => detached,
        });
        self.progress.loss_count += 1;
        let rate = learning_rate(step, &self.progress.tracker, &self.training);
        self.trainee.update(loss, rate);
        self.progress.step += 1;
        let last = self.progress.step == self.training.steps;
        if last || self.progress.step.is_multiple_of(self.training.eval_every) {
            return Step::Evaluated(self.evaluate(rate, last));
        }
        Step::Updated
    }

    fn evaluate(&mut self, rate: f64, last: bool) -> Evaluation {
        let sum = self.loss_sum.take().map_or(0.0, read_scalar);
        let train_loss = sum / self.progress.loss_count.max(1) as f64;
        self.progress.loss_count = 0;
        let predictor = self.trainee.predictor();
        let judge = |samples| self.valid.metrics_of_first(self.task.as_ref(), &predictor, samples);
        let primary_of = |metrics: &[(_, f64)]| metrics.first().map_or(f64::NAN, |(_, value)| *value);
        let all = usize::MAX;
        let few = self.training.eval_samples.unwrap_or(all);
        let mut metrics = judge(if last { all } else { few });
        let mut primary = primary_of(&metrics);
        let diverged = |primary: f64| !train_loss.is_finite() || !primary.is_finite();
        if !diverged(primary) {
            self.progress.tracker.observe(primary, &self.training);
            let stops = self.progress.tracker.stops(primary, &self.training);
            if stops && !last && few < all {
                // The result speaks of the whole split.
                metrics = judge(all);
                primary = primary_of(&metrics);
            }
            if last || stops {
                self.progress.ended = Some(RunStatus::Finished);
            }
        }
        if diverged(primary) {
            self.progress.ended = Some(RunStatus::Diverged);
        }
        let evaluation = Evaluation {
            step: self.progress.step,
            train_loss: finite(train_loss),
            learning_rate: rate,
            metrics: metrics
                .into_iter()
                .filter(|(_, value)| value.is_finite())
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        };
        self.progress.curve.push(evaluation.clone());
        evaluation
    }

    /// The result, once the run has ended.
    pub fn result(&self) -> Option<RunResult> {
        let status = self.progress.ended?;
        let last = self.progress.curve.last()?;
        Some(RunResult {
            status,
            steps: self.progress.step,
            num_params: self.trainee.num_params(),
            metrics: last.metrics.clone(),
            best: self.progress.tracker.best,
            train_loss: last.train_loss,
        })
    }

    /// Progress and training state, to go on from exactly here.
    pub(crate) fn snapshot(&mut self) -> Result<(Progress, Vec<u8>)> {
        let mut progress = self.progress.clone();
        if let Some(sum) = &self.loss_sum {
            progress.loss_sum = read_scalar(sum.clone()) as f32;
        }
        Ok((progress, self.trainee.state()?))
    }

    /// Goes back to a [`Session::snapshot`].
    pub(crate) fn restore(&mut self, progress: Progress, state: &[u8]) -> Result<()> {
        self.trainee.restore(state)?;
        self.loss_sum = (progress.loss_count > 0)
            .then(|| Tensor::from_data(TensorData::new(vec![progress.loss_sum], [1]), &self.device));
        self.progress = progress;
        Ok(())
    }

    /// Replaces the weights by those of a safetensors file.
    ///
    /// # Errors
    /// The file does not fit the model.
    pub fn load_weights(&mut self, file: Vec<u8>) -> Result<()> {
        self.trainee.load_weights(file)
    }

    /// Metrics of any predictor on the validation split, or its first `samples`.
    pub(crate) fn judge(&self, predictor: &Predictor<B::InnerBackend>, samples: usize) -> Vec<(&'static str, f64)> {
        self.valid.metrics_of_first(self.task.as_ref(), predictor, samples)
    }

    /// The first `samples` validation inputs, `[samples, length, d_input]` (fewer where the split is smaller).
    pub(crate) fn valid_inputs(&self, samples: usize) -> Tensor<B, 3> {
        let inputs = self.valid.batches[0].clone();
        let samples = samples.min(inputs.dims()[0]);
        Tensor::from_inner(inputs.narrow(0, 0, samples))
    }
}

fn read_scalar<B: burn::tensor::backend::Backend>(tensor: Tensor<B, 1>) -> f64 {
    tensor.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn tensors<B: burn::tensor::backend::Backend>(
    samples: &[Sample],
    length: usize,
    d_input: usize,
    d_output: usize,
    device: &B::Device,
) -> (Tensor<B, 3>, Tensor<B, 3>) {
    let inputs: Vec<f32> = samples.iter().flat_map(|sample| sample.inputs.iter().copied()).collect();
    let targets: Vec<f32> = samples.iter().flat_map(|sample| sample.targets.iter().copied()).collect();
    (
        Tensor::from_data(TensorData::new(inputs, [samples.len(), length, d_input]), device),
        Tensor::from_data(TensorData::new(targets, [samples.len(), length, d_output]), device),
    )
}

/// The training split in its order: batch k is a pure function of (seed, k), so nothing of it needs saving.
struct TrainData {
    dataset: Box<dyn Dataset<Sample>>,
    streams: bool,
    seed: u64,
    cache: Vec<Option<Sample>>,
    epoch: usize,
    order: Vec<usize>,
}

impl TrainData {
    fn new(dataset: Box<dyn Dataset<Sample>>, streams: bool, seed: u64) -> Result<Self> {
        if dataset.is_empty() {
            return Err(Error::new("The task has no training samples; at least 1 is needed."));
        }
        let cache = if streams { Vec::new() } else { vec![None; dataset.len()] };
        Ok(Self { dataset, streams, seed, cache, epoch: usize::MAX, order: Vec::new() })
    }

    /// A stream in order; a fixed set as an endless row of shuffled epochs, batches running across their ends.
    fn batch(&mut self, step: usize, size: usize) -> Vec<Sample> {
        (step * size..(step + 1) * size).map(|position| self.sample(position)).collect()
    }

    fn sample(&mut self, position: usize) -> Sample {
        let get = |index| self.dataset.get(index).expect("the index is within the dataset");
        if self.streams {
            return get(position);
        }
        let epoch = position / self.cache.len();
        if epoch != self.epoch {
            self.epoch = epoch;
            self.order = permutation(self.cache.len(), self.seed, epoch as u64);
        }
        let index = self.order[position % self.cache.len()];
        self.cache[index].get_or_insert_with(|| get(index)).clone()
    }
}

/// A uniform permutation of `0..length` (Fisher and Yates), a pure function of (seed, epoch).
fn permutation(length: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Stream 0 of the seed belongs to the initial weights.
    rng.set_stream(epoch + 1);
    let mut order: Vec<usize> = (0..length).collect();
    for last in (1..length).rev() {
        order.swap(last, rng.random_range(0..=last as u64) as usize);
    }
    order
}

/// The validation split on the device.
struct ValidData<B: AutodiffBackend> {
    batches: Vec<Tensor<B::InnerBackend, 3>>,
    targets: Vec<f32>,
    per_sample: usize,
}

impl<B: AutodiffBackend> ValidData<B> {
    fn new(task: &dyn Objective<B>, device: &B::Device) -> Result<Self> {
        let io = task.io();
        let dataset = task.valid();
        let samples: Vec<Sample> = (0..dataset.len()).filter_map(|index| dataset.get(index)).collect();
        if samples.is_empty() {
            return Err(Error::new("The task has no validation samples; at least 1 is needed."));
        }
        let batches = samples
            .chunks(EVALUATION_BATCH)
            .map(|chunk| tensors::<B::InnerBackend>(chunk, io.length, io.d_input, io.d_output, device).0)
            .collect();
        let targets = samples.iter().flat_map(|sample| sample.targets.iter().copied()).collect();
        Ok(Self { batches, targets, per_sample: io.length * io.d_output })
    }

    fn metrics_of_first(
        &self,
        task: &dyn Objective<B>,
        predictor: &Predictor<B::InnerBackend>,
        samples: usize,
    ) -> Vec<(&'static str, f64)> {
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
        let count = predictions.len();
        debug_assert!(count.is_multiple_of(self.per_sample));
        task.metrics(&predictions, &self.targets[..count])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_are_uniform_draws_that_depend_on_seed_and_epoch_alone() {
        let order = permutation(100, 7, 3);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order, permutation(100, 7, 3));
        assert_ne!(order, permutation(100, 7, 4));
        assert_ne!(order, permutation(100, 8, 3));
    }
}
