//! The invariants of ARCHITECTURE.md, stated as absences.

use std::path::{Path, PathBuf};

/// All Rust files below a folder of the repository, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join(folder)];
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(path.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("source is text");
            files.push((path.strip_prefix(root).expect("below the root").to_owned(), text));
        }
    }
    assert!(!files.is_empty(), "{folder} has sources");
    files
}

/// The part of a file before its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn assert_absent(folder: &str, words: &[&str], except: &[&str]) {
    for (path, text) in sources(folder) {
        let tests = path.file_name().is_some_and(|name| name == "tests.rs");
        if tests || except.iter().any(|allowed| path.starts_with(allowed)) {
            continue;
        }
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            for word in words {
                assert!(!code.contains(word), "{}:{}: `{word}` in: {line}", path.display(), number + 1);
            }
        }
    }
}

const BACKENDS: [&str; 7] =
    ["burn_flex", "burn_ndarray", "burn_wgpu", "burn_cuda", "burn_rocm", "burn_tch", "burn_cubecl"];

#[test]
fn one_file_names_concrete_backends() {
    assert_absent("src", &BACKENDS, &["src/backends"]);
    for library in ["models/src", "benchmarks/src", "datasets/src", "registry/src"] {
        // Fast forms of operations, chosen by the type of the backend.
        assert_absent(library, &BACKENDS, &["models/src/ops/fast"]);
    }
}

#[test]
fn libraries_know_only_what_is_below_them() {
    assert_absent("models/src", &["lookback_benchmarks", "lookback_datasets"], &[]);
    assert_absent("datasets/src", &["lookback_benchmarks", "lookback_models", "burn::", "burn_tensor"], &[]);
    assert_absent("benchmarks/src", &["burn_autodiff", "Autodiff<"], &[]);
    assert_absent("registry/src", &["lookback_", "burn"], &[]);
}

#[test]
fn the_learner_has_no_case_for_a_task_or_a_model() {
    let tasks: Vec<String> =
        lookback::benchmarks::task_kinds().iter().map(|kind| format!("\"{}\"", kind.info.name)).collect();
    let models = lookback::Models::default();
    let models = models.catalogue().iter().map(|entry| format!("\"{}\"", entry.info.name));
    let names: Vec<String> = tasks.into_iter().chain(models).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for learner in ["src/session.rs", "src/state.rs", "src/runner.rs", "src/schedule.rs", "src/sweep.rs"] {
        let files = sources("src");
        let (_, text) = files.iter().find(|(path, _)| path == Path::new(learner)).expect("the learner's file");
        for name in &names {
            assert!(!without_tests(text).contains(name), "{learner} names {name}");
        }
    }
}

#[test]
fn only_the_command_line_prints_or_exits() {
    let words = ["println!", "print!", "eprintln!", "dbg!", "process::exit", "std::io::stdout", "std::io::stderr"];
    assert_absent("src", &words, &["src/cli"]);
    for library in ["models/src", "benchmarks/src", "datasets/src", "registry/src"] {
        assert_absent(library, &words, &[]);
    }
}
