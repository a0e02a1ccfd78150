//! `lookback eval RUN`.

use lookback_benchmarks::Classification;
use lookback_registry::Result;
use serde_json::{Map, Value, json};

use super::Exit;
use super::args::EvalArguments;
use super::finished::{FinishedRun, ModelWork};
use super::out;
use crate::backends::TrainBackend;
use crate::inspect::TrainedModel;
use crate::report::terminal_table;

/// Evaluates a finished run again, from its weights.
pub(super) fn eval(arguments: &EvalArguments) -> Result<Exit> {
    let run = FinishedRun::open(&arguments.run)?;
    let (metrics, classes) = run.with_model(&arguments.place, &arguments.data.folder(), Evaluate)?;
    if arguments.json {
        let metrics: Map<String, Value> =
            metrics.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        out::say_json(&json!({"metrics": metrics, "classification": classes}));
        return Ok(Exit::Success);
    }
    out::say(&format!("model {} on task {}, seed {}", run.spec.model.name, run.spec.task.name, run.spec.seed));
    for (name, value) in metrics {
        out::say(&format!("{name}: {}", out::number(value)));
    }
    if let Some(classes) = classes {
        out::say(&format!("\n{}", terminal_table(&classes.table(), out::width())));
    }
    Ok(Exit::Success)
}

struct Evaluate;

impl ModelWork for Evaluate {
    /// Metrics by name, and for images how each class was classified.
    type Output = (Vec<(&'static str, f64)>, Option<Classification>);

    fn run<B: TrainBackend>(self, model: &TrainedModel<B>) -> Result<Self::Output> {
        let (outputs, targets) = model.predictions()?;
        let classes = model.task().images().map(|images| Classification::of(&outputs, &targets, &images.classes));
        Ok((model.task().metrics(&outputs, &targets), classes))
    }
}
