//! Images: a Vision Transformer from training to prediction, on a small data set in the layout of CIFAR-10.

use std::path::Path;
use std::process::{Command, Stdio};

use lookback::benchmarks::RECIPES;
use lookback::models::MODELS;
use serde_json::Value;

use crate::mistakes::assert_lists;
use crate::{assert_same, contents, lookback, output, stderr, succeed};

/// What a run on images leaves for good.
const FILES: [&str; 5] = ["result.json", "weights.safetensors", "classification.json", "metrics.jsonl", "spec.json"];

/// Records of each file of the data set.
const RECORDS: usize = 40;

/// Writes a data set in which the class is the brightness of an image, with some noise.
pub(crate) fn write_data(folder: &Path) {
    let folder = folder.join("cifar-10-batches-bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    let names = (1..=5).map(|number| format!("data_batch_{number}.bin")).chain(["test_batch.bin".to_owned()]);
    for name in names {
        let mut bytes = Vec::new();
        for record in 0..RECORDS {
            let class = (record * 7 % 10) as u8;
            bytes.push(class);
            bytes.extend((0..3072).map(|_| 20 * class + noise()));
        }
        std::fs::write(folder.join(name), bytes).expect("a file");
    }
}

/// A short training with everything on that could disturb a resumed run.
fn train(data: &Path, out: &Path) -> Command {
    let mut command = base(data, out, "3");
    for set in ["task.mixup=0.2", "model.dropout=0.1", "model.drop_path=0.1", "training.accumulation=3"] {
        command.args(["--set", set]);
    }
    command
}

fn base(data: &Path, out: &Path, epochs: &str) -> Command {
    let mut command = lookback(&["train", "vit", "--epochs", epochs, "--checkpoint-seconds", "0"]);
    for set in [
        "task.train_samples=200",
        "task.valid_samples=40",
        "model.d_model=16",
        "model.n_layers=2",
        "model.d_ff=16",
        "training.batch_size=20",
        "training.ema_decay=0.9",
        "training.learning_rate=0.003",
    ] {
        command.args(["--set", set]);
    }
    command.arg("--data").arg(data).arg("--out").arg(out);
    command
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes_whatever_the_loaders_and_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, whole, killed] = ["data", "whole", "killed"].map(|name| folder.path().join(name));
    write_data(&data);
    succeed(train(&data, &whole).args(["--loaders", "0"]).env("RAYON_NUM_THREADS", "1"));
    let mut kills = 0;
    loop {
        let mut command = train(&data, &killed);
        command.args(["--loaders", if kills % 2 == 0 { "3" } else { "1" }]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let steps = |name: &str| std::fs::metadata(killed.join(name)).and_then(|data| data.modified()).ok();
        let before = steps("checkpoint.bin");
        crate::wait_for("checkpoint or end", || {
            let moved = kills < 4 && steps("checkpoint.bin").is_some_and(|now| Some(now) != before);
            (moved || child.try_wait().expect("a process").is_some()).then_some(())
        });
        // Within the step after the checkpoint, at another place each time.
        std::thread::sleep(std::time::Duration::from_millis(7 * kills));
        child.kill().expect("the program can be killed");
        child.wait().expect("the program ends");
        kills += 1;
        if killed.join("result.json").exists() {
            break;
        }
    }
    assert!(kills > 3, "the run was killed {kills} times only");
    assert_same(&contents(&whole, &FILES), &contents(&killed, &FILES));
    let timing = json(&killed.join("timing.json"));
    assert!(timing["samples"].as_u64() >= Some(20) && timing["data_seconds"].as_f64() >= Some(0.0), "{timing}");
}

#[test]
fn a_run_is_judged_and_used_from_its_weights() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, run] = ["data", "run"].map(|name| folder.path().join(name));
    write_data(&data);
    succeed(base(&data, &run, "25").args(["--set", "task.crop_padding=0"]));

    let result = json(&run.join("result.json"));
    let accuracy = result["metrics"]["accuracy"].as_f64().expect("an accuracy");
    assert!(accuracy > 0.5, "{result}");
    let judged: Value =
        serde_json::from_str(&succeed(lookback(&["eval", "--json"]).arg(&run).arg("--data").arg(&data))).expect("JSON");
    assert_eq!(judged["metrics"], result["metrics"]);
    assert_eq!(judged["classification"], json(&run.join("classification.json")));
    let text = succeed(lookback(&["eval"]).arg(&run).arg("--data").arg(&data));
    assert!(text.contains("true \\ predicted") && text.contains("airplane"), "{text}");

    // A dark and a bright picture, larger than the images of the data set, each in one of the two formats.
    let pictures = [("dark.png", 5_u8), ("bright.jpg", 190)].map(|(name, value)| {
        let path = folder.path().join(name);
        image::RgbImage::from_pixel(50, 40, image::Rgb([value; 3])).save(&path).expect("a picture");
        path
    });
    let lines = succeed(lookback(&["predict", "--json", "--top", "2"]).arg(&run).args(&pictures));
    let guesses: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let class = |guess: &Value| guess["classes"][0]["class"].as_str().expect("a class").to_owned();
    let classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    let label = |guess: &Value| classes.iter().position(|name| *name == class(guess)).expect("a class");
    assert_eq!(guesses.len(), 2);
    assert!(label(&guesses[0]) <= 2 && label(&guesses[1]) >= 7, "{lines}");
    assert_eq!(guesses[0]["classes"].as_array().map(Vec::len), Some(2));
    let text = succeed(lookback(&["predict"]).arg(&run).args(&pictures));
    assert!(text.lines().next().is_some_and(|line| line.contains("dark.png: ") && line.contains(" %")), "{text}");
}

