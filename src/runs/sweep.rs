//! Runs every planned spec that is not done, several at a time, each in a process of its own.
//!
//! A process per run keeps a panic, a kill or a process-wide random state of one run from touching another.
//! Closing a worker's standard input asks it to stop with a checkpoint; so workers also stop when the sweep
//! itself is killed.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use lookback_benchmarks::{Planned, RunResult};
use lookback_registry::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::backends::BackendKind;
use crate::runs::folder::{RunFolder, read_json, write_json};
use crate::runs::queue::{Job, Queue};
use crate::runs::runner::RunEvent;
use crate::runs::store::Store;

/// A worker's exit code when it has stopped with a checkpoint.
pub(crate) const EXIT_STOPPED: i32 = 4;
/// A worker's exit code when another process holds the run.
pub(crate) const EXIT_BUSY: i32 = 3;

/// How long a run that another process holds is left alone before it is looked at again.
const BUSY_PAUSE: Duration = Duration::from_millis(300);

/// How a sweep is carried out; nothing here changes a run's numbers.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Where runs run.
    pub backend: BackendKind,
    /// The number of the device; the default one where absent.
    pub device: Option<usize>,
    /// The folder of the data sets; the usual places where absent.
    pub data: Option<PathBuf>,
    /// Runs at a time.
    pub jobs: usize,
    /// Whether the first failure ends the sweep.
    pub fail_fast: bool,
    /// Time between a run's checkpoints.
    pub checkpoint_every: Duration,
    /// The program to start as worker: `PROGRAM worker FOLDER --backend NAME --checkpoint-seconds S`.
    pub program: PathBuf,
}

/// How one run of a sweep ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum RunOutcome {
    /// It has a result.
    Done {
        /// The result.
        result: RunResult,
    },
    /// It failed; the reason is also in its folder as `failure.json`.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was stopped and left a checkpoint.
    Stopped,
}

/// What a sweep tells while it goes.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum SweepEvent {
    /// The sweep starts.
    Planned {
        /// Runs in all.
        total: usize,
        /// Runs that have a result already.
        done: usize,
    },
    /// A run tells something.
    Run {
        /// The run's identity.
        id: String,
        /// What it tells.
        news: RunEvent,
    },
    /// A run ended.
    RunEnded {
        /// The run's identity.
        id: String,
        /// How.
        #[serde(flatten)]
        outcome: RunOutcome,
    },
}

/// What a sweep came to.
#[derive(Debug, Clone, Default)]
pub struct SweepSummary {
    /// Runs in all.
    pub total: usize,
    /// Runs with a result, old and new.
    pub done: usize,
    /// Identity and reason of each failed run.
    pub failed: Vec<(String, String)>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// `failure.json`: why a run has no result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// The reason in one line.
    pub reason: String,
}

