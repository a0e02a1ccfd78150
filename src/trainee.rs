//! A model with its optimiser, its type erased: what the learner steps, evaluates and saves.

use burn::module::{AutodiffModule, Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{
    Tensor,
    backend::{AutodiffBackend, Backend},
};
use burn_store::{ModuleSnapshot, SafetensorsStore};
use lookback_benchmarks::TrainingConfig;
use lookback_models::{SequenceModel, init};
use lookback_registry::{Error, Result};
use rand::RngExt;

use crate::optimizer::Updater;

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

/// The [`Trainee`] for a model `M`.
pub struct Trained<B: AutodiffBackend, M: AutodiffModule<B>> {
    // An option only because a module is updated by value.
    model: Option<M>,
    updater: Updater<B::InnerBackend>,
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Trained<B, M> {
    /// A model with a fresh optimiser.
    pub fn new(model: M, training: &TrainingConfig) -> Self {
        Self { model: Some(model), updater: Updater::new(training) }
    }

    fn model(&self) -> &M {
        self.model.as_ref().expect("the model is only absent within an update")
    }
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
        self.model = Some(self.updater.step::<B, M>(model, &mut gradients, learning_rate));
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
