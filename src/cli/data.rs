//! `lookback data`: fetches data sets, and says where they are.

use std::collections::BTreeSet;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};
use lookback_benchmarks::{Planned, TASKS};
use lookback_datasets::{DATA_SETS, DATA_VARIABLE, DataFolder, FetchEvent};
use lookback_registry::Result;

use super::Exit;
use super::args::{DataArguments, DataCommand, FetchArguments};
use super::out;

/// The runs without those whose data set is not there, of which it says what to do; all of them if none is left.
pub(super) fn with_data(runs: Vec<Planned>, folder: &DataFolder) -> Result<Vec<Planned>> {
    let mut absent = Vec::new();
    for task in TASKS.all() {
        if let Some(name) = task.data_set
            && (DATA_SETS.get(name)?.find)(folder).is_none()
        {
            absent.push((task.info.name, name));
        }
    }
    let lacks = |run: &Planned| absent.iter().find(|(task, _)| run.spec.task.name == *task).map(|(_, set)| *set);
    let kept: Vec<Planned> = runs.iter().filter(|run| lacks(run).is_none()).cloned().collect();
    if kept.is_empty() || kept.len() == runs.len() {
        return Ok(runs);
    }
    let sets: BTreeSet<&str> = runs.iter().filter_map(lacks).collect();
    for set in sets {
        let left_out = runs.iter().filter(|run| lacks(run) == Some(set)).count();
        out::complain(&format!(
            "{left_out} of {} runs need the data set `{set}`, which is not there, and are left out; `{1} data fetch {set}` \
             fetches it, and --data DIR names where it lies.",
            runs.len(),
            super::program_name()
        ));
    }
    Ok(kept)
}

/// Fetches a data set, or lists all.
pub(super) fn data(arguments: DataArguments) -> Result<Exit> {
    match arguments.command {
        DataCommand::Fetch(arguments) => fetch(arguments)?,
        DataCommand::List(place) => out::say(&listing(&place.folder())),
    }
    Ok(Exit::Success)
}

fn fetch(arguments: FetchArguments) -> Result<()> {
    let set = DATA_SETS.get(&arguments.name)?;
    let mut progress = FetchProgress::default();
    let folder = arguments.data.folder();
    let fetched = set.fetch(&folder, arguments.from, &mut |event| progress.observe(&event));
    progress.take_bar_away();
    out::say(&format!("{}: {}", set.name, fetched?.display()));
    Ok(())
}

/// Every data set with its state, then the places searched.
fn listing(folder: &DataFolder) -> String {
    let sets = DATA_SETS.all();
    let width = sets.iter().map(|set| set.name.len()).max().unwrap_or(0);
    let mut lines = vec!["data sets".to_owned()];
    for set in &sets {
        let state = match (set.find)(folder) {
            Some(place) => format!("found in `{}`", place.display()),
            None if set.fetch.is_some() => {
                format!("not found; `{} data fetch {}` fetches it", super::program_name(), set.name)
            }
            None => format!("not found; put there by hand: {}", set.layout),
        };
        lines.push(format!("  {:width$}  {}", set.name, set.summary));
        lines.push(format!("  {:width$}  {state}", ""));
    }
    let places = folder.places();
    lines.push(String::new());
    if places.is_empty() {
        lines.push(format!("No place to look in; name one with --data DIR or {DATA_VARIABLE}."));
    } else {
        lines.push("places, in the order of the search".to_owned());
        lines.extend(places.iter().map(|place| format!("  {}", place.display())));
    }
    lines.join("\n")
}

/// Shows a fetch: a bar on a terminal, else a line per tenth of the download.
#[derive(Default)]
struct FetchProgress {
    bar: Option<ProgressBar>,
    /// Tenths of the download that have been told.
    told: u64,
}

impl FetchProgress {
    fn observe(&mut self, event: &FetchEvent) {
        if let FetchEvent::Progress { bytes, total } = *event {
            if out::interactive() {
                self.bar.get_or_insert_with(|| bar(bytes, total)).set_position(bytes);
            } else if let Some(text) = self.tenth(bytes, total) {
                out::complain(&text);
            }
            return;
        }
        self.take_bar_away();
        if let Some(text) = line(event) {
            out::complain(&text);
        }
    }

    /// What to say about the download, where a further tenth of it has come.
    fn tenth(&mut self, bytes: u64, total: u64) -> Option<String> {
        let tenths = (10 * bytes).checked_div(total).unwrap_or(10);
        if tenths <= self.told {
            return None;
        }
        self.told = tenths;
        Some(format!("{} of {} ({} %)", DecimalBytes(bytes), DecimalBytes(total), 10 * tenths))
    }

