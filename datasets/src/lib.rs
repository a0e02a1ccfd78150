//! Memory functions, input processes and the sequence datasets made of them.
//!
//! A memory function `rho(s)` says how strongly an output remembers the input of `s` steps ago. The list of them
//! is [`MEMORY_FUNCTIONS`]; [`MemoryDataset`] makes sequences whose targets have exactly that memory. [`MemoryConfig`] shows how
//! to add a memory function, [`DrawnDataset`] how to make a dataset of other targets.
//!
//! Datasets implement burn-dataset's [`Dataset`](burn_dataset::Dataset) with [`Sample`] items, so any burn
//! project can use them as they are. Their values are the same bits on every platform: random bits come from
//! ChaCha, transcendental functions from the `libm` crate (never from the platform's mathematics library), and
//! targets are correctly rounded (see [`Convolution`]).
//!
//! Data sets of files lie in a [`DataFolder`]; [`DATA_SETS`] lists them. [`images`] reads CIFAR-10; [`text`] reads plain text,
//! and queries and passages in the format of MS MARCO.
//!
//! ```
//! use burn_dataset::Dataset;
//! use lookback_datasets::{MemoryDataset, MemoryDatasetConfig, Split, memory_function};
//! use serde_json::json;
//!
//! let params = json!({"alpha": 2}).as_object().unwrap().clone();
//! let delay = memory_function("impulse", &params)?;
//! let config = MemoryDatasetConfig { length: 8, ..Default::default() };
//! let data = MemoryDataset::new(delay.as_ref(), &config, Split::train(0, 100))?;
//!
//! let sample = data.get(7).unwrap();
//! assert_eq!(sample.targets[..2], [0.0, 0.0]);
//! assert_eq!(sample.targets[2..], sample.inputs[..6]);
//! # Ok::<(), lookback_registry::Error>(())
//! ```

mod adaptive;
mod convolution;
mod coupling;
mod data_sets;
mod drawn;
mod fetch;
mod files;
mod folder;
pub mod images;
mod input;
pub mod memory;
mod memory_dataset;
mod order;
mod ordering;
pub mod random;
mod recovery;
pub mod retrieval;
mod sparse;
#[cfg(test)]
mod testing;
pub mod text;

pub use adaptive::{AdaptiveDatasetConfig, AdaptiveReadout, Alphabet};
pub use convolution::Convolution;
pub use coupling::{Coupling, CouplingConfig, PsiBasis};
pub use data_sets::{DATA_SETS, DataSetEntry};
pub use drawn::{DrawnDataset, Split};
pub use fetch::{Fetch, FetchEvent, FetchOptions, RemoteArchive, fetch_cifar10};
pub use folder::{DATA_VARIABLE, DataFolder};
pub use input::InputProcess;
pub use memory::{MEMORY_FUNCTIONS, MemoryConfig, MemoryFunction, MemoryFunctionEntry, MemoryInfo, memory_function};
pub use memory_dataset::{MemoryDataset, MemoryDatasetConfig};
pub use order::{Epochs, permutation};
pub use ordering::{Alteration, OrderingConfig};
pub use recovery::{RecoveryConfig, RecoveryKind};
pub use sparse::Functional;

/// One sequence with its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// `[length, d_input]`, row-major.
    pub inputs: Vec<f32>,
    /// `[length, d_output]`, or `[1, d_output]` where a sequence has one target; row-major.
    pub targets: Vec<f32>,
}
