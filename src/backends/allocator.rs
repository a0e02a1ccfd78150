//! What the allocator does with the memory of a training step.

/// mimalloc's option for the time, in milliseconds, after which free memory goes back to the system; never for -1.
const OPTION: &str = "MIMALLOC_PURGE_DELAY";

/// Starts the program anew in the same process, with a mimalloc that keeps free memory, unless the environment says how
/// long it does.
///
/// Every training step takes up the memory that the one before has freed. Given back and taken again once a second,
/// its pages are cleared by the system each time: up to a third of the steps of large models. mimalloc reads
/// its options before `main`, from the environment alone.
///
/// To be called before anything else. Does nothing where a process cannot be replaced (on Windows), or cannot be
/// started again.
pub fn keep_memory() {
    #[cfg(unix)]
    if std::env::var_os(OPTION).is_none()
        && let Ok(program) = std::env::current_exe()
    {
        use std::os::unix::process::CommandExt;
        let mut arguments = std::env::args_os();
        let mut command = std::process::Command::new(program);
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        // Comes back with an error only, and then the program runs as it is.
        let _error = command.args(arguments).env(OPTION, "-1").exec();
    }
}
