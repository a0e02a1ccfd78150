//! Experiment `budget`: every model at its default size and at budgets of parameters.

use lookback_models::MODELS;
use lookback_registry::Result;

use super::grid::Scale;
use super::study::Study;
use super::{DIFFERS, Setting, figures, findings, tables};
use crate::experiment::{Cells, Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};
use crate::spec::Named;

pub(super) struct Budget;

impl Experiment for Budget {
    type Setting = Setting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "budget",
            title: "How the error falls with the number of parameters",
            differs: DIFFERS,
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
        let scale = Scale::of(request.preset);
        let (alphas, budgets) = scale.budget_sweep;
        let mut trials = Vec::new();
        for function in scale.functions(alphas) {
            for recipe in scale.recipes() {
                // Two budgets may come to the same model: the narrowest there is.
                let mut known = Vec::new();
                for budget in std::iter::once(None).chain(budgets.iter().copied().map(Some)) {
                    let entry = MODELS.get(&recipe.model.name)?;
                    let params = match budget {
                        None => entry.facts(&recipe.with_states(scale.states).params, scale.io())?.params,
                        Some(budget) => entry.at_budget(&recipe.model.params, budget, scale.io())?,
                    };
                    if !known.contains(&params) {
                        let model = Named { name: recipe.model.name.clone(), params: params.clone() };
                        let mut trial = scale.trial(&function, recipe, model);
                        trial.setting.budget = budget;
                        trials.push(trial);
                        known.push(params);
                    }
                }
            }
            for extra in &request.also {
                trials.push(scale.extra(&function, extra)?);
            }
        }
        Ok(trials)
    }

    fn seeds(&self, preset: Preset) -> usize {
        Scale::of(preset).seeds
    }

    fn places_models(&self) -> bool {
        true
    }

    fn read(&self, cells: &Cells<'_, Setting>) -> Result<Reading> {
        let study = Study::of(cells, &[])?;
        Ok(Reading {
            tables: tables::beside_floors(&study).into_iter().collect(),
            figures: vec![figures::over_parameters(&study)],
            findings: vec![findings::not_below_floor(&study, "budget-not-below-floor")],
            ..Reading::default()
        })
    }
}
