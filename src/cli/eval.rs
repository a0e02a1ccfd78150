//! `lookback eval RUN`.

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{Classification, RunSpec};
use lookback_datasets::DataFolder;
use lookback_registry::Result;
use serde_json::{Map, Value, json};

use super::Exit;
use super::args::EvalArguments;
use super::out;
use super::probe::finished;
use crate::backends::devices::choose_devices;
use crate::backends::models::Models;
use crate::backends::{BackendTask, TrainBackend};
use crate::inspect::trained::TrainedModel;
use crate::report::terminal_table;
use crate::runs::folder::read;

/// Metrics by name, and the classes where there are any.
type Judged = (Vec<(&'static str, f64)>, Option<Classification>);

/// Judges a finished run again.
pub(super) fn eval(arguments: &EvalArguments, models: &Models) -> Result<Exit> {
    let (folder, spec) = finished(&arguments.run)?;
    let backend = arguments.backend.kind()?;
    let devices = arguments.device.numbers();
    backend.check_devices(devices)?;
    let weights = read(&folder.file("weights.safetensors"))?;
    let data = arguments.data.folder();
    let (metrics, classes) = backend.dispatch(Judge { spec: &spec, weights, models, data, devices })?;
    if arguments.json {
        let metrics: Map<String, Value> =
            metrics.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        out::say_json(&json!({"metrics": metrics, "classification": classes}));
        return Ok(Exit::Success);
    }
    out::say(&format!("model {} on task {}, seed {}", spec.model.name, spec.task.name, spec.seed));
    for (name, value) in metrics {
        out::say(&format!("{name}: {}", out::number(value)));
    }
    if let Some(classes) = classes {
        out::say(&format!("\n{}", terminal_table(&classes.table(), out::width())));
    }
    Ok(Exit::Success)
}

struct Judge<'a> {
    spec: &'a RunSpec,
    weights: Vec<u8>,
    models: &'a Models,
    data: DataFolder,
    devices: &'a [usize],
}

impl BackendTask for Judge<'_> {
    type Output = Result<Judged>;

    fn run<B: TrainBackend>(self, _device: <B as BackendTypes>::Device) -> Self::Output {
        let device = choose_devices::<B>(self.devices)?.swap_remove(0);
        let run = TrainedModel::<B>::new(self.spec, self.weights, self.models, &self.data, device)?;
        let (outputs, targets) = run.predictions()?;
        let classes = run.task().images().map(|images| Classification::of(&outputs, &targets, &images.classes));
        Ok((run.task().metrics(&outputs, &targets), classes))
    }
}
