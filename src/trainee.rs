//! A model with its optimiser, its type erased: what the learner steps, evaluates and saves.

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{
    Adam, AdamConfig, AdamW, AdamWConfig, GradientsParams, Optimizer as _, Sgd, SgdConfig, adaptor::OptimizerAdaptor,
    decay::WeightDecayConfig, momentum::MomentumConfig,
};
use burn::record::{BinBytesRecorder, FullPrecisionSettings, Recorder};
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use burn_store::{ModuleSnapshot, SafetensorsStore};
use lookback_benchmarks::{Optimizer, TrainingConfig};
use lookback_models::{SequenceModel, init};
use lookback_registry::{Error, Result};
use rand::RngExt;

/// A map from sequences to sequences without gradients: `[batch, length, d_input]` to
/// `[batch, length, d_output]`.
pub type Predictor<B> = Box<dyn Fn(Tensor<B, 3>) -> Tensor<B, 3>>;

/// A model with its optimiser on the backend `B`.
pub trait Trainee<B: AutodiffBackend> {
    /// Trainable scalars.
    fn num_params(&self) -> usize;

    /// The tree of modules with their sizes, for people.
    fn describe(&self) -> String;

    /// The model's output, tracked for gradients.
    ///
    /// # Shapes
    /// - input `[batch, length, d_input]`, output `[batch, length, d_output]`
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3>;

    /// The model as it is now, without gradients.
    fn predictor(&self) -> Predictor<B::InnerBackend>;

    /// The model with every weight moved by a uniform draw from `[-beta, beta]`.
    fn perturbed(&self, beta: f64, seed: u64) -> Predictor<B::InnerBackend>;

    /// One update against the gradient of `loss` (`[1]`).
    fn update(&mut self, loss: Tensor<B, 1>, learning_rate: f64);

    /// Weights and optimiser state, bit for bit.
    ///
    /// # Errors
    /// The record cannot be serialised.
    fn state(&self) -> Result<Vec<u8>>;

    /// Restores what [`Trainee::state`] gave.
    ///
    /// # Errors
    /// The bytes are not such a state of this model.
    fn restore(&mut self, state: &[u8]) -> Result<()>;

    /// The weights as a safetensors file, tensors named by their path in the model.
    ///
    /// # Errors
    /// A tensor cannot be serialised.
    fn weights(&self) -> Result<Vec<u8>>;

    /// Loads a safetensors file.
    ///
    /// # Errors
    /// Not a safetensors file, or its names or shapes are not those of this model.
    fn load_weights(&mut self, file: Vec<u8>) -> Result<()>;
}

enum Rule<B: AutodiffBackend, M: AutodiffModule<B>> {
    AdamW(OptimizerAdaptor<AdamW, M, B>),
    Adam(OptimizerAdaptor<Adam, M, B>),
    Sgd(OptimizerAdaptor<Sgd<B::InnerBackend>, M, B>),
}

/// The [`Trainee`] for a model `M`.
pub struct Trained<B: AutodiffBackend, M: AutodiffModule<B>> {
    // An option only because burn's optimisers take the module by value.
    model: Option<M>,
    rule: Rule<B, M>,
    clip_norm: Option<f64>,
    device: B::Device,
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Trained<B, M> {
    /// A model with a fresh optimiser.
    pub fn new(model: M, training: &TrainingConfig, device: B::Device) -> Self {
        let (beta_1, beta_2) = (training.beta_1 as f32, training.beta_2 as f32);
        let (epsilon, decay) = (training.epsilon as f32, training.weight_decay as f32);
        let added_decay = (decay > 0.0).then_some(WeightDecayConfig { penalty: decay });
        let rule = match training.optimizer {
            Optimizer::AdamW => Rule::AdamW(
                AdamWConfig::new()
                    .with_beta_1(beta_1)
                    .with_beta_2(beta_2)
                    .with_epsilon(epsilon)
                    .with_weight_decay(decay)
                    .init(),
            ),
            Optimizer::Adam => Rule::Adam(
                AdamConfig::new()
                    .with_beta_1(beta_1)
                    .with_beta_2(beta_2)
                    .with_epsilon(epsilon)
                    .with_weight_decay(added_decay)
                    .init(),
            ),
            Optimizer::Sgd => {
                let momentum = (beta_1 > 0.0).then_some(MomentumConfig {
                    momentum: training.beta_1,
                    dampening: 0.0,
                    nesterov: false,
                });
                Rule::Sgd(SgdConfig::new().with_momentum(momentum).with_weight_decay(added_decay).init())
            }
        };
        Self { model: Some(model), rule, clip_norm: training.clip_norm, device }
    }

    fn model(&self) -> &M {
        self.model.as_ref().expect("the model is only absent within an update")
    }
}

type Bytes = BinBytesRecorder<FullPrecisionSettings, Vec<u8>>;

fn to_bytes<B: Backend, R: burn::record::Record<B>>(record: R) -> Result<Vec<u8>> {
    let recorder = Bytes::default();
    Recorder::<B>::record(&recorder, record, ())
        .map_err(|error| Error::caused("The training state cannot be serialised", error))
}

fn from_bytes<B: Backend, R: burn::record::Record<B>>(bytes: &[u8], device: &B::Device) -> Result<R> {
    let recorder = Bytes::default();
    Recorder::<B>::load(&recorder, bytes.to_vec(), device)
        .map_err(|error| Error::caused("The training state cannot be read", error))
}

impl<B, M> Trainee<B> for Trained<B, M>
where
    B: AutodiffBackend,
    M: SequenceModel<B> + AutodiffModule<B, InnerModule: SequenceModel<B::InnerBackend>> + 'static,
{
    fn num_params(&self) -> usize {
        self.model().num_params()
    }

    fn describe(&self) -> String {
        format!("{:?}", Tree::of(self.model()))
    }

    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.model().forward(input)
    }

