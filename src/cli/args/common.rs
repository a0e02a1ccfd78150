//! Arguments that several commands share.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use lookback_benchmarks::Preset;
use lookback_datasets::DataFolder;
use lookback_registry::Result;

use crate::backends::BackendKind;

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line, for programs
    Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BackendArgument {
    /// The backend (see `lookback list backends`) [default: the first of this build]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,
}

impl BackendArgument {
    pub fn kind(&self) -> Result<BackendKind> {
        match &self.backend {
            Some(name) => BackendKind::parse(name),
            None => BackendKind::first(),
        }
    }
}

/// Where data sets lie.
#[derive(Debug, Args)]
pub(in crate::cli) struct DataArgument {
    /// The folder of the data sets [default: LOOKBACK_DATA, else `lookback` in the platform's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

impl DataArgument {
    pub fn folder(&self) -> DataFolder {
        DataFolder::new(self.data.clone())
    }
}

/// Where to compute.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlaceArguments {
    #[command(flatten)]
    pub backend: BackendArgument,
    #[command(flatten)]
    pub device: DeviceArgument,
}

/// The device of a backend.
#[derive(Debug, Args)]
pub(in crate::cli) struct DeviceArgument {
    /// The device, by its number in `lookback list backends` [default: the backend's choice]
    #[arg(long, value_name = "N")]
    pub device: Option<usize>,
}

impl DeviceArgument {
    /// Its number; none for the backend's choice.
    pub fn numbers(&self) -> &[usize] {
        self.device.as_slice()
    }
}

pub(super) fn presets() -> impl TypedValueParser<Value = Preset> {
    PossibleValuesParser::new(Preset::ALL.map(Preset::name))
        .map(|name| Preset::parse(&name).expect("only names of presets are possible"))
}

pub(super) fn epochs(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(epochs) if epochs.is_finite() && epochs > 0.0 => Ok(epochs),
        _ => Err("it must be a number greater than 0".to_owned()),
    }
}

pub(super) fn seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
        _ => Err("it must be a number of seconds from 0 up".to_owned()),
    }
}
