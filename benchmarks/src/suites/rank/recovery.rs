//! R4: whether attention finds the weights that the target has, and the pointwise networks its pointwise part.

use lookback_datasets::{RecoveryConfig, RecoveryKind};
use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::training;
use crate::experiment::evidence::{Evidence, MIN_SEEDS, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::{self, Summary};
use crate::experiment::{
    Cell, Cells, Example, Experiment, ExperimentInfo, Finding, Outcome, PlanRequest, Preset, Reading, Shown, Table,
    Trial,
};
use crate::spec::Named;
use crate::tasks::TaskConfig as _;
use crate::tasks::regression::RegressionConfig;

const KINDS: [RecoveryKind; 3] = [RecoveryKind::NearestPoint, RecoveryKind::CentreOfGravity, RecoveryKind::Selection];
/// From this correlation on weights count as recovered.
const RECOVERED: f64 = 0.9;

/// Attention recovery.
#[derive(Debug)]
pub(super) struct Recovery;

/// The axis of R4.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(super) struct RecoverySetting {
    kind: RecoveryKind,
}

impl Experiment for Recovery {
    type Setting = RecoverySetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "R4",
            title: "attention recovers the weights of the target",
            differs: "The segment of a point is part of the input: no function of two time steps tells whether a segment \
                      ends between them. Masses, points and indices are uniform. NMSE and MSE include the 48 of 1,024 \
                      validation samples in which all points are the same.",
            remark: "An output can be right with other weights: of the centre of gravity, values and F can carry \
                     the masses instead.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<RecoverySetting>>> {
        let (steps, width) = match request.preset {
            Preset::Smoke => (20, 16),
            Preset::Quick => (10_000, 128),
            Preset::Full => (30_000, 128),
        };
        let trial = |kind| Trial {
            setting: RecoverySetting { kind },
            task: Named::new("attention-recovery", json!({"kind": kind})),
            model: Named::new(
                "pointwise-attention",
                // The nearest point is the same in whatever order the points come; the others name or keep to places.
                json!({"d_ff": width, "position": if kind == RecoveryKind::NearestPoint { "none" } else { "learned" }}),
            ),
            training: training(steps, 64, [5e-3, 1e-5]),
        };
        Ok(KINDS.map(trial).into())
    }

    fn read(&self, cells: &Cells<'_, RecoverySetting>) -> Result<Reading> {
        let mut rows = Vec::new();
        let mut matrices = Vec::new();
        let mut scatters = Vec::new();
        let (mut weights, mut pointwise) = (Evidence::default(), Evidence::default());
        for cell in cells.iter() {
            let kind = Shown(cell.setting.kind).to_string();
            let found = Recovered::of(cell)?;
            check(&kind, found.weights, "attention", &mut weights);
            check(&kind, found.pointwise, "F(f(x))", &mut pointwise);
            if let Some((outcome, _)) = cell.best("nmse")
                && let Some(best) = Observed::of(outcome)?
            {
                matrices.extend(attention_panels(&kind, &best).into_iter().flatten());
                scatters.push(pointwise_panel(&kind, &best));
            }
            rows.push(vec![kind, cell.entry("nmse"), cell.entry("mse"), mean(found.weights), mean(found.pointwise)]);
        }
        let columns = ["kind", "NMSE (min)", "MSE (min)", "correlation of weights", "correlation of F(f(x))"];
        let table = Table {
            title: "what attention and the pointwise networks recover".into(),
            columns: columns.map(String::from).into(),
            rows,
        };
        Ok(Reading {
            tables: vec![table],
            figures: figures(matrices, scatters),
            findings: findings(weights, pointwise),
            comparisons: Vec::new(),
        })
    }
}

/// Correlations over seeds.
struct Recovered {
    /// Of the learned weights with the true ones, over all entries of all examples.
    weights: Option<Summary>,
    /// Of the outputs with the targets, over samples in which all points are the same.
    pointwise: Option<Summary>,
}

impl Recovered {
    fn of(cell: &Cell<'_, RecoverySetting>) -> Result<Self> {
        let (mut weights, mut pointwise) = (Vec::new(), Vec::new());
        for outcome in &cell.outcomes {
            let Some(seen) = Observed::of(outcome)? else { continue };
            let (learned, truth): (Vec<f64>, Vec<f64>) = seen.weights().unzip();
            weights.extend(correlation(&learned, &truth));
            let (output, target): (Vec<f64>, Vec<f64>) = seen.constants().unzip();
            pointwise.extend(correlation(&output, &target));
        }
        Ok(Self { weights: stats::summarise(&weights), pointwise: stats::summarise(&pointwise) })
    }
}

/// What a run shows of its attention.
struct Observed<'a> {
    config: RecoveryConfig,
    learned: &'a [Vec<Vec<f64>>],
    examples: &'a [Example],
}

