//! Experiment `budget`: every model at its default size and at budgets of parameters.

use lookback_models::MODELS;
use lookback_registry::Result;

use super::grid::Scale;
use super::study::Study;
use super::{MemoryExperiment, Setting, figures, findings, tables};
use crate::experiment::{Cells, PlanRequest, Reading, Trial};
use crate::spec::Named;

pub(super) const EXPERIMENT: MemoryExperiment = MemoryExperiment {
    name: "budget",
    title: "How the error falls with the number of parameters",
    places_memory_functions: false,
    grid,
    read,
};

fn grid(scale: &Scale, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
    let (alphas, budgets) = scale.budget_sweep;
    let mut trials = Vec::new();
    for function in scale.functions(alphas) {
        for recipe in scale.recipes() {
            let name = &recipe.model.name;
            let entry = MODELS.get(name)?;
            // Two budgets may come to the same model: the narrowest there is.
            let mut known = Vec::new();
            for budget in std::iter::once(None).chain(budgets.iter().copied().map(Some)) {
                let params = match budget {
                    None => entry.facts(&recipe.with_states(scale.states).params, scale.io())?.params,
                    Some(budget) => entry.at_budget(&recipe.model.params, budget, scale.io())?,
                };
                if !known.contains(&params) {
                    known.push(params.clone());
                    let mut trial = scale.trial(&function, recipe, Named { name: name.clone(), params });
                    trial.setting.budget = budget;
                    trials.push(trial);
                }
            }
        }
        for extra in &request.also {
            trials.push(scale.extra(&function, extra)?);
        }
    }
    Ok(trials)
}

fn read(cells: &Cells<'_, Setting>) -> Result<Reading> {
    let study = Study::of(cells, &[])?;
    Ok(Reading {
        tables: tables::beside_floors(&study).into_iter().collect(),
        figures: vec![figures::over_parameters(&study)],
        findings: vec![findings::not_below_floor(&study, "budget-not-below-floor")],
        ..Reading::default()
    })
}
