//! A program of one's own.

use std::ffi::OsString;
use std::process::ExitCode;

use lookback_benchmarks::tasks::TaskConfig;
use lookback_benchmarks::{RECIPES, Recipe, SUITES, Suite, SuiteEntry};
use lookback_datasets::{DATA_SETS, DataSetEntry, MEMORY_FUNCTIONS, MemoryConfig, MemoryFunctionEntry};
use lookback_models::ModelConfig;

use crate::backends::{add_model, add_task};

/// The command line with entries of one's own: every command (list, show, train, bench, report, ..) knows them like the
/// library's.
///
/// ```no_run
/// # use lookback::models::lstm::LstmConfig as Mine;
/// fn main() -> std::process::ExitCode {
///     lookback::Program::new().model::<Mine>().main()
/// }
/// ```
///
/// A sweep starts the same program again for each run (command `worker`), so the entries must be added whatever the
/// arguments are.
#[derive(Debug, Default)]
#[must_use = "a program does nothing before `main`"]
pub struct Program(());

impl Program {
    /// The library's own entries.
    pub fn new() -> Self {
        Self(())
    }

    /// Adds a model; one of the same name is replaced.
    pub fn model<C: ModelConfig>(self) -> Self {
        add_model::<C>();
        self
    }

    /// Adds a memory function; one of the same name is replaced.
    pub fn memory_function<C: MemoryConfig>(self) -> Self {
        MEMORY_FUNCTIONS.add(MemoryFunctionEntry::of::<C>());
        self
    }

    /// Adds a task; one of the same name is replaced.
    pub fn task<C: TaskConfig>(self) -> Self {
        add_task::<C>();
        self
    }

    /// Adds a recipe; one of the same name is replaced.
    pub fn recipe(self, recipe: Recipe) -> Self {
        RECIPES.add(recipe);
        self
    }

    /// Adds a suite; one of the same name is replaced.
    pub fn suite(self, suite: Suite) -> Self {
        SUITES.add(SuiteEntry::new(move || suite.clone()));
        self
    }

    /// Adds a data set of files; one of the same name is replaced.
    pub fn data_set(self, data_set: DataSetEntry) -> Self {
        DATA_SETS.add(data_set);
        self
    }

    /// Carries out the command that the process was started with, and gives the exit code.
    pub fn main(self) -> ExitCode {
        super::main(std::env::args_os())
    }

    /// Carries out this command, e.g. `["bench", "mine", "--preset", "smoke"]`: plans, sweeps and reports in one call. A
    /// process that was started as a sweep's worker carries out its run instead.
    pub fn main_with<A: Into<OsString>>(self, arguments: impl IntoIterator<Item = A>) -> ExitCode {
        if std::env::args_os().nth(1).is_some_and(|first| first == "worker") {
            return self.main();
        }
        let name = std::env::args_os().next().unwrap_or_else(|| "lookback".into());
        super::main(std::iter::once(name).chain(arguments.into_iter().map(Into::into)))
    }
}
