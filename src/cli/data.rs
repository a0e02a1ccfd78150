//! `lookback data`: fetches data sets, and says where they are.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};
use lookback_benchmarks::Planned;
use lookback_datasets::images::Cifar10;
use lookback_datasets::{DATA_VARIABLE, DataFolder, FetchEvent, FetchOptions, fetch_cifar10};
use lookback_registry::{Error, Result};

use super::Exit;
use super::out;

#[derive(Debug, Args)]
pub(super) struct DataArguments {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Fetch a data set; the same command carries on with a download that was cut off
    #[command(after_help = "Examples:\n  lookback data fetch cifar10\n  \
        lookback data fetch cifar10 --from cifar-10-binary.tar.gz --data /data")]
    Fetch(FetchArguments),
    /// List the data sets and where they are
    List(PlaceArgument),
}

#[derive(Debug, Args)]
struct FetchArguments {
    /// The data set (see `lookback data list`)
    name: String,
    /// Take it from this archive or folder, without the network
    #[arg(long, value_name = "FILE|DIR")]
    from: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgument,
}

#[derive(Debug, Args)]
struct PlaceArgument {
    /// The folder of the data sets [default: that of LOOKBACK_DATA, else one in the platform's folder of data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A data set of files, which may be there or not.
struct DataSet {
    name: &'static str,
    summary: &'static str,
    /// The tasks that cannot do without it.
    tasks: &'static [&'static str],
    /// Where it is.
    find: fn(&DataFolder) -> Option<PathBuf>,
    /// Brings it into the data folder, from the network or from a file or folder.
    fetch: Fetch,
}

type Fetch = fn(&DataFolder, Option<PathBuf>, &mut dyn FnMut(FetchEvent)) -> Result<PathBuf>;

const DATA_SETS: [DataSet; 1] = [DataSet {
    name: "cifar10",
    summary: "CIFAR-10: 60,000 images of 32 x 32 pixels in ten classes.",
    tasks: &["cifar10", "padded-cifar10"],
    find: Cifar10::find,
    fetch: |folder, from, observe| fetch_cifar10(&FetchOptions { from, ..FetchOptions::new(folder.home()?) }, observe),
}];

/// The runs without those whose data set is not there, of which it says what to do; all of them where none is left.
pub(super) fn with_data(runs: Vec<Planned>, folder: &DataFolder) -> Vec<Planned> {
    let absent = |set: &&DataSet| (set.find)(folder).is_none();
    let lacks = |set: &DataSet, run: &Planned| set.tasks.contains(&run.spec.task.name.as_str());
    let (absent, count): (Vec<&DataSet>, usize) = (DATA_SETS.iter().filter(absent).collect(), runs.len());
    let kept: Vec<Planned> = runs.iter().filter(|run| !absent.iter().any(|set| lacks(set, run))).cloned().collect();
    if kept.is_empty() || kept.len() == count {
        return runs;
    }
    for set in absent {
        let left_out = runs.iter().filter(|run| lacks(set, run)).count();
        out::complain(&format!(
            "{left_out} of {count} runs need the data set `{0}`, which is not there, and are left out; `lookback data fetch {0}` \
             fetches it, and --data DIR names where it lies.",
            set.name
        ));
    }
    kept
}

/// Fetches a data set, or lists all.
pub(super) fn data(arguments: DataArguments) -> Result<Exit> {
    match arguments.command {
        DataCommand::Fetch(arguments) => fetch(arguments)?,
        DataCommand::List(place) => out::say(&listing(&DataFolder::new(place.data))),
    }
    Ok(Exit::Success)
}

fn fetch(arguments: FetchArguments) -> Result<()> {
    let set = data_set(&arguments.name)?;
    let mut progress = FetchProgress::default();
    let folder = DataFolder::new(arguments.place.data);
    let fetched = (set.fetch)(&folder, arguments.from, &mut |event| progress.observe(&event));
    progress.take_bar_away();
    out::say(&format!("{}: {}", set.name, fetched?.display()));
    Ok(())
}

fn data_set(name: &str) -> Result<&'static DataSet> {
    let found = DATA_SETS.iter().find(|set| set.name == name);
    found.ok_or_else(|| Error::unknown_name("data set", name, DATA_SETS.iter().map(|set| set.name)))
}

/// Every data set with its state, then the places searched.
fn listing(folder: &DataFolder) -> String {
    let width = DATA_SETS.iter().map(|set| set.name.len()).max().unwrap_or(0);
    let mut lines = vec!["data sets".to_owned()];
    for set in &DATA_SETS {
        let state = match (set.find)(folder) {
            Some(place) => format!("found in `{}`", place.display()),
            None => format!("not found; `lookback data fetch {}` fetches it", set.name),
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
    use lookback_benchmarks::{PlanRequest, Preset, suites};
    use lookback_models::Catalogue;

    use super::*;

    #[test]
    fn an_unknown_data_set_is_told_with_the_known_ones() {
        let error = data_set("cifra10").err().expect("there is none of this name");
        assert_eq!(error.to_string(), "There is no data set named `cifra10`. Did you mean `cifar10`? Known: cifar10.");
        assert!(data_set("cifar10").is_ok());
    }

    #[test]
    fn runs_whose_images_are_not_there_are_left_out() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::new(Some(place.path().to_owned()));
        let request = PlanRequest::new(Preset::Quick);
        let plan = suites::suite("rank").and_then(|suite| suite.plan(&request, &Catalogue::default())).expect("a plan");
        let images = |runs: &[Planned]| runs.iter().filter(|run| run.spec.task.name == "cifar10").count();
        let kept = with_data(plan.clone(), &folder);
        assert!(images(&plan) > 0 && images(&kept) == 0);
        assert_eq!(kept.len(), plan.len() - images(&plan));
        // Where nothing else is asked for, the runs say themselves what they lack.
        let alone: Vec<Planned> = plan.iter().filter(|run| run.spec.task.name == "cifar10").cloned().collect();
        assert_eq!(with_data(alone.clone(), &folder), alone);

        let set = place.path().join("cifar-10-batches-bin");
        std::fs::create_dir(&set).expect("the folder can be made");
        std::fs::write(set.join("test_batch.bin"), [0; 3073]).expect("the file can be written");
        assert_eq!(with_data(plan.clone(), &folder), plan);
    }

    #[test]
    fn the_list_says_what_is_where() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = DataFolder::new(Some(place.path().to_owned()));
        let there = place.path().display();
        let text = |state: &str| {
            format!(
                "data sets\n  cifar10  CIFAR-10: 60,000 images of 32 x 32 pixels in ten classes.\n           {state}\n\n\
                 places, in the order of the search\n  {there}"
            )
        };
        assert_eq!(listing(&folder), text("not found; `lookback data fetch cifar10` fetches it"));

        let set = place.path().join("cifar-10-batches-bin");
        std::fs::create_dir(&set).expect("the folder can be made");
        std::fs::write(set.join("test_batch.bin"), [0; 3073]).expect("the file can be written");
        assert_eq!(listing(&folder), text(&format!("found in `{}`", set.display())));
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
