//! Looking inside trained models, and the page of a single run.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::vit::write_data;
use crate::{lookback, output, stderr, succeed};

/// A training of a few steps on the small data set.
fn train(model: &str, data: &Path, out: &Path, sets: &[&str]) -> Command {
    let mut command = lookback(&["train", model, "--task", "cifar10"]);
    let small = ["task.train_samples=200", "task.valid_samples=40", "training.batch_size=20", "training.eval_every=5"];
    for set in small.iter().chain(sets) {
        command.args(["--set", set]);
    }
    command.arg("--data").arg(data).arg("--out").arg(out);
    command
}

fn says(command: &mut Command, expected: &str) {
    let refused = output(command);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert_eq!(stderr(&refused), format!("error: {expected}\n"));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_vit_is_looked_into_and_its_page_shows_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, run, looks] = ["data", "run", "looks"].map(|name| folder.path().join(name));
    write_data(&data);
    let sets = ["model.d_model=16", "model.n_layers=3", "model.n_heads=2", "model.d_ff=16", "training.steps=10"];
    succeed(&mut train("vit", &data, &run, &sets));

    succeed(lookback(&["inspect", "--samples", "2"]).arg(&run).arg("--data").arg(&data));
    let inside = run.join("inspect");
    assert_eq!(
        names(&inside),
        ["attention-valid-1.png", "attention-valid-2.png", "spectra.json", "spectra.png", "spectra.svg"]
    );
    let sheet = image::open(inside.join("attention-valid-1.png")).expect("a picture").into_rgb8();
    // The image and a column for each of two heads, 128 pixels each at twice the size, with gaps and edges.
    assert!(sheet.width() > 6 * 128 && sheet.width() < 8 * 128, "{}", sheet.width());
    let text = std::fs::read(inside.join("spectra.json")).expect("a file");
    let spectra: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(spectra["samples"], 2);
    let layers: Vec<Vec<Vec<f64>>> = serde_json::from_value(spectra["layers"].clone()).expect("numbers");
    assert_eq!(layers.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
    for values in layers.iter().flatten() {
        // A class token and 64 patches; the scores are products of heads of 8 channels.
        assert_eq!(values.len(), 65);
        assert!(values.windows(2).all(|pair| pair[0] >= pair[1]) && values[0] > 0.0);
        assert!(values[7] > 1e-4 * values[0] && values[8] < 1e-4 * values[0], "{values:?}");
    }

    // Pictures of one's own need no data.
    let picture = folder.path().join("dark.png");
    image::RgbImage::from_pixel(50, 40, image::Rgb([5; 3])).save(&picture).expect("a picture");
    let text = succeed(lookback(&["inspect"]).arg(&run).arg(&picture).arg("--out").arg(&looks));
    assert!(text.starts_with("dark: ") && text.contains(" %, "), "{text}");
    assert!(names(&looks).contains(&"attention-dark.png".to_owned()));

    let page = |data: &Path| {
        let text = succeed(lookback(&["report"]).arg(&run).arg("--data").arg(data));
        assert_eq!(text, format!("report: {}\n", run.join("report.html").display()));
        std::fs::read_to_string(run.join("report.html")).expect("a page")
    };
    let with_data = page(&data);
    for expected in
        ["<h1>ViT on cifar10</h1>", "class=\"confusion\"", "id=\"figure-training\"", "id=\"figure-spectra\""]
    {
        assert!(with_data.contains(expected), "{expected}");
    }
    // The image, the rollout and six heads of each of four images, beside the guesses.
    assert!(with_data.matches("data:image/png;base64,").count() > 4 * 8);
    let without_data = page(&folder.path().join("absent"));
    assert!(without_data.contains("There is no CIFAR-10 in") && !without_data.contains("<img"));
    assert!(without_data.contains("class=\"confusion\""));
}

#[test]
fn a_run_on_sequences_has_a_page_of_its_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let mut command = lookback(&["train", "gru"]);
    for set in ["task.length=16", "task.train_samples=8", "task.valid_samples=4", "training.steps=4"] {
        command.args(["--set", set]);
    }
    succeed(command.arg("--out").arg(&run));
    succeed(lookback(&["report"]).arg(&run));
    let page = std::fs::read_to_string(run.join("report.html")).expect("a page");
    assert!(page.contains("<h1>GRU on memory</h1>") && page.contains("id=\"figure-memory\""));
    assert!(!page.contains("class=\"confusion\"") && !page.contains("<img"));
    says(lookback(&["inspect"]).arg(&run), "The task `memory` is not about images.");
}

#[test]
fn what_cannot_be_looked_into_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [data, pixels, blind] = ["data", "pixels", "blind"].map(|name| folder.path().join(name));
    write_data(&data);
    let inspect = |run: &Path| {
        let mut command = lookback(&["inspect", "--samples", "1"]);
        command.arg(run).arg("--data").arg(&data);
        command
    };
    let tiny = ["model.d_model=4", "training.steps=1", "training.batch_size=2", "task.valid_samples=2"];
    succeed(&mut train("tcn", &data, &blind, &tiny));
    says(&mut inspect(&blind), "The model has no attention to look into; attention maps need one such as `vit`.");
    succeed(train("transformer", &data, &pixels, &tiny).args(["--set", "model.n_heads=1", "--set", "model.d_ff=4"]));
    let reason = "The model's attention is among 1024 tokens, which are no patches of an image of 32 x 32 pixels; \
                  attention maps need a model of patches such as `vit`.";
    says(&mut inspect(&pixels), reason);
    // The page has all the rest.
    succeed(lookback(&["report"]).arg(&pixels).arg("--data").arg(&data));
    let page = std::fs::read_to_string(pixels.join("report.html")).expect("a page").replace("&#39;", "'");
    assert!(page.contains(reason) && page.contains("<img"));

    says(
        lookback(&["inspect", "--samples", "0"]).arg(&pixels),
        "`--samples` is 0, but it must be a whole number from 1 up.",
    );
    std::fs::remove_file(pixels.join("result.json")).expect("the result");
    for command in ["inspect", "report"] {
        let run = pixels.display();
        says(
            lookback(&[command]).arg(&pixels),
            &format!(
                "The run in `{run}` has not finished; `lookback train --spec {run}/spec.json --out {run}` carries on with it."
            ),
        );
    }
}
