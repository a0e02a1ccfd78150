//! A model with its optimiser, its type erased: what the learner steps, evaluates and saves.

use std::any::Any;

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{
    FloatDType, Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};
use burn_store::{ModuleSnapshot, SafetensorsStore};
use lookback_benchmarks::{Precision, TrainingConfig};
use lookback_models::attention::Attended;
use lookback_models::noise::Noise;
use lookback_models::{SequenceModel, init, ops};
use lookback_registry::{Error, ErrorKind, Result};
use rand::RngExt;

use super::flat::{all_values, scatter};
use super::optimizer::Updater;

/// A map from sequences to sequences without gradients: `[batch, length, d_input]` to
/// `[batch, length, d_output]`.
pub type Predictor<B> = Box<dyn Fn(Tensor<B, 3>) -> Tensor<B, 3>>;

/// A model with its optimiser on the backend `B`.
pub trait TrainState<B: AutodiffBackend> {
    /// Trainable scalars.
    fn num_params(&self) -> usize;

    /// The tree of modules with their sizes, for people.
    fn describe(&self) -> String;

    /// Adds the gradient of a loss to those of the next update, and gives the loss, `[1]`.
    ///
    /// # Shapes
    /// - input `[batch, length, d_input]`
    fn learn(
        &mut self,
        input: Tensor<B, 3>,
        noise: &mut Noise,
        loss: &mut dyn FnMut(Tensor<B, 3>) -> Tensor<B, 1>,
    ) -> Tensor<B::InnerBackend, 1>;

    /// What attends to what in the model as it is evaluated, layer by layer; empty for a model without attention.
    ///
    /// # Shapes
    /// - input `[batch, length, d_input]`
    fn attention(&self, input: Tensor<B::InnerBackend, 3>) -> Vec<Attended<B::InnerBackend>>;

    /// The model's output, tracked for gradients.
    ///
    /// # Shapes
    /// - input `[batch, length, d_input]`, output `[batch, length, d_output]`
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3>;

    /// The model as it is evaluated: as it is now, or with the moving average of its weights; without gradients.
    fn predictor(&self) -> Predictor<B::InnerBackend>;

    /// The model as it is evaluated, with every weight moved by a uniform draw from `[-beta, beta]`.
    fn perturbed(&self, beta: f64, seed: u64) -> Predictor<B::InnerBackend>;

    /// The largest absolute value of a weight of the model as it is evaluated, or `None` if one is not finite.
    fn largest_weight(&self) -> Option<f64>;

    /// One update against the gradients since the last.
    fn update(&mut self, learning_rate: f64);

    /// The trainable scalars, `[parameters]`; there must be some.
    fn values(&self) -> TensorData;

    /// Replaces the trainable scalars by those of the same model elsewhere.
    fn set_values(&mut self, values: TensorData);

    /// Takes the sum of the gradients since the last update, `[parameters]`, where there were any.
    fn take_gradient(&mut self) -> Option<TensorData>;

    /// Adds a gradient of the same model elsewhere to those of the next update.
    fn add_gradient(&mut self, gradient: TensorData);

    /// Weights, their average and optimiser state, bit for bit.
    ///
    /// # Errors
    /// The record cannot be serialised.
    fn state(&self) -> Result<Vec<u8>>;

    /// Restores what [`TrainState::state`] gave.
    ///
    /// # Errors
    /// The bytes are not such a state of this model.
    fn restore(&mut self, state: &[u8]) -> Result<()>;

    /// The weights that are evaluated as a safetensors file, tensors named by their path in the model.
    ///
    /// # Errors
    /// A tensor cannot be serialised.
    fn weights(&self) -> Result<Vec<u8>>;

    /// Loads a safetensors file.
    ///
    /// # Errors
    /// Not a safetensors file, or its names or shapes are not those of this model.
    fn load_weights(&mut self, file: Vec<u8>) -> Result<()>;

    /// The state without its trait, to be cast to the [`ModelState`] that it is.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// The [`TrainState`] for a model `M`.
pub struct ModelState<B: AutodiffBackend, M: AutodiffModule<B>> {
    // An option only because a module is updated by value.
    model: Option<M>,
    updater: Updater<B::InnerBackend>,
    precision: Precision,
}

/// What the loss is multiplied with before a backward pass in half precision, whose smallest numbers gradients would
/// fall below (Micikevicius et al., "Mixed precision training", 2018, <https://arxiv.org/abs/1710.03740>).
const LOSS_SCALE: f64 = 1024.0;

impl<B: AutodiffBackend, M: AutodiffModule<B>> ModelState<B, M> {
    /// A model with a fresh optimiser.
    pub fn new(model: M, training: &TrainingConfig) -> Self {
        Self { model: Some(model), updater: Updater::new(training), precision: training.precision }
    }

