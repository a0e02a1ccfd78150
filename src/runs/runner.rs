//! Runs one spec into one folder: resumes it, checkpoints it, and leaves a complete result or a run to go on with.

use std::time::{Duration, Instant};

use lookback_benchmarks::{Classification, Probes, RunResult, RunSpec, RunStatus};
use lookback_datasets::DataFolder;
use lookback_models::Io;
use lookback_registry::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::backends::devices::choose_devices;
use crate::backends::{BackendKind, BackendTask, Request, TrainBackend, build_model, task};
use crate::inspect::probe;
use crate::learner::{Evaluation, Learner, Speed, Step, TrainState};
use crate::runs::environment::Environment;
use crate::runs::folder::{RunFolder, read_json, write_json, write_whole};

/// How a run is carried out; nothing here changes its numbers.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Where it runs.
    pub backend: BackendKind,
    /// The numbers of the devices that share its batches (more than one: data parallel training); the default device
    /// where there are none.
    pub devices: Vec<usize>,
    /// Where data sets lie.
    pub data: DataFolder,
    /// Threads that make samples of a stream ahead of time.
    pub loaders: usize,
    /// Time between checkpoints.
    pub checkpoint_every: Duration,
    /// Time between [`RunEvent::Progress`]; never where absent.
    pub progress_every: Option<Duration>,
}

impl RunOptions {
    /// On the default device, without loader threads, with data in the usual places and a checkpoint every ten seconds.
    pub fn new(backend: BackendKind) -> Self {
        Self {
            backend,
            devices: Vec::new(),
            data: DataFolder::default(),
            loaders: 0,
            checkpoint_every: Duration::from_secs(10),
            progress_every: None,
        }
    }
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
    /// Updates, and how fast they go.
    Progress {
        /// Updates so far.
        step: usize,
        /// Training samples per second.
        samples_per_second: f64,
        /// The share of the time that was spent waiting for samples, in 0..=1.
        data_share: f64,
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
    /// Seconds of training over all parts of the run.
    pub training_seconds: f64,
    /// Seconds of final diagnostics.
    pub probe_seconds: f64,
    /// Training samples of all updates.
    #[serde(default)]
    pub samples: usize,
    /// Seconds of all updates, without evaluations.
    #[serde(default)]
    pub update_seconds: f64,
    /// The part of them that was spent waiting for samples.
    #[serde(default)]
    pub data_seconds: f64,
}

/// Carries out `spec` in `folder`. `observe` is told of every event; `stop` is asked before every step.
///
/// # Errors
/// An invalid spec, or a folder that cannot be written.
pub fn run(
    spec: &RunSpec,
    folder: &RunFolder,
    options: &RunOptions,
    observe: &mut dyn FnMut(RunEvent),
    stop: &dyn Fn() -> bool,
) -> Result<RunEnd> {
    options.backend.dispatch(Job { spec, folder, options, observe, stop })
}

/// The learner of `spec` at its start.
///
/// # Errors
/// An unknown name or invalid parameters.
pub(crate) fn learner<B: TrainBackend>(spec: &RunSpec, data: &DataFolder, device: B::Device) -> Result<Learner<B>> {
    let task = task::<B>(&spec.task.name, &spec.task.params, data)?;
    let state = state::<B>(spec, task.io(), &device)?;
    Learner::new(task, state, spec.training.clone(), spec.seed, device)
}

fn state<B: TrainBackend>(spec: &RunSpec, io: Io, device: &B::Device) -> Result<Box<dyn TrainState<B>>> {
    let request = Request { params: &spec.model.params, io, seed: spec.seed, training: &spec.training };
    build_model::<B>(&spec.model.name, request, device)
}

struct Job<'a> {
    spec: &'a RunSpec,
    folder: &'a RunFolder,
    options: &'a RunOptions,
    observe: &'a mut dyn FnMut(RunEvent),
    stop: &'a dyn Fn() -> bool,
}

