//! The figures of one run: how it was trained, what it remembers.

use lookback_benchmarks::Probe;
use lookback_benchmarks::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};

use crate::learner::Evaluation;

/// Metrics that are losses of the same kind as the one of the training, with their names for people.
const LOSSES: [(&str, &str); 2] = [("cross_entropy", "cross entropy, validation"), ("mse", "MSE, validation")];
/// Shares of right samples; the error says the same as the first of them.
const SHARES: [(&str, &str); 2] = [("accuracy", "accuracy"), ("top5_accuracy", "among the first 5")];

/// A logarithmic axis where positive values span more than a factor of 10.
fn fitting(label: &str, series: &[Series]) -> Axis {
    let values = || series.iter().flat_map(|one| &one.points).map(|point| point.y);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    Axis::new(label, low > 0.0 && high > 10.0 * low)
}

/// Loss, metrics and learning rate over the training; `epoch` is the number of updates of an epoch, for a task that
/// has epochs.
pub(super) fn training(curve: &[Evaluation], epoch: Option<f64>) -> Figure {
    let x = if epoch.is_some() { "epoch" } else { "update" };
    let over = |value: &dyn Fn(&Evaluation) -> Option<f64>| -> Vec<Point> {
        let at = |one: &Evaluation| one.step as f64 / epoch.unwrap_or(1.0);
        curve.iter().filter_map(|one| Some(Point::new(at(one), value(one)?))).collect()
    };
    let metric = |name: &str| over(&|one| one.metrics.get(name).copied());
    let named = |names: &[(&str, &str)], first: usize| -> Vec<Series> {
        let all = names.iter().enumerate();
        all.map(|(number, (name, label))| {
            Series::new(*label, format!("#{}", first + number), Mark::LinePoints, metric(name))
        })
        .filter(|series| !series.points.is_empty())
        .collect()
    };
    let panel = |title: &str, series: Vec<Series>| Panel::new(title, Axis::new(x, false), fitting("", &series), series);

    let mut losses = vec![Series::new("loss, training", "#0", Mark::LinePoints, over(&|one| one.train_loss))];
    losses.extend(named(&LOSSES, 4));
    let mut panels = vec![panel("loss", losses)];
    let shares = named(&SHARES, 2);
    let skipped: &[&str] = if shares.is_empty() { &[] } else { &["error"] };
    if !shares.is_empty() {
        panels.push(panel("share of right samples", shares));
    }
    let known = |name: &str| LOSSES.iter().chain(&SHARES).any(|(known, _)| *known == name);
    let names: std::collections::BTreeSet<&str> =
        curve.iter().flat_map(|one| one.metrics.keys().map(String::as_str)).collect();
    for name in names.into_iter().filter(|name| !known(name) && !skipped.contains(name)) {
        let label = name.replace('_', " ");
        let points = metric(name);
        panels.push(panel(&label, vec![Series::new(label.as_str(), "#6", Mark::LinePoints, points)]));
    }
    let rate = over(&|one| Some(one.learning_rate));
    let rate = vec![Series::new("learning rate", "reference", Mark::Line, rate)];
    panels.push(Panel::new("learning rate", Axis::new(x, false), Axis::new("", false), rate));
    Figure {
        id: "training".to_owned(),
        title: "Training".to_owned(),
        caption: "At each evaluation: the mean loss of the training since the evaluation before, with augmentation, \
                  smoothed labels and dropout where there are any; the metrics on the validation split, without them; \
                  the learning rate of the last update."
            .to_owned(),
        columns: panels.len().min(3),
        panels,
    }
}

/// What a sequence model remembers, and how firmly.
pub(super) fn memory(probe: &Probe) -> Figure {
    let over_lags = |values: &[f64]| {
        values.iter().enumerate().map(|(lag, value)| Point::new(lag as f64, *value)).collect::<Vec<_>>()
    };
    let panel = |title: &str, x: Axis, y: Axis, all: Vec<Series>| {
        Panel::new(title, x, y, all.into_iter().filter(|series| !series.points.is_empty()).collect())
    };
    let stability: Vec<Point> = probe.stability.iter().map(|(beta, nmse)| Point::new(*beta, *nmse)).collect();
    let stability = vec![Series::new("perturbed weights", "#3", Mark::LinePoints, stability)];
    Figure {
        id: "memory".to_owned(),
        title: "Learned memory".to_owned(),
        caption:
            "Learned memory: the mean Jacobian of the last output with respect to the input s steps before, and the \
                  response to a unit impulse, beside the true memory. Memory function M(t): the largest change at time \
                  t of the response to constant inputs, relative to their size. Stability: the NMSE under the worst of \
                  several random perturbations of the weights, over their size."
                .to_owned(),
        columns: 3,
        panels: vec![
            panel(
                "learned memory",
                Axis::new("lag s", false),
                Axis::new("", false),
                vec![
                    Series::new("Jacobian", "#0", Mark::Line, over_lags(&probe.jacobian)),
                    Series::new("impulse response", "#1", Mark::Line, over_lags(&probe.impulse)),
                    Series::new("true memory", "truth", Mark::Dashed, over_lags(&probe.rho)),
                ],
            ),
            panel(
                "memory function",
                Axis::new("time t", false),
                Axis::new("", true),
                vec![Series::new("M(t)", "#2", Mark::Line, over_lags(&probe.memory_function))],
            ),
            panel("stability", Axis::new("size of the perturbation", true), fitting("", &stability), stability),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(metrics: &[(&str, f64)]) -> Vec<Evaluation> {
        let metrics = metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let first = Evaluation { step: 10, train_loss: Some(2.0), learning_rate: 1e-3, metrics };
        vec![first.clone(), Evaluation { step: 20, train_loss: None, ..first }]
    }

    fn titles(figure: &Figure) -> Vec<&str> {
        figure.panels.iter().map(|panel| panel.title.as_str()).collect()
    }

    #[test]
    fn metrics_are_with_their_kind_and_each_once() {
        let metrics = [("accuracy", 0.5), ("top5_accuracy", 0.9), ("error", 0.5), ("cross_entropy", 1.5)];
        let figure = training(&curve(&metrics), Some(5.0));
        assert_eq!(titles(&figure), ["loss", "share of right samples", "learning rate"]);
        let loss = &figure.panels[0];
        assert_eq!(loss.x.label, "epoch");
        assert_eq!(loss.series[0].points, [Point::new(2.0, 2.0)]);
        assert_eq!(loss.series[1].points, [Point::new(2.0, 1.5), Point::new(4.0, 1.5)]);

        let figure = training(&curve(&[("nmse", 0.2), ("mse", 0.1), ("error", 0.1)]), None);
        assert_eq!(titles(&figure), ["loss", "error", "nmse", "learning rate"]);
        assert_eq!(figure.panels[0].x.label, "update");
        assert!(figure.panels[0].y.log && !figure.panels[1].y.log);
    }
}
