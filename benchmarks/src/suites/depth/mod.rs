//! Suite `depth`: depth of linear state-space models.
//!
//! Source: Bao, Yu, Jiang, Li, "The effect of depth on the expressivity of deep linear state-space models", 2025,
//! <https://arxiv.org/abs/2506.19296>. Only its abstract was at hand: the experiments are reconstructed from its claims,
//! and no number here is one that the paper reports.

mod bounded;
mod conversion;
mod figures;
mod findings;
mod nonlinear;
mod problem;
mod residues;
mod teachers;

use crate::experiment::figure::Axis;
use crate::experiment::{Suite, SuiteInfo};

/// The suite `depth`.
pub fn suite() -> Suite {
    let info = SuiteInfo {
        name: "depth",
        title: "Depth of linear state-space models",
        summary: "When several linear state-space layers express what one layer of as many parameters cannot: once the \
                  parameters are bounded.",
        source: "Bao, Yu, Jiang, Li, \"The effect of depth on the expressivity of deep linear state-space models\", 2025, \
                 https://arxiv.org/abs/2506.19296",
    };
    Suite::new(info)
        .with(conversion::Conversion)
        .with(residues::Residues)
        .with(bounded::Bounded)
        .with(nonlinear::Nonlinear)
}

/// A linear axis with a tick at each of these depths.
fn depth_axis(depths: &[usize]) -> Axis {
    let ticks = depths.iter().map(|depth| (*depth as f64, depth.to_string())).collect();
    Axis { ticks: Some(ticks), ..Axis::new("depth", false) }
}

#[cfg(test)]
mod tests {
    use lookback_models::MODELS;

    use super::*;
    use crate::experiment::{Experiment, Extended, PlanRequest, Preset, Trial, Verdict};
    use crate::tasks::TASKS;

    #[test]
    fn what_is_exact_holds_without_a_run() {
        let analysis = suite().analyse(&[]).unwrap();
        for name in ["d1-equivalent", "d1-zeros", "d2-falls", "d2-smallest-depth"] {
            let finding = analysis.findings().find(|finding| finding.name == name).unwrap();
            assert_eq!(finding.verdict, Verdict::Holds, "{name}");
        }
        assert!(analysis.experiments().map(|exact| exact.info.name).eq(suite().exact().unwrap()));
    }

    #[test]
    fn models_of_one_place_differ_in_depth_alone() {
        let count = |trial: &Trial<problem::BoundedSetting>| {
            let io = TASKS.get(&trial.task.name).unwrap().io(&trial.task.params).unwrap();
            MODELS.get(&trial.model.name).unwrap().facts(&trial.model.params, io).unwrap().num_params
        };
        for preset in Preset::ALL {
            let trials = bounded::Bounded.grid(&PlanRequest::new(preset)).unwrap();
            for trial in &trials {
                let setting = &trial.setting;
                let mut same = trials.iter().filter(|other| other.setting.states == setting.states);
                let shallow = same.find(|other| other.setting.depth == 1).unwrap();
                // Every further layer adds its feed-through. Layers have whole numbers of pairs; what is left over is
                // never given to the deeper model.
                let further = setting.depth - 1;
                assert!(count(trial) <= count(shallow) + further, "{setting:?}");
                assert_eq!(trial.training.max_weight.is_none(), setting.cap == Extended::Infinite);
            }
        }
    }
}