    fn predictor(&self) -> Predictor<B::InnerBackend> {
        let model = self.model().valid();
        Box::new(move |input| model.forward(input))
    }

    fn perturbed(&self, beta: f64, seed: u64) -> Predictor<B::InnerBackend> {
        let model = self.model().valid().map(&mut Perturb { beta, rng: init::rng(seed) });
        Box::new(move |input| model.forward(input))
    }

    fn update(&mut self, loss: Tensor<B, 1>, learning_rate: f64) {
        let model = self.model.take().expect("the model is only absent within an update");
        let mut gradients = GradientsParams::from_grads(loss.backward(), &model);
        if let Some(max) = self.clip_norm {
            clip_global_norm(&model, &mut gradients, max);
        }
        self.model = Some(match &mut self.rule {
            Rule::AdamW(rule) => rule.step(learning_rate, model, gradients),
            Rule::Adam(rule) => rule.step(learning_rate, model, gradients),
            Rule::Sgd(rule) => rule.step(learning_rate, model, gradients),
        });
    }

    fn state(&self) -> Result<Vec<u8>> {
        let model = to_bytes::<B, _>(self.model().clone().into_record())?;
        let optimizer = match &self.rule {
            Rule::AdamW(rule) => to_bytes::<B, _>(rule.to_record())?,
            Rule::Adam(rule) => to_bytes::<B, _>(rule.to_record())?,
            Rule::Sgd(rule) => to_bytes::<B, _>(rule.to_record())?,
        };
        let mut state = (model.len() as u64).to_le_bytes().to_vec();
        state.extend(model);
        state.extend(optimizer);
        Ok(state)
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let damaged = || Error::new("The training state is too short.");
        let (length, rest) = state.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (model, optimizer) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let record = from_bytes::<B, _>(model, &self.device)?;
        self.model = self.model.take().map(|model| model.load_record(record));
        match &mut self.rule {
            Rule::AdamW(rule) => *rule = rule.clone().load_record(from_bytes::<B, _>(optimizer, &self.device)?),
            Rule::Adam(rule) => *rule = rule.clone().load_record(from_bytes::<B, _>(optimizer, &self.device)?),
            Rule::Sgd(rule) => *rule = rule.clone().load_record(from_bytes::<B, _>(optimizer, &self.device)?),
        }
        Ok(())
    }

    fn weights(&self) -> Result<Vec<u8>> {
        // More than one entry of metadata would be written in no fixed order.
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata().metadata("format", "pt");
        self.model()
            .valid()
            .save_into(&mut store)
            .and_then(|()| store.get_bytes())
            .map_err(|error| Error::caused("The weights cannot be serialised", error))
    }

    fn load_weights(&mut self, file: Vec<u8>) -> Result<()> {
        let mut store = SafetensorsStore::from_bytes(Some(file));
        let mut model = self.model().valid();
        model.load_from(&mut store).map_err(|error| Error::caused("The weights do not fit the model", error))?;
        self.model = Some(M::from_inner(model));
        Ok(())
    }
}

/// Scales all gradients together so that their joint Euclidean norm is at most `max`; what PyTorch's
/// `clip_grad_norm_` does. (burn's own clipping takes each tensor's norm by itself.)
fn clip_global_norm<B: AutodiffBackend, M: Module<B>>(model: &M, gradients: &mut GradientsParams, max: f64) {
    struct SquaredNorm<'a, B: AutodiffBackend> {
        gradients: &'a GradientsParams,
        sum: Option<Tensor<B::InnerBackend, 1>>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for SquaredNorm<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
                let squares = gradient.clone().mul(gradient).sum();
                self.sum = Some(match self.sum.take() {
                    Some(sum) => sum + squares,
                    None => squares,
                });
            }
        }
    }
    struct Scale<'a, B: AutodiffBackend> {
        gradients: &'a mut GradientsParams,
        factor: Tensor<B::InnerBackend, 1>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Scale<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            if let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(param.id) {
                self.gradients.register(param.id, gradient * self.factor.clone().unsqueeze());
            }
        }
    }
    let mut norm = SquaredNorm::<B> { gradients, sum: None };
    model.visit(&mut norm);
    if let Some(sum) = norm.sum {
        let factor = (sum.sqrt() + 1e-6).recip().mul_scalar(max).clamp_max(1.0);
        model.visit(&mut Scale::<B> { gradients, factor });
    }
}

struct Perturb {
    beta: f64,
    rng: init::InitRng,
}

impl<B: Backend> ModuleMapper<B> for Perturb {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let Self { beta, rng } = self;
        param.map(|tensor| {
            let noise: Vec<f64> =
                (0..tensor.shape().num_elements()).map(|_| (2.0 * rng.random::<f64>() - 1.0) * *beta).collect();
            let noise = burn::tensor::TensorData::new(noise, tensor.dims());
            let device = tensor.device();
            tensor + Tensor::from_data(noise, &device)
        })
    }
}

/// The parameters of a model by path and shape, one per line.
struct Tree(Vec<(String, Vec<usize>)>);

impl Tree {
    fn of<B: Backend, M: Module<B> + ModuleSnapshot<B>>(model: &M) -> Self {
        let snapshots = model.collect(None, None, false);
        Self(snapshots.iter().map(|snapshot| (snapshot.full_path(), snapshot.shape.to_vec())).collect())
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (path, shape) in &self.0 {
            let count: usize = shape.iter().product();
            writeln!(formatter, "{path:<40} {:<20} {count:>10}", format!("{shape:?}"))?;
        }
        Ok(())
    }
}
