//! `lookback inspect RUN [IMAGE...]`.

use std::fs;
use std::path::{Path, PathBuf};

use lookback_datasets::images::{Image, read_picture};
use lookback_registry::{Error, Result};

use super::Exit;
use super::args::InspectArguments;
use super::finished::{FinishedRun, ModelWork};
use super::out;
use crate::backends::TrainBackend;
use crate::inspect::{AttentionMaps, Guess, Overlays, Spectra, TrainedModel, attention, sample};
use crate::report::figures;
use crate::runs::folder::{write_json, write_whole};

/// Classes that are named above a picture.
const NAMED: usize = 3;

/// Draws what the attention of a finished run looks at, and the spectra of its scores.
pub(super) fn inspect(arguments: &InspectArguments) -> Result<Exit> {
    let run = FinishedRun::open(&arguments.run)?;
    if arguments.samples == 0 {
        return Err(Error::invalid("--samples", 0, "a whole number from 1 up"));
    }
    let pictures = arguments.images.iter().map(|path| read_picture(path)).collect::<Result<Vec<_>>>()?;
    let names = names(&arguments.images);
    let work = LookInside { pictures: names.into_iter().zip(pictures).collect(), samples: arguments.samples };
    let inside = run.with_model(&arguments.place, &arguments.data.folder(), work)?;

    let out = arguments.out.clone().unwrap_or_else(|| run.folder.file("inspect"));
    fs::create_dir_all(&out).map_err(|error| Error::io("create", &out, error))?;
    for Look { name, guess, maps } in &inside.looks {
        let title = format!("{name}: {}", answer(guess, &inside.classes));
        let path = out.join(format!("attention-{name}.png"));
        write_whole(&path, &Overlays::new(&guess.picture, maps).png(&title)?)?;
        out::say(&format!("{title}\n  {}", path.display()));
    }
    write_json(&out.join("spectra.json"), &inside.spectra)?;
    let figure = inside.spectra.figure();
    write_whole(&out.join("spectra.svg"), figures::svg(&figure).as_bytes())?;
    write_whole(&out.join("spectra.png"), &figures::png(&figure)?)?;
    out::say(&format!(
        "singular values of the attention scores, mean over {} images\n  {}",
        inside.spectra.samples,
        out.join("spectra.json").display()
    ));
    Ok(Exit::Success)
}

/// The most probable classes, and the true one where it is known.
fn answer(guess: &Guess, classes: &[String]) -> String {
    let name = |class: usize| classes.get(class).map_or("unknown", String::as_str);
    let likely = guess.ranked().into_iter().take(NAMED);
    let likely: Vec<String> =
        likely.map(|(class, probability)| format!("{} {:.1} %", name(class), 100.0 * probability)).collect();
    let truth = guess.truth.map_or_else(String::new, |truth| format!(" (is {})", name(truth)));
    likely.join(", ") + &truth
}

/// A name for each file: its own without its extension, and a number where another one before has that too.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &Path| path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let own = stem(path);
        let numbered = (2..).map(|number| format!("{own}-{number}"));
        let free = std::iter::once(own.clone()).chain(numbered).find(|name| !names.contains(name));
        names.extend(free);
    }
    names
}

/// One image, and what the model makes of it.
struct Look {
    name: String,
    guess: Guess,
    maps: AttentionMaps,
}

/// Everything that is to be drawn.
struct Inside {
    looks: Vec<Look>,
    spectra: Spectra,
    classes: Vec<String>,
}

struct LookInside {
    /// With their names; samples of the validation split where there are none.
    pictures: Vec<(String, Image)>,
    samples: usize,
}

impl ModelWork for LookInside {
    type Output = Inside;

    fn run<B: TrainBackend>(self, model: &TrainedModel<B>) -> Result<Self::Output> {
        let images = model.images()?;
        let mut spectra = Spectra::default();
        let mut look = |name: String, values: Vec<f32>, truth| {
            let layers = attention(model, values.clone())?;
            // Before the spectra, which take long for tokens that are no patches.
            let maps = AttentionMaps::of(&layers, (images.width, images.height))?;
            spectra.add(&layers);
            Ok(Look { name, guess: Guess::of(model, images, values, truth)?, maps })
        };
        let looks: Vec<Look> = if self.pictures.is_empty() {
            validation::<B>(model, self.samples)?
                .into_iter()
                .enumerate()
                .map(|(index, (values, truth))| look(format!("valid-{}", index + 1), values, Some(truth)))
                .collect::<Result<_>>()?
        } else {
            let pictures = self.pictures.iter();
            pictures.map(|(name, picture)| look(name.clone(), images.sample(picture)?, None)).collect::<Result<_>>()?
        };
        Ok(Inside { looks, spectra, classes: images.classes.clone() })
    }
}

/// The first samples of the validation split with their classes, fewer where there are no more.
pub(super) fn validation<B: TrainBackend>(run: &TrainedModel<B>, samples: usize) -> Result<Vec<(Vec<f32>, usize)>> {
    let data = run.task().valid()?;
    Ok((0..samples).map_while(|index| sample(data.as_ref(), index)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_get_numbers() {
        let paths = ["a/cat.png", "b/cat.jpg", "dog.png", "cat-2.png"].map(PathBuf::from);
        assert_eq!(names(&paths), ["cat", "cat-2", "dog", "cat-2-2"]);
    }
}
