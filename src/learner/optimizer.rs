//! AdamW, Adam and SGD on all parameters of a model at once.
//!
//! Parameters, gradients and moments are one vector each: an update is some ten operations, however many tensors the
//! model has. With an operation (on a GPU, a kernel launch) per tensor and step instead, updates of small models take
//! as long as their gradients.

use burn::module::{AutodiffModule, Module};
use burn::optim::GradientsParams;
use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};
use lookback_benchmarks::{Decay, Optimizer, TrainingConfig};
use lookback_models::ops;
use lookback_registry::{Error, ErrorKind, Result};

use super::flat::{Gather, all_values, decayed, scatter};

/// A rule with its moments.
pub(crate) struct Updater<I: Backend> {
    training: TrainingConfig,
    updates: u64,
    /// Momentum, or the first and the second moment, once there was an update; each `[parameters]`.
    moments: Vec<Tensor<I, 1>>,
    /// The moving average of the parameters, once there was an update, where one is kept; `[parameters]`.
    average: Option<Tensor<I, 1>>,
    /// The sum of the gradients since the last update, `[parameters]`.
    gradient: Option<Tensor<I, 1>>,
    /// 1 where weight decay acts, else 0, where that is not everywhere; `[parameters]`.
    decayed: Option<Tensor<I, 1>>,
}

impl<I: Backend> Updater<I> {
    pub fn new(training: &TrainingConfig) -> Self {
        let training = training.clone();
        Self { training, updates: 0, moments: Vec::new(), average: None, gradient: None, decayed: None }
    }

    /// Adds `factor` times the gradients of `model` to those of the next update. A parameter without gradient counts as
    /// one with zeros.
    pub fn accumulate<B, M>(&mut self, model: &M, mut gradients: GradientsParams, factor: f64)
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: AutodiffModule<B>,
    {
        let mut gather = Gather::<B>::new(Some(&mut gradients));
        model.visit(&mut gather);
        if gather.gathered.is_empty() {
            return;
        }
        let gradient = Tensor::cat(gather.gathered, 0);
        self.add_gradient(if factor == 1.0 { gradient } else { gradient * factor });
    }

    /// The sum of the gradients since the last update, `[parameters]`, where there were any; the next update is without
    /// them.
    pub fn take_gradient(&mut self) -> Option<Tensor<I, 1>> {
        self.gradient.take()
    }

    /// Adds a gradient, `[parameters]`, to those of the next update.
    pub fn add_gradient(&mut self, gradient: Tensor<I, 1>) {
        self.gradient = Some(match self.gradient.take() {
            Some(sum) => sum + gradient,
            None => gradient,
        });
    }

    /// The model after one step against the accumulated gradients.
    pub fn step<B, M>(&mut self, model: M, learning_rate: f64) -> M
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: AutodiffModule<B>,
    {
        let Some(gradient) = self.gradient.take() else { return model };
        if self.training.decay == Decay::Weights && self.training.weight_decay != 0.0 && self.decayed.is_none() {
            self.decayed = Some(decayed::<B, M>(&model, &gradient.device()));
        }
        let mut values = self.updated(all_values::<B, M>(&model), gradient, learning_rate);
        if let Some(most) = self.training.max_weight {
            values = values.clamp(-most, most);
        }
        if let Some(most) = self.training.ema_decay {
            let updates = self.updates as f64;
            // The first weights are far from what they become: the average forgets them fast.
            let keep = most.min((1.0 + updates) / (10.0 + updates));
            self.average = Some(match self.average.take() {
                Some(average) => average * keep + values.clone() * (1.0 - keep),
                None => values.clone(),
            });
        }
        scatter(model, values)
    }

    /// The model with the moving average of its parameters, where there is one.
    pub fn averaged<B, M>(&self, model: M) -> M
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: Module<B>,
    {
        match &self.average {
            Some(average) => scatter(model, average.clone()),
            None => model,
        }
    }

    /// Loshchilov, Hutter, "Decoupled weight decay regularization", 2017, <https://arxiv.org/abs/1711.05101>; as
    /// PyTorch's optimisers.
    fn updated(&mut self, values: Tensor<I, 1>, gradient: Tensor<I, 1>, learning_rate: f64) -> Tensor<I, 1> {
        let TrainingConfig { beta_1, beta_2, epsilon, weight_decay, clip_norm, .. } = self.training;
        self.updates += 1;
        let gradient = match clip_norm {
            Some(max) => clipped(gradient, max),
            None => gradient,
        };
        let shrinking = match &self.decayed {
            Some(decayed) => values.clone() * decayed.clone(),
            None => values.clone(),
        };
        let (values, gradient) = match self.training.optimizer {
            _ if weight_decay == 0.0 => (values, gradient),
            Optimizer::AdamW => (values - shrinking * (learning_rate * weight_decay), gradient),
            Optimizer::Adam | Optimizer::Sgd => (values, gradient + shrinking * weight_decay),
        };
        let mut moments = std::mem::take(&mut self.moments).into_iter();
        let averaged = |old: Option<Tensor<I, 1>>, new: Tensor<I, 1>, keep: f64, take: f64| match old {
            Some(old) => old * keep + new * take,
            None => new * take,
        };
        match self.training.optimizer {
            Optimizer::AdamW | Optimizer::Adam => {
                let first = averaged(moments.next(), gradient.clone(), beta_1, 1.0 - beta_1);
                let second = averaged(moments.next(), gradient.clone() * gradient, beta_2, 1.0 - beta_2);
                let unbiased = |beta: f64| 1.0 - beta.powf(self.updates as f64);
                let spread = (second.clone() / unbiased(beta_2)).sqrt() + epsilon;
                let values = values - first.clone() / spread * (learning_rate / unbiased(beta_1));
                self.moments = vec![first, second];
                values
            }
            Optimizer::Sgd if beta_1 == 0.0 => values - gradient * learning_rate,
            Optimizer::Sgd => {
                let velocity = averaged(moments.next(), gradient, beta_1, 1.0);
                self.moments = vec![velocity.clone()];
                values - velocity * learning_rate
            }
        }
    }

