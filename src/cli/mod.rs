//! The command line. Only here is anything printed.

mod args;
mod bench;
mod data;
mod eval;
mod finished;
mod inspect;
mod list;
mod out;
mod predict;
mod probe;
mod program;
mod progress;
mod report;
mod report_run;
mod reproduction;
mod resolve;
mod show;
mod train;
mod worker;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use lookback_registry::{Error, ErrorKind, Result};

use args::{Arguments, Command};
pub use program::Program;

/// How a command ended.
enum Exit {
    /// All went well: 0.
    Success,
    /// Some run failed: 1.
    Failure,
    /// It was stopped, and the same command goes on: 75, the system's code for "try again".
    Stopped,
}

/// The whole program on these arguments, the first of which is the program's name: parses them, carries out the command, and
/// gives the exit code (0; 1 where some run failed; 2 for a request that cannot be carried out; 75 where it was stopped and
/// can go on).
fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // This thread takes part in the work: with one thread per run, every parallel operation would otherwise hand its
    // work to another thread and wait for it. A pool that a program has set up before stays as it is.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output with code 0, mistakes to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match carry_out(arguments.command) {
        Ok(Exit::Success) => ExitCode::SUCCESS,
        Ok(Exit::Failure) => ExitCode::from(1),
        Ok(Exit::Stopped) => ExitCode::from(75),
        Err(error) => {
            out::complain(&format!("error: {}", error.chain()));
            ExitCode::from(2)
        }
    }
}

/// The name that this program was started by, for commands to be typed again.
fn program_name() -> String {
    let name = std::env::args_os().next().map(PathBuf::from);
    let name = name.as_deref().and_then(Path::file_stem).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "lookback".to_owned())
}

fn carry_out(command: Command) -> Result<Exit> {
    match command {
        Command::Bench(arguments) => bench::bench(arguments),
        Command::Train(arguments) => train::train(arguments),
        Command::Eval(arguments) => eval::eval(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments),
        Command::Inspect(arguments) => inspect::inspect(&arguments),
        Command::Data(arguments) => data::data(arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Reproduction(arguments) => reproduction::reproduction(&arguments),
        Command::Probe(arguments) => probe::probe(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), program_name(), &mut script);
            out::say_bytes(&script);
            Ok(Exit::Success)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command())
                .render(&mut page)
                .map_err(|error| Error::caused(ErrorKind::Io, "The man page cannot be made", error))?;
            out::say_bytes(&page);
            Ok(Exit::Success)
        }
        Command::Worker(arguments) => Ok(worker::worker(&arguments)),
    }
}
