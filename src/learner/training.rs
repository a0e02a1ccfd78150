//! The one learner: it trains any model on any task, and knows neither.

use std::time::{Duration, Instant};

use burn::tensor::{DType, Tensor, TensorData, backend::AutodiffBackend};
use lookback_benchmarks::tasks::TaskOn;
use lookback_benchmarks::{Precision, RunResult, RunStatus, TrainingConfig};
use lookback_datasets::Sample;
use lookback_models::noise::Noise;
use lookback_registry::{Error, Result};

use super::checkpoint::{Checkpoint, Progress};
use super::evaluation::{Evaluation, ValidData, tensors};
use super::loader::TrainData;
use super::schedule::{Tracker, learning_rate};
use super::state::{Predictor, TrainState};

/// What one call of [`Learner::advance`] did.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An update.
    Updated,
    /// An update and an evaluation.
    Evaluated(Evaluation),
    /// The run had ended before the call.
    Ended(RunStatus),
}

/// How fast a learner trains; evaluations do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Speed {
    /// Training samples so far.
    pub samples: usize,
    /// Time of their updates.
    pub training: Duration,
    /// The part of it that was spent waiting for samples.
    pub waiting: Duration,
}

impl Speed {
    /// Samples per second.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.training.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The share of the time that was spent waiting for samples, in 0..=1.
    pub fn data_share(&self) -> f64 {
        self.waiting.as_secs_f64() / self.training.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// A training run: a task, a model with its optimiser, and how far it has come.
pub struct Learner<B: AutodiffBackend> {
    task: Box<dyn TaskOn<B>>,
    state: Box<dyn TrainState<B>>,
    training: TrainingConfig,
    seed: u64,
    /// Where the state is.
    device: B::Device,
    /// Further devices, each with a model of its own.
    further: Vec<(B::Device, Box<dyn TrainState<B>>)>,
    train: TrainData,
    valid: ValidData<B>,
    progress: Progress,
    loss_sum: Option<Tensor<B::InnerBackend, 1>>,
    speed: Speed,
}

impl<B: AutodiffBackend> Learner<B> {
    /// A run at its start. `seed` chooses the training data and its order; the model comes initialised.
    ///
    /// # Errors
    /// Invalid training parameters, a precision that the device does not compute in, or a task without data.
    pub fn new(
        task: Box<dyn TaskOn<B>>,
        state: Box<dyn TrainState<B>>,
        training: TrainingConfig,
        seed: u64,
        device: B::Device,
    ) -> Result<Self> {
        training.validate()?;
        check_precision::<B>(training.precision, &device)?;
        let train = TrainData::new(task.train(seed)?, task.streams(), seed, training.batch_size)?;
        let valid = ValidData::new(task.as_ref(), &device)?;
        let progress = Progress {
            step: 0,
            loss_sum: 0.0,
            loss_count: 0,
            tracker: Tracker::default(),
            curve: Vec::new(),
            ended: None,
        };
        Ok(Self {
            task,
            state,
            training,
            seed,
            device,
            further: Vec::new(),
            train,
            valid,
            progress,
            loss_sum: None,
            speed: Speed::default(),
        })
    }

    /// Makes samples of a stream ahead of time, in this many threads of their own; none changes a number.
    #[must_use]
    pub fn with_loaders(mut self, loaders: usize) -> Self {
        self.train.set_loaders(loaders);
        self
    }

    /// Spreads each batch over further devices, each with such a state as the learner has: data parallel training, in
    /// which every device computes the gradient of its part. Weights and gradients go through the host, since burn 0.21
    /// copies between devices on CUDA alone.
    #[must_use]
    pub fn with_devices(mut self, further: impl IntoIterator<Item = (B::Device, Box<dyn TrainState<B>>)>) -> Self {
        self.further.extend(further);
        self
    }

    /// How fast it trains.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// The task.
    pub fn task(&self) -> &dyn TaskOn<B> {
        self.task.as_ref()
    }

    /// The model with its optimiser.
    pub fn state(&self) -> &dyn TrainState<B> {
        self.state.as_ref()
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
        let started = Instant::now();
        let step = self.progress.step;
        let samples = self.train.batch(step);
        self.speed.waiting += started.elapsed();
        let loss = self.learn(step, &samples);
        self.loss_sum = Some(match self.loss_sum.take() {
            Some(sum) => sum + loss,
            None => loss,
        });
        self.progress.loss_count += 1;
        let rate = learning_rate(step, &self.progress.tracker, &self.training);
        self.state.update(rate);
        self.progress.step += 1;
        self.speed.samples += samples.len();
        self.speed.training += started.elapsed();
        let last = self.progress.step == self.training.steps;
        if last || self.progress.step.is_multiple_of(self.training.eval_every) {
            return Step::Evaluated(self.evaluate(rate, last));
        }
        Step::Updated
    }

    /// Adds the gradient of a batch to those of the next update, part by part, and gives its mean loss.
    fn learn(&mut self, step: usize, samples: &[Sample]) -> Tensor<B::InnerBackend, 1> {
        let io = self.task.io();
        let mut noise = Noise::new(self.seed, step as u64);
        if !self.further.is_empty() && self.state.num_params() > 0 {
            let values = self.state.values();
            self.further.iter_mut().for_each(|(_, state)| state.set_values(values.clone()));
        }
        let devices = 1 + self.further.len();
        let parts = (self.training.accumulation * devices).min(samples.len());
        let mut losses = Vec::with_capacity(parts);
        for (index, part) in samples.chunks(samples.len().div_ceil(parts)).enumerate() {
            let (device, state) = match index % devices {
                0 => (&self.device, &mut self.state),
                number => {
                    let (device, state) = &mut self.further[number - 1];
                    (&*device, state)
                }
            };
            let (inputs, targets) = tensors::<B>(part, io, device);
            let share = part.len() as f64 / samples.len() as f64;
            let mut objective = |output| {
                let loss = self.task.loss(output, targets.clone());
                if parts == 1 { loss } else { loss * share }
            };
            losses.push(state.learn(inputs, &mut noise, &mut objective));
        }
        // Only now that every device has its work: reading waits for it.
        for (_, state) in &mut self.further {
            if let Some(gradient) = state.take_gradient() {
                self.state.add_gradient(gradient);
            }
        }
        let here = |loss: Tensor<B::InnerBackend, 1>| {
            if loss.device() == self.device { loss } else { Tensor::from_data(loss.into_data(), &self.device) }
        };
        losses.into_iter().map(here).reduce(|sum, loss| sum + loss).expect("a batch has samples")
    }

    fn evaluate(&mut self, rate: f64, last: bool) -> Evaluation {
        let waited = Instant::now();
        let sum = self.loss_sum.take().map_or(0.0, read_scalar);
        // A device that works behind our back ends its updates here.
        self.speed.training += waited.elapsed();
        let train_loss = sum / self.progress.loss_count.max(1) as f64;
        self.progress.loss_count = 0;
        let predictor = self.state.predictor();
        let evaluate = |samples| self.valid.metrics_of_first(self.task.as_ref(), &predictor, samples);
        let primary_of = |metrics: &[(_, f64)]| metrics.first().map_or(f64::NAN, |(_, value)| *value);
        let all = usize::MAX;
        let few = self.training.eval_samples.unwrap_or(all);
        let mut metrics = evaluate(if last { all } else { few });
        let mut primary = primary_of(&metrics);
        let diverged = |primary: f64| !train_loss.is_finite() || !primary.is_finite();
        if !diverged(primary) {
            self.progress.tracker.observe(primary, &self.training);
            let stops = self.progress.tracker.stops(primary, &self.training);
            if stops && !last && few < all {
                // The result speaks of the whole split.
                metrics = evaluate(all);
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
            num_params: self.state.num_params(),
            metrics: last.metrics.clone(),
            best: self.progress.tracker.best,
            train_loss: last.train_loss,
        })
    }

    /// Everything that is needed to go on from exactly here.
    ///
    /// # Errors
    /// The training state cannot be serialised.
    pub fn checkpoint(&mut self) -> Result<Checkpoint> {
        let mut progress = self.progress.clone();
        if let Some(sum) = &self.loss_sum {
            progress.loss_sum = read_scalar(sum.clone()) as f32;
        }
        Ok(Checkpoint { progress, state: self.state.state()? })
    }

    /// Goes back to a [`Learner::checkpoint`] of the same run: what follows is bit for bit what would have followed.
    ///
    /// # Errors
    /// The checkpoint is of another model.
    pub fn restore(&mut self, checkpoint: Checkpoint) -> Result<()> {
        let Checkpoint { progress, state } = checkpoint;
        self.state.restore(&state)?;
        self.loss_sum = (progress.loss_count > 0)
            .then(|| Tensor::from_data(TensorData::new(vec![progress.loss_sum], [1]), &self.device));
        self.progress = progress;
        Ok(())
    }

    /// The model with its optimiser, for use after the training; [`TrainState::into_any`] gives back its type.
    pub fn into_state(self) -> Box<dyn TrainState<B>> {
        self.state
    }

    /// Replaces the weights by those of a safetensors file.
    ///
    /// # Errors
    /// The file does not fit the model.
    pub fn load_weights(&mut self, file: Vec<u8>) -> Result<()> {
        self.state.load_weights(file)
    }

    /// Metrics of any predictor on the validation split, or its first `samples`.
    pub(crate) fn metrics_of(
        &self,
        predictor: &Predictor<B::InnerBackend>,
        samples: usize,
    ) -> Vec<(&'static str, f64)> {
        self.valid.metrics_of_first(self.task.as_ref(), predictor, samples)
    }

    /// The model's outputs for the whole validation split, and its targets, each `[samples, output length, d_output]`,
    /// row-major.
    pub(crate) fn predictions(&self) -> (Vec<f32>, &[f32]) {
        (self.valid.predictions_of_first(&self.state.predictor(), usize::MAX), self.valid.targets())
    }

    /// The targets of the validation split, `[samples, output length, d_output]`, row-major.
    pub(crate) fn valid_targets(&self) -> &[f32] {
        self.valid.targets()
    }

    /// The first `samples` validation inputs, `[samples, length, d_input]` (fewer where the split is smaller).
    pub(crate) fn valid_inputs(&self, samples: usize) -> Tensor<B, 3> {
        Tensor::from_inner(self.valid.inputs(samples))
    }
}

/// Fails where the device does not compute in this precision.
fn check_precision<B: AutodiffBackend>(precision: Precision, device: &B::Device) -> Result<()> {
    let (name, dtype) = match precision {
        Precision::Single => return Ok(()),
        Precision::Half => ("half", DType::F16),
        Precision::Bfloat16 => ("bfloat16", DType::BF16),
    };
    if B::supports_dtype(device, dtype) {
        return Ok(());
    }
    Err(Error::invalid("precision", name, "single: the device does not compute in this type"))
}

fn read_scalar<B: burn::tensor::backend::Backend>(tensor: Tensor<B, 1>) -> f64 {
    tensor.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
