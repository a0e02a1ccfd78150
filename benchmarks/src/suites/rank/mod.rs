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
use crate::experiment::{Cell, Suite, SuiteInfo};
use crate::spec::{Optimizer, TrainingConfig};

/// The suite `rank`.
pub fn suite() -> Suite {
    let info = SuiteInfo {
        name: "rank",
        title: "Approximation rate of the Transformer",
        summary: "How the rank of attention's scores limits the error, on targets of known singular values, and what the \
                  order and the mixing of inputs do to a Transformer and a recurrent network.",
        source: "Jiang, Li, \"Approximation rate of the Transformer architecture for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2305.18475",
    };
    Suite::new(info).with(coupling::Coupling).with(vit::VitRank).with(ordering::Ordering).with(recovery::Recovery)
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
fn point<S>(cell: &Cell<'_, S>, x: f64, metric: &str) -> Option<Point> {
    Some(Point::of(x, cell.metric(metric)?))
}

/// Slope and intercept of the least squares line through points (x, y); `None` where x does not vary.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let joint: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let slope = joint / spread;
    (spread > 0.0).then_some((slope, y - slope * x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{PlanRequest, Preset};

    #[test]
    fn slopes_are_those_of_power_laws() {
        let points: Vec<_> = [1.0f64, 2.0, 8.0].iter().map(|m| (m.ln(), 0.7 * m.ln() + 3.0)).collect();
        let (slope, intercept) = line(&points).unwrap();
        assert!((slope - 0.7).abs() < 1e-12 && (intercept - 3.0).abs() < 1e-12);
        assert_eq!(line(&points[..1]), None);
    }

    #[test]
    fn presets_grow() {
        let counts = Preset::ALL.map(|preset| suite().plan(&PlanRequest::new(preset)).unwrap().len());
        assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
        assert!(suite().exact().unwrap().is_empty());
    }
}
