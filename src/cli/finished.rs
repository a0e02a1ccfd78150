//! A finished run whose model a command uses.

use std::path::Path;

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{RunResult, RunSpec};
use lookback_datasets::DataFolder;
use lookback_registry::{Error, ErrorKind, Result};

use super::args::PlaceArguments;
use crate::backends::devices::choose_devices;
use crate::backends::{BackendTask, TrainBackend};
use crate::inspect::TrainedModel;
use crate::runs::RunFolder;
use crate::runs::folder::read;

/// A run that has a result.
pub(super) struct FinishedRun {
    pub folder: RunFolder,
    pub spec: RunSpec,
    pub result: RunResult,
}

/// Work on a trained model, on whatever backend it is.
pub(super) trait ModelWork {
    /// What it gives.
    type Output;

    /// Does the work.
    fn run<B: TrainBackend>(self, model: &TrainedModel<B>) -> Result<Self::Output>;
}

impl FinishedRun {
    /// The run in this folder.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = RunFolder::new(path);
        let spec = folder.spec()?;
        match folder.result()? {
            Some(result) => Ok(Self { folder, spec, result }),
            None => Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "The run in `{0}` has not finished; `{1} train --spec {2} --out {0}` carries on with it.",
                    path.display(),
                    super::program_name(),
                    folder.file("spec.json").display(),
                ),
            )),
        }
    }

    /// Loads the model from the run's weights and works on it.
    pub fn with_model<W: ModelWork>(&self, place: &PlaceArguments, data: &DataFolder, work: W) -> Result<W::Output> {
        struct Load<'a, W> {
            run: &'a FinishedRun,
            weights: Vec<u8>,
            devices: &'a [usize],
            data: &'a DataFolder,
            work: W,
        }
        impl<W: ModelWork> BackendTask for Load<'_, W> {
            type Output = Result<W::Output>;

            fn run<B: TrainBackend>(self, _device: <B as BackendTypes>::Device) -> Self::Output {
                let device = choose_devices::<B>(self.devices)?.swap_remove(0);
                self.work.run(&TrainedModel::<B>::new(&self.run.spec, self.weights, self.data, device)?)
            }
        }
        let backend = place.backend.kind()?;
        let devices = place.device.numbers();
        backend.check_devices(devices)?;
        let weights = read(&self.folder.file("weights.safetensors"))?;
        backend.dispatch(Load { run: self, weights, devices, data, work })
    }
}
