//! A target of D3 with its cells and floors.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use super::teachers::Teacher;
use crate::experiment::evidence::Evidence;
use crate::experiment::stats::Summary;
use crate::experiment::{Cell, Cells, Extended, Table};
use crate::oracle::depth::{BoundedFloor, bounded_floor};
use crate::oracle::{loss_weights, lti_fit_within};
use crate::tasks::TaskConfig as _;
use crate::tasks::memory::MemoryConfig;

/// The axes of D3.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(super) struct BoundedSetting {
    pub teacher: Teacher,
    /// States of all layers together, at most.
    pub states: usize,
    /// The largest absolute value of a parameter.
    pub cap: Extended<f64>,
    /// Layers.
    pub depth: usize,
}

/// A target at a number of states.
pub(super) struct Problem<'c> {
    pub teacher: Teacher,
    pub states: usize,
    /// The caps, ascending, with what one layer can reach under each that is finite.
    pub caps: Vec<(Extended<f64>, Option<BoundedFloor>)>,
    /// The depths, ascending.
    pub depths: Vec<usize>,
    /// The best known fit of as many states without a cap; none of more states than the search is fit for.
    pub fit: Option<f64>,
    /// Its cells.
    pub cells: Vec<&'c Cell<'c, BoundedSetting>>,
}

/// The most states for which the best fit is looked for.
const FITTED: usize = 16;

impl<'c> Problem<'c> {
    /// Those of the grid, by target and then by states, with their floors.
    pub fn all(cells: &'c Cells<'c, BoundedSetting>) -> Result<Vec<Self>> {
        let cells: Vec<_> = cells.iter().collect();
        let place = |cell: &Cell<'c, BoundedSetting>| (cell.setting.teacher, cell.setting.states);
        cells.chunk_by(|one, next| place(one) == place(next)).map(Self::of).collect()
    }

    /// The problem of these cells, one or more in order.
    fn of(cells: &[&'c Cell<'c, BoundedSetting>]) -> Result<Self> {
        let first = cells[0];
        let BoundedSetting { teacher, states, .. } = first.setting;
        let rho = MemoryConfig::read(&first.outcomes[0].planned.spec.task.params)?.rho()?;
        let weights = loss_weights(rho.len());
        let mut caps: Vec<_> = cells.iter().map(|cell| cell.setting.cap).collect();
        caps.dedup();
        let floor = |cap: f64| bounded_floor(&rho, states as f64 * cap * cap, Some(&weights));
        let caps = caps.into_iter().map(|cap| (cap, cap.finite().map(floor))).collect();
        let mut depths: Vec<_> = cells.iter().map(|cell| cell.setting.depth).collect();
        depths.sort_unstable();
        depths.dedup();
        let fit = (states <= FITTED).then(|| lti_fit_within(&rho, states, Some(&weights), 1.0).nmse);
        Ok(Self { teacher, states, caps, depths, fit, cells: cells.to_vec() })
    }

    /// The cell of a cap and a depth.
    pub fn cell(&self, cap: Extended<f64>, depth: usize) -> Option<&'c Cell<'c, BoundedSetting>> {
        self.cells.iter().copied().find(|cell| cell.setting.cap == cap && cell.setting.depth == depth)
    }

    /// The NMSE at a cap and a depth, of a cell with enough seeds.
    pub fn measured(&self, cap: Extended<f64>, depth: usize, evidence: &mut Evidence) -> Option<&'c Summary> {
        self.cell(cap, depth)?.measured("nmse", evidence)
    }

    /// Its place, for people.
    pub fn place(&self) -> String {
        format!("{}, {} states", self.teacher, self.states)
    }

    /// The smallest NMSE by cap and depth.
    pub fn table(&self, cells: &Cells<'_, BoundedSetting>) -> Table {
        let title = format!("NMSE on {}{}", self.place(), self.teacher.bracketed_residue("largest residue"));
        cells.grid_table(
            (&title, "nmse"),
            ("cap", |setting: &BoundedSetting| setting.cap),
            ("depth", |setting: &BoundedSetting| setting.depth),
            |setting| setting.teacher == self.teacher && setting.states == self.states,
        )
    }
}
