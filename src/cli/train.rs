//! `lookback train`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lookback_benchmarks::{Named, RunSpec, RunStatus, SPEC_VERSION, TASKS, TrainingConfig, recipe_or_model};
use lookback_datasets::DataFolder;
use lookback_registry::{Error, ErrorKind, Params, Result, parse};

use super::Exit;
use super::args::{LogFormat, TrainArguments};
use super::out;
use super::progress::RunProgress;
use super::resolve::{resolve, set_pairs, take_group};
use crate::runs::RunFolder;
use crate::runs::runner::{RunEnd, RunOptions, run};

/// Time between news of a run.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Trains one model on one task.
pub(super) fn train(arguments: TrainArguments) -> Result<Exit> {
    let backend = arguments.place.backend.kind()?;
    let mut spec = resolve(&spec(&arguments)?)?;
    TASKS.get(&spec.task.name)?.find_data(&mut spec.task.params, &arguments.data.folder())?;
    let devices = [arguments.place.device.numbers(), &arguments.devices].concat();
    backend.check_devices(&devices)?;
    let folder = RunFolder::new(match arguments.out {
        Some(path) => path,
        None => PathBuf::from("runs").join("train").join(spec.id()),
    });
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt({
        let stop = Arc::clone(&stop);
        move || stop.store(true, Ordering::Relaxed)
    })?;
    let options = RunOptions {
        backend,
        devices,
        data: arguments.data.folder(),
        loaders: arguments.loaders,
        checkpoint_every: Duration::from_secs_f64(arguments.checkpoint_seconds),
        progress_every: Some(PROGRESS_EVERY),
    };
    let mut progress = RunProgress::new(arguments.log_format);
    let end = run(&spec, &folder, &options, &mut |event| progress.observe(&event), &|| stop.load(Ordering::Relaxed));
    progress.finish();
    match end? {
        RunEnd::Done(result) => {
            if arguments.log_format == LogFormat::Json {
                out::say_json(&result);
            } else {
                for (name, value) in &result.metrics {
                    out::say(&format!("{name}: {}", out::number(*value)));
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
            Ok(Exit::Stopped)
        }
        RunEnd::Busy => {
            Err(Error::new(ErrorKind::Busy, format!("Another process is training in `{}`.", folder.path().display())))
        }
    }
}

fn spec(arguments: &TrainArguments) -> Result<RunSpec> {
    if let Some(path) = &arguments.spec {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        return RunSpec::from_json(&text)
            .map_err(|error| error.context(format!("`{}` is no spec of a run", path.display())));
    }
    let mut groups = set_pairs("set", &arguments.set)?;
    let mut task = take_group(&mut groups, "task")?;
    let mut model = take_group(&mut groups, "model")?;
    let mut training = take_group(&mut groups, "training")?;
    if let Some(other) = groups.keys().next() {
        return Err(Error::unknown_name("group of parameters", other, ["task", "model", "training"]));
    }
    let found = match &arguments.name {
        Some(name) => recipe_or_model(name)?,
        None => None,
    };
    // Another task than the recipe's has other sizes: only the model is left of it.
    let found = found.filter(|found| arguments.task.as_ref().is_none_or(|task| task == found.task));
    let (mut task_name, mut model_name) = ("memory", arguments.name.as_deref().or(arguments.model.as_deref()));
    if let Some(recipe) = &found {
        (task_name, model_name) = (recipe.task, Some(recipe.model));
        let [recipe_task, recipe_model, recipe_training] = recipe.params();
        for (base, set) in [(recipe_task, &mut task), (recipe_model, &mut model), (recipe_training, &mut training)] {
            // What was set stands above the recipe.
            let own = std::mem::replace(set, base);
            set.extend(own);
        }
    }
    let task = Named { name: arguments.task.clone().unwrap_or_else(|| task_name.to_owned()), params: task };
    let epochs = arguments.epochs.or(found.map(|recipe| recipe.epochs));
    if let Some(epochs) = epochs {
        let warmup = found.map_or(0.0, |recipe| recipe.warmup_epochs);
        in_epochs(&mut training, epochs, warmup, &task)?;
    }
    Ok(RunSpec {
        version: SPEC_VERSION,
        task,
        model: Named { name: model_name.unwrap_or_default().to_owned(), params: model },
        training: training_config(&training)?,
        seed: arguments.seed,
    })
}

/// Fills in the steps of a training that is told in epochs, with an evaluation after each; what stands there stays.
fn in_epochs(training: &mut Params, epochs: f64, warmup: f64, task: &Named) -> Result<()> {
    // The number needs no data.
    let built = TASKS.get(&task.name)?.task(&task.params, &DataFolder::default())?;
    let Some(samples) = built.epoch() else {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "The task `{}` streams its samples and has no epochs; set training.steps instead of --epochs.",
                task.name
            ),
        ));
    };
    let batch_size = training_config(training)?.batch_size;
    let steps = |epochs: f64| ((epochs * samples as f64) as usize / batch_size).max(1);
    let warmup = if warmup > 0.0 { steps(warmup.min(epochs)) } else { 0 };
    for (field, value) in [("steps", steps(epochs)), ("warmup_steps", warmup), ("eval_every", steps(1.0))] {
        training.entry(field).or_insert_with(|| value.into());
    }
    Ok(())
}

fn training_config(params: &Params) -> Result<TrainingConfig> {
    let config: TrainingConfig = parse("the training", params)?;
    config.validate().map_err(|error| error.of_parameters("the training"))?;
    Ok(config)
}

/// Calls `action` on Ctrl-C and on a request to terminate.
pub(super) fn on_interrupt(action: impl FnMut() + Send + 'static) -> Result<()> {
    ctrlc::set_handler(action)
        .map_err(|error| Error::caused(ErrorKind::Io, "The handler for Ctrl-C cannot be installed", error))
}
