//! Sweeps as a user runs them: interrupted, killed, wrong.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn lookback(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookback"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    lookback(arguments).output().expect("the program starts")
}

fn bench(out: &Path) -> Vec<String> {
    let words = ["bench", "memory", "--preset", "smoke", "--only", "memory=impulse,size=4 states,size=16 units"];
    let out = out.to_str().expect("the path is text");
    words.iter().chain(&["--checkpoint-seconds", "0", "--jobs", "2", "--out", out]).map(ToString::to_string).collect()
}

/// Every result file of a sweep by its path, and the exports.
fn results(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["results.csv", "results.parquet"] {
        files.insert(name.to_owned(), std::fs::read(out.join(name)).expect("the export exists"));
    }
    for folder in std::fs::read_dir(out.join("runs")).expect("the sweep has runs") {
        let folder = folder.expect("the folder can be read").path();
        for name in ["result.json", "weights.safetensors", "probe.json", "metrics.jsonl", "spec.json"] {
            let path = folder.join(name);
            let key = format!("{}/{name}", folder.file_name().unwrap_or_default().to_string_lossy());
            files.insert(key, std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
    files
}

#[test]
fn a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let arguments = |out: &Path| bench(out);
    let done = lookback(&[]).args(arguments(&whole)).output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    for attempt in 0..20u64 {
        let mut child = lookback(&[])
            .args(arguments(&killed))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        // Moments spread over start-up, training, and the writing of results.
        std::thread::sleep(Duration::from_millis(20 + attempt * 37 % 260));
        child.kill().expect("the program can be killed");
        child.wait().expect("the program ends");
    }
    let done = lookback(&[]).args(arguments(&killed)).output().expect("the program starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (whole, killed) = (results(&whole), results(&killed));
    assert!(whole.len() > 10);
    assert_eq!(whole.keys().collect::<Vec<_>>(), killed.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(killed[name] == *bytes, "{name} differs after kills");
    }
}

#[test]
fn mistakes_are_named_with_what_would_be_valid_and_exit_with_2() {
    for (arguments, message) in [
        (vec!["train", "--model", "lsmt"], "error: There is no model named `lsmt`. Did you mean `lstm`?"),
        (
            vec!["bench", "memory", "--only", "model=s4"],
            "error: No run has model=s4. Values of this axis, nearest first: s4d,",
        ),
        (
            vec!["train", "--model", "lstm", "--set", "model.d_model=0"],
            "error: The model `lstm` cannot be built: `d_model` is 0, but it must be a whole number from 1 up.",
        ),
        (vec!["bench", "memory", "--backend", "flx"], "error: There is no backend named `flx`. Did you mean `flex`?"),
        (vec!["probe", "/nonexistent"], "error: Cannot read `/nonexistent/spec.json`"),
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with(message), "{arguments:?} said: {text}");
    }
}

#[test]
fn a_spec_of_a_newer_version_and_a_damaged_one_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("spec.json");
    for (text, message) in [
        ("{\"version\": 99}", "The spec has version 99, but this build of lookback reads version 1."),
        ("{\"version\": 1, \"tsak\": {}}", "unknown field `tsak`"),
        ("{", "The spec is not valid JSON"),
    ] {
        std::fs::write(&path, text).expect("the file can be written");
        let output = run(&["train", "--spec", path.to_str().expect("the path is text")]);
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(message), "{text} gave: {error}");
    }
}
