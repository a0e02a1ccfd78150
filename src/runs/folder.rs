//! One run's folder. A file is written beside its final name and then renamed, so it is whole or absent.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use lookback_benchmarks::{Probe, RunResult, RunSpec};
use lookback_registry::{Error, ErrorKind, Result};
use serde::{Serialize, de::DeserializeOwned};

use crate::learner::{Checkpoint, Evaluation};

/// The folder of one run; its name is the run's identity.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

/// The right to write into a run's folder; the kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// Writes a file so that it is whole or absent, also after a power failure.
///
/// # Errors
/// The disk is full, or the folder cannot be written; the message names the path.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error| {
        // What is left of a failed write must not fill the disk further; the first error is the one to tell.
        let _ = fs::remove_file(&partial);
        Error::io("write", path, error)
    })
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::io("read", path, error))
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let value = serde_json::to_value(value).expect("plain data serialises");
    let mut text = serde_json::to_string_pretty(&value).expect("a value serialises");
    text.push('\n');
    write_whole(path, text.as_bytes())
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    serde_json::from_slice(&read(path)?)
        .map(Some)
        .map_err(|error| Error::caused(ErrorKind::Corrupt, format!("`{}` cannot be read", path.display()), error))
}

impl RunFolder {
    /// The folder at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates the folder with its spec, or checks that it holds just that spec.
    ///
    /// # Errors
    /// The folder cannot be written, or holds the spec of another run.
    pub fn create(&self, spec: &RunSpec) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(|error| Error::io("create", &self.path, error))?;
        let path = self.file("spec.json");
        if path.exists() {
            let found = self.spec()?;
            if found != *spec {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "`{}` holds the spec of run {}, not of run {}; choose another folder.",
                        path.display(),
                        found.id(),
                        spec.id()
                    ),
                ));
            }
            return Ok(());
        }
        write_whole(&path, spec.to_json().as_bytes())
    }

    /// The run's spec.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn spec(&self) -> Result<RunSpec> {
        let path = self.file("spec.json");
        let bytes = read(&path)?;
        let text = String::from_utf8(bytes)
            .map_err(|error| Error::caused(ErrorKind::Corrupt, format!("`{}` is not text", path.display()), error))?;
        RunSpec::from_json(&text).map_err(|error| error.context(format!("`{}` is no spec of a run", path.display())))
    }

    /// Takes the right to write into the folder; `None` where another process has it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn lock(&self) -> Result<Option<RunLock>> {
        let path = self.file("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| Error::io("write", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(RunLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(Error::io("lock", &path, error)),
        }
    }

    /// The result, if the run has ended.
    ///
    /// # Errors
    /// The file is not a result.
    pub fn result(&self) -> Result<Option<RunResult>> {
        read_json(&self.file("result.json"))
    }

    /// The diagnostics, if the run has finished.
    ///
    /// # Errors
    /// The file holds no diagnostics.
    pub fn probe(&self) -> Result<Option<Probe>> {
        read_json(&self.file("probe.json"))
    }

    /// The evaluations so far.
    ///
    /// # Errors
    /// A line is not an evaluation. (A last line that a kill cut off is passed over.)
    pub fn curve(&self) -> Result<Vec<Evaluation>> {
        let path = self.file("metrics.jsonl");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .enumerate()
            .map(|(number, line)| {
                serde_json::from_str(line).map_err(|error| {
                    Error::caused(
                        ErrorKind::Corrupt,
                        format!("Line {} of `{}` is no evaluation", number + 1, path.display()),
                        error,
                    )
                })
            })
            .collect()
    }

    /// Writes the evaluations up to now.
    pub(crate) fn write_curve(&self, curve: &[Evaluation]) -> Result<()> {
        let mut text = String::new();
        for evaluation in curve {
            text.push_str(&serde_json::to_string(evaluation).expect("an evaluation serialises"));
            text.push('\n');
        }
        write_whole(&self.file("metrics.jsonl"), text.as_bytes())
    }

    /// Adds an evaluation.
    pub(crate) fn append_to_curve(&self, evaluation: &Evaluation) -> Result<()> {
        let path = self.file("metrics.jsonl");
        let mut line = serde_json::to_string(evaluation).expect("an evaluation serialises");
        line.push('\n');
        File::options()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| Error::io("write", &path, error))
    }

    /// Writes a checkpoint and keeps the one before.
    pub(crate) fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        let current = self.file("checkpoint.bin");
        if current.exists() {
            let previous = self.file("checkpoint.previous.bin");
            fs::rename(&current, &previous).map_err(|error| Error::io("write", &previous, error))?;
        }
        write_whole(&current, &checkpoint.to_bytes())
    }

    /// Hands the newest readable checkpoint to `restore`; gives a warning for each that cannot be used.
    pub(crate) fn restore_checkpoint(&self, mut restore: impl FnMut(Checkpoint) -> Result<()>) -> Vec<String> {
        let mut warnings = Vec::new();
        for name in ["checkpoint.bin", "checkpoint.previous.bin"] {
            let path = self.file(name);
            if !path.exists() {
                continue;
            }
            match read(&path).and_then(|bytes| Checkpoint::from_bytes(&bytes)).and_then(&mut restore) {
                Ok(()) => return warnings,
                Err(error) => {
                    let reason = error.chain();
                    warnings.push(format!("`{}` cannot be used, going back further: {reason}", path.display()));
                }
            }
        }
        warnings
    }

    /// Removes what only an unfinished run needs.
    pub(crate) fn remove_checkpoints(&self) {
        for name in ["checkpoint.bin", "checkpoint.previous.bin", "failure.json", "stderr.log"] {
            // Absent is as good as removed, and a leftover is harmless beside a result.
            let _ = fs::remove_file(self.file(name));
        }
    }
}
