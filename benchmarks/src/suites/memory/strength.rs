//! Experiment `strength`: every model at its default size, over alpha.

use lookback_registry::Result;

use super::grid::Scale;
use super::study::Study;
use super::{MemoryExperiment, Setting, figures, findings, tables};
use crate::experiment::{Cells, PlanRequest, Reading, Trial};

pub(super) const EXPERIMENT: MemoryExperiment = MemoryExperiment {
    name: "strength",
    title: "Which memory each model learns, over the strength of the temporal dependence",
    places_memory_functions: true,
    grid,
    read,
};

fn grid(scale: &Scale, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
    let mut functions: Vec<_> = scale.functions(scale.alphas).collect();
    for function in &request.memory_functions {
        let function = scale.function(function)?;
        if !functions.iter().any(|known| (&known.memory, known.alpha) == (&function.memory, function.alpha)) {
            functions.push(function);
        }
    }
    let mut trials = Vec::new();
    for function in &functions {
        trials.extend(scale.recipes().map(|recipe| scale.trial(function, recipe, recipe.with_states(scale.states))));
        for extra in &request.also {
            trials.push(scale.extra(function, extra)?);
        }
    }
    Ok(trials)
}

fn read(cells: &Cells<'_, Setting>) -> Result<Reading> {
    let study = Study::of(cells, &findings::LADDERS)?;
    Ok(Reading {
        tables: tables::over_alpha(&study).chain(tables::beside_floors(&study)).collect(),
        figures: figures::over_alpha(&study),
        findings: findings::over_alpha(&study),
        ..Reading::default()
    })
}
