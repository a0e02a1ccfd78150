//! Tasks and suites as a user of the library meets them.

mod laws;
mod memory_suite;
mod tasks;
