//! One run of a sweep, in a process of its own; speaks JSON lines on standard output.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lookback_registry::Result;

use super::Exit;
use super::args::WorkerArguments;
use super::out;
use crate::runs::RunFolder;
use crate::runs::runner::{RunEnd, RunOptions, run};
use crate::runs::sweep::{EXIT_BUSY, EXIT_STOPPED, WorkerLine};

/// Carries out the run; the exit code says how it ended.
pub(super) fn worker(arguments: &WorkerArguments) -> Exit {
    match work(arguments) {
        Ok(RunEnd::Done(_)) => Exit::Success,
        Ok(RunEnd::Busy) => std::process::exit(EXIT_BUSY),
        Ok(RunEnd::Stopped) => std::process::exit(EXIT_STOPPED),
        Err(error) => {
            out::say_json(&WorkerLine::Failed { failed: error.chain() });
            Exit::Failure
        }
    }
}

fn work(arguments: &WorkerArguments) -> Result<RunEnd> {
    let stop = Arc::new(AtomicBool::new(false));
    // An interrupt reaches the whole process group; the sweep is the one to answer it, by closing our input.
    super::train::on_interrupt(|| {})?;
    std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            // Nothing is ever sent: this returns when the sweep closes the pipe or is gone.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            stop.store(true, Ordering::Relaxed);
        }
    });
    let folder = RunFolder::new(&arguments.folder);
    let options = RunOptions {
        devices: arguments.place.device.numbers().to_vec(),
        data: arguments.data.folder(),
        checkpoint_every: Duration::from_secs_f64(arguments.checkpoint_seconds),
        ..RunOptions::new(arguments.place.backend.kind()?)
    };
    run(&folder.spec()?, &folder, &options, &mut |event| out::say_json(&WorkerLine::Event(event)), &|| {
        stop.load(Ordering::Relaxed)
    })
}