#[test]
fn mistakes_are_told_with_what_would_be_valid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, run, other] = ["data", "run", "other"].map(|name| folder.path().join(name));
    let message = |command: &mut Command| {
        let output = output(command);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    let missing = message(&mut train(&data, &run));
    assert!(missing.starts_with("error: There is no CIFAR-10 in `"), "{missing}");
    assert!(missing.contains("lookback data fetch cifar10"), "{missing}");
    write_data(&data);
    assert_eq!(
        message(
            lookback(&["train", "vit", "--set", "task.valid_samples=41", "--data"]).arg(&data).arg("--out").arg(&other)
        ),
        "error: `train_samples` is 50000, but it must be at most 200, the images that this copy of CIFAR-10 has.\n"
    );
    let expected = "error: There is no recipe or model named `vit-mikro`. Did you mean `vit-micro`? Known: ";
    let unknown = message(&mut lookback(&["train", "vit-mikro"]));
    assert_lists(&unknown, expected, &RECIPES);
    assert_lists(&unknown, expected, &MODELS);
    assert_eq!(
        message(&mut lookback(&["train", "s4d", "--epochs", "1", "--set", "task.stream=true"])),
        "error: The task `memory` streams its samples and has no epochs; set training.steps instead of --epochs.\n"
    );
    assert_eq!(
        message(&mut lookback(&["train", "gru", "--set", "training.accumulation=33"])),
        "error: The parameters of the training are not valid: `accumulation` is 33, but it must be at most `batch_size`, 32.\n"
    );
    assert_eq!(
        message(&mut lookback(&["train", "gru", "--set", "training.ema_decay=1"])),
        "error: The parameters of the training are not valid: `ema_decay` is 1, but it must be in (0, 1), or null.\n"
    );
    assert_eq!(
        message(&mut lookback(&["train", "gru", "--device", "1"])),
        "error: `device` is 1, but it must be one of the devices of this machine, each once: 0 (Cpu).\n"
    );
    let picture = folder.path().join("picture.png");
    std::fs::write(&picture, b"no picture").expect("a file");
    let unfinished = message(lookback(&["predict"]).arg(&run).arg(&picture));
    assert!(unfinished.contains("has not finished; `lookback train --spec "), "{unfinished}");
}
