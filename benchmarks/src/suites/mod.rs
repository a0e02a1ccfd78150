//! The list of suites.

pub mod depth;
pub mod heads;
pub mod memory;
pub mod rank;
pub mod sparse;
pub mod synthetic;

use lookback_registry::{Error, Result};

use crate::suite::Suite;

/// The list of suites. Adding one is one file, its `mod` line, and one line here.
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(memory::MemorySuite),
        Box::new(heads::suite()),
        Box::new(depth::suite()),
        Box::new(rank::suite()),
        Box::new(sparse::suite()),
        Box::new(synthetic::SyntheticSuite::default()),
    ]
}

/// The suite named `name`.
///
/// # Errors
/// The name is unknown: lists the known ones, nearest first.
pub fn suite(name: &str) -> Result<Box<dyn Suite>> {
    let mut all = suites();
    match all.iter().position(|suite| suite.info().name == name) {
        Some(index) => Ok(all.swap_remove(index)),
        None => Err(Error::unknown_name("suite", name, all.iter().map(|suite| suite.info().name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_found_by_name() {
        assert_eq!(suite("memory").unwrap().info().name, "memory");
        let error = suite("memry").err().unwrap();
        assert_eq!(
            error.to_string(),
            "There is no suite named `memry`. Did you mean `memory`? Known: memory, heads, depth, rank, sparse, synthetic."
        );
    }
}
