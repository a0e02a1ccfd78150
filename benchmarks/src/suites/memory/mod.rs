//! Suite `memory`: which memory can which architecture learn, how far back, at what size.
//!
//! The target is `y(t) = sum_s rho(s; alpha) x(t-s)` with white inputs; alpha sets how strong the temporal
//! dependence of the memory function rho is. Every model of the grid learns every memory; the error is the
//! NMSE, beside the best error that a model of its size can reach, where that is known.
//!
//! Source: Jiang, Bao, Wang, Li, "Numerical investigation of sequence modeling theory using controllable memory
//! functions", 2025, <https://arxiv.org/abs/2506.05678>. The four classes of memory are the paper's; their exact forms, the grids
//! of alpha and the training recipes are ours.

mod cells;
mod figures;
mod findings;
mod floors;
mod grid;
mod tables;

use lookback_models::Catalogue;
use lookback_registry::Result;

use crate::experiment::{Analysis, Outcome, PlanRequest, Planned, Suite, SuiteInfo};

/// The suite `memory`.
#[derive(Debug, Clone, Copy)]
pub struct MemorySuite;

impl Suite for MemorySuite {
    fn info(&self) -> SuiteInfo {
        SuiteInfo {
            name: "memory",
            title: "Controllable memory functions",
            summary: "Trains every architecture on linear memories rho(s; alpha) of four classes and compares the error \
                      with the best that a model of its size can reach.",
            source: "Jiang, Bao, Wang, Li, \"Numerical investigation of sequence modeling theory using controllable memory \
                     functions\", 2025, https://arxiv.org/abs/2506.05678",
        }
    }

    fn plan(&self, request: &PlanRequest, models: &Catalogue) -> Result<Vec<Planned>> {
        grid::plan(request, models)
    }

    fn analyse(&self, outcomes: &[Outcome], models: &Catalogue) -> Result<Analysis> {
        let cells = cells::Cells::collect(outcomes, models)?;
        Ok(Analysis {
            cells: tables::cells(&cells),
            summary: tables::summary(&cells),
            figures: figures::figures(&cells, outcomes),
            findings: findings::findings(&cells),
            ..Analysis::default()
        })
    }
}
