//! Runs one spec into one folder: resumes it, checkpoints it, and leaves a complete result or a run to go on with.

use std::time::{Duration, Instant};

use lookback_benchmarks::{RunResult, RunSpec, RunStatus, task};
use lookback_registry::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::backend::{BackendKind, BackendTask, Hosted, Request};
use crate::environment::Environment;
use crate::model_list::Models;
use crate::probe;
use crate::run_folder::{RunFolder, read_json, write_json, write_whole};
use crate::session::{Evaluation, Session, Step};

/// How a run is carried out; nothing here changes its numbers.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where it runs.
    pub backend: BackendKind,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
}

/// What a run tells while it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// It starts, or goes on from a checkpoint at this step.
    Started {
        /// Updates already done.
        step: usize,
        /// Updates in all.
        steps: usize,
    },
    /// An evaluation.
    Evaluated(Evaluation),
    /// Something that the user should know of.
    Warning {
        /// What it is.
        message: String,
    },
}

/// How [`run`] came to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEnd {
    /// The result is complete; it may have been there before.
    Done(RunResult),
    /// It was asked to stop and has left a checkpoint.
    Stopped,
    /// Another process is at it.
    Busy,
}

/// Clock times of a run, kept apart from its result, which is the same every time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Seconds of training over all sessions of the run.
    pub training_seconds: f64,
    /// Seconds of final diagnostics.
    pub probe_seconds: f64,
}

/// Carries out `spec` in `folder`. `observe` is told of every event; `stop` is asked before every step.
///
/// # Errors
/// An invalid spec, or a folder that cannot be written.
pub fn run(
    spec: &RunSpec,
    folder: &RunFolder,
    models: &Models,
    options: &RunOptions,
    observe: &mut dyn FnMut(RunEvent),
    stop: &dyn Fn() -> bool,
) -> Result<RunEnd> {
    options.backend.dispatch(Job { spec, folder, models, options, observe, stop })
}

/// A session for `spec` at its start.
///
/// # Errors
/// An unknown name or invalid parameters.
pub(crate) fn session<B: Hosted>(spec: &RunSpec, models: &Models, device: B::Device) -> Result<Session<B>> {
    let task = (task::<B>(&spec.task.name)?.build)(&spec.task.params)?;
    let request = Request { params: &spec.model.params, io: task.io(), seed: spec.seed, training: &spec.training };
    let trainee = B::trainee(models.builder(&spec.model.name)?, request, &device)?;
    Session::new(task, trainee, spec.training.clone(), spec.seed, device)
}

struct Job<'a> {
    spec: &'a RunSpec,
    folder: &'a RunFolder,
    models: &'a Models,
    options: &'a RunOptions,
    observe: &'a mut dyn FnMut(RunEvent),
    stop: &'a dyn Fn() -> bool,
}

impl BackendTask for Job<'_> {
    type Output = Result<RunEnd>;

    fn run<B: Hosted>(self, device: B::Device) -> Self::Output {
        let Self { spec, folder, models, options, observe, stop } = self;
        folder.create(spec)?;
        let Some(_lock) = folder.lock()? else {
            return Ok(RunEnd::Busy);
        };
        if let Some(result) = folder.result()? {
            return Ok(RunEnd::Done(result));
        }
        let environment = Environment::current(options.backend);
        check_backend(folder, &environment)?;
        write_json(&folder.file("environment.json"), &environment)?;

        let mut session = session::<B>(spec, models, device)?;
        let (_, warnings) = folder.restore_checkpoint(|progress, state| session.restore(progress, state));
        for message in warnings {
            observe(RunEvent::Warning { message });
        }
        // The checkpoint may be older than the last line that was written.
        folder.write_curve(session.curve())?;
        observe(RunEvent::Started { step: session.steps(), steps: spec.training.steps });

        let mut timing: Timing = read_json(&folder.file("timing.json"))?.unwrap_or_default();
        let mut started = Instant::now();
        let mut saved = Instant::now();
        let status = loop {
            if stop() {
                save(&mut session, folder, &mut timing, &mut started)?;
                return Ok(RunEnd::Stopped);
            }
            match session.advance() {
                Step::Updated => {}
                Step::Evaluated(evaluation) => {
                    folder.append_to_curve(&evaluation)?;
                    observe(RunEvent::Evaluated(evaluation));
                }
                Step::Ended(status) => break status,
            }
            if saved.elapsed() >= options.checkpoint_every {
                save(&mut session, folder, &mut timing, &mut started)?;
                saved = Instant::now();
            }
        };
        timing.training_seconds += started.elapsed().as_secs_f64();

        // The result comes last: a folder that has one has everything.
        folder.write_curve(session.curve())?;
        write_whole(&folder.file("weights.safetensors"), &session.trainee().weights()?)?;
        if status == RunStatus::Finished {
            let begun = Instant::now();
            write_json(&folder.file("probe.json"), &probe::probe(&session))?;
            timing.probe_seconds = begun.elapsed().as_secs_f64();
        }
        write_json(&folder.file("timing.json"), &timing)?;
        let result = session.result().ok_or_else(|| Error::new("The run ended without an evaluation."))?;
        write_json(&folder.file("result.json"), &result)?;
        folder.remove_checkpoints();
        Ok(RunEnd::Done(result))
    }
}

fn save<B: Hosted>(
    session: &mut Session<B>,
    folder: &RunFolder,
    timing: &mut Timing,
    started: &mut Instant,
) -> Result<()> {
    let (progress, state) = session.snapshot()?;
    folder.write_checkpoint(&progress, &state)?;
    timing.training_seconds += started.elapsed().as_secs_f64();
    *started = Instant::now();
    write_json(&folder.file("timing.json"), timing)
}

/// A run that one backend began must not be finished by another: its numbers would be neither's.
fn check_backend(folder: &RunFolder, environment: &Environment) -> Result<()> {
    let path = folder.file("environment.json");
    match read_json::<Environment>(&path)? {
        Some(before) if before.backend != environment.backend => Err(Error::new(format!(
            "`{}` was begun on the backend `{}`; go on with `--backend {}`, or choose another folder for `{}`.",
            folder.path().display(),
            before.backend,
            before.backend,
            environment.backend
        ))),
        _ => Ok(()),
    }
}
