//! Suite `sparse`: long, sparse and complicated memory.
//!
//! Source: <https://arxiv.org/abs/2402.00522>.

mod language;

use crate::experiment::ExperimentSuite;
use crate::suite::SuiteInfo;

/// The suite `sparse`.
pub fn suite() -> ExperimentSuite {
    let info = SuiteInfo {
        name: "sparse",
        title: "Long, sparse and complicated memory",
        summary: "",
        source: "https://arxiv.org/abs/2402.00522",
    };
    ExperimentSuite::new(info, language::experiments())
}
