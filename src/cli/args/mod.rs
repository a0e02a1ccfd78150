//! The arguments, as clap reads them.

mod common;
mod finished;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use lookback_benchmarks::Preset;

pub(super) use common::{DataArgument, LogFormat, PlaceArguments};
pub(super) use finished::{
    DataArguments, DataCommand, EvalArguments, FetchArguments, InspectArguments, PredictArguments, ProbeArguments,
    ReportArguments, WorkerArguments,
};

use common::{epochs, presets, seconds};

/// Measures how far back, and in what shape, sequence models remember.
#[derive(Debug, Parser)]
#[command(name = "lookback", version, max_term_width = 110, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a suite: every run that is not done yet, then its report
    #[command(after_help = "Examples:\n  lookback bench memory\n  lookback bench memory --preset smoke --jobs 2\n  \
        lookback bench memory --only memory=impulse,model=tcn-long,model=s4d --seeds 3\n  \
        lookback bench memory --also transformer:n_layers=2:training.steps=800")]
    Bench(BenchArguments),
    /// Train one model on one task
    #[command(after_help = "Examples:\n  lookback train --model s4d --set task.function=impulse \
        --set task.function_params.alpha=32\n  lookback train vit --epochs 10 --backend wgpu\n  \
        lookback train --spec runs/memory-quick/runs/ID/spec.json --out again")]
    Train(TrainArguments),
    /// Evaluate a finished run on its validation split, from its weights
    Eval(EvalArguments),
    /// Classify pictures with a finished run
    #[command(after_help = "Example:\n  lookback predict runs/train/ID cat.png dog.jpg")]
    Predict(PredictArguments),
    /// Draw the attention of a finished run, and the spectra of its scores
    #[command(after_help = "Examples:\n  lookback inspect runs/train/ID\n  \
        lookback inspect runs/train/ID cat.png dog.jpg --out attention")]
    Inspect(InspectArguments),
    /// Download data sets, and list where they are
    Data(DataArguments),
    /// List models, memory functions, tasks, recipes, suites, data sets or backends
    List(ListArguments),
    /// Show a memory function with its values, a model with its modules, a task, or a suite with its runs
    Show(ShowArguments),
    /// Write the report of a sweep again, or that of a single run
    Report(ReportArguments),
    /// Print published values beside measured ones, as Markdown, from the folders of sweeps
    #[command(after_help = "Example:\n  lookback reproduction runs/heads-full runs/depth-full > reproduction.md")]
    Reproduction(ReproductionArguments),
    /// Print the learned memory of a finished run, from its weights
    Probe(ProbeArguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
    /// Carry out one run (started by a sweep)
    #[command(hide = true)]
    Worker(WorkerArguments),
}

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// The suite (see `lookback list suites`)
    pub suite: String,
    /// The size of the suite: smoke takes seconds, quick minutes, full has the sizes of the papers
    #[arg(long, default_value = "quick", value_parser = presets())]
    pub preset: Preset,
    #[command(flatten)]
    pub place: PlaceArguments,
    #[command(flatten)]
    pub data: DataArgument,
    /// Runs in parallel [default: one per core; 1 on a GPU]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Seeds per cell of the grid [default: the preset's]
    #[arg(long, value_name = "N")]
    pub seeds: Option<usize>,
    /// Only the runs with these values; several values of one axis are alternatives, axes combine
    #[arg(long, value_name = "AXIS=VALUE,...", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Add a model of `lookback list models`, with parameters; may be repeated
    #[arg(long, value_name = "MODEL[:KEY=VALUE...]")]
    pub also: Vec<String>,
    /// Add a memory function of `lookback list memory-functions`, with parameters; may be repeated
    #[arg(long, value_name = "NAME[:KEY=VALUE...]")]
    pub memory: Vec<String>,
    /// Skip and count malformed rows of data files instead of stopping with an error
    #[arg(long)]
    pub lenient: bool,
    /// The folder of the sweep [default: runs/SUITE-PRESET, with the backend if it is not the default]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Start in a new folder if there is one already; nothing is deleted
    #[arg(long)]
    pub fresh: bool,
    /// Stop the sweep at the first run that fails
    #[arg(long)]
    pub fail_fast: bool,
    /// Seconds between a run's checkpoints
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    pub checkpoint_seconds: f64,
    /// Output for people (text) or for programs (json: one object per line)
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

#[derive(Debug, Args)]
pub(super) struct TrainArguments {
    /// A recipe (see `lookback list recipes`) or a model (see `lookback list models`)
    #[arg(value_name = "RECIPE|MODEL", required_unless_present_any = ["spec", "model"], conflicts_with_all = ["spec", "model"])]
    pub name: Option<String>,
    /// The task (see `lookback list tasks`) [default: the recipe's, else memory]
    #[arg(long, conflicts_with = "spec")]
    pub task: Option<String>,
    /// The model, without a recipe
    #[arg(long, conflicts_with = "spec")]
    pub model: Option<String>,
    /// Passes over the training data [default: the recipe's, else training.steps decides]
    #[arg(long, value_name = "N", conflicts_with = "spec", value_parser = epochs)]
    pub epochs: Option<f64>,
    /// Set a parameter: task.NAME, model.NAME or training.NAME; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "spec")]
    pub set: Vec<String>,
    /// The seed of the initial weights, the training data and their order
    #[arg(long, default_value = "0", conflicts_with = "spec")]
    pub seed: u64,
    /// Train the run of this spec file
    #[arg(long, value_name = "FILE")]
    pub spec: Option<PathBuf>,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Devices that share each batch (data parallel training)
    #[arg(long, value_name = "N,N...", value_delimiter = ',', conflicts_with = "device")]
    pub devices: Vec<usize>,
    #[command(flatten)]
    pub data: DataArgument,
    /// Threads that load and augment samples in advance
    #[arg(long, value_name = "N", default_value = "1")]
    pub loaders: usize,
    /// The folder of the run [default: runs/train/ID]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seconds between checkpoints
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    pub checkpoint_seconds: f64,
    /// Output for people (text) or for programs (json: one object per line)
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// A list that can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListKind {
    /// Sequence models
    Models,
    /// Memory functions
    MemoryFunctions,
    /// Tasks
    Tasks,
    /// Recipes: a task, a model and a training by name
    Recipes,
    /// Suites
    Suites,
    /// Data sets of files
    DataSets,
    /// Backends, in this build or not
    Backends,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// The list [default: all of them]
    #[arg(value_enum)]
    pub kind: Option<ListKind>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A kind of entry that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ShowKind {
    /// A sequence model
    Model,
    /// A memory function
    MemoryFunction,
    /// A task
    Task,
    /// A suite
    Suite,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The kind of entry
    #[arg(value_enum)]
    pub kind: ShowKind,
    /// Its name
    pub name: String,
    /// Set a parameter; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print only the values, as CSV
    #[arg(long)]
    pub csv: bool,
    /// Time steps, for a memory function or a model [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub length: Option<u32>,
    /// The size of a suite [default: quick]
    #[arg(long, value_parser = presets())]
    pub preset: Option<Preset>,
}

#[derive(Debug, Args)]
pub(super) struct ReproductionArguments {
    /// Folders of sweeps
    #[arg(required = true)]
    pub dirs: Vec<PathBuf>,
}
