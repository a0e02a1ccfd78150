//! The command line. Only here is anything printed.

mod args;
mod bench;
mod data;
mod eval;
mod inspect;
mod list;
mod out;
mod predict;
mod probe;
mod progress;
mod report;
mod report_run;
mod reproduction;
mod resolve;
mod show;
mod train;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use lookback_registry::{Error, ErrorKind, Result};

use crate::backends::models::Models;
use args::{Arguments, Command};

/// How a command ended; its exit code.
enum Exit {
    /// All went well: 0.
    Success,
    /// Some run failed or was stopped: 1.
    Failure,
}

/// The whole program with the models of `models`: parses the arguments, carries out the command, and gives the
/// exit code (0; 1 where some run failed; 2 for a usage error).
///
/// Call it from `main` with models of your own added, and every command knows them.
pub fn main(models: &Models) -> ExitCode {
    // This thread takes part in the work: with one thread per run, every parallel operation would otherwise hand its
    // work to another thread and wait for it. A pool that a program has set up before stays as it is.
    let _ = rayon::ThreadPoolBuilder::new().use_current_thread().build_global();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output with code 0, mistakes to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match carry_out(arguments.command, models) {
        Ok(Exit::Success) => ExitCode::SUCCESS,
        Ok(Exit::Failure) => ExitCode::from(1),
        Err(error) => {
            out::complain(&format!("error: {}", error.chain()));
            ExitCode::from(2)
        }
    }
}

fn carry_out(command: Command, models: &Models) -> Result<Exit> {
    match command {
        Command::Bench(arguments) => bench::bench(arguments, models),
        Command::Train(arguments) => train::train(arguments, models),
        Command::Eval(arguments) => eval::eval(&arguments, models),
        Command::Predict(arguments) => predict::predict(&arguments, models),
        Command::Inspect(arguments) => inspect::inspect(&arguments, models),
        Command::Data(arguments) => data::data(arguments),
        Command::List(arguments) => list::list(&arguments, models),
        Command::Show(arguments) => show::show(&arguments, models),
        Command::Report(arguments) => report::report(&arguments, models),
        Command::Reproduction(arguments) => reproduction::reproduction(&arguments, models),
        Command::Probe(arguments) => probe::probe(&arguments, models),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "lookback", &mut script);
            out::say_bytes(&script);
            Ok(Exit::Success)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command())
                .render(&mut page)
                .map_err(|error| Error::caused(ErrorKind::Usage, "The man page cannot be made", error))?;
            out::say_bytes(&page);
            Ok(Exit::Success)
        }
        Command::Worker(arguments) => Ok(worker::worker(&arguments, models)),
    }
}
