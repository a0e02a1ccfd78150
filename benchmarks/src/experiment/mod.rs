//! The framework of all suites: named experiments, each a grid of typed settings and what is read from its cells.
//!
//! An [`Experiment`] has a setting type of its own: a plain struct whose fields are the axes of its grid. A run is planned at
//! a setting, cells are keyed by it, and names for people are made only where a table or a figure is drawn.

mod cells;
pub mod comparison;
pub mod evidence;
pub mod figure;
mod finding;
mod outcome;
mod plan;
mod reading;
pub mod stats;
mod suite;
mod table;
mod values;

use std::fmt::Debug;

use lookback_registry::Result;
use serde::{Serialize, de::DeserializeOwned};

pub use cells::{Cell, Cells};
pub use finding::{Finding, Verdict};
pub use outcome::{Example, HeadProbe, Outcome, Probe, RunResult, RunStatus};
pub use plan::{ExtraModel, Place, PlanRequest, Planned, Preset, Shown, text};
pub use reading::{Analysis, Chapter, ExperimentInfo, ExperimentReading, Reading, SuiteInfo};
pub use suite::{AnyExperiment, Suite, SuiteEntry};
pub use table::Table;
pub use values::{Extended, NoAxes};

use crate::spec::{Named, TrainingConfig};

/// A place in the grid of an experiment: a struct of plain fields, in the order in which cells are sorted.
///
/// Serialised names are the axes' names on the command line (`--only T=8,h=3`) and the columns of `results.csv`. `None`
/// means that there is no such thing (no cap, no limit).
pub trait Setting:
    Serialize + DeserializeOwned + Clone + PartialEq + PartialOrd + Debug + Send + Sync + 'static
{
}

impl<S: Serialize + DeserializeOwned + Clone + PartialEq + PartialOrd + Debug + Send + Sync + 'static> Setting for S {}

/// One cell of a grid before it is run: what all of its seeds share.
#[derive(Debug, Clone)]
pub struct Trial<S> {
    /// Its place in the grid.
    pub setting: S,
    /// The task; what is absent of its parameters takes its default.
    pub task: Named,
    /// The model; what is absent of its parameters takes its default.
    pub model: Named,
    /// How it is trained.
    pub training: TrainingConfig,
}

/// A named experiment.
pub trait Experiment: Send + Sync + 'static {
    /// The axes of its grid.
    type Setting: Setting;

    /// Name, title, what differs from the paper.
    fn info(&self) -> ExperimentInfo;

    /// The grid; empty for an experiment that trains nothing.
    ///
    /// # Errors
    /// A model or a memory function of the request is unknown, or not valid.
    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<Self::Setting>>>;

    /// Seeds per cell.
    fn seeds(&self, preset: Preset) -> usize {
        match preset {
            Preset::Smoke => 1,
            Preset::Quick => 2,
            Preset::Full => 3,
        }
    }

    /// Whether it needs no data from elsewhere: then it is part of suite `synthetic`.
    fn is_synthetic(&self) -> bool {
        true
    }

    /// Whether its grid has cells for the models of [`PlanRequest::also`]. Of other experiments they learn each task at the
    /// first setting that has it, and are listed in a table of their own.
    fn places_models(&self) -> bool {
        false
    }

    /// Whether its grid has cells for [`PlanRequest::memory_functions`].
    fn places_memory_functions(&self) -> bool {
        false
    }

    /// Tables, figures, findings and comparisons of whatever has been run so far.
    ///
    /// # Errors
    /// Parameters of a cell are not those of this experiment.
    fn read(&self, cells: &Cells<'_, Self::Setting>) -> Result<Reading>;
}
