//! `lookback report RUN`: the page of a single run.

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{RunSpec, RunStatus, TaskInfo, task};
use lookback_datasets::DataFolder;
use lookback_registry::{Error, ErrorKind, Result};
use serde_json::json;

use super::Exit;
use super::args::{LogFormat, ReportArguments};
use super::inspect::validation;
use super::out;
use super::probe::finished;
use crate::backends::devices::choose_devices;
use crate::backends::models::Models;
use crate::backends::{BackendTask, TrainBackend};
use crate::inspect::trained::TrainedModel;
use crate::inspect::{AttentionMaps, Guess, Spectra, attention};
use crate::report::{Attention, ImageInsights, RunReport, run_html};
use crate::runs::environment::Environment;
use crate::runs::folder::{read, read_json, write_whole};
use crate::runs::runner::Timing;

/// Validation images that are classified for the page.
const GUESSES: usize = 256;
/// Images whose attention the page shows.
const LOOKS: usize = 4;

/// Makes the page of a finished run.
pub(super) fn report_run(arguments: &ReportArguments, models: &Models) -> Result<Exit> {
    let (folder, spec) = finished(&arguments.dir)?;
    let result = folder.result()?.ok_or_else(|| Error::new(ErrorKind::Usage, "The run has no result."))?;
    let backend = arguments.backend.kind()?;
    let devices = arguments.device.numbers();
    backend.check_devices(devices)?;
    // A run that diverged has weights that are no numbers.
    let weights = match result.status {
        RunStatus::Finished => Some(read(&folder.file("weights.safetensors"))?),
        RunStatus::Diverged => None,
    };
    let learnt = backend.dispatch(Learn { spec: &spec, weights, models, devices, data: arguments.data.folder() })?;
    let environment = read_json::<Environment>(&folder.file("environment.json"))?;
    let path = folder.file("report.html");
    let page = run_html(&RunReport {
        spec: &spec,
        model: models.catalogue().get(&spec.model.name)?.info,
        task: learnt.task,
        epoch: learnt.epoch,
        command: &format!("lookback train --spec {} --out again", folder.file("spec.json").display()),
        result: &result,
        curve: &folder.curve()?,
        timing: read_json::<Timing>(&folder.file("timing.json"))?.as_ref(),
        classification: read_json(&folder.file("classification.json"))?.as_ref(),
        probe: folder.probe()?.as_ref(),
        images: learnt.images.as_ref(),
        environment: &environment.map_or_else(Vec::new, |found| found.entries()),
    })?;
    write_whole(&path, page.as_bytes())?;
    match arguments.log_format {
        LogFormat::Json => out::say_json(&json!({"event": "report", "path": path})),
        LogFormat::Text => out::say(&format!("report: {}", path.display())),
    }
    Ok(Exit::Success)
}

/// What the page needs beside the run's files.
struct Learnt {
    task: TaskInfo,
    epoch: Option<usize>,
    images: Option<ImageInsights>,
}

struct Learn<'a> {
    spec: &'a RunSpec,
    weights: Option<Vec<u8>>,
    models: &'a Models,
    devices: &'a [usize],
    data: DataFolder,
}

impl BackendTask for Learn<'_> {
    type Output = Result<Learnt>;

    fn run<B: TrainBackend>(self, _device: <B as BackendTypes>::Device) -> Self::Output {
        let entry = task::<B>(&self.spec.task.name)?;
        let epoch = (entry.build)(&self.spec.task.params, &self.data)?.epoch();
        let images = match self.weights {
            None => None,
            Some(weights) => {
                let device = choose_devices::<B>(self.devices)?.swap_remove(0);
                insights(&TrainedModel::<B>::new(self.spec, weights, self.models, &self.data, device)?)?
            }
        };
        Ok(Learnt { task: entry.kind.info, epoch, images })
    }
}

/// What single validation images show of a classifier; none for another task.
fn insights<B: TrainBackend>(run: &TrainedModel<B>) -> Result<Option<ImageInsights>> {
    let Some(images) = run.task().images() else { return Ok(None) };
    let classes = images.classes.clone();
    let samples = match validation(run, GUESSES) {
        Ok(samples) => samples,
        // A run may outlive its data; the rest of the page needs none.
        Err(reason) => return Ok(Some(ImageInsights { classes, guesses: Err(reason.chain()), attention: None })),
    };
    let mut attention = None;
    if !samples.is_empty() && !run.state().attention(run.input(samples[0].0.clone())).is_empty() {
        let first = samples.iter().take(LOOKS).map(|(values, _)| values.as_slice());
        attention = Some(looks(run, first, (images.width, images.height)).map_err(|reason| reason.chain()));
    }
    let guess = |(values, truth)| Guess::of(run, images, values, Some(truth));
    let guesses = samples.into_iter().map(guess).collect::<Result<Vec<_>>>()?;
    Ok(Some(ImageInsights { classes, guesses: Ok(guesses), attention }))
}

fn looks<'a, B: TrainBackend>(
    run: &TrainedModel<B>,
    samples: impl Iterator<Item = &'a [f32]>,
    size: (usize, usize),
) -> Result<Attention> {
    let (mut maps, mut spectra) = (Vec::new(), Spectra::default());
    for values in samples {
        let layers = attention(run, values.to_vec())?;
        maps.push(AttentionMaps::of(&layers, size)?);
        spectra.add(&layers);
    }
    Ok(Attention { maps, spectra })
}
