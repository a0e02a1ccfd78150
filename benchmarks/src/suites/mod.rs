//! The list of suites.

pub mod depth;
pub mod heads;
pub mod memory;
pub mod rank;
pub mod sparse;
mod synthetic;

use lookback_registry::Registry;

use crate::experiment::SuiteEntry;

/// The list of suites. Adding one is one folder, its `mod` line, and one line here.
pub static SUITES: Registry<SuiteEntry> = Registry::new(|| {
    vec![
        SuiteEntry::new(memory::suite),
        SuiteEntry::new(heads::suite),
        SuiteEntry::new(depth::suite),
        SuiteEntry::new(rank::suite),
        SuiteEntry::new(sparse::suite),
        SuiteEntry::new(synthetic::suite),
    ]
});
