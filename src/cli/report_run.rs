//! `lookback report RUN`: the page of a single run.

use lookback_benchmarks::{RunStatus, TASKS};
use lookback_models::MODELS;
use lookback_registry::Result;
use serde_json::json;

use super::Exit;
use super::args::{LogFormat, ReportArguments};
use super::finished::{FinishedRun, ModelWork};
use super::inspect::validation;
use super::out;
use crate::backends::TrainBackend;
use crate::inspect::{AttentionMaps, Guess, Spectra, TrainedModel, attention};
use crate::report::{Attention, ImageInsights, RunReport, run_html};
use crate::runs::environment::Environment;
use crate::runs::folder::{read_json, write_whole};
use crate::runs::runner::Timing;

/// Validation images that are classified for the page.
const GUESSES: usize = 256;
/// Images whose attention the page shows.
const LOOKS: usize = 4;

/// Makes the page of a finished run.
pub(super) fn report_run(arguments: &ReportArguments) -> Result<Exit> {
    let run = FinishedRun::open(&arguments.dir)?;
    let FinishedRun { folder, spec, result } = &run;
    let data = arguments.data.folder();
    let task = TASKS.get(&spec.task.name)?;
    // A run that diverged has weights that are no numbers.
    let images = match run.result.status {
        RunStatus::Finished => run.with_model(&arguments.place, &data, Insights)?,
        RunStatus::Diverged => None,
    };
    let environment = read_json::<Environment>(&folder.file("environment.json"))?;
    let path = folder.file("report.html");
    let page = run_html(&RunReport {
        spec,
        model: MODELS.get(&spec.model.name)?.info,
        task: task.info,
        epoch: task.task(&spec.task.params, &data)?.epoch(),
        command: &format!("{} train --spec {} --out again", super::program_name(), folder.file("spec.json").display()),
        result,
        curve: &folder.curve()?,
        timing: read_json::<Timing>(&folder.file("timing.json"))?.as_ref(),
        classification: read_json(&folder.file("classification.json"))?.as_ref(),
        probe: folder.probe()?.as_ref(),
        images: images.as_ref(),
        environment: &environment.map_or_else(Vec::new, |found| found.entries()),
    })?;
    write_whole(&path, page.as_bytes())?;
    match arguments.log_format {
        LogFormat::Json => out::say_json(&json!({"event": "report", "path": path})),
        LogFormat::Text => out::say(&format!("report: {}", path.display())),
    }
    Ok(Exit::Success)
}

struct Insights;

impl ModelWork for Insights {
    type Output = Option<ImageInsights>;

    fn run<B: TrainBackend>(self, model: &TrainedModel<B>) -> Result<Self::Output> {
        insights(model)
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
