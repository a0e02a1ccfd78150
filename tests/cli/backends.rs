//! The same sweep on every backend of this build.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{lookback, output, stderr, succeed};

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

pub(crate) fn is_for_cpus(backend: &str) -> bool {
    lookback::backends::BACKENDS.get(backend).expect("a known backend").cpu
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
    let compiled: Vec<_> = lookback::backends::compiled();
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
fn backends_are_listed_with_their_devices_or_how_to_get_them() {
    let text = succeed(&mut lookback(&["list", "backends"]));
    let listed = succeed(&mut lookback(&["list", "backends", "--json"]));
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("valid JSON");
    for backend in listed {
        let name = backend["name"].as_str().expect("a name");
        let parsed = lookback::backends::BackendKind::parse(name);
        assert_eq!(backend["compiled"], parsed.is_ok());
        if let Err(error) = parsed {
            let expected = format!("This build does not contain the backend `{name}`. Build with `--features {name}`;");
            assert!(error.to_string().starts_with(&expected), "{error}");
            assert!(text.contains(&format!("(not in this build: --features {name}")), "{text}");
        } else {
            let devices = backend["devices"].as_array().expect("devices");
            assert!(!is_for_cpus(name) || devices.len() == 1, "{backend}");
            let listed = devices.iter().all(|device| text.contains(device.as_str().expect("a name")));
            assert!(listed, "{devices:?}, {text}");
        }
    }
}

#[test]
fn devices_that_the_machine_does_not_have_are_named_with_those_that_it_has() {
    for backend in lookback::backends::compiled() {
        let refused = output(&mut lookback(&["train", "gru", "--backend", backend, "--device", "7"]));
        let message = stderr(&refused);
        let expected = "error: `device` is 7, but it must be one of the devices of this machine, each once: 0 (";
        assert!(refused.status.code() == Some(2) && message.starts_with(expected), "{backend}: {message}");
        assert_eq!(message.lines().count(), 1, "{backend}: {message}");
    }
}

/// Needs a Vulkan loader that can be told to find no driver.
#[test]
#[cfg(all(feature = "wgpu", not(target_os = "macos")))]
fn without_a_device_every_command_says_how_to_get_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let short = ["--set", "task.length=8", "--set", "training.steps=1", "--set", "task.train_samples=32"];
    succeed(lookback(&["train", "gru"]).args(short).arg("--out").arg(&run));
    let picture = folder.path().join("picture.png");
    image::RgbImage::new(4, 4).save(&picture).expect("a picture");
    let [run, picture] = [&run, &picture].map(|path| path.to_str().expect("a path in UTF-8"));
    let commands = [
        vec!["bench", "memory"],
        vec!["train", "gru"],
        vec!["eval", run],
        vec!["predict", run, picture],
        vec!["probe", run],
    ];
    for command in commands {
        for device in [&[] as &[&str], &["--device", "0"]] {
            let mut blind = lookback(&command);
            blind.args(["--backend", "wgpu"]).args(device).current_dir(folder.path());
            let refused = output(blind.env("VK_DRIVER_FILES", "/dev/null").env("VK_ICD_FILENAMES", "/dev/null"));
            assert_eq!(refused.status.code(), Some(2), "{command:?}: {}", stderr(&refused));
            assert_eq!(
                stderr(&refused),
                "error: The backend `wgpu` finds no usable device on this machine. It needs the GPU's driver for Vulkan \
                 (on macOS Metal), or a software driver (Mesa's, package mesa-vulkan-drivers of Debian; not where \
                 `vulkan` is in the build); or use `--backend flex`.\n",
                "{command:?}"
            );
        }
    }
}
