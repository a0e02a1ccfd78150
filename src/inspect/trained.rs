//! A finished run's model, to be evaluated or used.

use burn::tensor::{Tensor, TensorData};
use lookback_benchmarks::tasks::TaskOn;
use lookback_benchmarks::{ImageClasses, RunSpec};
use lookback_datasets::DataFolder;
use lookback_registry::{Error, ErrorKind, Result};

use crate::backends::{Request, TrainBackend, build_model, task};
use crate::learner::TrainState;
use crate::learner::evaluation::ValidData;

/// A trained model with its task, on one device.
pub struct TrainedModel<B: TrainBackend> {
    name: String,
    task: Box<dyn TaskOn<B>>,
    state: Box<dyn TrainState<B>>,
    device: B::Device,
}

impl<B: TrainBackend> TrainedModel<B> {
    /// The model of `spec` with the weights of a safetensors file, as a run leaves in its folder.
    ///
    /// # Errors
    /// An unknown name or an invalid parameter in the spec, or weights that do not fit the model.
    pub fn new(spec: &RunSpec, weights: Vec<u8>, data: &DataFolder, device: B::Device) -> Result<Self> {
        let task = task::<B>(&spec.task.name, &spec.task.params, data)?;
        let request = Request { params: &spec.model.params, io: task.io(), seed: spec.seed, training: &spec.training };
        let mut state = build_model::<B>(&spec.model.name, request, &device)?;
        state.load_weights(weights)?;
        Ok(Self { name: spec.task.name.clone(), task, state, device })
    }

    /// What the samples show.
    ///
    /// # Errors
    /// The task is not about images.
    pub fn images(&self) -> Result<&ImageClasses> {
        let message = || format!("The task `{}` is not about images.", self.name);
        self.task.images().ok_or_else(|| Error::new(ErrorKind::Usage, message()))
    }

    /// The task.
    pub fn task(&self) -> &dyn TaskOn<B> {
        self.task.as_ref()
    }

    /// The model.
    pub fn state(&self) -> &dyn TrainState<B> {
        self.state.as_ref()
    }

    /// The model's outputs for the whole validation split, and its targets, each `[samples, output length, d_output]`,
    /// row-major.
    ///
    /// # Errors
    /// The data cannot be read.
    pub fn predictions(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        let valid = ValidData::<B>::new(self.task.as_ref(), &self.device)?;
        let outputs = valid.predictions_of_first(&self.state.predictor(), usize::MAX);
        Ok((outputs, valid.into_targets()))
    }

    /// A batch of one sequence on the model's device, from its values `[length, d_input]`, row-major.
    pub fn input(&self, values: Vec<f32>) -> Tensor<B::InnerBackend, 3> {
        let io = self.task.io();
        Tensor::from_data(TensorData::new(values, [1, io.length, io.d_input]), &self.device)
    }

    /// The model's outputs for one sequence, `[output length, d_output]`, row-major.
    pub fn predict(&self, values: Vec<f32>) -> Vec<f32> {
        (self.state.predictor())(self.input(values)).into_data().iter::<f32>().collect()
    }
}
