//! Figures as the suites make them, for tests.

use lookback_benchmarks::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};

/// Labels and keys.
const MODELS: [(&str, &str); 8] = [
    ("linear RNN", "linear-rnn"),
    ("LSTM", "lstm"),
    ("GRU", "gru"),
    ("S4D", "s4d"),
    ("diagonal SSM", "diagonal-ssm"),
    ("LRU", "lru"),
    ("TCN", "tcn"),
    ("Transformer (learned)", "transformer-learned"),
];

/// Error against alpha, error against size, learned memory, loss curves, matrices, a distribution.
pub(crate) fn figures() -> Vec<Figure> {
    vec![errors(), sizes(), memories(), losses(), matrices(), distribution()]
}

/// A number in [-1, 1] that looks random.
fn noise(seed: usize) -> f64 {
    ((seed as f64 + 1.0) * 78.233).sin() * 43758.547 % 1.0
}

fn figure(id: &str, columns: usize, panels: Vec<Panel>) -> Figure {
    let (title, caption) = (format!("What the figure `{id}` shows"), format!("How what `{id}` shows was measured."));
    Figure { id: id.into(), title, caption, panels, columns }
}

/// A curve of each model through `count` points.
fn curves(mark: Mark, count: usize, point: impl Fn(usize, usize) -> Point) -> Vec<Series> {
    let curve = |(m, (label, key)): (usize, &(&str, &str))| {
        Series::new(*label, *key, mark, (0..count).map(|i| point(m, i)).collect())
    };
    MODELS.iter().enumerate().map(curve).collect()
}

/// A logarithmic axis, and one over grid values; with intervals, minima and a bound.
fn errors() -> Figure {
    let panel = |(p, name): (usize, &str)| {
        let alphas = ["0.01", "0.1", "1", "10", "100", "1000"];
        let mut all = curves(Mark::LinePoints, alphas.len(), |m, i| {
            let level = -5.0 + i as f64 * (1.0 - 0.08 * m as f64) + 0.3 * noise(100 * p + 10 * m + i);
            let y = 10f64.powf(level);
            let spread = 0.35 + 0.2 * noise(m + i);
            let interval = Some((y * (1.0 - spread), y * (1.0 + spread)));
            Point { interval, min: Some(y * (1.0 - 0.8 * spread)), ..Point::new(i as f64, y) }
        });
        let floor = (0..alphas.len()).map(|i| Point::new(i as f64, 10f64.powf(-8.0 + i as f64 * 0.9)));
        all.push(Series::new("best LTI fit, 16 states", "floor", Mark::Dashed, floor.collect()));
        Panel::new(name, Axis::over("α", alphas), Axis::new("NMSE", true), all)
    };
    let memories = ["exponential", "polynomial", "impulse", "airy"];
    figure("error-alpha", 2, memories.into_iter().enumerate().map(panel).collect())
}

/// One panel with two logarithmic axes.
fn sizes() -> Figure {
    let all = curves(Mark::LinePoints, 4, |m, i| {
        Point::new(320.0 * 3.9f64.powi(i as i32), 10f64.powf(-0.5 - 0.4 * i as f64 - 0.2 * m as f64))
    });
    figure("error-size", 1, vec![Panel::new("impulse", Axis::new("parameters", true), Axis::new("NMSE", true), all)])
}

/// Many points, a band, negative values.
fn memories() -> Figure {
    let wave = |s: usize, speed: f64| (-0.05 * s as f64).exp() * (speed * s as f64).cos();
    let panel = |p: usize| {
        let mut all = curves(Mark::Line, 128, |m, s| {
            let y = wave(s, 0.2 + 0.01 * m as f64) + 0.01 * noise(s + m);
            Point { interval: (m == 0).then_some((y - 0.05, y + 0.05)), ..Point::new(s as f64, y) }
        });
        let truth = (0..128).map(|s| Point::new(s as f64, wave(s, 0.2)));
        all.push(Series::new("true ρ", "truth", Mark::Dashed, truth.collect()));
        Panel::new(format!("airy, α = {p}"), Axis::new("lag s", false), Axis::new("ρ(s)", false), all)
    };
    figure("learned-memory", 3, (0..6).map(panel).collect())
}

/// More points than markers.
fn losses() -> Figure {
    let panel = |title: &str| {
        let all = curves(Mark::LinePoints, 40, |m, i| {
            Point::new(50.0 * i as f64, 10f64.powf(-(i as f64) / (10.0 + 4.0 * m as f64) + 0.08 * noise(i + 40 * m)))
        });
        Panel::new(title, Axis::new("step", false), Axis::new("validation NMSE", true), all)
    };
    figure("loss", 2, ["exponential, α = 0.1", "impulse, α = 32"].map(panel).into())
}

/// A small matrix with a marker in each row, and a large one.
fn matrices() -> Figure {
    let matrix = |rows: usize, columns: usize| -> Vec<Vec<f64>> {
        (0..rows).map(|i| (0..columns).map(|j| (-0.05 * i.abs_diff(j) as f64).exp()).collect()).collect()
    };
    let mut small = Panel::matrix("4 x 6", "key s", "query t", matrix(4, 6));
    let diagonal = (0..4).map(|i| Point::new(f64::from(i), f64::from(i))).collect();
    small.series.push(Series::new("largest true weight", "truth", Mark::Points, diagonal));
    figure("attention", 2, vec![small, Panel::matrix("128 x 128", "key s", "query t", matrix(128, 128))])
}

/// A filled outline.
fn distribution() -> Figure {
    let outline = (0..40).map(|i| f64::from(i) * 0.157).map(|angle| Point::new(angle.cos(), angle.sin())).collect();
    let area = Series::new("distribution over images", "transformer", Mark::Area, outline);
    figure("rank", 1, vec![Panel::new("layer 1", Axis::new("head", false), Axis::new("rank", false), vec![area])])
}
