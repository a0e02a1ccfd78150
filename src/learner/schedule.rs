//! The learning rate over a run.

use lookback_benchmarks::{Schedule, TrainingConfig};
use serde::{Deserialize, Serialize};

/// What the plateau schedule and early stopping remember; part of every checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tracker {
    /// Smallest primary metric so far.
    pub best: Option<f64>,
    /// Evaluations since the best.
    pub waited: usize,
    /// Evaluations since the best or the last cut of the learning rate.
    pub since_cut: usize,
    /// Cuts of the learning rate so far.
    pub cuts: i32,
}

impl Tracker {
    /// Takes note of an evaluation.
    pub fn observe(&mut self, metric: f64, training: &TrainingConfig) {
        if self.best.is_none_or(|best| metric < best) {
            self.best = Some(metric);
            self.waited = 0;
            self.since_cut = 0;
            return;
        }
        self.waited += 1;
        self.since_cut += 1;
        if training.schedule == Schedule::Plateau && self.since_cut >= training.plateau_patience {
            self.cuts += 1;
            self.since_cut = 0;
        }
    }

    /// Whether the spec asks for the run to end here.
    pub fn stops(&self, metric: f64, training: &TrainingConfig) -> bool {
        training.stop_below.is_some_and(|target| metric < target)
            || training.stop_patience.is_some_and(|patience| self.waited >= patience)
    }
}

/// The learning rate of update `step`, counted from 0.
pub(crate) fn learning_rate(step: usize, tracker: &Tracker, training: &TrainingConfig) -> f64 {
    let peak = training.learning_rate;
    if step < training.warmup_steps {
        return peak * (step + 1) as f64 / training.warmup_steps as f64;
    }
    match training.schedule {
        Schedule::Constant => peak,
        Schedule::Cosine => {
            let span = training.steps.saturating_sub(training.warmup_steps).max(1) as f64;
            let done = ((step - training.warmup_steps) as f64 / span).min(1.0);
            let last = training.final_learning_rate.min(peak);
            last + 0.5 * (peak - last) * (1.0 + (std::f64::consts::PI * done).cos())
        }
        Schedule::Plateau => {
            (peak * training.plateau_factor.powi(tracker.cuts)).max(training.final_learning_rate.min(peak))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_warms_up_peaks_and_ends_low() {
        let training = TrainingConfig {
            steps: 110,
            warmup_steps: 10,
            learning_rate: 1.0,
            final_learning_rate: 0.1,
            ..TrainingConfig::default()
        };
        let rate = |step| learning_rate(step, &Tracker::default(), &training);
        assert_eq!(rate(0), 0.1);
        assert_eq!(rate(9), 1.0);
        assert_eq!(rate(10), 1.0);
        assert!((rate(60) - 0.55).abs() < 1e-12);
        assert!((rate(109) - 0.1).abs() < 1e-3);
    }

    #[test]
    fn plateau_cuts_after_patience_and_stops_after_stop_patience() {
        let training = TrainingConfig {
            schedule: Schedule::Plateau,
            learning_rate: 1.0,
            plateau_factor: 0.5,
            plateau_patience: 2,
            stop_patience: Some(4),
            ..TrainingConfig::default()
        };
        let mut tracker = Tracker::default();
        for (metric, rate, stops) in
            [(1.0, 1.0, false), (2.0, 1.0, false), (2.0, 0.5, false), (2.0, 0.5, false), (2.0, 0.25, true)]
        {
            tracker.observe(metric, &training);
            assert_eq!(learning_rate(0, &tracker, &training), rate);
            assert_eq!(tracker.stops(metric, &training), stops);
        }
        tracker.observe(0.5, &training);
        assert_eq!((tracker.best, tracker.waited), (Some(0.5), 0));
    }
}