impl BackendTask for Job<'_> {
    type Output = Result<RunEnd>;

    fn run<B: TrainBackend>(self, _device: B::Device) -> Self::Output {
        let Self { spec, folder, options, observe, stop } = self;
        let mut devices = choose_devices::<B>(&options.devices)?.into_iter();
        let device = devices.next().expect("there is at least one device");
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

        let learner = learner::<B>(spec, &options.data, device)?;
        let io = learner.task().io();
        let further = devices.map(|device| Ok((device.clone(), state::<B>(spec, io, &device)?)));
        let mut learner = learner.with_devices(further.collect::<Result<Vec<_>>>()?).with_loaders(options.loaders);
        for message in folder.restore_checkpoint(|checkpoint| learner.restore(checkpoint)) {
            observe(RunEvent::Warning { message });
        }
        // The checkpoint may be older than the last line that was written.
        folder.write_curve(learner.curve())?;
        observe(RunEvent::Started { step: learner.steps(), steps: spec.training.steps });

        let mut timing: Timing = read_json(&folder.file("timing.json"))?.unwrap_or_default();
        let mut clock = Clock { started: Instant::now(), speed: Speed::default() };
        let (mut saved, mut told) = (Instant::now(), Instant::now());
        let status = loop {
            if stop() {
                save(&mut learner, folder, &mut timing, &mut clock)?;
                return Ok(RunEnd::Stopped);
            }
            match learner.advance() {
                Step::Updated => {}
                Step::Evaluated(evaluation) => {
                    folder.append_to_curve(&evaluation)?;
                    observe(RunEvent::Evaluated(evaluation));
                }
                Step::Ended(status) => break status,
            }
            if saved.elapsed() >= options.checkpoint_every {
                save(&mut learner, folder, &mut timing, &mut clock)?;
                saved = Instant::now();
            }
            if options.progress_every.is_some_and(|pause| told.elapsed() >= pause) {
                told = Instant::now();
                let speed = learner.speed();
                observe(RunEvent::Progress {
                    step: learner.steps(),
                    samples_per_second: speed.samples_per_second(),
                    data_share: speed.data_share(),
                });
            }
        };
        clock.add_to(&mut timing, learner.speed());

        // The result comes last: a folder that has one has everything.
        folder.write_curve(learner.curve())?;
        write_whole(&folder.file("weights.safetensors"), &learner.state().weights()?)?;
        if status == RunStatus::Finished {
            let begun = Instant::now();
            if let Some(images) = learner.task().images() {
                let (logits, targets) = learner.predictions();
                let classes = Classification::of(&logits, targets, &images.classes);
                write_json(&folder.file("classification.json"), &classes)?;
            }
            let Probes { memory, attention } = learner.task().probes();
            if memory || attention.is_some() {
                write_json(&folder.file("probe.json"), &probe::probe(&learner))?;
            }
            timing.probe_seconds = begun.elapsed().as_secs_f64();
        }
        write_json(&folder.file("timing.json"), &timing)?;
        let result =
            learner.result().ok_or_else(|| Error::new(ErrorKind::Failed, "The run ended without an evaluation."))?;
        write_json(&folder.file("result.json"), &result)?;
        folder.remove_checkpoints();
        Ok(RunEnd::Done(result))
    }
}

fn save<B: TrainBackend>(
    learner: &mut Learner<B>,
    folder: &RunFolder,
    timing: &mut Timing,
    clock: &mut Clock,
) -> Result<()> {
    folder.write_checkpoint(&learner.checkpoint()?)?;
    clock.add_to(timing, learner.speed());
    write_json(&folder.file("timing.json"), timing)
}

/// What of a learner has not been added to the times of its run.
struct Clock {
    started: Instant,
    /// The learner's speed when it was added last.
    speed: Speed,
}

impl Clock {
    fn add_to(&mut self, timing: &mut Timing, speed: Speed) {
        timing.training_seconds += self.started.elapsed().as_secs_f64();
        timing.samples += speed.samples - self.speed.samples;
        timing.update_seconds += (speed.training - self.speed.training).as_secs_f64();
        timing.data_seconds += (speed.waiting - self.speed.waiting).as_secs_f64();
        *self = Self { started: Instant::now(), speed };
    }
}

/// A run that one backend began must not be finished by another: its numbers would be neither's.
fn check_backend(folder: &RunFolder, environment: &Environment) -> Result<()> {
    let path = folder.file("environment.json");
    match read_json::<Environment>(&path)? {
        Some(before) if before.backend != environment.backend => Err(Error::new(
            ErrorKind::Mismatch,
            format!(
                "`{}` was begun on the backend `{}`; go on with `--backend {}`, or choose another folder for `{}`.",
                folder.path().display(),
                before.backend,
                before.backend,
                environment.backend
            ),
        )),
        _ => Ok(()),
    }
}