/// Runs what is not done. `stop` ends it with checkpoints.
///
/// # Errors
/// The store cannot be read or written, or workers cannot be started.
pub fn sweep(
    store: &Store,
    runs: &[Planned],
    options: &SweepOptions,
    observe: &mut dyn FnMut(SweepEvent),
    stop: &AtomicBool,
) -> Result<SweepSummary> {
    let mut queue = Queue::default();
    let mut summary = SweepSummary::default();
    let mut known = HashSet::new();
    for run in runs {
        let id = run.spec.id();
        // Two places of a grid may ask for the same run.
        if !known.insert(id.clone()) {
            continue;
        }
        summary.total += 1;
        let folder = store.run(&id);
        if folder.result()?.is_some() {
            summary.done += 1;
        } else {
            folder.create(&run.spec)?;
            let kind = serde_json::to_string(&(&run.spec.model, &run.spec.training, &run.spec.task.name));
            let kind = kind.map_err(|error| Error::caused(ErrorKind::Failed, "A spec cannot be serialised", error))?;
            queue.jobs.push_back(Job { id, kind, not_before: Instant::now() });
        }
    }
    observe(SweepEvent::Planned { total: summary.total, done: summary.done });

    let workers = Workers {
        store,
        options,
        queue: Mutex::new(queue),
        running: Mutex::new(HashMap::new()),
        halt: AtomicBool::new(false),
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..options.jobs.max(1) {
            let (workers, sender) = (&workers, sender.clone());
            scope.spawn(move || workers.serve(&sender));
        }
        drop(sender);
        loop {
            if stop.load(Ordering::Relaxed) {
                summary.stopped = true;
                workers.halt();
            }
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(event) => {
                    if let SweepEvent::RunEnded { id, outcome } = &event {
                        match outcome {
                            RunOutcome::Done { .. } => summary.done += 1,
                            RunOutcome::Stopped => {}
                            RunOutcome::Failed { reason } => {
                                summary.failed.push((id.clone(), reason.clone()));
                                if options.fail_fast {
                                    workers.halt();
                                }
                            }
                        }
                    }
                    observe(event);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    })?;
    Ok(summary)
}

/// What the threads of a sweep share; each thread keeps one worker process busy.
struct Workers<'a> {
    store: &'a Store,
    options: &'a SweepOptions,
    queue: Mutex<Queue>,
    /// The standard input of each running worker: closing it asks the worker to stop.
    running: Mutex<HashMap<String, ChildStdin>>,
    halt: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A poisoned lock means a panic in another thread of the sweep; the data are plain collections.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Workers<'_> {
    fn halt(&self) {
        self.halt.store(true, Ordering::Relaxed);
        locked(&self.running).clear();
    }

    /// Works until the queue is empty or the sweep halts.
    fn serve(&self, sender: &mpsc::Sender<SweepEvent>) {
        while !self.halt.load(Ordering::Relaxed) {
            let Some(mut job) = locked(&self.queue).pop() else {
                return;
            };
            if job.not_before > Instant::now() {
                locked(&self.queue).jobs.push_back(job);
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let folder = self.store.run(&job.id);
            let started = Instant::now();
            let outcome = match self.work(&job.id, &folder, sender) {
                Ok(Some(outcome)) => outcome,
                // Another sweep is at it; it ends with a result, or leaves the run to us.
                Ok(None) => {
                    job.not_before = Instant::now() + BUSY_PAUSE;
                    locked(&self.queue).jobs.push_back(job);
                    continue;
                }
                Err(error) => RunOutcome::Failed { reason: error.chain() },
            };
            locked(&self.queue).seconds.insert(job.kind, started.elapsed().as_secs_f64());
            if let RunOutcome::Failed { reason } = &outcome {
                // The reason also reaches the terminal; a full disk must not hide it behind a second error.
                let _ = write_json(&folder.file("failure.json"), &Failure { reason: reason.clone() });
            }
            // The receiver is only gone when the sweep is over.
            let _ = sender.send(SweepEvent::RunEnded { id: job.id, outcome });
        }
    }

    /// Runs one worker to its end; `None` where another process holds the run.
    fn work(&self, id: &str, folder: &RunFolder, sender: &mpsc::Sender<SweepEvent>) -> Result<Option<RunOutcome>> {
        if let Some(result) = folder.result()? {
            return Ok(Some(RunOutcome::Done { result }));
        }
        let mut child = self.start(folder)?;
        let stdin = child.stdin.take().ok_or_else(|| Error::new(ErrorKind::Io, "The worker has no standard input."))?;
        locked(&self.running).insert(id.to_owned(), stdin);
        if self.halt.load(Ordering::Relaxed) {
            // The sweep halted between the check and the start.
            locked(&self.running).remove(id);
        }
        let stdout =
            child.stdout.take().ok_or_else(|| Error::new(ErrorKind::Io, "The worker has no standard output."))?;
        let mut complaint = None;
        for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
            match serde_json::from_str::<WorkerLine>(&line) {
                Ok(WorkerLine::Event(event)) => {
                    // The receiver is only gone when the sweep is over.
                    let _ = sender.send(SweepEvent::Run { id: id.to_owned(), news: event });
                }
                Ok(WorkerLine::Failed { failed }) => complaint = Some(failed),
                Err(_) => complaint = Some(format!("The worker printed an unexpected line: {line}")),
            }
        }
        let status =
            child.wait().map_err(|error| Error::caused(ErrorKind::Io, "The worker cannot be waited for", error))?;
        locked(&self.running).remove(id);
        match status.code() {
            Some(EXIT_BUSY) => Ok(None),
            Some(EXIT_STOPPED) => Ok(Some(RunOutcome::Stopped)),
            Some(0) => match folder.result()? {
                Some(result) => Ok(Some(RunOutcome::Done { result })),
                None => Err(Error::new(ErrorKind::Failed, "The worker ended without a result.")),
            },
            _ => Ok(Some(RunOutcome::Failed {
                reason: complaint.unwrap_or_else(|| format!("{}{}", describe(status), last_words(folder))),
            })),
        }
    }

    fn start(&self, folder: &RunFolder) -> Result<Child> {
        let log_path = folder.file("stderr.log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(|error| Error::io("write", &log_path, error))?;
        let place = self.options.data.as_ref().map(|folder| [OsStr::new("--data"), folder.as_os_str()]);
        let device = self.options.device.map(|number| ["--device".to_owned(), number.to_string()]);
        Command::new(&self.options.program)
            .arg("worker")
            .arg(folder.path())
            .args(["--backend", self.options.backend.name()])
            .args(device.iter().flatten())
            .args(place.iter().flatten())
            .args(["--checkpoint-seconds", &self.options.checkpoint_every.as_secs_f64().to_string()])
            // One thread per run: as many runs as cores are faster than threads within small operations.
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .spawn()
            .map_err(|error| Error::io("start", &self.options.program, error))
    }
}

/// One line of a worker's standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum WorkerLine {
    /// Something happened.
    Event(RunEvent),
    /// The run cannot be carried out.
    Failed {
        /// Why.
        failed: String,
    },
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("The worker was killed by signal {signal}.");
    }
    match status.code() {
        Some(101) => "The worker panicked.".to_owned(),
        Some(code) => format!("The worker ended with exit code {code}."),
        None => "The worker was killed.".to_owned(),
    }
}

/// The last panic on the worker's standard error, or its last lines.
fn last_words(folder: &RunFolder) -> String {
    let Ok(text) = std::fs::read_to_string(folder.file("stderr.log")) else {
        return String::new();
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("note:")).collect();
    let first = match lines.iter().rposition(|line| line.contains("panicked at")) {
        Some(panic) => panic,
        None => lines.len().saturating_sub(3),
    };
    let words: Vec<&str> = lines[first..].iter().take_while(|line| **line != "stack backtrace:").copied().collect();
    if words.is_empty() { String::new() } else { format!(" Its last words: {}", words.join(" ")) }
}

/// Why a run has no result, if it failed.
///
/// # Errors
/// The file cannot be read.
pub fn failure(folder: &RunFolder) -> Result<Option<Failure>> {
    read_json(&folder.file("failure.json"))
}
