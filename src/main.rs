//! The `lookback` program.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lookback::keep_memory();
    lookback::Program::new().main()
}