    fn take_bar_away(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(bytes: u64, total: u64) -> ProgressBar {
    let style = "{bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}, {eta} to go";
    let bar = ProgressBar::new(total)
        .with_style(ProgressStyle::with_template(style).expect("the template is valid"))
        .with_position(bytes);
    // What an earlier download brought says nothing about the speed of this one.
    bar.reset_eta();
    bar
}

/// What a fetch is doing, in a sentence; `None` where the end of the command says it.
fn line(event: &FetchEvent) -> Option<String> {
    let text = match event {
        FetchEvent::AlreadyThere { .. } => "It is there already; nothing was fetched.".to_owned(),
        FetchEvent::Waiting => "Another fetch into the same folder is at work; waiting for it.".to_owned(),
        FetchEvent::Resumed { bytes } => format!("Going on after {} of an earlier download.", DecimalBytes(*bytes)),
        FetchEvent::StartedOver { bytes } => {
            format!("Starting over: the {} of an earlier download cannot be used.", DecimalBytes(*bytes))
        }
        FetchEvent::Verifying => "Checking the archive.".to_owned(),
        FetchEvent::Unpacking => "Unpacking.".to_owned(),
        FetchEvent::Copying => "Copying.".to_owned(),
        FetchEvent::Progress { .. } | FetchEvent::Done { .. } => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use lookback_benchmarks::{PlanRequest, Preset, SUITES};

    use super::*;

    #[test]
    fn runs_whose_images_are_not_there_are_left_out() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::new(Some(place.path().to_owned()));
        let request = PlanRequest::new(Preset::Quick);
        let plan = SUITES.get("rank").and_then(|entry| entry.suite().plan(&request)).expect("a plan");
        let images = |runs: &[Planned]| runs.iter().filter(|run| run.spec.task.name == "cifar10").count();
        let kept = with_data(plan.clone(), &folder).expect("known data sets");
        assert!(images(&plan) > 0 && images(&kept) == 0);
        assert_eq!(kept.len(), plan.len() - images(&plan));
        // Where nothing else is asked for, the runs say themselves what they lack.
        let alone: Vec<Planned> = plan.iter().filter(|run| run.spec.task.name == "cifar10").cloned().collect();
        assert_eq!(with_data(alone.clone(), &folder).expect("known data sets"), alone);

        let set = place.path().join("cifar-10-batches-bin");
        std::fs::create_dir(&set).expect("the folder can be made");
        std::fs::write(set.join("test_batch.bin"), [0; 3073]).expect("the file can be written");
        assert_eq!(with_data(plan.clone(), &folder).expect("known data sets"), plan);
    }

    #[test]
    fn the_list_says_what_is_where() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::new(Some(place.path().to_owned()));
        let text = listing(&folder);
        for set in DATA_SETS.all() {
            assert!(text.contains(set.name) && text.contains(set.summary), "{text}");
        }
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        assert!(
            lines[2].starts_with("not found; `") && lines[2].ends_with(" data fetch cifar10` fetches it"),
            "{text}"
        );
        assert!(text.ends_with(&format!("places, in the order of the search\n  {}", place.path().display())), "{text}");

        let set = place.path().join("cifar-10-batches-bin");
        std::fs::create_dir(&set).expect("the folder can be made");
        std::fs::write(set.join("test_batch.bin"), [0; 3073]).expect("the file can be written");
        assert!(listing(&folder).contains(&format!("found in `{}`", set.display())));
    }

    #[test]
    fn a_download_is_told_once_per_tenth() {
        let mut progress = FetchProgress::default();
        let mut told = |bytes| progress.tenth(bytes, 2_000_000);
        assert_eq!(told(199_999), None);
        assert_eq!(told(200_000).as_deref(), Some("200.00 kB of 2.00 MB (10 %)"));
        assert_eq!(told(399_999), None);
        assert_eq!(told(1_100_000).as_deref(), Some("1.10 MB of 2.00 MB (50 %)"));
        assert_eq!(told(2_000_000).as_deref(), Some("2.00 MB of 2.00 MB (100 %)"));
        assert_eq!(told(2_000_000), None);
    }

    #[test]
    fn the_bar_starts_where_an_earlier_download_ended() {
        let bar = bar(500, 2_000);
        assert_eq!((bar.position(), bar.length()), (500, Some(2_000)));
    }
}