    /// All parameters, moments and averages, bit for bit.
    pub fn state<B, M>(&self, model: &M) -> Result<Vec<u8>>
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: Module<B>,
    {
        let mut gather = Gather::<B>::new(None);
        model.visit(&mut gather);
        let mut state = self.updates.to_le_bytes().to_vec();
        for part in [gather.gathered, self.moments.clone(), self.average.iter().cloned().collect()] {
            let values: Vec<f32> = match part.is_empty() {
                true => Vec::new(),
                false => Tensor::cat(part, 0).into_data().into_vec().map_err(|error| {
                    Error::new(ErrorKind::Failed, format!("The training state cannot be read: {error:?}."))
                })?,
            };
            state.extend((values.len() as u64).to_le_bytes());
            state.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Ok(state)
    }

    /// The model with the parameters that [`Updater::state`] gave; takes over its moments.
    pub fn restore<B, M>(&mut self, model: M, state: &[u8]) -> Result<M>
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: Module<B>,
    {
        let damaged = || Error::new(ErrorKind::Mismatch, "The training state is not one of this model and optimiser.");
        let mut rest = state;
        let mut number = || {
            let (bytes, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(u64::from_le_bytes(*bytes))
        };
        let updates = number().ok_or_else(damaged)?;
        let mut parts = Vec::new();
        for _ in 0..3 {
            let (bytes, after) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
            let size = usize::try_from(u64::from_le_bytes(*bytes)).ok().and_then(|count| count.checked_mul(4));
            let (values, after) = size.and_then(|size| after.split_at_checked(size)).ok_or_else(damaged)?;
            let values: Vec<f32> =
                values.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect();
            parts.push(values);
            rest = after;
        }
        let mut gather = Gather::<B>::new(None);
        model.visit(&mut gather);
        let count: usize = gather.gathered.iter().map(|values| values.dims()[0]).sum();
        let mut next = || parts.pop().unwrap_or_default();
        let (average, moments, values) = (next(), next(), next());
        let averages = usize::from(updates > 0 && self.training.ema_decay.is_some());
        let tracked = match self.training.optimizer {
            _ if updates == 0 => 0,
            Optimizer::AdamW | Optimizer::Adam => 2,
            Optimizer::Sgd => usize::from(self.training.beta_1 != 0.0),
        };
        let sizes = [values.len(), moments.len(), average.len()];
        if !rest.is_empty() || sizes != [count, tracked * count, averages * count] {
            return Err(damaged());
        }
        let Some(device) = gather.gathered.first().map(Tensor::device) else { return Ok(model) };
        let tensor = |values: &[f32]| Tensor::<I, 1>::from_data(TensorData::new(values.to_vec(), [count]), &device);
        self.updates = updates;
        self.moments = moments.chunks_exact(count).map(tensor).collect();
        self.average = average.chunks_exact(count).map(tensor).next();
        Ok(scatter(model, tensor(&values)))
    }
}

/// Scales the gradient so that its Euclidean norm is at most `max`, as PyTorch's `clip_grad_norm_`.
fn clipped<I: Backend>(gradient: Tensor<I, 1>, max: f64) -> Tensor<I, 1> {
    let norm = ops::sum_of_squares(gradient.clone()).sqrt();
    gradient * (norm + 1e-6).recip().mul_scalar(max).clamp_max(1.0)
}

#[cfg(feature = "flex")]
#[cfg(test)]
mod tests {
    use super::*;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;
    use lookback_models::{Io, ModelConfig, init, linear_rnn::LinearRnnConfig};
    use serde::Deserialize;

    type B = Autodiff<Flex>;

    #[derive(Deserialize)]
    struct Reference {
        start: Vec<f64>,
        gradients: Vec<Vec<f64>>,
        rates: Vec<f64>,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        training: TrainingConfig,
        trajectory: Vec<Vec<f64>>,
    }

    fn tensor(values: &[f64]) -> Tensor<Flex, 1> {
        Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), &Default::default())
    }

