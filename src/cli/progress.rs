//! Progress for people on standard error, or events for programs on standard output.

use indicatif::{ProgressBar, ProgressStyle};
use lookback_benchmarks::Planned;

use super::args::LogFormat;
use super::out;
use crate::runs::runner::RunEvent;
use crate::runs::sweep::{RunOutcome, SweepEvent};

/// Shows a sweep.
pub(super) struct SweepProgress {
    format: LogFormat,
    bar: Option<ProgressBar>,
    failed: usize,
    names: std::collections::HashMap<String, String>,
}

impl SweepProgress {
    /// For these runs.
    pub fn new(format: LogFormat, runs: &[Planned]) -> Self {
        let names = runs.iter().map(|run| (run.spec.id(), name(run))).collect();
        Self { format, bar: None, failed: 0, names }
    }

    /// Takes in what the sweep tells.
    pub fn observe(&mut self, event: &SweepEvent) {
        if self.format == LogFormat::Json {
            out::say_json(event);
            return;
        }
        match event {
            SweepEvent::Planned { total, done } => {
                if out::interactive() && done < total {
                    let style = "{bar:30} {pos}/{len} runs  {elapsed} elapsed, {eta} to go  {msg}";
                    let bar = ProgressBar::new(*total as u64)
                        .with_style(ProgressStyle::with_template(style).expect("the template is valid"))
                        .with_position(*done as u64);
                    bar.reset_eta();
                    bar.enable_steady_tick(std::time::Duration::from_secs(1));
                    self.bar = Some(bar);
                }
            }
            SweepEvent::Run { id, news: RunEvent::Warning { message } } => {
                self.line(&format!("warning: {}: {message}", self.name(id)));
            }
            SweepEvent::Run { .. } => {}
            SweepEvent::RunEnded { id, outcome } => self.ended(id, outcome),
        }
    }

    fn ended(&mut self, id: &str, outcome: &RunOutcome) {
        let news = match outcome {
            RunOutcome::Done { result } => {
                let metrics: Vec<String> =
                    result.metrics.iter().map(|(name, value)| format!("{name} {value:.2e}")).collect();
                format!("{}: {}", self.name(id), if metrics.is_empty() { "diverged".into() } else { metrics.join(" ") })
            }
            RunOutcome::Failed { reason } => {
                self.failed += 1;
                self.line(&format!("failed: {}: {reason}", self.name(id)));
                String::new()
            }
            RunOutcome::Stopped => return,
        };
        if let Some(bar) = &self.bar {
            bar.inc(1);
            let failed = if self.failed > 0 { format!("{} failed  ", self.failed) } else { String::new() };
            bar.set_message(format!("{failed}{news}"));
        }
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| out::complain(text)),
            None => out::complain(text),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Where the run belongs, in a few words.
pub(super) fn name(run: &Planned) -> String {
    format!("{}, seed {}", run.place.label(), run.spec.seed)
}

/// Shows a single run.
pub(super) struct RunProgress {
    format: LogFormat,
    bar: Option<ProgressBar>,
}

impl RunProgress {
    /// Nothing is shown before the run starts.
    pub fn new(format: LogFormat) -> Self {
        Self { format, bar: None }
    }

    /// Takes in what the run tells.
    pub fn observe(&mut self, event: &RunEvent) {
        if self.format == LogFormat::Json {
            out::say_json(event);
            return;
        }
        match event {
            RunEvent::Started { step, steps } => {
                if *step > 0 {
                    out::complain(&format!("Going on from step {step} of {steps}."));
                }
                if out::interactive() {
                    let style = "{bar:30} step {pos}/{len}  {elapsed} elapsed, {eta} to go  {prefix}  {msg}";
                    let bar = ProgressBar::new(*steps as u64)
                        .with_style(ProgressStyle::with_template(style).expect("the template is valid"))
                        .with_position(*step as u64);
                    bar.reset_eta();
                    self.bar = Some(bar);
                }
            }
            RunEvent::Progress { step, samples_per_second, data_share } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*step as u64);
                    let speed =
                        format!("{samples_per_second:.0} samples/s, {:.1} % waiting for data", 100.0 * data_share);
                    bar.set_prefix(speed);
                }
            }
            RunEvent::Evaluated(evaluation) => {
                let mut values: Vec<String> =
                    evaluation.metrics.iter().map(|(name, value)| format!("{name} {}", out::number(*value))).collect();
                if let Some(loss) = evaluation.train_loss {
                    values.push(format!("train loss {}", out::number(loss)));
                }
                match &self.bar {
                    Some(bar) => {
                        bar.set_position(evaluation.step as u64);
                        bar.set_message(values.join("  "));
                    }
                    None => out::complain(&format!("step {}: {}", evaluation.step, values.join("  "))),
                }
            }
            RunEvent::Warning { message } => out::complain(&format!("warning: {message}")),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
