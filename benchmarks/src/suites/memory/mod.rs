//! Suite `memory`: which memory can which architecture learn, how far back, at what size.
//!
//! The target is `y(t) = sum_s rho(s; alpha) x(t-s)` with white inputs; alpha sets how strong the temporal
//! dependence of the memory function rho is. Every model of the grid learns every memory; the error is the
//! NMSE, beside the best error that a model of its size can reach, where that is known.
//!
//! Source: Jiang, Bao, Wang, Li, "Numerical investigation of sequence modeling theory using controllable memory
//! functions", 2025, <https://arxiv.org/abs/2506.05678>. The four classes of memory are the paper's; their exact forms, the grids
//! of alpha and the training recipes are ours.

mod budget;
mod figures;
mod findings;
mod floors;
mod grid;
mod states;
mod strength;
mod study;
mod tables;

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::ops::Deref;

use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use crate::experiment::{Cells, Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Suite, SuiteInfo, Trial};
use grid::Scale;

/// The suite `memory`.
pub fn suite() -> Suite {
    let info = SuiteInfo {
        name: "memory",
        title: "Controllable memory functions",
        summary: "Trains every architecture on linear memories rho(s; alpha) of four classes and compares the error \
                  with the best that a model of its size can reach.",
        source: "Jiang, Bao, Wang, Li, \"Numerical investigation of sequence modeling theory using controllable memory \
                 functions\", 2025, https://arxiv.org/abs/2506.05678",
    };
    Suite::new(info).with(strength::EXPERIMENT).with(states::EXPERIMENT).with(budget::EXPERIMENT)
}

/// An experiment of the suite.
struct MemoryExperiment {
    name: &'static str,
    title: &'static str,
    places_memory_functions: bool,
    grid: fn(&Scale, &PlanRequest) -> Result<Vec<Trial<Setting>>>,
    read: fn(&Cells<'_, Setting>) -> Result<Reading>,
}

impl Experiment for MemoryExperiment {
    type Setting = Setting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: self.name,
            title: self.title,
            differs: "The four classes of memory are the paper's; their exact forms, the grids of alpha and the training \
                      recipes are ours.",
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
        (self.grid)(Scale::of(request.preset), request)
    }

    fn seeds(&self, preset: Preset) -> usize {
        Scale::of(preset).seeds
    }

    fn places_models(&self) -> bool {
        true
    }

    fn places_memory_functions(&self) -> bool {
        self.places_memory_functions
    }

    fn read(&self, cells: &Cells<'_, Setting>) -> Result<Reading> {
        (self.read)(cells)
    }
}

/// The metric of all tables, figures and findings.
const NMSE: &str = "nmse";

/// A place in the grids of the suite.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    /// The memory function, with its parameters beside alpha where they were given.
    memory: Label,
    /// Its parameter alpha; `None` for a function without one.
    alpha: Option<f64>,
    /// The model, by the label of its recipe.
    model: Label,
    /// Real states, in the experiment over states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    states: Option<usize>,
    /// Trainable scalars at most, in the experiment over budgets; `None` for a model at its default size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<usize>,
}

impl Setting {
    /// Alpha for people.
    fn alpha(&self) -> String {
        alpha_text(self.alpha)
    }
}

/// "32", or "none" for a function without alpha.
fn alpha_text(alpha: Option<f64>) -> String {
    alpha.map_or_else(|| "none".into(), |alpha| alpha.to_string())
}

/// The name of a memory or of a model. Those of the suite are in its order; others come after them, by their letters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Label(String);

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let place = |label: &Self| grid::position(label).unwrap_or(usize::MAX);
        Some(place(self).cmp(&place(other)).then_with(|| self.0.cmp(&other.0)))
    }
}

impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl Deref for Label {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}
