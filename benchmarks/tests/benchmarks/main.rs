//! Tasks and suites as a user of the library meets them.

mod laws;
mod made_up;
mod memory_suite;
mod tasks;