impl<'a> Observed<'a> {
    fn of(outcome: &'a Outcome) -> Result<Option<Self>> {
        let Some(probe) = &outcome.probe else { return Ok(None) };
        let Some(head) = probe.attention.first() else { return Ok(None) };
        let config = RegressionConfig::<RecoveryConfig>::read(&outcome.planned.spec.task.params)?.data;
        Ok(Some(Self { config, learned: &head.weights, examples: &probe.examples }))
    }

    /// Learned and true weights of all entries of all examples.
    fn weights(&self) -> impl Iterator<Item = (f64, f64)> {
        self.learned.iter().zip(self.examples).take(self.config.examples).flat_map(|(learned, example)| {
            let truth = self.config.weights(&example.input);
            learned.iter().flatten().copied().zip(truth.into_iter().flatten()).collect::<Vec<_>>()
        })
    }

    /// Outputs and targets of the samples in which all points are the same.
    fn constants(&self) -> impl Iterator<Item = (f64, f64)> {
        let constants = self.examples.iter().skip(self.config.examples).take(self.config.constants);
        constants.flat_map(|example| {
            let pairs = example.output.iter().zip(&example.target);
            pairs.map(|(output, target)| (f64::from(*output), f64::from(*target)))
        })
    }
}

/// Pearson's; `None` where one of the two does not vary.
fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (centre_left, centre_right) = (mean(left), mean(right));
    let joint: f64 = left.iter().zip(right).map(|(a, b)| (a - centre_left) * (b - centre_right)).sum();
    let square = |values: &[f64], centre: f64| values.iter().map(|value| (value - centre).powi(2)).sum::<f64>();
    let product = square(left, centre_left) * square(right, centre_right);
    (product > 0.0).then(|| joint / product.sqrt())
}

fn check(kind: &str, found: Option<Summary>, of: &str, evidence: &mut Evidence) {
    match found {
        Some(found) if found.n >= MIN_SEEDS => {
            let number = format!("{kind}: {} on average, {} at least", brief(found.mean), brief(found.min));
            evidence.check(found.mean >= RECOVERED, number);
        }
        other => {
            let seeds = other.map_or(0, |found| found.n);
            evidence.missing(format!("{kind}: {of} of {seeds} of at least {MIN_SEEDS} seeds"));
        }
    }
}

fn mean(summary: Option<Summary>) -> String {
    summary.map_or_else(|| "-".into(), |summary| format!("{:.3}", summary.mean))
}

/// The learned and the true weights of the first example.
fn attention_panels(kind: &str, best: &Observed<'_>) -> Option<[Panel; 2]> {
    let (learned, example) = best.learned.first().zip(best.examples.first())?;
    let panel = |what: &str, rows| Panel::matrix(format!("{kind}: {what}"), "time s", "output t", rows);
    Some([panel("learned", learned.clone()), panel("true", best.config.weights(&example.input))])
}

/// F(f(x)) of the model against that of the target.
fn pointwise_panel(kind: &str, best: &Observed<'_>) -> Panel {
    let mut points: Vec<Point> = best.constants().map(|(output, target)| Point::new(target, output)).collect();
    points.sort_by(|left, right| left.x.total_cmp(&right.x));
    let ends = points.first().zip(points.last()).map(|(first, last)| [first.x, last.x].map(|x| Point::new(x, x)));
    let all = vec![
        Series::new("model", "transformer", Mark::Points, points),
        Series::new("target", "truth", Mark::Dashed, ends.into_iter().flatten().collect()),
    ];
    Panel::new(kind, Axis::new("F(f(x)), target", false), Axis::new("F(f(x)), model", false), all)
}

fn figures(matrices: Vec<Panel>, scatters: Vec<Panel>) -> Vec<Figure> {
    vec![
        Figure {
            id: "r4-attention".into(),
            title: "Learned and true weights".into(),
            caption:
                "Of the first validation sample: how much each time step (column) counts in each output (row), in the \
                      attention of the best seed and in the target."
                    .into(),
            panels: matrices,
            columns: 2,
        },
        Figure {
            id: "r4-pointwise".into(),
            title: "The pointwise networks by themselves".into(),
            caption:
                "Outputs on validation samples in which all points are the same, where weights do not matter: F(f(x)) \
                      of the model (best seed) against that of the target. Dashed: equality."
                    .into(),
            panels: scatters,
            columns: 3,
        },
    ]
}

fn findings(weights: Evidence, pointwise: Evidence) -> Vec<Finding> {
    vec![
        weights.finding(
            "r4-attention",
            "Learned attention weights correlate with the true ones at 0.9 or more, on average over seeds, in all three \
             tasks.",
        ),
        pointwise.finding(
            "r4-pointwise",
            "Where all points are the same, outputs correlate with F(f(x)) of the target at 0.9 or more, on average over \
             seeds, in all three tasks.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_are_pearsons() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]).unwrap() - 1.0).abs() < 1e-12);
        assert!((correlation(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(correlation(&[1.0, 1.0], &[0.0, 1.0]), None);
    }
}
