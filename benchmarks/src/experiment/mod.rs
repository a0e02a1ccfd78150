//! Suites made of named experiments: each is a grid, and what is read from its cells.

mod cells;
pub mod comparison;
pub mod evidence;
pub mod figure;
pub mod stats;
mod suite;

use lookback_registry::Result;

pub use cells::{Cell, Cells};
pub use suite::ExperimentSuite;

use crate::experiment::comparison::Comparison;
use crate::experiment::figure::Figure;
use crate::spec::{Named, TrainingConfig};
use crate::suite::{Finding, Preset, Table};

/// What is known of an experiment without planning it.
#[derive(Debug, Clone, Copy)]
pub struct ExperimentInfo {
    /// The value of the axis `experiment`, e.g. `H1`.
    pub name: &'static str,
    /// What is asked, in a few words.
    pub title: &'static str,
    /// What differs from the paper's set-up, or what the paper leaves open and was chosen here.
    pub differs: &'static str,
    /// What explains numbers that may surprise; empty where there is nothing to say.
    pub remark: &'static str,
}

/// One cell of the grid of an experiment: what all of its seeds share.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Its place in the grid: axis name to value, without `experiment` and `seed`.
    pub axes: Vec<(&'static str, String)>,
    /// The task; what is absent of its parameters takes its default.
    pub task: Named,
    /// The model; what is absent of its parameters takes its default.
    pub model: Named,
    /// How it is trained.
    pub training: TrainingConfig,
}

/// A named experiment.
pub trait Experiment: Send + Sync {
    /// Name, title, what differs.
    fn info(&self) -> ExperimentInfo;

    /// The grid; empty for an experiment that trains nothing.
    fn grid(&self, preset: Preset) -> Vec<Setting>;

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

    /// Tables, figures, findings and comparisons of whatever has been run so far.
    ///
    /// # Errors
    /// A cell whose axes or parameters are not those of this experiment.
    fn read(&self, cells: &Cells) -> Result<Reading>;
}

/// What is read from the cells of an experiment.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Compact tables for the terminal and the report.
    pub tables: Vec<Table>,
    /// Figures in the shape that the paper has; their ids begin with the experiment's name in lower case.
    pub figures: Vec<Figure>,
    /// Findings; their names begin with the experiment's name in lower case.
    pub findings: Vec<Finding>,
    /// Published values beside ours.
    pub comparisons: Vec<Comparison>,
}
