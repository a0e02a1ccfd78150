//! Experiment `strength`: every model at its default size, over alpha.

use lookback_registry::Result;

use super::grid::Scale;
use super::study::Study;
use super::{DIFFERS, Setting, figures, findings, tables};
use crate::experiment::{Cells, Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};

pub(super) struct Strength;

impl Experiment for Strength {
    type Setting = Setting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "strength",
            title: "Which memory each model learns, over the strength of the temporal dependence",
            differs: DIFFERS,
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
        let scale = Scale::of(request.preset);
        let mut functions: Vec<_> = scale.functions(scale.alphas).collect();
        for function in &request.memory_functions {
            let function = scale.function(function)?;
            if !functions.iter().any(|known| (&known.memory, known.alpha) == (&function.memory, function.alpha)) {
                functions.push(function);
            }
        }
        let mut trials = Vec::new();
        for function in &functions {
            trials
                .extend(scale.recipes().map(|recipe| scale.trial(function, recipe, recipe.with_states(scale.states))));
            for extra in &request.also {
                trials.push(scale.extra(function, extra)?);
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

    fn places_memory_functions(&self) -> bool {
        true
    }

    fn read(&self, cells: &Cells<'_, Setting>) -> Result<Reading> {
        let study = Study::of(cells, &findings::LADDERS)?;
        Ok(Reading {
            tables: tables::over_alpha(&study).chain(tables::beside_floors(&study)).collect(),
            figures: figures::over_alpha(&study),
            findings: findings::over_alpha(&study),
            ..Reading::default()
        })
    }
}
