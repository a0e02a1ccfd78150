//! `lookback bench SUITE`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lookback_benchmarks::{PlanRequest, Planned, SUITES, TASKS};
use lookback_registry::{Error, ErrorKind, Result};

use super::Exit;
use super::args::{BenchArguments, LogFormat};
use super::data::with_data;
use super::out;
use super::progress::SweepProgress;
use super::report::say_report;
use super::resolve::{extra_model, named, select};
use crate::backends::BackendKind;
use crate::runs::Store;
use crate::runs::store::Header;
use crate::runs::sweep::{SweepOptions, sweep};

/// Runs what is not done of a suite, then makes its report.
pub(super) fn bench(arguments: BenchArguments) -> Result<Exit> {
    let suite = SUITES.get(&arguments.suite)?.suite();
    let backend = arguments.place.backend.kind()?;
    let preset = arguments.preset;
    let request = PlanRequest {
        preset,
        seeds: arguments.seeds,
        also: arguments.also.iter().map(|text| extra_model(text)).collect::<Result<_>>()?,
        memory_functions: arguments.memory.iter().map(|text| named("memory", text)).collect::<Result<_>>()?,
    };
    let data = arguments.data.folder();
    let mut runs = select(suite.plan(&request)?, &suite.exact()?, &arguments.only)?;
    if arguments.only.is_empty() {
        runs = with_data(runs, &data)?;
    }
    if arguments.lenient {
        read_leniently(&mut runs)?;
    }
    for run in &mut runs {
        let task = &mut run.spec.task;
        TASKS.get(&task.name)?.find_data(&mut task.params, &data)?;
    }
    let jobs = match arguments.jobs {
        Some(0) => return Err(Error::invalid("--jobs", 0, "a whole number from 1 up")),
        Some(jobs) => jobs,
        None if backend.info().cpu => std::thread::available_parallelism().map_or(1, usize::from),
        None => 1,
    };
    backend.check_devices(arguments.place.device.numbers())?;

    let command = command_line();
    let store = Store::new(folder(&arguments, backend));
    let header = Header { suite: suite.info().name.to_owned(), preset, backend: backend.name().to_owned() };
    let (_, superseded) = store.extend(header, &command, &runs)?;
    if superseded > 0 {
        out::complain(&format!(
            "{superseded} runs in `{}` were planned with other settings for the same place in the grid; the report leaves \
             them out.",
            store.root().display()
        ));
    }
    let options = SweepOptions {
        backend,
        device: arguments.place.device.device,
        data: arguments.data.data,
        jobs,
        fail_fast: arguments.fail_fast,
        checkpoint_every: Duration::from_secs_f64(arguments.checkpoint_seconds),
        program: std::env::current_exe()
            .map_err(|error| Error::caused(ErrorKind::Io, "The path of this program cannot be found", error))?,
    };

    let stop = Arc::new(AtomicBool::new(false));
    super::train::on_interrupt({
        let stop = Arc::clone(&stop);
        move || {
            // A second interrupt does not wait; workers stop when their input closes.
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(1);
            }
        }
    })?;
    let mut progress = SweepProgress::new(arguments.log_format, &runs);
    let summary = sweep(&store, &runs, &options, &mut |event| progress.observe(&event), &stop)?;
    progress.finish();

    // A report that cannot be written must not hide which runs failed.
    let reported = match summary.done {
        0 if summary.total > 0 => Ok(()),
        _ => say_report(&store, arguments.log_format),
    };
    for (id, reason) in &summary.failed {
        if arguments.log_format == LogFormat::Text {
            out::complain(&format!("failed: {}: {reason}", store.run(id).path().display()));
        }
    }
    if summary.done < summary.total {
        out::complain(&format!(
            "{} of {} runs have a result{}. To carry on, run the same command again:\n  {command}",
            summary.done,
            summary.total,
            if summary.stopped { " (stopped)" } else { "" },
        ));
    }
    if let Err(error) = &reported {
        out::complain(&format!("error: {}", error.chain()));
    }
    Ok(match summary.done < summary.total {
        true if summary.stopped && summary.failed.is_empty() => Exit::Stopped,
        false if reported.is_ok() => Exit::Success,
        _ => Exit::Failure,
    })
}

/// Has the tasks that read rows skip and count malformed ones.
fn read_leniently(runs: &mut [Planned]) -> Result<()> {
    const LENIENT: &str = "lenient";
    let mut rows = runs.iter_mut().filter_map(|run| run.spec.task.params.get_mut(LENIENT)).peekable();
    if rows.peek().is_none() {
        let names: Vec<String> = TASKS
            .all()
            .iter()
            .filter(|task| (task.fields)().iter().any(|field| field.name == LENIENT))
            .map(|task| format!("`{}`", task.info.name))
            .collect();
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "No run that was asked for reads rows that could be malformed: --lenient is for task {}.",
                names.join(", ")
            ),
        ));
    }
    rows.for_each(|lenient| *lenient = true.into());
    Ok(())
}

/// The command line as one would type it again.
fn command_line() -> String {
    let quote = |word: String| {
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_=./,:+".contains(character);
        if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    let words = std::env::args().skip(1).map(quote);
    std::iter::once(super::program_name()).chain(words).collect::<Vec<_>>().join(" ")
}

/// `--out`, or `runs/SUITE-PRESET` with the backend's name where it is not the default one; the next free
/// number is added for `--fresh`.
fn folder(arguments: &BenchArguments, backend: BackendKind) -> PathBuf {
    let base = arguments.out.clone().unwrap_or_else(|| {
        let mut name = format!("{}-{}", arguments.suite, arguments.preset.name());
        if BackendKind::first().is_ok_and(|first| first != backend) {
            name = format!("{name}-{}", backend.name());
        }
        Path::new("runs").join(name)
    });
    if !arguments.fresh || !base.exists() {
        return base;
    }
    let numbered = |number: usize| {
        let mut name = base.file_name().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        base.with_file_name(name)
    };
    (2..).map(numbered).find(|path| !path.exists()).expect("numbers do not run out")
}
