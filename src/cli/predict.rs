//! `lookback predict RUN IMAGE...`.

use lookback_benchmarks::tasks::classification::probabilities;
use lookback_datasets::DataFolder;
use lookback_datasets::images::{Image, read_picture};
use lookback_registry::{Error, Result};
use serde_json::json;

use super::Exit;
use super::args::PredictArguments;
use super::finished::{FinishedRun, ModelWork};
use super::out;
use crate::backends::TrainBackend;
use crate::inspect::TrainedModel;

/// Classifies pictures.
pub(super) fn predict(arguments: &PredictArguments) -> Result<Exit> {
    let run = FinishedRun::open(&arguments.run)?;
    if arguments.top == 0 {
        return Err(Error::invalid("--top", 0, "a whole number from 1 up"));
    }
    let pictures = arguments.images.iter().map(|path| read_picture(path)).collect::<Result<Vec<_>>>()?;
    let guesses = run.with_model(&arguments.place, &DataFolder::default(), Classify { pictures: &pictures })?;
    for (path, classes) in arguments.images.iter().zip(guesses) {
        let best = &classes[..arguments.top.min(classes.len())];
        if arguments.json {
            let classes: Vec<_> =
                best.iter().map(|(class, share)| json!({"class": class, "probability": share})).collect();
            out::say_json(&json!({"image": path, "classes": classes}));
            continue;
        }
        let classes: Vec<String> =
            best.iter().map(|(class, share)| format!("{class} {:.1} %", 100.0 * share)).collect();
        out::say(&format!("{}: {}", path.display(), classes.join(", ")));
    }
    Ok(Exit::Success)
}

struct Classify<'a> {
    pictures: &'a [Image],
}

impl ModelWork for Classify<'_> {
    /// Classes with their probabilities, most probable first, for each picture.
    type Output = Vec<Vec<(String, f64)>>;

    fn run<B: TrainBackend>(self, model: &TrainedModel<B>) -> Result<Self::Output> {
        let images = model.images()?;
        let classify = |picture: &Image| {
            let logits = model.predict(images.sample(picture)?);
            let mut classes: Vec<_> = images.classes.iter().cloned().zip(probabilities(&logits)).collect();
            classes.sort_by(|left, right| right.1.total_cmp(&left.1));
            Ok(classes)
        };
        self.pictures.iter().map(classify).collect()
    }
}
