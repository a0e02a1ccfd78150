//! Figures as the suites make them, for tests.

use lookback_benchmarks::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};

/// A number in [-1, 1] that looks random.
fn noise(seed: usize) -> f64 {
    ((seed as f64 + 1.0) * 78.233).sin() * 43758.547 % 1.0
}

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

/// Error against alpha, error against size, learned memory, loss curves, matrices.
pub(crate) fn figures() -> Vec<Figure> {
    vec![errors(), sizes(), memories(), losses(), matrices()]
}

/// A small matrix with a mark in each row, and a large one.
pub(crate) fn matrices() -> Figure {
    let small = (0..4).map(|i| (0..6).map(|j| (-f64::from((j - i) * (j - i))).exp()).collect());
    let large =
        (0..128).map(|i| (0..128).map(|j| if j > i { 0.0 } else { (-0.05 * f64::from(i - j)).exp() }).collect());
    let diagonal = (0..4).map(|i| Point::new(f64::from(i), f64::from(i))).collect();
    let mut panels = vec![
        Panel::matrix("4 x 6", "key s", "query t", small.collect()),
        Panel::matrix("128 x 128", "key s", "query t", large.collect()),
    ];
    panels[0].series.push(Series::new("largest true weight", "truth", Mark::Points, diagonal));
    Figure {
        id: "attention".into(),
        title: "Attention weights".into(),
        caption: "One validation sample.".into(),
        panels,
        columns: 2,
    }
}

fn errors() -> Figure {
    let grids: [(&str, &[f64]); 4] = [
        ("exponential", &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]),
        ("polynomial", &[0.25, 0.5, 0.75, 1.0, 1.1, 1.5, 2.0, 3.0]),
        ("impulse", &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 96.0]),
        ("airy", &[0.0, 2.0, 4.0, 6.0, 8.0, 12.0]),
    ];
    let panels = grids
        .iter()
        .enumerate()
        .map(|(p, (name, alphas))| {
            let place = |i: usize, alpha: f64| if p == 2 { i as f64 } else { alpha };
            let mut all: Vec<Series> = MODELS
                .iter()
                .enumerate()
                .map(|(m, (label, key))| {
                    let points = alphas.iter().enumerate().map(|(i, alpha)| {
                        let level = match p {
                            0 => -4.0 + 0.25 * m as f64,
                            2 => (-5.0 + i as f64 * (1.0 - 0.08 * m as f64)).min(0.0),
                            _ => -3.5 + 0.3 * i as f64 - 0.2 * m as f64,
                        };
                        let y = 10f64.powf(level + 0.3 * noise(100 * p + 10 * m + i));
                        let spread = 0.35 + 0.2 * noise(m + i);
                        let interval = Some((y * (1.0 - spread), y * (1.0 + spread)));
                        Point { x: place(i, *alpha), y, interval, min: Some(y * (1.0 - 0.8 * spread)) }
                    });
                    Series::new(*label, *key, Mark::LinePoints, points.collect())
                })
                .collect();
            let floor =
                alphas.iter().enumerate().map(|(i, a)| Point::new(place(i, *a), 10f64.powf(-8.0 + i as f64 * 0.9)));
            all.push(Series::new("best LTI fit, 16 states", "floor", Mark::Dashed, floor.collect()));
            let ticks = (p == 2).then(|| alphas.iter().enumerate().map(|(i, a)| (i as f64, a.to_string())).collect());
            Panel {
                title: (*name).into(),
                x: Axis { ticks, log: p == 0, ..Axis::new("α", false) },
                y: Axis::new("NMSE", true),
                series: all,
                heat: None,
            }
        })
        .collect();
    Figure {
        id: "error-alpha".into(),
        title: "Which memory each architecture learns: error against α".into(),
        caption: "Mean over seeds with 95 % interval; the short bar is the best seed. Dashed: a bound.".into(),
        panels,
        columns: 2,
    }
}

fn sizes() -> Figure {
    let all = MODELS.iter().enumerate().map(|(m, (label, key))| {
        let points = [320.0, 1200.0, 4700.0, 18_600.0].iter().enumerate();
        let points = points.map(|(i, n)| Point::new(*n, 10f64.powf(-0.5 - 0.4 * i as f64 - 0.2 * m as f64)));
        Series::new(*label, *key, Mark::LinePoints, points.collect())
    });
    Figure {
        id: "error-size".into(),
        title: "Error against size".into(),
        caption: "Impulse, α = 32.".into(),
        panels: vec![Panel {
            title: "impulse, α = 32".into(),
            x: Axis::new("parameters", true),
            y: Axis::new("NMSE", true),
            series: all.collect(),
            heat: None,
        }],
        columns: 1,
    }
}

fn memories() -> Figure {
    let panels = (0..6).map(|p| {
        let truth =
            (0..128).map(|s| Point::new(f64::from(s), (-0.05 * f64::from(s)).exp() * (0.2 * f64::from(s)).cos()));
        let learned = MODELS.iter().skip(p % 3).step_by(3).enumerate().map(|(m, (label, key))| {
            let points = (0..128).map(|s| {
                let x = f64::from(s);
                let y = (-0.05 * x).exp() * ((0.2 + 0.01 * m as f64) * x).cos() + 0.01 * noise(s as usize + m);
                Point { interval: (m == 0).then_some((y - 0.05, y + 0.05)), ..Point::new(x, y) }
            });
            Series::new(*label, *key, Mark::Line, points.collect())
        });
        let truth = Series::new("true ρ", "truth", Mark::Dashed, truth.collect());
        Panel {
            title: format!("airy, α = {}", 2 * p),
            x: Axis::new("lag s", false),
            y: Axis::new("ρ(s)", false),
            series: learned.chain([truth]).collect(),
            heat: None,
        }
    });
    Figure {
        id: "learned-memory".into(),
        title: "Learned memory over true memory".into(),
        caption: "The mean Jacobian of the last output with respect to the input s steps before.".into(),
        panels: panels.collect(),
        columns: 3,
    }
}

fn losses() -> Figure {
    let panels = ["exponential, α = 0.1", "impulse, α = 32"].iter().enumerate().map(|(p, title)| {
        let all = MODELS.iter().enumerate().map(|(m, (label, key))| {
            let points = (0..40).map(|i| {
                let step = f64::from(i) * 50.0;
                let level = -step / (500.0 + 200.0 * m as f64) - p as f64 * 0.1 + 0.08 * noise(i as usize + 40 * m);
                Point::new(step, 10f64.powf(level))
            });
            Series::new(*label, *key, Mark::LinePoints, points.collect())
        });
        Panel {
            title: (*title).into(),
            x: Axis::new("step", false),
            y: Axis::new("validation NMSE", true),
            series: all.collect(),
            heat: None,
        }
    });
    Figure {
        id: "loss".into(),
        title: "Loss curves".into(),
        caption: "Validation error during training.".into(),
        panels: panels.collect(),
        columns: 2,
    }
}
