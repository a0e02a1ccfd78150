//! Arguments of commands on data sets, sweeps and finished runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::{DataArgument, LogFormat, PlaceArguments, seconds};

#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArguments {
    /// The folder of a sweep or of a finished run
    pub dir: PathBuf,
    #[command(flatten)]
    pub data: DataArgument,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Output for people (text) or for programs (json: one object per line)
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ProbeArguments {
    /// The folder of a finished run
    pub run: PathBuf,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Print only the values, as CSV
    #[arg(long)]
    pub csv: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EvalArguments {
    /// The folder of a finished run
    pub run: PathBuf,
    #[command(flatten)]
    pub place: PlaceArguments,
    #[command(flatten)]
    pub data: DataArgument,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PredictArguments {
    /// The folder of a finished run on images
    pub run: PathBuf,
    /// PNG or JPEG files
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// Classes to print for each image
    #[arg(long, value_name = "N", default_value = "3")]
    pub top: usize,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Print JSON, one object per line
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WorkerArguments {
    /// The folder of the run, with its spec
    pub folder: PathBuf,
    #[command(flatten)]
    pub place: PlaceArguments,
    #[command(flatten)]
    pub data: DataArgument,
    /// Seconds between checkpoints
    #[arg(long, value_parser = seconds)]
    pub checkpoint_seconds: f64,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct InspectArguments {
    /// The folder of a finished run on images
    pub run: PathBuf,
    /// PNG or JPEG files [default: the first images of the validation split]
    pub images: Vec<PathBuf>,
    /// Images of the validation split
    #[arg(long, value_name = "N", default_value = "8", conflicts_with = "images")]
    pub samples: usize,
    #[command(flatten)]
    pub data: DataArgument,
    /// The folder to write to [default: RUN/inspect]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub place: PlaceArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DataArguments {
    #[command(subcommand)]
    pub command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DataCommand {
    /// Download a data set; the same command resumes an interrupted download
    #[command(after_help = "Examples:\n  lookback data fetch cifar10\n  \
        lookback data fetch cifar10 --from cifar-10-binary.tar.gz --data /data")]
    Fetch(FetchArguments),
    /// List the data sets and where they are
    List(DataArgument),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct FetchArguments {
    /// The data set (see `lookback data list`)
    pub name: String,
    /// Take it from this archive or folder instead of the network
    #[arg(long, value_name = "FILE|DIR")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    pub data: DataArgument,
}