    #[test]
    fn steps_are_those_of_pytorch() {
        let text = include_str!("../../tests/reference/optimizers.json");
        let reference: Reference = serde_json::from_str(text).expect("the fixture is valid");
        assert_eq!(reference.cases.len(), 4);
        for case in reference.cases {
            let mut updater = Updater::<Flex>::new(&case.training);
            let mut values = tensor(&reference.start);
            for (step, expected) in case.trajectory.iter().enumerate() {
                values = updater.updated(values, tensor(&reference.gradients[step]), reference.rates[step]);
                let ours: Vec<f32> = values.to_data().to_vec().expect("single precision");
                for (ours, expected) in ours.iter().zip(expected) {
                    let gap = (f64::from(*ours) - expected).abs();
                    assert!(gap <= 2e-6 * expected.abs().max(0.1), "{}, step {step}: {ours} {expected}", case.name);
                }
            }
        }
    }

    #[test]
    fn decay_spares_biases_and_averages_follow_the_weights() {
        let io = Io::sequence(1, 1, 4);
        let model = LinearRnnConfig::default().with_width(3).init::<B>(io, &mut init::rng(1), &Default::default());
        let training = TrainingConfig {
            weight_decay: 0.5,
            decay: Decay::Weights,
            ema_decay: Some(0.25),
            clip_norm: None,
            ..TrainingConfig::default()
        };
        let mut updater = Updater::<Flex>::new(&training);
        let values = |model: &_| all_values::<B, _>(model).into_data().to_vec::<f32>().expect("single precision");
        let weights = decayed::<B, _>(&model, &Default::default()).into_data().to_vec::<f32>().expect("numbers");
        // Input and output map have 3 weights each; the recurrent matrix and biases are no maps' weights.
        assert_eq!(weights.iter().sum::<f32>(), 6.0);
        let start = values(&model);
        updater.accumulate(&model, GradientsParams::new(), 1.0);
        let first = updater.step(model, 0.1);
        for ((before, after), weight) in start.iter().zip(values(&first)).zip(weights) {
            assert!((after - before * (1.0 - 0.1 * 0.5 * weight)).abs() < 1e-7);
        }
        updater.accumulate(&first, GradientsParams::new(), 1.0);
        let before = values(&first);
        let second = updater.step(first, 0.1);
        let average = values(&updater.averaged(second.clone()));
        for ((before, after), average) in before.iter().zip(values(&second)).zip(average) {
            // The second average keeps min(1/4, 3/12) of the first, which is the first weights.
            assert!((average - (0.25 * before + 0.75 * after)).abs() < 1e-7);
        }
    }

    #[test]
    fn weights_are_cut_off_at_their_bound() {
        let model = LinearRnnConfig::default().with_width(3).init::<B>(
            Io::sequence(1, 1, 4),
            &mut init::rng(1),
            &Default::default(),
        );
        let training = TrainingConfig { max_weight: Some(0.1), clip_norm: None, ..TrainingConfig::default() };
        let values = |model: &_| all_values::<B, _>(model).into_data().to_vec::<f32>().expect("single precision");
        let start = values(&model);
        assert!(start.iter().any(|weight| weight.abs() > 0.1) && start.iter().any(|weight| weight.abs() < 0.1));
        let mut updater = Updater::<Flex>::new(&training);
        // Without a gradient only the bound acts.
        updater.accumulate(&model, GradientsParams::new(), 1.0);
        let after = values(&updater.step(model, 1e-3));
        assert!(start.iter().zip(after).all(|(before, after)| after == before.clamp(-0.1, 0.1)));
    }

    #[test]
    fn a_state_fits_its_own_model_and_rule_only() {
        let build = |width| {
            let io = Io::sequence(1, 1, 4);
            let config = LinearRnnConfig::default().with_width(width);
            config.init::<Autodiff<Flex>>(io, &mut init::rng(1), &Default::default())
        };
        let updater = |optimizer| Updater::<Flex>::new(&TrainingConfig { optimizer, ..TrainingConfig::default() });
        let model = build(3);
        let mut trained = updater(Optimizer::AdamW);
        trained.accumulate(&model, GradientsParams::new(), 1.0);
        let model = trained.step(model, 0.1);
        let state = trained.state(&model).expect("a state");
        let mut other = updater(Optimizer::AdamW);
        let restored = other.restore(build(3), &state).expect("it fits");
        assert_eq!(other.state(&restored).expect("a state"), state);
        for (rule, width, bytes) in [
            (Optimizer::AdamW, 4, &state[..]),
            (Optimizer::Sgd, 3, &state[..]),
            (Optimizer::AdamW, 3, &state[..state.len() - 1]),
            (Optimizer::AdamW, 3, &state[..20]),
            (Optimizer::AdamW, 3, &[]),
        ] {
            let error = updater(rule).restore(build(width), bytes).unwrap_err();
            assert_eq!(error.to_string(), "The training state is not one of this model and optimiser.");
        }
    }
}
