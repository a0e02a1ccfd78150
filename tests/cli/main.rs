//! The program as a user runs it.

mod backends;
mod backends_vit;
mod experiments;
mod faults;
mod inspect;
mod mistakes;
mod own_entries;
mod sweep;
mod train;
mod vit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program with these arguments.
fn lookback(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookback"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A sweep of five short runs with a checkpoint after every step, in the folder `out`.
fn bench(out: &Path) -> Command {
    let mut command = lookback(&["bench", "memory", "--preset", "smoke", "--checkpoint-seconds", "0", "--jobs", "2"]);
    command.args(["--only", "memory=impulse,alpha=8", "--out"]).arg(out);
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must succeed; what it printed.
fn succeed(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{:?}: {}", output.status, stderr(&output));
    String::from_utf8(output.stdout).expect("the program prints text")
}

/// The folders of a sweep's runs.
fn run_folders(out: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(out.join("runs")).expect("the sweep has runs");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    folders.sort();
    folders
}

/// What a run leaves for good.
const RUN_FILES: [&str; 5] = ["result.json", "weights.safetensors", "probe.json", "metrics.jsonl", "spec.json"];

/// The bytes of these files of a folder, by name.
fn contents(folder: &Path, names: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let read = |name: &&str| {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name.to_string(), bytes)
    };
    names.iter().map(read).collect()
}

/// Every result of a sweep and the exports, by path.
fn results(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = contents(out, &["results.csv", "results.parquet"]);
    for folder in run_folders(out) {
        let id = folder.file_name().expect("a run has a name").to_string_lossy().into_owned();
        files.extend(contents(&folder, &RUN_FILES).into_iter().map(|(name, bytes)| (format!("{id}/{name}"), bytes)));
    }
    files
}

/// Panics with the name of a file in which the two differ.
fn assert_same(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (name, bytes) in left {
        assert!(right[name] == *bytes, "{name} differs");
    }
}

/// Waits until `found` gives something; panics after a minute.
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no {what} within a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
}
