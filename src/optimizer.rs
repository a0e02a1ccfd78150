//! AdamW, Adam and SGD on all parameters of a model at once.
//!
//! Parameters, gradients and moments are one vector each: an update is some ten operations, however many tensors the
//! model has. With an operation (on a GPU, a kernel launch) per tensor and step instead, updates of small models take
//! as long as their gradients.

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};
use lookback_benchmarks::{Optimizer, TrainingConfig};
use lookback_registry::{Error, Result};

/// A rule with its moments.
pub(crate) struct Updater<I: Backend> {
    training: TrainingConfig,
    updates: u64,
    /// Momentum, or the first and the second moment, once there was an update; each `[parameters]`.
    moments: Vec<Tensor<I, 1>>,
}

impl<I: Backend> Updater<I> {
    pub fn new(training: &TrainingConfig) -> Self {
        Self { training: training.clone(), updates: 0, moments: Vec::new() }
    }

    /// The model after one step against the gradients. A parameter without gradient counts as one with zeros.
    pub fn step<B, M>(&mut self, model: M, gradients: &mut GradientsParams, learning_rate: f64) -> M
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: AutodiffModule<B>,
    {
        let mut both = Gather::<B> { values: Vec::new(), gradients: Some((gradients, Vec::new())) };
        model.visit(&mut both);
        let Gather { values, gradients } = both;
        if values.is_empty() {
            return model;
        }
        let gradients = gradients.map(|(_, gradients)| gradients).unwrap_or_default();
        let values = self.updated(Tensor::cat(values, 0), Tensor::cat(gradients, 0), learning_rate);
        scatter(model, values)
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
        let (values, gradient) = match self.training.optimizer {
            _ if weight_decay == 0.0 => (values, gradient),
            Optimizer::AdamW => (values * (1.0 - learning_rate * weight_decay), gradient),
            Optimizer::Adam | Optimizer::Sgd => (values.clone(), gradient + values * weight_decay),
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

    /// All parameters and moments, bit for bit.
    pub fn state<B, M>(&self, model: &M) -> Result<Vec<u8>>
    where
        B: AutodiffBackend<InnerBackend = I>,
        M: Module<B>,
    {
        let mut gather = Gather::<B> { values: Vec::new(), gradients: None };
        model.visit(&mut gather);
        let mut state = self.updates.to_le_bytes().to_vec();
        for part in [gather.values, self.moments.clone()] {
            let values: Vec<f32> = match part.is_empty() {
                true => Vec::new(),
                false => Tensor::cat(part, 0)
                    .into_data()
                    .into_vec()
                    .map_err(|error| Error::new(format!("The training state cannot be read: {error:?}.")))?,
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
        let damaged = || Error::new("The training state is not one of this model and optimiser.");
        let mut rest = state;
        let mut number = || {
            let (bytes, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(u64::from_le_bytes(*bytes))
        };
        let updates = number().ok_or_else(damaged)?;
        let mut parts = Vec::new();
        for _ in 0..2 {
            let (bytes, after) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
            let size = usize::try_from(u64::from_le_bytes(*bytes)).ok().and_then(|count| count.checked_mul(4));
            let (values, after) = size.and_then(|size| after.split_at_checked(size)).ok_or_else(damaged)?;
            let values: Vec<f32> =
                values.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect();
            parts.push(values);
            rest = after;
        }
        let mut gather = Gather::<B> { values: Vec::new(), gradients: None };
        model.visit(&mut gather);
        let count: usize = gather.values.iter().map(|values| values.dims()[0]).sum();
        let (moments, values) = (parts.pop().unwrap_or_default(), parts.pop().unwrap_or_default());
        let tracked = match self.training.optimizer {
            _ if updates == 0 => 0,
            Optimizer::AdamW | Optimizer::Adam => 2,
            Optimizer::Sgd => usize::from(self.training.beta_1 != 0.0),
        };
        if !rest.is_empty() || values.len() != count || moments.len() != tracked * count {
            return Err(damaged());
        }
        let Some(device) = gather.values.first().map(Tensor::device) else { return Ok(model) };
        let tensor = |values: &[f32]| Tensor::<I, 1>::from_data(TensorData::new(values.to_vec(), [count]), &device);
        self.updates = updates;
        self.moments = moments.chunks_exact(count).map(tensor).collect();
        Ok(scatter(model, tensor(&values)))
    }
}

/// Scales the gradient so that its Euclidean norm is at most `max`, as PyTorch's `clip_grad_norm_`.
fn clipped<I: Backend>(gradient: Tensor<I, 1>, max: f64) -> Tensor<I, 1> {
    let norm = gradient.clone().mul(gradient.clone()).sum().sqrt();
    gradient * (norm + 1e-6).recip().mul_scalar(max).clamp_max(1.0)
}

/// Collects trainable parameters, and their gradients where wanted.
struct Gather<'a, B: AutodiffBackend> {
    values: Vec<Tensor<B::InnerBackend, 1>>,
    gradients: Option<(&'a mut GradientsParams, Vec<Tensor<B::InnerBackend, 1>>)>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Gather<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        if !value.is_require_grad() {
            return;
        }
        let value = value.inner();
        let count = value.shape().num_elements();
        if let Some((gradients, flat)) = &mut self.gradients {
            let gradient = gradients.remove::<B::InnerBackend, D>(param.id);
            flat.push(gradient.unwrap_or_else(|| value.zeros_like()).reshape([count]));
        }
        self.values.push(value.reshape([count]));
    }
}

/// The model with other values of its trainable parameters, in the order of [`Gather`].
fn scatter<B: AutodiffBackend, M: Module<B>>(model: M, values: Tensor<B::InnerBackend, 1>) -> M {
    struct Scatter<B: AutodiffBackend> {
        values: Tensor<B::InnerBackend, 1>,
        start: usize,
    }
    impl<B: AutodiffBackend> ModuleMapper<B> for Scatter<B> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, old, mapper) = param.consume();
            if !old.is_require_grad() {
                return Param::from_mapped_value(id, old, mapper);
            }
            let count = old.shape().num_elements();
            let value = self.values.clone().narrow(0, self.start, count).reshape(old.dims());
            self.start += count;
            Param::from_mapped_value(id, Tensor::from_inner(value).require_grad(), mapper)
        }
    }
    model.map(&mut Scatter::<B> { values, start: 0 })
}

#[cfg(feature = "flex")]
#[cfg(test)]
mod tests {
    use super::*;
    use burn_autodiff::Autodiff;
    use burn_flex::Flex;
    use lookback_models::{Io, ModelConfig, init, linear_rnn::LinearRnnConfig};
    use serde::Deserialize;

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
        let text = include_str!("../tests/reference/optimizers.json");
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
    fn a_state_fits_its_own_model_and_rule_only() {
        let build = |width| {
            let io = Io { d_input: 1, d_output: 1, length: 4 };
            let config = LinearRnnConfig::default().with_width(width);
            config.build::<Autodiff<Flex>>(io, &mut init::rng(1), &Default::default())
        };
        let updater = |optimizer| Updater::<Flex>::new(&TrainingConfig { optimizer, ..TrainingConfig::default() });
        let model = build(3);
        let mut trained = updater(Optimizer::AdamW);
        let model = trained.step(model, &mut GradientsParams::new(), 0.1);
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