    /// The model as the last update left it.
    pub fn into_model(self) -> M {
        self.model.expect("the model is only absent within an update")
    }

    fn model(&self) -> &M {
        self.model.as_ref().expect("the model is only absent within an update")
    }

    /// The model that is evaluated, without gradients.
    fn evaluated(&self) -> M::InnerModule {
        self.updater.averaged::<B, M>(self.model().clone()).valid()
    }
}

impl<B, M> TrainState<B> for ModelState<B, M>
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

    fn learn(
        &mut self,
        input: Tensor<B, 3>,
        noise: &mut Noise,
        loss: &mut dyn FnMut(Tensor<B, 3>) -> Tensor<B, 1>,
    ) -> Tensor<B::InnerBackend, 1> {
        let model = self.model.as_ref().expect("the model is only absent within an update");
        let (dtype, scale) = match self.precision {
            Precision::Single => (None, 1.0),
            Precision::Half => (Some(FloatDType::F16), LOSS_SCALE),
            Precision::Bfloat16 => (Some(FloatDType::BF16), 1.0),
        };
        let loss = ops::in_precision(dtype, || loss(model.forward_training(input, noise)));
        let detached = loss.clone().inner();
        let scaled = if scale == 1.0 { loss } else { loss * scale };
        let gradients = GradientsParams::from_grads(scaled.backward(), model);
        self.updater.accumulate::<B, M>(model, gradients, 1.0 / scale);
        detached
    }

    fn attention(&self, input: Tensor<B::InnerBackend, 3>) -> Vec<Attended<B::InnerBackend>> {
        self.evaluated().attention(input)
    }

    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.model().forward(input)
    }

    fn predictor(&self) -> Predictor<B::InnerBackend> {
        let model = self.evaluated();
        Box::new(move |input| model.forward(input))
    }

    fn perturbed(&self, beta: f64, seed: u64) -> Predictor<B::InnerBackend> {
        let model = self.evaluated().map(&mut Perturb { beta, rng: init::rng(seed) });
        Box::new(move |input| model.forward(input))
    }

    fn largest_weight(&self) -> Option<f64> {
        let mut largest = Largest(None);
        self.evaluated().visit(&mut largest);
        largest.0.filter(|value| value.is_finite())
    }

    fn update(&mut self, learning_rate: f64) {
        let model = self.model.take().expect("the model is only absent within an update");
        self.model = Some(self.updater.step::<B, M>(model, learning_rate));
    }

    fn values(&self) -> TensorData {
        all_values::<B, M>(self.model()).into_data()
    }

    fn set_values(&mut self, values: TensorData) {
        let model = self.model.take().expect("the model is only absent within an update");
        let values = Tensor::from_data(values, &device_of::<B, M>(&model));
        self.model = Some(scatter::<B, M>(model, values));
    }

    fn take_gradient(&mut self) -> Option<TensorData> {
        self.updater.take_gradient().map(Tensor::into_data)
    }

    fn add_gradient(&mut self, gradient: TensorData) {
        self.updater.add_gradient(Tensor::from_data(gradient, &device_of::<B, M>(self.model())));
    }

    fn state(&self) -> Result<Vec<u8>> {
        self.updater.state::<B, M>(self.model())
    }

    fn restore(&mut self, state: &[u8]) -> Result<()> {
        let model = self.model().clone();
        self.model = Some(self.updater.restore::<B, M>(model, state)?);
        Ok(())
    }

    fn weights(&self) -> Result<Vec<u8>> {
        // More than one entry of metadata would be written in no fixed order.
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata().metadata("format", "pt");
        self.evaluated()
            .save_into(&mut store)
            .and_then(|()| store.get_bytes())
            .map_err(|error| Error::caused(ErrorKind::Failed, "The weights cannot be serialised", error))
    }

    fn load_weights(&mut self, file: Vec<u8>) -> Result<()> {
        let mut store = SafetensorsStore::from_bytes(Some(file));
        let mut model = self.model().valid();
        model
            .load_from(&mut store)
            .map_err(|error| Error::caused(ErrorKind::Mismatch, "The weights do not fit the model", error))?;
        self.model = Some(M::from_inner(model));
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

fn device_of<B: Backend, M: Module<B>>(model: &M) -> B::Device {
    model.devices().into_iter().next().unwrap_or_default()
}

/// The largest absolute value so far; NaN where one was.
struct Largest(Option<f64>);

impl<B: Backend> ModuleVisitor<B> for Largest {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let values = param.val().into_data();
        let larger = |a: f64, b: f64| if a > b || a.is_nan() { a } else { b };
        self.0 = values.iter::<f64>().map(f64::abs).chain(self.0).reduce(larger);
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
            let noise = TensorData::new(noise, tensor.dims());
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
