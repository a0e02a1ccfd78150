//! What builds models and tasks on every backend of this build, by name.

use std::marker::PhantomData;
use std::sync::Arc;

use burn::tensor::backend::AutodiffBackend;
use lookback_benchmarks::tasks::{TASKS, TaskConfig, TaskEntry, TaskOn, build_task};
use lookback_datasets::DataFolder;
use lookback_models::{MODELS, ModelConfig, ModelEntry, configure, init};
use lookback_registry::{Entry, Params, Registry, Result};

use super::{BuildModel, BuildTask, Request, TrainBackend};
use crate::learner::{ModelState, TrainState};

/// Builds the models, or the tasks, of the configuration `C`.
pub struct Builder<C>(PhantomData<fn() -> C>);

impl<C: ModelConfig> Builder<C> {
    pub(super) fn model<B: AutodiffBackend>(
        &self,
        request: Request<'_>,
        device: &B::Device,
    ) -> Result<Box<dyn TrainState<B>>> {
        let config: C = configure(request.params, request.io)?;
        let model = config.init::<B>(request.io, &mut init::rng(request.seed), device);
        Ok(Box::new(ModelState::new(model, request.training)))
    }
}

impl<C: TaskConfig> Builder<C> {
    pub(super) fn task<B: AutodiffBackend>(&self, params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<B>>> {
        build_task::<C, B>(params, data)
    }
}

/// A line of [`MODEL_BUILDERS`].
#[derive(Clone)]
struct ModelBuilder {
    name: &'static str,
    builder: Arc<dyn BuildModel>,
}

impl ModelBuilder {
    fn of<C: ModelConfig>() -> Self {
        Self { name: C::INFO.name, builder: Arc::new(Builder::<C>(PhantomData)) }
    }
}

impl Entry for ModelBuilder {
    const KIND: &'static str = "model";

    fn name(&self) -> &str {
        self.name
    }
}

/// A line of [`TASK_BUILDERS`].
#[derive(Clone)]
struct TaskBuilder {
    name: &'static str,
    builder: Arc<dyn BuildTask>,
}

impl TaskBuilder {
    fn of<C: TaskConfig>() -> Self {
        Self { name: C::INFO.name, builder: Arc::new(Builder::<C>(PhantomData)) }
    }
}

impl Entry for TaskBuilder {
    const KIND: &'static str = "task";

    fn name(&self) -> &str {
        self.name
    }
}

static MODEL_BUILDERS: Registry<ModelBuilder> = Registry::new(|| {
    macro_rules! builders {
        ($($config:ty),* $(,)?) => { vec![$(ModelBuilder::of::<$config>()),*] };
    }
    lookback_models::with_models!(builders)
});

static TASK_BUILDERS: Registry<TaskBuilder> = Registry::new(|| {
    macro_rules! builders {
        ($($config:ty),* $(,)?) => { vec![$(TaskBuilder::of::<$config>()),*] };
    }
    lookback_benchmarks::with_tasks!(builders)
});

/// Adds a model to the list of models, on every backend; one of the same name is replaced.
pub fn add_model<C: ModelConfig>() {
    MODELS.add(ModelEntry::of::<C>());
    MODEL_BUILDERS.add(ModelBuilder::of::<C>());
}

/// Adds a task to the list of tasks, on every backend; one of the same name is replaced.
pub fn add_task<C: TaskConfig>() {
    TASKS.add(TaskEntry::of::<C>());
    TASK_BUILDERS.add(TaskBuilder::of::<C>());
}

/// Builds the model named `name` with its optimiser.
///
/// # Errors
/// The name is unknown, or the parameters are not valid for the shape.
pub fn build_model<B: TrainBackend>(
    name: &str,
    request: Request<'_>,
    device: &B::Device,
) -> Result<Box<dyn TrainState<B>>> {
    B::model(MODEL_BUILDERS.get(name)?.builder.as_ref(), request, device)
}

/// Builds the task named `name`; its data are looked for in the folder once they are needed.
///
/// # Errors
/// The name is unknown, or the parameters are not valid.
pub fn task<B: TrainBackend>(name: &str, params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<B>>> {
    B::task(TASK_BUILDERS.get(name)?.builder.as_ref(), params, data)
}
