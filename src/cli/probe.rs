//! `lookback probe RUN`.

use std::path::Path;

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{Probe, RunSpec, task_kind};
use lookback_datasets::DataFolder;
use lookback_registry::{Error, ErrorKind, Result};

use super::Exit;
use super::args::ProbeArguments;
use super::out;
use crate::backends::devices::choose_devices;
use crate::backends::models::Models;
use crate::backends::{BackendTask, TrainBackend};
use crate::runs::folder::{RunFolder, read};
use crate::runs::runner::session;

/// The folder and the spec of a run that has finished.
pub(super) fn finished(path: &Path) -> Result<(RunFolder, RunSpec)> {
    let folder = RunFolder::new(path);
    let spec = folder.spec()?;
    if folder.result()?.is_none() {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "The run in `{}` has not finished; `lookback train --spec {} --out {}` carries on with it.",
                folder.path().display(),
                folder.file("spec.json").display(),
                folder.path().display()
            ),
        ));
    }
    Ok((folder, spec))
}

/// Prints the learned memory of a finished run, worked out from its weights.
pub(super) fn probe(arguments: &ProbeArguments, models: &Models) -> Result<Exit> {
    let (folder, spec) = finished(&arguments.run)?;
    let backend = arguments.backend.kind()?;
    if (task_kind(&spec.task.name)?.io)(&spec.task.params)?.single_output {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "The task `{}` has one output per sequence, and so no memory over time to show; see `lookback eval`.",
                spec.task.name
            ),
        ));
    }
    let devices = arguments.device.numbers();
    backend.check_devices(devices)?;
    let weights = read(&folder.file("weights.safetensors"))?;
    let probe = backend.dispatch(FromWeights { spec: &spec, weights, models, devices })?;
    if !arguments.csv {
        out::say(&format!("model {} on task {}, seed {}", spec.model.name, spec.task.name, spec.seed));
        out::say(&format!("{}\n", serde_json::to_string(&spec.task.params).expect("parameters serialise")));
        out::say(&format!("{:>5}  {:>11}  {:>11}  {:>11}", "lag", "rho", "jacobian", "impulse"));
    } else {
        out::say("lag,rho,jacobian,impulse");
    }
    for lag in 0..probe.jacobian.len() {
        let value = |values: &[f64]| values.get(lag).copied();
        let cells = [value(&probe.rho), value(&probe.jacobian), value(&probe.impulse)];
        if arguments.csv {
            let cells: Vec<String> =
                cells.iter().map(|cell| cell.map_or_else(String::new, |value| value.to_string())).collect();
            out::say(&format!("{lag},{}", cells.join(",")));
        } else {
            let cells: Vec<String> = cells
                .iter()
                .map(|cell| cell.map_or_else(|| format!("{:>11}", "-"), |value| format!("{value:>11.4e}")))
                .collect();
            out::say(&format!("{lag:>5}  {}", cells.join("  ")));
        }
    }
    Ok(Exit::Success)
}

struct FromWeights<'a> {
    spec: &'a RunSpec,
    weights: Vec<u8>,
    models: &'a Models,
    devices: &'a [usize],
}

impl BackendTask for FromWeights<'_> {
    type Output = Result<Probe>;

    fn run<B: TrainBackend>(self, _device: <B as BackendTypes>::Device) -> Self::Output {
        let device = choose_devices::<B>(self.devices)?.swap_remove(0);
        let mut session = session::<B>(self.spec, self.models, &DataFolder::default(), device)?;
        session.load_weights(self.weights)?;
        Ok(crate::inspect::probe::probe(&session))
    }
}
