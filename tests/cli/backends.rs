//! The same sweep on every backend of this build.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{lookback, succeed};

/// How far errors (NMSE, MSE, training loss) may lie apart between backends for CPUs after a smoke run.
const TOLERANCE: f64 = 1e-4;
/// The same for the others: shading languages promise fewer digits of `exp`, `sin` and `cos`.
const GPU_TOLERANCE: f64 = 1e-3;

/// Every number of every run: (identity, column) to value.
fn numbers(out: &Path) -> BTreeMap<(String, String), f64> {
    let mut table = csv::Reader::from_path(out.join("results.csv")).expect("there are results");
    let titles = table.headers().expect("a header").clone();
    let mut numbers = BTreeMap::new();
    for row in table.records() {
        let row = row.expect("a row");
        for (title, cell) in titles.iter().zip(&row) {
            if ["nmse", "mse", "best", "train_loss", "steps", "num_params"].contains(&title) {
                numbers.insert((row[0].to_owned(), title.to_owned()), cell.parse().expect("a number"));
            }
        }
    }
    numbers
}

fn is_for_cpus(backend: &str) -> bool {
    lookback::backend::backends().into_iter().find(|info| info.name == backend).expect("a known backend").cpu
}

/// The results of preset `smoke` on a backend. On one that is not for CPUs each run compiles its kernels for half a
/// minute where the GPU is a software renderer: there it is one run per model.
fn smoke(backend: &str, out: &Path) -> BTreeMap<(String, String), f64> {
    let mut command = lookback(&["bench", "memory", "--preset", "smoke", "--jobs", "2", "--backend", backend, "--out"]);
    command.arg(out);
    if !is_for_cpus(backend) {
        command.args(["--only", "memory=impulse,alpha=8"]);
    }
    succeed(&mut command);
    assert!(out.join("report.html").exists());
    numbers(out)
}

#[test]
fn all_backends_give_the_same_results() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let compiled: Vec<_> = lookback::backend::compiled();
    let (first, others) = compiled.split_first().expect("a build has a backend");
    let reference = smoke(first, &folder.path().join(first));
    assert!(reference.len() > 100, "{}", reference.len());
    for backend in others {
        let other = smoke(backend, &folder.path().join(backend));
        assert!(other.len() > 20, "{backend}: {}", other.len());
        let apart = |(key, value): (&(String, String), &f64)| ((reference[key] - value).abs(), key.clone());
        let farthest = other.iter().map(apart).max_by(|left, right| left.0.total_cmp(&right.0));
        let (distance, place) = farthest.expect("there are numbers");
        let tolerance = if is_for_cpus(backend) { TOLERANCE } else { GPU_TOLERANCE };
        assert!(distance <= tolerance, "{backend} is {distance:e} from {first} at {place:?}");
    }
}

#[test]
fn a_backend_that_is_not_in_the_build_says_how_to_get_it() {
    let listed = succeed(&mut lookback(&["list", "backends", "--json"]));
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("valid JSON");
    for backend in listed {
        let name = backend["name"].as_str().expect("a name");
        let parsed = lookback::backend::BackendKind::parse(name);
        assert_eq!(backend["compiled"], parsed.is_ok());
        if let Err(error) = parsed {
            let expected = format!("This build does not contain the backend `{name}`. Build with `--features {name}`;");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}
