//! `lookback train`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lookback_benchmarks::{Named, RunSpec, RunStatus, SPEC_VERSION, TrainingConfig};
use lookback_registry::{Error, Params, Result, parse, unknown_name};

use super::Exit;
use super::args::{LogFormat, TrainArguments};
use super::out;
use super::progress::RunProgress;
use super::resolve::{resolve, set_pairs, take_group};
use crate::model_list::Models;
use crate::run_folder::RunFolder;
use crate::runner::{RunEnd, RunOptions, run};

/// Trains one model on one task.
pub(super) fn train(arguments: TrainArguments, models: &Models) -> Result<Exit> {
    let backend = arguments.backend.kind()?;
    let (spec, _) = resolve(&spec(&arguments)?, models, backend)?;
    backend.check_device()?;
    let folder = RunFolder::new(match arguments.out {
        Some(path) => path,
        None => PathBuf::from("runs").join("train").join(spec.id()),
    });
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt({
        let stop = Arc::clone(&stop);
        move || stop.store(true, Ordering::Relaxed)
    })?;
    let options = RunOptions { backend, checkpoint_every: Duration::from_secs_f64(arguments.checkpoint_seconds) };
    let mut progress = RunProgress::new(arguments.log_format);
    let end =
        run(&spec, &folder, models, &options, &mut |event| progress.observe(&event), &|| stop.load(Ordering::Relaxed));
    progress.finish();
    match end? {
        RunEnd::Done(result) => {
            if arguments.log_format == LogFormat::Json {
                out::say_json(&result);
            } else {
                for (name, value) in &result.metrics {
                    out::say(&format!("{name}: {value:.4e}"));
                }
                out::say(&format!("parameters: {}", result.num_params));
                out::say(&format!("steps: {}", result.steps));
                out::say(&format!("run: {}", folder.path().display()));
            }
            Ok(match result.status {
                RunStatus::Finished => Exit::Success,
                RunStatus::Diverged => {
                    out::complain(&format!("The run diverged: its loss was not finite at step {}.", result.steps));
                    Exit::Failure
                }
            })
        }
        RunEnd::Stopped => {
            out::complain(&format!(
                "Stopped with a checkpoint. To carry on, run the same command again; the run is in `{}`.",
                folder.path().display()
            ));
            Ok(Exit::Failure)
        }
        RunEnd::Busy => Err(Error::new(format!("Another process is training in `{}`.", folder.path().display()))),
    }
}

fn spec(arguments: &TrainArguments) -> Result<RunSpec> {
    if let Some(path) = &arguments.spec {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::caused(format!("Cannot read `{}`", path.display()), error))?;
        return RunSpec::from_json(&text)
            .map_err(|error| error.context(format!("`{}` is no spec of a run", path.display())));
    }
    let mut groups = set_pairs("set", &arguments.set)?;
    let task = take_group(&mut groups, "task")?;
    let model = take_group(&mut groups, "model")?;
    let training = take_group(&mut groups, "training")?;
    if let Some(other) = groups.keys().next() {
        return Err(unknown_name("group of parameters", other, ["task", "model", "training"]));
    }
    Ok(RunSpec {
        version: SPEC_VERSION,
        task: Named { name: arguments.task.clone(), params: task },
        model: Named { name: arguments.model.clone().unwrap_or_default(), params: model },
        training: training_config(&training)?,
        seed: arguments.seed,
    })
}

fn training_config(params: &Params) -> Result<TrainingConfig> {
    let config: TrainingConfig = parse("training", params)?;
    config.validate()?;
    Ok(config)
}

/// Calls `action` on Ctrl-C and on a request to terminate.
pub(super) fn on_interrupt(action: impl FnMut() + Send + 'static) -> Result<()> {
    ctrlc::set_handler(action).map_err(|error| Error::caused("The handler for Ctrl-C cannot be installed", error))
}
