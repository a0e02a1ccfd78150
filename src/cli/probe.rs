//! `lookback probe RUN`.

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{Probe, RunSpec, TASKS};
use lookback_datasets::DataFolder;
use lookback_registry::{Error, ErrorKind, Result};

use super::Exit;
use super::args::ProbeArguments;
use super::finished::FinishedRun;
use super::out;
use crate::backends::devices::choose_devices;
use crate::backends::{BackendTask, TrainBackend};
use crate::inspect::probe::probe as probe_learner;
use crate::runs::folder::read;
use crate::runs::runner::learner;

/// Prints the learned memory of a finished run, worked out from its weights.
pub(super) fn probe(arguments: &ProbeArguments) -> Result<Exit> {
    let run = FinishedRun::open(&arguments.run)?;
    if TASKS.get(&run.spec.task.name)?.io(&run.spec.task.params)?.single_output {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "The task `{}` has one output per sequence, and so no memory over time to show; see `{} eval`.",
                run.spec.task.name,
                super::program_name()
            ),
        ));
    }
    let backend = arguments.place.backend.kind()?;
    let devices = arguments.place.device.numbers();
    backend.check_devices(devices)?;
    let weights = read(&run.folder.file("weights.safetensors"))?;
    let probe = backend.dispatch(FromWeights { spec: &run.spec, weights, devices })?;
    if !arguments.csv {
        out::say(&format!("model {} on task {}, seed {}", run.spec.model.name, run.spec.task.name, run.spec.seed));
        out::say(&format!("{}\n", serde_json::to_string(&run.spec.task.params).expect("parameters serialise")));
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
    devices: &'a [usize],
}

impl BackendTask for FromWeights<'_> {
    type Output = Result<Probe>;

    fn run<B: TrainBackend>(self, _device: <B as BackendTypes>::Device) -> Self::Output {
        let device = choose_devices::<B>(self.devices)?.swap_remove(0);
        let mut learner = learner::<B>(self.spec, &DataFolder::default(), device)?;
        learner.load_weights(self.weights)?;
        Ok(probe_learner(&learner))
    }
}
