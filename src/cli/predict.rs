//! `lookback predict RUN IMAGE...`.

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::RunSpec;
use lookback_benchmarks::tasks::classification::probabilities;
use lookback_datasets::DataFolder;
use lookback_datasets::images::{Image, read_picture};
use lookback_registry::{Error, ErrorKind, Result};
use serde_json::json;

use super::Exit;
use super::args::PredictArguments;
use super::out;
use super::probe::finished;
use crate::backends::devices::choose_devices;
use crate::backends::models::Models;
use crate::backends::{BackendTask, TrainBackend};
use crate::inspect::trained::TrainedModel;
use crate::runs::folder::read;

/// Classifies pictures.
pub(super) fn predict(arguments: &PredictArguments, models: &Models) -> Result<Exit> {
    let (folder, spec) = finished(&arguments.run)?;
    if arguments.top == 0 {
        return Err(Error::invalid("--top", 0, "a whole number from 1 up"));
    }
    let pictures = arguments.images.iter().map(|path| read_picture(path)).collect::<Result<Vec<_>>>()?;
    let backend = arguments.backend.kind()?;
    let devices = arguments.device.numbers();
    backend.check_devices(devices)?;
    let weights = read(&folder.file("weights.safetensors"))?;
    let guesses = backend.dispatch(Classify { spec: &spec, weights, models, devices, pictures: &pictures })?;
    for (path, classes) in arguments.images.iter().zip(guesses) {
        let best = &classes[..arguments.top.min(classes.len())];
        if arguments.json {
            let classes: Vec<_> =
                best.iter().map(|(class, share)| json!({"class": class, "probability": share})).collect();
            out::say_json(&json!({"image": path, "classes": classes}));
            continue;
        }
        let classes: Vec<String> =
            best.iter().map(|(class, share)| format!("{class} {:.1} %", 100.0 * share)).collect();
        out::say(&format!("{}: {}", path.display(), classes.join(", ")));
    }
    Ok(Exit::Success)
}

struct Classify<'a> {
    spec: &'a RunSpec,
    weights: Vec<u8>,
    models: &'a Models,
    devices: &'a [usize],
    pictures: &'a [Image],
}

impl BackendTask for Classify<'_> {
    /// Classes with their probabilities, most probable first, for each picture.
    type Output = Result<Vec<Vec<(String, f64)>>>;

    fn run<B: TrainBackend>(self, _device: <B as BackendTypes>::Device) -> Self::Output {
        let device = choose_devices::<B>(self.devices)?.swap_remove(0);
        let run = TrainedModel::<B>::new(self.spec, self.weights, self.models, &DataFolder::default(), device)?;
        let Some(images) = run.task().images() else {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("The task `{}` is not about images.", self.spec.task.name),
            ));
        };
        let classify = |picture: &Image| {
            let logits = run.predict(images.sample(picture)?);
            let mut classes: Vec<_> = images.classes.iter().cloned().zip(probabilities(&logits)).collect();
            classes.sort_by(|left, right| right.1.total_cmp(&left.1));
            Ok(classes)
        };
        self.pictures.iter().map(classify).collect()
    }
}
