//! What the experiments of the suite share: recipes, places of the lags, small helpers of figures and findings.

use lookback_models::rpe_transformer::Rpe;
use lookback_registry::{Result, parse};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::Evidence;
use crate::experiment::figure::{Mark, Point, Series};
use crate::experiment::{Cell, Cells, Preset, Setting, Trial, Verdict};
use crate::spec::{Named, Schedule, TrainingConfig};
use crate::tasks::regression::RegressionConfig;
use crate::tasks::sparse::SparseConfig;

/// A trial from the parameters that differ from the defaults; all models are of one kind.
pub(super) fn trial<S>(setting: S, task: (&str, Value), model: Value, training: TrainingConfig) -> Trial<S> {
    Trial { setting, task: Named::new(task.0, task.1), model: Named::new("rpe-transformer", model), training }
}

/// AdamW without decay on the squared error along half a cosine; the paper names AdamW and 10,000 steps of 100 sequences.
pub(super) fn training(preset: Preset, quick_steps: usize) -> TrainingConfig {
    let (steps, batch_size, learning_rate) = match preset {
        Preset::Smoke => (6, 8, 5e-3),
        Preset::Quick => (quick_steps, 32, 5e-3),
        Preset::Full => (10_000, 100, 2e-3),
    };
    TrainingConfig {
        steps,
        batch_size,
        learning_rate,
        schedule: Schedule::Cosine,
        final_learning_rate: 1e-6,
        eval_every: (steps / 5).max(1),
        eval_samples: Some(64),
        ..TrainingConfig::default()
    }
}

/// Which three lags matter in S1 to S3, and how scores see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Lags {
    /// Near ones in at most 32 steps, linear scores.
    NearLinear,
    /// Far ones, logarithmic scores.
    FarLog,
    /// Far ones, free scores.
    FarFree,
}

impl Lags {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::NearLinear, Self::FarLog, Self::FarFree];

    /// How scores depend on the lag.
    pub fn rpe(self) -> Rpe {
        match self {
            Self::NearLinear => Rpe::Linear,
            Self::FarLog => Rpe::Log,
            Self::FarFree => Rpe::Free,
        }
    }

    /// Steps of a sequence, and the lags: far ones are those of the paper in preset `full`, else proportionally nearer.
    pub fn steps(self, preset: Preset) -> (usize, [usize; 3]) {
        let (length, far) = match preset {
            Preset::Smoke => (16, [3, 4, 7]),
            Preset::Quick => (128, [6, 7, 13]),
            Preset::Full => (1000, [48, 56, 99]),
        };
        if self == Self::NearLinear { (length.min(32), [1, 2, 4]) } else { (length, far) }
    }
}

/// Heads, feed-forward width, and whether there are dot products.
pub(super) type Size = (usize, usize, bool);

/// A trial of S1 to S3: one layer at a place, on `target` of some of its lags.
pub(super) fn layer<S>(
    setting: S,
    preset: Preset,
    (place, target, lags): (Lags, &str, &[usize]),
    (n_heads, width, dot_product): Size,
    quick_steps: usize,
) -> Trial<S> {
    let valid_samples = if preset == Preset::Smoke { 64 } else { 1024 };
    let task = json!({
        "target": target, "lags": lags, "length": place.steps(preset).0, "valid_samples": valid_samples,
    });
    let model = json!({
        "d_model": if preset == Preset::Full { 64 } else { 32 }, "n_heads": n_heads, "d_head": 4, "d_ff": width,
        "rpe": place.rpe(), "dot_product": dot_product, "p_start": 0.1, "p_last": 4.0,
    });
    trial(setting, ("sparse-memory", task), model, training(preset, quick_steps))
}

/// The task of the first cell whose setting fits.
pub(super) fn task_of<S: Setting>(cells: &Cells<'_, S>, fits: impl Fn(&S) -> bool) -> Result<Option<SparseConfig>> {
    let outcome = cells.find(fits).and_then(|cell| cell.outcomes.first());
    let parsed =
        outcome.map(|outcome| parse("the task `sparse-memory`", &outcome.planned.spec.task.params)).transpose()?;
    Ok(parsed.map(|config: RegressionConfig<_>| config.data))
}

/// A metric of cells along an axis; `name` is in the legend and fixes the colour.
pub(super) fn curve<'c, 'a: 'c, S: Setting>(
    name: impl Into<String>,
    cells: impl Iterator<Item = &'c Cell<'a, S>>,
    axis: impl Fn(&S) -> usize,
    metric: &str,
) -> Series {
    let points = cells.filter_map(|cell| Some(Point::of(axis(&cell.setting) as f64, cell.metric(metric)?)));
    let name = name.into();
    Series::new(name.clone(), name, Mark::LinePoints, points.collect())
}

/// A dashed curve.
pub(super) fn dashed(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series::new(label, "floor", Mark::Dashed, points.into_iter().map(|(x, y)| Point::new(x, y)).collect())
}

/// The smallest values of a metric of two cells that a statement may rest on; else notes what is missing, `pair` where the
/// grid lacks one of them.
pub(super) fn smallest<S: Setting>(
    cells: [Option<&Cell<'_, S>>; 2],
    metric: &str,
    pair: String,
    evidence: &mut Evidence,
) -> Option<[f64; 2]> {
    let [Some(first), Some(second)] = cells else {
        evidence.missing(pair);
        return None;
    };
    let [first, second] = [first, second].map(|cell| cell.measured(metric, evidence).map(|summary| summary.min));
    Some([first?, second?])
}

/// The cell with the smallest value of a metric, of those that a statement may rest on; notes what the others lack.
pub(super) fn least<'c, 'a: 'c, S: Setting>(
    cells: impl Iterator<Item = &'c Cell<'a, S>>,
    metric: &str,
    evidence: &mut Evidence,
) -> Option<(f64, &'c Cell<'a, S>)> {
    let measured = cells.filter_map(|cell| Some((cell.measured(metric, evidence)?.min, cell)));
    measured.min_by(|left, right| left.0.total_cmp(&right.0))
}

/// A published bound: ours agrees where `agrees` says so of its smallest value and the bound.
pub(super) fn bound(
    agrees: fn(&f64, &f64) -> bool,
    experiment: &str,
    quantity: String,
    published: f64,
    ours: Ours,
    differs: &str,
) -> Comparison {
    let mut comparison = Comparison::within(1.0, experiment, quantity, published, ours, differs);
    if let Some(value) = ours.value() {
        comparison.verdict = if agrees(&value, &published) { Verdict::Holds } else { Verdict::DoesNotHold };
    }
    comparison
}

/// How the presets of S1 to S3 differ from the paper.
pub(super) const SMALLER: &str = "shorter sequences and training outside of preset full; in every preset lags 1, 2 \
                                  and 4 in at most 32 steps at near-linear";
