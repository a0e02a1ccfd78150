//! What the experiments of the suite share: recipes, places of the lags, small helpers of figures.

use serde_json::{Value, json};

use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::figure::{Mark, Point, Series};
use crate::experiment::{Cells, Setting};
use crate::spec::{Named, Schedule, TrainingConfig};
use crate::experiment::{Preset, Verdict};

/// A setting from the parameters that differ from the defaults; all models are of one kind.
pub(super) fn setting(
    axes: Vec<(&'static str, String)>,
    task: (&str, Value),
    model: Value,
    training: TrainingConfig,
) -> Setting {
    Setting { axes, task: Named::new(task.0, task.1), model: Named::new("rpe-transformer", model), training }
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

/// Channels of the models of S1 to S3.
pub(super) fn d_model(preset: Preset) -> usize {
    if preset == Preset::Full { 64 } else { 32 }
}

/// Where the inputs stand that matter in S1 to S3, and how scores see them.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The value on the axis `place`.
    pub name: &'static str,
    /// The value of `rpe`.
    pub rpe: &'static str,
    /// Steps of a sequence.
    pub length: usize,
    /// The three lags.
    pub lags: [usize; 3],
}

/// The three places: near lags in sequences of at most 32 steps, and far lags, in preset `full` those of the paper in
/// sequences of 1000 steps, else proportionally shorter ones.
pub(super) fn places(preset: Preset) -> [Place; 3] {
    let (length, lags) = match preset {
        Preset::Smoke => (16, [3, 4, 7]),
        Preset::Quick => (128, [6, 7, 13]),
        Preset::Full => (1000, [48, 56, 99]),
    };
    [
        Place { name: "near-linear", rpe: "linear", length: length.min(32), lags: [1, 2, 4] },
        Place { name: "far-log", rpe: "log", length, lags },
        Place { name: "far-free", rpe: "free", length, lags },
    ]
}

/// A metric along a numeric axis, of the cells with these values on further axes; `name` stands in the legend and fixes the
/// colour.
pub(super) fn curve(
    name: impl Into<String>,
    cells: &Cells,
    fixed: &[(&str, &str)],
    (axis, metric): (&str, &str),
) -> Series {
    let mut points: Vec<Point> =
        cells.with(fixed).filter_map(|cell| Some(Point::of(cell.number(axis)?, cell.metric(metric)?))).collect();
    points.sort_by(|left, right| left.x.total_cmp(&right.x));
    let name = name.into();
    Series::new(name.clone(), name, Mark::LinePoints, points)
}

/// A dashed curve.
pub(super) fn dashed(label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series::new(label, "floor", Mark::Dashed, points.into_iter().map(|(x, y)| Point::new(x, y)).collect())
}

/// A published upper bound: ours agrees where its smallest value is not above.
pub(super) fn at_most(experiment: &str, quantity: String, published: f64, ours: Ours, differs: &str) -> Comparison {
    let mut comparison = Comparison::within(1.0, experiment, quantity, published, ours, differs);
    comparison.verdict = match ours.value() {
        Some(value) if value <= published => Verdict::Holds,
        Some(_) => Verdict::DoesNotHold,
        None => Verdict::NotMeasured,
    };
    comparison
}

/// Whether, and how, the presets of S1 to S3 differ from the paper.
pub(super) const SMALLER: &str = "shorter sequences and training outside of preset full; in every preset lags 1, 2 \
                                  and 4 in at most 32 steps at near-linear";

/// A task of sparse memory.
pub(super) fn sparse_task(preset: Preset, place: &Place, target: &str, lags: &[usize]) -> (&'static str, Value) {
    let valid_samples = if preset == Preset::Smoke { 64 } else { 1024 };
    let task = json!({
        "target": target, "lags": lags, "length": place.length, "valid_samples": valid_samples,
    });
    ("sparse-memory", task)
}
