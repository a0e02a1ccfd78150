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
mod residues;
mod teachers;

use crate::experiment::ExperimentSuite;
use crate::experiment::SuiteInfo;

/// The suite `depth`.
pub fn suite() -> ExperimentSuite {
    let info = SuiteInfo {
        name: "depth",
        title: "Depth of linear state-space models",
        summary: "When several linear state-space layers express what one layer of as many parameters cannot: once the \
                  parameters are bounded.",
        source: "Bao, Yu, Jiang, Li, \"The effect of depth on the expressivity of deep linear state-space models\", 2025, https://arxiv.org/abs/2506.19296",
    };
    let experiments: Vec<Box<dyn crate::experiment::Experiment>> = vec![
        Box::new(conversion::Conversion),
        Box::new(residues::Residues),
        Box::new(bounded::Bounded),
        Box::new(nonlinear::Nonlinear),
    ];
    ExperimentSuite::new(info, experiments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Finding, PlanRequest, Preset, Suite, Verdict};
    use lookback_models::Catalogue;

    fn verdict(findings: &[Finding], name: &str) -> Verdict {
        findings.iter().find(|finding| finding.name == name).unwrap_or_else(|| panic!("no finding {name}")).verdict
    }

    #[test]
    fn what_is_exact_holds_without_a_run() {
        let analysis = suite().analyse(&[], &Catalogue::default()).unwrap();
        for name in ["d1-equivalent", "d1-zeros", "d2-falls", "d2-smallest-depth"] {
            assert_eq!(verdict(&analysis.findings, name), Verdict::Holds, "{name}");
        }
        assert_eq!(suite().exact(), ["D1", "D2"]);
    }

    #[test]
    fn models_of_one_place_differ_in_depth_alone() {
        let models = Catalogue::default();
        for preset in [Preset::Smoke, Preset::Quick, Preset::Full] {
            let plan = suite().plan(&PlanRequest::new(preset), &models).unwrap();
            let count = |place: &crate::suite::Planned| {
                let io = (crate::task_kind("memory").unwrap().io)(&place.spec.task.params).unwrap();
                models.get(&place.spec.model.name).unwrap().facts(&place.spec.model.params, io).unwrap().num_params
            };
            let capped: Vec<_> = plan.iter().filter(|place| place.axes["experiment"] == "D3").collect();
            for place in &capped {
                let same = |axis: &str, other: &crate::suite::Planned| other.axes[axis] == place.axes[axis];
                let shallow = capped.iter().find(|other| other.axes["depth"] == "1" && same("states", other)).unwrap();
                // Every further layer adds its feed-through. Layers have whole numbers of pairs; what is left over is
                // never given to the deeper model.
                let further = place.axes["depth"].parse::<usize>().unwrap() - 1;
                assert!(count(place) <= count(shallow) + further, "{:?}", place.axes);
                assert_eq!(place.spec.training.max_weight.is_none(), place.axes["cap"] == "inf");
            }
        }
    }
}
