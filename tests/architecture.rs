//! The invariants of ARCHITECTURE.md, stated as absences.

mod imports;

use std::path::{Path, PathBuf};

use imports::Crate;

/// The crates of the workspace by the folder of their sources.
const CRATES: [&str; 6] = ["registry/src", "datasets/src", "models/ops/src", "models/src", "benchmarks/src", "src"];

/// Those that are for other programs.
const LIBRARIES: [&str; 5] = ["registry/src", "datasets/src", "models/ops/src", "models/src", "benchmarks/src"];

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
    for library in LIBRARIES {
        // Fast forms and kernels of operations, chosen by the type of the backend.
        assert_absent(library, &BACKENDS, &["models/ops/src/fast", "models/ops/src/cube"]);
    }
}

#[test]
fn libraries_know_only_what_is_below_them() {
    assert_absent("models/ops/src", &["lookback_models", "lookback_registry"], &[]);
    for models in ["models/ops/src", "models/src"] {
        assert_absent(models, &["lookback_benchmarks", "lookback_datasets"], &[]);
    }
    assert_absent("datasets/src", &["lookback_benchmarks", "lookback_models", "burn::", "burn_tensor"], &[]);
    assert_absent("benchmarks/src", &["burn_autodiff", "Autodiff<"], &[]);
    assert_absent("registry/src", &["lookback_", "burn"], &[]);
}

#[test]
fn the_learner_has_no_case_for_a_task_or_a_model() {
    let tasks = lookback::benchmarks::TASKS.all().into_iter().map(|task| format!("\"{}\"", task.info.name));
    let models = lookback::models::MODELS.all().into_iter().map(|model| format!("\"{}\"", model.info.name));
    let names: Vec<String> = tasks.chain(models).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_absent("src/learner", &names, &[]);
    assert_absent("src/runs", &names, &[]);
}

#[test]
fn only_crate_roots_lie_at_the_root_of_src() {
    let files: Vec<PathBuf> = sources("src").into_iter().map(|(path, _)| path).collect();
    let root = files.iter().filter(|path| path.parent() == Some(Path::new("src")));
    for path in root {
        let name = path.file_name().expect("a file");
        assert!(name == "lib.rs" || name == "main.rs", "{} belongs in a folder", path.display());
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for folder in
        CRATES.into_iter().chain(["tests", "examples", "benches", "models/tests", "datasets/tests", "benchmarks/tests"])
    {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 400, "{} has {lines} lines; split it by sense", path.display());
        }
    }
}

#[test]
fn imports_make_no_circle_between_files() {
    for folder in CRATES {
        let circles = Crate::new(folder, sources(folder)).circles();
        assert!(circles.is_empty(), "files of `{folder}` import each other in a circle: {circles:#?}");
    }
}

#[test]
fn calls_of_the_program_go_down_only() {
    // From the ground up; the figures' drawing is below all.
    let rooms = ["report/figures", "learner", "backends", "inspect", "runs", "report", "cli"];
    let room = |path: &Path| {
        let below = path.strip_prefix("src").expect("a file of src");
        // The longest first: `report/figures` is not `report`.
        let mut known: Vec<usize> = (0..rooms.len()).collect();
        known.sort_by_key(|index| std::cmp::Reverse(rooms[*index].len()));
        known.into_iter().find(|index| below.starts_with(rooms[*index]))
    };
    for (from, to) in Crate::new("src", sources("src")).imports() {
        if let (Some(high), Some(low)) = (room(&from), room(&to)) {
            assert!(high >= low, "{} may not know {}", from.display(), to.display());
        }
    }
}

#[test]
fn only_the_command_line_prints_or_exits() {
    let words = ["println!", "print!", "eprintln!", "dbg!", "process::exit", "std::io::stdout", "std::io::stderr"];
    assert_absent("src", &words, &["src/cli"]);
    for library in LIBRARIES {
        assert_absent(library, &words, &[]);
    }
}
