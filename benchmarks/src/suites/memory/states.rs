//! Experiment `states`: linear time-invariant models over their number of states.

use lookback_models::MODELS;
use lookback_registry::Result;

use super::grid::Scale;
use super::study::Study;
use super::{MemoryExperiment, Setting, figures, findings, tables};
use crate::experiment::{Cells, PlanRequest, Reading, Trial};

pub(super) const EXPERIMENT: MemoryExperiment = MemoryExperiment {
    name: "states",
    title: "How many states a linear time-invariant model needs",
    places_memory_functions: false,
    grid,
    read,
};

fn grid(scale: &Scale, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
    let (memories, sizes) = scale.states_sweep;
    let swept = scale.alphas.iter().filter(|(memory, _)| memories.contains(memory));
    let mut trials = Vec::new();
    for function in scale.functions(swept) {
        for recipe in scale.recipes().filter(|recipe| recipe.states.is_some()) {
            for states in std::iter::once(&scale.states).chain(sizes) {
                let mut trial = scale.trial(&function, recipe, recipe.with_states(*states));
                trial.setting.states = Some(*states);
                trials.push(trial);
            }
        }
        for extra in &request.also {
            let mut trial = scale.extra(&function, extra)?;
            let facts = MODELS.get(&extra.model.name)?.facts(&extra.model.params, scale.io())?;
            trial.setting.states = facts.lti_states;
            trials.extend(trial.setting.states.is_some().then_some(trial));
        }
    }
    Ok(trials)
}

fn read(cells: &Cells<'_, Setting>) -> Result<Reading> {
    let study = Study::of(cells, &[])?;
    Ok(Reading {
        tables: tables::beside_floors(&study).into_iter().collect(),
        figures: vec![figures::over_states(&study)],
        findings: findings::over_states(&study),
        ..Reading::default()
    })
}
