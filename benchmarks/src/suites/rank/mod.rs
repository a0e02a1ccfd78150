//! Suite `rank`: how the rank of attention's scores limits what a Transformer can approximate.
//!
//! The targets are `H_t(x) = F(sum_s softmax_s[rho(x(t), x(s))] f(x(s)))`: scores of inner dimension m_h have rank m_h
//! at most, so the singular values of rho say how the error falls with m_h. R1 makes targets of known singular values,
//! R2 looks at those of Vision Transformers, R3 alters the order of the inputs or mixes them, R4 asks whether attention
//! finds the weights that the target has.
//!
//! Source: Jiang, Li, "Approximation rate of the Transformer architecture for sequence modeling", 2024,
//! <https://arxiv.org/abs/2305.18475>.

mod coupling;
mod oracle;
mod ordering;
mod recovery;
mod vit;

use crate::experiment::figure::Point;
use crate::experiment::{Cell, ExperimentSuite};
use crate::spec::{Optimizer, TrainingConfig};
use crate::experiment::SuiteInfo;

/// The suite `rank`.
pub fn suite() -> ExperimentSuite {
    let info = SuiteInfo {
        name: "rank",
        title: "Approximation rate of the Transformer",
        summary: "How the rank of attention's scores limits the error, on targets of known singular values, and what the \
                  order and the mixing of inputs do to a Transformer and a recurrent network.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };
    ExperimentSuite::new(
        info,
        vec![
            Box::new(coupling::Coupling),
            Box::new(vit::VitRank),
            Box::new(ordering::Ordering),
            Box::new(recovery::Recovery),
        ],
    )
}

/// Adam along half a cosine; the paper says no more than Adam.
fn training(steps: usize, batch_size: usize, [learning_rate, final_learning_rate]: [f64; 2]) -> TrainingConfig {
    TrainingConfig {
        steps,
        batch_size,
        optimizer: Optimizer::Adam,
        learning_rate,
        final_learning_rate,
        warmup_steps: steps / 20,
        eval_every: (steps / 10).max(1),
        eval_samples: Some(128),
        ..TrainingConfig::default()
    }
}

/// A cell's metric as a point.
fn point(cell: &Cell<'_>, x: f64, metric: &str) -> Option<Point> {
    Some(Point::of(x, cell.metric(metric)?))
}

#[cfg(test)]
mod tests {
    use lookback_models::Catalogue;

    use super::*;
    use crate::experiment::{PlanRequest, Preset, Suite};

    #[test]
    fn presets_grow() {
        let plan = |preset| suite().plan(&PlanRequest::new(preset), &Catalogue::default()).unwrap();
        let counts = [Preset::Smoke, Preset::Quick, Preset::Full].map(|preset| plan(preset).len());
        assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
        assert!(suite().exact().is_empty());
    }
}
